/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where many commands are to be started, waiting for each one's execve(2) would make one processor
 * do all of it. So the child is made by clone(2) with our memory and not waited for: it has a stack
 * of its own and a copy of everything it reads, which stay until its start is over. That is told by
 * a pipe which closes itself on execution: before its end comes the error, if there was one; else
 * the program runs. The kernel leaves our memory before it closes descriptors, on execution and at
 * an exit, so at the pipe's end, and not before, nobody uses the copy and the stack any more.
 *
 * Two threads of execution in one memory must not meet in the C library: the child makes raw system
 * calls (call.h, child.c). Where these are not known for the machine, or sanitizers watch the
 * stack, launch_is_possible() says no, and spawn_start() does.
 */
#include "spawn/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/call.h"
#include "spawn/child.h"
#include "spawn/identity.h"
#include "util/err.h"

/* child_run() and what it calls need less than 1 KiB; signals that could need more are blocked, or
 * have no handler. */
#define STACK_BYTES (8u * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#        define IS_WATCHED 1
#elif defined(__has_feature)
#        if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
                __has_feature(thread_sanitizer)
#                define IS_WATCHED 1
#        endif
#endif
#ifndef IS_WATCHED
#        define IS_WATCHED 0
#endif

struct launch_image {
        char stack[STACK_BYTES] __attribute__((aligned(16)));
        struct spawn spawn;
        struct spawn_apart apart;
        struct identity identity;
        sigset_t mask;
        int streams[3];
        int result;
        /* pointers, groups, limits and strings follow */
};

/* What the child says if it does not get to the program. */
struct failure {
        int error;
        int step;
};

/* Copies */

static size_t count(const char *const *strings, size_t *n_bytes)
{
        size_t n = 0;

        for (; strings[n]; n++)
                *n_bytes += strlen(strings[n]) + 1;
        *n_bytes += (n + 1) * sizeof(*strings);
        return n;
}

/* Return: the list, in the bytes from *@pointers and *@bytes on, which move on */
static const char *const *copy_strings(const char *const *strings,
                                       size_t n,
                                       char **pointers,
                                       char **bytes)
{
        const char **list = (const char **)(void *)*pointers;
        size_t n_bytes;
        size_t i;

        for (i = 0; i < n; i++, *bytes += n_bytes) {
                n_bytes = strlen(strings[i]) + 1;
                memcpy(*bytes, strings[i], n_bytes);
                list[i] = *bytes;
        }
        list[n] = NULL;
        *pointers += (n + 1) * sizeof(*list);
        return list;
}

static void *copy(const void *from, size_t n_bytes, char **bytes)
{
        void *to = *bytes;

        if (n_bytes)
                memcpy(to, from, n_bytes);
        *bytes += (n_bytes + 7) & ~(size_t)7;
        return to;
}

static struct launch_image *image_new(const struct spawn *spawn)
{
        const struct spawn_apart *apart = spawn->apart;
        size_t n_groups = spawn->identity ? (size_t)spawn->identity->n_groups * sizeof(gid_t) : 0;
        size_t n_limits = apart ? apart->n_limits * sizeof(*apart->limits) : 0;
        size_t n_bytes = sizeof(struct launch_image) + n_groups + n_limits + 16;
        size_t n_argv = count(spawn->argv, &n_bytes);
        size_t n_envp = count(spawn->envp, &n_bytes);
        struct launch_image *image;
        char *pointers;
        char *bytes;

