/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests/functional/test_librootwrap.py lets the library do; compiled against the installed
 * header, as C99.
 *
 *     driver WAY WHERE ACTION [WORD...]
 *
 * WAY is `command` (WHERE: words, split at blanks; "_" stands for one), `socket` or `config`
 * (FILE:NAME).
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <rootwrap.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static const char *const *words_of(char **argv)
{
        return (const char *const *)argv;
}

static int say(int r)
{
        printf("error %d %s\n", r, rootwrap_detail());
        fflush(stdout);
        return 2;
}

static int show(const struct rootwrap_result *result)
{
        printf("exit %d status %d refused %d timed_out %d filter %s reason %s\n", result->exit_code,
               result->wait_status, result->is_refused, result->is_timed_out,
               result->filter ? result->filter : "-", result->reason ? result->reason : "-");
        printf("out %zu %s\nerr %zu %s\n", result->n_out, result->out, result->n_err, result->err);
        return 0;
}

static struct rootwrap *open_way(const char *way, char *where)
{
        static const char *argv[16];
        struct rootwrap *handle = NULL;
        size_t n = 0;
        char *at;
        int r;

        if (strcmp(way, "socket") == 0) {
                r = rootwrap_open_socket(where, &handle);
        } else if (strcmp(way, "config") == 0) {
                at = strrchr(where, ':');
                *at = '\0';
                r = rootwrap_open_config(where, at + 1, &handle);
        } else {
                for (at = strtok(where, " "); at && n < 15; at = strtok(NULL, " ")) {
                        argv[n++] = at;
                        for (; *at; at++)
                                if (*at == '\\')
                                        *at = ' ';
                }
                r = rootwrap_open_command(argv, &handle);
        }
        if (r)
                exit(say(r));
        return handle;
}

/* execute WORD...: once, and what came of it */
static int do_execute(struct rootwrap *handle, char **words)
{
        struct rootwrap_result *result;
        int r;

        r = rootwrap_execute(handle, words_of(words), NULL, NULL, 0, &result);
        if (r)
                return say(r);
        show(result);
        rootwrap_result_free(result);
        return 0;
}

/* repeat WORD...: each time a line is read */
static int do_repeat(struct rootwrap *handle, char **words)
{
        char line[64];

        while (fgets(line, sizeof(line), stdin)) {
                (void)do_execute(handle, words);
                fflush(stdout);
        }
        return 0;
}

/* echo BYTES WORD...: so much input, the same output */
static int do_echo(struct rootwrap *handle, char **words)
{
        size_t n = (size_t)strtoull(words[0], NULL, 10);
        char *input = malloc(n + 1);
        struct rootwrap_result *result;
        size_t i;
        int r;

        for (i = 0; i < n; i++)
                input[i] = (char)(i * 2654435761u >> 13);
        r = rootwrap_execute(handle, words_of(words + 1), NULL, input, n, &result);
        if (r)
                return say(r);
        printf("exit %d same %d err %zu\n", result->exit_code,
               result->n_out == n && memcmp(result->out, input, n) == 0, result->n_err);
        rootwrap_result_free(result);
        free(input);
        return 0;
}

