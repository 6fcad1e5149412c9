/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input is the messages that a client sends, each with the descriptors that came along, which are
 * closed here unless somebody took them. Whatever the page (docs/protocol-native.md) does not allow
 * ends the session with the reason.
 */
#include "worker/native-input.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "priv/record.h"
#include "util/fd.h"
#include "worker/attachment.h"
#include "worker/native-command.h"
#include "worker/native-session.h"
#include "worker/request.h"
#include "worker/worker.h"

/* The beginning */

static bool wants_proof(const struct native_session *session)
{
        return !session->peer.worker->is_service;
}

static int take_hello(struct native_session *session, const struct native_message *message)
{
        struct worker *worker = session->peer.worker;
        uint8_t proof[NATIVE_PROOF_BYTES];
        struct native_writer writer;

        if (session->refusal)
                return native_session_complain(session, session->refusal);
        if (!native_get_u32(message, NATIVE_TAG_VERSION))
                return native_session_complain(session, "There is no version 0");
        memcpy(session->nonces.client, message->fields[NATIVE_TAG_NONCE].bytes, NATIVE_NONCE_BYTES);
        if (getrandom(session->nonces.daemon, NATIVE_NONCE_BYTES, 0) != NATIVE_NONCE_BYTES)
                return NATIVE_SESSION_E_GONE;

        native_begin(&writer, worker->output, NATIVE_WELCOME, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, NATIVE_VERSION);
        native_put(&writer, NATIVE_TAG_NONCE, session->nonces.daemon, NATIVE_NONCE_BYTES);
        if (wants_proof(session)) {
                native_prove(NATIVE_ROLE_DAEMON, worker->legacy.key, &session->nonces, proof);
                native_put(&writer, NATIVE_TAG_PROOF, proof, sizeof(proof));
        }
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(&writer, NATIVE_TAG_COMMANDS_MAX, NATIVE_COMMANDS_MAX);
        native_put_u32(&writer, NATIVE_TAG_ARGS_MAX, RECORD_ARGS_BYTES_MAX);
        native_session_send(session, &writer);

        session->state = wants_proof(session) ? NATIVE_STATE_PROVE : NATIVE_STATE_OPEN;
        if (!wants_proof(session))
                peer_become_known(&session->peer);
        return 0;
}

static int take_proof(struct native_session *session, const struct native_message *message)
{
        struct worker *worker = session->peer.worker;

        if (!native_is_proof(NATIVE_ROLE_CLIENT, worker->legacy.key, &session->nonces,
                             message->fields[NATIVE_TAG_PROOF].bytes)) {
                channel_tell_refused(worker, RECORD_PEER_KEY, session->peer.uid, session->peer.pid);
                session->peer.is_told = true;
                return native_session_complain(session, "The proof is wrong");
        }
        session->state = NATIVE_STATE_OPEN;
        peer_become_known(&session->peer);
        return 0;
}

/* Signals */

static int take_signal(struct native_session *session, const struct native_message *message)
{
        uint32_t signal = native_get_u32(message, NATIVE_TAG_SIGNAL);
        struct request *request = request_find(session, message->id);

        if (!record_is_signal(signal))
                return native_session_complain(session, "This signal can't be sent");
        if (request)
                request_signal(request, (int)signal);
        return 0;
}

/* A service of the manager protocol */

static int take_attach(struct native_session *session, const struct native_message *message)
{
        const void *key = message->fields[NATIVE_TAG_KEY].bytes;

        if (session->attachment)
                return native_session_complain(session, "The connection is attached already");
        if (attachment_new(&session->attachment, session, key))
                return native_session_complain(session, "There is no memory for it");
        return 0;
}

static int take_adopt(struct native_session *session, struct fd_list *fds)
{
        if (!session->attachment || fds->n_fds != 1)
                return native_session_complain(session,
                                               "ADOPT wants ATTACH before, and one descriptor");
        if (session->peer.worker->is_stopping)
                return 0; /* whoever is there sees its end */
        if (attachment_adopt(session->attachment, fd_list_take(fds)) == ATTACHMENT_E_FOREIGN)
                return native_session_complain(session,
                                               "ADOPT wants a connection of the same user");
        return 0;
}

