/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's end of the channel. What is to be said stands in line: the tasks to be asked for,
 * the one that began a command's arguments first, since these may take several records. What the
 * monitor does not take now is sent when it does.
 */
#include <errno.h>
#include <string.h>

#include "util/err.h"
#include "util/fd.h"
#include "util/signal-set.h"
#include "worker/task.h"
#include "worker/worker.h"

/* Records that are read before others get their turn. */
#define RECORDS_AT_ONCE 32

/* The arguments that fit into a start. */
#define ARGS_BYTES_LAST (16u * 1024)

_Static_assert(RECORD_DONES_MAX * sizeof(struct record_carried) +
                               RECORD_LIMITS_MAX * sizeof(struct record_limit) + ARGS_BYTES_LAST <=
                       sizeof(((struct worker *)0)->tail),
               "a start's tail");

/* Return: 0, FD_E_END, -EAGAIN, or another negative errno */
static int send_record(struct worker *worker,
                       const struct record *record,
                       const int *fds,
                       size_t n_fds)
{
        size_t n;

        n = record_format(record, worker->question, sizeof(worker->question));
        return n ? fd_send(worker->channel_fd, worker->question, n, fds, n_fds)
                 : err_origin(-EMSGSIZE);
}

/* All arguments but those that fit into the start itself. */
static int send_args(struct worker *worker, struct task *task)
{
        const size_t n_last = ARGS_BYTES_LAST;
        struct record record = { .type = RECORD_ARGS };
        const void *bytes;
        size_t n;
        int r;

        while (queue_peek(&task->args, &bytes, &n) && n < task->args.n_bytes) {
                record.tail = bytes;
                record.n_tail = n < n_last ? n : n_last;
                r = send_record(worker, &record, NULL, 0);
                if (r)
                        return r;
                queue_drop(&task->args, record.n_tail);
        }
        while (queue_peek(&task->args, &bytes, &n) && n > n_last) {
                record.tail = bytes;
                record.n_tail = n_last;
                r = send_record(worker, &record, NULL, 0);
                if (r)
                        return r;
                queue_drop(&task->args, record.n_tail);
        }
        return 0;
}

/* What is told is done with: its numbers are free. */
static void forget_carried(struct worker *worker, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++)
                worker->free_ids[worker->n_free_ids++] = (uint32_t)worker->carried[i].id;
        worker->n_carried -= n;
        memmove(worker->carried, worker->carried + n,
                worker->n_carried * sizeof(worker->carried[0]));
        if (!worker->n_carried)
                loop_timer_stop(&worker->carried_late);
}

/* The beginning of a record's tail. Return: how many it tells of */
static size_t put_carried(const struct worker *worker, char *tail)
{
        size_t n = worker->n_carried < RECORD_DONES_MAX ? worker->n_carried : RECORD_DONES_MAX;

        memcpy(tail, worker->carried, n * sizeof(worker->carried[0]));
        return n;
}

/* The rest of a task's arguments, behind what is in @tail already. */
static void put_args(const struct task *task, struct record *record, char *tail)
{
        const void *bytes;
        size_t n;

        if (!queue_peek(&task->args, &bytes, &n))
                return;
        memcpy(tail + record->n_tail, bytes, n);
        record->n_tail += n;
}

static size_t put_limits(const struct task *task, char *tail)
{
        size_t n = task->n_limits * sizeof(task->limits[0]);

        if (n)
                memcpy(tail, task->limits, n);
        return n;
}

static int send_start(struct worker *worker, struct task *task)
{
        char *tail = worker->tail;
        struct record record = {
                .type = RECORD_START,
                .id = task->id,
                .start = { .n_args = task->n_args,
                           .n_env = task->n_env,
                           .n_args_bytes = task->n_args_bytes,
                           .peer_uid = task->peer_uid,
                           .peer_pid = task->peer_pid,
                           .flags = task->flags,
                           .umask = task->umask,
                           .nice = task->nice,
                           .n_limits = task->n_limits },
                .tail = tail,
        };
        size_t n_carried;
        size_t n_fds = 0;
        int fds[RECORD_STREAMS];
        size_t i;
        int r;

        n_carried = put_carried(worker, tail);
        record.start.n_done = (uint32_t)n_carried;
        record.n_tail = n_carried * sizeof(struct record_carried);
        record.n_tail += put_limits(task, tail + record.n_tail);
        put_args(task, &record, tail);
        for (i = 0; i < RECORD_STREAMS; i++) {
                if (task->fds[i] < 0)
                        continue;
                record.start.streams |= 1u << i;
                fds[n_fds++] = task->fds[i];
        }
        r = send_record(worker, &record, fds, n_fds);
        if (!r)
                forget_carried(worker, n_carried);
        return r;
}

