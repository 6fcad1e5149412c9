/* SPDX-License-Identifier: Apache-2.0 */
/*
 * legacy-load SECONDS CONNECTIONS SOCKET COMMAND [ARG...] <KEY
 *
 * Keeps a daemon of oslo.rootwrap's protocol busy: each connection asks for the command again as
 * soon as it has the answer. One thread, so that as much as can be is left of the processors for
 * the daemon. The key comes on stdin. An answer that is not "exit code 0, no output" ends it.
 *
 * Prints {"commands": N, "seconds": S, "all": A, "latency_us": [p50, p90, p99, max]}: the commands
 * that were answered in so many seconds, and how long they took from question to answer. Those from
 * before the clock started, while everything got warm, and from after it stopped are only in A.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "legacy.h"

#define CONNECTIONS_MAX 1024
#define COMMANDS_MAX    4000000
#define SECONDS_MAX     600.0
#define REQUEST_MAX     1024
#define WARM_UP_NS      100000000
#define ANSWER          "[\"#RETURN\", [0, \"\", \"\"]]"
#define CREATED         "[\"#RETURN\", [\""

struct connection {
        int fd;
        int64_t asked_ns;
        char in[LEGACY_HEADER_BYTES + sizeof(ANSWER)];
        size_t n_in;
};

struct load {
        struct connection connections[CONNECTIONS_MAX];
        size_t n_connections;
        size_t n_waiting; /* for an answer */
        char request[REQUEST_MAX];
        int epoll;
        int64_t start_ns;
        int64_t end_ns;
        uint32_t *latency_us;
        size_t n_commands; /* between start and end */
        size_t n_all;
};

static int64_t now_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int complain(const char *what)
{
        (void)fprintf(stderr, "legacy-load: %s: %s\n", what, strerror(errno));
        return -1;
}

/* Puts the request together. Return: 0, or -1 where a word would have to be escaped */
static int format_request(struct load *load, const char *id, char **words)
{
        FILE *to = fmemopen(load->request, sizeof(load->request), "w");
        size_t i;
        bool is_fine = to;

        if (to)
                (void)fprintf(to, "[\"%s\", \"run_one_command\", [[", id);
        for (i = 0; is_fine && words[i]; i++) {
                is_fine = words[i][strcspn(words[i], "\"\\")] == '\0' &&
                          fprintf(to, "%s\"%s\"", i ? ", " : "", words[i]) > 0;
        }
        if (is_fine)
                is_fine = fprintf(to, "]], {}]") > 0;
        if (to && fclose(to))
                is_fine = false;
        if (!is_fine)
                (void)fprintf(stderr, "legacy-load: this command line can't be asked for\n");
        return is_fine ? 0 : -1;
}

/* Has an object made, as a client does before anything else. Return: 0 and its id, or -1 */
static int create_object(const char *path, const uint8_t *key, char id[LEGACY_BODY_MAX])
{
        char answer[LEGACY_BODY_MAX + 1] = "";
        const size_t n_created = strlen(CREATED);
        char *end = NULL;
        int fd;

        fd = legacy_connect(path, key);
        if (fd < 0)
                return complain("connecting");
        if (legacy_ask(fd, "[null, \"create\", [\"rootwrap\"], {}]", answer) < 0) {
                (void)close(fd);
                return complain("making an object");
        }
        (void)close(fd);
        if (strncmp(answer, CREATED, n_created) == 0)
                end = strchr(answer + n_created, '"');
        if (!end) {
                (void)fprintf(stderr, "legacy-load: no object, but %s\n", answer);
                return -1;
        }
        *end = '\0';
        memcpy(id, answer + n_created, (size_t)(end - answer) - n_created + 1);
        return 0;
}

static int open_connection(struct load *load, const char *path, const uint8_t *key)
{
        struct connection *connection = &load->connections[load->n_connections];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        char answer[LEGACY_BODY_MAX + 1] = "";

        connection->fd = legacy_connect(path, key);
        if (connection->fd < 0)
                return complain("connecting");
        load->n_connections++;
        if (legacy_ask(connection->fd, "[null, \"accept_connection\", [\"bench\"], {}]", answer) <
            0)
                return complain("opening a session");
        if (strcmp(answer, "[\"#RETURN\", null]") != 0) {
                (void)fprintf(stderr, "legacy-load: no session, but %s\n", answer);
                return -1;
        }
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
                return complain("watching a connection");
        return 0;
}

static int ask(struct load *load, struct connection *connection)
{
        connection->n_in = 0;
        connection->asked_ns = now_ns();
        if (legacy_send(connection->fd, load->request, strlen(load->request)) < 0)
                return complain("asking");
        load->n_waiting++;
        return 0;
}

