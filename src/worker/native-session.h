/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the native protocol. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/queue.h"
#include "wire/native-proof.h"
#include "wire/native.h"
#include "worker/peer.h"

struct attachment;
struct request;
struct worker;

/* Starts and questions of a connection that the monitor has not answered: further messages wait. */
#define NATIVE_WAITING_MAX 8u

/* Peers that may not connect, and wait to be told so; more are closed at once. */
#define NATIVE_FOREIGN_MAX 32u

#define NATIVE_BUCKETS     64u

enum {
        NATIVE_SESSION_E_GONE = 1, /* the peer is gone, or is to go: the session is to be freed */
        NATIVE_SESSION_E_BLOCKED,  /* the socket has, or takes, no more */
};

enum native_state {
        NATIVE_STATE_HELLO, /* is to come, */
        NATIVE_STATE_PROVE, /* the proof, */
        NATIVE_STATE_OPEN,  /* anything */
};

struct native_session {
        struct peer peer;
        enum native_state state;
        const char *refusal; /* it may not connect, and waits to be told why; NULL: it may */
        struct native_nonces nonces;
        struct request *requests[NATIVE_BUCKETS]; /* unfinished ones, by the client's ids */
        size_t n_requests;
        size_t n_waiting;  /* of these: the monitor has not answered */
        size_t n_statuses; /* of these: what runs is being told */
        struct queue args; /* what came ahead of a START or EXPLAIN */
        uint32_t args_id;
        uint32_t n_args;
        bool has_args;
        bool has_lost_args;     /* there was no memory for some */
        bool args_end_with_nul; /* the last byte of @args is one */
        struct list unsent;     /* messages that the socket did not take */
        bool is_lost;           /* one could not be kept: the peer goes */
        struct attachment *attachment;
};

int native_session_new(struct worker *worker, int fd, uid_t uid, pid_t pid, const char *refusal);
void native_session_send(struct native_session *session, const struct native_writer *writer);
int native_session_complain(struct native_session *session, const char *reason);
void native_session_answered(struct native_session *session);
void native_session_released(struct native_session *session);
