/* SPDX-License-Identifier: Apache-2.0 */
/*
 * legacy-serve ANSWER
 *
 * A daemon for oslo.rootwrap's client that does nothing: whatever command is asked for, it reads
 * the question to its end and sends the answer that the file ANSWER holds, which was there before.
 * What a client needs for that is its own cost, and no daemon can be faster.
 *
 * Prints its socket's path, a newline and the key, as a daemon does. Ends on the client's shutdown,
 * or when its stdin hangs up. It runs nothing and protects nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "legacy.h"

#define FOLDER       "/tmp/legacy-serve-XXXXXX"
#define SOCKET_NAME  "/socket"
#define BACKLOG      16
#define BUFFER_BYTES ((size_t)256 * 1024)
/* Of a request: in so many bytes its function or method must have been named. */
#define HEAD_BYTES ((size_t)128)
#define NOTHING    "[\"#RETURN\", null]"
#define OBJECT     "[\"#RETURN\", [\"1\", [\"run_one_command\", \"shutdown\"]]]"

struct server {
        uint8_t key[LEGACY_KEY_BYTES];
        char folder[sizeof(FOLDER)];
        char path[sizeof(FOLDER) - 1 + sizeof(SOCKET_NAME)];
        const char *answer;
        size_t n_answer;
        int listener;
};

struct client {
        int fd;
};

static struct server server = { .folder = FOLDER };

static int complain(const char *what)
{
        (void)fprintf(stderr, "legacy-serve: %s: %s\n", what, strerror(errno));
        return -1;
}

static _Noreturn void stop(int code)
{
        (void)unlink(server.path);
        (void)rmdir(server.folder);
        _exit(code);
}

static int receive(int fd, void *to, size_t n_max, size_t *ret_n)
{
        ssize_t n;

        do
                n = read(fd, to, n_max);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return -1;
        *ret_n = (size_t)n;
        return 0;
}

/* Reads a request. Return: 0, its beginning in @head; or -1 when the client is gone */
static int take_request(int fd, char *buffer, char head[HEAD_BYTES + 1])
{
        uint8_t header[LEGACY_HEADER_BYTES];
        uint64_t n_left;
        size_t n_head = 0;
        size_t n_keep;
        size_t n;

        for (n_keep = 0; n_keep < sizeof(header); n_keep += n)
                if (receive(fd, header + n_keep, sizeof(header) - n_keep, &n) < 0)
                        return -1;
        for (n_left = legacy_take_header(header); n_left; n_left -= n) {
                if (receive(fd, buffer, n_left < BUFFER_BYTES ? n_left : BUFFER_BYTES, &n) < 0)
                        return -1;
                n_keep = n < HEAD_BYTES - n_head ? n : HEAD_BYTES - n_head;
                memcpy(head + n_head, buffer, n_keep);
                n_head += n_keep;
        }
        head[n_head] = '\0';
        return 0;
}

static int answer_request(int fd, const char *head)
{
        if (strstr(head, "\"run_one_command\""))
                return legacy_send(fd, server.answer, server.n_answer);
        if (strstr(head, "\"create\""))
                return legacy_send(fd, OBJECT, strlen(OBJECT));
        if (legacy_send(fd, NOTHING, strlen(NOTHING)) < 0)
                return -1;
        if (strstr(head, "\"shutdown\""))
                stop(0);
        return 0;
}

static void *serve_client(void *data)
{
        int fd = ((struct client *)data)->fd;
        char head[HEAD_BYTES + 1];
        char *buffer = malloc(BUFFER_BYTES);

        if (buffer && legacy_welcome(fd, server.key) == 0)
                while (take_request(fd, buffer, head) == 0 && answer_request(fd, head) == 0)
                        ;
        free(buffer);
        free(data);
        (void)close(fd);
        return NULL;
}

/* Takes the next client. Return: 0, or -1 after a message */
static int accept_client(const pthread_attr_t *attributes)
{
        struct client *client = malloc(sizeof(*client));
        pthread_t thread;

        if (!client)
                return complain("accepting");
        client->fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);
        if (client->fd < 0) {
                free(client);
                return complain("accepting");
        }
        errno = pthread_create(&thread, attributes, serve_client, client);
        if (errno) {
                (void)close(client->fd);
                free(client);
                return complain("starting a thread");
        }
        return 0;
}

static int serve(void)
{
        struct pollfd fds[] = {
                { .fd = server.listener, .events = POLLIN },
                { .fd = STDIN_FILENO },
        };
        pthread_attr_t attributes;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        for (;;) {
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return complain("waiting");
                if (fds[1].revents)
                        return 0;
                if (accept_client(&attributes) < 0)
                        return -1;
        }
}

static int map_answer(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *map = MAP_FAILED;
        struct stat status;

        if (fd >= 0 && fstat(fd, &status) == 0) {
                server.n_answer = (size_t)status.st_size;
                map = mmap(NULL, server.n_answer, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        }
        if (map == MAP_FAILED)
                (void)complain(path);
        else
                server.answer = map;
        if (fd >= 0)
                (void)close(fd);
        return server.answer ? 0 : -1;
}

static int listen_for_clients(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (!mkdtemp(server.folder))
                return complain(server.folder);
        memcpy(server.path, server.folder, sizeof(FOLDER));
        memcpy(server.path + sizeof(FOLDER) - 1, SOCKET_NAME, sizeof(SOCKET_NAME));
        memcpy(address.sun_path, server.path, sizeof(server.path));
        server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server.listener < 0 ||
            bind(server.listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(server.listener, BACKLOG) < 0)
                return complain(server.path);
        return 0;
}

static int introduce(void)
{
        if (getrandom(server.key, sizeof(server.key), 0) != sizeof(server.key))
                return complain("making a key");
        (void)printf("%s\n", server.path);
        (void)fwrite(server.key, sizeof(server.key), 1, stdout);
        return fflush(stdout) ? complain("stdout") : 0;
}

int main(int argc, char **argv)
{
        if (argc != 2) {
                (void)fprintf(stderr, "usage: legacy-serve ANSWER\n");
                return 2;
        }
        if (map_answer(argv[1]) < 0)
                return 1;
        if (listen_for_clients() < 0 || introduce() < 0 || serve() < 0)
                stop(1);
        stop(0);
}
