/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translation as it grows. A failure (no memory, PYRE_OUTPUT_MAX) is kept in the parser and
 * ends the translation at the next token; until then further output is dropped, so that callers
 * need no check of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pyre-parser.h"
#include "util/err.h"

#define OUT_ROOM_MIN 256

static bool reserve(struct pyre_parser *parser, size_t n)
{
        uint32_t *out;
        size_t n_room;

        if (parser->out_error)
                return false;
        if (n > PYRE_OUTPUT_MAX - parser->n_out) {
                parser->out_error = pyre_limit(parser, "the expression is too long");
                return false;
        }
        if (n <= parser->n_out_room - parser->n_out)
                return true;

        n_room = parser->n_out_room ? parser->n_out_room : OUT_ROOM_MIN;
        while (n > n_room - parser->n_out)
                n_room *= 2;
        out = realloc(parser->out, n_room * sizeof(*out));
        if (!out) {
                parser->out_error = err_origin(-ENOMEM);
                return false;
        }
        parser->out = out;
        parser->n_out_room = n_room;
        return true;
}

/**
 * pyre_put() - append a code unit as it is
 * @parser: the parser
 * @code:   the unit
 */
void pyre_put(struct pyre_parser *parser, uint32_t code)
{
        if (reserve(parser, 1))
                parser->out[parser->n_out++] = code;
}

/**
 * pyre_put_text() - append ASCII text as it is
 * @parser: the parser
 * @text:   the text
 */
void pyre_put_text(struct pyre_parser *parser, const char *text)
{
        for (; *text; text++)
                pyre_put(parser, (unsigned char)*text);
}

static void put_in_base(struct pyre_parser *parser, uint64_t number, unsigned int base)
{
        char digits[20];
        size_t n = 0;

        do {
                digits[n++] = "0123456789abcdef"[number % base];
                number /= base;
        } while (number);
        while (n)
                pyre_put(parser, (unsigned char)digits[--n]);
}

/**
 * pyre_put_number() - append a decimal number
 * @parser: the parser
 * @number: the number
 */
void pyre_put_number(struct pyre_parser *parser, uint64_t number)
{
        put_in_base(parser, number, 10);
}

/**
 * pyre_put_code() - append a character that stands for itself, in a set or outside
 * @parser: the parser
 * @code:   the character
 */
void pyre_put_code(struct pyre_parser *parser, uint32_t code)
{
        bool is_plain = code >= 0xA0 || (code >= '0' && code <= '9') ||
                        (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');

        if (is_plain) {
                pyre_put(parser, code);
        } else if (code > ' ' && code < 0x7F) {
                pyre_put(parser, '\\');
                pyre_put(parser, code);
        } else {
                pyre_put_text(parser, "\\x{");
                put_in_base(parser, code, 16);
                pyre_put(parser, '}');
        }
}

/**
 * pyre_put_range() - append a range of a set
 * @parser: the parser
 * @lo:     its first character
 * @hi:     its last one
 */
void pyre_put_range(struct pyre_parser *parser, uint32_t lo, uint32_t hi)
{
        pyre_put_code(parser, lo);
        if (lo == hi)
                return;
        pyre_put(parser, '-');
        pyre_put_code(parser, hi);
}

/**
 * pyre_insert_text() - insert ASCII text
 * @parser: the parser
 * @at:     where in the output
 * @text:   the text
 */
void pyre_insert_text(struct pyre_parser *parser, size_t at, const char *text)
{
        size_t n = strlen(text);
        size_t i;

        if (!reserve(parser, n))
                return;

        memmove(parser->out + at + n, parser->out + at,
                (parser->n_out - at) * sizeof(*parser->out));
        for (i = 0; i < n; i++)
                parser->out[at + i] = (unsigned char)text[i];
        parser->n_out += n;
}

/**
 * pyre_put_callout() - insert the callout by which the matcher charges for what follows
 * @parser: the parser
 * @at:     where in the output
 * @number: PYRE_CALLOUT_REST or PYRE_CALLOUT_RUN
 *
 * Return: where in the output that is now which was at @at
 */
size_t pyre_put_callout(struct pyre_parser *parser, size_t at, unsigned int number)
{
        size_t n_before = parser->n_out;

        pyre_insert_text(parser, at, number == PYRE_CALLOUT_REST ? "(?C1)" : "(?C2)");
        return at + parser->n_out - n_before;
}

/**
 * pyre_repeat_output() - append a part of the output once more
 * @parser: the parser
 * @start:  where it begins
 * @end:    where it ends
 */
void pyre_repeat_output(struct pyre_parser *parser, size_t start, size_t end)
{
        if (!reserve(parser, end - start))
                return;

        memcpy(parser->out + parser->n_out, parser->out + start,
               (end - start) * sizeof(*parser->out));
        parser->n_out += end - start;
}
