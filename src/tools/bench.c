/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrapctl bench: how long a service waits for a command, and which part of that is the
 * command's own. One at a time by rootwrap_run(), as a service does that waits; several at once by
 * the library's event loop, on one connection.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rootwrap.h"
#include "tools/rootwrapctl.h"
#include "tools/way.h"
#include "util/cleanup.h"
#include "util/json-text.h"
#include "util/text.h"

#define COUNT_DEFAULT 1000u
#define COUNT_MAX     1000000u

/* Some did not exit with 0. */
#define RC_SOME_FAILED 1

static const char help[] =
        "usage: rootwrapctl bench [--socket SOCKET | --config-of FILE | --daemon-command WORDS]\n"
        "                         [--count N] [--at-once N] [--json] [--] COMMAND [ARG...]\n\n"
        "Runs a command again and again, and says how long it took until the answer was there, and\n"
        "which part of that the command itself ran. Its streams are /dev/null. One run before all\n"
        "others, which may have to start the daemon, is not counted.\n\n" WAY_HELP
        "  --count N               run it so many times (1000)\n"
        "  --at-once N             so many at a time, on one connection (1)\n"
        "  --json                  one JSON object, times in microseconds\n"
        "  --help                  print this text\n"
        "\n"
        "Exit status: 0, or 1 some did not exit with 0, 64 wrong use, 70 no daemon or nobody knows,\n"
        "75 too many commands at once, 96 it can't be started, 97 a configuration can't be used, 98\n"
        "no command, 99 no filter matches.\n";

struct bench {
        struct way way;
        size_t count;
        size_t at_once;
        bool is_json;
        const char *const *argv;

        struct rootwrap *handle;
        struct slot *slots;    /* at_once of them */
        uint64_t *answered_us; /* count of each */
        uint64_t *command_us;
        uint64_t *beyond_us;
        size_t n_begun;
        size_t n_done;
        size_t n_failed; /* did not exit with 0 */
        int exit_code;   /* not 0: it is over */
};

/* A command at a time. */
struct slot {
        struct bench *bench;
        uint64_t started_us;
        bool is_busy;
};

static uint64_t now_us(void)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Running */

/* Says why there is no result. Return: an exit code; 0: there is one */
static int check(const struct rootwrap_result *result)
{
        if (!result->error && !result->is_refused)
                return 0;
        (void)fprintf(stderr, "rootwrapctl: %s\n",
                      result->reason ? result->reason : rootwrap_strerror(result->error));
        return result->error ? way_exit_code(result->error) : result->exit_code;
}

static void take(struct bench *bench, const struct rootwrap_result *result, uint64_t answered_us)
{
        size_t i = bench->n_done;
        uint64_t command_us = result->duration_us;

        bench->exit_code = bench->exit_code ? bench->exit_code : check(result);
        if (bench->exit_code)
                return;
        bench->n_failed += result->exit_code != 0;
        bench->answered_us[i] = answered_us;
        bench->command_us[i] = command_us;
        bench->beyond_us[i] = answered_us > command_us ? answered_us - command_us : 0;
        bench->n_done++;
}

/* Return: 0 or an exit code, said on stderr */
static int run_once(struct bench *bench, bool is_counted)
{
        struct rootwrap_result *result = NULL;
        uint64_t started_us = now_us();
        uint64_t answered_us;
        int r;

        r = rootwrap_run(bench->handle, bench->argv, NULL, &result);
        answered_us = now_us() - started_us;
        if (r) {
                (void)fprintf(stderr, "rootwrapctl: %s\n", rootwrap_detail());
                return way_exit_code(r);
        }
        if (is_counted)
                take(bench, result, answered_us);
        else
                bench->exit_code = check(result);
        rootwrap_result_free(result);
        return bench->exit_code;
}

static void take_result(struct rootwrap_command *command,
                        const struct rootwrap_result *result,
                        void *userdata)
{
        struct slot *slot = userdata;

        (void)command;
        slot->is_busy = false;
        take(slot->bench, result, now_us() - slot->started_us);
}