/* run WORD...: with our streams, working directory, and options from the environment */
static int do_run(struct rootwrap *handle, char **words)
{
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        const char *env[] = { getenv("RUN_ENV"), getenv("RUN_ENV_2"), NULL };
        struct rootwrap_limit limit = { RLIMIT_NOFILE, 77, 88 };
        struct rootwrap_result *result;
        int r;

        options.stdin_fd = 0;
        options.stdout_fd = 1;
        options.stderr_fd = 2;
        if (env[0])
                options.env = env;
        if (getenv("RUN_CWD"))
                options.cwd_fd = open(getenv("RUN_CWD"), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (getenv("RUN_TIMEOUT"))
                options.timeout_ms = strtoull(getenv("RUN_TIMEOUT"), NULL, 10);
        if (getenv("RUN_GO_ON"))
                options.flags = ROOTWRAP_GO_ON;
        if (getenv("RUN_LIMITS")) {
                options.limits = &limit;
                options.n_limits = 1;
                options.umask = 077;
                options.nice = 7;
        }
        fflush(stdout);
        r = rootwrap_run(handle, words_of(words), &options, &result);
        if (r)
                return say(r);
        show(result);
        rootwrap_result_free(result);
        return 0;
}

/* threads N COMMANDS: each executes so many, and looks whether the answers are its own */
static struct rootwrap *shared;
static int n_each;

static void *run_thread(void *name)
{
        const char *argv[] = { "sh", "-c", "cat; echo \"$0\"; exit ${0#?}", name, NULL };
        struct rootwrap_result *result;
        char want[32];
        size_t n_wrong = 0;
        int i;

        snprintf(want, sizeof(want), "in%s\n", (const char *)name);
        for (i = 0; i < n_each; i++) {
                if (rootwrap_execute(shared, argv, NULL, "in", 2, &result)) {
                        n_wrong++;
                        continue;
                }
                n_wrong += strcmp(result->out, want) != 0 ||
                           result->exit_code != atoi((const char *)name + 1);
                rootwrap_result_free(result);
        }
        return (void *)n_wrong;
}

static int do_threads(struct rootwrap *handle, char **words)
{
        int n = atoi(words[0]);
        pthread_t *threads = calloc((size_t)n, sizeof(*threads));
        char(*names)[8] = calloc((size_t)n, sizeof(*names));
        size_t n_wrong = 0;
        void *wrong;
        int i;

        shared = handle;
        n_each = atoi(words[1]);
        for (i = 0; i < n; i++) {
                snprintf(names[i], sizeof(names[i]), "t%d", i % 100);
                assert(pthread_create(&threads[i], NULL, run_thread, names[i]) == 0);
        }
        for (i = 0; i < n; i++) {
                pthread_join(threads[i], &wrong);
                n_wrong += (size_t)wrong;
        }
        printf("wrong %zu\n", n_wrong);
        free(threads);
        free(names);
        return 0;
}

/* beside N WORD...: one thread that executes it so often, then so many threads at once; how long
 * each took, in ms, and how many did not exit with 0 */
static const char *const *beside_words;

static void *run_beside(void *unused)
{
        struct rootwrap_result *result;
        size_t n_wrong = 0;
        int i;

        (void)unused;
        for (i = 0; i < n_each; i++) {
                if (rootwrap_execute(shared, beside_words, NULL, NULL, 0, &result)) {
                        n_wrong++;
                        continue;
                }
                n_wrong += result->exit_code != 0;
                rootwrap_result_free(result);
        }
        return (void *)n_wrong;
}

static double time_threads(int n_threads, int n_commands, size_t *n_wrong)
{
        pthread_t *threads = calloc((size_t)n_threads, sizeof(*threads));
        double start = now_us();
        void *wrong;
        int i;

        n_each = n_commands;
        for (i = 0; i < n_threads; i++)
                assert(pthread_create(&threads[i], NULL, run_beside, NULL) == 0);
        for (i = 0; i < n_threads; i++) {
                pthread_join(threads[i], &wrong);
                *n_wrong += (size_t)wrong;
        }
        free(threads);
        return (now_us() - start) / 1e3;
}

static int do_beside(struct rootwrap *handle, char **words)
{
        int n = atoi(words[0]);
        size_t n_wrong = 0;
        double in_turn;
        double at_once;

        shared = handle;
        beside_words = words_of(words + 1);
        in_turn = time_threads(1, n, &n_wrong);
        at_once = time_threads(n, 1, &n_wrong);
        printf("in_turn %.0f at_once %.0f wrong %zu\n", in_turn, at_once, n_wrong);
        return 0;
}

/* many N WORD...: at once, in an event loop */
static int n_back;
static int n_good;

static void count_back(struct rootwrap_command *command,
                       const struct rootwrap_result *result,
                       void *userdata)
{
        (void)command;
        (void)userdata;
        n_back++;
        n_good += !result->error && !result->is_refused && result->exit_code == 0;
        if (result->error)
                printf("callback error %d %s\n", result->error,
                       result->reason ? result->reason : "");
}

static void loop_until(struct rootwrap *handle, int wanted)
{
        struct pollfd poller = { rootwrap_fd(handle), POLLIN, 0 };

        while (n_back < wanted) {
                (void)poll(&poller, 1, -1);
                assert(rootwrap_dispatch(handle) == 0);
        }
}

static int do_many(struct rootwrap *handle, char **words)
{
        int n = atoi(words[0]);
        int n_busy = 0;
        int i;
        int r;

        for (i = 0; i < n; i++) {
                r = rootwrap_start(handle, words_of(words + 1), NULL, count_back, NULL, NULL);
                if (r == ROOTWRAP_E_BUSY) {
                        n_busy++;
                        loop_until(handle, n_back + 1);
                        i--;
                        continue;
                }
                if (r)
                        return say(r);
        }
        loop_until(handle, n);
        printf("back %d good %d busy %d\n", n_back, n_good, n_busy > 0);
        return 0;
}

/* signal NUMBER[,NUMBER...] WORD...: start, signal at once, and say how it ended */
static int last_exit;

static void keep_exit(struct rootwrap_command *command,
                      const struct rootwrap_result *result,
                      void *userdata)
{
        (void)command;
        (void)userdata;
        n_back++;
        last_exit = result->error ? -result->error : result->exit_code;
}

static int do_signal(struct rootwrap *handle, char **words)
{
        struct rootwrap_command *command;
        struct pollfd poller = { rootwrap_fd(handle), POLLIN, 0 };
        char *numbers;
        int pid;
        int r;

        r = rootwrap_start(handle, words_of(words + 1), NULL, keep_exit, NULL, &command);
        if (r)
                return say(r);
        if (getenv("SIGNAL_LATE"))
                while (!(pid = rootwrap_pid(command)) && poll(&poller, 1, -1) > 0)
                        (void)rootwrap_dispatch(handle);
        for (numbers = strtok(words[0], ","); numbers; numbers = strtok(NULL, ",")) {
                r = rootwrap_signal(command, atoi(numbers));
                if (r)
                        return say(r);
        }
        loop_until(handle, 1);
        printf("exit %d\n", last_exit);
        return 0;
}

/* close WORD...: the handle is closed while it runs */
static int do_close(struct rootwrap *handle, char **words)
{
        int r;

        r = rootwrap_start(handle, words_of(words), NULL, keep_exit, NULL, NULL);
        if (r)
                return say(r);
        rootwrap_close(handle);
        printf("back %d exit %d\n", n_back, last_exit);
        fflush(stdout);
        _exit(0);
}

/* fork WORD...: in a child it is an error; the parent goes on */
static int do_fork(struct rootwrap *handle, char **words)
{
        int status;
        pid_t pid;

        (void)do_execute(handle, words);
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                (void)do_execute(handle, words);
                printf("fd %d dispatch %d\n", rootwrap_fd(handle), rootwrap_dispatch(handle));
                fflush(stdout);
                rootwrap_close(handle);
                _exit(0);
        }
        waitpid(pid, &status, 0);
        printf("child %d\n", status);
        return do_execute(handle, words);
}

