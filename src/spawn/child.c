/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's way to the program. It shares the parent's memory, who may go on meanwhile: so there
 * are only system calls in here, by call.h, and nothing is written but this function's own stack.
 */
#include "spawn/child.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "spawn/call.h"
#include "spawn/identity.h"

/* The kernel's sets of signals; ours begin with the same bits. */
#define SIGSET_BYTES 8

/* The kernel's levels: 20 is 19, 40 is -20. */
#define NICE_BASE 20

static int set_mask(const struct spawn *spawn)
{
        return (int)call4(SYS_rt_sigprocmask, SIG_SETMASK, spawn->mask, NULL, SIGSET_BYTES);
}

static int connect_streams(const struct spawn *spawn)
{
        long r = 0;
        int fd;

        for (fd = 0; spawn->streams && fd <= 2 && r >= 0; fd++)
                if (spawn->streams[fd] != fd)
                        r = call3(SYS_dup3, spawn->streams[fd], fd, 0);
        return r < 0 ? (int)r : 0;
}

/* All from 3 on, but for one that closes itself on execution. */
static int close_descriptors(int keep_fd)
{
        long r = 0;

        if (keep_fd < 0)
                return (int)call3(SYS_close_range, 3u, ~0u, 0u);
        if (keep_fd > 3)
                r = call3(SYS_close_range, 3u, keep_fd - 1, 0u);
        if (r >= 0)
                r = call3(SYS_close_range, keep_fd + 1, ~0u, 0u);
        return (int)r;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* prlimit(2)'s own structure. */
struct limit64 {
        uint64_t soft;
        uint64_t hard;
};

static int lower_limit(uint32_t resource, uint64_t soft, uint64_t hard)
{
        struct limit64 ours = { 0 };
        struct limit64 lower;
        long r;

        r = call4(SYS_prlimit64, 0, resource, NULL, &ours);
        if (r < 0)
                return (int)r;
        lower = (struct limit64){ .soft = smaller(ours.soft, soft),
                                  .hard = smaller(ours.hard, hard) };
        if (lower.soft == ours.soft && lower.hard == ours.hard)
                return 0;
        return (int)call4(SYS_prlimit64, 0, resource, &lower, NULL);
}

static int lower_nofile(const struct spawn *spawn)
{
        if (spawn->nofile < 0)
                return 0;
        return lower_limit(RLIMIT_NOFILE, (uint64_t)spawn->nofile, UINT64_MAX);
}

static int lower_limits(const struct spawn_apart *apart)
{
        size_t i;
        int r = 0;

        for (i = 0; !r && i < apart->n_limits; i++)
                r = lower_limit(apart->limits[i].resource, apart->limits[i].soft,
                                apart->limits[i].hard);
        return r;
}

static int raise_nice(const struct spawn_apart *apart)
{
        long level = call2(SYS_getpriority, PRIO_PROCESS, 0);

        if (level < 0)
                return (int)level;
        if (NICE_BASE - level >= apart->nice)
                return 0;
        return (int)call3(SYS_setpriority, PRIO_PROCESS, 0, apart->nice);
}

/* Return: 0, or negative errno of @step */
static int keep_apart(const struct spawn_apart *apart, enum spawn_step *step)
{
        long mask;
        int r;

        *step = SPAWN_GROUP;
        r = (int)call2(SYS_setpgid, 0, 0);
        if (r)
                return r;
        *step = SPAWN_LIMIT;
        r = lower_limits(apart);
        if (r)
                return r;
        *step = SPAWN_NICE;
        r = raise_nice(apart);
        if (r)
                return r;
        mask = call1(SYS_umask, 0777);
        (void)call1(SYS_umask, mask | (long)apart->umask);
        return 0;
}

/* The kernel forgets it when the user changes, so it comes after that; and a parent that is gone by
 * then sends nothing. A child whose parent has died is another's, or has none that it can see. */
static int follow_in_death(const struct spawn_apart *apart)
{
        int r;

        if (!apart || !apart->death_signal)
                return 0;
        r = (int)call2(SYS_prctl, PR_SET_PDEATHSIG, apart->death_signal);
        if (r)
                return r;
        return call0(SYS_getppid) == apart->parent ? 0 : -ESRCH;
}

/* All that is the same for a program and for a signal. Return: 0, or negative errno of @step */
static int prepare(const struct spawn *spawn, enum spawn_step *step)
{
        int r;

        *step = SPAWN_SIGNALS;
        r = set_mask(spawn);
        if (r)
                return r;
        *step = SPAWN_LIMIT;
        r = lower_nofile(spawn);
        if (!r && spawn->apart)
                r = keep_apart(spawn->apart, step);
        if (r)
                return r;
        *step = SPAWN_IDENTITY;
        if (spawn->identity)
                r = identity_assume(spawn->identity);
        return r ? r : follow_in_death(spawn->apart);
}

/**
 * child_run() - execute the program, or send the signal
 * @spawn:   what, and how
 * @keep_fd: what closes itself on execution and is needed until then; or -1
 * @step:    set as it goes on
 *
 * Return: negative errno of @step; 0 only after a signal was sent
 */
int child_run(const struct spawn *spawn, int keep_fd, enum spawn_step *step)
{
        int r;

        r = prepare(spawn, step);
        if (r)
                return r;
        if (spawn->pidfd >= 0) {
                *step = SPAWN_KILL;
                return (int)call4(SYS_pidfd_send_signal, spawn->pidfd, spawn->signal, NULL, 0);
        }
        *step = SPAWN_STREAMS;
        r = connect_streams(spawn);
        if (r)
                return r;
        *step = SPAWN_DESCRIPTORS;
        r = close_descriptors(keep_fd);
        if (r)
                return r;
        *step = SPAWN_EXEC;
        return (int)call3(SYS_execve, spawn->argv[0], spawn->argv, spawn->envp);
}