/* Any message */

/* Which messages a session takes. */
static bool is_expected(const struct native_session *session, uint32_t type)
{
        bool is_question = type == NATIVE_EXPLAIN || type == NATIVE_STATUS || type == NATIVE_ARGS;

        if (session->state == NATIVE_STATE_HELLO)
                return type == NATIVE_HELLO;
        if (session->state == NATIVE_STATE_PROVE)
                return type == NATIVE_PROVE || (is_question && session->peer.uid == 0);
        return type >= NATIVE_ARGS && type <= NATIVE_ADOPT;
}

/* Return: what is wrong with its place among others, or NULL */
static const char *find_misplaced(const struct native_session *session,
                                  const struct native_message *message)
{
        if (session->has_args && (message->id != session->args_id ||
                                  (message->type != NATIVE_ARGS && message->type != NATIVE_START &&
                                   message->type != NATIVE_EXPLAIN)))
                return "A message came between the arguments of another";
        return NULL;
}

static int take_message(struct native_session *session,
                        const struct native_message *message,
                        struct fd_list *fds)
{
        const char *fault = find_misplaced(session, message);

        if (!is_expected(session, message->type))
                return native_session_complain(session, "This message has no place here");
        if (fds->n_fds && message->type != NATIVE_START && message->type != NATIVE_ADOPT)
                return native_session_complain(session,
                                               "Descriptors came with a message that takes none");
        if (fault)
                return native_session_complain(session, fault);
        switch (message->type) {
        case NATIVE_HELLO:
                return take_hello(session, message);
        case NATIVE_PROVE:
                return take_proof(session, message);
        case NATIVE_ARGS:
                return native_command_take_args(session, message);
        case NATIVE_START:
        case NATIVE_EXPLAIN:
                return native_command_take(session, message, fds);
        case NATIVE_SIGNAL:
                return take_signal(session, message);
        case NATIVE_STATUS:
                return native_command_take_status(session, message);
        case NATIVE_ATTACH:
                return take_attach(session, message);
        default:
                return take_adopt(session, fds);
        }
}

/* What came without all of its descriptors: there was no room for them here. */
static int take_short(struct native_session *session, const struct native_message *message)
{
        const char *fault = find_misplaced(session, message);

        if (fault)
                return native_session_complain(session, fault);
        if (message->type == NATIVE_ADOPT && session->attachment)
                return 0; /* its peer sees the end */
        if (session->state != NATIVE_STATE_OPEN || message->type != NATIVE_START)
                return native_session_complain(session, "Descriptors are missing");
        if (request_find(session, message->id))
                return native_session_complain(session, "The id is in use");
        return native_command_refuse_for_now(session, message->id, EMFILE);
}

/**
 * native_input_receive() - take one message from the socket, and do what it says
 * @session: the session
 *
 * Return: 0, NATIVE_SESSION_E_GONE, or NATIVE_SESSION_E_BLOCKED when there is nothing now
 */
int native_input_receive(struct native_session *session)
{
        char *bytes = session->peer.worker->input;
        struct fd_list fds = { .n_fds = 0 };
        struct native_message message;
        bool is_short;
        size_t n;
        int r;

        r = fd_receive(session->peer.fd, bytes, NATIVE_MESSAGE_BYTES, &n, &fds);
        if (r == -EAGAIN)
                return NATIVE_SESSION_E_BLOCKED;
        if (r == FD_E_VIOLATION)
                return native_session_complain(session,
                                               "The message, or what came with it, is too large");
        if (r && r != FD_E_SHORT)
                return NATIVE_SESSION_E_GONE;
        is_short = r == FD_E_SHORT;
        if (session->peer.is_known)
                worker_touch(session->peer.worker);
        r = native_parse(bytes, n, &message);
        if (r == NATIVE_E_SKIP)
                r = 0;
        else if (r)
                r = native_session_complain(session, "The message is no message of this protocol");
        else
                r = is_short ? take_short(session, &message)
                             : take_message(session, &message, &fds);
        fd_list_close(&fds);
        return r;
}
