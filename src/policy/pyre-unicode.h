/* SPDX-License-Identifier: Apache-2.0 */
/* Characters in names of groups, and in comparisons without regard to case: Unicode 14.0. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool pyre_is_name_start(uint32_t code);
bool pyre_is_name(uint32_t code);
bool pyre_has_odd_fold(uint32_t code);
