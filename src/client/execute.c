/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking calls. A command's streams are pipes whose other ends the command has itself; the thread
 * that waits moves the bytes. Input that fits into a pipe is in it before the command starts. For
 * more, SIGPIPE is blocked in this thread while it writes, and taken away if it came: whoever reads
 * may end before all is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/handle.h"
#include "client/order.h"
#include "util/cleanup.h"
#include "util/err.h"

/* What a pipe holds at least (pipe(7)). */
#define PIPE_BYTES 4096u

/* The first room for output, and how much is moved at once. */
#define OUTPUT_FIRST_BYTES 4096u
#define INPUT_STEP_BYTES   (1024u * 1024)

struct output {
        int fd; /* -1: at its end */
        char *bytes;
        size_t n_bytes;
        size_t n_room;
};

struct streams {
        int theirs[3];
        int in; /* -1: all is written, or nobody reads */
        const char *input;
        size_t n_input;
        struct output out[2];
};

static void close_fd(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
        *fd = -1;
}

static void streams_deinit(struct streams *streams)
{
        size_t i;

        close_fd(&streams->in);
        for (i = 0; i < 3; i++)
                close_fd(&streams->theirs[i]);
        for (i = 0; i < 2; i++) {
                close_fd(&streams->out[i].fd);
                free(streams->out[i].bytes);
        }
}

/* Return: 0 or negative errno */
static int make_pipe(int *ret_read, int *ret_write, int *ours)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC))
                return err_origin(-errno);
        *ret_read = fds[0];
        *ret_write = fds[1];
        return fcntl(*ours, F_SETFL, O_NONBLOCK) ? err_origin(-errno) : 0;
}

/* Return: 0 or negative errno */
static int fill_input(struct streams *streams)
{
        int r;

        r = make_pipe(&streams->theirs[0], &streams->in, &streams->in);
        if (r || streams->n_input > PIPE_BYTES)
                return r;
        /* we hold the other end: no signal, and there is room */
        if (write(streams->in, streams->input, streams->n_input) != (ssize_t)streams->n_input)
                return err_origin(-errno);
        close_fd(&streams->in);
        return 0;
}

/* Return: 0 or negative errno */
static int streams_init(struct streams *streams,
                        const struct rootwrap_options *options,
                        const void *input,
                        size_t n_input)
{
        int r = 0;

        *streams = (struct streams){ .theirs = { -1, -1, -1 },
                                     .in = -1,
                                     .input = input,
                                     .n_input = n_input,
                                     .out = { { .fd = -1 }, { .fd = -1 } } };
        if (n_input && options->stdin_fd < 0)
                r = fill_input(streams);
        else if (n_input)
                r = -EINVAL;
        if (!r && options->stdout_fd < 0)
                r = make_pipe(&streams->out[0].fd, &streams->theirs[1], &streams->out[0].fd);
        if (!r && options->stderr_fd < 0)
                r = make_pipe(&streams->out[1].fd, &streams->theirs[2], &streams->out[1].fd);
        return r;
}

/* Moving bytes */

/* Return: 0 or -ENOMEM. Room for a NUL is left. */
static int output_grow(struct output *output)
{
        size_t n_room = output->n_room ? output->n_room * 2 : OUTPUT_FIRST_BYTES;
        char *bytes;

        if (output->n_room - output->n_bytes > 1)
                return 0;
        bytes = realloc(output->bytes, n_room);
        if (!bytes)
                return err_origin(-ENOMEM);
        output->bytes = bytes;
        output->n_room = n_room;
        return 0;
}

/* Return: 0 or negative errno */
static int output_read(struct output *output)
{
        ssize_t n;
        int r;

        r = output_grow(output);
        if (r)
                return r;
        n = read(output->fd, output->bytes + output->n_bytes, output->n_room - output->n_bytes - 1);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : err_origin(-errno);
        if (n == 0)
                close_fd(&output->fd);
        output->n_bytes += (size_t)n;
        return 0;
}

/* Writes with SIGPIPE blocked; see above. Return: as write(2), with errno */
static ssize_t write_quietly(int fd, const void *bytes, size_t n_bytes)
{
        static const struct timespec at_once = { 0 };
        sigset_t pipe_signal;
        sigset_t pending;
        sigset_t mask;
        ssize_t n;
        int error;

        (void)sigemptyset(&pipe_signal);
        (void)sigaddset(&pipe_signal, SIGPIPE);
        (void)sigemptyset(&pending);
        (void)sigpending(&pending);
        (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &mask);
        n = write(fd, bytes, n_bytes);
        error = errno;
        if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
                while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
                        ;
        (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
        errno = error;
        return n;
}

static void input_write(struct streams *streams)
{
        size_t n_step = streams->n_input < INPUT_STEP_BYTES ? streams->n_input : INPUT_STEP_BYTES;
        ssize_t n;

        n = write_quietly(streams->in, streams->input, n_step);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n > 0) {
                streams->input += n;
                streams->n_input -= (size_t)n;
        }
        if (n < 0 || !streams->n_input) /* nobody reads it any more: as communicate() has it */
                close_fd(&streams->in);
}

/* Until all streams are at their ends. Return: 0 or negative errno */
static int pump(struct streams *streams)
{
        int r = 0;

        while (!r && (streams->in >= 0 || streams->out[0].fd >= 0 || streams->out[1].fd >= 0)) {
                struct pollfd fds[3] = { { .fd = streams->in, .events = POLLOUT },
                                         { .fd = streams->out[0].fd, .events = POLLIN },
                                         { .fd = streams->out[1].fd, .events = POLLIN } };

                if (poll(fds, 3, -1) < 0 && errno != EINTR)
                        return err_origin(-errno);
                if (fds[0].revents)
                        input_write(streams);
                if (fds[1].revents)
                        r = output_read(&streams->out[0]);
                if (!r && fds[2].revents)
                        r = output_read(&streams->out[1]);
        }
        return r;
}

