/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native protocol by librootwrap beside doing it oneself, in one program, taking turns:
 *
 *     native-timer true COUNT SOCKET      microseconds of COUNT runs each, as JSON
 *     native-timer many COUNT SOCKET      COUNT commands at once, commands a second
 *     native-timer cat MEGABYTES SOCKET   that much through cat, bytes a second
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rootwrap.h"

#define TRUE_PATH  "/usr/bin/true"
#define CAT_PATH   "/usr/bin/cat"
#define PIECE      (1024 * 1024)
#define PIPE_BYTES (1024 * 1024)

static double now(void)
{
        struct timespec time;

        (void)clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(int r, const char *what)
{
        if (!r)
                return;
        (void)fprintf(stderr, "native-timer: %s: %s (%s)\n", what, rootwrap_strerror(r),
                      rootwrap_detail());
        exit(EXIT_FAILURE);
}

static pid_t spawn(const char *path, int in, int out)
{
        char *argv[] = { (char *)(uintptr_t)path, NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid = -1;

        (void)posix_spawn_file_actions_init(&actions);
        if (in >= 0)
                (void)posix_spawn_file_actions_adddup2(&actions, in, 0);
        if (out >= 0)
                (void)posix_spawn_file_actions_adddup2(&actions, out, 1);
        check(-posix_spawn(&pid, path, &actions, NULL, argv, environ), "posix_spawn");
        (void)posix_spawn_file_actions_destroy(&actions);
        return pid;
}

static void reap(pid_t pid)
{
        int status;

        if (waitpid(pid, &status, 0) != pid || status)
                check(-ECHILD, "waitpid");
}

static void check_result(const struct rootwrap_result *result)
{
        if (result->error || result->exit_code)
                check(result->error ? result->error : -EINVAL, "the command");
}

static void print_list(const char *name, const double *values, int n, const char *end)
{
        int i;

        (void)printf("\"%s\": [", name);
        for (i = 0; i < n; i++)
                (void)printf("%s%.1f", i ? ", " : "", values[i]);
        (void)printf("]%s", end);
}

static void time_true(struct rootwrap *rootwrap, int count)
{
        static const char *const argv[] = { "true", NULL };
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        double *direct = calloc((size_t)count, sizeof(double));
        double *ours = calloc((size_t)count, sizeof(double));
        struct rootwrap_result *result;
        double begin;
        int i;

        for (i = 0; i < count; i++) {
                begin = now();
                reap(spawn(TRUE_PATH, -1, -1));
                direct[i] = (now() - begin) * 1e6;
                begin = now();
                check(rootwrap_run(rootwrap, argv, &options, &result), "rootwrap_run");
                ours[i] = (now() - begin) * 1e6;
                check_result(result);
                rootwrap_result_free(result);
        }
        (void)printf("{");
        print_list("direct_us", direct, count, ", ");
        print_list("ours_us", ours, count, "}\n");
}

static int n_left;

static void take(struct rootwrap_command *command, const struct rootwrap_result *result, void *data)
{
        (void)command;
        (void)data;
        check_result(result);
        n_left--;
}

static double many_ours(struct rootwrap *rootwrap, int count)
{
        static const char *const argv[] = { "true", NULL };
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        struct rootwrap_command *command;
        struct pollfd wait = { .fd = rootwrap_fd(rootwrap), .events = POLLIN };
        double begin = now();
        int i;

        n_left = count;
        for (i = 0; i < count; i++)
                check(rootwrap_start(rootwrap, argv, &options, take, NULL, &command), "start");
        while (n_left) {
                (void)poll(&wait, 1, -1);
                check(rootwrap_dispatch(rootwrap), "dispatch");
        }
        return count / (now() - begin);
}

/* As fast as the machine does it: by as many processes as it has processors. */
static double many_direct(int count)
{
        long n_spawners = sysconf(_SC_NPROCESSORS_ONLN);
        double begin = now();
        long i;
        int k;

        for (i = 0; i < n_spawners; i++) {
                if (fork() != 0)
                        continue;
                for (k = 0; k < count / n_spawners; k++)
                        (void)spawn(TRUE_PATH, -1, -1);
                for (k = 0; k < count / n_spawners; k++)
                        (void)wait(NULL);
                _exit(0);
        }
        for (i = 0; i < n_spawners; i++)
                (void)wait(NULL);
        return count / (now() - begin);
}

/* Writes to one pipe and reads from the other. */
static void pump(int in, int out, size_t n_bytes)
{
        static char piece[PIECE];
        static char got[PIECE];
        struct pollfd both[2] = { { .fd = in, .events = POLLOUT },
                                  { .fd = out, .events = POLLIN } };
        size_t n_written = 0;
        size_t n_read = 0;
        ssize_t n;

        (void)fcntl(in, F_SETFL, O_NONBLOCK);
        while (n_read < n_bytes) {
                (void)poll(both, 2, -1);
                if (both[0].revents && n_written < n_bytes) {
                        n = write(in, piece,
                                  n_bytes - n_written < PIECE ? n_bytes - n_written : PIECE);
                        n_written += n > 0 ? (size_t)n : 0;
                }
                if (n_written == n_bytes && both[0].fd >= 0) {
                        (void)close(in);
                        both[0].fd = -1;
                }
                if (both[1].revents) {
                        n = read(out, got, PIECE);
                        if (n <= 0)
                                check(-EPIPE, "read");
                        n_read += (size_t)n;
                }
        }
        (void)close(out);
}

static double cat(struct rootwrap *rootwrap, size_t n_bytes)
{
        static const char *const argv[] = { "cat", NULL };
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        struct rootwrap_command *command;
        struct pollfd wait;
        double begin = now();
        int out[2];
        int in[2];
        pid_t pid;

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
                check(-errno, "pipe");
        (void)fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
        (void)fcntl(out[0], F_SETPIPE_SZ, PIPE_BYTES);
        if (rootwrap) {
                options.stdin_fd = in[0];
                options.stdout_fd = out[1];
                n_left = 1;
                check(rootwrap_start(rootwrap, argv, &options, take, NULL, &command), "start");
                while (!rootwrap_pid(command)) {
                        wait = (struct pollfd){ .fd = rootwrap_fd(rootwrap), .events = POLLIN };
                        (void)poll(&wait, 1, -1);
                        check(rootwrap_dispatch(rootwrap), "dispatch");
                }
        } else {
                pid = spawn(CAT_PATH, in[0], out[1]);
        }
        (void)close(in[0]);
        (void)close(out[1]);
        pump(in[1], out[0], n_bytes);
        while (rootwrap && n_left) {
                wait = (struct pollfd){ .fd = rootwrap_fd(rootwrap), .events = POLLIN };
                (void)poll(&wait, 1, -1);
                check(rootwrap_dispatch(rootwrap), "dispatch");
        }
        if (!rootwrap)
                reap(pid);
        return (double)n_bytes / (now() - begin);
}

int main(int argc, char **argv)
{
        struct rootwrap *rootwrap;
        int count;

        if (argc != 4) {
                (void)fprintf(stderr, "usage: native-timer true|many|cat NUMBER SOCKET\n");
                return EXIT_FAILURE;
        }
        count = atoi(argv[2]); /* NOLINT(cert-err34-c): a benchmark's own call */
        check(rootwrap_open_socket(argv[3], &rootwrap), "open");
        if (strcmp(argv[1], "true") == 0)
                time_true(rootwrap, count);
        else if (strcmp(argv[1], "many") == 0)
                (void)printf("{\"ours\": %.1f, \"direct\": %.1f}\n", many_ours(rootwrap, count),
                             many_direct(count));
        else
                (void)printf("{\"ours\": %.1f, \"direct\": %.1f}\n",
                             cat(rootwrap, (size_t)count << 20), cat(NULL, (size_t)count << 20));
        rootwrap_close(rootwrap);
        return EXIT_SUCCESS;
}
