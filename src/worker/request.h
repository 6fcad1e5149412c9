/* SPDX-License-Identifier: Apache-2.0 */
/* What a native session's client asked for: a command, or a question. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "wire/native.h"
#include "worker/task.h"

struct fd_list;
struct native_session;

/* A year: no sum of times overflows. */
#define REQUEST_TIMEOUT_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)

struct request {
        struct task task;
        struct native_session *session; /* NULL: it is gone */
        struct request *next;           /* of its bucket */
        uint32_t id;                    /* the client's */
        bool is_started;
        bool is_ending; /* the monitor was told to end it */
        bool has_timed_out;
        int64_t timeout_ms; /* 0: none */
        struct loop_timer timeout;
};

int request_new(struct request **ret_request,
                struct native_session *session,
                uint32_t type,
                uint32_t id);
void request_ask(struct request *request, struct queue *args);
void request_signal(struct request *request, int signal);
void request_abandon(struct request *request);
struct request *request_free(struct request *request);
struct request *request_find(const struct native_session *session, uint32_t id);
void request_refuse(struct native_session *session,
                    uint32_t id,
                    uint32_t code,
                    int error,
                    const char *reason);
