/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn-timer ROUNDS -- COMMAND [ARG...] [-- [@K] COMMAND [ARG...]]...
 *
 * How long commands take, from before their process is made until after it was waited for, with as
 * little around it as can be: vfork, execve, waitpid. The commands take turns, in another order
 * each round, so that none is always the one that finds the caches as a bigger one left them. One
 * with @K runs in every K-th round only, since it takes long.
 *
 * Prints {"ns": [[...], ...]}, one array a command, in nanoseconds. The commands read and write
 * /dev/null. One that does not exit with 0 ends the measurement.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define ROUNDS_MAX   1000000
#define WARM_UPS     2

struct command {
        char **argv; /* NULL-terminated */
        long every;
        int64_t *ns;
        long n_ns;
};

struct timer {
        struct command commands[COMMANDS_MAX];
        size_t n_commands;
        long n_rounds;
        uint32_t random;
};

static int64_t now_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Runs it once. Return: nanoseconds, or -1 after a message */
static int64_t run_once(char *const *argv)
{
        int64_t start = now_ns();
        int64_t end;
        int status;
        pid_t pid;

        pid = vfork();
        if (pid == 0) {
                (void)execv(argv[0], argv);
                _exit(127);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        end = now_ns();

        if (pid < 0) {
                (void)fprintf(stderr, "spawn-timer: vfork: %s\n", strerror(errno));
                return -1;
        }
        if (status) {
                (void)fprintf(stderr, "spawn-timer: %s: wait status %#x\n", argv[0],
                              (unsigned int)status);
                return -1;
        }
        return end - start;
}

/* xorshift: the order is the same in every run. */
static uint32_t next_random(struct timer *timer)
{
        timer->random ^= timer->random << 13;
        timer->random ^= timer->random >> 17;
        timer->random ^= timer->random << 5;
        return timer->random;
}

static void shuffle(struct timer *timer, size_t *order)
{
        size_t i;

        for (i = 0; i < timer->n_commands; i++) {
                size_t k = next_random(timer) % (i + 1);

                order[i] = order[k];
                order[k] = i;
        }
}

static int run_round(struct timer *timer, long round)
{
        size_t order[COMMANDS_MAX];
        size_t i;
        int64_t ns;

        shuffle(timer, order);
        for (i = 0; i < timer->n_commands; i++) {
                struct command *command = &timer->commands[order[i]];

                if (round % command->every)
                        continue;
                ns = run_once(command->argv);
                if (ns < 0)
                        return -1;
                command->ns[command->n_ns++] = ns;
        }
        return 0;
}

static int warm_up(struct timer *timer)
{
        size_t i;
        int k;

        for (k = 0; k < WARM_UPS; k++)
                for (i = 0; i < timer->n_commands; i++)
                        if (timer->commands[i].every == 1 && run_once(timer->commands[i].argv) < 0)
                                return -1;
        return 0;
}

static void print(const struct timer *timer, FILE *to)
{
        size_t i;
        long k;

        (void)fputs("{\"ns\": [", to);
        for (i = 0; i < timer->n_commands; i++) {
                const struct command *command = &timer->commands[i];

                (void)fputs(i ? ", [" : "[", to);
                for (k = 0; k < command->n_ns; k++)
                        (void)fprintf(to, "%s%lld", k ? ", " : "", (long long)command->ns[k]);
                (void)fputs("]", to);
        }
        (void)fputs("]}\n", to);
}

/* Takes "-- [@K] COMMAND ARG..." off the front. Return: what is behind it, or NULL */
static char **parse_command(struct timer *timer, char **words)
{
        struct command *command = &timer->commands[timer->n_commands];

        if (timer->n_commands == COMMANDS_MAX || strcmp(*words, "--") != 0)
                return NULL;
        *words++ = NULL; /* ends the command before */
        command->every = 1;
        if (*words && (*words)[0] == '@')
                command->every = strtol(*words++ + 1, NULL, 10);
        if (!*words || command->every < 1)
                return NULL;
        command->argv = words;
        command->ns = calloc((size_t)timer->n_rounds, sizeof(*command->ns));
        if (!command->ns)
                return NULL;
        timer->n_commands++;
        while (*words && strcmp(*words, "--") != 0)
                words++;
        return words;
}

/* What is printed goes to the old stdout; the commands get /dev/null. */
static FILE *keep_stdout(void)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

        if (null < 0 || fd < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                return NULL;
        return fdopen(fd, "w");
}

int main(int argc, char **argv)
{
        struct timer timer = { .random = 1 };
        char **words = argv + 2;
        FILE *to;
        long round;

        timer.n_rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
        while (timer.n_rounds > 0 && timer.n_rounds <= ROUNDS_MAX && words && *words)
                words = parse_command(&timer, words);
        if (!words || !timer.n_commands) {
                (void)fprintf(stderr,
                              "usage: spawn-timer ROUNDS -- [@K] COMMAND [ARG...] [-- ...]\n");
                return 2;
        }
        to = keep_stdout();
        if (!to || warm_up(&timer) < 0)
                return 1;
        for (round = 0; round < timer.n_rounds; round++)
                if (run_round(&timer, round) < 0)
                        return 1;
        print(&timer, to);
        return fclose(to) ? 1 : 0;
}