/* fds WORD...: what a program that we execute meanwhile has open */
static int do_fds(struct rootwrap *handle, char **words)
{
        (void)do_execute(handle, words);
        fflush(stdout);
        return system("ls /proc/self/fd | tr '\\n' ' '; echo");
}

static int do_explain(struct rootwrap *handle, char **words)
{
        struct rootwrap_explanation *explanation;
        size_t i;
        int r;

        r = rootwrap_explain(handle, words_of(words), NULL, &explanation);
        if (r)
                return say(r);
        printf("code %d filter %s run_as %s argv", explanation->exit_code,
               explanation->filter ? explanation->filter : "-",
               explanation->run_as ? explanation->run_as : "-");
        for (i = 0; explanation->argv && explanation->argv[i]; i++)
                printf(" [%s]", explanation->argv[i]);
        printf(" reason %s\n", explanation->reason ? explanation->reason : "-");
        rootwrap_explanation_free(explanation);
        return 0;
}

static int do_status(struct rootwrap *handle, char **words)
{
        struct rootwrap_status *status;
        struct pollfd poller = { rootwrap_fd(handle), POLLIN, 0 };
        struct rootwrap_command *command;
        int r;

        r = rootwrap_start(handle, words_of(words), NULL, keep_exit, NULL, &command);
        if (r)
                return say(r);
        while (!rootwrap_pid(command) && poll(&poller, 1, -1) > 0)
                (void)rootwrap_dispatch(handle);
        r = rootwrap_status(handle, &status);
        if (r)
                return say(r);
        printf("running %llu commands %zu", (unsigned long long)status->n_running,
               status->n_commands);
        if (status->n_commands)
                printf(" [%s %s] filter %s uid %u pid %d mine %d", status->commands[0].argv[0],
                       status->commands[0].argv[1], status->commands[0].filter,
                       status->commands[0].uid, status->commands[0].pid == rootwrap_pid(command),
                       status->commands[0].client_pid == getpid());
        printf("\n");
        rootwrap_status_free(status);
        return 0;
}

