/* SPDX-License-Identifier: Apache-2.0 */
/* The unprivileged half of the daemon. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "priv/record.h"
#include "util/list.h"
#include "wire/legacy.h"

struct peer;
struct task;

/* The most connections; fewer where the limit of descriptors is low: half of it. */
#define WORKER_PEERS_MAX 8192u
/* A host service has several users. One of them, but root, may have this part of the connections.
 */
#define WORKER_USER_SHARE 2u
/* How long a peer may take to prove that it knows the key, in milliseconds. */
#define WORKER_HANDSHAKE_MS 5000
/* Where there is no room for one more, the oldest that has not proved it by then makes some. */
#define WORKER_STRANGER_MS 1000
/* While we stop: how long a peer may take to read its answer, and how long output is waited for
 * after a command's exit, in milliseconds. */
#define WORKER_STOP_MS 20000
/* How long a peer may take nothing of what waits for it, in milliseconds. It may be gone unnoticed:
 * its end of the connection can lie in the connection itself, sent and not read (unix(7),
 * SCM_RIGHTS). */
#define WORKER_STALLED_MS (15 * 60 * 1000)
/* What was carried is told with the next start, or after so many milliseconds. */
#define WORKER_CARRIED_MS 50
/* What could not be sent to the monitor for want of memory, or since too many descriptors are on
 * their way, is tried again after so many milliseconds. */
#define WORKER_SEND_RETRY_MS 20
/* Where there is no descriptor for a connection, it is tried again after so many milliseconds. */
#define WORKER_ACCEPT_RETRY_MS 500
/* All that commands read and print and clients have not taken yet, as a multiple of the largest
 * message. */
#define WORKER_MESSAGES_HELD_MAX 4u
/* What is read from a socket at once. */
#define WORKER_INPUT_BYTES (256u * 1024)
/* And written: less than half of what a socket holds by default (net.core.wmem_default), which the
 * kernel takes whole or not at all, so that nothing has to be kept. */
#define WORKER_OUTPUT_BYTES (96u * 1024)
/* Where so much was at once, its memory is given back when that is done with. */
#define WORKER_MUCH_BYTES (64u * 1024)

/* Where connections come from. */
struct listener {
        struct worker *worker;
        struct loop_io io;
        int fd; /* -1: there is none */
        bool is_native;
};

/* Who may connect to a host service, beside root. */
struct admitted {
        uint32_t uids[RECORD_ADMITS_MAX];
        uint32_t gids[RECORD_ADMITS_MAX];
        size_t n_uids;
        size_t n_gids;
};

struct worker {
        struct loop loop;
        struct loop_io channel;
        int channel_fd;
        struct loop_timer send_retry;
        struct listener legacy_listener;
        struct listener native_listener;
        struct loop_timer accept_retry;
        struct loop_timer idle;
        struct loop_timer stopping; /* fires as soon as whoever wanted the stop has returned */
        bool is_service;
        uid_t client_uid;         /* of who started us, where it is no service */
        struct admitted admitted; /* where it is */
        bool may_accept;          /* it is known who may connect */
        int64_t daemon_timeout_ms;
        int64_t drain_timeout_ms;   /* -1: for ever */
        int64_t active_ms;          /* when there last was something to do */
        struct queue_budget budget; /* what all requests and results may hold together */
        struct legacy_shared legacy;

        struct list strangers; /* peers that have not proved themselves, the oldest first */
        struct list peers;     /* the others */
        size_t n_peers;        /* of both */
        size_t n_peers_max;
        size_t n_foreign; /* of them: may not connect, and wait to be told why */

        struct task *tasks[RECORD_IDS_MAX];
        uint32_t free_ids[RECORD_IDS_MAX];
        size_t n_free_ids;
        struct list unsent;      /* tasks that the monitor is to be asked for, in order */
        struct list unsignalled; /* tasks that have signals to be sent */
        struct record_carried carried[RECORD_IDS_MAX]; /* of runs that are over, to be told */
        size_t n_carried;
        bool is_carried_due;
        struct loop_timer carried_late; /* they are told with the next start, or by then */

        uint32_t n_unsaid;    /* refused peers that the monitor could not be told of */
        uint32_t stop_reason; /* to be told; 0: nothing */
        bool is_pinged;       /* the monitor wants to hear that we live */
        bool is_stopping;
        bool has_grown;  /* much was read or written at once */
        bool is_resting; /* and what it was is done with */

        char input[WORKER_INPUT_BYTES];   /* what was just read, by whoever has its turn */
        char output[WORKER_OUTPUT_BYTES]; /* what is just written */
        char answer[RECORD_BYTES_MAX];    /* what the monitor just said */
        /* What it is told, and what is put at the end of that. Not on the stack: the compiler has
         * a function touch each page of its frame, and they would stay. */
        char question[RECORD_BYTES_MAX];
        char tail[RECORD_BYTES_MAX];
};

int worker_init(struct worker *worker, const struct record_setup *setup, size_t n_files);
int worker_watch(struct worker *worker);
void worker_deinit(struct worker *worker);
void worker_touch(struct worker *worker);
void worker_grow(struct worker *worker, size_t n_bytes);
void worker_rest(struct worker *worker);
void worker_resume_accepting(struct worker *worker);
int worker_stop(struct worker *worker, uint32_t reason);
int worker_turn(struct worker *worker);
int worker_admit(struct worker *worker, const struct record *record);
size_t worker_count_tasks(const struct worker *worker);

int channel_dispatch(struct loop_io *io, uint32_t events);
int channel_send(struct worker *worker);
void channel_tell_carried(struct worker *worker, const struct record_carried *carried);
void channel_tell_refused(struct worker *worker, uint32_t reason, uid_t uid, pid_t pid);
