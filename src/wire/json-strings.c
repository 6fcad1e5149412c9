/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An array of strings, such as a command line, read at once into memory of its own. What cannot be
 * an argument is refused: a NUL, and a surrogate that no bytes stand for.
 */
#include "wire/json-strings.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/text.h"
#include "wire/json-reader.h"

/* What has been read. */
struct strings {
        struct arena *arena;
        const char **items;
        size_t n_items;
        size_t n_room;
        struct text item; /* the one that is being read */
        bool is_begun;
        const char *reason; /* of JSON_E_BAD */
};

static int bad(struct strings *strings, const char *reason)
{
        strings->reason = reason;
        return JSON_E_BAD;
}

/* Makes room for one more and a NULL. */
static int reserve(struct strings *strings)
{
        size_t n_more = strings->n_items + 8;
        const char **items;

        if (strings->n_room - strings->n_items >= 2)
                return 0;
        items = arena_grow_array(strings->arena, strings->items, strings->n_items, n_more,
                                 sizeof(*items));
        if (!items)
                return err_origin(-ENOMEM);
        strings->items = items;
        strings->n_room = strings->n_items + n_more;
        return 0;
}

static int add_item(struct strings *strings)
{
        const struct text *item = &strings->item;
        const char *copy;
        int r;

        if (item->broken)
                return err_origin(-ENOMEM);
        if (memchr(text_get(item), '\0', item->n_bytes))
                return bad(strings, "a NUL in a string");
        if (strings->n_items == JSON_STRINGS_MAX)
                return bad(strings, "too many strings");
        r = reserve(strings);
        if (r)
                return err_trace(r);
        copy = arena_copy(strings->arena, text_get(item), item->n_bytes);
        if (!copy)
                return err_origin(-ENOMEM);
        strings->items[strings->n_items++] = copy;
        return 0;
}

static int take_token(struct strings *strings, const struct json_token *token)
{
        if (!strings->is_begun) {
                strings->is_begun = true;
                return token->type == JSON_ARRAY ? 0 : bad(strings, "not an array");
        }
        switch (token->type) {
        case JSON_STRING:
                strings->item.n_bytes = 0;
                return 0;
        case JSON_TEXT:
                text_put(&strings->item, token->text, token->n_bytes);
                return 0;
        case JSON_STRING_END:
                return token->is_unencodable ? bad(strings, "a lone surrogate") : add_item(strings);
        case JSON_ARRAY_END:
                return 0;
        case JSON_NULL:
        case JSON_TRUE:
        case JSON_FALSE:
        case JSON_NUMBER:
        case JSON_ARRAY:
        case JSON_OBJECT:
        case JSON_OBJECT_END:
                break;
        }
        return bad(strings, "not a string");
}

static int read_all(struct strings *strings, const char *text, size_t n_bytes)
{
        const char *end = text + n_bytes;
        struct json_reader reader;
        struct json_token token;
        int r;

        json_reader_init(&reader);
        for (;;) {
                r = json_reader_next(&reader, &text, end, &token);
                if (r)
                        break;
                r = take_token(strings, &token);
                if (r)
                        return err_trace(r);
        }
        if (r == JSON_E_MORE)
                r = json_reader_finish(&reader);
        return r ? bad(strings, reader.reason) : 0;
}

/**
 * json_read_strings() - read one array of strings
 * @text:          JSON in UTF-8, and nothing behind it but blanks
 * @n_bytes:       its length
 * @arena:         where the strings go
 * @ret_strings:   NULL-terminated
 * @reterr_reason: for JSON_E_BAD: why, a static string
 *
 * Return: 0, JSON_E_BAD or -ENOMEM
 */
int json_read_strings(const char *text,
                      size_t n_bytes,
                      struct arena *arena,
                      const char ***ret_strings,
                      const char **reterr_reason)
{
        struct strings strings = { .arena = arena };
        int r;

        r = reserve(&strings);
        if (!r)
                r = read_all(&strings, text, n_bytes);
        text_deinit(&strings.item);
        if (r == JSON_E_BAD)
                *reterr_reason = strings.reason;
        if (r)
                return err_trace(r);
        strings.items[strings.n_items] = NULL;
        *ret_strings = strings.items;
        return 0;
}
