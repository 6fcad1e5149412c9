/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrapctl attach SOCKET: as a service's daemon command, where no daemon is to be started.
 *
 * A service that speaks the manager protocol executes its daemon command, reads a path and a key
 * from it, and keeps its standard input open. We are that command: the socket at that path is ours,
 * and each connection to it is handed to the host service, which serves it under the key. No byte
 * of any command passes through here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/rootwrapctl.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "wire/native.h"

#define BACKLOG 1024
#define NAME    "rootwrap.sock"
/* How long the host service may take to answer, in milliseconds: it may have to be started. */
#define WELCOME_MS 30000

static const char usage[] =
        "usage: rootwrapctl attach SOCKET\n"
        "\n"
        "Serves a client of oslo.rootwrap through the host service that listens at SOCKET: prints\n"
        "the path of a socket, a newline and a key of 32 bytes, as rootwrap-daemon does, and lives as\n"
        "long as its standard input. For a service's daemon command, in the place of\n"
        "\"sudo rootwrap-daemon CONFIG\".\n"
        "\n"
        "  --help  print this text\n"
        "\n"
        "Exit status: 0 its standard input or its client's use has ended; 64 wrong use; 70 the host\n"
        "service is not there, turned it away, or has ended.\n";

enum attach_event {
        ATTACH_STDIN,
        ATTACH_SERVICE,
        ATTACH_LISTENER,
        ATTACH_SIGNALS,
        ATTACH_EVENTS,
};

struct attach {
        const char *path; /* of the host service's socket */
        char *folder;     /* ours; NULL: not made */
        int service_fd;
        int listener_fd;
        int signal_fd;
        uint8_t key[NATIVE_KEY_BYTES];
};

static int fail(const struct attach *attach, const char *what, int error)
{
        (void)fprintf(stderr, "rootwrapctl attach: %s: %s%s%s\n", attach->path, what,
                      error ? ": " : "", error ? strerror(error) : "");
        return RC_FAILED;
}

/* The host service */

