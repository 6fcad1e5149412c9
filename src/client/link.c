/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link never sends a command twice, and says of each that it sent what became of it: an answer,
 * or that nobody knows. What was not sent stays in the handle's queue. A link that can't send any
 * more, or whose daemon stops, is retired: it takes no new command, and is read until its end for
 * the answers that are still to come.
 *
 * All functions are called with the handle's mutex held. A link is freed by link_close() alone,
 * which only the reader of the handle calls.
 */
#include "client/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/order.h"
#include "client/process.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/fd.h"
#include "util/signal-set.h"

/* How long a daemon that said nothing is waited for, to tell what it exited with. */
#define LINK_REAP_MS 2000

/* The end */

/* Waits for a child a while. Return: it is gone; its status */
static bool await_child(pid_t pid, int timeout_ms, int *ret_status)
{
        cleanup_close int pidfd = -1;
        struct pollfd poller;

        if (waitpid(pid, ret_status, WNOHANG))
                return true; /* also where the process has no such child any more */
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        poller = (struct pollfd){ .fd = pidfd, .events = POLLIN };
        if (pidfd >= 0 && timeout_ms)
                (void)poll(&poller, 1, timeout_ms);
        return waitpid(pid, ret_status, WNOHANG) != 0;
}

/**
 * link_reap() - wait for daemons that were started and whose links are gone
 * @handle:     had the links
 * @timeout_ms: how long for each; 0: not at all
 */
void link_reap(struct rootwrap *handle, int timeout_ms)
{
        size_t n = 0;
        size_t i;
        int status;

        for (i = 0; i < handle->n_zombies; i++)
                if (!await_child(handle->zombies[i], timeout_ms, &status))
                        handle->zombies[n++] = handle->zombies[i];
        handle->n_zombies = n;
}

/**
 * link_close() - forget a link
 * @link: has no commands any more, or those it has are told that nobody knows
 */
void link_close(struct link *link)
{
        struct rootwrap *handle = link->handle;
        size_t i;

        for (i = 0; i < LINK_SLOTS && link->n_commands; i++) {
                struct order *command = link->commands[i];

                if (!command)
                        continue;
                link->commands[i] = NULL;
                link->n_commands--;
                order_fail(command, ROOTWRAP_E_UNKNOWN, link->complaint);
                handle_done(handle, command);
        }
        if (handle->link == link)
                handle->link = NULL;
        list_remove(&link->link);
        if (link->fd >= 0) {
                handle_unwatch(handle, link->fd);
                (void)close(link->fd);
        }
        if (link->stdin_fd >= 0)
                (void)close(link->stdin_fd);
        if (link->pid && handle->n_zombies < HANDLE_ZOMBIES_MAX)
                handle->zombies[handle->n_zombies++] = link->pid;
        link_reap(handle, 0);
        explicit_bzero(link->key, sizeof(link->key));
        explicit_bzero(link->greeting, sizeof(link->greeting));
        free(link->complaint);
        free(link);
}

/* It never came up: whatever waits for it fails. */
static void fail(struct link *link, int error, const char *reason)
{
        struct rootwrap *handle = link->handle;

        handle_fail_queued(handle, error, reason);
        link_close(link);
}

static void retire(struct link *link)
{
        if (link->state == LINK_RETIRED)
                return;
        link->state = LINK_RETIRED;
        if (link->handle->link == link)
                link->handle->link = NULL;
}

/* Its end was read before it came up. */
static void fail_to_come_up(struct link *link)
{
        cleanup_text struct text reason = { 0 };

        if (link->handle->path)
                text_printf(&reason, "%s: ", link->handle->path);
        text_put_string(&reason,
                        link->complaint ? link->complaint : "The daemon closed the connection");
        fail(link, link->complaint ? ROOTWRAP_E_PROTOCOL : ROOTWRAP_E_START, text_get(&reason));
}

/* Its end was read. */
static void end(struct link *link)
{
        struct rootwrap *handle = link->handle;

        if (link->state < LINK_UP) {
                fail_to_come_up(link);
                return;
        }
        link_close(link);
        handle_flush(handle);
}

/* The beginning */

static int say_hello(struct link *link)
{
        struct native_writer writer;
        int r;

        if (getrandom(link->nonces.client, NATIVE_NONCE_BYTES, 0) != NATIVE_NONCE_BYTES)
                return err_origin(-EIO);
        native_begin(&writer, link->handle->output, NATIVE_HELLO, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, NATIVE_VERSION);
        native_put(&writer, NATIVE_TAG_NONCE, link->nonces.client, NATIVE_NONCE_BYTES);
        link->state = LINK_WELCOME;
        r = fd_send(link->fd, writer.bytes, native_end(&writer), NULL, 0);
        return r == FD_E_END ? 0 : r; /* it may have said why: that is to be read */
}

