/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer is a stranger for as long as it has not proved that it may use us: it has a few seconds
 * for that, and its place may be given to a newer one.
 */
#include "worker/peer.h"

#include "priv/record.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/worker.h"

static int dispatch_deadline(struct loop_timer *timer)
{
        struct peer *peer = container_of(timer, struct peer, deadline);
        struct worker *worker = peer->worker;

        if (!peer->is_known && !peer->is_told)
                channel_tell_refused(worker, RECORD_PEER_LATE, peer->uid, peer->pid);
        peer->ops->free(peer);
        return worker_turn(worker);
}

/**
 * peer_set_deadline() - when a peer's time is over
 * @peer:     the peer
 * @delay_ms: milliseconds from now
 */
void peer_set_deadline(struct peer *peer, int64_t delay_ms)
{
        loop_timer_set(&peer->deadline, &peer->worker->loop, dispatch_deadline, delay_ms);
}

static int dispatch_stalled(struct loop_timer *timer)
{
        struct peer *peer = container_of(timer, struct peer, stalled);
        struct worker *worker = peer->worker;

        peer->ops->free(peer);
        return worker_turn(worker);
}

/**
 * peer_blocked() - something waits for a peer, and its socket takes no more
 * @peer: has so much time, from the first such call after peer_moved() on
 */
void peer_blocked(struct peer *peer)
{
        if (!peer->stalled.loop)
                loop_timer_set(&peer->stalled, &peer->worker->loop, dispatch_stalled,
                               WORKER_STALLED_MS);
}

/**
 * peer_moved() - its socket has taken something
 * @peer: the peer
 */
void peer_moved(struct peer *peer)
{
        loop_timer_stop(&peer->stalled);
}

/**
 * peer_init() - a stranger
 * @peer:     its worker, uid and pid are set; to be given to peer_deinit() also after a failure
 * @ops:      of its connection
 * @fd:       the connection; consumed on success
 * @dispatch: what is done when it can be read
 *
 * Return: 0 or negative errno
 */
int peer_init(struct peer *peer, const struct peer_ops *ops, int fd, loop_io_fn dispatch)
{
        int r;

        peer->ops = ops;
        peer->fd = -1;
        list_append(&peer->worker->strangers, &peer->link);
        peer->worker->n_peers++;
        r = loop_io_init(&peer->io, &peer->worker->loop, dispatch, fd, EPOLLIN);
        if (r)
                return err_trace(r);
        peer->fd = fd;
        peer_set_deadline(peer, WORKER_HANDSHAKE_MS);
        return 0;
}

/**
 * peer_become_known() - it has proved that it may use us
 * @peer: the peer
 */
void peer_become_known(struct peer *peer)
{
        if (peer->is_known)
                return;
        peer->is_known = true;
        loop_timer_stop(&peer->deadline);
        list_remove(&peer->link);
        list_append(&peer->worker->peers, &peer->link);
}

/**
 * peer_deinit() - the connection is over
 * @peer: is closed
 */
void peer_deinit(struct peer *peer)
{
        loop_timer_stop(&peer->deadline);
        loop_timer_stop(&peer->stalled);
        loop_io_deinit(&peer->io);
        if (peer->fd >= 0) {
                /* From a reset at a stop the peer knows that his last question was not read, and
                 * asks the next daemon. */
                if (!peer->worker->is_stopping)
                        fd_drain(peer->fd, peer->worker->input, sizeof(peer->worker->input));
                fd_close_foreign(peer->fd); /* which may be one that a client handed over */
        }
        peer->fd = -1;
        list_remove(&peer->link);
        peer->worker->n_peers--;
        worker_resume_accepting(peer->worker);
}
