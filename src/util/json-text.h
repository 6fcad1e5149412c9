/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Python's json module writes it, with strings of any bytes. */
#pragma once

#include <stddef.h>

struct text;

void text_put_json(struct text *text, const char *bytes, size_t n_bytes);
void text_put_json_or_null(struct text *text, const char *string);
void text_put_json_strings(struct text *text, const char *const *strings);
