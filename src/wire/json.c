/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte string is written as json.dumps(os.fsdecode(bytes)) writes it: pure ASCII, what is not
 * UTF-8 as \udcXX. It is read back the same way: escaped pairs of surrogates combine, a lone
 * U+DC80..U+DCFF is its byte, any other lone surrogate and a NUL are errors, since no argument can
 * hold them.
 */
#include "wire/json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/text.h"
#include "util/utf8.h"

/**
 * json_put_string() - append a string, quoted
 * @text:    where to
 * @bytes:   any bytes
 * @n_bytes: how many
 */
void json_put_string(struct text *text, const char *bytes, size_t n_bytes)
{
        static const char plain[] = "\b\f\n\r\t\"\\";
        static const char escapes[] = "bfnrt\"\\";
        const char *found;
        uint32_t code;
        size_t at = 0;

        text_put_char(text, '"');
        while (at < n_bytes) {
                at += utf8_next(bytes + at, n_bytes - at, &code);
                found = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
                if (found)
                        text_printf(text, "\\%c", escapes[found - plain]);
                else if (code >= 0x20 && code < 0x7F)
                        text_put_char(text, (char)code);
                else if (code < 0x10000)
                        text_printf(text, "\\u%04x", (unsigned int)code);
                else
                        text_printf(text, "\\u%04x\\u%04x",
                                    0xD800u + (unsigned int)((code - 0x10000) >> 10),
                                    0xDC00u + (unsigned int)((code - 0x10000) & 0x3FFu));
        }
        text_put_char(text, '"');
}

/**
 * json_put_string_or_null() - append a string, or null
 * @text:   where to
 * @string: NUL-terminated, or NULL
 */
void json_put_string_or_null(struct text *text, const char *string)
{
        if (string)
                json_put_string(text, string, strlen(string));
        else
                text_put_string(text, "null");
}

/**
 * json_put_strings() - append an array of strings, or null
 * @text:    where to
 * @strings: NULL-terminated, or NULL
 */
void json_put_strings(struct text *text, const char *const *strings)
{
        size_t i;

        if (!strings) {
                text_put_string(text, "null");
                return;
        }
        text_put_char(text, '[');
        for (i = 0; strings[i]; i++) {
                if (i)
                        text_put_string(text, ", ");
                json_put_string(text, strings[i], strlen(strings[i]));
        }
        text_put_char(text, ']');
}

/* Where a reader stands in its text. */
struct json_reader {
        const char *at;
        const char *end;
        const char *reason; /* of JSON_E_BAD */
};

static int bad(struct json_reader *reader, const char *reason)
{
        reader->reason = reason;
        return JSON_E_BAD;
}

static void skip_blanks(struct json_reader *reader)
{
        while (reader->at < reader->end && strchr(" \t\n\r", *reader->at) && *reader->at)
                reader->at++;
}

/* Return: is @c next? Then it is taken. */
static bool take_char(struct json_reader *reader, char c)
{
        skip_blanks(reader);
        if (reader->at == reader->end || *reader->at != c)
                return false;
        reader->at++;
        return true;
}

/* The four digits behind "\u". */
static int take_hex(struct json_reader *reader, uint32_t *ret_code)
{
        static const char digits[] = "0123456789abcdef";
        uint32_t code = 0;
        int i;

        for (i = 0; i < 4; i++) {
                char c = '\0';
                const char *digit;

                if (reader->at < reader->end)
                        c = *reader->at++;
                if (c >= 'A' && c <= 'F')
                        c = (char)(c + 32);
                digit = c ? strchr(digits, c) : NULL;
                if (!digit)
                        return bad(reader, "a bad \\u escape");
                code = code << 4 | (uint32_t)(digit - digits);
        }
        *ret_code = code;
        return 0;
}

