/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker accepts connections and keeps count: of connections, of what they may hold together,
 * of the time in which nothing happens. It ends when there is nothing left to do after somebody
 * wanted it to stop, or at once when the monitor is gone.
 */
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"
#include "worker/run.h"
#include "worker/session.h"

/* Connections that are accepted before others get their turn. */
#define ACCEPTS_AT_ONCE 32

/* Accepting */

static bool may_connect(const struct worker *worker, uid_t uid)
{
        return uid == 0 || uid == worker->client_uid;
}

/* Makes room for one more. Return: is there some? */
static bool make_room(struct worker *worker)
{
        struct session *oldest = list_first(&worker->strangers, struct session, link);

        if (worker->n_sessions < worker->n_sessions_max)
                return true;
        if (!oldest)
                return false;
        channel_tell_refused(worker, RECORD_PEER_CROWD, oldest->uid, oldest->pid);
        (void)session_free(oldest);
        return true;
}

static int greet(struct worker *worker, int connection)
{
        cleanup_close int fd = connection;
        struct ucred peer = { .pid = 0 };
        socklen_t n = sizeof(peer);
        struct session *session;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
                return 0;
        if (!may_connect(worker, peer.uid)) {
                channel_tell_refused(worker, RECORD_PEER_USER, peer.uid, peer.pid);
                return 0;
        }
        r = session_new(&session, worker, fd, peer.uid, peer.pid);
        if (!r)
                (void)steal_fd(&fd);
        return 0; /* without memory for it, there may be for the next one */
}

static int dispatch_accept_retry(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, accept_retry);

        worker_resume_accepting(worker);
        return 0;
}

static int stop_accepting(struct worker *worker)
{
        loop_timer_set(&worker->accept_retry, &worker->loop, dispatch_accept_retry,
                       WORKER_ACCEPT_RETRY_MS);
        return err_trace(loop_io_set(&worker->listener, 0));
}

/**
 * worker_resume_accepting() - there may be room again
 * @worker: the worker
 */
void worker_resume_accepting(struct worker *worker)
{
        if (worker->listener.loop && !worker->listener.events)
                (void)loop_io_set(&worker->listener, EPOLLIN); /* else it is tried once more */
}

static int dispatch_listener(struct loop_io *io, uint32_t events)
{
        struct worker *worker = container_of(io, struct worker, listener);
        int fd;
        int i;

        (void)events;
        for (i = 0; i < ACCEPTS_AT_ONCE; i++) {
                if (!make_room(worker))
                        return err_trace(stop_accepting(worker));
                /* cppcheck-suppress nullPointer ; the address is not wanted, as accept(2) allows */
                fd = accept4(worker->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                        return 0;
                if (fd < 0)
                        return err_trace(stop_accepting(worker));
                (void)greet(worker, fd);
        }
        return 0;
}

/* Idleness */

/**
 * worker_touch() - something happens: the daemon is not idle
 * @worker: the worker
 */
void worker_touch(struct worker *worker)
{
        worker->active_ms = worker->loop.now_ms;
}

static size_t n_runs(const struct worker *worker)
{
        return RECORD_IDS_MAX - worker->n_free_ids;
}

static int dispatch_idle(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, idle);
        int64_t left_ms;

        left_ms = worker->active_ms + worker->daemon_timeout_ms - worker->loop.now_ms;
        if (n_runs(worker))
                left_ms = worker->daemon_timeout_ms;
        if (left_ms > 0) {
                loop_timer_set(&worker->idle, &worker->loop, dispatch_idle, left_ms);
                return 0;
        }
        return err_trace(worker_stop(worker, RECORD_STOP_IDLE));
}

/* The end */

static void close_listener(struct worker *worker)
{
        loop_timer_stop(&worker->accept_retry);
        loop_io_deinit(&worker->listener);
        if (worker->listener_fd >= 0)
                (void)close(worker->listener_fd);
        worker->listener_fd = -1;
}

static void finish_sessions(struct list *sessions)
{
        struct session *session;
        struct list *link;
        struct list *next;

        for (link = sessions->next; link != sessions; link = next) {
                next = link->next; /* finishing one frees no other */
                session = list_entry(sessions, link, struct session, link);
                session_finish(session);
        }
}

static void finish_runs(struct worker *worker)
{
        struct run *run;
        size_t i;

        for (i = 0; i < RECORD_IDS_MAX && n_runs(worker); i++) {
                run = worker->runs[i];
                if (!run)
                        continue;
                if (run->has_exited && run->state == RUN_RUNNING)
                        run_exited(run, NULL); /* now with a limit */
                else if (run->state == RUN_STARTING && run->args.n_bytes == run->n_args_bytes)
                        run_cancel(run);
        }
}

static int dispatch_stopping(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, stopping);

        finish_runs(worker);
        finish_sessions(&worker->strangers);
        finish_sessions(&worker->sessions);
        return worker_turn(worker);
}

