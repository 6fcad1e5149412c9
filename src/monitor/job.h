/* SPDX-License-Identifier: Apache-2.0 */
/* A command that was started. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "monitor/audit.h"
#include "priv/record.h"
#include "spawn/launch.h"

struct filter;
struct monitor;
struct ruleset;

/* A command's start that failed after it was begun. */
struct job_failure {
        enum spawn_step step;
        int error; /* errno; 0: it did not fail */
};

struct job {
        struct monitor *monitor;
        struct loop_io exit;     /* watches its pidfd */
        struct loop_io start;    /* watches what its launch says, until that is over */
        struct loop_timer late;  /* set until the worker is told that it was started */
        struct loop_timer grace; /* set from SIGTERM to SIGKILL, while it is being ended */
        struct launch launch;
        struct job_failure failure;
        struct job *next_unreported;
        bool is_unreported; /* it is in that line */
        uint32_t id;
        pid_t pid;
        bool is_streamed;     /* its streams are the client's */
        bool is_apart;        /* it has a process group of its own */
        bool goes_on;         /* also when we end */
        bool is_started;      /* its program runs, or ran */
        bool is_told_started; /* the worker knows, or does not want to */
        bool may_be_late;     /* it need not know when it knows of the exit */
        bool is_end_wanted;   /* by the worker */
        bool is_ending;       /* it and its group: by us, not by a client's signal */
        bool has_exited;
        bool is_reported;
        int64_t started_us;
        struct record_exited exited;
        struct ruleset *ruleset;     /* its names are in @audit */
        const struct filter *filter; /* of @ruleset */
        struct audit_command audit;  /* filled as it becomes known */
};

int job_new(struct job **ret_job, struct monitor *monitor, uint32_t id, pid_t pid, int pidfd);
int job_watch_start(struct job *job, const struct launch *launch);
struct job *job_free(struct job *job);
void job_tell_late(struct job *job);
void job_signal(const struct job *job, int signal);
void job_end(struct job *job);
int64_t job_clock_us(void);
