/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeats: ? * + {n} {m,n}, each greedy, lazy (?) or possessive (+), of the item before.
 *
 * Python counts to 4294967294, PCRE2 to PYRE_REPEAT_MAX. A higher count is written as the item more
 * than once where that means the same, as "can't match" where no argument is so long, and refused
 * elsewhere.
 *
 * Possessive repeats of groups are refused: in Python 3.11 a round that fails moves on in the
 * argument all the same, so that (?!.{2})*+ matches "ac".
 */
#include "policy/pyre-parser.h"

/* int() refuses longer ones. */
#define DIGITS_MAX 4300

struct repeat {
        uint64_t min;
        uint64_t max;       /* or PYRE_REPEAT_INFINITE */
        const char *suffix; /* "", "?", "+"; the last for single characters only */
};

static uint64_t multiply(uint64_t width, uint64_t count)
{
        uint64_t product;

        /* Both are far from where the sum of a sequence could overflow. */
        if (__builtin_mul_overflow(width, count, &product) || product > PYRE_REPEAT_INFINITE)
                return PYRE_REPEAT_INFINITE;
        return product;
}

static void put_count(struct pyre_parser *parser, uint64_t min, uint64_t max)
{
        if (max == PYRE_REPEAT_INFINITE && min < 2) {
                pyre_put(parser, min ? '+' : '*');
                return;
        }
        if (!min && max == 1) {
                pyre_put(parser, '?');
                return;
        }

        pyre_put(parser, '{');
        pyre_put_number(parser, min);
        if (max != min)
                pyre_put(parser, ',');
        if (max != min && max != PYRE_REPEAT_INFINITE)
                pyre_put_number(parser, max);
        pyre_put(parser, '}');
}

/* Inside a look-behind PCRE2 wants a fixed count even of what has no width. */
static void put_empty_repeat(struct pyre_parser *parser, size_t start, const struct repeat *repeat)
{
        if (repeat->min)
                return;
        if (!repeat->max) {
                put_count(parser, 0, 0);
                return;
        }
        pyre_insert_text(parser, start, *repeat->suffix ? "(?:|" : "(?:");
        pyre_put_text(parser, *repeat->suffix ? ")" : "|)");
}

/* @count times the item that ends the output: (?:x{65535}){k}x{rest} */
static void put_copies(struct pyre_parser *parser, size_t start, uint64_t count)
{
        size_t n_item = parser->n_out - start;

        pyre_insert_text(parser, start, "(?:");
        put_count(parser, PYRE_REPEAT_MAX, PYRE_REPEAT_MAX);
        pyre_put(parser, ')');
        put_count(parser, count / PYRE_REPEAT_MAX, count / PYRE_REPEAT_MAX);
        if (parser->out_error)
                return;
        pyre_repeat_output(parser, start + 3, start + 3 + n_item);
        put_count(parser, count % PYRE_REPEAT_MAX, count % PYRE_REPEAT_MAX);
}

static void put_failure(struct pyre_parser *parser, size_t start)
{
        if (parser->out_error)
                return;
        parser->n_out = start;
        pyre_put_text(parser, "(?!)");
}

static int put_large_repeat(struct pyre_parser *parser,
                            const struct pyre_level *level,
                            struct repeat *repeat)
{
        size_t start = level->item_start;
        size_t n_item = parser->n_out - start;
        bool is_unit = level->item == PYRE_ITEM_UNIT;

        if (is_unit && repeat->max > PYRE_ARGUMENT_MAX && repeat->max != repeat->min)
                repeat->max = PYRE_REPEAT_INFINITE;
        if (is_unit && repeat->max == PYRE_REPEAT_INFINITE && repeat->min <= PYRE_REPEAT_MAX) {
                put_count(parser, repeat->min, repeat->max);
                pyre_put_text(parser, repeat->suffix);
                return 0;
        }
        if (repeat->min > PYRE_ARGUMENT_MAX && level->item_width.lo) {
                put_failure(parser, start);
                return 0;
        }
        if (is_unit && repeat->max == PYRE_REPEAT_INFINITE) {
                put_copies(parser, start, repeat->min);
                if (!parser->out_error)
                        pyre_repeat_output(parser, start + 3, start + 3 + n_item);
                put_count(parser, 0, repeat->max);
                pyre_put_text(parser, repeat->suffix);
                return 0;
        }
        if (repeat->min != repeat->max || level->item_captures || repeat->min > PYRE_ARGUMENT_MAX)
                return pyre_limit(parser, "a repeat has too large a count");

        put_copies(parser, start, repeat->min);
        return 0;
}

