/* SPDX-License-Identifier: Apache-2.0 */
/* One connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/list.h"
#include "util/queue.h"
#include "wire/legacy.h"

struct run;
struct worker;

struct session {
        struct worker *worker;
        struct list link; /* of the worker's strangers or sessions */
        struct loop_io io;
        int fd;
        struct loop_timer deadline;
        struct legacy legacy;
        struct queue rest; /* what came behind a request that is being answered */
        struct queue out;  /* what the socket did not take */
        struct run *run;   /* the command that is being run for it */
        uid_t uid;
        pid_t pid;
        bool is_known; /* it has proved that it knows the key */
};

int session_new(struct session **ret_session, struct worker *worker, int fd, uid_t uid, pid_t pid);
struct session *session_free(struct session *session);
void session_answered(struct session *session);
void session_finish(struct session *session);
