/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted where, as proc(5) has it in mountinfo. */
#pragma once

#include <stdbool.h>

bool mounts_match(const char *ours, const char *theirs);
