/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that runs nothing, for test_legacy_vs_python.py:
 *
 *     legacy-probe LISTENER KEY CHUNK
 *
 * serves what connects to the descriptor LISTENER, with a key in hexadecimal, and feeds what comes
 * CHUNK bytes at a time. The "result" of a command is the number of its arguments, its stdin, and
 * its arguments with a NUL behind each. It ends, with 0, when it is asked to.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/legacy.h"

#define CONNECTIONS_MAX 16
#define BUDGET_BYTES    (256u * 1024 * 1024)
#define MESSAGE_BYTES   (64u * 1024 * 1024)

static struct legacy_shared shared;
static struct legacy connections[CONNECTIONS_MAX];
static struct pollfd polled[CONNECTIONS_MAX + 1]; /* the last one is the listener */
static size_t n_chunk;
static bool is_stopping;

static void send_output(struct legacy *legacy, int fd)
{
        static char buffer[LEGACY_ROOM_MIN];
        size_t at;
        size_t n;
        ssize_t r;

        while ((n = legacy_output(legacy, buffer, sizeof(buffer))) > 0)
                for (at = 0; at < n; at += (size_t)r) {
                        r = send(fd, buffer + at, n - at, MSG_NOSIGNAL);
                        if (r <= 0)
                                break;
                }
}

static bool copy_queue(struct legacy_stream *to, struct queue *from)
{
        const void *bytes;
        size_t n_room;
        size_t n;
        void *room;

        legacy_stream_init(to, shared.budget);
        while (queue_peek(from, &bytes, &n)) {
                if (legacy_stream_room(to, &room, &n_room))
                        return false;
                n = n < n_room ? n : n_room;
                memcpy(room, bytes, n);
                legacy_stream_commit(to, n);
                queue_drop(from, n);
        }
        return true;
}

static void run(struct legacy *legacy)
{
        struct call *call = &legacy->call;
        struct legacy_stream out;
        struct legacy_stream err;
        int n_args = (int)call->n_args;

        if (!copy_queue(&out, &call->input) || !copy_queue(&err, &call->args))
                abort();
        legacy_result(legacy, n_args, &out, &err);
}

/* Return: false: the connection is done with */
static bool feed(struct legacy *legacy, int fd, const char *bytes, size_t n_bytes)
{
        size_t n;
        int r;

        while (n_bytes) {
                r = legacy_feed(legacy, bytes, n_bytes < n_chunk ? n_bytes : n_chunk, &n);
                bytes += n;
                n_bytes -= n;
                if (r == LEGACY_E_RUN)
                        run(legacy);
                else if (r == LEGACY_E_STOP)
                        is_stopping = true;
                send_output(legacy, fd);
                if (legacy_is_closing(legacy))
                        return false;
        }
        return true;
}

static void serve(size_t i)
{
        static char buffer[128 * 1024];
        int fd = polled[i].fd;
        ssize_t n;

        n = recv(fd, buffer, sizeof(buffer), 0);
        if (n > 0 && feed(&connections[i], fd, buffer, (size_t)n))
                return;
        legacy_deinit(&connections[i]);
        (void)close(fd);
        polled[i].fd = -1;
}

static void welcome(int listener)
{
        uint8_t nonce[CHALLENGE_NONCE_BYTES];
        size_t i;
        int fd;

        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        for (i = 0; i < CONNECTIONS_MAX && polled[i].fd >= 0; i++)
                ;
        if (fd < 0 || i == CONNECTIONS_MAX || getrandom(nonce, sizeof(nonce), 0) < 0)
                abort();
        polled[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
        legacy_init(&connections[i], &shared, nonce);
        send_output(&connections[i], fd);
}

static void read_key(const char *hex, uint8_t key[static CHALLENGE_KEY_BYTES])
{
        unsigned int byte;
        size_t i;

        for (i = 0; i < CHALLENGE_KEY_BYTES; i++) {
                if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
                        abort();
                key[i] = (uint8_t)byte;
        }
}

int main(int argc, char **argv)
{
        static struct queue_budget budget = { .n_max_bytes = BUDGET_BYTES };
        uint8_t key[CHALLENGE_KEY_BYTES];
        size_t i;

        if (argc != 4)
                return EXIT_FAILURE;
        read_key(argv[2], key);
        n_chunk = strtoul(argv[3], NULL, 10);
        legacy_shared_init(&shared, key, CHALLENGE_DIGESTS_ALL, MESSAGE_BYTES, &budget);
        for (i = 0; i < CONNECTIONS_MAX; i++)
                polled[i].fd = -1;
        polled[i] = (struct pollfd){ .fd = (int)strtol(argv[1], NULL, 10), .events = POLLIN };

        while (!is_stopping && poll(polled, CONNECTIONS_MAX + 1, -1) > 0) {
                for (i = 0; i < CONNECTIONS_MAX; i++)
                        if (polled[i].revents)
                                serve(i);
                if (polled[i].revents)
                        welcome(polled[i].fd);
        }
        for (i = 0; i < CONNECTIONS_MAX; i++)
                if (polled[i].fd >= 0)
                        legacy_deinit(&connections[i]);
        if (budget.n_used_bytes)
                return EXIT_FAILURE;
        legacy_shared_deinit(&shared);
        return EXIT_SUCCESS;
}
