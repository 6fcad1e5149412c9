/* SPDX-License-Identifier: Apache-2.0 */
/* What was done so far, and what runs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "priv/record.h"

struct job;
struct monitor;

/* An answer on its way: it may take longer than the worker's channel has room for. */
struct status_answer {
        bool is_due;
        bool has_totals; /* these are sent */
        uint32_t id;
        uint32_t uid;  /* who asks */
        uint32_t next; /* number of the job that comes next */
};

struct status {
        int64_t started_us;
        uint64_t n_started;
        uint64_t n_refused;
        uint64_t n_failed;
        uint64_t duration_us;
        uint64_t buckets[RECORD_BUCKETS];
        struct status_answer answer;
};

void status_count_exit(struct status *status, int64_t duration_us);
int status_send(struct monitor *monitor);
