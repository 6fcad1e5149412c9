/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrapctl run: a command through a daemon that behaves as if it had been called itself. Its
 * streams are ours. What signals us goes on to it: it is in no session with our terminal, so that
 * what the terminal sends reaches only us. A stop stops it and then ourselves, as a shell expects.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "rootwrap.h"
#include "tools/rootwrapctl.h"
#include "tools/way.h"
#include "util/cleanup.h"

struct run {
        struct way way;
        const char *timeout; /* as it was given */
        uint64_t timeout_ms;
        struct rootwrap *handle;
        struct rootwrap_command *command;
        int exit_code;
        bool is_done;
        bool must_stop; /* we were stopped, and have not stopped yet */
};

static const char help[] =
        "usage: rootwrapctl run [--socket SOCKET | --config-of FILE | --daemon-command WORDS]\n"
        "                       [--timeout SECONDS] [--] COMMAND [ARG...]\n\n"
        "Runs a command through rootwrap-daemon, with the streams, the working directory and the\n"
        "signals of this program, and exits as it does.\n\n" WAY_HELP
        "  --timeout SECONDS       end the command after so long\n"
        "  --help                  print this text\n"
        "\n"
        "Exit status: the command's, 128 and the number of the signal that ended it (so also after\n"
        "--timeout), or 64 wrong use, 70 no daemon or nobody knows, 75 too many commands at once, 96\n"
        "it can't be started, 97 a configuration can't be used, 98 no command, 99 no filter matches.\n";

/* The command */

static void take_result(struct rootwrap_command *command,
                        const struct rootwrap_result *result,
                        void *userdata)
{
        struct run *run = userdata;
        int r = result->error;

        (void)command;
        run->is_done = true;
        run->command = NULL;
        run->exit_code = result->exit_code;
        if (result->is_timed_out)
                (void)fprintf(stderr,
                              "rootwrapctl run: the command was ended after %s s (--timeout)\n",
                              run->timeout);
        if (!r && !result->is_refused)
                return;
        (void)fprintf(stderr, "rootwrapctl: %s\n",
                      result->reason ? result->reason : rootwrap_strerror(r));
        if (r)
                run->exit_code = way_exit_code(r);
}

/* Those that are not ignored, as nohup(1) leaves them. Return: a signalfd, or negative errno */
static int take_signals(void)
{
        static const int passed[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                      SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT };
        struct sigaction action;
        sigset_t taken;
        size_t i;
        int fd;

        (void)sigemptyset(&taken);
        for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
                if (sigaction(passed[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        (void)sigaddset(&taken, passed[i]);
        (void)sigprocmask(SIG_BLOCK, &taken, NULL);
        fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void pass_signals(struct run *run, int fd)
{
        struct signalfd_siginfo info;

        while (!run->is_done && read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                (void)rootwrap_signal(run->command, (int)info.ssi_signo);
                run->must_stop = run->must_stop || info.ssi_signo == SIGTSTP;
        }
}

/* As the command stops, so do we; but not before it can be told to. */
static void stop_if_wanted(struct run *run)
{
        if (!run->must_stop || run->is_done || !rootwrap_pid(run->command))
                return;
        run->must_stop = false;
        (void)rootwrap_dispatch(run->handle); /* what was held back until it was started */
        (void)raise(SIGSTOP);                 /* until the shell continues us */
}

/* Return: 0, or an exit code */
static int start(struct run *run, char **argv)
{
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        cleanup_close int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        options.stdin_fd = fcntl(0, F_GETFD) < 0 ? -1 : 0;
        options.stdout_fd = fcntl(1, F_GETFD) < 0 ? -1 : 1;
        options.stderr_fd = fcntl(2, F_GETFD) < 0 ? -1 : 2;
        options.cwd_fd = cwd;
        options.timeout_ms = run->timeout_ms;
        r = rootwrap_start(run->handle, (const char *const *)argv, &options, take_result, run,
                           &run->command);
        if (!r)
                return 0;
        (void)fprintf(stderr, "rootwrapctl: %s\n", rootwrap_strerror(r));
        return RC_FAILED;
}

/* Our copies go, so that whoever reads or writes the other ends sees the command's alone. */
static bool let_go_of_streams(const struct run *run)
{
        if (run->is_done || !rootwrap_pid(run->command))
                return false;
        (void)close(0);
        (void)close(1);
        return true;
}

static int run_command(struct run *run, char **argv)
{
        cleanup_close int signals = take_signals();
        struct pollfd pollers[2] = { { .events = POLLIN }, { .events = POLLIN } };
        bool has_streams = true;
        int r;

        r = start(run, argv);
        pollers[0].fd = rootwrap_fd(run->handle);
        pollers[1].fd = signals;
        if (!r && (pollers[0].fd < 0 || signals < 0))
                r = RC_FAILED;
        while (!r && !run->is_done) {
                if (poll(pollers, 2, -1) < 0 && errno != EINTR)
                        return RC_FAILED;
                (void)rootwrap_dispatch(run->handle);
                if (has_streams)
                        has_streams = !let_go_of_streams(run);
                pass_signals(run, signals);
                stop_if_wanted(run);
        }
        return r ? r : run->exit_code;
}

/* Options */

static bool parse_timeout(const char *text, uint64_t *ret_ms)
{
        char *end;
        double seconds = strtod(text, &end);

        if (end == text || *end || !(seconds > 0) || seconds > 1e12)
                return false;
        *ret_ms = seconds < 0.001 ? 1 : (uint64_t)(seconds * 1000);
        return true;
}

/* Says what is wrong with the words. Return: RC_USAGE */
static int refuse(const char *what)
{
        (void)fprintf(stderr, "rootwrapctl run: %s\n", what);
        return RC_USAGE;
}

static int refuse_timeout(const char *text)
{
        (void)fprintf(stderr, "rootwrapctl run: --timeout wants seconds, not \"%s\"\n", text);
        return RC_USAGE;
}

/* Return: 0; -1: it is answered; or an exit code */
static int parse(struct run *run, int argc, char **argv)
{
        static const struct option options[] = {
                WAY_OPTIONS,
                { "timeout", required_argument, NULL, 't' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "+h", options, NULL)) != /* NOLINT(concurrency-*) */
               -1) {
                if (way_take(&run->way, c, optarg))
                        continue;
                if (c == 'h')
                        return fputs(help, stdout) < 0 ? RC_FAILED : -1;
                if (c != 't')
                        return fputs(help, stderr) < 0 ? RC_FAILED : RC_USAGE;
                if (!parse_timeout(optarg, &run->timeout_ms))
                        return refuse_timeout(optarg);
                run->timeout = optarg;
        }
        if (run->way.n_options > 1)
                return refuse(WAY_ONLY_ONE);
        if (argv[optind])
                return 0;
        (void)refuse("no command");
        (void)fputs(help, stderr);
        return RC_NOCOMMAND;
}

/**
 * run_main() - rootwrapctl run
 * @argc: number of words from the subcommand's name on
 * @argv: these words
 *
 * Return: the exit code
 */
int run_main(int argc, char **argv)
{
        struct run run = { 0 };
        int r;

        r = parse(&run, argc, argv);
        if (r)
                return r < 0 ? 0 : r;
        r = way_open(&run.way, "run", &run.handle);
        if (!r)
                r = run_command(&run, argv + optind);
        rootwrap_close(run.handle);
        return r;
}
