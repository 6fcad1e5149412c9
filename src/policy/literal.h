/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that are plain text. */
#pragma once

#include <stdbool.h>

bool literal_is(const char *pattern);
