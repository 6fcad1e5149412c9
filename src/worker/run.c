/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run has the pipes of a command: it writes the client's stdin to one and keeps what comes out of
 * the other two until the command has exited and both are at their end, since the protocol wants
 * all of it in one answer. The monitor gets the other ends, and the arguments.
 *
 * A run outlives its session: a command whose client is gone runs to its end, and its output is
 * read and dropped, so that it neither stalls nor dies of SIGPIPE.
 */
#include "worker/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "priv/record.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "worker/session.h"
#include "worker/worker.h"

/* How often a stream is read or written before others get their turn. */
#define ROUNDS_AT_ONCE     4

#define SENTENCE_BYTES_MAX 1280

static void close_output(struct run_output *output)
{
        if (output->fd < 0)
                return;
        loop_io_deinit(&output->io);
        (void)close(output->fd);
        output->fd = -1;
}

static void close_input(struct run *run)
{
        if (run->input_fd < 0)
                return;
        loop_io_deinit(&run->input_io);
        (void)close(run->input_fd);
        run->input_fd = -1;
        queue_deinit(&run->input);
}

/* The end of a run */

/* The client gets its answer, whatever it is, elsewhere; the run has nothing more to do with it. */
static struct session *leave_session(struct run *run)
{
        struct session *session = run->session;

        run->session = NULL;
        if (session)
                session->run = NULL;
        return session;
}

/* Gives back all but the task. */
static void let_go(struct run *run)
{
        loop_timer_stop(&run->watch);
        loop_timer_stop(&run->drain);
        close_input(run);
        queue_deinit(&run->input);
        close_output(&run->out);
        close_output(&run->err);
        legacy_stream_deinit(&run->out.stream);
        legacy_stream_deinit(&run->err.stream);
}

/* Forgets a run that was not started. */
static struct run *run_free(struct run *run)
{
        let_go(run);
        task_deinit(&run->task);
        free(run);
        return NULL;
}

static int returncode(int status)
{
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Where the answer takes more than a message may, or found no memory. */
static bool is_too_long(const struct run *run)
{
        uint64_t n;

        if (run->out.is_lost || run->err.is_lost)
                return true;
        n = answer_result_bytes(returncode(run->status), &run->out.stream, &run->err.stream);
        return n > run->task.worker->legacy.n_message_max;
}

static void answer_too_long(const struct run *run, struct session *session)
{
        char sentence[SENTENCE_BYTES_MAX];

        (void)snprintf(
                sentence, sizeof(sentence),
                "The command ran, but its output is lost: the answer is longer than the %llu "
                "bytes of max_message_bytes, or there was no memory for it",
                (unsigned long long)run->task.worker->legacy.n_message_max);
        legacy_error(&session->legacy, sentence);
}

/* All is there, or as much as there will be: the client gets it, and the run is freed. */
static void finish(struct run *run)
{
        struct record_carried carried = {
                .id = run->task.id,
                .n_in_bytes = run->n_input_bytes,
                .n_out_bytes = run->out.n_bytes,
                .n_err_bytes = run->err.n_bytes,
        };
        struct session *session = leave_session(run);
        struct worker *worker = run->task.worker;

        if (session && is_too_long(run))
                answer_too_long(run, session);
        else if (session)
                legacy_result(&session->legacy, returncode(run->status), &run->out.stream,
                              &run->err.stream);
        worker_touch(worker);
        worker_rest(worker);
        let_go(run);
        task_done(&run->task, &carried);
        free(run);
        if (session)
                session_answered(session);
}

static void finish_if_over(struct run *run)
{
        if (run->task.has_exited && run->out.fd < 0 && run->err.fd < 0)
                finish(run);
}

static int dispatch_drain(struct loop_timer *timer)
{
        struct run *run = container_of(timer, struct run, drain);
        struct worker *worker = run->task.worker;

        finish(run);
        return worker_turn(worker);
}

/* Output */

static void empty_stream(struct run_output *output)
{
        legacy_stream_deinit(&output->stream);
        legacy_stream_init(&output->stream, &output->run->task.worker->budget);
}

static void lose(struct run_output *output)
{
        output->is_lost = true;
        empty_stream(output);
}

/* Where to read to: the stream, or, when nobody wants it, nowhere in particular. */
static void *output_room(struct run_output *output, size_t *ret_n_room)
{
        struct run *run = output->run;
        void *room;

        if (run->session && !output->is_lost &&
            legacy_stream_room(&output->stream, &room, ret_n_room) == 0)
                return room;
        if (run->session && !output->is_lost)
                lose(output);
        *ret_n_room = sizeof(run->task.worker->input);
        return run->task.worker->input;
}

static void keep_output(struct run_output *output, const void *room, size_t n_bytes)
{
        struct run *run = output->run;

        output->n_bytes += n_bytes;
        if (room == run->task.worker->input) {
                worker_grow(run->task.worker, n_bytes);
                return;
        }
        legacy_stream_commit(&output->stream, n_bytes);
        if (run->out.stream.n_escaped + run->err.stream.n_escaped >
            run->task.worker->legacy.n_message_max)
                lose(output);
}

/* Return: is there perhaps more? */
static bool read_output(struct run_output *output)
{
        size_t n_room;
        void *room;
        ssize_t n;

        room = output_room(output, &n_room);
        n = read(output->fd, room, n_room);
        if (n < 0)
                return errno == EINTR;
        if (n == 0) {
                close_output(output);
                return false;
        }
        keep_output(output, room, (size_t)n);
        if (!output->is_large && output->n_bytes >= 65536) {
                output->is_large = true;
                (void)fcntl(output->fd, F_SETPIPE_SZ, RUN_PIPE_BYTES);
        }
        return (size_t)n == n_room;
}

static void read_some(struct run_output *output)
{
        int i;

        for (i = 0; i < ROUNDS_AT_ONCE && output->fd >= 0; i++)
                if (!read_output(output))
                        return;
}

static int dispatch_output(struct loop_io *io, uint32_t events)
{
        struct run_output *output = container_of(io, struct run_output, io);
        struct run *run = output->run;
        struct worker *worker = run->task.worker;

        (void)events;
        read_some(output);
        finish_if_over(run);
        return worker_turn(worker);
}

/* Input */

static int dispatch_input(struct loop_io *io, uint32_t events)
{
        struct run *run = container_of(io, struct run, input_io);
        const void *bytes;
        size_t n_bytes;
        ssize_t n;
        int i;

        (void)events;
        for (i = 0; i < ROUNDS_AT_ONCE && queue_peek(&run->input, &bytes, &n_bytes); i++) {
                n = write(run->input_fd, bytes, n_bytes);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0) { /* a command that stops reading is no error */
                        close_input(run);
                        return 0;
                }
                run->n_input_bytes += (uint64_t)n;
                queue_drop(&run->input, (size_t)n);
        }
        if (!run->input.n_bytes)
                close_input(run);
        return 0;
}