/* Return: 0, ROOTWRAP_E_* or negative errno */
static int connect_to(struct link *link, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        cleanup_close int fd = -1;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return err_origin(-errno);
        do
                r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
        while (r && errno == EINTR);
        if (r)
                return -errno;
        r = handle_watch(link->handle, fd, &link->source, false);
        if (r)
                return r;
        link->fd = steal_fd(&fd);
        return say_hello(link) ? ROOTWRAP_E_START : 0;
}

static void fail_to_connect(struct link *link, const char *path, int r)
{
        cleanup_text struct text reason = { 0 };

        text_printf(&reason, "%s: %s", path, rootwrap_strerror(r));
        fail(link, r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : ROOTWRAP_E_START,
             text_get(&reason));
}

/* The path and the key are there. */
static void take_greeting(struct link *link, const char *line_end)
{
        char path[LINK_GREETING_BYTES + sizeof("/native.sock")];
        const char *slash = memrchr(link->greeting, '/', (size_t)(line_end - link->greeting));
        int n_folder = slash ? (int)(slash - link->greeting) : 0;
        int r;

        memcpy(link->key, line_end + 1, NATIVE_KEY_BYTES);
        link->has_key = true;
        handle_unwatch(link->handle, link->fd);
        (void)close(link->fd);
        link->fd = -1;
        (void)snprintf(path, sizeof(path), "%.*s/native.sock", n_folder, link->greeting);
        r = slash ? connect_to(link, path) : ROOTWRAP_E_PROTOCOL;
        if (r == -ENOENT)
                fail(link, ROOTWRAP_E_NATIVE, NULL);
        else if (r)
                fail_to_connect(link, path, r);
}

/* It ended, or closed its output, before it said where it listens. */
static void fail_to_greet(struct link *link)
{
        cleanup_text struct text reason = { 0 };
        int status = 0;

        (void)close(link->stdin_fd); /* it may wait for more */
        link->stdin_fd = -1;
        if (!await_child(link->pid, LINK_REAP_MS, &status)) {
                fail(link, ROOTWRAP_E_PROTOCOL, "The daemon did not say where it listens");
                return;
        }
        link->pid = 0;
        if (WIFEXITED(status))
                text_printf(&reason, "\"%s\" exited with %d and did not say where it listens",
                            link->handle->argv[0], WEXITSTATUS(status));
        else
                text_printf(&reason, "\"%s\" was ended by signal %d", link->handle->argv[0],
                            WTERMSIG(status));
        fail(link, ROOTWRAP_E_START, text_get(&reason));
}

static void read_greeting(struct link *link)
{
        const char *line_end;
        ssize_t n;

        n = read(link->fd, link->greeting + link->n_greeting,
                 sizeof(link->greeting) - link->n_greeting);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                /* of a full greeting without an end, or one cut short */
                if (link->n_greeting == sizeof(link->greeting))
                        fail(link, ROOTWRAP_E_PROTOCOL, NULL);
                else
                        fail_to_greet(link);
                return;
        }
        link->n_greeting += (size_t)n;
        line_end = memchr(link->greeting, '\n', link->n_greeting);
        if (line_end && (size_t)(link->greeting + link->n_greeting - line_end) > NATIVE_KEY_BYTES)
                take_greeting(link, line_end);
}

/* Return: 0 or negative errno */
static int start_daemon(struct link *link)
{
        int in[2] = { -1, -1 };
        int out[2] = { -1, -1 };
        struct process process = { .argv = (const char *const *)link->handle->argv,
                                   .cwd_fd = -1,
                                   .new_session = true };
        int r = 0;

        if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
                r = err_origin(-errno);
        process.fds[0] = in[0];
        process.fds[1] = out[1];
        process.fds[2] = fcntl(2, F_GETFD) < 0 ? -1 : 2;
        if (!r)
                r = process_start(&process, &link->pid);
        if (!r)
                r = handle_watch(link->handle, out[0], &link->source, false);
        link->stdin_fd = in[1];
        link->fd = out[0];
        if (in[0] >= 0)
                (void)close(in[0]);
        if (out[1] >= 0)
                (void)close(out[1]);
        return r;
}

/**
 * link_open() - a new way to a daemon
 * @handle: has none that takes commands; its queue fails where it can't be
 */
void link_open(struct rootwrap *handle)
{
        struct link *link;
        int r;

        link = calloc(1, sizeof(*link));
        if (!link) {
                handle_fail_queued(handle, -ENOMEM, NULL);
                return;
        }
        link->source.kind = SOURCE_LINK;
        link->handle = handle;
        link->fd = -1;
        link->stdin_fd = -1;
        list_append(&handle->links, &link->link);
        handle->link = link;
        if (handle->way == HANDLE_SOCKET) {
                r = connect_to(link, handle->path);
                if (r)
                        fail_to_connect(link, handle->path, r);
                return;
        }
        r = start_daemon(link);
        if (r)
                fail_to_connect(link, handle->argv[0], r);
}

