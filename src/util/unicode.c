/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character properties of CPython 3.11 (Objects/unicodetype_db.h there): its configparser strips
 * and lower-cases with them, its int() reads digits with them, and its repr() escapes by them. The
 * tables are written by generate-unicode.py.
 */
#include "util/unicode.h"

#include <stddef.h>

#include "util/unicode-tables.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Return: the range that holds @code, NULL if none does */
static const struct unicode_range *find(const struct unicode_range *ranges, size_t n, uint32_t code)
{
        size_t low = 0;
        size_t high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (code < ranges[middle].first)
                        high = middle;
                else if (code > ranges[middle].last)
                        low = middle + 1;
                else
                        return &ranges[middle];
        }
        return NULL;
}

/**
 * unicode_is_in() - is it in one of some ranges?
 * @ranges:   in order, none touching another
 * @n_ranges: how many
 * @code:     a code point
 */
bool unicode_is_in(const struct unicode_range *ranges, size_t n_ranges, uint32_t code)
{
        return find(ranges, n_ranges, code) != NULL;
}

/**
 * unicode_space_ranges() - all blanks
 * @ret_n_ranges: how many ranges
 *
 * Return: the ranges, in order
 */
const struct unicode_range *unicode_space_ranges(size_t *ret_n_ranges)
{
        *ret_n_ranges = N(unicode_spaces);
        return unicode_spaces;
}

/**
 * unicode_is_space() - str.isspace()
 * @code: a code point
 */
bool unicode_is_space(uint32_t code)
{
        return unicode_is_in(unicode_spaces, N(unicode_spaces), code);
}

/**
 * unicode_is_printable() - str.isprintable()
 * @code: a code point
 */
bool unicode_is_printable(uint32_t code)
{
        return code <= 0x10FFFF &&
               !unicode_is_in(unicode_unprintable, N(unicode_unprintable), code);
}

/**
 * unicode_is_cased() - is it a letter with case, and not case-ignorable?
 * @code: a code point
 */
bool unicode_is_cased(uint32_t code)
{
        return unicode_is_in(unicode_cased, N(unicode_cased), code);
}

/**
 * unicode_is_case_ignorable() - is it passed over when case is looked at?
 * @code: a code point
 */
bool unicode_is_case_ignorable(uint32_t code)
{
        return unicode_is_in(unicode_case_ignorable, N(unicode_case_ignorable), code);
}

/**
 * unicode_digit() - the value of a decimal digit of any script
 * @code: a code point
 *
 * Return: 0 to 9, or -1
 */
int unicode_digit(uint32_t code)
{
        const struct unicode_range *range = find(unicode_digits, N(unicode_digits), code);

        return range ? (int)(code - range->first) : -1;
}

/**
 * unicode_lower() - str.lower() of one character, final sigma aside
 * @code:      a code point
 * @ret_codes: its lower case
 *
 * Return: how many code points that is
 */
unsigned int unicode_lower(uint32_t code, uint32_t ret_codes[static UNICODE_LOWER_MAX])
{
        size_t low = 0;
        size_t high = N(unicode_lower_mappings);

        ret_codes[0] = code;
        if (code == 0x130) { /* the only one that becomes two: i with a dot above */
                ret_codes[0] = 'i';
                ret_codes[1] = 0x307;
                return 2;
        }
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const struct unicode_mapping *map = &unicode_lower_mappings[middle];

                if (code < map->first) {
                        high = middle;
                } else if (code > map->last) {
                        low = middle + 1;
                } else {
                        if ((code - map->first) % map->step == 0)
                                ret_codes[0] = (uint32_t)((int32_t)code + map->delta);
                        break;
                }
        }
        return 1;
}
