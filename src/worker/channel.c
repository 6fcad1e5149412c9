/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's end of the channel. What is to be said stands in line: the runs with something to
 * tell, the one that began a command's arguments first, since these may take several records. What
 * the monitor does not take now is sent when it does.
 */
#include <errno.h>
#include <string.h>

#include "util/err.h"
#include "util/fd.h"
#include "worker/run.h"
#include "worker/worker.h"

/* Records that are read before others get their turn. */
#define RECORDS_AT_ONCE 32

/* The arguments that fit into a start. */
#define ARGS_BYTES_LAST (16u * 1024)

/* Return: 0, FD_E_END, -EAGAIN, or another negative errno */
static int send_record(struct worker *worker,
                       const struct record *record,
                       const int *fds,
                       size_t n_fds)
{
        char buffer[RECORD_BYTES_MAX];
        size_t n;

        n = record_format(record, buffer, sizeof(buffer));
        return n ? fd_send(worker->channel_fd, buffer, n, fds, n_fds) : err_origin(-EMSGSIZE);
}

/* All arguments but those that fit into the start itself. */
static int send_args(struct worker *worker, struct run *run)
{
        const size_t n_last = ARGS_BYTES_LAST;
        struct record record = { .type = RECORD_ARGS };
        const void *bytes;
        size_t n;
        int r;

        while (queue_peek(&run->args, &bytes, &n) && n < run->args.n_bytes) {
                record.tail = bytes;
                record.n_tail = n < n_last ? n : n_last;
                r = send_record(worker, &record, NULL, 0);
                if (r)
                        return r;
                queue_drop(&run->args, record.n_tail);
        }
        while (queue_peek(&run->args, &bytes, &n) && n > n_last) {
                record.tail = bytes;
                record.n_tail = n_last;
                r = send_record(worker, &record, NULL, 0);
                if (r)
                        return r;
                queue_drop(&run->args, record.n_tail);
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

static int send_start(struct worker *worker, struct run *run)
{
        char tail[RECORD_DONES_MAX * sizeof(struct record_carried) + ARGS_BYTES_LAST];
        struct record record = {
                .type = RECORD_START,
                .id = run->id,
                .start = { .n_args = run->n_args,
                           .n_args_bytes = run->n_args_bytes,
                           .peer_uid = run->peer_uid,
                           .peer_pid = run->peer_pid },
                .tail = tail,
        };
        const void *bytes;
        size_t n_carried;
        size_t n_fds = 0;
        size_t n;
        int fds[3];
        int i;
        int r;

        r = send_args(worker, run);
        if (r)
                return r;
        n_carried = put_carried(worker, tail);
        record.start.n_done = (uint32_t)n_carried;
        record.n_tail = n_carried * sizeof(struct record_carried);
        if (queue_peek(&run->args, &bytes, &n)) {
                memcpy(tail + record.n_tail, bytes, n);
                record.n_tail += n;
        }
        for (i = 0; i < 3; i++) {
                if (run->theirs[i] < 0)
                        continue;
                record.start.streams |= 1u << i;
                fds[n_fds++] = run->theirs[i];
        }
        r = send_record(worker, &record, fds, n_fds);
        if (r)
                return r;
        forget_carried(worker, n_carried);
        run_sent(run);
        list_remove(&run->unsent);
        return 0;
}

/* Return: 0 when all is told */
static int send_carried(struct worker *worker)
{
        char tail[RECORD_DONES_MAX * sizeof(struct record_carried)];
        struct record record = { .type = RECORD_DONE, .tail = tail };
        size_t n;
        int r;

        while (worker->n_carried) {
                n = put_carried(worker, tail);
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

/**
 * channel_send() - tell the monitor what there is to tell, as far as it takes it
 * @worker: the worker
 *
 * Return: 0, or negative errno: without its monitor the worker is to end
 */
int channel_send(struct worker *worker)
{
        struct run *run;
        int r = 0;

        while (!r && (run = list_first(&worker->unsent, struct run, unsent)))
                r = send_start(worker, run);
        if (!r && (worker->is_carried_due || worker->is_stopping || !worker->n_free_ids)) {
                r = send_carried(worker);
                worker->is_carried_due = r != 0;
        }
        if (!r && worker->stop_reason)
                r = send_stop(worker);
        if (r && r != -EAGAIN)
                return r == FD_E_END ? -EPIPE : err_trace(r);
        return err_trace(loop_io_set(&worker->channel, r ? EPOLLIN | EPOLLOUT : EPOLLIN));
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

static int take_record(struct worker *worker)
{
        struct fd_list fds = { .n_fds = 0 };
        struct record record;
        struct run *run;
        size_t n;
        int r;

        r = fd_receive(worker->channel_fd, worker->input, RECORD_BYTES_MAX, &n, &fds);
        if (r)
                return r;
        fd_list_close(&fds);
        if (record_parse(worker->input, n, &record))
                return err_origin(-EPROTO);
        if (record.type == RECORD_FINISH)
                return worker_stop(worker, 0);
        run = record.id < RECORD_IDS_MAX ? worker->runs[record.id] : NULL;
        if (!run || run->state != RUN_RUNNING || run->has_exited)
                return err_origin(-EPROTO);
        switch (record.type) {
        case RECORD_REFUSED:
                run_refused(run, &record);
                return 0;
        case RECORD_FAILED:
                run_failed(run, &record);
                return 0;
        case RECORD_EXITED:
                run_exited(run, &record);
                return 0;
        default:
                return err_origin(-EPROTO);
        }
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