/* bench N WORD...: microseconds by the library and by posix_spawn(3), interleaved */
static int compare(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;

        return (x > y) - (x < y);
}

static int do_bench(struct rootwrap *handle, char **words)
{
        int n = atoi(words[0]);
        double *by_library = calloc((size_t)n, sizeof(double));
        double *by_execute = calloc((size_t)n, sizeof(double));
        double *by_spawn = calloc((size_t)n, sizeof(double));
        struct rootwrap_result *result;
        double start;
        int status;
        pid_t pid;
        int i;
        int r;

        for (i = 0; i < n; i++) {
                start = now_us();
                r = rootwrap_run(handle, words_of(words + 1), NULL, &result);
                if (r)
                        return say(r);
                by_library[i] = now_us() - start;
                rootwrap_result_free(result);
                start = now_us();
                r = rootwrap_execute(handle, words_of(words + 1), NULL, NULL, 0, &result);
                if (r)
                        return say(r);
                by_execute[i] = now_us() - start;
                rootwrap_result_free(result);
                start = now_us();
                assert(posix_spawnp(&pid, words[1], NULL, NULL, words + 1, environ) == 0);
                assert(waitpid(pid, &status, 0) == pid);
                by_spawn[i] = now_us() - start;
        }
        qsort(by_library, (size_t)n, sizeof(double), compare);
        qsort(by_execute, (size_t)n, sizeof(double), compare);
        qsort(by_spawn, (size_t)n, sizeof(double), compare);
        printf("run %.0f execute %.0f spawn %.0f ratio %.3f %.3f\n", by_library[n / 2],
               by_execute[n / 2], by_spawn[n / 2], by_library[n / 2] / by_spawn[n / 2],
               by_execute[n / 2] / by_spawn[n / 2]);
        return 0;
}

static const struct {
        const char *name;
        int (*run)(struct rootwrap *handle, char **words);
} actions[] = {
        { "execute", do_execute }, { "repeat", do_repeat },   { "echo", do_echo },
        { "run", do_run },         { "threads", do_threads }, { "many", do_many },
        { "signal", do_signal },   { "close", do_close },     { "fork", do_fork },
        { "fds", do_fds },         { "explain", do_explain }, { "status", do_status },
        { "bench", do_bench },     { "beside", do_beside },
};

int main(int argc, char **argv)
{
        struct rootwrap *handle;
        struct sigaction before[NSIG];
        struct sigaction after;
        size_t i;
        int number;
        int r = 64;

        if (argc < 4)
                return 64;
        for (number = 1; number < NSIG; number++)
                (void)sigaction(number, NULL, &before[number]);
        handle = open_way(argv[1], argv[2]);
        for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
                if (strcmp(actions[i].name, argv[3]) == 0)
                        r = actions[i].run(handle, argv + 4);
        for (number = 1; number < NSIG; number++) /* none of them is touched */
                if (sigaction(number, NULL, &after) == 0)
                        assert(after.sa_handler == before[number].sa_handler);
        rootwrap_close(handle);
        return r;
}
