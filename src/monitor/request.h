/* SPDX-License-Identifier: Apache-2.0 */
/* A command that the worker asks for, on its way to being a job. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "monitor/audit.h"
#include "policy/decision.h"
#include "priv/record.h"
#include "spawn/spawn.h"

struct fd_list;
struct monitor;

#define REQUEST_STREAMS 3

struct request {
        struct monitor *monitor;
        uint32_t id;
        struct audit_peer peer;
        const char **argv;
        int streams[REQUEST_STREAMS];
        int cwd_fd; /* -1: ours */
        int64_t started_us;
        uint32_t flags; /* enum record_start_flag */
        struct spawn_limit limits[RECORD_LIMITS_MAX];
        struct spawn_apart apart;
        struct decision decision;
};

int request_init(struct request *request, struct monitor *monitor, const struct record *record);
int request_start(struct request *request, struct record *record, const struct fd_list *fds);
int request_fail(struct request *request, const char *step, int error);
int request_fail_to_signal(struct request *request, int error);
int request_refuse(struct request *request);