/* The beginning */

/* A pipe whose end @ours does not wait; the command's does. */
static int make_pipe(int ours, int *ret_ours, int *ret_theirs)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return err_origin(-errno);
        if (fcntl(fds[!ours], F_SETFL, 0) < 0) {
                (void)close(fds[0]);
                (void)close(fds[1]);
                return err_origin(-errno);
        }
        *ret_ours = fds[ours];
        *ret_theirs = fds[!ours];
        return 0;
}

static int make_output(struct run_output *output, int *ret_theirs)
{
        return err_trace(make_pipe(0, &output->fd, ret_theirs));
}

/* Return: 0 or negative errno */
static int watch_output(struct run_output *output)
{
        if (output->fd < 0 || output->io.loop)
                return 0;
        return err_trace(loop_io_init(&output->io, &output->run->task.worker->loop, dispatch_output,
                                      output->fd, EPOLLIN));
}

/* Without a place in the epoll set nothing would ever be read: it is lost then. */
static void watch_outputs(struct run *run)
{
        struct run_output *outputs[] = { &run->out, &run->err };
        size_t i;

        for (i = 0; i < 2; i++) {
                if (!watch_output(outputs[i]))
                        continue;
                lose(outputs[i]);
                close_output(outputs[i]);
        }
}

static int dispatch_watch(struct loop_timer *timer)
{
        struct run *run = container_of(timer, struct run, watch);
        struct worker *worker = run->task.worker;

        watch_outputs(run);
        finish_if_over(run);
        return worker_turn(worker);
}

static int make_input(struct run *run, struct call *call)
{
        int r;

        if (!call->input.n_bytes)
                return 0; /* /dev/null, which is at its end as well */
        queue_move(&run->input, &call->input);
        r = make_pipe(1, &run->input_fd, &run->task.fds[0]);
        if (r)
                return err_trace(r);
        if (run->input.n_bytes > 65536)
                (void)fcntl(run->input_fd, F_SETPIPE_SZ, RUN_PIPE_BYTES);
        return err_trace(loop_io_init(&run->input_io, &run->task.worker->loop, dispatch_input,
                                      run->input_fd, EPOLLOUT));
}

/* What the monitor says */

/* The daemon stops, and the monitor has not been asked: the client is told that nothing ran. */
static void cancelled(struct task *task)
{
        struct run *run = container_of(task, struct run, task);
        struct session *session = leave_session(run);

        (void)run_free(run);
        if (!session)
                return;
        legacy_null(&session->legacy);
        session_answered(session);
}

/* The filters do not allow it. */
static void refused(struct run *run, const struct record *record)
{
        struct session *session = leave_session(run);

        if (session)
                legacy_result(&session->legacy, record->refused.exit_code, &run->out.stream,
                              &run->err.stream);
        worker_touch(run->task.worker);
        (void)run_free(run);
        if (session)
                session_answered(session);
}

