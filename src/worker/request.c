/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is what the client's id stands for, from the START or the question until its last
 * answer. A command does not outlive its client unless that asked for it: the monitor is told to
 * end it, and so it is when its own time is over.
 */
#include "worker/request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "util/err.h"
#include "worker/native-session.h"
#include "worker/worker.h"

static_assert(WORKER_OUTPUT_BYTES >= NATIVE_MESSAGE_BYTES, "messages are written there");

/* The client's ids */

static struct request **bucket_of(struct native_session *session, uint32_t id)
{
        return &session->requests[id % NATIVE_BUCKETS];
}

/**
 * request_find() - what an id stands for
 * @session: the session
 * @id:      the client's id
 *
 * Return: the request, or NULL
 */
struct request *request_find(const struct native_session *session, uint32_t id)
{
        struct request *request = session->requests[id % NATIVE_BUCKETS];

        while (request && request->id != id)
                request = request->next;
        return request;
}

/* Its id is free from now on. Return: the session, or NULL */
static struct native_session *leave_session(struct request *request)
{
        struct native_session *session = request->session;
        struct request **link;

        if (!session)
                return NULL;
        link = bucket_of(session, request->id);
        while (*link != request)
                link = &(*link)->next;
        *link = request->next;
        session->n_requests--;
        if (!request->is_started)
                session->n_waiting--;
        if (request->task.type == RECORD_STATUS)
                session->n_statuses--;
        request->session = NULL;
        return session;
}

/* Answers */

/**
 * request_refuse() - tell a client that a command is not started
 * @session: its session
 * @id:      its id
 * @code:    as the page has it
 * @error:   errno, or 0
 * @reason:  a sentence
 */
void request_refuse(struct native_session *session,
                    uint32_t id,
                    uint32_t code,
                    int error,
                    const char *reason)
{
        struct native_writer writer;

        native_begin(&writer, session->peer.worker->output, NATIVE_REFUSED, id);
        native_put_u32(&writer, NATIVE_TAG_CODE, code);
        native_put_u32(&writer, NATIVE_TAG_ERROR, (uint32_t)error);
        native_put_text(&writer, NATIVE_TAG_REASON, reason);
        native_session_send(session, &writer);
}

/* The codes of a failed start: one that root tells by its exit code, or none. */
static uint32_t code_of(const struct record *record)
{
        if (record->type == RECORD_REFUSED)
                return (uint32_t)record->refused.exit_code;
        if (record->failed.exit_code >= 0)
                return NATIVE_CODE_SIGNAL;
        switch (record->failed.error) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case EAGAIN:
                return NATIVE_CODE_NOT_NOW;
        default:
                return 96;
        }
}

static int take_refused(struct request *request, const struct record *record)
{
        uint32_t n_filter = record->refused.n_filter_bytes; /* where a failure has it, too */
        struct native_session *session;
        struct native_writer writer;
        uint32_t id = request->id;

        if (n_filter > record->n_tail || request->is_started)
                return err_origin(-EPROTO);
        session = leave_session(request);
        (void)request_free(request);
        if (!session)
                return 0;
        native_begin(&writer, session->peer.worker->output, NATIVE_REFUSED, id);
        native_put_u32(&writer, NATIVE_TAG_CODE, code_of(record));
        native_put_u32(&writer, NATIVE_TAG_ERROR, (uint32_t)record->refused.error);
        if (n_filter)
                native_put(&writer, NATIVE_TAG_FILTER, record->tail, n_filter);
        native_put(&writer, NATIVE_TAG_REASON, record->tail + n_filter, record->n_tail - n_filter);
        native_session_send(session, &writer);
        native_session_answered(session);
        return 0;
}

/* Ends */

static void end(struct request *request)
{
        if (request->is_ending)
                return;
        request->is_ending = true;
        task_end(&request->task);
}

static int dispatch_timeout(struct loop_timer *timer)
{
        struct request *request = container_of(timer, struct request, timeout);

        request->has_timed_out = true;
        end(request);
        return worker_turn(request->task.worker);
}

static int take_started(struct request *request, const struct record *record)
{
        struct native_session *session = request->session;
        struct worker *worker = request->task.worker;
        struct native_writer writer;

        if (request->is_started)
                return err_origin(-EPROTO);
        request->is_started = true;
        worker_touch(worker);
        if (request->timeout_ms)
                loop_timer_set(&request->timeout, &worker->loop, dispatch_timeout,
                               request->timeout_ms);
        if (!session && !(request->task.flags & RECORD_START_GO_ON))
                end(request);
        if (!session)
                return 0;
        session->n_waiting--;
        native_begin(&writer, request->task.worker->output, NATIVE_STARTED, request->id);
        native_put_u32(&writer, NATIVE_TAG_PID, (uint32_t)record->started.pid);
        native_session_send(session, &writer);
        native_session_answered(session);
        return 0;
}

