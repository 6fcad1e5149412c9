/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a request that is no job: it is logged, and the worker is told, with a sentence
 * for a client who can be told more than a code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/job.h"
#include "monitor/monitor.h"
#include "monitor/request.h"
#include "monitor/ruleset.h"
#include "policy/refusal.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

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

/**
 * request_fail() - it was allowed, or not decided on, and can't be started
 * @request: of which the worker is told
 * @step:    what could not be done, after "Cannot start ...: "
 * @error:   errno; 0: the step says it all
 *
 * Return: as monitor_answer()
 */
int request_fail(struct request *request, const char *step, int error)
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

/**
 * request_fail_to_signal() - the process that it was to signal can't be
 * @request: of a KillFilter
 * @error:   errno
 *
 * In kill(1)'s words, and with its status.
 *
 * Return: as monitor_answer()
 */
int request_fail_to_signal(struct request *request, int error)
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

/**
 * request_refuse() - it is not allowed
 * @request: of which the worker is told
 *
 * A client of the manager protocol gets nothing but the code.
 *
 * Return: as monitor_answer()
 */
int request_refuse(struct request *request)
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
