/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte decides where the rest is cut. Decoded in pieces it is the same as whole, with no
 * byte written beyond the room that was asked for; and any bytes, encoded and decoded, are what
 * they were.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "wire/base64.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Return: is it complete? */
static bool decode(const char *text, size_t n_text, size_t n_piece, struct text *decoded)
{
        struct base64 base64 = { 0 };
        size_t at;
        size_t n;

        for (at = 0; at < n_text; at += n) {
                char *room;
                size_t n_out;

                n = n_text - at < n_piece ? n_text - at : n_piece;
                room = malloc(BASE64_ROOM(n));
                ORACLE(room);
                n_out = base64_put(&base64, text + at, n, room);
                ORACLE(n_out <= BASE64_ROOM(n));
                text_put(decoded, room, n_out);
                free(room);
        }
        return base64_is_complete(&base64);
}

static void encode(const uint8_t *bytes, size_t n_bytes, struct text *text)
{
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        size_t at;
        size_t i;

        for (at = 0; at < n_bytes; at += 3) {
                uint32_t three = 0;

                for (i = 0; i < 3; i++)
                        three = three << 8 | (at + i < n_bytes ? bytes[at + i] : 0);
                for (i = 0; i < 4; i++)
                        text_put_char(text, at + i > n_bytes
                                                    ? '='
                                                    : alphabet[three >> (18 - 6 * i) & 63]);
        }
}

static bool is_same(const struct text *a, const char *bytes, size_t n_bytes)
{
        return a->n_bytes == n_bytes && memcmp(text_get(a), bytes, n_bytes) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        cleanup_text struct text whole = { 0 };
        cleanup_text struct text pieces = { 0 };
        cleanup_text struct text encoded = { 0 };
        cleanup_text struct text again = { 0 };
        const char *text = (const char *)bytes + 1;
        size_t n_text = n_bytes - 1;
        size_t n_piece;

        if (!n_bytes)
                return 0;
        n_piece = bytes[0] % 16u + 1;
        ORACLE(decode(text, n_text, n_text, &whole) == decode(text, n_text, n_piece, &pieces));
        ORACLE(is_same(&whole, text_get(&pieces), pieces.n_bytes));

        encode(bytes + 1, n_text, &encoded);
        ORACLE(decode(text_get(&encoded), encoded.n_bytes, n_piece, &again));
        ORACLE(is_same(&again, text, n_text));
        return 0;
}