static int take_unicode(struct json_reader *reader, uint32_t *ret_code)
{
        uint32_t code;
        uint32_t low;
        int r;

        r = take_hex(reader, &code);
        if (r)
                return r;
        if (code >= 0xD800 && code < 0xDC00 && reader->end - reader->at >= 6 &&
            reader->at[0] == '\\' && reader->at[1] == 'u') {
                const char *back = reader->at;

                reader->at += 2;
                r = take_hex(reader, &low);
                if (r)
                        return r;
                if (low >= 0xDC00 && low < 0xE000)
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                else
                        reader->at = back;
        }
        *ret_code = code;
        return 0;
}

static int take_escape(struct json_reader *reader, struct text *out)
{
        static const char escapes[] = "bfnrt\"\\/";
        static const char plain[] = "\b\f\n\r\t\"\\/";
        char bytes[UTF8_SEQUENCE_MAX];
        const char *found;
        uint32_t code;
        size_t n;
        char c;
        int r;

        if (reader->at == reader->end)
                return bad(reader, "an escape without an end");
        c = *reader->at++;
        found = c ? strchr(escapes, c) : NULL;
        if (found) {
                text_put_char(out, plain[found - escapes]);
                return 0;
        }
        if (c != 'u')
                return bad(reader, "an unknown escape");
        r = take_unicode(reader, &code);
        if (r)
                return r;
        n = utf8_put(code, bytes);
        if (!n)
                return bad(reader, "a lone surrogate");
        if (!code)
                return bad(reader, "a NUL in a string");
        text_put(out, bytes, n);
        return 0;
}

/* A string, behind its first quote. */
static int take_string(struct json_reader *reader, struct text *out)
{
        int r;

        while (reader->at < reader->end) {
                char c = *reader->at++;

                if (c == '"')
                        return 0;
                if ((unsigned char)c < 0x20)
                        return bad(reader, "a control character in a string");
                if (c != '\\') {
                        text_put_char(out, c);
                        continue;
                }
                r = take_escape(reader, out);
                if (r)
                        return r;
        }
        return bad(reader, "a string without an end");
}

static int count_strings(const char *text, size_t n_bytes)
{
        size_t n = 1;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                n += text[i] == ',';
        return n > JSON_STRINGS_MAX ? -1 : (int)n;
}

static int read_array(struct json_reader *reader,
                      struct arena *arena,
                      const char **strings,
                      size_t room)
{
        size_t n = 0;
        int r;

        if (!take_char(reader, '['))
                return bad(reader, "not an array");
        if (take_char(reader, ']'))
                return 0;
        do {
                cleanup_text struct text string = { 0 };

                if (!take_char(reader, '"'))
                        return bad(reader, "not a string");
                r = take_string(reader, &string);
                if (r)
                        return r;
                if (string.broken || n == room)
                        return err_origin(-ENOMEM);
                strings[n] = arena_copy(arena, text_get(&string), string.n_bytes);
                if (!strings[n++])
                        return err_origin(-ENOMEM);
        } while (take_char(reader, ','));
        return take_char(reader, ']') ? 0 : bad(reader, "neither \",\" nor \"]\"");
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
        struct json_reader reader = { .at = text, .end = text + n_bytes };
        const char **strings;
        size_t offset;
        int room;
        int r;

        if (!utf8_is_valid(text, n_bytes, &offset)) {
                *reterr_reason = "not UTF-8";
                return JSON_E_BAD;
        }
        room = count_strings(text, n_bytes);
        if (room < 0) {
                *reterr_reason = "too many strings";
                return JSON_E_BAD;
        }
        strings = arena_take_array(arena, (size_t)room + 1, sizeof(char *));
        if (!strings)
                return err_origin(-ENOMEM);

        r = read_array(&reader, arena, strings, (size_t)room);
        if (!r) {
                skip_blanks(&reader);
                if (reader.at != reader.end)
                        r = bad(&reader, "text behind the array");
        }
        if (r == JSON_E_BAD)
                *reterr_reason = reader.reason;
        if (r)
                return err_trace(r);
        *ret_strings = strings;
        return 0;
}
