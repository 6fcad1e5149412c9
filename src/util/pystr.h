/* SPDX-License-Identifier: Apache-2.0 */
/* Methods of Python's str on UTF-8 text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct text;

/* int() takes at most so many digits (sys.int_info.default_max_str_digits). */
#define PYSTR_INT_DIGITS_MAX 4300

enum {
        PYSTR_E_BAD = 1, /* not the literal that was wanted */
};

size_t pystr_indent(const char *text, size_t n_bytes, size_t *ret_n_bytes);
size_t pystr_rstrip(const char *text, size_t n_bytes);
size_t pystr_strip(const char **text, size_t n_bytes);
void pystr_lower(const char *text, size_t n_bytes, struct text *out);
int pystr_int(const char *text, size_t n_bytes, int64_t *ret_value);
void pystr_repr(const char *text, size_t n_bytes, struct text *out);
