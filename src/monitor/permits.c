/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the worker may ask for. The worker is where clients' bytes are parsed, so it is treated as
 * if a client had taken it over: each type of record has a permit, and whatever has none, comes
 * twice or at the wrong time, or says what can't be, is a violation that ends the worker, and us.
 * All that a worker can reach beyond that is what the filters allow to any client.
 */
#include <errno.h>
#include <stdlib.h>

#include "monitor/explain.h"
#include "monitor/job.h"
#include "monitor/monitor.h"
#include "monitor/request.h"
#include "monitor/ruleset.h"
#include "policy/decision.h"
#include "priv/record.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

/* Arguments */

static int handle_args(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        int r;

        (void)fds;
        if (!record->n_tail)
                return MONITOR_E_VIOLATION;
        r = args_add(&monitor->args, record->tail, record->n_tail);
        if (r == -ENOMEM)
                monitor->args.is_lost = true; /* which its start will be told */
        return r == ARGS_E_BAD ? MONITOR_E_VIOLATION : 0;
}

/* What was carried for jobs that are over by now. */
static int end_jobs(struct monitor *monitor, struct record *record, uint32_t n_done)
{
        struct record_carried carried[RECORD_DONES_MAX];
        struct job *job;
        size_t n;
        size_t i;

        n = record_take_carried(record, n_done, carried);
        if (n == SIZE_MAX)
                return MONITOR_E_VIOLATION;
        for (i = 0; i < n; i++) {
                job = carried[i].id < RECORD_IDS_MAX ? monitor->jobs[carried[i].id] : NULL;
                if (!job || !job->is_reported)
                        return MONITOR_E_VIOLATION;
                job->audit.has_bytes = !job->is_streamed;
                job->audit.n_stdin_bytes = (int64_t)carried[i].n_in_bytes;
                job->audit.n_stdout_bytes = (int64_t)carried[i].n_out_bytes;
                job->audit.n_stderr_bytes = (int64_t)carried[i].n_err_bytes;
                if (audit_wants_commands(&monitor->audit))
                        audit_command(&monitor->audit, &job->audit);
                (void)job_free(job);
        }
        return 0;
}

static int handle_done(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        (void)fds;
        if (!record->done.n_done)
                return MONITOR_E_VIOLATION;
        if (end_jobs(monitor, record, record->done.n_done))
                return MONITOR_E_VIOLATION;
        audit_flush(&monitor->audit);
        monitor_watch_held(monitor);
        return record->n_tail ? MONITOR_E_VIOLATION : 0;
}

/* What each start begins with. Return: 0 or MONITOR_E_VIOLATION */
static int begin_request(struct request *request, struct monitor *monitor, struct record *record)
{
        int r;

        r = end_jobs(monitor, record, record->start.n_done);
        monitor_watch_held(monitor);
        return r ? r : request_init(request, monitor, record);
}

/**
 * monitor_refuse_short() - a start whose streams found no room in our table of descriptors
 * @monitor: the monitor
 * @record:  a RECORD_START
 *
 * Return: as monitor_handle()
 */
int monitor_refuse_short(struct monitor *monitor, struct record *record)
{
        struct request request;
        int r;

        r = begin_request(&request, monitor, record);
        if (r)
                return r;
        args_forget(&monitor->args);
        return err_trace(request_fail(&request, "take its streams", EMFILE));
}

static int handle_start(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        struct request request;
        int r;

        r = begin_request(&request, monitor, record);
        if (r)
                return r;
        r = request_start(&request, record, fds);
        decision_deinit(&request.decision);
        args_forget(&monitor->args);
        return err_trace(r);
}

/* Others */

static int handle_signal(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        const struct job *job = record->id < RECORD_IDS_MAX ? monitor->jobs[record->id] : NULL;

        (void)fds;
        if (!job || !record_is_signal(record->signal.signal))
                return MONITOR_E_VIOLATION;
        if (job->is_apart && !job->has_exited)
                job_signal(job, record->signal.signal);
        return 0;
}

/* Once for each, of those that the worker knows to have been started. */
static int handle_end_command(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        struct job *job = record->id < RECORD_IDS_MAX ? monitor->jobs[record->id] : NULL;

        (void)fds;
        if (!job || !job->is_streamed || !job->is_told_started || job->is_end_wanted)
                return MONITOR_E_VIOLATION;
        job->is_end_wanted = true;
        job_end(job);
        return 0;
}

/* A failure to answer is an answer without anything in it but the code. */
static int explain(struct monitor *monitor, uint32_t id, const char *const *argv)
{
        const struct ruleset *ruleset = monitor->ruleset;
        struct decision decision = { .verdict = VERDICT_UNAUTHORIZED, .pidfd = -1 };
        struct record record = {
                .type = RECORD_EXPLAINED,
                .id = id,
                .explained.exit_code = verdict_exit_code(VERDICT_UNAUTHORIZED),
        };
        cleanup_text struct text tail = { 0 };
        int r;

        r = decision_make(&decision, &ruleset->policy, &ruleset->system, argv, DECISION_DIAGNOSE);
        if (!r)
                explain_put(&decision, ruleset, argv, &record, &tail);
        if (tail.broken)
                record = (struct record){ .type = RECORD_EXPLAINED,
                                          .id = id,
                                          .explained.exit_code =
                                                  verdict_exit_code(VERDICT_UNAUTHORIZED) };
        r = monitor_answer(monitor, &record);
        decision_deinit(&decision);
        return err_trace(r);
}

