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
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/child.h"
#include "util/err.h"

/* What the child tells the parent, whose memory it shares. */
struct spawn_failure {
        int error; /* errno; 0: none */
        enum spawn_step step;
};

static int reset_actions(void)
{
        static const int defaults[] = { SIGPIPE, SIGXFSZ, SIGCHLD };
        struct sigaction action = { .sa_handler = SIG_DFL };
        size_t i;

        for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
                if (sigaction(defaults[i], &action, NULL) < 0)
                        return -errno;
        return 0;
}

static int run(const struct spawn *spawn, enum spawn_step *step)
{
        int r;

        *step = SPAWN_SIGNALS;
        r = reset_actions();
        return r ? r : child_run(spawn, -1, step);
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
