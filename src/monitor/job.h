/* SPDX-License-Identifier: Apache-2.0 */
/* A command that was started. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "monitor/audit.h"
#include "priv/record.h"

struct monitor;
struct ruleset;

struct job {
        struct monitor *monitor;
        struct loop_io exit; /* watches its pidfd */
        struct job *next_unreported;
        uint32_t id;
        pid_t pid;
        bool is_streamed; /* its streams are the client's */
        bool is_apart;    /* it has a process group of its own */
        bool goes_on;     /* also when we end */
        bool has_exited;
        bool is_reported;
        int64_t started_us;
        struct record_exited exited;
        struct ruleset *ruleset;    /* its names are in @audit */
        struct audit_command audit; /* filled as it becomes known */
};

int job_new(struct job **ret_job, struct monitor *monitor, uint32_t id, pid_t pid);
struct job *job_free(struct job *job);
void job_signal(const struct job *job, int signal);
int64_t job_clock_us(void);
