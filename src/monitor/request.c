/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is decided on from our own copy of its arguments, where its client stands, and becomes
 * a job. What it says of itself comes from the worker, and is checked as if that were hostile.
 */
#include "monitor/request.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/job.h"
#include "monitor/monitor.h"
#include "monitor/ruleset.h"
#include "spawn/environment.h"
#include "spawn/identity.h"
#include "spawn/launch.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

static const char *user_name(const struct monitor *monitor, uid_t uid)
{
        if (monitor->is_service)
                return admission_name(&monitor->ruleset->admission, uid);
        return uid == monitor->owner ? monitor->owner_name : NULL;
}

/**
 * request_init() - begin with who asks
 * @request: set; its decision is to be given to decision_deinit()
 * @monitor: borrowed
 * @record:  a RECORD_START
 *
 * Return: 0 or MONITOR_E_VIOLATION
 */
int request_init(struct request *request, struct monitor *monitor, const struct record *record)
{
        uid_t uid = record->start.peer_uid;

        if (record->id >= RECORD_IDS_MAX || monitor->jobs[record->id])
                return MONITOR_E_VIOLATION;
        if (uid && uid != monitor->owner && !monitor->is_service)
                return MONITOR_E_VIOLATION;
        *request = (struct request){
                .monitor = monitor,
                .id = record->id,
                .cwd_fd = -1,
                .flags = record->start.flags,
                .peer = { .uid = uid,
                          .user = uid ? user_name(monitor, uid) : "root",
                          .pid = record->start.peer_pid },
                .decision = { .verdict = VERDICT_UNAUTHORIZED, .pidfd = -1 },
        };
        return 0;
}

/* Nobody can watch over it: it must not run. */
static int give_up(struct request *request, pid_t pid, int r)
{
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return err_trace(request_fail(request, "watch over it", -r));
}

/* The child is there; from here on it is a job, or it is killed. */
static int take_over(struct request *request, pid_t pid, struct launch *launch)
{
        const struct decision *decision = &request->decision;
        struct monitor *monitor = request->monitor;
        enum spawn_step step;
        struct job *job;
        int r;

        r = job_new(&job, monitor, request->id, pid, launch ? launch->pidfd : -1);
        if (r) {
                r = give_up(request, pid, r);
                if (launch)
                        (void)launch_finish(launch, &step);
                return r;
        }
        job->started_us = request->started_us;
        job->filter = decision->filter;
        job->audit.peer = request->peer;
        job->audit.filter = decision->filter->name;
        job->audit.inner = decision->inner ? decision->inner->name : NULL;
        job->audit.run_as = decision->filter->run_as;
        job->audit.pid = decision->pidfd >= 0 ? 0 : pid;
        cmdline_keep(&job->audit.cmdline, decision->command.argv);
        job->is_streamed = request->flags & RECORD_START_APART;
        job->is_apart = job->is_streamed && decision->pidfd < 0;
        job->goes_on = request->flags & RECORD_START_GO_ON;
        job->is_told_started = !job->is_streamed;
        monitor->status.n_started++;
        if (launch)
                (void)job_watch_start(job, launch);
        if (!job->is_started || job->is_told_started)
                return 0;
        /* Beside others it makes room for the next start. */
        if (request->flags & RECORD_START_LATE && monitor->n_jobs == 1) {
                job_tell_late(job);
                return 0;
        }
        return err_trace(monitor_report(monitor, job));
}

/* Where nothing else runs, its start is waited for: that is quickest. Else it is not: that is
 * quickest for all. */
static int start_program(struct request *request, const struct spawn *spawn)
{
        enum spawn_step step = SPAWN_FORK;
        struct launch launch;
        pid_t pid;
        int r;

        request->started_us = job_clock_us();
        if (request->monitor->n_jobs && spawn->pidfd < 0 && launch_is_possible()) {
                r = launch_begin(&launch, spawn);
                if (r)
                        return err_trace(request_fail(request, spawn_step_name(SPAWN_FORK), -r));
                return err_trace(take_over(request, launch.pid, &launch));
        }
        r = spawn_start(spawn, &pid, &step);
        if (r && step == SPAWN_KILL)
                return err_trace(request_fail_to_signal(request, -r));
        if (r)
                return err_trace(request_fail(request, spawn_step_name(step), -r));
        return err_trace(take_over(request, pid, NULL));
}

