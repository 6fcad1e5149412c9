/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root executes. The child is made by vfork(2): no page table is copied, the parent sleeps
 * until the child has executed the program or failed, and in the child nothing but system calls may
 * happen, none of which may touch what the parent goes on with. A failure comes back as the step
 * and errno.
 *
 * Only descriptors 0 to 2 pass. What the caller inherited and a command may rely on (umask, nice
 * level, limits, control group, ignored signals) stays; SIGPIPE and SIGXFSZ get their default
 * action, as Python's subprocess gives them.
 */
#include "spawn/spawn.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/identity.h"
#include "util/err.h"

/* What the child tells the parent, whose memory it shares. */
struct spawn_failure {
        int error; /* errno; 0: none */
        enum spawn_step step;
};

static int reset_signals(const struct spawn *spawn)
{
        static const int defaults[] = { SIGPIPE, SIGXFSZ, SIGCHLD };
        struct sigaction action = { .sa_handler = SIG_DFL };
        size_t i;

        for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
                if (sigaction(defaults[i], &action, NULL) < 0)
                        return -errno;
        return sigprocmask(SIG_SETMASK, spawn->mask, NULL) < 0 ? -errno : 0;
}

static int connect_streams(const struct spawn *spawn)
{
        int fd;

        for (fd = 0; spawn->streams && fd <= 2; fd++)
                if (dup2(spawn->streams[fd], fd) < 0)
                        return -errno;
        return 0;
}

static int close_descriptors(void)
{
        return syscall(SYS_close_range, 3u, ~0u, 0u) < 0 ? -errno : 0;
}

static int lower_nofile(const struct spawn *spawn)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        if (spawn->nofile < 0 || limit.rlim_cur <= (rlim_t)spawn->nofile)
                return 0;
        limit.rlim_cur = (rlim_t)spawn->nofile;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* RLIM_INFINITY is the largest value. */
static int lower_limits(const struct spawn_apart *apart)
{
        const struct spawn_limit *limit;
        struct rlimit ours;
        size_t i;

        for (i = 0; i < apart->n_limits; i++) {
                limit = &apart->limits[i];
                if (getrlimit((int)limit->resource, &ours) < 0)
                        return -errno;
                ours.rlim_cur = smaller(ours.rlim_cur, limit->soft);
                ours.rlim_max = smaller(ours.rlim_max, limit->hard);
                if (setrlimit((int)limit->resource, &ours) < 0)
                        return -errno;
        }
        return 0;
}

/* A level of its own is in no way an error, so errno tells. */
static int raise_nice(const struct spawn_apart *apart)
{
        int level;

        errno = 0;
        level = getpriority(PRIO_PROCESS, 0);
        if (level == -1 && errno)
                return -errno;
        if (level >= apart->nice)
                return 0;
        return setpriority(PRIO_PROCESS, 0, apart->nice) < 0 ? -errno : 0;
}

/* Return: 0, or negative errno of @step */
static int keep_apart(const struct spawn_apart *apart, enum spawn_step *step)
{
        int r;

        *step = SPAWN_GROUP;
        if (setpgid(0, 0) < 0)
                return -errno;
        *step = SPAWN_LIMIT;
        r = lower_limits(apart);
        if (r)
                return r;
        *step = SPAWN_NICE;
        r = raise_nice(apart);
        if (r)
                return r;
        (void)umask(umask(0777) | (mode_t)apart->umask);
        return 0;
}

/* The kernel forgets it when the user changes, so it comes after that. */
static int follow_in_death(const struct spawn_apart *apart)
{
        if (!apart->death_signal)
                return 0;
        return prctl(PR_SET_PDEATHSIG, apart->death_signal) < 0 ? -errno : 0;
}

static int assume_identity(const struct spawn *spawn)
{
        return spawn->identity ? identity_assume(spawn->identity) : 0;
}

/* execve(2) changes nothing of what it is given, but its prototype is older than const. */
static char *const *as_arguments(const char *const *strings)
{
        union {
                const char *const *in;
                char *const *out;
        } arguments = { strings };

        return arguments.out;
}

/* The child's way, up to the program. Return: only with an errno; for signals also with 0 */
static int run(const struct spawn *spawn, enum spawn_step *step)
{
        int r;

        *step = SPAWN_SIGNALS;
        r = reset_signals(spawn);
        if (r)
                return r;
        *step = SPAWN_LIMIT;
        r = lower_nofile(spawn);
        if (r)
                return r;
        if (spawn->apart) {
                r = keep_apart(spawn->apart, step);
                if (r)
                        return r;
        }
        *step = SPAWN_IDENTITY;
        r = assume_identity(spawn);
        if (!r && spawn->apart)
                r = follow_in_death(spawn->apart);
        if (r)
                return r;
        if (spawn->pidfd >= 0) {
                *step = SPAWN_KILL;
                return syscall(SYS_pidfd_send_signal, spawn->pidfd, spawn->signal, NULL, 0u) < 0
                               ? -errno
                               : 0;
        }
        *step = SPAWN_STREAMS;
        r = connect_streams(spawn);
        if (r)
                return r;
        *step = SPAWN_DESCRIPTORS;
        r = close_descriptors();
        if (r)
                return r;
        *step = SPAWN_EXEC;
        (void)execve(spawn->argv[0], as_arguments(spawn->argv), as_arguments(spawn->envp));
        return -errno;
}

static pid_t fork_and_run(const struct spawn *spawn, volatile struct spawn_failure *failure)
{
        enum spawn_step step = SPAWN_FORK;
        pid_t pid;
        int r;

        pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
        if (pid == 0) {
                r = run(spawn, &step); /* NOLINT(clang-analyzer-unix.Vfork) */
                failure->step = step;
                failure->error = -r;
                _exit(r ? 127 : 0);
        }
        return pid;
}

/**
 * spawn_start() - start a command
 * @spawn:       what, and how
 * @ret_pid:     the child, to be waited for; with @spawn->pidfd it ends at once, with status 0
 * @reterr_step: where it failed
 *
 * Return: 0, or negative errno of @reterr_step: nothing was executed
 */
int spawn_start(const struct spawn *spawn, pid_t *ret_pid, enum spawn_step *reterr_step)
{
        volatile struct spawn_failure failure = { 0 };
        pid_t pid;

        pid = fork_and_run(spawn, &failure);
        if (pid < 0) {
                *reterr_step = SPAWN_FORK;
                return err_origin(-errno);
        }
        if (failure.error) {
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                *reterr_step = failure.step;
                return err_origin(-failure.error);
        }
        *ret_pid = pid;
        return 0;
}

/**
 * spawn_step_name() - a step in words
 * @step: the step
 */
const char *spawn_step_name(enum spawn_step step)
{
        static const char *const names[] = {
                [SPAWN_FORK] = "create a process",
                [SPAWN_SIGNALS] = "set its signals",
                [SPAWN_STREAMS] = "connect its streams",
                [SPAWN_DESCRIPTORS] = "close descriptors",
                [SPAWN_GROUP] = "make its process group",
                [SPAWN_LIMIT] = "limit its resources",
                [SPAWN_NICE] = "set its nice level",
                [SPAWN_IDENTITY] = "become the user",
                [SPAWN_EXEC] = "execute it",
                [SPAWN_KILL] = "send the signal",
        };

        return names[step];
}
