/* SPDX-License-Identifier: Apache-2.0 */
/* Many bytes of a JSON string at once: which of them stand for themselves? */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_PLAIN_BYTES 16

/* Return: how many of so many bytes come before the first one that is a control, a quote, a
 *         backslash or not ASCII, or is @another; JSON_PLAIN_BYTES: there is none */
static inline size_t json_n_plain(const char bytes[static JSON_PLAIN_BYTES], char another)
{
        typedef signed char vector __attribute__((vector_size(JSON_PLAIN_BYTES)));
        uint64_t halves[2];
        vector special;
        vector b;

        memcpy(&b, bytes, sizeof(b));
        /* What is not ASCII is negative. */
        special = (b < 0x20) | (b == '"') | (b == '\\') | (b == (signed char)another);
        memcpy(halves, &special, sizeof(halves));
        if (!(halves[0] | halves[1]))
                return JSON_PLAIN_BYTES;
        if (halves[0])
                return (size_t)__builtin_ctzll(le64toh(halves[0])) / 8;
        return 8 + (size_t)__builtin_ctzll(le64toh(halves[1])) / 8;
}
