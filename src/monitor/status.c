/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a question for what runs is a record for each command, more than the channel may
 * take at once: where it stopped is remembered, and as long as it has not ended, nothing else is
 * read from the worker.
 */
#include "monitor/status.h"

#include <string.h>

#include "monitor/job.h"
#include "monitor/monitor.h"
#include "util/err.h"

/* Of a command's words, so many bytes are told. */
#define WORDS_BYTES_MAX 1024
#define NAME_BYTES_MAX  256

/**
 * status_count_exit() - one more command has ended
 * @status:      the numbers
 * @duration_us: how long it ran, in microseconds
 */
void status_count_exit(struct status *status, int64_t duration_us)
{
        static const int64_t limits_ms[] = RECORD_BUCKETS_MS;
        size_t i;

        for (i = 0; i < RECORD_BUCKETS - 1; i++)
                if (duration_us <= limits_ms[i] * 1000)
                        break;
        status->buckets[i]++;
        status->duration_us += (uint64_t)duration_us;
}

static int send_totals(struct monitor *monitor)
{
        const struct status *status = &monitor->status;
        struct record record = {
                .type = RECORD_TOTALS,
                .id = status->answer.id,
                .totals = { .uptime_s = (uint64_t)(job_clock_us() - status->started_us) / 1000000,
                            .n_started = status->n_started,
                            .n_refused = status->n_refused,
                            .n_failed = status->n_failed,
                            .duration_us = status->duration_us },
        };
        size_t i;

        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (monitor->jobs[i] && !monitor->jobs[i]->has_exited)
                        record.totals.n_running++;
        memcpy(record.totals.buckets, status->buckets, sizeof(status->buckets));
        return monitor_send(monitor, &record);
}

/* Return: the bytes that were appended to @tail */
static uint32_t put(char *tail, size_t at, const char *text)
{
        size_t n = text ? strlen(text) : 0;

        if (n > NAME_BYTES_MAX)
                n = NAME_BYTES_MAX;
        if (n)
                memcpy(tail + at, text, n); /* NOLINT(bugprone-not-null-terminated-result) */
        return (uint32_t)n;
}

static int send_job(struct monitor *monitor, const struct job *job)
{
        char tail[2 * NAME_BYTES_MAX + WORDS_BYTES_MAX];
        size_t n_words = job->audit.cmdline.n_bytes;
        struct record record = {
                .type = RECORD_COMMAND,
                .id = monitor->status.answer.id,
                .command = { .pid = job->pid,
                             .uid = job->audit.peer.uid,
                             .peer_pid = job->audit.peer.pid,
                             .duration_us = (uint64_t)(job_clock_us() - job->started_us) },
                .tail = tail,
        };

        record.command.n_filter_bytes = put(tail, 0, job->audit.filter);
        record.n_tail = record.command.n_filter_bytes;
        record.command.n_run_as_bytes = put(tail, record.n_tail, job->audit.run_as);
        record.n_tail += record.command.n_run_as_bytes;
        if (n_words > WORDS_BYTES_MAX)
                n_words = WORDS_BYTES_MAX;
        memcpy(tail + record.n_tail, job->audit.cmdline.bytes, n_words);
        record.n_tail += n_words;
        return monitor_send(monitor, &record);
}

static bool is_for(const struct job *job, uint32_t uid)
{
        return job && !job->has_exited && (!uid || job->audit.peer.uid == uid);
}

/**
 * status_send() - answer, or go on with an answer
 * @monitor: its answer is due
 *
 * Return: 0 when all is sent, -EAGAIN, FD_E_END, or another negative errno
 */
int status_send(struct monitor *monitor)
{
        struct status_answer *answer = &monitor->status.answer;
        int r;

        if (!answer->has_totals) {
                r = send_totals(monitor);
                if (r)
                        return r;
                answer->has_totals = true;
        }
        for (; answer->next < RECORD_IDS_MAX; answer->next++) {
                if (!is_for(monitor->jobs[answer->next], answer->uid))
                        continue;
                r = send_job(monitor, monitor->jobs[answer->next]);
                if (r)
                        return r;
        }
        r = monitor_send(monitor, &(struct record){ .type = RECORD_END, .id = answer->id });
        if (!r)
                *answer = (struct status_answer){ .is_due = false };
        return r;
}
