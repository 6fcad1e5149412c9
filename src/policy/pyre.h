/* SPDX-License-Identifier: Apache-2.0 */
/* Translates an expression of Python's re (3.11, str) into one that PCRE2 matches alike.
 *
 * What Python rejects is PYRE_E_BAD. What Python takes and this does not is PYRE_E_LIMIT; it is
 * this much, and everything else is translated:
 *   - \N{NAME}: the names of characters are not known here
 *   - sizes above the limits below
 *   - possessive repeats of groups, (x)*+, which Python 3.11 gets wrong
 *   - conditions within the group that they ask for, (a(?(1)b)), for the same reason
 *   - x{m,n} with n above PYRE_REPEAT_MAX, (x){n} with n above it around a group that is referred
 * to
 *   - look-behind of more than PYRE_REPEAT_MAX characters
 *   - with (?i): letters above U+FFFF that have a case, which Python 3.11 gets wrong in sets; with
 *     (?ai): a range in a set that ends above U+FFFF, for the same reason */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        PYRE_E_BAD = 1, /* Python's re does not compile it */
        PYRE_E_LIMIT,   /* Python's re does, this does not */
        PYRE_E_RAISE,   /* Python's re raises something else than re.error */
};

/* The longest expression, in characters. */
#define PYRE_PATTERN_MAX 16384
/* The longest translation, in code units. */
#define PYRE_OUTPUT_MAX 262144
/* Groups within groups; Python itself ends below 495, less the depth of the calling program. */
#define PYRE_NEST_MAX 450
/* The largest count PCRE2 knows; beyond it an item is written more than once. */
#define PYRE_REPEAT_MAX 65535
/* Repeats that can never be satisfied by an argument: no kernel takes one of this length. */
#define PYRE_ARGUMENT_MAX 2097152
/* Characters in all ranges of an expression that ignores case: each one costs compile time. */
#define PYRE_FOLD_MAX 2097152
/* What may read more characters than this without a backtracking point of the matcher, which counts
 * only those, follows a callout by which it can charge: PYRE_CALLOUT_REST before what may read the
 * rest of the argument, PYRE_CALLOUT_RUN before each run of PYRE_RUN_MAX simple items. */
#define PYRE_UNCHARGED_MAX 256
#define PYRE_RUN_MAX       64
#define PYRE_CALLOUT_REST  1
#define PYRE_CALLOUT_RUN   2

struct pyre {
        uint32_t *codes; /* owned */
        size_t n_codes;
        /* A case-insensitive back-reference is exact only while the argument has no character for
         * which pyre_fold_is_exact() is false. */
        bool folds_unicode;
        bool folds_ascii;
        /* What makes each step of the matcher dearer. */
        uint32_t n_nested;   /* groups within groups */
        uint32_t n_captures; /* groups that capture */
};

int pyre_translate(struct pyre *ret_pyre,
                   const uint32_t *codes,
                   size_t n_codes,
                   const char **reterr_reason);
void pyre_deinit(struct pyre *pyre);
bool pyre_fold_is_exact(const struct pyre *pyre, uint32_t code);
bool pyre_is_literal(const char *pattern, size_t n_pattern);
