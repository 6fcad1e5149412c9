/* SPDX-License-Identifier: Apache-2.0 */
/* A regular expression that a filter holds for one argument. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/filter.h"

struct regex;

struct pattern {
        const char *text;
        struct regex *whole; /* compiled when first needed */
        struct regex *oslo;
        int error;          /* REGEX_E_* of a compilation that failed, 0: none did */
        const char *reason; /* of that error */
};

enum filter_answer pattern_match_words(const struct filter *filter,
                                       struct query *query,
                                       struct words words);
int pattern_compile(struct pattern *pattern, bool oslo_compat);
void pattern_deinit(struct pattern *pattern);
int pattern_name(const struct filter *filter, int (*add)(void *to, const char *key), void *to);
void pattern_prepare(struct filter *filter);