/* Says whether what has come is, or can become, the answer that is expected. */
static int check_answer(const struct connection *connection)
{
        const char *body = connection->in + LEGACY_HEADER_BYTES;

        if (connection->n_in < LEGACY_HEADER_BYTES)
                return 0;
        if (legacy_take_header((const uint8_t *)connection->in) == strlen(ANSWER) &&
            memcmp(body, ANSWER, connection->n_in - LEGACY_HEADER_BYTES) == 0)
                return 0;
        (void)fprintf(stderr, "legacy-load: the command failed; its answer begins with \"%.*s\"\n",
                      (int)(connection->n_in - LEGACY_HEADER_BYTES), body);
        return -1;
}

static int note_answer(struct load *load, int64_t asked_ns, int64_t now)
{
        load->n_all++;
        if (now < load->start_ns || now >= load->end_ns)
                return 0;
        if (load->n_commands == COMMANDS_MAX) {
                (void)fprintf(stderr, "legacy-load: too many commands to remember\n");
                return -1;
        }
        load->latency_us[load->n_commands++] = (uint32_t)((now - asked_ns) / 1000);
        return 0;
}

/* Reads an answer, or a part of one; after the whole, asks again. */
static int dispatch(struct load *load, struct connection *connection)
{
        const size_t n_whole = LEGACY_HEADER_BYTES + strlen(ANSWER);
        int64_t now;
        ssize_t n;

        n = read(connection->fd, connection->in + connection->n_in, n_whole - connection->n_in);
        if (n <= 0) {
                errno = n ? errno : ECONNRESET;
                return complain("waiting for an answer");
        }
        connection->n_in += (size_t)n;
        if (check_answer(connection) < 0)
                return -1;
        if (connection->n_in < n_whole)
                return 0;
        now = now_ns();
        load->n_waiting--;
        if (note_answer(load, connection->asked_ns, now) < 0)
                return -1;
        return now < load->end_ns ? ask(load, connection) : 0;
}

static int run(struct load *load)
{
        struct epoll_event events[64];
        int n;
        int i;

        for (i = 0; i < (int)load->n_connections; i++)
                if (ask(load, &load->connections[i]) < 0)
                        return -1;
        while (load->n_waiting) {
                n = epoll_wait(load->epoll, events, 64, -1);
                if (n < 0 && errno != EINTR)
                        return complain("waiting");
                for (i = 0; i < n; i++)
                        if (dispatch(load, events[i].data.ptr) < 0)
                                return -1;
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        const uint32_t *left = a;
        const uint32_t *right = b;

        return (*left > *right) - (*left < *right);
}

static int print(const struct load *load, double seconds)
{
        const uint32_t *us = load->latency_us;
        size_t n = load->n_commands;

        if (!n) {
                (void)fprintf(stderr, "legacy-load: not one command in %g s\n", seconds);
                return -1;
        }
        qsort(load->latency_us, n, sizeof(*us), compare);
        (void)printf("{\"commands\": %zu, \"seconds\": %g, \"all\": %zu, "
                     "\"latency_us\": [%u, %u, %u, %u]}\n",
                     n, seconds, load->n_all, us[n / 2], us[n - 1 - n / 10], us[n - 1 - n / 100],
                     us[n - 1]);
        return 0;
}

static int load_daemon(struct load *load, size_t n_connections, const char *path, char **words)
{
        uint8_t key[LEGACY_KEY_BYTES];
        char id[LEGACY_BODY_MAX];

        if (read(STDIN_FILENO, key, sizeof(key)) != sizeof(key)) {
                (void)fprintf(stderr, "legacy-load: no key on stdin\n");
                return -1;
        }
        load->epoll = epoll_create1(EPOLL_CLOEXEC);
        load->latency_us = calloc(COMMANDS_MAX, sizeof(*load->latency_us));
        if (load->epoll < 0 || !load->latency_us)
                return complain("getting ready");
        if (create_object(path, key, id) < 0 || format_request(load, id, words) < 0)
                return -1;
        while (load->n_connections < n_connections)
                if (open_connection(load, path, key) < 0)
                        return -1;
        load->start_ns += now_ns();
        load->end_ns += load->start_ns;
        return run(load);
}

int main(int argc, char **argv)
{
        static struct load load = { .start_ns = WARM_UP_NS };
        double seconds = argc > 4 ? strtod(argv[1], NULL) : 0;
        long n_connections = argc > 4 ? strtol(argv[2], NULL, 10) : 0;

        if (!(seconds > 0 && seconds <= SECONDS_MAX) || n_connections < 1 ||
            n_connections > CONNECTIONS_MAX) {
                (void)fprintf(stderr, "usage: legacy-load SECONDS CONNECTIONS SOCKET COMMAND "
                                      "[ARG...] <KEY\n");
                return 2;
        }
        load.end_ns = (int64_t)(seconds * 1e9);
        if (load_daemon(&load, (size_t)n_connections, argv[3], argv + 4) < 0)
                return 1;
        return print(&load, seconds) < 0 ? 1 : 0;
}
