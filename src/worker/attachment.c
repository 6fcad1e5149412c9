/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client makes the socket, the directory and the key, and accepts the connections; we are given
 * each one. So nothing is made or listened on here that a client names, and a client can attach
 * nobody but itself: the kernel says who the peer of each connection is.
 */
#include "worker/attachment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "util/err.h"
#include "util/fd.h"
#include "worker/native-session.h"
#include "worker/session.h"
#include "worker/worker.h"

/**
 * attachment_new() - a service that is served through a native session
 * @ret_attachment: the attachment
 * @native:         the session
 * @key:            what its peers prove that they know, LEGACY's 32 bytes; copied
 *
 * Return: 0 or negative errno
 */
int attachment_new(struct attachment **ret_attachment,
                   struct native_session *native,
                   const uint8_t *key)
{
        const struct worker *worker = native->peer.worker;
        struct attachment *attachment;

        attachment = calloc(1, sizeof(*attachment));
        if (!attachment)
                return err_origin(-ENOMEM);
        attachment->native = native;
        list_init(&attachment->sessions);
        legacy_shared_init(&attachment->legacy, key, worker->legacy.digests,
                           worker->legacy.n_message_max, worker->legacy.budget);
        *ret_attachment = attachment;
        return 0;
}

/**
 * attachment_adopt() - serve one connection
 * @attachment: the attachment
 * @fd:         a connected socket, whatever the client may have sent; taken in any case
 *
 * Return: 0, ATTACHMENT_E_FOREIGN, or negative errno
 */
int attachment_adopt(struct attachment *attachment, int fd)
{
        struct native_session *native = attachment->native;
        struct worker *worker = native->peer.worker;
        struct ucred peer = { .pid = 0 };
        socklen_t n = sizeof(peer);
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.pid <= 0 ||
            (peer.uid && peer.uid != native->peer.uid))
                r = ATTACHMENT_E_FOREIGN;
        else if (worker->n_peers >= worker->n_peers_max)
                r = err_origin(-EMFILE);
        else
                r = session_new(worker, fd, peer.uid, peer.pid, attachment);
        if (r)
                fd_close_foreign(fd);
        return err_trace(r);
}

/**
 * attachment_release() - one of its peers has called shutdown
 * @attachment: its client is told, and ends it
 */
void attachment_release(struct attachment *attachment)
{
        native_session_released(attachment->native);
}

/**
 * attachment_free() - its client is gone, and its peers go
 * @attachment: or NULL
 *
 * Return: NULL
 */
struct attachment *attachment_free(struct attachment *attachment)
{
        struct session *session;

        if (!attachment)
                return NULL;
        while ((session = list_first(&attachment->sessions, struct session, sibling)))
                (void)session_free(session);
        legacy_shared_deinit(&attachment->legacy);
        free(attachment);
        return NULL;
}
