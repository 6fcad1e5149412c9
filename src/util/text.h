/* SPDX-License-Identifier: Apache-2.0 */
/* A string that is built piece by piece. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The longest text; what goes beyond it, or finds no memory, makes the whole text broken. */
#define TEXT_BYTES_MAX (64u * 1024 * 1024)

struct text {
        char *data; /* NUL-terminated, NULL while empty */
        size_t n_bytes;
        size_t n_room;
        bool broken;
};

void text_deinit(struct text *text);
void text_put(struct text *text, const char *bytes, size_t n_bytes);
void text_put_string(struct text *text, const char *string);
void text_put_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list ap)
        __attribute__((format(printf, 2, 0)));
void text_put_escaped(struct text *text, const char *bytes, size_t n_bytes, size_t n_max);
void text_cut(struct text *text, size_t n_max, const char *mark);
const char *text_get(const struct text *text);

static inline void text_deinit_cleanup(struct text *text)
{
        text_deinit(text);
}

#define cleanup_text __attribute__((cleanup(text_deinit_cleanup)))