static int send_explain(struct worker *worker, struct task *task)
{
        struct record record = {
                .type = RECORD_EXPLAIN,
                .id = task->id,
                .explain = { .n_args = task->n_args,
                             .n_env = task->n_env,
                             .n_args_bytes = task->n_args_bytes },
                .tail = worker->tail,
        };

        put_args(task, &record, worker->tail);
        return send_record(worker, &record, NULL, 0);
}

static int send_status(struct worker *worker, struct task *task)
{
        return send_record(worker,
                           &(struct record){ .type = RECORD_STATUS,
                                             .id = task->id,
                                             .status.peer_uid = task->peer_uid },
                           NULL, 0);
}

static int send_task(struct worker *worker, struct task *task)
{
        int r;

        r = send_args(worker, task);
        if (r)
                return r;
        if (task->type == RECORD_START)
                r = send_start(worker, task);
        else if (task->type == RECORD_EXPLAIN)
                r = send_explain(worker, task);
        else
                r = send_status(worker, task);
        if (!r)
                task_sent(task);
        return r;
}

/* Every signal that is waiting, the lowest number first, and behind them a command's end. */
static int send_signals(struct worker *worker)
{
        struct task *task;
        int signal;
        int r;

        while ((task = list_first(&worker->unsignalled, struct task, unsignalled))) {
                while ((signal = signal_set_first(task->signals))) {
                        r = send_record(worker,
                                        &(struct record){ .type = RECORD_SIGNAL,
                                                          .id = task->id,
                                                          .signal.signal = signal },
                                        NULL, 0);
                        if (r)
                                return r;
                        signal_set_remove(&task->signals, signal);
                }
                if (task->must_end) {
                        r = send_record(
                                worker,
                                &(struct record){ .type = RECORD_END_COMMAND, .id = task->id },
                                NULL, 0);
                        if (r)
                                return r;
                        task->must_end = false;
                }
                list_remove(&task->unsignalled);
        }
        return 0;
}

/* Return: 0 when all is told */
static int send_carried(struct worker *worker)
{
        struct record record = { .type = RECORD_DONE, .tail = worker->tail };
        size_t n;
        int r;

        while (worker->n_carried) {
                n = put_carried(worker, worker->tail);
                record.done.n_done = (uint32_t)n;
                record.n_tail = n * sizeof(struct record_carried);
                r = send_record(worker, &record, NULL, 0);
                if (r)
                        return r;
                forget_carried(worker, n);
        }
        return 0;
}

static int dispatch_carried_late(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, carried_late);

        worker->is_carried_due = true;
        return worker_turn(worker);
}

/**
 * channel_tell_carried() - a command is over, and its client was answered
 * @worker:  the worker
 * @carried: what was carried for it; its number is free when the monitor knows
 */
void channel_tell_carried(struct worker *worker, const struct record_carried *carried)
{
        worker->carried[worker->n_carried++] = *carried; /* there are only so many numbers */
        if (!worker->carried_late.loop)
                loop_timer_set(&worker->carried_late, &worker->loop, dispatch_carried_late,
                               WORKER_CARRIED_MS);
}

/* Only what has its turn can answer. */
static int send_pong(struct worker *worker)
{
        int r;

        if (!worker->is_pinged)
                return 0;
        r = send_record(worker, &(struct record){ .type = RECORD_PONG }, NULL, 0);
        if (!r)
                worker->is_pinged = false;
        return r;
}

static int send_stop(struct worker *worker)
{
        int r;

        r = send_record(worker,
                        &(struct record){ .type = RECORD_STOP, .stop.reason = worker->stop_reason },
                        NULL, 0);
        if (!r)
                worker->stop_reason = 0;
        return r;
}

static int dispatch_send_retry(struct loop_timer *timer)
{
        return worker_turn(container_of(timer, struct worker, send_retry));
}