/**
 * worker_stop() - stop gracefully: refuse what is new, finish what runs
 * @worker: the worker
 * @reason: enum record_stop, to be told to the monitor; 0: it knows
 *
 * Return: 0 or negative errno
 */
int worker_stop(struct worker *worker, uint32_t reason)
{
        if (worker->is_stopping)
                return 0;
        worker->is_stopping = true;
        worker->stop_reason = reason;
        close_listener(worker);
        loop_timer_stop(&worker->idle);
        loop_timer_set(&worker->stopping, &worker->loop, dispatch_stopping, 0);
        return 0;
}

/**
 * worker_turn() - what every turn of the loop ends with
 * @worker: the worker
 *
 * Return: 0, LOOP_E_EXIT when there is nothing left to do, or negative errno
 */
int worker_turn(struct worker *worker)
{
        int r;

        if (!list_is_empty(&worker->unsent) || worker->stop_reason || worker->is_carried_due ||
            (worker->n_carried && (worker->is_stopping || !worker->n_free_ids))) {
                r = channel_send(worker);
                if (r)
                        return err_trace(r);
        }
        if (worker->is_stopping && !worker->stopping.loop && !worker->stop_reason &&
            !worker->n_sessions && !n_runs(worker))
                return LOOP_E_EXIT;
        return 0;
}

/**
 * worker_init() - a worker as the monitor wants it
 * @worker:  zeroed, its channel and listener set; deinit also after a failure
 * @setup:   the monitor's wishes
 * @n_files: RLIMIT_NOFILE
 *
 * Return: 0 or negative errno
 */
int worker_init(struct worker *worker, const struct record_setup *setup, size_t n_files)
{
        uint32_t i;

        list_init(&worker->strangers);
        list_init(&worker->sessions);
        list_init(&worker->unsent);
        for (i = 0; i < RECORD_IDS_MAX; i++)
                worker->free_ids[i] = RECORD_IDS_MAX - 1 - i;
        worker->n_free_ids = RECORD_IDS_MAX;
        worker->n_sessions_max =
                n_files / 2 < WORKER_SESSIONS_MAX ? n_files / 2 : WORKER_SESSIONS_MAX;
        worker->client_uid = setup->client_uid;
        worker->daemon_timeout_ms = setup->daemon_timeout_s < INT64_MAX / 1000 - 1
                                            ? setup->daemon_timeout_s * 1000
                                            : INT64_MAX / 2;
        if (!worker->daemon_timeout_ms)
                worker->daemon_timeout_ms = 1000; /* as oslo.rootwrap: enough to be asked once */
        worker->drain_timeout_ms = setup->drain_timeout_s;
        if (setup->drain_timeout_s > 0)
                worker->drain_timeout_ms = setup->drain_timeout_s < INT64_MAX / 1000
                                                   ? setup->drain_timeout_s * 1000
                                                   : -1;
        legacy_shared_init(&worker->legacy, setup->key, setup->digests, setup->n_message_max_bytes,
                           setup->n_message_max_bytes < SIZE_MAX / WORKER_MESSAGES_HELD_MAX
                                   ? (size_t)setup->n_message_max_bytes * WORKER_MESSAGES_HELD_MAX
                                   : SIZE_MAX);
        return err_trace(loop_init(&worker->loop));
}

/**
 * worker_watch() - begin
 * @worker: the worker
 *
 * Return: 0 or negative errno
 */
int worker_watch(struct worker *worker)
{
        int r;

        worker_touch(worker);
        loop_timer_set(&worker->idle, &worker->loop, dispatch_idle, worker->daemon_timeout_ms);
        r = loop_io_init(&worker->channel, &worker->loop, channel_dispatch, worker->channel_fd,
                         EPOLLIN);
        if (!r)
                r = loop_io_init(&worker->listener, &worker->loop, dispatch_listener,
                                 worker->listener_fd, EPOLLIN);
        return err_trace(r);
}

static void free_sessions(struct list *sessions)
{
        struct session *session;

        while (sessions->next && (session = list_first(sessions, struct session, link)))
                (void)session_free(session);
}

/**
 * worker_deinit() - let go of everything, and forget the key
 * @worker: the worker
 */
void worker_deinit(struct worker *worker)
{
        size_t i;

        free_sessions(&worker->strangers);
        free_sessions(&worker->sessions);
        for (i = 0; i < RECORD_IDS_MAX; i++)
                (void)run_free(worker->runs[i]);
        loop_timer_stop(&worker->idle);
        loop_timer_stop(&worker->stopping);
        loop_timer_stop(&worker->carried_late);
        close_listener(worker);
        loop_io_deinit(&worker->channel);
        legacy_shared_deinit(&worker->legacy);
        loop_deinit(&worker->loop);
}