static void output_give(struct output *output, char **ret_bytes, size_t *ret_n_bytes)
{
        if (!output->bytes)
                return;
        output->bytes[output->n_bytes] = '\0';
        *ret_bytes = steal_ptr(&output->bytes);
        *ret_n_bytes = output->n_bytes;
}

/* Calls */

/* Return: what the call returns */
static int finish(struct rootwrap *handle,
                  struct order *command,
                  struct rootwrap_result **ret_result)
{
        struct answer *answer = command->answer;
        int r = answer->result.error;

        if (r) {
                answer_note(r, answer->reason);
                return r;
        }
        answer_put_reason(answer, handle->label);
        answer_seal(answer);
        *ret_result = &answer->result;
        command->answer = NULL;
        return 0;
}

static int fail(int r)
{
        answer_note(r, NULL);
        return r;
}

/* Submits a command, and waits until it has got so far. Return: 0 or negative errno */
static int submit(struct rootwrap *handle, struct order *command, enum order_state state)
{
        int r;

        (void)pthread_mutex_lock(&handle->mutex);
        r = handle_submit(handle, command);
        if (!r)
                handle_wait(handle, command, (int)state);
        (void)pthread_mutex_unlock(&handle->mutex);
        return r;
}

/**
 * rootwrap_run() - see librootwrap(3)
 * @handle:     the handle
 * @argv:       command and arguments
 * @options:    how it is run; NULL: by default
 * @ret_result: what became of it, the caller's
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int rootwrap_run(struct rootwrap *handle,
                 const char *const *argv,
                 const struct rootwrap_options *options,
                 struct rootwrap_result **ret_result)
{
        cleanup_with(order_free) struct order *command = NULL;
        int r;

        r = handle_check(handle);
        if (!r)
                r = order_new(handle, ORDER_START, argv, options, &command);
        if (r)
                return fail(r);
        command->is_late = true; /* nobody asks for its pid */
        r = submit(handle, command, ORDER_DONE);
        return r ? fail(r) : finish(handle, command, ret_result);
}

/* Return: 0 or negative errno; the command is done either way, if it was submitted */
static int execute(struct rootwrap *handle, struct order *command, struct streams *streams)
{
        int r;
        size_t i;

        r = submit(handle, command, ORDER_STARTED);
        for (i = 0; i < 3; i++)
                close_fd(&streams->theirs[i]);
        if (r)
                return r;
        if (command->state != ORDER_DONE || command->answer->result.wait_status >= 0)
                r = pump(streams);
        if (r) /* it gets SIGPIPE, or its stdin's end */
                streams_deinit(streams);
        (void)pthread_mutex_lock(&handle->mutex);
        handle_wait(handle, command, ORDER_DONE);
        (void)pthread_mutex_unlock(&handle->mutex);
        if (r) {
                *streams = (struct streams){ .theirs = { -1, -1, -1 },
                                             .in = -1,
                                             .out = { { .fd = -1 }, { .fd = -1 } } };
                return r;
        }
        output_give(&streams->out[0], &command->answer->out, &command->answer->result.n_out);
        if (!command->answer->result.is_refused)
                output_give(&streams->out[1], &command->answer->err,
                            &command->answer->result.n_err);
        return 0;
}

/**
 * rootwrap_execute() - see librootwrap(3)
 * @handle:     the handle
 * @argv:       command and arguments
 * @options:    how it is run; NULL: by default
 * @input:      what it reads from its stdin; NULL: nothing
 * @n_input:    bytes
 * @ret_result: what became of it, the caller's
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int rootwrap_execute(struct rootwrap *handle,
                     const char *const *argv,
                     const struct rootwrap_options *options,
                     const void *input,
                     size_t n_input,
                     struct rootwrap_result **ret_result)
{
        const struct rootwrap_options none = ROOTWRAP_OPTIONS_INIT;
        cleanup_with(order_free) struct order *command = NULL;
        struct streams streams;
        size_t i;
        int r;

        r = handle_check(handle);
        if (!r)
                r = order_new(handle, ORDER_START, argv, options, &command);
        if (r)
                return fail(r);
        r = streams_init(&streams, options ? options : &none, input, n_input);
        for (i = 0; i < 3; i++)
                if (streams.theirs[i] >= 0)
                        command->fds[i] = streams.theirs[i];
        if (!r)
                r = execute(handle, command, &streams);
        streams_deinit(&streams);
        return r ? fail(r) : finish(handle, command, ret_result);
}

/**
 * handle_ask() - a question, and its answer
 * @handle:      the handle
 * @kind:        ORDER_EXPLAIN or ORDER_STATUS
 * @argv:        the command that is asked about, or NULL
 * @env:         its variables, or NULL
 * @ret_command: holds what was told
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int handle_ask(struct rootwrap *handle,
               int kind,
               const char *const *argv,
               const char *const *env,
               struct order **ret_command)
{
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        cleanup_with(order_free) struct order *command = NULL;
        int r;

        options.env = env;
        r = handle_check(handle);
        if (!r)
                r = order_new(handle, (enum order_kind)kind, argv, &options, &command);
        if (!r)
                r = submit(handle, command, ORDER_DONE);
        if (r)
                return fail(r);
        r = command->answer->result.error;
        if (!r && command->texts.broken)
                r = -ENOMEM;
        if (r) {
                answer_note(r, command->answer->reason);
                return r;
        }
        *ret_command = steal_ptr(&command);
        return 0;
}