static int put_repeat(struct pyre_parser *parser, struct repeat *repeat)
{
        struct pyre_level *level = pyre_level(parser);
        struct pyre_width width = {
                .lo = multiply(level->item_width.lo, repeat->min),
                .hi = multiply(level->item_width.hi, repeat->max),
        };
        uint64_t uncharged;
        bool is_large;
        int r;

        uncharged = *repeat->suffix == '+' ? width.hi : multiply(level->item_width.hi, repeat->min);
        is_large = repeat->min > PYRE_REPEAT_MAX ||
                   (repeat->max > PYRE_REPEAT_MAX && repeat->max != PYRE_REPEAT_INFINITE);

        if (parser->look_behind_groups && !level->item_width.hi) {
                put_empty_repeat(parser, level->item_start, repeat);
        } else if (is_large) {
                r = put_large_repeat(parser, level, repeat);
                if (r)
                        return r;
        } else {
                put_count(parser, repeat->min, repeat->max);
                pyre_put_text(parser, repeat->suffix);
        }
        if (uncharged > PYRE_UNCHARGED_MAX)
                (void)pyre_put_callout(parser, level->item_start, PYRE_CALLOUT_REST);

        level->item = PYRE_ITEM_REPEAT;
        level->item_width = width;
        return 0;
}

/* Reads digits, if there are any. */
static int parse_count(struct pyre_parser *parser, uint64_t *count, bool *ret_is_given)
{
        uint64_t value = 0;
        size_t n_digits = 0;
        uint32_t token;

        for (token = pyre_peek(parser); token >= '0' && token <= '9'; token = pyre_peek(parser)) {
                (void)pyre_take(parser);
                n_digits++;
                value = value * 10 + (token - '0');
                if (value > PYRE_REPEAT_INFINITE)
                        value = PYRE_REPEAT_INFINITE;
        }
        *ret_is_given = n_digits;
        if (!n_digits)
                return 0;

        /* Only a count is an error; {99999999999x is text. The caller asks once it knows. */
        *count = n_digits > DIGITS_MAX ? PYRE_REPEAT_INFINITE : value;
        return 0;
}

/* Reads what follows a {. @ret_is_repeat false: it is text, and nothing was taken. */
static int parse_braces(struct pyre_parser *parser, struct repeat *repeat, bool *ret_is_repeat)
{
        size_t start = parser->at;
        bool has_min;
        bool has_max;
        int r;

        *ret_is_repeat = false;
        if (pyre_peek(parser) == '}')
                return 0;

        *repeat = (struct repeat){ .max = PYRE_REPEAT_INFINITE };
        r = parse_count(parser, &repeat->min, &has_min);
        if (r)
                return r;
        if (pyre_accept(parser, ',')) {
                r = parse_count(parser, &repeat->max, &has_max);
                if (r)
                        return r;
        } else {
                has_max = has_min;
                if (has_min)
                        repeat->max = repeat->min;
        }
        if (!pyre_accept(parser, '}')) {
                parser->at = start;
                return 0;
        }

        if (has_min && repeat->min >= PYRE_REPEAT_INFINITE)
                return pyre_raise(parser, "a repeat has too large a count");
        if (has_max && repeat->max >= PYRE_REPEAT_INFINITE)
                return pyre_raise(parser, "a repeat has too large a count");
        if (repeat->max < repeat->min)
                return pyre_bad(parser, "a repeat has a minimum above its maximum");
        *ret_is_repeat = true;
        return 0;
}

/**
 * pyre_parse_repeat() - read a repeat and apply it to the last item
 * @parser: the parser
 * @token:  ? * + or {, taken
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_parse_repeat(struct pyre_parser *parser, uint32_t token)
{
        struct repeat repeat = {
                .min = token == '+',
                .max = token == '?' ? 1 : PYRE_REPEAT_INFINITE,
        };
        enum pyre_item item = pyre_level(parser)->item;
        size_t start = parser->n_out;
        bool is_repeat = true;
        int r;

        if (token == '{') {
                r = parse_braces(parser, &repeat, &is_repeat);
                if (r)
                        return r;
        }
        if (!is_repeat) {
                pyre_put_code(parser, '{');
                pyre_add_item(parser, PYRE_ITEM_UNIT, PYRE_WIDTH_UNIT, start);
                return 0;
        }

        if (item == PYRE_ITEM_NONE || item == PYRE_ITEM_POSITION)
                return pyre_bad(parser, "nothing to repeat");
        if (item == PYRE_ITEM_REPEAT)
                return pyre_bad(parser, "a repeat of a repeat");
        if (pyre_level(parser)->flags & PYRE_FLAG_TEMPLATE)
                return pyre_bad(parser, "a repeat under (?t)");

        repeat.suffix = pyre_accept(parser, '?') ? "?" : pyre_accept(parser, '+') ? "+" : "";
        if (*repeat.suffix == '+' && item != PYRE_ITEM_UNIT)
                return pyre_limit(parser, "a possessive repeat of a group");
        return put_repeat(parser, &repeat);
}
