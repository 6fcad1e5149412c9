/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a command line, kept until it is logged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text;

/* So much is kept; and so much is printed, in which a byte can take six. */
#define CMDLINE_BYTES_MAX   4096
#define CMDLINE_PRINTED_MAX 4096

struct cmdline {
        char *bytes; /* owned; words, each with its NUL, but for a last one that is cut */
        size_t n_bytes;
        bool is_cut;
};

void cmdline_keep(struct cmdline *ret_cmdline, const char *const *argv);
void cmdline_deinit(struct cmdline *cmdline);
void cmdline_put_plain(const struct cmdline *cmdline, struct text *out);
void cmdline_put_repr(const struct cmdline *cmdline, struct text *out);
bool cmdline_put_json(const struct cmdline *cmdline, struct text *out);
size_t cmdline_fit_json(const char *bytes, size_t n_bytes, size_t n_max);
