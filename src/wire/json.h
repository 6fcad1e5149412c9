/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Python's json module writes and reads it, with strings of any bytes. */
#pragma once

#include <stddef.h>

struct arena;
struct text;

/* The most strings in one array. */
#define JSON_STRINGS_MAX (256u * 1024)

enum {
        JSON_E_BAD = 1, /* not what was wanted; the reason says why */
};

void json_put_string(struct text *text, const char *bytes, size_t n_bytes);
void json_put_string_or_null(struct text *text, const char *string);
void json_put_strings(struct text *text, const char *const *strings);
int json_read_strings(const char *text,
                      size_t n_bytes,
                      struct arena *arena,
                      const char ***ret_strings,
                      const char **reterr_reason);
