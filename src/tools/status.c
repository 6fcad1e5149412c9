/* SPDX-License-Identifier: Apache-2.0 */
/* rootwrapctl status: what daemons did, and what runs in them. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rootwrap.h"
#include "tools/rootwrapctl.h"
#include "util/cleanup.h"
#include "util/json-text.h"
#include "util/text.h"

/* Between two looks of --watch, in seconds. */
#define WATCH_S         1
#define SOCKETS_MAX     1024u
#define WORDS_BYTES_MAX 120u

static const char usage[] =
        "usage: rootwrapctl status [--json | --prometheus] [--watch] [[--socket] SOCKET]...\n"
        "\n"
        "Says what rootwrap's daemons did, and what runs in them: those whose sockets are named, else\n"
        "the host services (/run/rootwrapd/*.sock) and, as root, those that services started.\n"
        "\n"
        "  --json        one JSON object a daemon and line\n"
        "  --prometheus  the text format of Prometheus\n"
        "  --socket      before a SOCKET, as in rootwrapctl run; it is the same without\n"
        "  --watch       again every second\n"
        "  --help        print this text\n"
        "\n"
        "Exit status: 0 all that were asked have answered, also where none was found; 1 some have\n"
        "not; 64 wrong use; 70 the answer can't be written.\n";

enum format {
        FORMAT_PEOPLE,
        FORMAT_JSON,
        FORMAT_PROMETHEUS,
};

static const unsigned int limits_ms[ROOTWRAP_BUCKETS - 1] = { 1,   2,   5,    10,   20,   50,   100,
                                                              200, 500, 1000, 2000, 5000, 10000 };

/* A daemon that answered. */
struct answer {
        const char *path;
        struct rootwrap_status *status;
};

/* Words */

static void put_words(struct text *text, const char *const *argv, size_t n_max)
{
        size_t n_begin = text->n_bytes;
        size_t i;

        for (i = 0; argv && argv[i]; i++) {
                if (i)
                        text_put_char(text, ' ');
                text_put_escaped(text, argv[i], strlen(argv[i]), n_max);
        }
        if (text->n_bytes - n_begin > n_max)
                text_cut(text, n_begin + n_max, "...");
}

/* A time as a person reads it; in microseconds. */
static void put_time(struct text *text, uint64_t us)
{
        if (us < 1000000)
                text_printf(text, "%" PRIu64 ".%" PRIu64 " ms", us / 1000, us % 1000 / 100);
        else if (us < UINT64_C(60) * 1000000)
                text_printf(text, "%" PRIu64 ".%" PRIu64 " s", us / 1000000, us % 1000000 / 100000);
        else
                text_printf(text, "%" PRIu64 " min %" PRIu64 " s", us / 60000000,
                            us % 60000000 / 1000000);
}

/* It is known in whole seconds. */
static void put_uptime(struct text *text, uint64_t s)
{
        if (s < 60)
                text_printf(text, "%" PRIu64 " s", s);
        else
                put_time(text, s * 1000000);
}

static void put_user(struct text *text, unsigned int uid)
{
        const struct passwd *entry = getpwuid(uid); /* NOLINT(concurrency-mt-unsafe) */

        if (entry)
                text_put_string(text, entry->pw_name);
        else
                text_printf(text, "%u", uid);
}

static uint64_t count_ended(const struct rootwrap_status *status)
{
        uint64_t n = 0;
        size_t i;

        for (i = 0; i < ROOTWRAP_BUCKETS; i++)
                n += status->n_took[i];
        return n;
}

/* The time within which so many of a hundred commands ended; "" where there were none. */
static void put_percentile(struct text *text,
                           const struct rootwrap_status *status,
                           uint64_t percent)
{
        uint64_t n_ended = count_ended(status);
        uint64_t n = 0;
        size_t i;

        if (!n_ended)
                return;
        for (i = 0; i < ROOTWRAP_BUCKETS - 1; i++) {
                n += status->n_took[i];
                if (n * 100 >= n_ended * percent) {
                        text_printf(text, ", %" PRIu64 " %% within %u ms", percent, limits_ms[i]);
                        return;
                }
        }
        text_printf(text, ", %" PRIu64 " %% not even within %u ms", percent,
                    limits_ms[ROOTWRAP_BUCKETS - 2]);
}

