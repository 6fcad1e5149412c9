/* SPDX-License-Identifier: Apache-2.0 */
/* Python's regular expressions, matched by PCRE2 within limits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct regex;

/* How an expression is tied to the argument. */
enum regex_mode {
        /* re.fullmatch(pattern, argument): the pattern matches the whole argument. */
        REGEX_WHOLE,
        /* re.match(pattern + '$', argument), the '$' appended as text: what oslo.rootwrap does. */
        REGEX_OSLO,
};

enum {
        REGEX_E_NO_MATCH = 1, /* the argument does not match */
        REGEX_E_BAD,          /* not an expression that Python's re compiles */
        REGEX_E_LIMIT,        /* a limit was reached: treat as no match, and say so */
        REGEX_E_RAISE, /* Python raises what oslo.rootwrap does not handle: nothing may run */
};

/* The longest expression, in bytes; a longer one is REGEX_E_LIMIT. */
#define REGEX_PATTERN_MAX 16383
/* The longest argument, in characters; a longer one is REGEX_E_LIMIT. */
#define REGEX_ARGUMENT_MAX 2097152

int regex_new(struct regex **ret_regex,
              const char *pattern,
              size_t n_pattern,
              enum regex_mode mode,
              const char **reterr_reason);
struct regex *regex_free(struct regex *regex);
int regex_match(const struct regex *regex, const uint32_t *codes, size_t n_codes);

CLEANUP_DEFINE(struct regex, regex_free)
