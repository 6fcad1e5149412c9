/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of the next command, as the worker sends them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct record_explain;

enum {
        ARGS_E_BAD = 1, /* too many, or not what they are said to be */
};

/* What arrived so far: arguments, each with the NUL behind it. */
struct args {
        char *bytes;
        size_t n_bytes;
        size_t n_room;
        bool is_lost; /* there was no memory for some */
};

int args_add(struct args *args, const char *bytes, size_t n_bytes);
int args_split(const struct args *args, size_t n_args, const char ***ret_argv);
int args_take(struct args *args,
              const char *bytes,
              size_t n_bytes,
              const struct record_explain *sizes,
              const char ***ret_argv);
void args_forget(struct args *args);
