/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session moves bytes between a socket and the state machine of the protocol, and keeps a peer in
 * bounds: until it has proved that it knows the key it has a few seconds, and its place may be
 * given to a newer one; one request is read at a time, and no more is read until its answer was
 * taken. A peer that does not read, or sends half a request, costs nobody else anything.
 */
#include "worker/session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "priv/record.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/attachment.h"
#include "worker/run.h"
#include "worker/worker.h"

/* How often a session reads or writes before others get their turn. */
#define ROUNDS_AT_ONCE 8
/* Pieces of an answer for which a socket has room when it says that it has some: when no more than
 * a quarter of its buffer is in use. */
#define PIECES_AT_ONCE 2

enum {
        SESSION_E_GONE = 1, /* the peer is gone, or is to go: the session is to be freed */
        SESSION_E_BLOCKED,  /* the socket takes no more */
};

CLEANUP_DEFINE(struct session, session_free)

/* Output */

/* Sends, and keeps what the socket does not take. Return: 0, SESSION_E_* */
static int send_bytes(struct session *session, const char *bytes, size_t n_bytes)
{
        ssize_t n;

        do
                n = send(session->peer.fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN)
                return SESSION_E_GONE;
        if (n < 0)
                n = 0;
        else
                peer_moved(&session->peer);
        if ((size_t)n == n_bytes)
                return 0;
        if (queue_put(&session->out, bytes + n, n_bytes - (size_t)n))
                return SESSION_E_GONE; /* half an answer is none */
        return SESSION_E_BLOCKED;
}

static int send_kept(struct session *session)
{
        const void *bytes;
        size_t n_bytes;
        ssize_t n;

        while (queue_peek(&session->out, &bytes, &n_bytes)) {
                n = send(session->peer.fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? SESSION_E_BLOCKED : SESSION_E_GONE;
                peer_moved(&session->peer);
                queue_drop(&session->out, (size_t)n);
        }
        return 0;
}

/* Has the socket take more of what is a long answer, so that the client has something to read until
 * we are awake again. */
static void widen(struct session *session)
{
        static const int n_bytes = SESSION_SEND_BYTES;

        if (session->is_wide)
                return;
        session->is_wide = true;
        (void)setsockopt(session->peer.fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes));
}

/* Return: 0 when all is sent, SESSION_E_* */
static int flush(struct session *session)
{
        struct worker *worker = session->peer.worker;
        size_t n;
        int i;
        int r;

        r = send_kept(session);
        for (i = 0; !r && i < PIECES_AT_ONCE; i++) {
                n = legacy_output(&session->legacy, worker->output, sizeof(worker->output));
                if (!n)
                        return 0;
                worker_grow(worker, n);
                r = send_bytes(session, worker->output, n);
        }
        if (r)
                return r;
        widen(session);
        return SESSION_E_BLOCKED; /* its turn is over */
}

/* Input */

/* Why the handshake failed, as the record has it. */
static uint32_t refusal_reason(const struct session *session)
{
        enum legacy_failure failure = legacy_failure(&session->legacy);

        if (failure == LEGACY_FAILURE_KEY)
                return RECORD_PEER_KEY;
        return failure == LEGACY_FAILURE_FORBIDDEN ? RECORD_PEER_DIGEST : RECORD_PEER_PROTOCOL;
}

/* Return: 0, SESSION_E_GONE, or negative errno of our own */
static int act(struct session *session, int what)
{
        switch (what) {
        case 0:
                return 0;
        case LEGACY_E_RUN:
                return err_trace(run_new(session));
        case LEGACY_E_STOP:
                if (session->attachment) {
                        attachment_release(session->attachment);
                        return 0;
                }
                return err_trace(worker_stop(session->peer.worker, RECORD_STOP_CLIENT));
        case LEGACY_E_CLOSE:
                if (!session->peer.is_known)
                        channel_tell_refused(session->peer.worker, refusal_reason(session),
                                             session->peer.uid, session->peer.pid);
                return 0;
        default:
                return err_origin(-EPROTO);
        }
}

/* Feeds until something is to be done or sent first. */
static int feed(struct session *session, const char *bytes, size_t n_bytes, size_t *ret_n_taken)
{
        size_t n;
        int r = 0;

        *ret_n_taken = 0;
        while (!r && *ret_n_taken < n_bytes && !session->run &&
               !legacy_has_output(&session->legacy) && !legacy_is_closing(&session->legacy)) {
                r = legacy_feed(&session->legacy, bytes + *ret_n_taken, n_bytes - *ret_n_taken, &n);
                *ret_n_taken += n;
                if (legacy_is_authenticated(&session->legacy))
                        peer_become_known(&session->peer);
                r = act(session, r);
        }
        return r;
}

static int feed_rest(struct session *session)
{
        const void *bytes;
        size_t n_taken;
        size_t n_bytes;
        int r;

        if (!queue_peek(&session->rest, &bytes, &n_bytes))
                return 0;
        r = feed(session, bytes, n_bytes, &n_taken);
        queue_drop(&session->rest, n_taken);
        return r;
}

/* Return: 0, SESSION_E_BLOCKED when there is nothing now, SESSION_E_GONE, or negative errno */
static int receive(struct session *session)
{
        struct worker *worker = session->peer.worker;
        size_t n_taken;
        ssize_t n;
        int r;

        n = fd_read(session->peer.fd, worker->input, sizeof(worker->input));
        if (n < 0 && errno == EAGAIN)
                return SESSION_E_BLOCKED;
        if (n <= 0)
                return SESSION_E_GONE;
        worker_grow(worker, (size_t)n);
        if (session->peer.is_known)
                worker_touch(worker);
        r = feed(session, worker->input, (size_t)n, &n_taken);
        if (!r && queue_put(&session->rest, worker->input + n_taken, (size_t)n - n_taken))
                r = SESSION_E_GONE;
        return r;
}

