/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the worker may ask for. The worker is where clients' bytes are parsed, so it is treated as
 * if a client had taken it over: each type of record has a permit, and whatever has none, comes
 * twice or at the wrong time, or says what can't be, is a violation that ends the worker, and us.
 * All that a worker can reach beyond that is what the filters allow to any client.
 *
 * A command that a record asks for is decided on here, from this side's own copy of its arguments.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/explain.h"
#include "monitor/job.h"
#include "monitor/monitor.h"
#include "monitor/ruleset.h"
#include "policy/decision.h"
#include "policy/refusal.h"
#include "spawn/environment.h"
#include "spawn/identity.h"
#include "spawn/launch.h"
#include "spawn/spawn.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

#define N_STREAMS 3

/* A start on its way. */
struct request {
        struct monitor *monitor;
        uint32_t id;
        struct audit_peer peer;
        const char **argv;
        int streams[N_STREAMS];
        int cwd_fd; /* -1: ours */
        int64_t started_us;
        uint32_t flags; /* enum record_start_flag */
        struct spawn_limit limits[RECORD_LIMITS_MAX];
        struct spawn_apart apart;
        struct decision decision;
};

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

/* Answers */

/* The filter's name, and behind it the sentence. Return: the name's bytes */
static uint32_t put_filter(const struct filter *filter, struct text *tail)
{
        if (!filter)
                return 0;
        text_put(tail, filter->name, strnlen(filter->name, MONITOR_FILTER_BYTES_MAX));
        return (uint32_t)tail->n_bytes;
}

/* FAILED; its tail is borrowed from @tail. */
static struct record as_failure(uint32_t id,
                                int exit_code,
                                int error,
                                const struct filter *filter,
                                const struct text *sentence,
                                struct text *tail)
{
        struct record record = {
                .type = RECORD_FAILED,
                .id = id,
                .failed = { .exit_code = exit_code, .error = error },
        };

        record.failed.n_filter_bytes = put_filter(filter, tail);
        text_put(tail, text_get(sentence),
                 sentence->n_bytes < MONITOR_SENTENCE_BYTES_MAX ? sentence->n_bytes
                                                                : MONITOR_SENTENCE_BYTES_MAX);
        record.tail = text_get(tail);
        record.n_tail = tail->n_bytes;
        if (tail->broken) /* without memory, without words */
                record.failed.n_filter_bytes = 0, record.n_tail = 0;
        return record;
}

static int tell_failure(struct request *request,
                        int exit_code,
                        int error,
                        const struct text *sentence)
{
        cleanup_text struct text tail = { 0 };
        struct record record = as_failure(request->id, exit_code, error, request->decision.filter,
                                          sentence, &tail);

        request->monitor->status.n_failed++;
        return err_trace(monitor_answer(request->monitor, &record));
}

/* What could not be started, as far as it is known. */
static const char *const *words_of(const struct request *request)
{
        static const char *const none[] = { NULL };

        if (request->decision.command.n_argv)
                return request->decision.command.argv;
        return request->argv ? request->argv : none;
}

static void log_failure(const struct request *request, const char *step, int error)
{
        const struct filter *filter = request->decision.filter;
        struct audit_failure failure = {
                .peer = request->peer,
                .filter = filter ? filter->name : NULL,
                .run_as = filter ? filter->run_as : NULL,
                .step = step,
                .error = error,
        };

        cmdline_keep(&failure.cmdline, words_of(request));
        audit_failure(&request->monitor->audit, &failure);
        cmdline_deinit(&failure.cmdline);
}

static void put_failure(struct text *sentence,
                        const char *program,
                        size_t n_program,
                        const char *step,
                        int error,
                        const struct filter *filter)
{
        text_put_string(sentence, "Cannot start ");
        if (program)
                text_put_escaped(sentence, program, n_program, 256);
        else
                text_put_string(sentence, "the command");
        if (error)
                text_printf(sentence, ": %s: %s (errno %d)", step, strerror(error), error);
        else
                text_printf(sentence, ": %s", step);
        if (filter)
                text_printf(sentence, " (filter match = %.256s)", filter->name);
}

static int fail(struct request *request, const char *step, int error)
{
        const char *program = words_of(request)[0];
        cleanup_text struct text sentence = { 0 };

        put_failure(&sentence, program, program ? strlen(program) : 0, step, error,
                    request->decision.filter);
        log_failure(request, step, error);
        return err_trace(tell_failure(request, -1, error, &sentence));
}

/**
 * monitor_send_failure() - a start that was begun has failed
 * @monitor: the monitor
 * @job:     its child has ended; is forgotten, unless the worker does not take it now
 *
 * Return: as monitor_send()
 */
