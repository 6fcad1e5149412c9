/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as Python's strict decoder sees it (CPython, Objects/stringlib/codecs.h): no overlong
 * forms, no encoded surrogates, nothing above U+10FFFF. What is not valid is decoded byte for byte
 * as os.fsdecode() does it (PEP 383), so that arguments of any bytes can be matched and written.
 */
#include "util/utf8.h"

#include <string.h>

static bool is_tail(unsigned char byte)
{
        return (byte & 0xC0u) == 0x80u;
}

/* Return: length of the valid sequence at @text, 0 if there is none */
static size_t sequence(const unsigned char *text, size_t n, uint32_t *ret_code)
{
        uint32_t code;

        if (text[0] < 0x80) {
                *ret_code = text[0];
                return 1;
        }
        if (text[0] >= 0xC2 && text[0] <= 0xDF && n >= 2 && is_tail(text[1])) {
                *ret_code = (text[0] & 0x1Fu) << 6 | (text[1] & 0x3Fu);
                return 2;
        }
        if ((text[0] & 0xF0u) == 0xE0 && n >= 3 && is_tail(text[1]) && is_tail(text[2])) {
                code = (text[0] & 0x0Fu) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
                if (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))
                        return 0;
                *ret_code = code;
                return 3;
        }
        if ((text[0] & 0xF8u) == 0xF0 && n >= 4 && is_tail(text[1]) && is_tail(text[2]) &&
            is_tail(text[3])) {
                code = (text[0] & 0x07u) << 18 | (text[1] & 0x3Fu) << 12 | (text[2] & 0x3Fu) << 6 |
                       (text[3] & 0x3Fu);
                if (code < 0x10000 || code > 0x10FFFF)
                        return 0;
                *ret_code = code;
                return 4;
        }
        return 0;
}

static bool is_between(unsigned char byte, unsigned char low, unsigned char high)
{
        return (unsigned char)(byte - low) <= (unsigned char)(high - low);
}

/**
 * utf8_find_sequences() - where do sequences of several bytes begin?
 * @text:        a block, and what comes behind it
 * @ret_lengths: for each byte of the block: the length, 2 to UTF8_SEQUENCE_MAX, of the valid
 *               sequence that begins there; else 0
 *
 * By what stands beside each byte, without a jump, so that the compiler does many bytes at once.
 */
void utf8_find_sequences(const char text[static UTF8_BLOCK_BYTES + UTF8_SEQUENCE_MAX - 1],
                         uint8_t ret_lengths[static UTF8_BLOCK_BYTES])
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t i;

        for (i = 0; i < UTF8_BLOCK_BYTES; i++) {
                unsigned char a = bytes[i];
                unsigned char b = bytes[i + 1];
                bool two = is_tail(b);
                bool three = two & is_tail(bytes[i + 2]);
                bool four = three & is_tail(bytes[i + 3]);

                two &= is_between(a, 0xC2, 0xDF);
                three &= is_between(a, 0xE0, 0xEF) & !((a == 0xE0) & (b < 0xA0)) &
                         !((a == 0xED) & (b >= 0xA0));
                four &= is_between(a, 0xF0, 0xF4) & !((a == 0xF0) & (b < 0x90)) &
                        !((a == 0xF4) & (b >= 0x90));
                ret_lengths[i] = (uint8_t)(two * 2 | three * 3 | four * 4);
        }
}

/**
 * utf8_next() - decode one code point
 * @text:     bytes, at least one
 * @n_bytes:  how many there are
 * @ret_code: the code point; for a byte outside valid UTF-8, UTF8_ESCAPE_BASE + that byte
 *
 * Return: how many bytes it took, 1 to UTF8_SEQUENCE_MAX
 */
size_t utf8_next(const char *text, size_t n_bytes, uint32_t *ret_code)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t n;

        n = sequence(bytes, n_bytes, ret_code);
        if (n)
                return n;

        *ret_code = UTF8_ESCAPE_BASE + bytes[0];
        return 1;
}

/**
 * utf8_decode() - decode a whole string, as os.fsdecode()
 * @text:    bytes
 * @n_bytes: how many there are
 * @codes:   room for @n_bytes code points
 *
 * Return: how many code points were written; never more than @n_bytes
 */
size_t utf8_decode(const char *text, size_t n_bytes, uint32_t *codes)
{
        size_t n_codes = 0;
        size_t at = 0;

        while (at < n_bytes)
                at += utf8_next(text + at, n_bytes - at, &codes[n_codes++]);
        return n_codes;
}

/**
 * utf8_put() - encode one code point, as os.fsencode()
 * @code: a Unicode scalar value, or UTF8_ESCAPE_BASE + 0x80..0xFF for that byte
 * @out:  where it goes
 *
 * Return: how many bytes were written; 0 for what os.fsencode() refuses (other surrogates, values
 *         above U+10FFFF)
 */
size_t utf8_put(uint32_t code, char out[static UTF8_SEQUENCE_MAX])
{
        if (code < 0x80) {
                out[0] = (char)code;
                return 1;
        }
        if (code < 0x800) {
                out[0] = (char)(0xC0u | code >> 6);
                out[1] = (char)(0x80u | (code & 0x3Fu));
                return 2;
        }
        if (code >= UTF8_ESCAPE_BASE + 0x80 && code <= UTF8_ESCAPE_BASE + 0xFF) {
                out[0] = (char)(code - UTF8_ESCAPE_BASE);
                return 1;
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
                return 0;
        if (code < 0x10000) {
                out[0] = (char)(0xE0u | code >> 12);
                out[1] = (char)(0x80u | (code >> 6 & 0x3Fu));
                out[2] = (char)(0x80u | (code & 0x3Fu));
                return 3;
        }
        out[0] = (char)(0xF0u | code >> 18);
        out[1] = (char)(0x80u | (code >> 12 & 0x3Fu));
        out[2] = (char)(0x80u | (code >> 6 & 0x3Fu));
        out[3] = (char)(0x80u | (code & 0x3Fu));
        return 4;
}

/* How many ASCII bytes there are at least, eight at a time: most text is nothing else. */
static size_t count_ascii(const unsigned char *bytes, size_t n_bytes)
{
        uint64_t eight;
        size_t at = 0;

        for (; n_bytes - at >= sizeof(eight); at += sizeof(eight)) {
                memcpy(&eight, bytes + at, sizeof(eight));
                if (eight & 0x8080808080808080u)
                        break;
        }
        return at;
}

/**
 * utf8_is_valid() - would Python's strict decoder take it?
 * @text:       bytes
 * @n_bytes:    how many there are
 * @ret_offset: where the first bad sequence begins; set only when false is returned
 */
bool utf8_is_valid(const char *text, size_t n_bytes, size_t *ret_offset)
{
        const unsigned char *bytes = (const unsigned char *)text;
        uint32_t code;
        size_t at = 0;
        size_t n;

        while (at < n_bytes) {
                at += count_ascii(bytes + at, n_bytes - at);
                if (at == n_bytes)
                        break;
                n = sequence(bytes + at, n_bytes - at, &code);
                if (!n) {
                        *ret_offset = at;
                        return false;
                }
                at += n;
        }
        return true;
}
