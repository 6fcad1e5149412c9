/* SPDX-License-Identifier: Apache-2.0 */
/* rootwrap is built twice: lean, for the usual command, and full, for all others. */
#pragma once

#include <stdbool.h>

bool variant_is_lean(void);
int variant_continue(const char *name, char *const *argv);
int variant_help(const char *name, char *const *argv);
void variant_rest(void);
