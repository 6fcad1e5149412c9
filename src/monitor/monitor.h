/* SPDX-License-Identifier: Apache-2.0 */
/* The root half of the daemon. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "monitor/args.h"
#include "monitor/audit.h"
#include "monitor/namespace.h"
#include "monitor/notify.h"
#include "monitor/remains.h"
#include "monitor/socket-dir.h"
#include "monitor/status.h"
#include "monitor/worker-process.h"
#include "priv/record.h"
#include "util/fd.h"

struct job;
struct record;
struct ruleset;

/* A sentence for the worker, cut if it is longer. */
#define MONITOR_SENTENCE_BYTES_MAX 1024
/* A filter's name in it, likewise. */
#define MONITOR_FILTER_BYTES_MAX 256
/* What could not be sent to the worker for want of memory is tried again after so many
 * milliseconds. */
#define MONITOR_SEND_RETRY_MS 20
/* Descriptors that commands may not use up. */
#define MONITOR_FDS_SPARE 32u
/* How long commands that are ended may take between SIGTERM and SIGKILL, in milliseconds. */
#define MONITOR_GRACE_MS 5000
/* How long the worker may wait to hear that a command was started, if it may at all. */
#define MONITOR_LATE_MS 10
/* How long the worker may take to end after it has closed the channel, in milliseconds. */
#define MONITOR_WORKER_END_MS 2000
/* How long the worker may go on when we stop and no command runs any more, in milliseconds: it
 * waits 20 seconds for output that is held open, as long for a client that takes nothing, and no
 * longer. */
#define MONITOR_FINISH_MS 45000

enum {
        MONITOR_E_VIOLATION = 1, /* of the worker: it is ended, and we with it */
};

struct monitor {
        const char *config; /* path of rootwrap.conf */
        uid_t owner;        /* who may use us, beside root */
        char *owner_name;   /* NULL: it has none */
        struct loop loop;
        struct ruleset *ruleset;
        struct audit audit;
        struct loop_timer held_due;  /* lines of commands are held, and written then */
        struct loop_timer audit_due; /* lines of a flood are held back, and told of then */
        struct socket_dir dir;
        struct worker_process worker;
        struct loop_io channel;
        struct loop_timer send_retry;
        struct loop_io worker_exit;
        struct loop_timer worker_end;
        struct loop_timer finish; /* since we stop, or the last command has ended since then */
        struct loop_io signals;
        struct loop_io parent; /* our stdin, where it is a pipe: it ends with who started us */
        int signal_fd;
        int cwd_fd;      /* our working directory */
        int null_fd;     /* /dev/null, what a command reads and writes where nothing came along */
        int64_t n_files; /* soft RLIMIT_NOFILE as we were started: what commands get at most */
        size_t n_files_own; /* what we raised ours to */
        struct args args;   /* of the next command */
        struct job *jobs[RECORD_IDS_MAX];
        size_t n_jobs;
        struct job *first_unreported; /* what the worker could not be told yet */
        struct job *last_unreported;
        size_t n_held; /* bytes of an answer that could not be sent yet; 0: none */
        char held[RECORD_BYTES_MAX];
        char out[RECORD_BYTES_MAX]; /* what is just sent */
        struct status status;
        uint32_t permits_used; /* bits of enum record_type: records that may come only once */
        bool is_stopping;
        bool must_finish; /* the worker is to be told to stop */
        bool is_service;  /* of the host: its socket was handed to us, and there is no key */
        struct namespace namespace; /* of a host service */
        struct notify notify;
        struct loop_timer watchdog; /* when the service manager wants to hear of us */
        bool must_ping;             /* the worker is to be asked whether it lives */
        bool is_pinged;             /* and has not answered */
        bool must_admit;            /* the worker is to be told who may connect */
        struct remains remains;     /* of jobs that were ended */
        struct loop_timer jobs_end; /* we end as soon as jobs that don't go on without us have */
        int exit_code;
};

void monitor_put_in_force(struct monitor *monitor);
int monitor_watch(struct monitor *monitor);
void monitor_deinit(struct monitor *monitor);
int monitor_send(struct monitor *monitor, const struct record *record);
int monitor_answer(struct monitor *monitor, const struct record *record);
int monitor_answer_status(struct monitor *monitor);
int monitor_end(struct monitor *monitor);
int monitor_send_failure(struct monitor *monitor, struct job *job);
void monitor_expect_end(struct monitor *monitor);
void monitor_watch_audit(struct monitor *monitor);
void monitor_watch_held(struct monitor *monitor);
int monitor_report(struct monitor *monitor, struct job *job);
int monitor_refuse_short(struct monitor *monitor, struct record *record);
int monitor_handle(struct monitor *monitor, struct record *record, struct fd_list *fds);
