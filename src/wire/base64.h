/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as Python's base64.b64decode() reads it, from text that comes in pieces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much room base64_put() needs for what @n_text characters stand for. */
#define BASE64_ROOM(n_text) ((n_text) / 4 * 3 + 3)

/* All zero: nothing has come. */
struct base64 {
        uint8_t n_quad; /* characters of four that have come */
        uint8_t n_pads; /* "=" behind them */
        uint8_t left;   /* bits of the last one that are not written yet */
        bool is_ended;  /* by "=": what comes behind it does not count */
        bool is_bad;    /* something was not ASCII */
};

size_t base64_put(struct base64 *base64, const char *text, size_t n_text, char *out);
bool base64_is_complete(const struct base64 *base64);