/* What a filter's run_as names must exist when it is needed. */
static int fail_to_find_user(struct request *request, int r)
{
        const char *user = request->decision.filter->run_as;
        cleanup_text struct text step = { 0 };

        if (r < 0) {
                text_printf(&step, "find the user \"%.64s\"", user);
                return err_trace(request_fail(request, text_get(&step), -r));
        }
        text_printf(&step, "there is no user \"%.64s\"", user);
        return err_trace(request_fail(request, text_get(&step), 0));
}

static int run(struct request *request)
{
        struct monitor *monitor = request->monitor;
        struct decision *decision = &request->decision;
        int64_t n_files = monitor->ruleset->settings.rlimit_nofile;
        struct spawn spawn = {
                .argv = decision->command.argv,
                .streams = request->streams,
                .nofile = n_files < monitor->n_files ? n_files : monitor->n_files,
                .pidfd = decision->pidfd,
                .signal = decision->signal,
                .apart = request->flags & RECORD_START_APART ? &request->apart : NULL,
        };
        sigset_t mask;
        int r;

        if (2 * monitor->n_jobs + MONITOR_FDS_SPARE > monitor->n_files_own)
                return err_trace(request_fail(request, "watch over one more", EMFILE));
        if (request->cwd_fd >= 0 && decision->command.argv[0][0] != '/')
                return err_trace(
                        request_fail(request, "execute it, with its path not absolute", EPERM));
        r = ruleset_find_user(monitor->ruleset, decision->filter->run_as, &spawn.identity);
        if (r)
                return err_trace(fail_to_find_user(request, r));
        spawn.envp = environment_merge(&decision->arena, (const char *const *)environ,
                                       decision->command.env);
        if (!spawn.envp)
                return err_trace(request_fail(request, "make its environment", ENOMEM));
        if (decision->warning.n_bytes)
                audit_note(&monitor->audit, AUDIT_WARNING, text_get(&decision->warning));

        (void)sigemptyset(&mask);
        spawn.mask = &mask;
        return err_trace(start_program(request, &spawn));
}

static int decide_and_run(struct request *request)
{
        const struct ruleset *ruleset = request->monitor->ruleset;
        int r;

        r = decision_make(&request->decision, &ruleset->policy, &ruleset->system, request->argv, 0);
        if (r)
                return err_trace(request_fail(request, "decide on it", -r));
        if (request->decision.verdict == VERDICT_ALLOW)
                return err_trace(run(request));
        return err_trace(request_refuse(request));
}

/* As if we had been started there: relative paths are what the command will take them for. */
static int decide_there(struct request *request)
{
        struct monitor *monitor = request->monitor;
        int r;

        if (request->cwd_fd < 0)
                return err_trace(decide_and_run(request));
        if (fchdir(request->cwd_fd) < 0)
                return err_trace(request_fail(request, "change to its working directory", errno));
        r = decide_and_run(request);
        if (fchdir(monitor->cwd_fd) < 0)
                return err_origin(-errno); /* nothing may be decided from there */
        return err_trace(r);
}

/* A client of a host service may see other files than we do. */
static int decide(struct request *request)
{
        struct monitor *monitor = request->monitor;
        int r;

        if (!monitor->is_service)
                return err_trace(decide_there(request));
        r = namespace_enter(&monitor->namespace, request->peer.pid);
        if (r == NAMESPACE_E_GONE)
                r = request_fail(request,
                                 "see what its client sees: the process that connected is gone", 0);
        else if (r == NAMESPACE_E_UNSAFE)
                r = request_fail(
                        request,
                        "serve its client: it has other mounts than the daemon, beyond /tmp and "
                        "/var/tmp, or another root",
                        0);
        else if (r)
                r = request_fail(request, "enter its client's mount namespace", -r);
        else
                r = decide_there(request);
        if (monitor->namespace.entered_fd >= 0 &&
            (namespace_leave(&monitor->namespace) || fchdir(monitor->cwd_fd) < 0))
                return err_origin(-EPERM); /* nothing may be decided from there */
        return err_trace(r);
}

