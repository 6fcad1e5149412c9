/* SPDX-License-Identifier: Apache-2.0 */
/* What Python's str says about a character: Unicode 14.0, as Python 3.11 has it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range of code points, both ends included. */
struct pyre_range {
        uint32_t lo;
        uint32_t hi;
};

bool pyre_is_space(uint32_t code);
const struct pyre_range *pyre_space_ranges(size_t *ret_n_ranges);
int pyre_decimal(uint32_t code);
bool pyre_is_name_start(uint32_t code);
bool pyre_is_name(uint32_t code);
bool pyre_has_odd_fold(uint32_t code);
