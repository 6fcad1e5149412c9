/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn-load SECONDS THREADS COMMAND [ARG...]
 * spawn-load --bare SECONDS THREADS COMMAND [ARG...]
 *
 * What a program in C reaches that needs nobody's permission: each thread runs the command again
 * and again, by vfork and execve, with a pipe each for stdin (closed at once), stdout and stderr
 * (read to their ends), and waits for it. The way for a daemon to beat it is to do less.
 * --bare: without the pipes, on /dev/null: what fork, exec and exit cost by themselves.
 *
 * Prints {"commands": N, "seconds": S, "all": A, "own_s": O, "children_s": C}: the commands that
 * ended in so many seconds; those from before the clock started, while everything got warm, and
 * from after it stopped are only in A. For all A, this program took O seconds of the processors,
 * and the commands C. A command that does not exit with 0 ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 1024
#define SECONDS_MAX 600.0
#define STACK_BYTES ((size_t)256 * 1024)
#define WARM_UP_NS  100000000

struct load {
        char **argv;
        bool is_bare;
        int64_t start_ns;
        int64_t end_ns;
        atomic_long n_commands; /* between start and end */
        atomic_long n_all;
        atomic_bool has_failed;
};

/* Of one command: the program's ends, and the command's. */
struct pipes {
        int ours[3];
        int theirs[3];
};

static int64_t now_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int complain(const char *what)
{
        (void)fprintf(stderr, "spawn-load: %s: %s\n", what, strerror(errno));
        return -1;
}

static int make_pipes(struct pipes *pipes)
{
        int ends[2];
        int i;

        for (i = 0; i < 3; i++) {
                if (pipe2(ends, O_CLOEXEC) < 0)
                        return complain("making a pipe");
                pipes->ours[i] = ends[i ? 0 : 1];
                pipes->theirs[i] = ends[i ? 1 : 0];
        }
        return 0;
}

static int read_to_end(int fd)
{
        char buffer[4096];
        ssize_t n;

        do
                n = read(fd, buffer, sizeof(buffer));
        while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? complain("reading") : 0;
}

/* vfork, as any program that is in a hurry; in the child only calls that leave memory alone. */
static pid_t spawn(char *const *argv, const struct pipes *pipes)
{
        pid_t pid;

        pid = vfork();
        if (pid == 0) {
                if (pipes && (dup2(pipes->theirs[0], STDIN_FILENO) < 0 ||
                              dup2(pipes->theirs[1], STDOUT_FILENO) < 0 ||
                              dup2(pipes->theirs[2], STDERR_FILENO) < 0))
                        _exit(127);
                (void)execv(argv[0], argv);
                _exit(127);
        }
        return pid < 0 ? complain("vfork") : pid;
}

static int wait_for(pid_t pid, const char *name)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return complain("waiting");
        if (status) {
                (void)fprintf(stderr, "spawn-load: %s: wait status %#x\n", name,
                              (unsigned int)status);
                return -1;
        }
        return 0;
}

static int run_bare(char *const *argv)
{
        pid_t pid;

        pid = spawn(argv, NULL);
        return pid < 0 ? -1 : wait_for(pid, argv[0]);
}

static int run_with_pipes(char *const *argv)
{
        struct pipes pipes;
        pid_t pid;
        int i;
        int r;

        if (make_pipes(&pipes) < 0)
                return -1;
        pid = spawn(argv, &pipes);
        if (pid < 0)
                return -1;
        for (i = 0; i < 3; i++)
                (void)close(pipes.theirs[i]);
        (void)close(pipes.ours[0]);
        r = read_to_end(pipes.ours[1]);
        if (!r)
                r = read_to_end(pipes.ours[2]);
        (void)close(pipes.ours[1]);
        (void)close(pipes.ours[2]);
        return r ? r : wait_for(pid, argv[0]);
}

static void *run_thread(void *data)
{
        struct load *load = data;
        int64_t now = 0;
        int r;

        while (now < load->end_ns && !load->has_failed) {
                r = load->is_bare ? run_bare(load->argv) : run_with_pipes(load->argv);
                now = now_ns();
                if (r < 0)
                        load->has_failed = true;
                if (!r)
                        load->n_all++;
                if (!r && now >= load->start_ns && now < load->end_ns)
                        load->n_commands++;
        }
        return NULL;
}

static int run(struct load *load, long n_threads)
{
        pthread_t threads[THREADS_MAX];
        pthread_attr_t attributes;
        long i;
        int r;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        load->start_ns = now_ns() + WARM_UP_NS;
        load->end_ns += load->start_ns;
        for (i = 0; i < n_threads; i++) {
                r = pthread_create(&threads[i], &attributes, run_thread, load);
                if (r) {
                        errno = r;
                        return complain("starting a thread");
                }
        }
        for (i = 0; i < n_threads; i++)
                (void)pthread_join(threads[i], NULL);
        (void)pthread_attr_destroy(&attributes);
        return load->has_failed ? -1 : 0;
}

static double seconds_of(int who)
{
        struct rusage usage;

        (void)getrusage(who, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int use_null(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        return null < 0 || dup2(null, STDIN_FILENO) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
        static struct load load;
        double seconds;
        long n_threads;

        load.is_bare = argc > 1 && strcmp(argv[1], "--bare") == 0;
        argc -= load.is_bare;
        argv += load.is_bare;
        seconds = argc > 3 ? strtod(argv[1], NULL) : 0;
        n_threads = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
        if (!(seconds > 0 && seconds <= SECONDS_MAX) || n_threads < 1 || n_threads > THREADS_MAX) {
                (void)fprintf(stderr,
                              "usage: spawn-load [--bare] SECONDS THREADS COMMAND [ARG...]\n");
                return 2;
        }
        load.argv = argv + 3;
        load.end_ns = (int64_t)(seconds * 1e9);
        if (use_null() < 0 || run(&load, n_threads) < 0)
                return 1;
        (void)printf("{\"commands\": %ld, \"seconds\": %g, \"all\": %ld, \"own_s\": %.6f, "
                     "\"children_s\": %.6f}\n",
                     load.n_commands, seconds, load.n_all, seconds_of(RUSAGE_SELF),
                     seconds_of(RUSAGE_CHILDREN));
        return 0;
}