/* Has each slot that is free run it again. Return: 0 or an exit code */
static int fill_slots(struct bench *bench)
{
        struct rootwrap_command *command;
        struct slot *slot;
        int r;

        for (slot = bench->slots; slot < bench->slots + bench->at_once; slot++) {
                if (slot->is_busy || bench->n_begun == bench->count || bench->exit_code)
                        continue;
                *slot = (struct slot){ .bench = bench, .started_us = now_us(), .is_busy = true };
                r = rootwrap_start(bench->handle, bench->argv, NULL, take_result, slot, &command);
                if (r) {
                        (void)fprintf(stderr, "rootwrapctl: %s\n", rootwrap_strerror(r));
                        return way_exit_code(r);
                }
                bench->n_begun++;
        }
        return bench->exit_code;
}

static int fail_to_wait(int error)
{
        (void)fprintf(stderr, "rootwrapctl bench: can't wait for answers: %s\n", strerror(error));
        return RC_FAILED;
}

static int run_many(struct bench *bench)
{
        struct pollfd poller = { .fd = rootwrap_fd(bench->handle), .events = POLLIN };
        int r;

        if (poller.fd < 0)
                return fail_to_wait(-poller.fd);
        for (;;) {
                r = fill_slots(bench);
                if (r || bench->n_done == bench->count)
                        return r;
                if (poll(&poller, 1, -1) < 0 && errno != EINTR)
                        return fail_to_wait(errno);
                (void)rootwrap_dispatch(bench->handle);
        }
}

static int run_all(struct bench *bench)
{
        int r;

        if (bench->at_once > 1)
                return run_many(bench);
        do
                r = run_once(bench, true);
        while (!r && bench->n_done < bench->count);
        return r;
}

/* What it says */

static int compare(const void *a, const void *b)
{
        const uint64_t *left = a;
        const uint64_t *right = b;

        return (*left > *right) - (*left < *right);
}

/* Nearest rank. @sorted: @n of them, at least one */
static uint64_t percentile(const uint64_t *sorted, size_t n, size_t percent)
{
        size_t rank = (n * percent + 99) / 100;

        return sorted[rank ? rank - 1 : 0];
}

static const size_t percents[] = { 50, 95, 99, 100 };
static const char *const keys[] = { "median", "p95", "p99", "max" };

static void put_row(struct text *text, const char *name, const uint64_t *sorted, size_t n)
{
        size_t i;

        text_printf(text, "%-12s", name);
        for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
                text_printf(text, "%11.2f ms", (double)percentile(sorted, n, percents[i]) / 1000);
        text_put_char(text, '\n');
}

static void put_table(struct text *text, const struct bench *bench, double seconds)
{
        size_t n = bench->n_done;

        text_printf(text, "%zu times, %zu at once, in %.2f s: %.0f a second\n\n", n, bench->at_once,
                    seconds, (double)n / seconds);
        text_printf(text, "%12s%14s%14s%14s%14s\n", "", "median", "95 %", "99 %", "slowest");
        put_row(text, "answered in", bench->answered_us, n);
        put_row(text, "the command", bench->command_us, n);
        put_row(text, "beyond it", bench->beyond_us, n);
        if (bench->n_failed)
                text_printf(text, "\n%zu of them did not exit with 0\n", bench->n_failed);
}

static void put_member(struct text *text, const char *key, const uint64_t *sorted, size_t n)
{
        size_t i;

        text_printf(text, ", \"%s\": {", key);
        for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
                text_printf(text, "%s\"%s\": %" PRIu64, i ? ", " : "", keys[i],
                            percentile(sorted, n, percents[i]));
        text_put_char(text, '}');
}

static void put_object(struct text *text, const struct bench *bench, double seconds)
{
        size_t n = bench->n_done;
        size_t i;

        text_put_string(text, "{\"argv\": [");
        for (i = 0; bench->argv[i]; i++) {
                text_put_string(text, i ? ", " : "");
                text_put_json(text, bench->argv[i], strlen(bench->argv[i]));
        }
        text_printf(text, "], \"count\": %zu, \"at_once\": %zu, \"failed\": %zu", n, bench->at_once,
                    bench->n_failed);
        text_printf(text, ", \"seconds\": %.6f", seconds);
        put_member(text, "answered_us", bench->answered_us, n);
        put_member(text, "command_us", bench->command_us, n);
        put_member(text, "beyond_us", bench->beyond_us, n);
        text_put_string(text, "}\n");
}

