/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes of a JSON string at once: which of them stand for themselves? */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_EIGHT(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Return: eight bytes, the first of them lowest */
static inline uint64_t json_eight(const char *bytes)
{
        uint64_t eight;

        memcpy(&eight, bytes, sizeof(eight));
        return le64toh(eight);
}

/* Return: the highest bit of each byte that is 0; bits above the lowest one may be wrong */
static inline uint64_t json_zeros(uint64_t eight)
{
        return (eight - JSON_EIGHT(0x01)) & ~eight & JSON_EIGHT(0x80);
}

/* Return: the highest bit of each byte that is a control, a quote, a backslash or not ASCII; bits
 *         above the lowest one may be wrong */
static inline uint64_t json_specials(uint64_t eight)
{
        uint64_t controls = (eight - JSON_EIGHT(0x20)) & ~eight;
        uint64_t quotes = json_zeros(eight ^ JSON_EIGHT('"'));
        uint64_t backslashes = json_zeros(eight ^ JSON_EIGHT('\\'));

        return ((controls | eight) & JSON_EIGHT(0x80)) | quotes | backslashes;
}

/* Return: how many of the bytes come before the lowest bit of @specials, which is not 0 */
static inline size_t json_n_before(uint64_t specials)
{
        return (size_t)__builtin_ctzll(specials) / 8;
}
