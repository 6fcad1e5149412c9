/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing string for messages, log lines and JSON. Its functions return nothing: a text that ran
 * out of memory or over TEXT_BYTES_MAX is `broken`, keeps what it had, takes no more, and its owner
 * asks once, at the end. A zeroed struct text is a valid, empty one.
 */
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/utf8.h"

/**
 * text_deinit() - give the memory back
 * @text: becomes empty
 */
void text_deinit(struct text *text)
{
        free(text->data);
        *text = (struct text){ 0 };
}

/* Makes room for @n_bytes more and a NUL. */
static bool text_reserve(struct text *text, size_t n_bytes)
{
        size_t n_room = text->n_room ? text->n_room : 128;
        char *data;

        if (text->broken)
                return false;
        if (n_bytes >= TEXT_BYTES_MAX - text->n_bytes) {
                text->broken = true;
                return false;
        }
        if (text->n_bytes + n_bytes < text->n_room)
                return true;

        while (n_room <= text->n_bytes + n_bytes)
                n_room *= 2;
        data = realloc(text->data, n_room);
        if (!data) {
                text->broken = true;
                return false;
        }
        text->data = data;
        text->n_room = n_room;
        return true;
}

/**
 * text_put() - append bytes
 * @text:    where to
 * @bytes:   what
 * @n_bytes: how many
 */
void text_put(struct text *text, const char *bytes, size_t n_bytes)
{
        if (!text_reserve(text, n_bytes))
                return;
        memcpy(text->data + text->n_bytes, bytes, n_bytes);
        text->n_bytes += n_bytes;
        text->data[text->n_bytes] = '\0';
}

/**
 * text_put_string() - append a string
 * @text:   where to
 * @string: NUL-terminated
 */
void text_put_string(struct text *text, const char *string)
{
        text_put(text, string, strlen(string));
}

/**
 * text_put_char() - append a byte
 * @text: where to
 * @c:    the byte
 */
void text_put_char(struct text *text, char c)
{
        text_put(text, &c, 1);
}

/**
 * text_vprintf() - append as vprintf(3)
 * @text:   where to
 * @format: the format
 * @ap:     its arguments
 */
void text_vprintf(struct text *text, const char *format, va_list ap)
{
        va_list again;
        int n;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, format, ap); /* NOLINT(clang-analyzer-valist.Uninitialized) */
        if (n < 0)
                text->broken = true;
        else if (text_reserve(text, (size_t)n)) {
                (void)vsnprintf(text->data + text->n_bytes, (size_t)n + 1, format, again);
                text->n_bytes += (size_t)n;
        }
        va_end(again);
}

/**
 * text_printf() - append as printf(3)
 * @text:   where to
 * @format: the format
 */
void text_printf(struct text *text, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        text_vprintf(text, format, ap);
        va_end(ap);
}

/**
 * text_put_escaped() - append what somebody else wrote, fit for a terminal and a log line
 * @text:    where to
 * @bytes:   what: UTF-8, or anything
 * @n_bytes: how many
 * @n_max:   after so many bytes the rest is cut, which "..." shows
 *
 * Control characters become \n, \t, \r or \xNN, bytes outside UTF-8 \udcNN as Python prints them.
 */
void text_put_escaped(struct text *text, const char *bytes, size_t n_bytes, size_t n_max)
{
        uint32_t code;
        size_t at = 0;
        size_t n;

        for (; at < n_bytes && at < n_max; at += n) {
                n = utf8_next(bytes + at, n_bytes - at, &code);
                if (code == '\n')
                        text_put_string(text, "\\n");
                else if (code == '\t')
                        text_put_string(text, "\\t");
                else if (code == '\r')
                        text_put_string(text, "\\r");
                else if (code < 0x20 || (code >= 0x7F && code < 0xA0))
                        text_printf(text, "\\x%02x", (unsigned int)code);
                else if (n == 1 && code >= 0x80)
                        text_printf(text, "\\u%04x", (unsigned int)code);
                else
                        text_put(text, bytes + at, n);
        }
        if (at < n_bytes)
                text_put_string(text, "...");
}

/**
 * text_cut() - make it shorter, and show that it is
 * @text:  what is cut; at a place between characters
 * @n_max: so many bytes stay at most
 * @mark:  what is appended
 */
void text_cut(struct text *text, size_t n_max, const char *mark)
{
        if (text->n_bytes > n_max) {
                while (n_max && ((unsigned char)text->data[n_max] & 0xC0u) == 0x80u)
                        n_max--;
                text->n_bytes = n_max;
        }
        text_put_string(text, mark);
}

/**
 * text_get() - the text as a string
 * @text: borrowed until the next text_*() call
 *
 * Return: NUL-terminated, "" while empty
 */
const char *text_get(const struct text *text)
{
        return text->data ? text->data : "";
}