static int handle_explain(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        cleanup_free const char **argv = NULL;
        static const char *const none[] = { NULL };
        int r;

        (void)fds;
        if (record->id >= RECORD_IDS_MAX || monitor->jobs[record->id])
                return MONITOR_E_VIOLATION;
        r = args_take(&monitor->args, record->tail, record->n_tail, &record->explain, &argv);
        if (r == ARGS_E_BAD)
                r = MONITOR_E_VIOLATION;
        else
                r = explain(monitor, record->id, argv ? argv : none);
        args_forget(&monitor->args);
        return err_trace(r);
}

static int handle_status(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        (void)fds;
        if (record->id >= RECORD_IDS_MAX || monitor->jobs[record->id])
                return MONITOR_E_VIOLATION;
        monitor->status.answer = (struct status_answer){
                .is_due = true,
                .id = record->id,
                .uid = record->status.peer_uid,
        };
        return err_trace(monitor_answer_status(monitor));
}

static int handle_peer(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        static const char *const reasons[] = {
                [RECORD_PEER_USER] = "neither root nor the user of this daemon",
                [RECORD_PEER_KEY] = "it does not know the key",
                [RECORD_PEER_DIGEST] = "it used a digest that auth_digests does not allow",
                [RECORD_PEER_PROTOCOL] = "what it sent is no handshake",
                [RECORD_PEER_LATE] = "it did not finish the handshake in time",
                [RECORD_PEER_CROWD] = "it waited longest of too many connections",
                [RECORD_PEER_MANY] = "its user has too many connections",
        };
        const struct record_peer_refused *refused = &record->peer;
        struct audit_peer peer = { .uid = refused->uid, .pid = refused->pid };
        const char *reason;

        (void)fds;
        if (refused->reason < RECORD_PEER_USER || refused->reason > RECORD_PEER_MANY)
                return MONITOR_E_VIOLATION;
        reason = reasons[refused->reason];
        if (refused->reason == RECORD_PEER_USER && monitor->is_service)
                reason = "not in allowed_users or allowed_groups";
        if (refused->uid == monitor->owner)
                peer.user = monitor->owner_name;
        audit_unsaid(&monitor->audit, AUDIT_AUTHENTICATION_FAILED, refused->n_unsaid);
        audit_authentication(&monitor->audit, &peer, reason);
        monitor_watch_audit(monitor);
        return 0;
}

static int handle_stop(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        (void)fds;
        if (record->stop.reason != RECORD_STOP_CLIENT && record->stop.reason != RECORD_STOP_IDLE)
                return MONITOR_E_VIOLATION;
        if (!monitor->is_stopping)
                notify_send(&monitor->notify, "STOPPING=1");
        if (!monitor->is_stopping)
                audit_note(&monitor->audit, AUDIT_STOPPED,
                           record->stop.reason == RECORD_STOP_CLIENT ? "the client asked for it"
                                                                     : "it was idle");
        if (!monitor->is_stopping)
                monitor_expect_end(monitor);
        monitor->is_stopping = true; /* the worker has begun already */
        return 0;
}

static int handle_pong(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        (void)record;
        (void)fds;
        if (!monitor->is_pinged)
                return MONITOR_E_VIOLATION;
        monitor->is_pinged = false;
        notify_send(&monitor->notify, NOTIFY_ALIVE);
        return 0;
}

static const struct permit {
        int (*handle)(struct monitor *monitor, struct record *record, struct fd_list *fds);
        size_t n_fds_max;
        bool is_once;
} permits[RECORD_TYPES] = {
        [RECORD_ARGS] = { .handle = handle_args },
        [RECORD_START] = { .handle = handle_start, .n_fds_max = RECORD_STREAMS },
        [RECORD_SIGNAL] = { .handle = handle_signal },
        [RECORD_EXPLAIN] = { .handle = handle_explain },
        [RECORD_STATUS] = { .handle = handle_status },
        [RECORD_DONE] = { .handle = handle_done },
        [RECORD_PEER] = { .handle = handle_peer },
        [RECORD_STOP] = { .handle = handle_stop, .is_once = true },
        [RECORD_END_COMMAND] = { .handle = handle_end_command },
        [RECORD_PONG] = { .handle = handle_pong },
};

/**
 * monitor_handle() - do what a record asks for, if it is permitted
 * @monitor: the monitor
 * @record:  well-formed, and nothing more is known of it
 * @fds:     what came with it; the caller closes it
 *
 * Return: 0, MONITOR_E_VIOLATION, or negative errno, which ends the monitor
 */
int monitor_handle(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        const struct permit *permit = &permits[record->type];
        uint32_t bit = 1u << record->type;

        if (!permit->handle || fds->n_fds > permit->n_fds_max)
                return MONITOR_E_VIOLATION;
        if (permit->is_once && (monitor->permits_used & bit))
                return MONITOR_E_VIOLATION;
        if ((monitor->args.n_bytes || monitor->args.is_lost) && record->type != RECORD_ARGS &&
            record->type != RECORD_START && record->type != RECORD_EXPLAIN)
                return MONITOR_E_VIOLATION;
        monitor->permits_used |= bit;
        return permit->handle(monitor, record, fds);
}
