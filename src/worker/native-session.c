/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A native session takes its turns: it sends what is kept, then reads messages, one by one. Nothing
 * piles up: while answers wait for the client to read, or enough of its requests wait for the
 * monitor, no further message is read. What the messages say is not looked at here.
 */
#include "worker/native-session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/attachment.h"
#include "worker/native-input.h"
#include "worker/request.h"
#include "worker/worker.h"

/* How often a session reads before others get their turn. */
#define ROUNDS_AT_ONCE 8

/* A message that is kept until the socket takes it. */
struct unsent {
        struct list link;
        size_t n_bytes;
        char bytes[];
};

static struct native_session *native_session_free(struct native_session *session);

CLEANUP_DEFINE(struct native_session, native_session_free)

/* Output */

/* Return: 0, NATIVE_SESSION_E_GONE, NATIVE_SESSION_E_BLOCKED */
static int send_now(struct native_session *session, const void *bytes, size_t n_bytes)
{
        int r;

        r = fd_send(session->peer.fd, bytes, n_bytes, NULL, 0);
        if (r == -EAGAIN) {
                peer_blocked(&session->peer);
                return NATIVE_SESSION_E_BLOCKED;
        }
        peer_moved(&session->peer);
        return r ? NATIVE_SESSION_E_GONE : 0;
}

/* Its cost, charged to what all may hold. */
static size_t cost_of(const struct unsent *unsent)
{
        return sizeof(*unsent) + unsent->n_bytes;
}

/* Return: 0 or negative errno */
static int keep(struct native_session *session, const void *bytes, size_t n_bytes)
{
        struct queue_budget *budget = &session->peer.worker->budget;
        struct unsent *unsent;

        if (!queue_budget_take(budget, sizeof(*unsent) + n_bytes))
                return err_origin(-ENOBUFS);
        unsent = malloc(sizeof(*unsent) + n_bytes);
        if (!unsent) {
                queue_budget_give(budget, sizeof(*unsent) + n_bytes);
                return err_origin(-ENOMEM);
        }
        *unsent = (struct unsent){ .n_bytes = n_bytes };
        memcpy(unsent->bytes, bytes, n_bytes);
        list_append(&session->unsent, &unsent->link);
        return err_trace(loop_io_set(&session->peer.io, EPOLLOUT));
}

static void drop(struct native_session *session, struct unsent *unsent)
{
        queue_budget_give(&session->peer.worker->budget, cost_of(unsent));
        list_remove(&unsent->link);
        free(unsent);
}

/**
 * native_session_send() - one message to the client
 * @session: the session
 * @writer:  the message
 *
 * A client that can't be told what became of a command is told nothing more, and goes.
 */
void native_session_send(struct native_session *session, const struct native_writer *writer)
{
        size_t n_bytes = native_end(writer);
        int r = NATIVE_SESSION_E_BLOCKED;

        if (session->is_lost)
                return;
        if (n_bytes && list_is_empty(&session->unsent))
                r = send_now(session, writer->bytes, n_bytes);
        if (r == NATIVE_SESSION_E_BLOCKED)
                r = n_bytes ? keep(session, writer->bytes, n_bytes) : -EMSGSIZE;
        if (r) {
                session->is_lost = true;
                peer_set_deadline(&session->peer, 0);
        }
}

/* Sends what is kept. Return: 0 when that was all, NATIVE_SESSION_E_* */
static int flush(struct native_session *session)
{
        struct unsent *unsent;
        int r;

        while ((unsent = list_first(&session->unsent, struct unsent, link))) {
                r = send_now(session, unsent->bytes, unsent->n_bytes);
                if (r)
                        return r;
                drop(session, unsent);
        }
        return 0;
}

/**
 * native_session_complain() - a client has done what it may not: it is told, and goes
 * @session: the session
 * @reason:  a sentence
 *
 * Return: NATIVE_SESSION_E_GONE
 */
int native_session_complain(struct native_session *session, const char *reason)
{
        struct native_writer writer;

        native_begin(&writer, session->peer.worker->output, NATIVE_ERROR, 0);
        native_put_text(&writer, NATIVE_TAG_REASON, reason);
        native_session_send(session, &writer);
        return NATIVE_SESSION_E_GONE;
}

/**
 * native_session_released() - a peer of its attachment has called shutdown
 * @session: the session
 */
void native_session_released(struct native_session *session)
{
        struct native_writer writer;
        char bytes[64];

        native_begin(&writer, bytes, NATIVE_RELEASED, 0);
        native_session_send(session, &writer);
}

/* Turns */

static bool may_read(const struct native_session *session)
{
        return list_is_empty(&session->unsent) && session->n_waiting < NATIVE_WAITING_MAX &&
               !session->n_statuses;
}

