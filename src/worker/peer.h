/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/list.h"

struct peer;
struct worker;

struct peer_ops {
        void (*free)(struct peer *peer);   /* ends the connection */
        void (*finish)(struct peer *peer); /* the daemon stops: what was asked for is answered, and
                                            * nothing else; may free it */
};

/* Embedded in a connection. */
struct peer {
        struct worker *worker;
        const struct peer_ops *ops;
        struct list link; /* of the worker's strangers or peers */
        struct loop_io io;
        int fd;
        struct loop_timer deadline;
        struct loop_timer stalled; /* set while its socket takes nothing */
        uid_t uid;
        pid_t pid;
        bool is_known; /* it has proved that it may use us */
        bool is_told;  /* the log knows that it has not */
};

int peer_init(struct peer *peer, const struct peer_ops *ops, int fd, loop_io_fn dispatch);
void peer_become_known(struct peer *peer);
void peer_deinit(struct peer *peer);
void peer_set_deadline(struct peer *peer, int64_t delay_ms);
void peer_blocked(struct peer *peer);
void peer_moved(struct peer *peer);
