/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the manager protocol. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/list.h"
#include "util/queue.h"
#include "wire/legacy.h"
#include "worker/peer.h"

/* What is asked of the kernel for a long answer; it gives at most net.core.wmem_max. */
#define SESSION_SEND_BYTES (512 * 1024)

struct attachment;
struct run;
struct worker;

struct session {
        struct peer peer;
        struct attachment *attachment; /* whose host it is; NULL: the daemon's own service's */
        struct list sibling;           /* of that attachment's sessions */
        struct legacy legacy;
        struct queue rest; /* what came behind a request that is being answered */
        struct queue out;  /* what the socket did not take */
        bool is_wide;      /* the socket was widened */
        struct run *run;   /* the command that is being run for it */
};

int session_new(struct worker *worker, int fd, uid_t uid, pid_t pid, struct attachment *attachment);
struct session *session_free(struct session *session);
void session_answered(struct session *session);