static void put_exit(struct native_writer *writer,
                     const struct request *request,
                     const struct record_exited *exited)
{
        const uint64_t usage[] = { exited->user_us, exited->system_us, exited->rss_max_kb };

        native_put_u32(writer, NATIVE_TAG_FLAGS, request->has_timed_out ? NATIVE_TIMED_OUT : 0);
        native_put_u32(writer, NATIVE_TAG_STATUS, (uint32_t)exited->status);
        native_put_u64s(writer, NATIVE_TAG_USAGE, usage, 3);
        native_put_u64(writer, NATIVE_TAG_DURATION, exited->duration_us);
}

static int take_exited(struct request *request, const struct record *record)
{
        struct record_carried carried = { .id = request->task.id };
        struct native_session *session;
        struct native_writer writer;

        if (!request->is_started && !(request->task.flags & RECORD_START_LATE))
                return err_origin(-EPROTO);
        native_begin(&writer, request->task.worker->output, NATIVE_EXITED, request->id);
        put_exit(&writer, request, &record->exited);
        session = leave_session(request);
        worker_touch(request->task.worker);
        loop_timer_stop(&request->timeout);
        task_done(&request->task, &carried);
        free(request);
        if (!session)
                return 0;
        native_session_send(session, &writer);
        native_session_answered(session);
        return 0;
}

static int answered_start(struct request *request, const struct record *record)
{
        switch (record->type) {
        case RECORD_REFUSED:
        case RECORD_FAILED:
                return err_trace(take_refused(request, record));
        case RECORD_STARTED:
                return err_trace(take_started(request, record));
        case RECORD_EXITED:
                return err_trace(take_exited(request, record));
        default:
                return err_origin(-EPROTO);
        }
}

/* Questions */

/* Takes the next so many bytes of a tail. Return: they; NULL: there are not so many */
static const char *take(struct record *record, uint32_t n)
{
        const char *bytes = record->tail;

        if (n > record->n_tail)
                return NULL;
        record->tail += n;
        record->n_tail -= n;
        return bytes;
}

static void put_if(struct native_writer *writer, enum native_tag tag, const char *bytes, uint32_t n)
{
        if (n)
                native_put(writer, tag, bytes, n);
}

static int put_explanation(struct native_writer *writer, const struct record *record)
{
        const struct record_explained *explained = &record->explained;
        struct record left = *record;
        const char *filter = take(&left, explained->n_filter_bytes);
        const char *run_as = take(&left, explained->n_run_as_bytes);
        const char *file = take(&left, explained->n_file_bytes);
        const char *reason = take(&left, explained->n_reason_bytes);
        const char *env = take(&left, explained->n_env_bytes);

        if (!filter || !run_as || !file || !reason || !env)
                return err_origin(-EPROTO);
        put_if(writer, NATIVE_TAG_ARGS, left.tail, (uint32_t)left.n_tail);
        put_if(writer, NATIVE_TAG_ENV, env, explained->n_env_bytes);
        native_put_u32(writer, NATIVE_TAG_CODE, (uint32_t)explained->exit_code);
        put_if(writer, NATIVE_TAG_FILTER, filter, explained->n_filter_bytes);
        put_if(writer, NATIVE_TAG_REASON, reason, explained->n_reason_bytes);
        put_if(writer, NATIVE_TAG_FILE, file, explained->n_file_bytes);
        put_if(writer, NATIVE_TAG_RUN_AS, run_as, explained->n_run_as_bytes);
        return 0;
}

static int answered_explain(struct request *request, const struct record *record)
{
        struct native_session *session;
        struct native_writer writer;
        int r;

        if (record->type != RECORD_EXPLAINED)
                return err_origin(-EPROTO);
        native_begin(&writer, request->task.worker->output, NATIVE_EXPLANATION, request->id);
        r = put_explanation(&writer, record);
        if (r)
                return err_trace(r);
        session = leave_session(request);
        (void)request_free(request);
        if (!session)
                return 0;
        native_session_send(session, &writer);
        native_session_answered(session);
        return 0;
}

static void send_totals(const struct request *request, const struct record *record)
{
        struct native_session *session = request->session;
        struct record_totals totals = record->totals;
        struct native_writer writer;

        if (!session)
                return;
        totals.n_connections = session->peer.worker->n_peers;
        native_begin(&writer, request->task.worker->output, NATIVE_TOTALS, request->id);
        native_put_u64s(&writer, NATIVE_TAG_COUNTERS, &totals.uptime_s,
                        sizeof(totals) / sizeof(uint64_t));
        native_session_send(session, &writer);
}

