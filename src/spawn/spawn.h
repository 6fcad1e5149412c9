/* SPDX-License-Identifier: Apache-2.0 */
/* How a command that was allowed is started. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct identity;

/* Where a start failed. */
enum spawn_step {
        SPAWN_FORK,
        SPAWN_SIGNALS,
        SPAWN_STREAMS,
        SPAWN_DESCRIPTORS,
        SPAWN_LIMIT,
        SPAWN_IDENTITY,
        SPAWN_EXEC,
        SPAWN_KILL,
};

struct spawn {
        const char *const *argv; /* argv[0] is the program's path; NULL-terminated */
        const char *const *envp;
        const struct identity *identity; /* NULL: stays as it is */
        const sigset_t *mask;            /* the command's signal mask */
        const int *streams; /* what becomes its descriptors 0 to 2, each at least 3; NULL:
                             * ours */
        int64_t nofile;     /* soft RLIMIT_NOFILE is lowered to this */
        int pidfd;          /* not -1: no program is executed, but ... */
        int signal;         /* ... this signal sent there */
};

int spawn_start(const struct spawn *spawn, pid_t *ret_pid, enum spawn_step *reterr_step);
const char *spawn_step_name(enum spawn_step step);
