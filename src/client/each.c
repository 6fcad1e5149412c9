/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a service's daemon is switched off, its commands are processes of ours: what stands in the
 * handle's argv (sudo NAME-rootwrap CONFIG), then the command, with `env` before it where it wants
 * variables, which is what the daemon's filters see as well.
 */
#include "client/each.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client/order.h"
#include "client/process.h"
#include "util/err.h"

static uint64_t now_us(void)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static size_t count(const char *strings, size_t n_bytes)
{
        size_t n = 0;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                n += !strings[i];
        return n;
}

static const char **put(const char **at, const char *strings, size_t n_bytes)
{
        const char *end = strings + n_bytes;

        for (; strings < end; strings += strlen(strings) + 1)
                *at++ = strings;
        return at;
}

/* Return: the words; NULL: no memory */
static const char **make_argv(const struct rootwrap *handle, const struct order *command)
{
        size_t n_words =
                count(command->args, command->n_args) + count(command->env, command->n_env) + 2;
        const char **argv;
        const char **at;
        size_t n;

        for (n = 0; handle->argv[n]; n++)
                n_words++;
        argv = calloc(n_words, sizeof(*argv));
        if (!argv)
                return NULL;
        at = argv;
        for (n = 0; handle->argv[n]; n++)
                *at++ = handle->argv[n];
        if (command->n_env)
                *at++ = "env";
        at = put(at, command->env, command->n_env);
        (void)put(at, command->args, command->n_args);
        return argv;
}

/* The daemon's rule: the stricter of both. */
static struct properties merge(const struct rootwrap *handle, const struct order *command)
{
        struct properties merged = { .umask = handle->properties.umask | command->umask,
                                     .nice = handle->properties.nice };
        struct rlimit limit;
        size_t i;

        if (command->nice > merged.nice)
                merged.nice = command->nice;
        for (i = 0; i < command->n_limits; i++) {
                struct native_limit *to = &merged.limits[merged.n_limits++];

                *to = command->limits[i];
                if (getrlimit((__rlimit_resource_t)to->resource, &limit))
                        continue; /* setting it says what is wrong */
                if (to->soft > limit.rlim_cur)
                        to->soft = limit.rlim_cur;
                if (to->hard > limit.rlim_max)
                        to->hard = limit.rlim_max;
        }
        return merged;
}

/**
 * each_start() - start a command
 * @handle:  HANDLE_EACH
 * @command: becomes one of its processes
 *
 * Return: 0 or negative errno
 */
int each_start(struct rootwrap *handle, struct order *command)
{
        struct properties properties = merge(handle, command);
        const char **argv;
        struct process process = { .fds = { command->fds[0], command->fds[1], command->fds[2] },
                                   .cwd_fd = command->fds[3],
                                   .properties = &properties };
        int r;

        if (command->kind != ORDER_START || command->timeout_ms || command->flags)
                return -EOPNOTSUPP; /* sudo's process is root's: nobody here could end it */
        argv = make_argv(handle, command);
        if (!argv)
                return err_origin(-ENOMEM);
        process.argv = argv;
        r = process_start(&process, &command->pid);
        free(argv);
        if (r)
                return r;
        command->start_us = now_us();
        command->state = ORDER_STARTED;
        order_close_fds(command);
        list_append(&handle->processes, &command->link);
        command->pidfd = (int)syscall(SYS_pidfd_open, command->pid, 0);
        if (command->pidfd < 0 || handle_watch(handle, command->pidfd, &command->source, false))
                each_end(handle, command); /* no way but to wait for it here */
        return 0;
}

/**
 * each_end() - a command has ended
 * @handle:  the handle
 * @command: done afterwards
 */
void each_end(struct rootwrap *handle, struct order *command)
{
        struct rusage usage = { 0 };
        struct rootwrap_result *result = &command->answer->result;
        int status = 0;
        pid_t pid;

        do
                pid = wait4(command->pid, &status, 0, &usage);
        while (pid < 0 && errno == EINTR);
        if (command->pidfd >= 0)
                handle_unwatch(handle, command->pidfd);
        list_remove(&command->link);
        if (pid < 0) {
                order_fail(command, ROOTWRAP_E_UNKNOWN, "Somebody else has waited for it");
                handle_done(handle, command);
                return;
        }
        answer_set_status(command->answer, status);
        result->duration_us = now_us() - command->start_us;
        command->state = ORDER_DONE;
        handle_done(handle, command);
}

/**
 * each_signal() - send a signal
 * @command: was started, is not done
 * @number:  the signal
 *
 * Return: 0 or negative errno: -EPERM, as a rule, for sudo's process is root's
 */
int each_signal(const struct order *command, int number)
{
        return kill(command->pid, number) ? -errno : 0;
}
