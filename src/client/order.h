/* SPDX-License-Identifier: Apache-2.0 */
/* A command or a question, from its call to its answer. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/answer.h"
#include "client/handle.h"
#include "util/text.h"

enum order_kind {
        ORDER_START,
        ORDER_EXPLAIN,
        ORDER_STATUS,
};

/* In this order. */
enum order_state {
        ORDER_QUEUED,
        ORDER_SENT,
        ORDER_STARTED,
        ORDER_DONE,
};

/* A thread that waits. */
struct waiter {
        struct list link;
        pthread_cond_t woken;
};

struct order {
        struct source source;
        struct list link; /* in the handle's queue, the link's, or the handle's finished ones */
        struct rootwrap *handle;
        struct link *sent_on;
        enum order_kind kind;
        enum order_state state;
        uint32_t id;

        char *args; /* strings, each with its NUL */
        size_t n_args;
        size_t n_args_sent;
        char *env;
        size_t n_env;

        int fds[4]; /* -1: none; owned where owns_fds */
        bool owns_fds;
        uint32_t flags;
        bool is_late; /* that it was started need not be told */
        uint64_t timeout_ms;
        unsigned int umask;
        int nice;
        struct native_limit limits[NATIVE_LIMITS_MAX];
        size_t n_limits;

        pid_t pid; /* 0: not known yet */
        int pidfd; /* of HANDLE_EACH */
        uint64_t start_us;
        uint64_t signals; /* util/signal-set.h: to be sent */

        struct waiter *waiter;
        struct answer *answer;
        rootwrap_done_fn done;
        void *userdata;

        struct native_message message; /* of an EXPLANATION; its fields lie in @texts */
        struct text texts;
        uint64_t counters[7 + ROOTWRAP_BUCKETS];
        size_t n_running;
};

int order_new(struct rootwrap *handle,
              enum order_kind kind,
              const char *const *argv,
              const struct rootwrap_options *options,
              struct order **ret_command);
struct order *order_free(struct order *command);
int order_own_fds(struct order *command);
void order_close_fds(struct order *command);
size_t order_format(const struct order *command, char *bytes, size_t *ret_n_args);
void order_take(struct order *command, const struct native_message *message);
void order_fail(struct order *command, int error, const char *reason);

CLEANUP_DEFINE(struct order, order_free)