int monitor_send_failure(struct monitor *monitor, struct job *job)
{
        const char *step = spawn_step_name(job->failure.step);
        const struct cmdline *cmdline = &job->audit.cmdline;
        cleanup_text struct text sentence = { 0 };
        cleanup_text struct text tail = { 0 };
        struct audit_failure failure = {
                .peer = job->audit.peer,
                .cmdline = job->audit.cmdline,
                .filter = job->filter->name,
                .run_as = job->filter->run_as,
                .step = step,
                .error = job->failure.error,
        };
        struct record record;
        int r;

        put_failure(&sentence, cmdline->bytes,
                    cmdline->n_bytes ? strnlen(cmdline->bytes, cmdline->n_bytes) : 0, step,
                    job->failure.error, job->filter);
        record = as_failure(job->id, -1, job->failure.error, job->filter, &sentence, &tail);
        r = monitor_send(monitor, &record);
        if (r == -EAGAIN)
                return r;
        audit_failure(&monitor->audit, &failure);
        monitor->status.n_started--;
        monitor->status.n_failed++;
        (void)job_free(job);
        return r;
}

/* In kill(1)'s words, and with its status. */
static int fail_to_signal(struct request *request, int error)
{
        const struct command *command = &request->decision.command;
        cleanup_text struct text sentence = { 0 };

        text_printf(&sentence, "kill: (%.64s): %s\n", command->argv[command->n_argv - 1],
                    strerror(error));
        log_failure(request, spawn_step_name(SPAWN_KILL), error);
        return err_trace(tell_failure(request, 1, error, &sentence));
}

static void log_refusal(const struct request *request)
{
        const struct decision *decision = &request->decision;
        const struct ruleset *ruleset = request->monitor->ruleset;
        struct audit_refusal refusal = { .peer = request->peer, .verdict = decision->verdict };
        cleanup_text struct text reason = { 0 };

        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                refusal.filter = decision->filter->name;
                refusal.path = decision->filter->exec_path;
                refusal_put_missing(&reason, decision, &ruleset->policy);
        }
        if (decision->limit)
                text_put_string(&reason, "A regular expression reached its match limit");
        if (reason.n_bytes)
                text_put_string(&reason, ". ");
        if (!refusal_put_stricter(&reason, decision, &ruleset->policy, &ruleset->system,
                                  request->argv))
                text_cut(&reason, reason.n_bytes ? reason.n_bytes - 2 : 0, "");
        refusal.reason = reason.n_bytes ? text_get(&reason) : NULL;
        cmdline_keep(&refusal.cmdline, request->argv);
        audit_refusal(&request->monitor->audit, &refusal);
        cmdline_deinit(&refusal.cmdline);
}

/* A client of the manager protocol gets nothing but the code. */
static int refuse(struct request *request)
{
        const struct decision *decision = &request->decision;
        cleanup_text struct text tail = { 0 };
        struct record record = {
                .type = RECORD_REFUSED,
                .id = request->id,
                .refused.exit_code = verdict_exit_code(decision->verdict),
        };

        request->monitor->status.n_refused++;
        log_refusal(request);
        if (request->flags & RECORD_START_APART) {
                record.refused.error = decision->verdict == VERDICT_NOT_EXECUTABLE ? ENOENT : 0;
                record.refused.n_filter_bytes = put_filter(decision->filter, &tail);
                refusal_put_verdict(&tail, decision, request->argv);
                if (tail.n_bytes > MONITOR_SENTENCE_BYTES_MAX)
                        text_cut(&tail, MONITOR_SENTENCE_BYTES_MAX, "...");
                record.tail = text_get(&tail);
                record.n_tail = tail.n_bytes;
                if (tail.broken)
                        record.refused.n_filter_bytes = 0, record.n_tail = 0;
        }
        return err_trace(monitor_answer(request->monitor, &record));
}

/* Start */

/* Nobody can watch over it: it must not run. */
static int give_up(struct request *request, pid_t pid, int r)
{
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return err_trace(fail(request, "watch over it", -r));
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
                        return err_trace(fail(request, spawn_step_name(SPAWN_FORK), -r));
                return err_trace(take_over(request, launch.pid, &launch));
        }
        r = spawn_start(spawn, &pid, &step);
        if (r && step == SPAWN_KILL)
                return err_trace(fail_to_signal(request, -r));
        if (r)
                return err_trace(fail(request, spawn_step_name(step), -r));
        return err_trace(take_over(request, pid, NULL));
}

/* What a filter's run_as names must exist when it is needed. */
static int fail_to_find_user(struct request *request, int r)
{
        const char *user = request->decision.filter->run_as;
        cleanup_text struct text step = { 0 };

        if (r < 0) {
                text_printf(&step, "find the user \"%.64s\"", user);
                return err_trace(fail(request, text_get(&step), -r));
        }
        text_printf(&step, "there is no user \"%.64s\"", user);
        return err_trace(fail(request, text_get(&step), 0));
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
                return err_trace(fail(request, "watch over one more", EMFILE));
        if (request->cwd_fd >= 0 && decision->command.argv[0][0] != '/')
                return err_trace(fail(request, "execute it, with its path not absolute", EPERM));
        r = ruleset_find_user(monitor->ruleset, decision->filter->run_as, &spawn.identity);
        if (r)
                return err_trace(fail_to_find_user(request, r));
        spawn.envp = environment_merge(&decision->arena, (const char *const *)environ,
                                       decision->command.env);
        if (!spawn.envp)
                return err_trace(fail(request, "make its environment", ENOMEM));
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
                return err_trace(fail(request, "decide on it", -r));
        if (request->decision.verdict == VERDICT_ALLOW)
                return err_trace(run(request));
        return err_trace(refuse(request));
}

