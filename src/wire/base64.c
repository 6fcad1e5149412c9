/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPython's binascii.a2b_base64(), not strict (Modules/binascii.c): what is not of the alphabet is
 * skipped; a "=" counts only where it can complete a group of four, and then ends the data,
 * whatever comes behind it; the end must not come within a group. Text that is not ASCII is refused
 * before, by base64.b64decode(), wherever it stands.
 */
#include "wire/base64.h"

#include <string.h>

#define SKIPPED 0x40u /* is none of the 64 values */

static const uint8_t values[256] = {
        /* clang-format off */
        [0 ... '+' - 1] = SKIPPED,
        ['+'] = 62,
        ['+' + 1 ... '/' - 1] = SKIPPED,
        ['/'] = 63,
        ['0'] = 52, ['1'] = 53, ['2'] = 54, ['3'] = 55, ['4'] = 56,
        ['5'] = 57, ['6'] = 58, ['7'] = 59, ['8'] = 60, ['9'] = 61,
        ['9' + 1 ... 'A' - 1] = SKIPPED,
        ['A'] = 0,  ['B'] = 1,  ['C'] = 2,  ['D'] = 3,  ['E'] = 4,  ['F'] = 5,  ['G'] = 6,
        ['H'] = 7,  ['I'] = 8,  ['J'] = 9,  ['K'] = 10, ['L'] = 11, ['M'] = 12, ['N'] = 13,
        ['O'] = 14, ['P'] = 15, ['Q'] = 16, ['R'] = 17, ['S'] = 18, ['T'] = 19, ['U'] = 20,
        ['V'] = 21, ['W'] = 22, ['X'] = 23, ['Y'] = 24, ['Z'] = 25,
        ['Z' + 1 ... 'a' - 1] = SKIPPED,
        ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31, ['g'] = 32,
        ['h'] = 33, ['i'] = 34, ['j'] = 35, ['k'] = 36, ['l'] = 37, ['m'] = 38, ['n'] = 39,
        ['o'] = 40, ['p'] = 41, ['q'] = 42, ['r'] = 43, ['s'] = 44, ['t'] = 45, ['u'] = 46,
        ['v'] = 47, ['w'] = 48, ['x'] = 49, ['y'] = 50, ['z'] = 51,
        ['z' + 1 ... 255] = SKIPPED,
        /* clang-format on */
};

/* Whole groups of four, as long as nothing else comes. Return: how many characters */
static size_t put_groups(const char *text, size_t n_text, char *out)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t at;

        for (at = 0; n_text - at >= 4; at += 4) {
                uint32_t a = values[bytes[at]];
                uint32_t b = values[bytes[at + 1]];
                uint32_t c = values[bytes[at + 2]];
                uint32_t d = values[bytes[at + 3]];

                if ((a | b | c | d) & SKIPPED)
                        break;
                *out++ = (char)(a << 2 | b >> 4);
                *out++ = (char)(b << 4 | c >> 2);
                *out++ = (char)(c << 6 | d);
        }
        return at;
}

/* One character. Return: how many bytes were written, 0 or 1 */
static size_t put_one(struct base64 *base64, unsigned char c, char *out)
{
        unsigned int left = base64->left;
        unsigned int value = values[c];

        if (c == '=' && base64->n_quad >= 2)
                base64->is_ended = base64->n_quad + ++base64->n_pads >= 4;
        if (value == SKIPPED)
                return 0;

        base64->n_pads = 0;
        base64->left = (uint8_t)value;
        base64->n_quad = (uint8_t)((base64->n_quad + 1u) % 4);
        switch (base64->n_quad) {
        case 1:
                return 0;
        case 2:
                *out = (char)(left << 2 | value >> 4);
                return 1;
        case 3:
                *out = (char)(left << 4 | value >> 2);
                return 1;
        default:
                *out = (char)(left << 6 | value);
                return 1;
        }
}

static bool is_ascii(const char *text, size_t n_text)
{
        unsigned char all = 0;
        size_t i;

        for (i = 0; i < n_text; i++)
                all |= (unsigned char)text[i];
        return all < 0x80;
}

/**
 * base64_put() - decode a piece
 * @base64: what the pieces before have left
 * @text:   the piece, cut anywhere
 * @n_text: its length
 * @out:    has room for BASE64_ROOM(@n_text)
 *
 * Return: how many bytes were written
 */
size_t base64_put(struct base64 *base64, const char *text, size_t n_text, char *out)
{
        size_t n_out = 0;
        size_t n_groups;
        size_t at = 0;

        if (!is_ascii(text, n_text))
                base64->is_bad = true;
        while (at < n_text && !base64->is_ended) {
                if (base64->n_quad == 0) {
                        n_groups = put_groups(text + at, n_text - at, out + n_out);
                        at += n_groups;
                        n_out += n_groups / 4 * 3;
                        if (at == n_text)
                                break;
                }
                n_out += put_one(base64, (unsigned char)text[at++], out + n_out);
        }
        return n_out;
}

/**
 * base64_is_complete() - may the text end here?
 * @base64: what the pieces have left
 *
 * Return: false where b64decode() would raise an error
 */
bool base64_is_complete(const struct base64 *base64)
{
        return !base64->is_bad && (base64->is_ended || base64->n_quad == 0);
}