static int report(struct bench *bench, double seconds)
{
        cleanup_text struct text text = { 0 };
        size_t n = bench->n_done;

        qsort(bench->answered_us, n, sizeof(uint64_t), compare);
        qsort(bench->command_us, n, sizeof(uint64_t), compare);
        qsort(bench->beyond_us, n, sizeof(uint64_t), compare);
        if (bench->is_json)
                put_object(&text, bench, seconds);
        else
                put_table(&text, bench, seconds);
        if (text.broken || fputs(text_get(&text), stdout) < 0 || fflush(stdout) < 0) {
                (void)fprintf(stderr, "rootwrapctl bench: the answer can't be written\n");
                return RC_FAILED;
        }
        return bench->n_failed ? RC_SOME_FAILED : 0;
}

static int measure(struct bench *bench)
{
        uint64_t started_us;
        int r;

        bench->slots = calloc(bench->at_once, sizeof(*bench->slots));
        bench->answered_us = calloc(bench->count, sizeof(uint64_t));
        bench->command_us = calloc(bench->count, sizeof(uint64_t));
        bench->beyond_us = calloc(bench->count, sizeof(uint64_t));
        if (!bench->slots || !bench->answered_us || !bench->command_us || !bench->beyond_us) {
                (void)fprintf(stderr, "rootwrapctl bench: %s\n", strerror(ENOMEM));
                return RC_FAILED;
        }
        r = run_once(bench, false);
        if (r)
                return r;
        started_us = now_us();
        r = run_all(bench);
        return r ? r : report(bench, (double)(now_us() - started_us + 1) / 1e6);
}

/* Options */

static bool parse_number(const char *text, size_t n_max, size_t *ret_number)
{
        unsigned long number;
        char *end;

        errno = 0;
        number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || !number || number > n_max)
                return false;
        *ret_number = number;
        return true;
}

static int refuse_number(const char *option, size_t n_max, const char *text)
{
        (void)fprintf(stderr, "rootwrapctl bench: %s wants a number from 1 to %zu, not \"%s\"\n",
                      option, n_max, text);
        return RC_USAGE;
}

/* Return: 0; -1: it is answered; or an exit code */
static int parse(struct bench *bench, int argc, char **argv)
{
        static const struct option options[] = {
                WAY_OPTIONS,
                { "count", required_argument, NULL, 'n' },
                { "at-once", required_argument, NULL, 'a' },
                { "json", no_argument, NULL, 'j' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "+h", options, NULL)) != /* NOLINT(concurrency-*) */
               -1) {
                if (way_take(&bench->way, c, optarg))
                        continue;
                if (c == 'h')
                        return fputs(help, stdout) < 0 ? RC_FAILED : -1;
                if (c == 'j')
                        bench->is_json = true;
                else if (c == 'n' && !parse_number(optarg, COUNT_MAX, &bench->count))
                        return refuse_number("--count", COUNT_MAX, optarg);
                else if (c == 'a' && !parse_number(optarg, ROOTWRAP_COMMANDS_MAX, &bench->at_once))
                        return refuse_number("--at-once", ROOTWRAP_COMMANDS_MAX, optarg);
                else if (c == '?')
                        return fputs(help, stderr) < 0 ? RC_FAILED : RC_USAGE;
        }
        if (bench->way.n_options > 1) {
                (void)fprintf(stderr, "rootwrapctl bench: %s\n", WAY_ONLY_ONE);
                return RC_USAGE;
        }
        bench->argv = (const char *const *)argv + optind;
        if (argv[optind])
                return 0;
        (void)fprintf(stderr, "rootwrapctl bench: no command\n%s", help);
        return RC_NOCOMMAND;
}

/**
 * bench_main() - rootwrapctl bench
 * @argc: number of words from the subcommand's name on
 * @argv: these words
 *
 * Return: the exit code
 */
int bench_main(int argc, char **argv)
{
        struct bench bench = { .count = COUNT_DEFAULT, .at_once = 1 };
        int r;

        r = parse(&bench, argc, argv);
        if (r)
                return r < 0 ? 0 : r;
        r = way_open(&bench.way, "bench", &bench.handle);
        if (!r)
                r = measure(&bench);
        bench.exit_code = RC_FAILED; /* of commands that closing ends, nothing is said */
        rootwrap_close(bench.handle);
        free(bench.slots);
        free(bench.answered_us);
        free(bench.command_us);
        free(bench.beyond_us);
        return r;
}