static bool is_right_daemon(const struct link *link, const struct native_message *message)
{
        if (native_get_u32(message, NATIVE_TAG_VERSION) != NATIVE_VERSION)
                return false;
        /* Root may put questions, and no more, to a daemon that serves somebody with a key. */
        if (!link->has_key)
                return !native_has(message, NATIVE_TAG_PROOF) || geteuid() == 0;
        return native_has(message, NATIVE_TAG_PROOF) &&
               native_is_proof(NATIVE_ROLE_DAEMON, link->key, &link->nonces,
                               message->fields[NATIVE_TAG_PROOF].bytes);
}

static void take_welcome(struct link *link, const struct native_message *message)
{
        uint8_t proof[NATIVE_PROOF_BYTES];
        struct native_writer writer;

        memcpy(link->nonces.daemon, message->fields[NATIVE_TAG_NONCE].bytes, NATIVE_NONCE_BYTES);
        if (!is_right_daemon(link, message)) {
                fail(link, ROOTWRAP_E_PROTOCOL, "The daemon did not prove that it knows the key");
                return;
        }
        link->n_commands_max = native_get_u32(message, NATIVE_TAG_COMMANDS_MAX);
        if (link->n_commands_max > ROOTWRAP_COMMANDS_MAX)
                link->n_commands_max = ROOTWRAP_COMMANDS_MAX;
        link->n_args_max = native_get_u32(message, NATIVE_TAG_ARGS_MAX);
        if (link->has_key) {
                native_prove(NATIVE_ROLE_CLIENT, link->key, &link->nonces, proof);
                native_begin(&writer, link->handle->output, NATIVE_PROVE, 0);
                native_put(&writer, NATIVE_TAG_PROOF, proof, sizeof(proof));
                if (fd_send(link->fd, writer.bytes, native_end(&writer), NULL, 0)) {
                        fail(link, ROOTWRAP_E_START, NULL);
                        return;
                }
        }
        link->state = LINK_UP;
        handle_flush(link->handle);
}

/* Commands */

static void forget(struct link *link, struct order *command)
{
        link->commands[command->id % LINK_SLOTS] = NULL;
        link->n_commands--;
        command->sent_on = NULL;
}

/* The daemon stops: the next one shall have this command. Nothing was executed of it. */
static void send_elsewhere(struct link *link, struct order *command)
{
        struct answer *answer = command->answer;

        free(answer->reason);
        free(answer->filter);
        answer->reason = NULL;
        answer->filter = NULL;
        answer->result.error = 0;
        answer->result.refused_errno = 0;
        command->state = ORDER_QUEUED;
        command->n_args_sent = 0;
        list_append(&link->handle->queued, &command->link);
        retire(link);
}

static void take_answer(struct link *link, const struct native_message *message)
{
        struct rootwrap *handle = link->handle;
        struct order *command = link->commands[message->id % LINK_SLOTS];
        bool is_leaving = message->type == NATIVE_REFUSED &&
                          native_get_u32(message, NATIVE_TAG_CODE) == NATIVE_CODE_NOT_NOW &&
                          native_get_u32(message, NATIVE_TAG_ERROR) == ESHUTDOWN;

        if (!command || command->id != message->id)
                return; /* about nothing of ours */
        if (is_leaving && command->state == ORDER_SENT) {
                forget(link, command);
                send_elsewhere(link, command);
                handle_flush(handle);
                return;
        }
        order_take(command, message);
        if (command->state == ORDER_DONE) {
                forget(link, command);
                handle_done(handle, command);
        } else {
                link->has_signals |= command->signals != 0;
                link_signal(link);
                handle_changed(handle, command);
        }
        handle_flush(handle);
}

static void take_message(struct link *link, const struct native_message *message)
{
        const struct native_field *reason = &message->fields[NATIVE_TAG_REASON];

        if (message->type == NATIVE_ERROR && !link->complaint) {
                link->complaint = strndup(reason->bytes, reason->n_bytes);
                if (link->state >= LINK_UP)
                        retire(link);
        } else if (link->state == LINK_WELCOME && message->type == NATIVE_WELCOME) {
                take_welcome(link, message);
        } else if (link->state >= LINK_UP) {
                take_answer(link, message);
        }
}

/**
 * link_read() - something is to be read
 * @link: may be gone afterwards
 */
