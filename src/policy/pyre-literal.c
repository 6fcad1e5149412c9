/* SPDX-License-Identifier: Apache-2.0 */
/* The question that spares most patterns a compilation; apart, so that it links alone. */
#include <string.h>

#include "policy/pyre.h"

/**
 * pyre_is_literal() - does the pattern match exactly its own text?
 * @pattern:   UTF-8
 * @n_pattern: bytes
 *
 * True means: re.fullmatch(pattern, argument) is the comparison of the two strings, byte for byte.
 * re.match(pattern + '$', argument) takes one newline more at the argument's end. False says
 * nothing: "a{" is a literal too.
 */
bool pyre_is_literal(const char *pattern, size_t n_pattern)
{
        size_t i;

        for (i = 0; i < n_pattern; i++)
                if (!pattern[i] || strchr(".\\[{()*+?^$|", pattern[i]))
                        return false;
        return true;
}
