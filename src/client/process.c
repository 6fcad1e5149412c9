/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library starts programs in a process that is not its own: threads run, handlers of signals
 * are installed, descriptors lack close-on-exec. The child is made by vfork(2) with all signals
 * blocked, and its caught signals get their default action before the mask is given back, so that
 * no handler ever runs in the memory that it shares. All descriptors from 3 on are closed when it
 * executes. What is ignored stays ignored.
 */
#include "client/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/err.h"

#define CLOSE_RANGE_CLOEXEC_FLAG 4u /* CLOSE_RANGE_CLOEXEC of <linux/close_range.h> */

static void reset_signals(const sigset_t *mask)
{
        struct sigaction action;
        int number;

        for (number = 1; number < NSIG; number++) {
                if (sigaction(number, NULL, &action) || action.sa_handler == SIG_IGN ||
                    action.sa_handler == SIG_DFL)
                        continue;
                action = (struct sigaction){ .sa_handler = SIG_DFL };
                (void)sigaction(number, &action, NULL);
        }
        (void)pthread_sigmask(SIG_SETMASK, mask, NULL);
}

/* Descriptors first go out of each other's way. Return: 0 or -1 with errno */
static int place_fds(const int fds[static 3])
{
        int moved[3];
        int i;

        for (i = 0; i < 3; i++) {
                moved[i] = fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fds[i];
                if (moved[i] < 0)
                        return -1;
                moved[i] = fcntl(moved[i], F_DUPFD_CLOEXEC, 3);
                if (moved[i] < 0)
                        return -1;
        }
        for (i = 0; i < 3; i++)
                if (dup2(moved[i], i) < 0)
                        return -1;
        (void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC_FLAG);
        return 0;
}

static int set_properties(const struct properties *properties)
{
        size_t i;

        (void)umask((mode_t)properties->umask);
        if (setpriority(PRIO_PROCESS, 0, properties->nice))
                return -1;
        for (i = 0; i < properties->n_limits; i++) {
                const struct rlimit limit = { properties->limits[i].soft,
                                              properties->limits[i].hard };

                if (setrlimit((__rlimit_resource_t)properties->limits[i].resource, &limit))
                        return -1;
        }
        return 0;
}

/* The child's part. Return: errno; not at all when it worked */
static int execute(const struct process *process, const sigset_t *mask)
{
        union {
                const char *const *in;
                char *const *out;
        } argv = { process->argv }; /* execvp(3) does not write to it */

        if ((process->new_session && setsid() < 0) || place_fds(process->fds))
                return errno;
        if (process->cwd_fd >= 0 && fchdir(process->cwd_fd))
                return errno;
        if (process->properties && set_properties(process->properties))
                return errno;
        reset_signals(mask);
        (void)execvp(process->argv[0], argv.out);
        return errno;
}

/**
 * process_start() - start a program
 * @process: how; its descriptors are borrowed
 * @ret_pid: a child of this process, to be waited for
 *
 * Return: 0 or negative errno
 */
int process_start(const struct process *process, pid_t *ret_pid)
{
        volatile int failure = 0; /* the child writes it */
        int cwd_fd = process->cwd_fd;
        struct process moved = *process;
        sigset_t all;
        sigset_t mask;
        pid_t pid;

        if (cwd_fd >= 0 && cwd_fd < 3) { /* placing the three would take it away */
                moved.cwd_fd = fcntl(cwd_fd, F_DUPFD_CLOEXEC, 3);
                if (moved.cwd_fd < 0)
                        return err_origin(-errno);
        }
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &mask);
        pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
        if (pid == 0) {
                failure =
                        execute(&moved, &mask); /* NOLINT(clang-analyzer-unix.Vfork): as planned */
                _exit(127);
        }
        if (pid < 0)
                failure = errno;
        (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
        if (moved.cwd_fd != cwd_fd)
                (void)close(moved.cwd_fd);
        if (failure) {
                if (pid > 0)
                        (void)waitpid(pid, NULL, 0);
                return err_origin(-failure);
        }
        *ret_pid = pid;
        return 0;
}