        image = malloc(n_bytes);
        if (!image)
                return NULL;
        pointers = (char *)(image + 1);
        bytes = pointers + (n_argv + n_envp + 2) * sizeof(char *);
        image->spawn = *spawn;
        image->mask = *spawn->mask;
        image->spawn.mask = &image->mask;
        memcpy(image->streams, spawn->streams, sizeof(image->streams));
        image->spawn.streams = image->streams;
        if (apart) {
                image->apart = *apart;
                image->apart.limits = copy(apart->limits, n_limits, &bytes);
                image->spawn.apart = &image->apart;
        }
        if (spawn->identity) {
                image->identity = *spawn->identity;
                image->identity.groups = copy(spawn->identity->groups, n_groups, &bytes);
                image->spawn.identity = &image->identity;
        }
        image->spawn.argv = copy_strings(spawn->argv, n_argv, &pointers, &bytes);
        image->spawn.envp = copy_strings(spawn->envp, n_envp, &pointers, &bytes);
        return image;
}

/* The child */

static int run(void *argument)
{
        const struct launch_image *image = argument;
        struct failure failure = { 0 };
        enum spawn_step step = SPAWN_FORK;

        failure.error = -child_run(&image->spawn, image->result, &step);
        failure.step = (int)step;
        (void)call3(SYS_write, image->result, &failure, sizeof(failure));
        (void)call1(SYS_exit_group, 127);
        return 0;
}

/* The parent */

/**
 * launch_is_possible() - can launch_begin() be used here?
 */
bool launch_is_possible(void)
{
        return CALL_IS_RAW && !IS_WATCHED;
}

/**
 * launch_begin() - begin to start a command
 * @launch: set
 * @spawn:  what, and how; all of it is copied. A program, with streams. The caller's signals have
 *          their default actions
 *
 * Return: 0, or negative errno: nothing was begun
 */
int launch_begin(struct launch *launch, const struct spawn *spawn)
{
        struct launch_image *image;
        int pidfd = -1;
        int fds[2];
        pid_t pid;
        int r = 0;

        *launch = (struct launch){ .pid = -1, .pidfd = -1, .result = -1 };
        image = image_new(spawn);
        if (!image)
                return err_origin(-ENOMEM);
        if (pipe2(fds, O_CLOEXEC) < 0) {
                r = err_origin(-errno);
                free(image);
                return r;
        }
        image->result = fds[1];
        pid = clone(run, image->stack + sizeof(image->stack), CLONE_VM | CLONE_PIDFD | SIGCHLD,
                    image, &pidfd);
        if (pid < 0)
                r = err_origin(-errno);
        (void)close(fds[1]);
        if (r) {
                (void)close(fds[0]);
                free(image);
                return r;
        }
        *launch = (struct launch){ .pid = pid, .pidfd = pidfd, .result = fds[0], .image = image };
        return 0;
}

/* As read(2), but for signals. */
static ssize_t read_result(const struct launch *launch, void *bytes, size_t n_bytes)
{
        ssize_t n;

        do
                n = read(launch->result, bytes, n_bytes);
        while (n < 0 && errno == EINTR);
        return n;
}

/**
 * launch_finish() - what became of it
 * @launch:      its result is at its end (EPOLLHUP); is over afterwards
 * @reterr_step: where it failed
 *
 * Waits, should it not be over.
 *
 * Return: 0: the program runs; or negative errno of @reterr_step: the child ends with status 127
 */
int launch_finish(struct launch *launch, enum spawn_step *reterr_step)
{
        struct failure failure = { 0 };
        ssize_t n;
        char more;

        n = read_result(launch, &failure, sizeof(failure));
        /* Who has said what failed still has to end, on the stack that is freed here. */
        while (n > 0 && read_result(launch, &more, 1) > 0)
                ;
        (void)close(launch->result);
        launch->result = -1;
        free(launch->image);
        launch->image = NULL;
        if (n != (ssize_t)sizeof(failure) || !failure.error)
                return 0;
        *reterr_step = (enum spawn_step)failure.step;
        return err_origin(-failure.error);
}

/**
 * launch_forget() - the caller ends, and the start may not be over
 * @launch: its copy is left to the child
 */
void launch_forget(struct launch *launch)
{
        if (launch->result >= 0)
                (void)close(launch->result);
        launch->result = -1;
        launch->image = NULL;
}
