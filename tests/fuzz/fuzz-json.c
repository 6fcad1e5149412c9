/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte decides where the rest is cut. Read as JSON, in pieces it is the same as whole.
 * Written as JSON, in pieces it is the same as whole, as long as it was counted to be, what
 * text_put_json() writes, and when it is read again, what it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/json-text.h"
#include "util/text.h"
#include "wire/json-escape.h"
#include "wire/json-reader.h"
#include "wire/json-strings.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define BYTES_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Return: a piece of the rest, in memory of its own, to be freed; of @n_piece bytes at most */
static char *copy_piece(const char *rest, size_t n_rest, size_t n_piece, size_t *ret_n)
{
        char *copy;

        *ret_n = n_rest < n_piece ? n_rest : n_piece;
        copy = malloc(*ret_n);
        ORACLE(copy);
        memcpy(copy, rest, *ret_n);
        return copy;
}

/* Writes down what is no text as a letter, so that nothing of the text looks like it. */
static void write_token(struct text *seen, const struct json_token *token)
{
        if (token->type != JSON_TEXT) {
                text_put_char(seen, (char)('\x01' + (char)token->type));
                text_put_char(seen, token->is_key ? 'k' : 'v');
                text_put_char(seen, token->is_unencodable ? '!' : ' ');
                return;
        }
        ORACLE(token->n_bytes);
        text_put(seen, token->text, token->n_bytes);
}

/* Return: as json_reader_finish(); @reader says why */
static int read_json(struct json_reader *reader,
                     const char *text,
                     size_t n_text,
                     size_t n_piece,
                     struct text *seen)
{
        int r = JSON_E_MORE;
        size_t at;
        size_t n;

        json_reader_init(reader);
        for (at = 0; at < n_text && r == JSON_E_MORE; at += n) {
                char *piece = copy_piece(text + at, n_text - at, n_piece, &n);
                const char *next = piece;
                struct json_token token;

                while ((r = json_reader_next(reader, &next, piece + n, &token)) == 0)
                        write_token(seen, &token);
                ORACLE(r == JSON_E_BAD || next == piece + n);
                free(piece);
        }
        if (r == JSON_E_MORE)
                r = json_reader_finish(reader);
        ORACLE(r == 0 || (r == JSON_E_BAD && reader->reason));
        return r;
}

static void check_reader(const char *text, size_t n_text, size_t n_piece)
{
        cleanup_text struct text whole = { 0 };
        cleanup_text struct text pieces = { 0 };
        struct json_reader reader;
        const char *reason;
        int r;

        r = read_json(&reader, text, n_text, n_text, &whole);
        reason = reader.reason;
        ORACLE(read_json(&reader, text, n_text, n_piece, &pieces) == r);
        if (r)
                ORACLE(strcmp(reason, reader.reason) == 0);
        else
                ORACLE(whole.n_bytes == pieces.n_bytes &&
                       memcmp(whole.data, pieces.data, whole.n_bytes) == 0);
}

/* An array of strings, written and read again, is the same. */
static void check_strings(const char *text, size_t n_text)
{
        cleanup_text struct text written = { 0 };
        struct arena arena = { 0 };
        const char *reason = NULL;
        const char **strings;
        const char **again;
        size_t i;
        int r;

        r = json_read_strings(text, n_text, &arena, &strings, &reason);
        ORACLE(r == 0 || (r == JSON_E_BAD && reason));
        if (!r) {
                text_put_json_strings(&written, strings);
                ORACLE(json_read_strings(text_get(&written), written.n_bytes, &arena, &again,
                                         &reason) == 0);
                for (i = 0; strings[i]; i++)
                        ORACLE(again[i] && strcmp(strings[i], again[i]) == 0);
                ORACLE(!again[i]);
        }
        arena_deinit(&arena);
}

/* Return: how long it was counted to be */
static uint64_t count(const char *bytes, size_t n_bytes, size_t n_piece)
{
        struct json_escape escape = { 0 };
        uint64_t n_count = 0;
        size_t at;
        size_t n;

        for (at = 0; at < n_bytes; at += n) {
                char *piece = copy_piece(bytes + at, n_bytes - at, n_piece, &n);

                json_escape_count(&escape, piece, n, &n_count);
                free(piece);
        }
        json_escape_count_end(&escape, &n_count);
        return n_count;
}

/* Appends, with room for so much at a time. */
static void write_json(const char *bytes,
                       size_t n_bytes,
                       size_t n_piece,
                       size_t n_room,
                       struct text *json)
{
        struct json_escape escape = { 0 };
        char *room = malloc(n_room);
        size_t n_taken;
        size_t at;
        size_t n;

        ORACLE(room);
        for (at = 0; at < n_bytes; at += n_taken) {
                char *piece = copy_piece(bytes + at, n_bytes - at, n_piece, &n);
                size_t n_out;

                n_out = json_escape_put(&escape, piece, n, &n_taken, room, n_room);
                ORACLE(n_taken && n_taken <= n && n_out <= n_room);
                text_put(json, room, n_out);
                free(piece);
        }
        text_put(json, room, json_escape_end(&escape, room, n_room));
        free(room);
}

static void check_read_back(const struct text *json, const char *bytes, size_t n_bytes)
{
        cleanup_text struct text seen = { 0 };
        struct json_reader reader;

        /* Six bytes around: the string's begin and its end. */
        ORACLE(read_json(&reader, json->data, json->n_bytes, json->n_bytes, &seen) == 0);
        ORACLE(seen.n_bytes == n_bytes + 6 && memcmp(seen.data + 3, bytes, n_bytes) == 0);
        ORACLE(seen.data[n_bytes + 5] == ' ');
}

static void check_escape(const char *bytes, size_t n_bytes, size_t n_piece)
{
        cleanup_text struct text want = { 0 };
        cleanup_text struct text whole = { 0 };
        cleanup_text struct text pieces = { 0 };

        text_put_json(&want, bytes, n_bytes);
        text_put_char(&whole, '"');
        write_json(bytes, n_bytes, n_bytes, 65536, &whole);
        text_put_char(&whole, '"');
        text_put_char(&pieces, '"');
        write_json(bytes, n_bytes, n_piece, JSON_ESCAPE_ROOM_BYTES - 1 + n_piece * n_piece,
                   &pieces);
        text_put_char(&pieces, '"');
        ORACLE(strcmp(text_get(&want), text_get(&whole)) == 0);
        ORACLE(strcmp(text_get(&want), text_get(&pieces)) == 0);
        ORACLE(count(bytes, n_bytes, n_bytes) == want.n_bytes - 2);
        ORACLE(count(bytes, n_bytes, n_piece) == want.n_bytes - 2);
        check_read_back(&want, bytes, n_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        size_t n_piece;

        if (!n_bytes || n_bytes > BYTES_MAX)
                return 0;
        n_piece = bytes[0] % 64u + 1;
        check_reader((const char *)bytes + 1, n_bytes - 1, n_piece);
        check_strings((const char *)bytes + 1, n_bytes - 1);
        check_escape((const char *)bytes + 1, n_bytes - 1, n_piece);
        return 0;
}