static void put_people(struct text *text, const struct answer *answer)
{
        const struct rootwrap_status *status = answer->status;
        size_t i;

        text_printf(text, "%s: up ", answer->path);
        put_uptime(text, status->uptime_s);
        text_printf(text,
                    "; %" PRIu64 " started, %" PRIu64 " refused, %" PRIu64 " failed, %" PRIu64
                    " running; %" PRIu64 " connections\n",
                    status->n_started, status->n_refused, status->n_failed, status->n_running,
                    status->n_connections);
        if (count_ended(status)) {
                text_put_string(text, "  took on average ");
                put_time(text, status->total_us / count_ended(status));
                put_percentile(text, status, 50);
                put_percentile(text, status, 99);
                text_put_char(text, '\n');
        }
        for (i = 0; i < status->n_commands; i++) {
                const struct rootwrap_running *running = &status->commands[i];

                text_printf(text, "  pid %-7d ", running->pid);
                put_time(text, running->duration_us);
                text_put_string(text, "  ");
                put_user(text, running->uid);
                text_printf(text, "(%d) > %s  %s: ", running->client_pid, running->run_as,
                            running->filter);
                put_words(text, running->argv, WORDS_BYTES_MAX);
                text_put_char(text, '\n');
        }
}

/* JSON */

static void put_json_command(struct text *text, const struct rootwrap_running *running)
{
        text_put_string(text, "{\"argv\": ");
        text_put_json_strings(text, running->argv);
        text_printf(text, ", \"pid\": %d, \"duration_us\": %" PRIu64 ", \"filter\": ", running->pid,
                    running->duration_us);
        text_put_json_or_null(text, running->filter);
        text_put_string(text, ", \"run_as\": ");
        text_put_json_or_null(text, running->run_as);
        text_printf(text, ", \"uid\": %u, \"peer_pid\": %d}", running->uid, running->client_pid);
}

static void put_json(struct text *text, const struct answer *answer)
{
        const struct rootwrap_status *status = answer->status;
        size_t i;

        text_put_string(text, "{\"socket\": ");
        text_put_json_or_null(text, answer->path);
        text_printf(text,
                    ", \"uptime_s\": %" PRIu64 ", \"started\": %" PRIu64 ", \"refused\": %" PRIu64
                    ", \"failed\": %" PRIu64 ", \"running\": %" PRIu64 ", \"connections\": %" PRIu64
                    ", \"total_us\": %" PRIu64 ", \"took_at_most_ms\": {",
                    status->uptime_s, status->n_started, status->n_refused, status->n_failed,
                    status->n_running, status->n_connections, status->total_us);
        for (i = 0; i < ROOTWRAP_BUCKETS - 1; i++)
                text_printf(text, "\"%u\": %" PRIu64 ", ", limits_ms[i], status->n_took[i]);
        text_printf(text, "\"more\": %" PRIu64 "}, \"commands\": [", status->n_took[i]);
        for (i = 0; i < status->n_commands; i++) {
                if (i)
                        text_put_string(text, ", ");
                put_json_command(text, &status->commands[i]);
        }
        text_put_string(text, "]}\n");
}

/* Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ */

static void put_label(struct text *text, const char *path)
{
        text_put_string(text, "socket=\"");
        for (; *path; path++) {
                if (*path == '"' || *path == '\\')
                        text_put_char(text, '\\');
                if (*path == '\n')
                        text_put_string(text, "\\n");
                else
                        text_put_char(text, *path);
        }
        text_put_char(text, '"');
}

/* A number of each daemon. */
struct metric {
        const char *name;
        const char *help;
        const char *type;
        size_t offset; /* in struct rootwrap_status */
};

static void put_metric(struct text *text,
                       const struct metric *metric,
                       const struct answer *answers,
                       size_t n_answers)
{
        uint64_t value;
        size_t i;

        text_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                    metric->type);
        for (i = 0; i < n_answers; i++) {
                memcpy(&value, (const char *)answers[i].status + metric->offset, sizeof(value));
                text_printf(text, "%s{", metric->name);
                put_label(text, answers[i].path);
                text_printf(text, "} %" PRIu64 "\n", value);
        }
}