/* It was allowed, and could not be started. */
static void failed(struct run *run, const struct record *record)
{
        struct session *session = leave_session(run);
        char sentence[SENTENCE_BYTES_MAX];
        size_t n = record->n_tail - record->failed.n_filter_bytes;
        size_t n_room;
        void *room;

        if (n >= sizeof(sentence))
                n = sizeof(sentence) - 1;
        memcpy(sentence, record->tail + record->failed.n_filter_bytes, n);
        sentence[n] = '\0';
        if (session && record->failed.exit_code < 0) {
                legacy_error(&session->legacy, sentence);
        } else if (session) {
                if (legacy_stream_room(&run->err.stream, &room, &n_room) == 0 && n <= n_room) {
                        memcpy(room, sentence, n);
                        legacy_stream_commit(&run->err.stream, n);
                }
                legacy_result(&session->legacy, record->failed.exit_code, &run->out.stream,
                              &run->err.stream);
        }
        worker_touch(run->task.worker);
        (void)run_free(run);
        if (session)
                session_answered(session);
}

/* How long output is waited for that others than the command may still write. -1: for ever */
static int64_t drain_ms(const struct worker *worker)
{
        if (worker->is_stopping &&
            (worker->drain_timeout_ms < 0 || worker->drain_timeout_ms > WORKER_STOP_MS))
                return WORKER_STOP_MS;
        return worker->drain_timeout_ms;
}

/* It has exited: it is over when its streams are, or after the time that others may keep them. */
static void exited(struct run *run)
{
        int64_t delay_ms = drain_ms(run->task.worker);

        close_input(run);
        read_some(&run->out); /* as a rule they are at their end by now */
        read_some(&run->err);
        if (!run->session) {
                finish(run);
                return;
        }
        watch_outputs(run);
        if ((run->out.fd >= 0 || run->err.fd >= 0) && delay_ms >= 0)
                loop_timer_set(&run->drain, &run->task.worker->loop, dispatch_drain, delay_ms);
        finish_if_over(run);
}

static int answered(struct task *task, const struct record *record)
{
        struct run *run = container_of(task, struct run, task);

        switch (record->type) {
        case RECORD_REFUSED:
                refused(run, record);
                return 0;
        case RECORD_FAILED:
                if (record->failed.n_filter_bytes > record->n_tail)
                        return err_origin(-EPROTO);
                failed(run, record);
                return 0;
        case RECORD_EXITED:
                run->status = record->exited.status;
                task->has_exited = true;
                exited(run);
                return 0;
        default:
                return err_origin(-EPROTO);
        }
}

/* The daemon stops: what has exited already is waited for no longer than that allows. */
static void hasten(struct task *task)
{
        if (task->is_sent && task->has_exited)
                exited(container_of(task, struct run, task));
}

static void free_task(struct task *task)
{
        (void)run_free(container_of(task, struct run, task));
}

static const struct task_ops ops = {
        .cancelled = cancelled,
        .answered = answered,
        .hasten = hasten,
        .free = free_task,
};

/* The beginning of a run */

static struct run *new (struct session *session, struct call *call)
{
        struct worker *worker = session->peer.worker;
        struct run *run;

        run = calloc(1, sizeof(*run));
        if (!run)
                return NULL;
        if (task_init(&run->task, worker, &ops, RECORD_START)) {
                free(run);
                return NULL;
        }
        run->task.peer_pid = session->peer.pid;
        run->task.peer_uid = session->peer.uid;
        run->task.n_args = (uint32_t)call->n_args;
        run->input_fd = run->out.fd = run->err.fd = -1;
        run->out.run = run->err.run = run;
        queue_init(&run->input, NULL);
        legacy_stream_init(&run->out.stream, &worker->budget);
        legacy_stream_init(&run->err.stream, &worker->budget);
        return run;
}

static int refuse_here(struct session *session, int error)
{
        char sentence[SENTENCE_BYTES_MAX];

        (void)snprintf(sentence, sizeof(sentence),
                       "Cannot start the command: make its pipes: %s "
                       "(errno %d)",
                       strerror(error), error);
        legacy_error(&session->legacy, sentence);
        return 0;
}

/**
 * run_new() - run what a session's client asked for
 * @session: its legacy->call is a whole request; has a run afterwards, or its answer
 *
 * Return: 0 or negative errno
 */
int run_new(struct session *session)
{
        struct call *call = &session->legacy.call;
        struct worker *worker = session->peer.worker;
        struct run *run;
        int r;

        worker_touch(worker);
        if (!worker->n_free_ids) {
                legacy_error(&session->legacy, "Too many commands at once");
                return 0;
        }
        run = new (session, call);
        if (!run)
                return refuse_here(session, ENOMEM);
        r = make_input(run, call);
        if (!r)
                r = make_output(&run->out, &run->task.fds[1]);
        if (!r)
                r = make_output(&run->err, &run->task.fds[2]);
        if (r) {
                (void)run_free(run);
                return refuse_here(session, -r);
        }
        loop_timer_set(&run->watch, &worker->loop, dispatch_watch, RUN_UNWATCHED_MS);
        run->session = session;
        session->run = run;
        task_ask(&run->task, &call->args);
        return err_trace(channel_send(worker));
}

/**
 * run_abandon() - the session is gone
 * @run: goes on without it
 */
void run_abandon(struct run *run)
{
        (void)leave_session(run);
        empty_stream(&run->out);
        empty_stream(&run->err);
        if (run->task.has_exited) /* nobody waits for what others may still write */
                finish(run);
}
