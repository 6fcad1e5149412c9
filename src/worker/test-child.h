/* SPDX-License-Identifier: Apache-2.0 */
/* A child that enters the sandbox, for tests: what it is told, and what became of it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "priv/protection.h"
#include "worker/sandbox.h"

#define TEST_UID   54321
#define TEST_GID   54322
#define NOBODY     65534
#define N_FILES    64
#define FIRST_FREE 20 /* a descriptor that the sandbox has to close */

/* The descriptors of a child. */
enum {
        REPORT = 3,
        PAIR_A,
        PAIR_B,
        LISTENER,
        CLIENT,
        N_FDS,
};

enum lie_call {
        LIE_NONE,
        LIE_CHROOT,
        LIE_MKDTEMP,
        LIE_PRCTL,
        LIE_SETRESUID,
        LIE_SETRLIMIT,
        LIE_SETGID,
        LIE_SETGROUPS,
        LIE_SETUID,
        LIE_SYSCALL
};

/* A system call that isn't made. */
struct child_lie {
        enum lie_call call;
        long selector; /* of prctl(2) the option, of syscall(2) the number, ... */
        int error;     /* what it fails with; 0: it claims success */
};

/* What a child is told, and what it tells. */
struct child {
        bool as_nobody;
        struct sandbox sandbox;
        struct child_lie lie;
        void (*prepare)(void);
        int (*act)(void); /* in the sandbox; Return: exit status */
};

struct child_report {
        int r;
        unsigned int missing;
};

/* What a file of a child in /proc has to say. */
struct child_claim {
        const char *name;
        enum protection protection;
        const char *file;
        const char *line; /* without white space at its end */
};

void child_must(bool is_done);
pid_t child_start(const struct child *child, struct child_report *ret_report);
int child_run(const struct child *child, struct child_report *ret_report);
bool child_is_root(void);
int child_n_callers(void);
struct child child_of(int caller);
unsigned int child_missing(const struct child *child);
void child_need_root(void);
int child_wait(void);
void child_run_claim(void **state);
