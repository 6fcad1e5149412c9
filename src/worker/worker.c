/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker accepts connections and keeps count: of connections, of what they may hold together,
 * of the time in which nothing happens. It ends when there is nothing left to do after somebody
 * wanted it to stop, or at once when the monitor is gone.
 */
#include "worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/err.h"
#include "util/fd.h"
#include "worker/native-session.h"
#include "worker/session.h"
#include "worker/task.h"

/* Connections that are accepted before others get their turn. */
#define ACCEPTS_AT_ONCE 32

static_assert(offsetof(struct worker, output) ==
                      offsetof(struct worker, input) + WORKER_INPUT_BYTES,
              "one stretch of memory, to be given back");

/* Accepting */

static bool is_among(uint32_t id, const uint32_t *ids, size_t n_ids)
{
        size_t i;

        for (i = 0; i < n_ids; i++)
                if (ids[i] == id)
                        return true;
        return false;
}

/* Is it, by what the kernel says, in a group that may connect? */
static bool is_member(struct worker *worker, int fd, gid_t gid)
{
        const struct admitted *admitted = &worker->admitted;
        socklen_t n_bytes = sizeof(worker->input); /* as many as a process can have */
        uint32_t group;
        size_t at;

        if (!admitted->n_gids)
                return false;
        if (is_among(gid, admitted->gids, admitted->n_gids))
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, worker->input, &n_bytes) < 0)
                return false;
        for (at = 0; at + sizeof(group) <= n_bytes; at += sizeof(group)) {
                memcpy(&group, worker->input + at, sizeof(group));
                if (is_among(group, admitted->gids, admitted->n_gids))
                        return true;
        }
        return false;
}

static bool may_connect(struct worker *worker, int fd, const struct ucred *peer)
{
        const struct admitted *admitted = &worker->admitted;

        if (peer->uid == 0)
                return true;
        if (!worker->is_service)
                return peer->uid == worker->client_uid;
        return is_among(peer->uid, admitted->uids, admitted->n_uids) ||
               is_member(worker, fd, peer->gid);
}

static size_t count_peers(const struct list *peers, uid_t uid)
{
        struct peer *peer;
        size_t n = 0;

        for (peer = list_first(peers, struct peer, link); peer;
             peer = list_next(peers, peer, struct peer, link))
                n += peer->uid == uid;
        return n;
}

/* Makes room for one more. Return: is there some? */
static bool make_room(struct worker *worker)
{
        struct peer *oldest = list_first(&worker->strangers, struct peer, link);

        if (worker->n_peers < worker->n_peers_max)
                return true;
        if (!oldest || worker->loop.now_ms < oldest->deadline.deadline_ms -
                                                     (WORKER_HANDSHAKE_MS - WORKER_STRANGER_MS))
                return false;
        channel_tell_refused(worker, RECORD_PEER_CROWD, oldest->uid, oldest->pid);
        oldest->ops->free(oldest);
        return true;
}

/* Root's are not counted: whoever looks why nobody gets in must get in. */
static bool has_too_many(const struct worker *worker, uid_t uid)
{
        size_t n_max = worker->n_peers_max / WORKER_USER_SHARE;

        return worker->is_service && uid && worker->n_peers >= n_max &&
               count_peers(&worker->strangers, uid) + count_peers(&worker->peers, uid) >= n_max;
}

/* Return: a sentence, or NULL: nothing is wrong with it */
static const char *find_fault(struct worker *worker, int fd, const struct ucred *peer)
{
        if (!may_connect(worker, fd, peer)) {
                channel_tell_refused(worker, RECORD_PEER_USER, peer->uid, peer->pid);
                return worker->is_service ? "This user may not connect to this daemon: neither "
                                            "allowed_users nor allowed_groups of its "
                                            "configuration names it"
                                          : "This user may not connect to this daemon";
        }
        if (has_too_many(worker, peer->uid)) {
                channel_tell_refused(worker, RECORD_PEER_MANY, peer->uid, peer->pid);
                return "This user has too many connections to this daemon";
        }
        return NULL;
}

/* Return: is it somebody's session now? */
static bool greet(const struct listener *listener, int fd)
{
        struct worker *worker = listener->worker;
        struct ucred peer = { .pid = 0 };
        socklen_t n = sizeof(peer);
        const char *fault;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
                return false;
        fault = find_fault(worker, fd, &peer);
        if (fault && (!listener->is_native || worker->n_foreign >= NATIVE_FOREIGN_MAX))
                return false;
        if (listener->is_native)
                r = native_session_new(worker, fd, peer.uid, peer.pid, fault);
        else
                r = session_new(worker, fd, peer.uid, peer.pid, NULL);
        return !r; /* without memory for it, there may be for the next one */
}

