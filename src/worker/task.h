/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor is asked for: to start a command, or to answer a question. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "priv/record.h"
#include "util/list.h"
#include "util/queue.h"

struct task;
struct worker;

/* What becomes of it. Each may free the task. */
struct task_ops {
        void (*sent)(struct task *task);      /* the monitor has been asked; NULL: never mind */
        void (*cancelled)(struct task *task); /* the daemon stops, and it was not asked */
        int (*answered)(struct task *task, const struct record *record); /* a record came. Return:
                                                                          * 0, or -EPROTO */
        void (*hasten)(struct task *task); /* the daemon stops; NULL: all the same */
        void (*free)(struct task *task);   /* we end at once */
};

/* Embedded in whoever asks. */
struct task {
        struct worker *worker;
        const struct task_ops *ops;
        struct list unsent;      /* of the worker's tasks that the monitor has not been asked for */
        struct list unsignalled; /* of those that are to be sent signals */
        uint32_t id;
        uint32_t type; /* RECORD_START, RECORD_EXPLAIN or RECORD_STATUS */
        bool is_sent;
        bool has_exited;
        pid_t peer_pid;
        uid_t peer_uid;
        struct queue args;
        uint32_t n_args;
        uint32_t n_env;
        uint32_t n_args_bytes;
        int fds[RECORD_STREAMS]; /* what goes along, until it is sent; -1: none */
        uint32_t flags;          /* as of struct record_start */
        uint32_t umask;
        int32_t nice;
        uint32_t n_limits;
        struct record_limit *limits; /* owned; NULL: none */
        uint64_t signals;            /* util/signal-set.h: that are to be sent */
        bool must_end;               /* and after them, that it is to end */
};

int task_init(struct task *task, struct worker *worker, const struct task_ops *ops, uint32_t type);
void task_ask(struct task *task, struct queue *args);
void task_sent(struct task *task);
bool task_is_cut(const struct task *task);
void task_signal(struct task *task, int signal);
void task_end(struct task *task);
void task_deinit(struct task *task);
void task_done(struct task *task, const struct record_carried *carried);
