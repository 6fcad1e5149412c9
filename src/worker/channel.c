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
        const size_t n_last = RECORD_BYTES_MAX - 256;
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

static int send_start(struct worker *worker, struct run *run)
{
        struct record record = {
                .type = RECORD_START,
                .id = run->id,
                .start = { .n_args = run->n_args,
                           .n_args_bytes = run->n_args_bytes,
                           .peer_uid = run->peer_uid,
                           .peer_pid = run->peer_pid },
        };
        const void *bytes = NULL;
        size_t n_fds = 0;
        size_t n = 0;
        int fds[3];
        int i;
        int r;

        r = send_args(worker, run);
        if (r)
                return r;
        (void)queue_peek(&run->args, &bytes, &n);
        record.tail = bytes;
        record.n_tail = n;
        for (i = 0; i < 3; i++) {
                if (run->theirs[i] < 0)
                        continue;
                record.start.streams |= 1u << i;
                fds[n_fds++] = run->theirs[i];
        }
        r = send_record(worker, &record, fds, n_fds);
        if (!r)
                run_sent(run);
        return r;
}

static int send_done(struct worker *worker, const struct run *run)
{
        return send_record(worker,
                           &(struct record){ .type = RECORD_DONE,
                                             .id = run->id,
                                             .done = { .n_in_bytes = run->n_input_bytes,
                                                       .n_out_bytes = run->out.n_bytes,
                                                       .n_err_bytes = run->err.n_bytes } },
                           NULL, 0);
}

static int send_run(struct worker *worker, struct run *run)
{
        int r;

        r = run->state == RUN_STARTING ? send_start(worker, run) : send_done(worker, run);
        if (r)
                return r;
        list_remove(&run->unsent);
        if (run->state == RUN_DONE)
                (void)run_free(run);
        return 0;
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
                r = send_run(worker, run);
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
                for (i = 0; !r && i < RECORDS_AT_ONCE; i++)
                        r = take_record(worker);
        if (r > 0)
                return err_origin(-EPIPE); /* nobody is there any more */
        if (r && r != -EAGAIN)
                return err_trace(r);
        return worker_turn(worker);
}
