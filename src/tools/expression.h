/* SPDX-License-Identifier: Apache-2.0 */
/* What an expression looks like to somebody who reads it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text;

/* Groups that are told apart; what is deeper counts as this deep. */
#define EXPRESSION_DEPTH_MAX 64

struct expression {
        bool is_path;         /* it begins with a slash */
        bool is_wild;         /* it repeats something that takes both '.' and '/' */
        bool is_open;         /* a bracket of any kind is not closed */
        bool has_alternative; /* a `|` outside of all groups */
        bool has_loose_dot;   /* a `.` between letters or digits */
        bool has_end_flag;    /* (?m) or (?x), which change what a `$` behind it means */
        bool has_look;        /* (?=...), (?!...) and the like */
        size_t n_prefix;      /* bytes at the beginning that stand for themselves */
        size_t suffix;        /* where the bytes begin that do so up to the end */
};

void expression_read(struct expression *expression, const char *text);
void expression_put_literal(struct text *out, const char *text, size_t n_text);
