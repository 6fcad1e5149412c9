/* SPDX-License-Identifier: Apache-2.0 */
/* The full program: it does everything itself. */
#include <stddef.h>

#include "tools/variant.h"

/**
 * variant_is_lean() - is this the program that hands on what it can't do?
 */
bool variant_is_lean(void)
{
        return false;
}

/**
 * variant_continue() - never called here
 * @name: not looked at
 * @argv: not looked at
 *
 * Return: 96, since nothing was executed
 */
int variant_continue(const char *name, char *const *argv)
{
        (void)name;
        (void)argv;
        return 96;
}