/* Each bit of the record is a stream that came along, in order; /dev/null for the others. */
static int take_streams(struct request *request, uint32_t streams, const struct fd_list *fds)
{
        size_t n = 0;
        int i;

        if (streams >> RECORD_STREAMS)
                return MONITOR_E_VIOLATION;
        for (i = 0; i < REQUEST_STREAMS; i++) {
                request->streams[i] = request->monitor->null_fd;
                if (!(streams >> i & 1u))
                        continue;
                if (n == fds->n_fds)
                        return MONITOR_E_VIOLATION;
                request->streams[i] = fds->fds[n++];
        }
        if (streams & RECORD_STREAM_CWD && n < fds->n_fds)
                request->cwd_fd = fds->fds[n++];
        else if (streams & RECORD_STREAM_CWD)
                return MONITOR_E_VIOLATION;
        return n == fds->n_fds ? 0 : MONITOR_E_VIOLATION;
}

/* The limits that a start's tail has before the arguments. */
static int take_limits(struct request *request, struct record *record)
{
        struct record_limit limit;
        size_t n = record->start.n_limits;
        size_t i;

        if (n > RECORD_LIMITS_MAX || record->n_tail < n * sizeof(limit))
                return MONITOR_E_VIOLATION;
        for (i = 0; i < n; i++) {
                memcpy(&limit, record->tail, sizeof(limit));
                record->tail += sizeof(limit);
                record->n_tail -= sizeof(limit);
                if (limit.resource >= RLIM_NLIMITS || limit.soft > limit.hard)
                        return MONITOR_E_VIOLATION;
                request->limits[i] = (struct spawn_limit){
                        .resource = limit.resource,
                        .soft = limit.soft,
                        .hard = limit.hard,
                };
        }
        return 0;
}

/* What it is to be started like. Return: 0 or MONITOR_E_VIOLATION */
static int take_properties(struct request *request, struct record *record)
{
        const struct record_start *start = &record->start;
        bool is_apart = start->flags & RECORD_START_APART;

        if (start->flags & ~(uint32_t)RECORD_START_FLAGS ||
            (start->umask > 0777 && start->umask != RECORD_NO_UMASK) || start->nice > 19)
                return MONITOR_E_VIOLATION;
        if (!is_apart && (start->flags || start->n_limits || start->n_env ||
                          start->umask != RECORD_NO_UMASK || start->streams & RECORD_STREAM_CWD))
                return MONITOR_E_VIOLATION;
        request->flags = start->flags;
        request->apart = (struct spawn_apart){
                .limits = request->limits,
                .n_limits = start->n_limits,
                .death_signal = start->flags & RECORD_START_GO_ON ? 0 : SIGTERM,
                .parent = getpid(),
                .umask = start->umask == RECORD_NO_UMASK ? 0 : start->umask,
                .nice = start->nice,
        };
        return take_limits(request, record);
}

/**
 * request_start() - decide on it, and make it a job, or say why not
 * @request: of request_init(); its words are gone afterwards
 * @record:  a RECORD_START, without what was carried for others; its tail is used up
 * @fds:     what came with it; the caller closes it
 *
 * Return: 0, MONITOR_E_VIOLATION, or negative errno, which ends the monitor
 */
int request_start(struct request *request, struct record *record, const struct fd_list *fds)
{
        const struct record_explain sizes = {
                .n_args = record->start.n_args,
                .n_env = record->start.n_env,
                .n_args_bytes = record->start.n_args_bytes,
        };
        cleanup_free const char **argv = NULL;
        int r;

        r = take_streams(request, record->start.streams, fds);
        if (!r)
                r = take_properties(request, record);
        if (r)
                return r;
        r = args_take(&request->monitor->args, record->tail, record->n_tail, &sizes, &argv);
        if (r == -ENOMEM)
                return err_trace(request_fail(request, "hold its arguments", ENOMEM));
        if (r)
                return MONITOR_E_VIOLATION;
        request->argv = argv;
        return err_trace(decide(request));
}