static int connect_to(struct attach *attach)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(attach->path) >= sizeof(address.sun_path))
                return fail(attach, "the path is too long for a socket", 0);
        memcpy(address.sun_path, attach->path, strlen(attach->path));
        attach->service_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (attach->service_fd < 0 ||
            connect(attach->service_fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return fail(attach, strerror(errno), 0);
        return 0;
}

/* Sends a message, and waits for room if there is none. Return: 0 or RC_FAILED */
static int send_message(const struct attach *attach, const struct native_writer *writer, int fd)
{
        struct pollfd wait = { .fd = attach->service_fd, .events = POLLOUT };
        int r;

        do {
                r = fd_send(attach->service_fd, writer->bytes, native_end(writer), &fd, fd >= 0);
                if (r == -EAGAIN)
                        (void)poll(&wait, 1, -1);
        } while (r == -EAGAIN);
        return r ? fail(attach, "send", r < 0 ? -r : EPIPE) : 0;
}

/* Says what the service's ERROR said. */
static int complain(const struct attach *attach, const struct native_message *message)
{
        const struct native_field *reason = &message->fields[NATIVE_TAG_REASON];

        (void)fprintf(stderr, "rootwrapctl attach: %s: %.*s\n", attach->path, (int)reason->n_bytes,
                      reason->bytes);
        return RC_FAILED;
}

/* Takes one message. Return: 0, -EAGAIN, or RC_FAILED: there will be no more */
static int receive(const struct attach *attach, struct native_message *ret_message)
{
        static char buffer[NATIVE_MESSAGE_BYTES];
        struct fd_list fds = { .n_fds = 0 };
        size_t n;
        int r;

        r = fd_receive(attach->service_fd, buffer, sizeof(buffer), &n, &fds);
        if (r == -EAGAIN)
                return r;
        if (r)
                return fail(attach, "the service has closed the connection", r < 0 ? -r : 0);
        fd_list_close(&fds);
        r = native_parse(buffer, n, ret_message);
        if (r == NATIVE_E_SKIP)
                return -EAGAIN;
        if (r)
                return fail(attach, "what listens there does not speak the native protocol", 0);
        return ret_message->type == NATIVE_ERROR ? complain(attach, ret_message) : 0;
}

static int greet(struct attach *attach)
{
        struct pollfd wait = { .fd = attach->service_fd, .events = POLLIN };
        char bytes[NATIVE_MESSAGE_BYTES];
        uint8_t nonce[NATIVE_NONCE_BYTES];
        struct native_message message;
        struct native_writer writer;
        int r;

        if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
                return fail(attach, "make a nonce", errno);
        native_begin(&writer, bytes, NATIVE_HELLO, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, NATIVE_VERSION);
        native_put(&writer, NATIVE_TAG_NONCE, nonce, sizeof(nonce));
        r = send_message(attach, &writer, -1);
        if (r)
                return r;
        do
                r = poll(&wait, 1, WELCOME_MS);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return fail(attach, "the service does not answer", r < 0 ? errno : ETIMEDOUT);
        r = receive(attach, &message);
        if (r)
                return RC_FAILED;
        if (message.type != NATIVE_WELCOME || native_has(&message, NATIVE_TAG_PROOF))
                return fail(attach, "what listens there is no host service", 0);

        if (getrandom(attach->key, sizeof(attach->key), 0) != (ssize_t)sizeof(attach->key))
                return fail(attach, "make a key", errno);
        native_begin(&writer, bytes, NATIVE_ATTACH, 0);
        native_put(&writer, NATIVE_TAG_KEY, attach->key, sizeof(attach->key));
        r = send_message(attach, &writer, -1);
        explicit_bzero(bytes, sizeof(bytes));
        return r;
}

/* Our own socket */

static int listen_in_folder(struct attach *attach)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
        int n;

        if (!parent || parent[0] != '/' || strlen(parent) > 64)
                parent = "/tmp";
        if (asprintf(&attach->folder, "%s/rootwrapd-XXXXXX", parent) < 0) {
                attach->folder = NULL;
                return fail(attach, "make a directory", ENOMEM);
        }
        if (!mkdtemp(attach->folder)) { /* mode 0700 */
                n = errno;
                free(attach->folder);
                attach->folder = NULL;
                return fail(attach, "make a directory", n);
        }
        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" NAME, attach->folder);
        if (n < 0 || (size_t)n >= sizeof(address.sun_path))
                return fail(attach, "make a socket", ENAMETOOLONG);
        attach->listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (attach->listener_fd < 0 ||
            bind(attach->listener_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            chmod(address.sun_path, 0600) < 0 || listen(attach->listener_fd, BACKLOG) < 0)
                return fail(attach, "make a socket", errno);
        return 0;
}

/* One write, so that nobody reads half of it. */
static int hand_over(struct attach *attach)
{
        char text[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1 + NATIVE_KEY_BYTES];
        int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        ssize_t n_written;
        int n;

        n = snprintf(text, sizeof(text), "%s/" NAME "\n", attach->folder);
        memcpy(text + n, attach->key, sizeof(attach->key));
        do
                n_written = write(STDOUT_FILENO, text, (size_t)n + sizeof(attach->key));
        while (n_written < 0 && errno == EINTR);
        explicit_bzero(text, sizeof(text));
        explicit_bzero(attach->key, sizeof(attach->key));
        if (n_written != n + (ssize_t)sizeof(attach->key) || null_fd < 0 ||
            dup2(null_fd, STDOUT_FILENO) < 0)
                return fail(attach, "write the path and the key to stdout", errno);
        (void)close(null_fd);
        return 0;
}

static int adopt(const struct attach *attach)
{
        char bytes[64];
        struct native_writer writer;
        int fd;
        int r;

        /* cppcheck-suppress nullPointer ; the address is not wanted, as accept(2) allows */
        fd = accept4(attach->listener_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                return 0;
        if (fd < 0)
                return fail(attach, "accept a connection", errno);
        native_begin(&writer, bytes, NATIVE_ADOPT, 0);
        r = send_message(attach, &writer, fd);
        (void)close(fd);
        return r;
}

/* Serving */

static int take_signals(struct attach *attach)
{
        sigset_t taken;

        (void)sigemptyset(&taken);
        (void)sigaddset(&taken, SIGTERM);
        (void)sigaddset(&taken, SIGINT);
        (void)sigaddset(&taken, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &taken, NULL) < 0)
                return fail(attach, "take signals", errno);
        attach->signal_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
        return attach->signal_fd < 0 ? fail(attach, "take signals", errno) : 0;
}

/* Return: 0: go on; 1: it is over; more: with an error */
static int dispatch_service(const struct attach *attach)
{
        struct native_message message;
        int r;

        r = receive(attach, &message);
        if (r == -EAGAIN)
                return 0;
        if (r)
                return r + 1;
        return message.type == NATIVE_RELEASED;
}

static int serve(struct attach *attach)
{
        struct pollfd events[ATTACH_EVENTS] = {
                [ATTACH_STDIN] = { .fd = STDIN_FILENO },
                [ATTACH_SERVICE] = { .fd = attach->service_fd, .events = POLLIN },
                [ATTACH_LISTENER] = { .fd = attach->listener_fd, .events = POLLIN },
                [ATTACH_SIGNALS] = { .fd = attach->signal_fd, .events = POLLIN },
        };
        struct stat st;
        int r;

        /* As rootwrap-daemon: only the end of a pipe is an end. */
        if (fstat(STDIN_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
                events[ATTACH_STDIN].fd = -1;
        for (;;) {
                if (poll(events, ATTACH_EVENTS, -1) < 0 && errno != EINTR)
                        return fail(attach, "poll", errno);
                if (events[ATTACH_STDIN].revents || events[ATTACH_SIGNALS].revents)
                        return 0;
                if (events[ATTACH_SERVICE].revents) {
                        r = dispatch_service(attach);
                        if (r)
                                return r - 1;
                }
                if (events[ATTACH_LISTENER].revents) {
                        r = adopt(attach);
                        if (r)
                                return r;
                }
        }
}

static void deinit(struct attach *attach)
{
        char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

        explicit_bzero(attach->key, sizeof(attach->key));
        if (attach->folder) {
                (void)snprintf(path, sizeof(path), "%s/" NAME, attach->folder);
                (void)unlink(path);
                (void)rmdir(attach->folder);
        }
        free(attach->folder);
}

/**
 * attach_main() - rootwrapctl attach
 * @argc: of its own arguments, with its name
 * @argv: likewise
 *
 * Return: exit code
 */
int attach_main(int argc, char **argv)
{
        struct attach attach = { .service_fd = -1, .listener_fd = -1, .signal_fd = -1 };
        int r;

        if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
                return fputs(usage, stdout) < 0 ? RC_FAILED : 0;
        if (argc != 2 || argv[1][0] == '-') {
                (void)fputs(usage, stderr);
                return RC_USAGE;
        }
        attach.path = argv[1];
        (void)signal(SIGPIPE, SIG_IGN);
        /* The key is in our memory for a moment. */
        (void)prctl(PR_SET_DUMPABLE, 0);
        r = take_signals(&attach);
        if (!r)
                r = connect_to(&attach);
        if (!r)
                r = greet(&attach);
        if (!r)
                r = listen_in_folder(&attach);
        if (!r)
                r = hand_over(&attach);
        if (!r)
                r = serve(&attach);
        deinit(&attach);
        return r;
}