/* With one request under way, asking for a second message is a call in vain. */
static bool is_more_likely(const struct native_session *session, int n_taken)
{
        return !n_taken || session->n_requests != 1;
}

/* Is there nothing left to do for it while the daemon stops? */
static bool is_over(const struct native_session *session)
{
        const struct attachment *attachment = session->attachment;

        return session->peer.worker->is_stopping && !session->n_requests &&
               list_is_empty(&session->unsent) &&
               (!attachment || list_is_empty(&attachment->sessions));
}

/* Goes on as far as it can without waiting. Return: 0, NATIVE_SESSION_E_GONE, or negative errno */
static int step(struct native_session *session)
{
        uint32_t events = 0;
        int i;
        int r;

        r = flush(session);
        if (r == NATIVE_SESSION_E_GONE)
                return r;
        r = 0;
        for (i = 0; !r && i < ROUNDS_AT_ONCE && may_read(session) && is_more_likely(session, i);
             i++)
                r = native_input_receive(session);
        if (r && r != NATIVE_SESSION_E_BLOCKED)
                return r;
        if (is_over(session))
                return NATIVE_SESSION_E_GONE;
        if (!list_is_empty(&session->unsent))
                events = EPOLLOUT;
        else if (may_read(session))
                events = EPOLLIN;
        if (session->peer.worker->is_stopping && events == EPOLLOUT && !session->peer.deadline.loop)
                peer_set_deadline(&session->peer, WORKER_STOP_MS);
        return session->peer.io.events == events
                       ? 0
                       : err_trace(loop_io_set(&session->peer.io, events));
}

static int dispatch(struct loop_io *io, uint32_t events)
{
        struct native_session *session = container_of(io, struct native_session, peer.io);
        struct worker *worker = session->peer.worker;
        int r;

        /* With nothing to be read, only that it is gone is reported. */
        r = !io->events && (events & (EPOLLHUP | EPOLLERR)) ? NATIVE_SESSION_E_GONE : step(session);
        if (r > 0) {
                (void)native_session_free(session);
                r = 0;
        }
        return r ? err_trace(r) : worker_turn(worker);
}

/**
 * native_session_answered() - one of its requests waits no more
 * @session: goes on reading with its next turn
 */
void native_session_answered(struct native_session *session)
{
        uint32_t events = list_is_empty(&session->unsent) ? EPOLLIN : EPOLLOUT;

        /* One that could not be watched would never be read again. */
        if (is_over(session) || (may_read(session) && session->peer.io.events != events &&
                                 loop_io_set(&session->peer.io, events)))
                peer_set_deadline(&session->peer, 0);
}

static struct native_session *native_session_free(struct native_session *session)
{
        struct unsent *unsent;
        size_t i;

        if (!session)
                return NULL;
        for (i = 0; i < NATIVE_BUCKETS; i++)
                while (session->requests[i])
                        request_abandon(session->requests[i]);
        if (session->refusal)
                session->peer.worker->n_foreign--;
        session->attachment = attachment_free(session->attachment);
        peer_deinit(&session->peer);
        queue_deinit(&session->args);
        while ((unsent = list_first(&session->unsent, struct unsent, link)))
                drop(session, unsent);
        free(session);
        return NULL;
}

static void free_peer(struct peer *peer)
{
        (void)native_session_free(container_of(peer, struct native_session, peer));
}

static void finish_peer(struct peer *peer)
{
        struct native_session *session = container_of(peer, struct native_session, peer);

        if (!peer->is_known || step(session))
                (void)native_session_free(session);
}

static const struct peer_ops ops = {
        .free = free_peer,
        .finish = finish_peer,
};

/**
 * native_session_new() - begin with a peer
 * @worker:  the worker; has one session more
 * @fd:      the connection; consumed on success
 * @uid:     the peer's uid and
 * @pid:     pid
 * @refusal: it may not connect, and is told this when it says hello; borrowed; NULL: it may
 *
 * Return: 0 or negative errno
 */
int native_session_new(struct worker *worker, int fd, uid_t uid, pid_t pid, const char *refusal)
{
        cleanup_with(native_session_free) struct native_session *session = NULL;
        int r;

        session = calloc(1, sizeof(*session));
        if (!session)
                return err_origin(-ENOMEM);
        session->peer = (struct peer){ .worker = worker, .uid = uid, .pid = pid };
        session->peer.is_told = refusal;
        session->refusal = refusal;
        worker->n_foreign += refusal ? 1 : 0;
        list_init(&session->unsent);
        queue_init(&session->args, &worker->budget);
        r = peer_init(&session->peer, &ops, fd, dispatch);
        if (r)
                return err_trace(r);
        (void)steal_ptr(&session);
        return 0;
}
