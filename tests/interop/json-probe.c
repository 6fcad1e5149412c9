/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes for test_json_vs_python.py. A line in: what to do, a number that decides where
 * the input is cut (0: nowhere), and the input in hexadecimal ("-": empty), separated by blanks. A
 * line out:
 *
 *   read    "bad", or its tokens: n t f 0 [ ] { }, s or k and a string's bytes in hexadecimal, with
 *           "!" for one that is unencodable
 *   escape  how long it was counted to be, a blank, and the JSON text
 *   base64  "bad", or "=" and the bytes in hexadecimal
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "wire/base64.h"
#include "wire/json-escape.h"
#include "wire/json-reader.h"

#define LINE_MAX_BYTES (1u << 20)

/* The input, and where the next piece ends. */
struct input {
        const char *bytes;
        size_t n_bytes;
        size_t at;
        unsigned long cuts;
};

static int nibble(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place. Return: bytes; stops at the first character that is not hexadecimal */
static size_t unhex(char *text)
{
        size_t n = 0;

        while (nibble(text[2 * n]) >= 0 && nibble(text[2 * n + 1]) >= 0) {
                text[n] = (char)(nibble(text[2 * n]) << 4 | nibble(text[2 * n + 1]));
                n++;
        }
        return n;
}

static void put_hex(struct text *out, const char *bytes, size_t n_bytes)
{
        size_t i;

        for (i = 0; i < n_bytes; i++)
                text_printf(out, "%02x", (unsigned char)bytes[i]);
}

/* Return: a number below @n; 0 without cuts */
static size_t random_below(struct input *input, size_t n)
{
        if (!input->cuts)
                return 0;
        input->cuts = input->cuts * 6364136223846793005u + 1442695040888963407u;
        return (input->cuts >> 33) % n;
}

/* Return: is there one more piece? */
static bool next_piece(struct input *input, const char **ret_piece, size_t *ret_n)
{
        size_t n = input->n_bytes - input->at;

        if (!n)
                return false;
        if (input->cuts) {
                size_t n_wanted = 1 + random_below(input, random_below(input, 4) ? 8 : 64);

                n = n < n_wanted ? n : n_wanted;
        }
        *ret_piece = input->bytes + input->at;
        *ret_n = n;
        input->at += n;
        return true;
}

static void put_token(struct text *out, const struct json_token *token)
{
        switch (token->type) {
        case JSON_STRING:
                text_put_char(out, token->is_key ? 'k' : 's');
                break;
        case JSON_TEXT:
                put_hex(out, token->text, token->n_bytes);
                break;
        case JSON_STRING_END:
                text_put_string(out, token->is_unencodable ? "! " : " ");
                break;
        case JSON_NULL:
        case JSON_TRUE:
        case JSON_FALSE:
        case JSON_NUMBER:
        case JSON_ARRAY:
        case JSON_ARRAY_END:
        case JSON_OBJECT:
        case JSON_OBJECT_END: {
                static const char signs[] = {
                        [JSON_NULL] = 'n',   [JSON_TRUE] = 't',       [JSON_FALSE] = 'f',
                        [JSON_NUMBER] = '0', [JSON_ARRAY] = '[',      [JSON_ARRAY_END] = ']',
                        [JSON_OBJECT] = '{', [JSON_OBJECT_END] = '}',
                };

                text_printf(out, "%c ", signs[token->type]);
                break;
        }
        }
}

static void do_read(struct input *input, struct text *out)
{
        struct json_reader reader;
        struct json_token token;
        const char *piece;
        size_t n;
        int r = JSON_E_MORE;

        json_reader_init(&reader);
        while (r == JSON_E_MORE && next_piece(input, &piece, &n)) {
                const char *end = piece + n;

                while ((r = json_reader_next(&reader, &piece, end, &token)) == 0)
                        put_token(out, &token);
        }
        if (r == JSON_E_MORE)
                r = json_reader_finish(&reader);
        if (!r)
                return;
        text_deinit(out);
        text_put_string(out, "bad");
}

static void do_escape(struct input *input, struct text *out)
{
        cleanup_text struct text json = { 0 };
        struct json_escape counter = { 0 };
        struct json_escape escape = { 0 };
        char room[4096];
        uint64_t n_count = 0;
        const char *piece;
        size_t n_room;
        size_t n_taken;
        size_t n;

        while (next_piece(input, &piece, &n)) {
                json_escape_count(&counter, piece, n, &n_count);
                for (; n; piece += n_taken, n -= n_taken) {
                        n_room = input->cuts ? JSON_ESCAPE_ROOM_BYTES + random_below(input, 2000)
                                             : sizeof(room);
                        text_put(&json, room,
                                 json_escape_put(&escape, piece, n, &n_taken, room, n_room));
                }
        }
        json_escape_count_end(&counter, &n_count);
        text_put(&json, room, json_escape_end(&escape, room, sizeof(room)));
        text_printf(out, "%llu %s", (unsigned long long)n_count, text_get(&json));
}

static void do_base64(struct input *input, struct text *out)
{
        static char room[BASE64_ROOM(LINE_MAX_BYTES)];
        struct base64 base64 = { 0 };
        const char *piece;
        size_t n;

        text_put_char(out, '=');
        while (next_piece(input, &piece, &n))
                put_hex(out, room, base64_put(&base64, piece, n, room));
        if (base64_is_complete(&base64))
                return;
        text_deinit(out);
        text_put_string(out, "bad");
}

int main(void)
{
        static char line[LINE_MAX_BYTES];

        while (fgets(line, sizeof(line), stdin)) {
                cleanup_text struct text out = { 0 };
                struct input input = { 0 };
                char *number = strchr(line, ' ');
                char *bytes;

                if (!number)
                        return EXIT_FAILURE;
                input.cuts = strtoul(number, &bytes, 10);
                input.n_bytes = unhex(++bytes);
                input.bytes = bytes;
                if (line[0] == 'r')
                        do_read(&input, &out);
                else if (line[0] == 'e')
                        do_escape(&input, &out);
                else
                        do_base64(&input, &out);
                (void)puts(text_get(&out));
                (void)fflush(stdout);
        }
        return EXIT_SUCCESS;
}
