/* SPDX-License-Identifier: Apache-2.0 */
/* An expression without a character that means something to Python's re matches itself alone. */
#include "policy/literal.h"

#include <stddef.h>
#include <string.h>

/**
 * literal_is() - is the expression plain text?
 * @pattern: the expression
 *
 * Return: true only if it matches the text that it is, and, as a whole, nothing else
 */
bool literal_is(const char *pattern)
{
        return strpbrk(pattern, ".^$*+?{}[]\\|()") == NULL;
}
