/* SPDX-License-Identifier: Apache-2.0 */
/* What Python's str methods know of a character. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most code points that lower-casing one makes of it. */
#define UNICODE_LOWER_MAX 2

struct unicode_range {
        uint32_t first;
        uint32_t last;
};

struct unicode_mapping {
        uint32_t first;
        uint32_t last;
        uint32_t step;
        int32_t delta;
};

bool unicode_is_in(const struct unicode_range *ranges, size_t n_ranges, uint32_t code);
const struct unicode_range *unicode_space_ranges(size_t *ret_n_ranges);
bool unicode_is_space(uint32_t code);
bool unicode_is_printable(uint32_t code);
bool unicode_is_cased(uint32_t code);
bool unicode_is_case_ignorable(uint32_t code);
int unicode_digit(uint32_t code);
unsigned int unicode_lower(uint32_t code, uint32_t ret_codes[static UNICODE_LOWER_MAX]);