static void put_histogram(struct text *text, const struct answer *answer)
{
        static const char name[] = "rootwrap_command_duration_seconds";
        const struct rootwrap_status *status = answer->status;
        uint64_t n = 0;
        size_t i;

        for (i = 0; i < ROOTWRAP_BUCKETS; i++) {
                n += status->n_took[i];
                text_printf(text, "%s_bucket{", name);
                put_label(text, answer->path);
                if (i < ROOTWRAP_BUCKETS - 1)
                        text_printf(text, ",le=\"%u.%03u\"} %" PRIu64 "\n", limits_ms[i] / 1000,
                                    limits_ms[i] % 1000, n);
                else
                        text_printf(text, ",le=\"+Inf\"} %" PRIu64 "\n", n);
        }
        text_printf(text, "%s_sum{", name);
        put_label(text, answer->path);
        text_printf(text, "} %" PRIu64 ".%06" PRIu64 "\n%s_count{", status->total_us / 1000000,
                    status->total_us % 1000000, name);
        put_label(text, answer->path);
        text_printf(text, "} %" PRIu64 "\n", n);
}

static void put_prometheus(struct text *text, const struct answer *answers, size_t n_answers)
{
        static const struct metric metrics[] = {
                { "rootwrap_uptime_seconds", "Time since the daemon was started.", "gauge",
                  offsetof(struct rootwrap_status, uptime_s) },
                { "rootwrap_commands_started_total", "Commands that were started.", "counter",
                  offsetof(struct rootwrap_status, n_started) },
                { "rootwrap_commands_refused_total", "Commands that no filter allowed.", "counter",
                  offsetof(struct rootwrap_status, n_refused) },
                { "rootwrap_commands_failed_total", "Commands that could not be started.",
                  "counter", offsetof(struct rootwrap_status, n_failed) },
                { "rootwrap_commands_running", "Commands that run.", "gauge",
                  offsetof(struct rootwrap_status, n_running) },
                { "rootwrap_connections", "Connections of clients.", "gauge",
                  offsetof(struct rootwrap_status, n_connections) },
        };
        size_t i;

        for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
                put_metric(text, &metrics[i], answers, n_answers);
        text_put_string(text, "# HELP rootwrap_command_duration_seconds How long commands ran.\n"
                              "# TYPE rootwrap_command_duration_seconds histogram\n");
        for (i = 0; i < n_answers; i++)
                put_histogram(text, &answers[i]);
}

/* Asking */

/* Says why a daemon does not answer. The path stands in most of what the library says already. */
static void complain(const char *path, int r)
{
        const char *detail = rootwrap_detail();
        size_t n = strlen(path);

        if (!*detail)
                detail = rootwrap_strerror(r);
        if (strncmp(detail, path, n) == 0 && detail[n] == ':')
                (void)fprintf(stderr, "rootwrapctl status: %s\n", detail);
        else
                (void)fprintf(stderr, "rootwrapctl status: %s: %s\n", path, detail);
        if (!strchr(path, '/'))
                (void)fprintf(stderr,
                              "rootwrapctl status: give the path of its socket, such as "
                              "/run/rootwrapd/%s.sock\n",
                              path);
}

/* Return: 0 or an exit code */
static int ask(const char *path, struct rootwrap_status **ret_status)
{
        struct rootwrap *rootwrap = NULL;
        int r;

        r = rootwrap_open_socket(path, &rootwrap);
        if (!r)
                r = rootwrap_status(rootwrap, ret_status);
        if (r)
                complain(path, r);
        rootwrap_close(rootwrap);
        return r ? RC_FAILED : 0;
}

/* Where daemons listen that nobody named. */
static int find_sockets(glob_t *ret_found)
{
        const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
        cleanup_text struct text pattern = { 0 };
        int r;

        r = glob("/run/rootwrapd/*.sock", 0, NULL, ret_found); /* NOLINT(concurrency-mt-unsafe) */
        if (r && r != GLOB_NOMATCH)
                return RC_FAILED;
        text_printf(&pattern, "%s/rootwrapd-*/native.sock",
                    parent && parent[0] == '/' ? parent : "/tmp");
        if (pattern.broken)
                return RC_FAILED;
        r = glob(text_get(&pattern), GLOB_APPEND, NULL, /* NOLINT(concurrency-mt-unsafe) */
                 ret_found);
        return r && r != GLOB_NOMATCH ? RC_FAILED : 0;
}