/* As if we had been started there: relative paths are what the command will take them for. */
static int decide_there(struct request *request)
{
        struct monitor *monitor = request->monitor;
        int r;

        if (request->cwd_fd < 0)
                return err_trace(decide_and_run(request));
        if (fchdir(request->cwd_fd) < 0)
                return err_trace(fail(request, "change to its working directory", errno));
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
                r = fail(request, "see what its client sees: the process that connected is gone",
                         0);
        else if (r == NAMESPACE_E_UNSAFE)
                r = fail(request,
                         "serve its client: it has other mounts than the daemon, beyond /tmp and "
                         "/var/tmp, or another root",
                         0);
        else if (r)
                r = fail(request, "enter its client's mount namespace", -r);
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
        for (i = 0; i < N_STREAMS; i++) {
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

/* What it asks for as `env NAME=VALUE... COMMAND`: what comes last goes first. */
static int put_env_first(const char ***argv, size_t n_args, size_t n_env)
{
        const char **words;

        words = calloc(1 + n_env + n_args + 1, sizeof(*words));
        if (!words)
                return err_origin(-ENOMEM);
        words[0] = "env";
        memcpy(words + 1, *argv + n_args, n_env * sizeof(*words));
        memcpy(words + 1 + n_env, *argv, n_args * sizeof(*words));
        free(*argv);
        *argv = words;
        return 0;
}

/* Return: 0, MONITOR_E_VIOLATION, or -ENOMEM */
static int take_argv(struct monitor *monitor,
                     const struct record *record,
                     const struct record_explain *sizes,
                     const char ***ret_argv)
{
        struct args *args = &monitor->args;
        int r;

        r = args->is_lost ? -ENOMEM : args_add(args, record->tail, record->n_tail);
        if (r)
                return r == ARGS_E_BAD ? MONITOR_E_VIOLATION : r;
        if (args->n_bytes != sizes->n_args_bytes || sizes->n_args > RECORD_ARGS_MAX ||
            sizes->n_env > RECORD_ARGS_MAX)
                return MONITOR_E_VIOLATION;
        r = args_split(args, sizes->n_args + sizes->n_env, ret_argv);
        if (!r && sizes->n_env)
                r = put_env_first(ret_argv, sizes->n_args, sizes->n_env);
        return r == ARGS_E_BAD ? MONITOR_E_VIOLATION : r;
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

static int start(struct request *request, struct record *record, struct fd_list *fds)
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
        if (!r)
                r = take_argv(request->monitor, record, &sizes, &argv);
        if (r == -ENOMEM)
                return err_trace(fail(request, "hold its arguments", ENOMEM));
        if (r)
                return r;
        request->argv = argv;
        return err_trace(decide(request));
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

static const char *user_name(const struct monitor *monitor, uid_t uid)
{
        if (monitor->is_service)
                return admission_name(&monitor->ruleset->admission, uid);
        return uid == monitor->owner ? monitor->owner_name : NULL;
}

/* What each start begins with. Return: 0 or MONITOR_E_VIOLATION */
static int begin_request(struct request *request, struct monitor *monitor, struct record *record)
{
        uid_t uid = record->start.peer_uid;

        if (end_jobs(monitor, record, record->start.n_done))
                return MONITOR_E_VIOLATION;
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
        return err_trace(fail(&request, "take its streams", EMFILE));
}

static int handle_start(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        struct request request;
        int r;

        r = begin_request(&request, monitor, record);
        monitor_watch_held(monitor);
        if (r)
                return r;
        r = start(&request, record, fds);
        decision_deinit(&request.decision);
        args_forget(&monitor->args);
        return err_trace(r);
}

/* Others */

static int handle_signal(struct monitor *monitor, struct record *record, struct fd_list *fds)
{
        static const int allowed[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGKILL, SIGUSR1,
                                       SIGUSR2, SIGTERM, SIGCONT, SIGTSTP };
        const struct job *job = record->id < RECORD_IDS_MAX ? monitor->jobs[record->id] : NULL;
        size_t i;

        (void)fds;
        for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
                if (allowed[i] == record->signal.signal)
                        break;
        if (!job || i == sizeof(allowed) / sizeof(allowed[0]))
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
        r = take_argv(monitor, record, &record->explain, &argv);
        if (!r || r == -ENOMEM)
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
