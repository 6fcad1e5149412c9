/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 with Python's surrogateescape: every byte string has one decoded form and comes back as it
 * was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest encoding of one code point. */
#define UTF8_SEQUENCE_MAX 4

/* A byte 0x80..0xFF that is not part of valid UTF-8 is the code point UTF8_ESCAPE_BASE + byte. */
#define UTF8_ESCAPE_BASE 0xDC00u

/* How many bytes utf8_find_sequences() looks at. */
#define UTF8_BLOCK_BYTES 64

void utf8_find_sequences(const char text[static UTF8_BLOCK_BYTES + UTF8_SEQUENCE_MAX - 1],
                         uint8_t ret_lengths[static UTF8_BLOCK_BYTES]);
size_t utf8_next(const char *text, size_t n_bytes, uint32_t *ret_code);
size_t utf8_decode(const char *text, size_t n_bytes, uint32_t *codes);
size_t utf8_put(uint32_t code, char out[static UTF8_SEQUENCE_MAX]);
bool utf8_is_valid(const char *text, size_t n_bytes, size_t *ret_offset);
