/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay-timer COUNT COMMAND [ARG...]
 *
 * What a daemon in two processes costs with nothing in it: a question goes to one process, which
 * only passes it on, to another one, which starts the command by vfork(2), waits for it by a pidfd,
 * and answers the same way back. Both wait by epoll(7), as a daemon with many clients has to. No
 * byte is looked at, nothing is decided, nobody is authenticated, no descriptor is passed and no
 * line is logged: what a daemon of this shape does beyond this is its own, and less than this it
 * can't be. Between the questions the program starts the command itself, by posix_spawn(3).
 *
 * Prints {"direct_us": [...], "relay_us": [...], "own_s": S, "all": N}: microseconds of COUNT runs
 * each; and for all N commands, which are more, as both ways are warmed up, the two processes took
 * S seconds of the processors. A command that does not exit with 0 ends it.
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_WARM_UP      20
#define COUNT_MAX      1000000
#define QUESTION_BYTES 128
#define ANSWER_BYTES   64
#define MESSAGE_MAX    512

/* What is ready. */
enum source {
        SOURCE_ASKING = 1,
        SOURCE_ANSWERING,
};

static double now_us(clockid_t clock)
{
        struct timespec now;

        (void)clock_gettime(clock, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Anything that goes wrong ends everything: the others see the end of their socket. */
static void check(bool is_fine, const char *what)
{
        if (is_fine)
                return;
        (void)fprintf(stderr, "relay-timer: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void check_status(int status)
{
        if (!status)
                return;
        (void)fprintf(stderr, "relay-timer: the command: wait status %#x\n", (unsigned int)status);
        exit(EXIT_FAILURE);
}

static void watch(int epoll, int fd, enum source source)
{
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

        check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "watching");
}

static enum source wait_for_source(int epoll)
{
        struct epoll_event event;

        check(epoll_wait(epoll, &event, 1, -1) == 1, "waiting");
        return (enum source)event.data.u32;
}

/* Reads a message; its end is this process's. */
static size_t take(int fd, char message[MESSAGE_MAX])
{
        ssize_t n = recv(fd, message, MESSAGE_MAX, MSG_DONTWAIT);

        check(n >= 0, "reading");
        if (n == 0)
                exit(EXIT_SUCCESS);
        return (size_t)n;
}

static void say(int fd, const char *message, size_t n_bytes)
{
        check(send(fd, message, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n_bytes,
              "writing");
}

/* The process in front: passes on what comes, either way. */
static void pass_on(int asking, int answering)
{
        char message[MESSAGE_MAX];
        int epoll = epoll_create1(EPOLL_CLOEXEC);

        watch(epoll, asking, SOURCE_ASKING);
        watch(epoll, answering, SOURCE_ANSWERING);
        for (;;) {
                if (wait_for_source(epoll) == SOURCE_ASKING)
                        say(answering, message, take(asking, message));
                else
                        say(asking, message, take(answering, message));
        }
}

/* Return: a descriptor that is readable when the command has exited */
static int start(char *const *argv, pid_t *ret_pid)
{
        pid_t pid = vfork();
        int fd;

        if (pid == 0) {
                (void)execv(argv[0], argv);
                _exit(127);
        }
        check(pid > 0, "vfork");
        fd = (int)syscall(SYS_pidfd_open, pid, 0u);
        check(fd >= 0, "pidfd_open");
        *ret_pid = pid;
        return fd;
}

/* The process behind it: starts the command, and tells of its end. */
static void serve(int asking, char *const *argv)
{
        char message[MESSAGE_MAX] = { 0 };
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        struct rusage usage;
        pid_t pid = -1;
        int status = 0;
        int fd = -1;

        watch(epoll, asking, SOURCE_ASKING);
        for (;;) {
                if (wait_for_source(epoll) == SOURCE_ASKING) {
                        (void)take(asking, message);
                        fd = start(argv, &pid);
                        watch(epoll, fd, SOURCE_ANSWERING);
                } else {
                        check(wait4(pid, &status, WNOHANG, &usage) == pid, "waiting for it");
                        check_status(status);
                        (void)close(fd); /* which also takes it out of the set */
                        say(asking, message, ANSWER_BYTES);
                }
        }
}

static double run_directly(char *const *argv)
{
        double begin = now_us(CLOCK_MONOTONIC);
        pid_t pid = -1;
        int status = -1;
        int r;

        r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
        errno = r;
        check(r == 0, "posix_spawn");
        check(waitpid(pid, &status, 0) == pid, "waiting for it");
        check_status(status);
        return now_us(CLOCK_MONOTONIC) - begin;
}

static double run_by_relay(int fd)
{
        static const char question[QUESTION_BYTES];
        double begin = now_us(CLOCK_MONOTONIC);
        char answer[MESSAGE_MAX];

        say(fd, question, sizeof(question));
        check(recv(fd, answer, sizeof(answer), 0) == ANSWER_BYTES, "the answer");
        return now_us(CLOCK_MONOTONIC) - begin;
}

static double cpu_us(pid_t pid)
{
        clockid_t clock;

        errno = clock_getcpuclockid(pid, &clock);
        check(errno == 0, "reading a process's clock");
        return now_us(clock);
}

static void print_list(const char *name, const double *values, long n)
{
        long i;

        (void)printf("\"%s\": [", name);
        for (i = 0; i < n; i++)
                (void)printf("%s%.1f", i ? ", " : "", values[i]);
        (void)printf("], ");
}

static void run(long count, int fd, char *const *argv, const pid_t relay[2])
{
        double *direct_us = calloc((size_t)count, sizeof(*direct_us));
        double *relay_us = calloc((size_t)count, sizeof(*relay_us));
        long i;

        check(direct_us && relay_us, "memory");
        for (i = 0; i < N_WARM_UP; i++) {
                (void)run_directly(argv);
                (void)run_by_relay(fd);
        }
        for (i = 0; i < count; i++) {
                direct_us[i] = run_directly(argv);
                relay_us[i] = run_by_relay(fd);
        }
        (void)printf("{");
        print_list("direct_us", direct_us, count);
        print_list("relay_us", relay_us, count);
        (void)printf("\"own_s\": %.6f, \"all\": %ld}\n",
                     (cpu_us(relay[0]) + cpu_us(relay[1])) / 1e6, N_WARM_UP + count);
        free(direct_us);
        free(relay_us);
}

int main(int argc, char **argv)
{
        long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
        int client[2];
        int channel[2];
        pid_t relay[2];

        if (count < 1 || count > COUNT_MAX) {
                (void)fprintf(stderr, "usage: relay-timer COUNT COMMAND [ARG...]\n");
                return 2;
        }
        check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client) == 0 &&
                      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0,
              "making sockets");
        relay[0] = fork();
        check(relay[0] >= 0, "fork");
        if (relay[0] == 0) {
                (void)close(client[0]);
                (void)close(channel[1]);
                pass_on(client[1], channel[0]);
        }
        relay[1] = fork();
        check(relay[1] >= 0, "fork");
        if (relay[1] == 0) {
                (void)close(client[0]);
                (void)close(client[1]);
                (void)close(channel[0]);
                serve(channel[1], argv + 2);
        }
        (void)close(client[1]);
        (void)close(channel[0]);
        (void)close(channel[1]);
        run(count, client[0], argv + 2, relay);
        (void)close(client[0]);
        check(waitpid(relay[0], NULL, 0) == relay[0] && waitpid(relay[1], NULL, 0) == relay[1],
              "waiting for the others");
        return EXIT_SUCCESS;
}