static int send_command(const struct request *request, const struct record *record)
{
        const struct record_command *command = &record->command;
        struct record left = *record;
        const char *filter = take(&left, command->n_filter_bytes);
        const char *run_as = take(&left, command->n_run_as_bytes);
        struct native_writer writer;

        if (!filter || !run_as)
                return err_origin(-EPROTO);
        if (!request->session)
                return 0;
        native_begin(&writer, request->task.worker->output, NATIVE_COMMAND, request->id);
        native_put(&writer, NATIVE_TAG_ARGS, left.tail, left.n_tail);
        native_put_u32(&writer, NATIVE_TAG_PID, (uint32_t)command->pid);
        native_put_u64(&writer, NATIVE_TAG_DURATION, command->duration_us);
        native_put(&writer, NATIVE_TAG_FILTER, filter, command->n_filter_bytes);
        native_put_u32(&writer, NATIVE_TAG_UID, command->uid);
        native_put_u32(&writer, NATIVE_TAG_PEER, (uint32_t)command->peer_pid);
        native_put(&writer, NATIVE_TAG_RUN_AS, run_as, command->n_run_as_bytes);
        native_session_send(request->session, &writer);
        return 0;
}

static void finish_status(struct request *request)
{
        struct native_session *session;
        struct native_writer writer;

        native_begin(&writer, request->task.worker->output, NATIVE_END, request->id);
        session = leave_session(request);
        (void)request_free(request);
        if (!session)
                return;
        native_session_send(session, &writer);
        native_session_answered(session);
}

static int answered_status(struct request *request, const struct record *record)
{
        switch (record->type) {
        case RECORD_TOTALS:
                send_totals(request, record);
                return 0;
        case RECORD_COMMAND:
                return err_trace(send_command(request, record));
        case RECORD_END:
                finish_status(request);
                return 0;
        default:
                return err_origin(-EPROTO);
        }
}

/* The task */

static int answered(struct task *task, const struct record *record)
{
        struct request *request = container_of(task, struct request, task);

        if (task->type == RECORD_START)
                return answered_start(request, record);
        if (task->type == RECORD_EXPLAIN)
                return answered_explain(request, record);
        return answered_status(request, record);
}

static void cancelled(struct task *task)
{
        struct request *request = container_of(task, struct request, task);
        struct native_session *session = leave_session(request);
        uint32_t id = request->id;

        (void)request_free(request);
        if (!session)
                return;
        request_refuse(session, id, NATIVE_CODE_NOT_NOW, ESHUTDOWN, "The daemon stops");
        native_session_answered(session);
}

static void free_task(struct task *task)
{
        (void)request_free(container_of(task, struct request, task));
}

static const struct task_ops ops = {
        .cancelled = cancelled,
        .answered = answered,
        .free = free_task,
};

/**
 * request_new() - something that a client asks for
 * @ret_request: the request, which is one of @session's from now on
 * @session:     the session
 * @type:        RECORD_START, RECORD_EXPLAIN or RECORD_STATUS
 * @id:          the client's id for it, free
 *
 * Return: 0, -EAGAIN when there are too many, or -ENOMEM
 */
int request_new(struct request **ret_request,
                struct native_session *session,
                uint32_t type,
                uint32_t id)
{
        struct request *request;
        int r;

        request = calloc(1, sizeof(*request));
        if (!request)
                return err_origin(-ENOMEM);
        r = task_init(&request->task, session->peer.worker, &ops, type);
        if (r) {
                free(request);
                return r;
        }
        request->task.peer_uid = session->peer.uid;
        request->task.peer_pid = session->peer.pid;
        request->session = session;
        request->id = id;
        request->next = *bucket_of(session, id);
        *bucket_of(session, id) = request;
        session->n_requests++;
        session->n_waiting++;
        session->n_statuses += type == RECORD_STATUS;
        *ret_request = request;
        return 0;
}

/**
 * request_ask() - have the monitor asked
 * @request: is complete
 * @args:    its arguments; taken; NULL: none
 */
void request_ask(struct request *request, struct queue *args)
{
        worker_touch(request->task.worker);
        task_ask(&request->task, args);
}

/**
 * request_signal() - the client wants its command to get a signal
 * @request: a START's
 * @signal:  its number, one that clients may send
 */
void request_signal(struct request *request, int signal)
{
        if (request->is_started)
                task_signal(&request->task, signal);
}

/**
 * request_abandon() - the session is gone
 * @request: goes on without it, is ended, or freed
 */
void request_abandon(struct request *request)
{
        struct task *task = &request->task;

        (void)leave_session(request);
        if (!task->is_sent && !task_is_cut(task) && !(task->flags & RECORD_START_GO_ON))
                (void)request_free(request);
        else if (request->is_started && !(task->flags & RECORD_START_GO_ON))
                end(request);
}

/**
 * request_free() - forget a request that the monitor does not know, or does not know any more
 * @request: or NULL
 *
 * Return: NULL
 */
struct request *request_free(struct request *request)
{
        if (!request)
                return NULL;
        (void)leave_session(request);
        loop_timer_stop(&request->timeout);
        task_deinit(&request->task);
        free(request);
        return NULL;
}
