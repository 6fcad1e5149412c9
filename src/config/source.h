/* SPDX-License-Identifier: Apache-2.0 */
/* The files that say what root may do: they are read only if root alone can have written them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct arena;
struct complaint;

enum {
        SOURCE_E_BAD = 1, /* missing, not of the wanted kind, not trusted, too large */
        SOURCE_E_KIND,    /* as SOURCE_E_BAD, but only because it is of another kind */
};

enum source_kind {
        SOURCE_FILE,
        SOURCE_DIRECTORY,
};

const char *source_distrust(const struct stat *st);
int source_open(const char *path, enum source_kind kind, int *ret_fd, struct complaint *reterr);
int source_read(const char *path,
                struct arena *arena,
                char **ret_text,
                size_t *ret_n_bytes,
                struct complaint *reterr);
