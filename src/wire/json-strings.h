/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON array of strings of any bytes but NUL. */
#pragma once

#include <stddef.h>

#include "wire/json-reader.h"

struct arena;

/* The most strings in one array. */
#define JSON_STRINGS_MAX (256u * 1024)

int json_read_strings(const char *text,
                      size_t n_bytes,
                      struct arena *arena,
                      const char ***ret_strings,
                      const char **reterr_reason);