static int dispatch_accept_retry(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, accept_retry);

        worker_resume_accepting(worker);
        return 0;
}

static int watch_listener(struct listener *listener, uint32_t events)
{
        if (!listener->io.loop || listener->io.events == events)
                return 0;
        return err_trace(loop_io_set(&listener->io, events));
}

static int stop_accepting(struct worker *worker)
{
        int r;

        loop_timer_set(&worker->accept_retry, &worker->loop, dispatch_accept_retry,
                       WORKER_ACCEPT_RETRY_MS);
        r = watch_listener(&worker->legacy_listener, 0);
        if (!r)
                r = watch_listener(&worker->native_listener, 0);
        return err_trace(r);
}

/**
 * worker_resume_accepting() - there may be room again
 * @worker: the worker
 */
void worker_resume_accepting(struct worker *worker)
{
        if (!worker->may_accept)
                return;
        (void)watch_listener(&worker->legacy_listener, EPOLLIN); /* else it is tried once more */
        (void)watch_listener(&worker->native_listener, EPOLLIN);
}

static int dispatch_listener(struct loop_io *io, uint32_t events)
{
        struct listener *listener = container_of(io, struct listener, io);
        struct worker *worker = listener->worker;
        int fd;
        int i;

        (void)events;
        for (i = 0; i < ACCEPTS_AT_ONCE; i++) {
                if (!make_room(worker))
                        return err_trace(stop_accepting(worker));
                /* cppcheck-suppress nullPointer ; the address is not wanted, as accept(2) allows */
                fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                        return 0;
                if (fd < 0)
                        return err_trace(stop_accepting(worker));
                if (!greet(listener, fd)) {
                        fd_drain(fd, worker->input, sizeof(worker->input));
                        (void)close(fd);
                }
        }
        return 0;
}

/**
 * worker_admit() - who may connect to a host service from now on
 * @worker: the worker; connections that are there stay
 * @record: ADMIT
 *
 * Return: 0 or -EPROTO
 */
int worker_admit(struct worker *worker, const struct record *record)
{
        struct admitted *admitted = &worker->admitted;
        size_t n_uids = record->admit.n_uids;
        size_t n_gids = record->admit.n_gids;

        if (!worker->is_service || n_uids > RECORD_ADMITS_MAX || n_gids > RECORD_ADMITS_MAX ||
            record->n_tail != (n_uids + n_gids) * sizeof(uint32_t))
                return err_origin(-EPROTO);
        memcpy(admitted->uids, record->tail, n_uids * sizeof(uint32_t));
        memcpy(admitted->gids, record->tail + n_uids * sizeof(uint32_t), n_gids * sizeof(uint32_t));
        admitted->n_uids = n_uids;
        admitted->n_gids = n_gids;
        worker->may_accept = true;
        worker_resume_accepting(worker);
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

/* Memory */

/**
 * worker_grow() - so many bytes were read to input, or are written to output
 * @worker:  the worker
 * @n_bytes: their number
 */
void worker_grow(struct worker *worker, size_t n_bytes)
{
        if (n_bytes >= WORKER_MUCH_BYTES)
                worker->has_grown = true;
}

/**
 * worker_rest() - a session waits or ends, or a command has: what was read or written is done with
 * @worker: the worker; gives back what input and output have grown by when the turn is over
 */
void worker_rest(struct worker *worker)
{
        worker->is_resting = worker->has_grown;
}

/* Whole pages only, so that nothing beside them is lost; what was in them is. */
static void shrink(struct worker *worker)
{
        uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
        uintptr_t first = ((uintptr_t)worker->input + page_bytes - 1) & -page_bytes;
        uintptr_t end = ((uintptr_t)worker->output + sizeof(worker->output)) & -page_bytes;

        (void)madvise((void *)first, /* NOLINT(performance-no-int-to-ptr) */
                      end - first, MADV_DONTNEED);
        worker->has_grown = false;
        worker->is_resting = false;
}

/**
 * worker_count_tasks() - how many numbers of the channel are in use
 * @worker: the worker
 */
size_t worker_count_tasks(const struct worker *worker)
{
        return RECORD_IDS_MAX - worker->n_free_ids;
}

static int dispatch_idle(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, idle);
        int64_t left_ms;

        left_ms = worker->active_ms + worker->daemon_timeout_ms - worker->loop.now_ms;
        if (worker_count_tasks(worker))
                left_ms = worker->daemon_timeout_ms;
        if (left_ms > 0) {
                loop_timer_set(&worker->idle, &worker->loop, dispatch_idle, left_ms);
                return 0;
        }
        return err_trace(worker_stop(worker, RECORD_STOP_IDLE));
}