/* What is to be waited for after channel_send(). Return: 0 or negative errno */
static int wait_to_send(struct worker *worker, int r)
{
        loop_timer_stop(&worker->send_retry);
        if (fd_is_for_later(r))
                loop_timer_set(&worker->send_retry, &worker->loop, dispatch_send_retry,
                               WORKER_SEND_RETRY_MS);
        return err_trace(
                loop_io_set(&worker->channel, r == -EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN));
}

/**
 * channel_send() - tell the monitor what there is to tell, as far as it takes it
 * @worker: the worker
 *
 * Return: 0, or negative errno: without its monitor the worker is to end
 */
int channel_send(struct worker *worker)
{
        struct task *task = list_first(&worker->unsent, struct task, unsent);
        int r = 0;

        /* Nothing may come between the arguments of a command. */
        if (!task || !task_is_cut(task)) {
                r = send_pong(worker);
                if (!r)
                        r = send_signals(worker);
        }
        while (!r && (task = list_first(&worker->unsent, struct task, unsent)))
                r = send_task(worker, task);
        if (!r && (worker->is_carried_due || worker->is_stopping || !worker->n_free_ids)) {
                r = send_carried(worker);
                worker->is_carried_due = r != 0;
        }
        if (!r)
                r = send_pong(worker);
        if (!r && worker->stop_reason)
                r = send_stop(worker);
        if (r && r != -EAGAIN && !fd_is_for_later(r))
                return r == FD_E_END ? -EPIPE : err_trace(r);
        return err_trace(wait_to_send(worker, r));
}

/**
 * channel_tell_refused() - somebody could not connect
 * @worker: the worker
 * @reason: enum record_peer
 * @uid:    uid and
 * @pid:    pid of the peer
 *
 * What the monitor does not take now is only counted.
 */
void channel_tell_refused(struct worker *worker, uint32_t reason, uid_t uid, pid_t pid)
{
        struct record record = {
                .type = RECORD_PEER,
                .peer = { .reason = reason, .uid = uid, .pid = pid, .n_unsaid = worker->n_unsaid },
        };

        /* Not between the arguments of a command and its start. */
        if (!list_is_empty(&worker->unsent) || send_record(worker, &record, NULL, 0))
                worker->n_unsaid++;
        else
                worker->n_unsaid = 0;
}

/* Answers that leave a task as it is, and those that no task that has exited gets. */
static bool is_answer(const struct task *task, uint32_t type)
{
        if (!task || !task->is_sent || task->has_exited)
                return false;
        return (type >= RECORD_REFUSED && type <= RECORD_END);
}

static int take_record(struct worker *worker)
{
        struct fd_list fds = { .n_fds = 0 };
        struct record record;
        struct task *task;
        size_t n;
        int r;

        r = fd_receive(worker->channel_fd, worker->answer, RECORD_BYTES_MAX, &n, &fds);
        if (r)
                return r;
        fd_list_close(&fds);
        if (record_parse(worker->answer, n, &record))
                return err_origin(-EPROTO);
        if (record.type == RECORD_FINISH)
                return worker_stop(worker, 0);
        if (record.type == RECORD_PING) {
                worker->is_pinged = true;
                return 0;
        }
        if (record.type == RECORD_ADMIT)
                return err_trace(worker_admit(worker, &record));
        task = record.id < RECORD_IDS_MAX ? worker->tasks[record.id] : NULL;
        if (!is_answer(task, record.type))
                return err_origin(-EPROTO);
        return err_trace(task->ops->answered(task, &record));
}

/* With one command under way, asking for a second record is a call in vain. */
static bool is_more_likely(const struct worker *worker, int n_taken)
{
        return !n_taken || RECORD_IDS_MAX - worker->n_free_ids - worker->n_carried > 0;
}

/**
 * channel_dispatch() - the monitor says something, or takes more
 * @io:     of the worker's channel
 * @events: of epoll(7)
 *
 * Return: 0, LOOP_E_EXIT, or negative errno; the monitor's end is one
 */
int channel_dispatch(struct loop_io *io, uint32_t events)
{
        struct worker *worker = container_of(io, struct worker, channel);
        int i;
        int r = 0;

        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                for (i = 0; !r && i < RECORDS_AT_ONCE && is_more_likely(worker, i); i++)
                        r = take_record(worker);
        if (r > 0)
                return err_origin(-EPIPE); /* nobody is there any more */
        if (r && r != -EAGAIN)
                return err_trace(r);
        return worker_turn(worker);
}