void link_read(struct link *link)
{
        struct rootwrap *handle = link->handle;
        struct native_message message;
        struct fd_list fds = { .n_fds = 0 };
        size_t n_bytes;
        int r;

        if (link->state == LINK_GREETING) {
                read_greeting(link);
                return;
        }
        r = fd_receive(link->fd, handle->input, sizeof(handle->input), &n_bytes, &fds);
        if (r == FD_E_END && !link->has_ended) {
                /* the kernel tells of messages of ours that nobody read before it hands out those
                 * that were sent to us */
                link->has_ended = true;
                r = fd_receive(link->fd, handle->input, sizeof(handle->input), &n_bytes, &fds);
        }
        if (r == -EAGAIN)
                return;
        if (!r || r == FD_E_SHORT) {
                fd_list_close(&fds); /* no message of a daemon has any */
                r = native_parse(handle->input, n_bytes, &message);
                if (r == NATIVE_E_SKIP)
                        return;
        }
        if (r) {
                end(link);
                return;
        }
        take_message(link, &message);
}

/**
 * link_is_idle() - was it retired, and has nothing to come?
 * @link: the link
 */
bool link_is_idle(const struct link *link)
{
        return link->state == LINK_RETIRED && !link->n_commands;
}

/* Sending */

static void set_blocked(struct link *link, bool is_blocked)
{
        if (link->is_blocked == is_blocked)
                return;
        link->is_blocked = is_blocked;
        (void)handle_watch(link->handle, link->fd, &link->source, is_blocked);
}

/**
 * link_unblock() - the socket has room again
 * @link: the link
 */
void link_unblock(struct link *link)
{
        set_blocked(link, false);
        link_signal(link);
}

static void choose_id(struct link *link, struct order *command)
{
        do
                command->id = ++link->handle->last_id;
        while (!command->id || link->commands[command->id % LINK_SLOTS]);
}

/* Return: 0, -EAGAIN, FD_E_END, or another negative errno */
static int send_command(struct link *link, struct order *command)
{
        char *output = link->handle->output;
        int fds[4];
        size_t n_fds = 0;
        size_t n_args;
        size_t n_bytes;
        size_t i;
        int r;

        if (command->n_args + command->n_env > link->n_args_max)
                return -E2BIG;
        if (!command->n_args_sent)
                choose_id(link, command);
        for (;;) {
                n_bytes = order_format(command, output, &n_args);
                if (!n_bytes)
                        return -E2BIG;
                if (n_args == SIZE_MAX)
                        break;
                r = fd_send(link->fd, output, n_bytes, NULL, 0);
                if (r)
                        return r;
                command->n_args_sent += n_args;
        }
        for (i = 0; i < 4; i++)
                if (command->fds[i] >= 0)
                        fds[n_fds++] = command->fds[i];
        return fd_send(link->fd, output, n_bytes, fds, n_fds);
}

/**
 * link_signal() - send what signals wait
 * @link: up, or retired
 */
void link_signal(struct link *link)
{
        struct native_writer writer;
        char bytes[64];
        size_t i;
        int number;

        if (!link->has_signals || link->is_blocked)
                return;
        for (i = 0; i < LINK_SLOTS; i++) {
                struct order *command = link->commands[i];

                if (!command || command->state != ORDER_STARTED)
                        continue; /* before, there is no process that could get one */
                while ((number = signal_set_first(command->signals))) {
                        native_begin(&writer, bytes, NATIVE_SIGNAL, command->id);
                        native_put_u32(&writer, NATIVE_TAG_SIGNAL, (uint32_t)number);
                        if (fd_send(link->fd, bytes, native_end(&writer), NULL, 0) == -EAGAIN) {
                                set_blocked(link, true);
                                return;
                        }
                        signal_set_remove(&command->signals, number);
                }
        }
        link->has_signals = false;
}

/* Return: may the next one be sent? */
static bool send_next(struct link *link, struct order *command)
{
        struct rootwrap *handle = link->handle;
        int r;

        r = send_command(link, command);
        if (r == -EAGAIN) {
                set_blocked(link, true);
                return false;
        }
        if (r == -ETOOMANYREFS && link->n_commands) /* until some have arrived */
                return false;
        if (r == FD_E_END) { /* before its START was sent: the next daemon shall have it */
                command->n_args_sent = 0;
                retire(link);
                return false;
        }
        list_remove(&command->link);
        if (r) {
                order_fail(command, r, NULL);
                handle_done(handle, command);
                if (command->n_args_sent) /* others must not follow half of its arguments */
                        retire(link);
                return link->state == LINK_UP;
        }
        command->state = ORDER_SENT;
        command->sent_on = link;
        link->commands[command->id % LINK_SLOTS] = command;
        link->n_commands++;
        handle_changed(handle, command);
        return true;
}

/**
 * link_flush() - send what waits
 * @link: is up
 */
void link_flush(struct link *link)
{
        struct rootwrap *handle = link->handle;
        struct order *command;

        while (!link->is_blocked && link->n_commands < link->n_commands_max &&
               (command = list_first(&handle->queued, struct order, link)))
                if (!send_next(link, command))
                        break;
}
