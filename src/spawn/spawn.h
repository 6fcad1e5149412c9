/* SPDX-License-Identifier: Apache-2.0 */
/* How a command that was allowed is started. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct identity;

/* Where a start failed. */
enum spawn_step {
        SPAWN_FORK,
        SPAWN_SIGNALS,
        SPAWN_STREAMS,
        SPAWN_DESCRIPTORS,
        SPAWN_GROUP,
        SPAWN_LIMIT,
        SPAWN_NICE,
        SPAWN_IDENTITY,
        SPAWN_EXEC,
        SPAWN_KILL,
};

/* A limit of a resource that is not to be exceeded. */
struct spawn_limit {
        uint32_t resource; /* RLIMIT_* */
        uint64_t soft;     /* UINT64_MAX: none */
        uint64_t hard;
};

/* How a command is kept apart, and what it is given less of than we have. */
struct spawn_apart {
        const struct spawn_limit *limits; /* the smaller of these and ours hold */
        size_t n_limits;
        int death_signal; /* that it gets when we are gone; 0: none */
        pid_t parent;     /* for that: ours, getpid(2) */
        uint32_t umask;   /* bits beside our own */
        int32_t nice;     /* its level, if ours is lower */
};

struct spawn {
        const char *const *argv; /* argv[0] is the program's path; NULL-terminated */
        const char *const *envp;
        const struct identity *identity; /* NULL: stays as it is */
        const sigset_t *mask;            /* the command's signal mask */
        const int *streams; /* what becomes its descriptors 0 to 2, each at least 3; NULL:
                             * ours */
        int64_t nofile;     /* soft RLIMIT_NOFILE is lowered to this */
        const struct spawn_apart *apart; /* a process group of its own, and so on; NULL: ours */
        int pidfd;                       /* not -1: no program is executed, but ... */
        int signal;                      /* ... this signal sent there */
};

int spawn_start(const struct spawn *spawn, pid_t *ret_pid, enum spawn_step *reterr_step);
const char *spawn_step_name(enum spawn_step step);