static void put_all(struct text *text,
                    enum format format,
                    const struct answer *answers,
                    size_t n_answers)
{
        size_t i;

        if (format == FORMAT_PROMETHEUS) {
                put_prometheus(text, answers, n_answers);
                return;
        }
        for (i = 0; i < n_answers; i++) {
                if (format == FORMAT_JSON)
                        put_json(text, &answers[i]);
                else
                        put_people(text, &answers[i]);
        }
        if (!n_answers && format == FORMAT_PEOPLE)
                text_put_string(text, "no daemon answers\n");
}

/* Return: exit code: 0 where all answered */
static int show(enum format format, char *const *paths, size_t n_paths)
{
        cleanup_free struct answer *answers = NULL;
        cleanup_text struct text text = { 0 };
        size_t n_answers = 0;
        int code = 0;
        size_t i;

        if (n_paths > SOCKETS_MAX)
                n_paths = SOCKETS_MAX;
        answers = calloc(n_paths + 1, sizeof(*answers));
        if (!answers)
                return RC_FAILED;
        for (i = 0; i < n_paths; i++) {
                answers[n_answers].path = paths[i];
                if (ask(paths[i], &answers[n_answers].status))
                        code = 1;
                else
                        n_answers++;
        }
        put_all(&text, format, answers, n_answers);
        for (i = 0; i < n_answers; i++)
                rootwrap_status_free(answers[i].status);
        if (text.broken || fputs(text_get(&text), stdout) < 0 || fflush(stdout))
                return RC_FAILED;
        return code;
}

static int show_found(enum format format)
{
        glob_t found = { 0 };
        int r;

        r = find_sockets(&found);
        if (!r)
                r = show(format, found.gl_pathv, found.gl_pathc);
        globfree(&found);
        return r;
}

/* What is to be shown. */
struct wish {
        enum format format;
        bool is_watching;
        char **paths;
        size_t n_paths; /* 0: of all daemons that are found */
};

/* Return: 0; -1: it is answered; or an exit code */
static int parse(struct wish *wish, int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "json", no_argument, NULL, 'j' },
                { "prometheus", no_argument, NULL, 'p' },
                { "socket", required_argument, NULL, 's' },
                { "watch", no_argument, NULL, 'w' },
                { NULL, 0, NULL, 0 },
        };
        int option;

        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) { /* NOLINT */
                switch (option) {
                case 'h':
                        return fputs(usage, stdout) < 0 ? RC_FAILED : -1;
                case 'j':
                        wish->format = FORMAT_JSON;
                        break;
                case 'p':
                        wish->format = FORMAT_PROMETHEUS;
                        break;
                case 's':
                        wish->paths[wish->n_paths++] = optarg;
                        break;
                case 'w':
                        wish->is_watching = true;
                        break;
                default:
                        return fputs(usage, stderr) < 0 ? RC_FAILED : RC_USAGE;
                }
        }
        while (optind < argc)
                wish->paths[wish->n_paths++] = argv[optind++];
        return 0;
}

/**
 * status_main() - rootwrapctl status
 * @argc: of its own arguments, with its name
 * @argv: likewise
 *
 * Return: exit code
 */
int status_main(int argc, char **argv)
{
        cleanup_free char **paths = calloc((size_t)argc, sizeof(*paths));
        struct wish wish = { .paths = paths };
        int r;

        if (!paths)
                return RC_FAILED;
        r = parse(&wish, argc, argv);
        if (r)
                return r < 0 ? 0 : r;
        for (;;) {
                if (wish.is_watching && wish.format == FORMAT_PEOPLE)
                        (void)fputs("\033[H\033[2J", stdout); /* ECMA-48: home, clear */
                r = wish.n_paths ? show(wish.format, wish.paths, wish.n_paths)
                                 : show_found(wish.format);
                if (!wish.is_watching || r == RC_FAILED)
                        return r;
                (void)nanosleep(&(struct timespec){ .tv_sec = WATCH_S }, NULL);
        }
}
