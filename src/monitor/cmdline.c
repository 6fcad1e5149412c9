/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command is logged when it has ended, and its words may be megabytes: what is kept of them
 * meanwhile is what a line of the log can hold. It is kept as it came; escaped is what is printed.
 */
#include "monitor/cmdline.h"

#include <stdlib.h>
#include <string.h>

#include "util/json-text.h"
#include "util/pystr.h"
#include "util/text.h"
#include "util/utf8.h"

/* How long is what is kept? Return: bytes, with a NUL for each word that is whole */
static size_t measure(const char *const *argv, bool *ret_is_cut)
{
        size_t n_bytes = 0;
        size_t n_room;
        size_t i;
        size_t n;
        int back;

        *ret_is_cut = false;
        for (i = 0; argv[i]; i++) {
                n_room = CMDLINE_BYTES_MAX - n_bytes;
                n = strnlen(argv[i], n_room);
                if (n == n_room) {
                        *ret_is_cut = true;
                        for (back = 0; back < UTF8_SEQUENCE_MAX - 1 && n; back++, n--)
                                if (((unsigned char)argv[i][n] & 0xC0u) != 0x80u)
                                        break;
                        return n_bytes + n;
                }
                n_bytes += n + 1;
        }
        return n_bytes;
}

/**
 * cmdline_keep() - copy the beginning of a command line
 * @ret_cmdline: to be given to cmdline_deinit(); without memory, empty and cut
 * @argv:        NULL-terminated
 */
void cmdline_keep(struct cmdline *ret_cmdline, const char *const *argv)
{
        size_t n_bytes;
        size_t at = 0;
        size_t n;

        *ret_cmdline = (struct cmdline){ 0 };
        n_bytes = measure(argv, &ret_cmdline->is_cut);
        if (!n_bytes)
                return;
        ret_cmdline->bytes = malloc(n_bytes);
        if (!ret_cmdline->bytes) {
                ret_cmdline->is_cut = true;
                return;
        }
        for (; at < n_bytes && *argv; argv++, at += n) {
                n = strnlen(*argv, n_bytes - at);
                n += n < n_bytes - at;
                memcpy(ret_cmdline->bytes + at, *argv, n);
        }
        ret_cmdline->n_bytes = n_bytes;
}

/**
 * cmdline_deinit() - give the memory back
 * @cmdline: becomes empty
 */
void cmdline_deinit(struct cmdline *cmdline)
{
        free(cmdline->bytes);
        *cmdline = (struct cmdline){ 0 };
}

/* Return: is there a word at *@at? Then @at goes behind it. */
static bool next(const struct cmdline *cmdline, size_t *at, const char **ret_word, size_t *ret_n)
{
        if (*at >= cmdline->n_bytes)
                return false;
        *ret_word = cmdline->bytes + *at;
        *ret_n = strnlen(*ret_word, cmdline->n_bytes - *at);
        *at += *ret_n + 1;
        return true;
}

static void mark_cut(const struct cmdline *cmdline, struct text *out, size_t start)
{
        if (out->n_bytes - start > CMDLINE_PRINTED_MAX)
                text_cut(out, start + CMDLINE_PRINTED_MAX, "...");
        else if (cmdline->is_cut)
                text_put_string(out, "...");
}

/**
 * cmdline_put_plain() - append the words with blanks between them, escaped
 * @cmdline: the words
 * @out:     where to; "..." at the end shows a cut
 */
void cmdline_put_plain(const struct cmdline *cmdline, struct text *out)
{
        size_t start = out->n_bytes;
        const char *word;
        size_t at = 0;
        size_t n;

        while (next(cmdline, &at, &word, &n)) {
                if (word != cmdline->bytes)
                        text_put_char(out, ' ');
                text_put_escaped(out, word, n, n);
        }
        mark_cut(cmdline, out, start);
}

/**
 * cmdline_put_repr() - append the words as Python prints a list of strings
 * @cmdline: the words
 * @out:     where to; "..." before the last bracket shows a cut
 */
void cmdline_put_repr(const struct cmdline *cmdline, struct text *out)
{
        size_t start = out->n_bytes;
        const char *word;
        size_t at = 0;
        size_t n;

        text_put_char(out, '[');
        while (next(cmdline, &at, &word, &n)) {
                if (word != cmdline->bytes)
                        text_put_string(out, ", ");
                pystr_repr(word, n, out);
        }
        mark_cut(cmdline, out, start);
        text_put_char(out, ']');
}

/**
 * cmdline_fit_json() - how much of a string fits in so much JSON?
 * @bytes:   any bytes
 * @n_bytes: how many
 * @n_max:   the most bytes of its JSON, quotes not counted
 *
 * Return: so many of @bytes, whole characters
 */
size_t cmdline_fit_json(const char *bytes, size_t n_bytes, size_t n_max)
{
        size_t n_used = 0;
        uint32_t code;
        size_t at = 0;
        size_t n;

        if (n_bytes <= n_max / 6)
                return n_bytes;
        for (; at < n_bytes; at += n) {
                n = utf8_next(bytes + at, n_bytes - at, &code);
                if (code >= 0x10000)
                        n_used += 12;
                else if (code && code < 0x80 && strchr("\b\f\n\r\t\"\\", (int)code))
                        n_used += 2;
                else
                        n_used += code < 0x20 || code >= 0x7F ? 6 : 1;
                if (n_used > n_max)
                        return at;
        }
        return n_bytes;
}

/**
 * cmdline_put_json() - append the words as an array
 * @cmdline: the words
 * @out:     where to
 *
 * Return: are all of them there, and whole?
 */
bool cmdline_put_json(const struct cmdline *cmdline, struct text *out)
{
        size_t start = out->n_bytes;
        bool is_whole = !cmdline->is_cut;
        const char *word;
        size_t n_left;
        size_t at = 0;
        size_t n_fit;
        size_t n;

        text_put_char(out, '[');
        while (next(cmdline, &at, &word, &n)) {
                if (out->n_bytes - start > CMDLINE_PRINTED_MAX) {
                        is_whole = false;
                        break;
                }
                n_left = CMDLINE_PRINTED_MAX - (out->n_bytes - start);
                n_fit = cmdline_fit_json(word, n, n_left);
                is_whole = is_whole && n_fit == n;
                if (word != cmdline->bytes)
                        text_put_string(out, ", ");
                text_put_json(out, word, n_fit);
        }
        text_put_char(out, ']');
        return is_whole;
}