/* The end */

static void close_listener(struct listener *listener)
{
        loop_io_deinit(&listener->io);
        if (listener->fd >= 0)
                (void)close(listener->fd);
        listener->fd = -1;
}

static void close_listeners(struct worker *worker)
{
        loop_timer_stop(&worker->accept_retry);
        close_listener(&worker->legacy_listener);
        close_listener(&worker->native_listener);
}

/* Finishing one may free any other. */
static void finish_peers(struct list *peers)
{
        struct list asked;
        struct peer *peer;

        list_init(&asked);
        while ((peer = list_first(peers, struct peer, link))) {
                list_remove(&peer->link);
                list_append(&asked, &peer->link);
                peer->ops->finish(peer);
        }
        while ((peer = list_first(&asked, struct peer, link))) {
                list_remove(&peer->link);
                list_append(peers, &peer->link);
        }
}

/* What the monitor was not asked for yet is not asked for any more. */
static void cancel_tasks(struct worker *worker)
{
        struct task *task;
        size_t i;

        for (i = 0; i < RECORD_IDS_MAX && worker_count_tasks(worker); i++) {
                task = worker->tasks[i];
                if (!task)
                        continue;
                if (!task->is_sent && !task_is_cut(task))
                        task->ops->cancelled(task);
                else if (task->ops->hasten)
                        task->ops->hasten(task);
        }
}

static int dispatch_stopping(struct loop_timer *timer)
{
        struct worker *worker = container_of(timer, struct worker, stopping);

        cancel_tasks(worker);
        finish_peers(&worker->strangers);
        finish_peers(&worker->peers);
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
        close_listeners(worker);
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

        if (worker->is_resting)
                shrink(worker);
        if (!list_is_empty(&worker->unsent) || !list_is_empty(&worker->unsignalled) ||
            worker->stop_reason || worker->is_carried_due || worker->is_pinged ||
            (worker->n_carried && (worker->is_stopping || !worker->n_free_ids))) {
                r = channel_send(worker);
                if (r)
                        return err_trace(r);
        }
        if (worker->is_stopping && !worker->stopping.loop && !worker->stop_reason &&
            !worker->n_peers && !worker_count_tasks(worker))
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
        list_init(&worker->peers);
        list_init(&worker->unsent);
        list_init(&worker->unsignalled);
        for (i = 0; i < RECORD_IDS_MAX; i++)
                worker->free_ids[i] = RECORD_IDS_MAX - 1 - i;
        worker->n_free_ids = RECORD_IDS_MAX;
        worker->n_peers_max = n_files / 2 < WORKER_PEERS_MAX ? n_files / 2 : WORKER_PEERS_MAX;
        worker->is_service = setup->is_service;
        worker->may_accept = !setup->is_service;
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
        worker->budget.n_max_bytes =
                setup->n_message_max_bytes < SIZE_MAX / WORKER_MESSAGES_HELD_MAX
                        ? (size_t)setup->n_message_max_bytes * WORKER_MESSAGES_HELD_MAX
                        : SIZE_MAX;
        legacy_shared_init(&worker->legacy, setup->key, setup->digests, setup->n_message_max_bytes,
                           &worker->budget);
        return err_trace(loop_init(&worker->loop));
}

static int listen_on(struct worker *worker, struct listener *listener, bool is_native)
{
        listener->worker = worker;
        listener->is_native = is_native;
        if (listener->fd < 0)
                return 0;
        return err_trace(loop_io_init(&listener->io, &worker->loop, dispatch_listener, listener->fd,
                                      worker->may_accept ? EPOLLIN : 0));
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
                r = listen_on(worker, &worker->legacy_listener, false);
        if (!r)
                r = listen_on(worker, &worker->native_listener, true);
        return err_trace(r);
}

static void free_peers(struct list *peers)
{
        struct peer *peer;

        while (peers->next && (peer = list_first(peers, struct peer, link)))
                peer->ops->free(peer);
}

/**
 * worker_deinit() - let go of everything, and forget the key
 * @worker: the worker
 */
void worker_deinit(struct worker *worker)
{
        size_t i;

        free_peers(&worker->strangers);
        free_peers(&worker->peers);
        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (worker->tasks[i])
                        worker->tasks[i]->ops->free(worker->tasks[i]);
        loop_timer_stop(&worker->idle);
        loop_timer_stop(&worker->stopping);
        loop_timer_stop(&worker->carried_late);
        loop_timer_stop(&worker->send_retry);
        close_listeners(worker);
        loop_io_deinit(&worker->channel);
        legacy_shared_deinit(&worker->legacy);
        loop_deinit(&worker->loop);
}