/* Turns */

/* Its command runs: nothing waits for its socket. Return: 0 or negative errno */
static int wait_for_run(struct session *session)
{
        peer_moved(&session->peer);
        return session->peer.io.events & EPOLLOUT ? err_trace(loop_io_set(&session->peer.io, 0))
                                                  : 0;
}

/* Goes on as far as it can without waiting. Return: 0, SESSION_E_GONE, or negative errno */
static int step(struct session *session)
{
        struct worker *worker = session->peer.worker;
        int i;
        int r;

        for (i = 0; i < ROUNDS_AT_ONCE; i++) {
                r = flush(session);
                if (r == SESSION_E_BLOCKED) {
                        if (worker->is_stopping && !session->peer.deadline.loop)
                                peer_set_deadline(&session->peer, WORKER_STOP_MS);
                        peer_blocked(&session->peer);
                        return err_trace(loop_io_set(&session->peer.io, EPOLLOUT));
                }
                if (r)
                        return r;
                peer_moved(&session->peer); /* nothing waits for it */
                if (!session->rest.n_bytes)
                        worker_rest(worker);
                if (session->run)
                        break;
                if (legacy_is_closing(&session->legacy) || worker->is_stopping)
                        return SESSION_E_GONE;
                if (!session->rest.n_bytes)
                        break;
                r = feed_rest(session);
                if (r)
                        return r;
        }
        if (session->run)
                return wait_for_run(session);
        if (!session->rest.n_bytes)
                return err_trace(loop_io_set(&session->peer.io, EPOLLIN));
        /* The next turn is for the rest: a socket that can be written says so at once. One that
         * can't be is full of answers. */
        peer_blocked(&session->peer);
        return err_trace(loop_io_set(&session->peer.io, EPOLLOUT));
}

static int read_and_step(struct session *session)
{
        int i;
        int r = 0;

        for (i = 0;
             !r && i < ROUNDS_AT_ONCE && !session->run && !legacy_has_output(&session->legacy); i++)
                r = receive(session);
        if (r == SESSION_E_BLOCKED)
                r = 0;
        return r ? r : step(session);
}

static int dispatch(struct loop_io *io, uint32_t events)
{
        struct session *session = container_of(io, struct session, peer.io);
        struct worker *worker = session->peer.worker;
        int r;

        if (session->run) /* one at a time; only that it is gone is worth knowing */
                r = events & (EPOLLHUP | EPOLLERR) ? SESSION_E_GONE : loop_io_set(io, 0);
        else if (io->events & EPOLLOUT)
                r = step(session);
        else
                r = read_and_step(session);
        if (r > 0) {
                (void)session_free(session);
                r = 0;
        }
        return r ? err_trace(r) : worker_turn(worker);
}

/**
 * session_answered() - the answer to its request is there
 * @session: has no run any more; may be freed
 */
void session_answered(struct session *session)
{
        if (step(session))
                (void)session_free(session);
}

/**
 * session_free() - end it; a command that runs for it runs to its end
 * @session: or NULL
 *
 * Return: NULL
 */
struct session *session_free(struct session *session)
{
        if (!session)
                return NULL;
        if (session->run)
                run_abandon(session->run);
        worker_rest(session->peer.worker);
        list_remove(&session->sibling);
        peer_deinit(&session->peer);
        legacy_deinit(&session->legacy);
        queue_deinit(&session->rest);
        queue_deinit(&session->out);
        free(session);
        return NULL;
}

static void free_peer(struct peer *peer)
{
        (void)session_free(container_of(peer, struct session, peer));
}

static void finish_peer(struct peer *peer)
{
        struct session *session = container_of(peer, struct session, peer);

        if (session->run)
                return;
        if (!peer->is_known || step(session))
                (void)session_free(session);
}

static const struct peer_ops ops = {
        .free = free_peer,
        .finish = finish_peer,
};

/**
 * session_new() - begin with a peer
 * @worker:     the worker; has one session more, unless it is over already
 * @fd:         the connection; consumed on success
 * @uid:        the peer's uid and
 * @pid:        pid
 * @attachment: whose peer it is; NULL: the daemon's own
 *
 * Return: 0 or negative errno
 */
int session_new(struct worker *worker, int fd, uid_t uid, pid_t pid, struct attachment *attachment)
{
        struct legacy_shared *shared = attachment ? &attachment->legacy : &worker->legacy;
        cleanup_with(session_free) struct session *session = NULL;
        uint8_t nonce[CHALLENGE_NONCE_BYTES];
        int r;

        if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
                return err_origin(-EIO);
        session = calloc(1, sizeof(*session));
        if (!session)
                return err_origin(-ENOMEM);
        session->peer = (struct peer){ .worker = worker, .uid = uid, .pid = pid };
        queue_init(&session->rest, NULL);
        queue_init(&session->out, NULL);
        legacy_init(&session->legacy, shared, nonce);
        session->attachment = attachment;
        if (attachment)
                list_append(&attachment->sessions, &session->sibling);
        r = peer_init(&session->peer, &ops, fd, dispatch);
        if (r)
                return err_trace(r);
        if (!step(session))
                (void)steal_ptr(&session);
        return 0;
}
