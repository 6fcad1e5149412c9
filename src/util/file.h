/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files whole. */
#pragma once

#include <stddef.h>

struct arena;

enum {
        FILE_E_TOO_BIG = 1, /* more bytes than the caller takes */
};

int file_read(int fd,
              struct arena *arena,
              size_t n_hint,
              size_t n_max,
              char **ret_data,
              size_t *ret_n_bytes);
