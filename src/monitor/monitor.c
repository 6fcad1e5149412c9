/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor waits for: records of the worker, exits of commands, signals, the end of the
 * worker and of whoever started us. It never waits for the worker: what the worker does not take is
 * held, one answer and the exits that are to be told, and as long as an answer is held no more is
 * read from the worker, so that nothing can pile up.
 */
#include "monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/job.h"
#include "monitor/ruleset.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/text.h"

/* Records that are read before others get their turn. */
#define RECORDS_AT_ONCE 16
/* Records that an ended worker may have left: its channel never has room for more. */
#define RECORDS_LEFT_MAX 4096

#define VIOLATION        "The worker broke the rules of its channel, and is ended"

/* The end */

/* Does it end with us? One that is being ended does, even if it was to go on. */
static bool must_end(const struct job *job)
{
        return job && job->is_apart && (!job->goes_on || job->is_ending) && !job->has_exited;
}

/* Is there still a command that we wait for? */
static bool has_jobs_left(const struct monitor *monitor)
{
        size_t i;

        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (must_end(monitor->jobs[i]))
                        return true;
        return false;
}

/* The time is over for all of them. */
static int dispatch_jobs_end(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, jobs_end);
        size_t i;

        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (must_end(monitor->jobs[i]))
                        job_signal(monitor->jobs[i], SIGKILL);
        return LOOP_E_EXIT; /* what remains of others is killed then */
}

static int dispatch_look(struct remains *remains);

/*
 * What commands leave behind in their groups has its grace time also when we end: it may be just
 * what must not be cut off. So as not to wait for that where nobody is left, we look, and again
 * when one whom we saw has ended; while we serve, which would have us look for each command, a
 * zombie is cheaper.
 *
 * Return: LOOP_E_EXIT when nothing is left, or 0
 */
static int end_if_alone(struct monitor *monitor)
{
        if (has_jobs_left(monitor))
                return 0; /* its exit gets us here again */
        return remains_wait(&monitor->remains, dispatch_look) ? 0 : LOOP_E_EXIT;
}

static int dispatch_look(struct remains *remains)
{
        return end_if_alone(container_of(remains, struct monitor, remains));
}

/**
 * monitor_end() - the worker is gone: end, but not before what belongs to its clients has
 * @monitor: the monitor
 *
 * Return: LOOP_E_EXIT, or 0: as soon as that is so
 */
int monitor_end(struct monitor *monitor)
{
        size_t i;

        if (monitor->jobs_end.loop)
                return 0;
        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (must_end(monitor->jobs[i]))
                        job_end(monitor->jobs[i]);
        loop_timer_set(&monitor->jobs_end, &monitor->loop, dispatch_jobs_end, MONITOR_GRACE_MS);
        return end_if_alone(monitor);
}

/* The worker can't be trusted any more: it is killed at once, and we go with it. */
static int give_up(struct monitor *monitor, const char *why)
{
        if (monitor->jobs_end.loop)
                return 0;
        audit_note(&monitor->audit, AUDIT_WORKER_ENDED, why);
        monitor->exit_code = 1;
        loop_io_deinit(&monitor->channel);
        loop_io_deinit(&monitor->worker_exit);
        loop_timer_stop(&monitor->worker_end);
        loop_timer_stop(&monitor->finish);
        (void)worker_process_end(&monitor->worker);
        return monitor_end(monitor);
}

static bool is_running(const struct monitor *monitor)
{
        size_t i;

        for (i = 0; monitor->n_jobs && i < RECORD_IDS_MAX; i++)
                if (monitor->jobs[i] && !monitor->jobs[i]->has_exited)
                        return true;
        return false;
}

static int dispatch_finish(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, finish);

        if (is_running(monitor))
                return 0; /* its exit sets the timer again */
        return give_up(monitor, "The worker went on when there was nothing left to do");
}

/**
 * monitor_expect_end() - we stop, or a command has ended since: the worker must not go on for ever
 * @monitor: is stopping
 */
void monitor_expect_end(struct monitor *monitor)
{
        loop_timer_set(&monitor->finish, &monitor->loop, dispatch_finish, MONITOR_FINISH_MS);
}

/* To the worker */

static int flush(struct monitor *monitor);
static int watch_channel(struct monitor *monitor);

static int dispatch_send_retry(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, send_retry);
        int r;

        if (!monitor->channel.loop)
                return 0;
        r = flush(monitor);
        return r < 0 && r != -EAGAIN ? err_trace(r) : err_trace(watch_channel(monitor));
}

/* Return: as monitor_send() */
static int send_bytes(struct monitor *monitor, const char *bytes, size_t n_bytes)
{
        int r;

        r = fd_send(monitor->worker.channel, bytes, n_bytes, NULL, 0);
        if (!fd_is_for_later(r))
                return r;
        loop_timer_set(&monitor->send_retry, &monitor->loop, dispatch_send_retry,
                       MONITOR_SEND_RETRY_MS);
        return -EAGAIN;
}

/**
 * monitor_send() - one record to the worker
 * @monitor: the monitor
 * @record:  of a type that the worker takes
 *
 * Return: 0, FD_E_END, -EAGAIN when it can't be now, or another negative errno
 */
int monitor_send(struct monitor *monitor, const struct record *record)
{
        size_t n;

        if (monitor->worker.channel < 0)
                return FD_E_END;
        n = record_format(record, monitor->out, sizeof(monitor->out));
        return n ? send_bytes(monitor, monitor->out, n) : err_origin(-EMSGSIZE);
}

/* Reads only while nothing is held; writes only while something is, and it is the socket that has
 * no room for it. */
static int watch_channel(struct monitor *monitor)
{
        uint32_t events = 0;

        if (!monitor->channel.loop)
                return 0; /* it has ended: what is held is for nobody */
        if (!monitor->n_held && !monitor->status.answer.is_due)
                events |= EPOLLIN;
        if (!monitor->send_retry.loop &&
            (monitor->n_held || monitor->status.answer.is_due || monitor->first_unreported ||
             monitor->must_admit || monitor->must_finish || monitor->must_ping))
                events |= EPOLLOUT;
        return err_trace(loop_io_set(&monitor->channel, events));
}

/**
 * monitor_answer() - tell the worker what became of a start
 * @monitor: the monitor; holds no answer
 * @record:  REFUSED, FAILED, STARTED, EXPLAINED, ADMIT
 *
 * Return: 0 or negative errno
 */
int monitor_answer(struct monitor *monitor, const struct record *record)
{
        int r;

        r = monitor_send(monitor, record);
        if (r == -EAGAIN) {
                monitor->n_held = record_format(record, monitor->held, sizeof(monitor->held));
                return err_trace(watch_channel(monitor));
        }
        return r == FD_E_END ? 0 : err_trace(r); /* its end is noticed where we read */
}

/* What is to be said of a job, in its order. Return: as monitor_send() */
static int send_report(struct monitor *monitor, struct job *job)
{
        int r;

        if (job->has_exited && job->failure.error)
                return monitor_send_failure(monitor, job); /* which forgets it */
        if (!job->is_told_started && !(job->may_be_late && job->has_exited)) {
                r = monitor_send(monitor, &(struct record){ .type = RECORD_STARTED,
                                                            .id = job->id,
                                                            .started.pid = job->pid });
                if (r)
                        return r;
                job->is_told_started = true;
        }
        if (!job->has_exited)
                return 0;
        r = monitor_send(
                monitor,
                &(struct record){ .type = RECORD_EXITED, .id = job->id, .exited = job->exited });
        job->is_reported = r != -EAGAIN;
        return r;
}

static void stand_in_line(struct monitor *monitor, struct job *job)
{
        if (job->is_unreported)
                return;
        job->is_unreported = true;
        if (monitor->last_unreported)
                monitor->last_unreported->next_unreported = job;
        else
                monitor->first_unreported = job;
        monitor->last_unreported = job;
}

/* Return: as send_report() */
static int send_first(struct monitor *monitor)
{
        struct job *job = monitor->first_unreported;
        struct job *next = job->next_unreported;
        int r;

        job->is_unreported = false;
        job->next_unreported = NULL;
        monitor->first_unreported = next;
        if (!next)
                monitor->last_unreported = NULL;
        r = send_report(monitor, job);
        if (r != -EAGAIN)
                return r;
        job->is_unreported = true;
        job->next_unreported = monitor->first_unreported;
        monitor->first_unreported = job;
        if (!monitor->last_unreported)
                monitor->last_unreported = job;
        return r;
}

/**
 * monitor_report() - tell the worker that a command was started, was not, or has exited
 * @monitor: the monitor
 * @job:     the command; may be forgotten
 *
 * Return: 0, LOOP_E_EXIT, or negative errno
 */
int monitor_report(struct monitor *monitor, struct job *job)
{
        int r = -EAGAIN;

        if (monitor->jobs_end.loop)
                return end_if_alone(monitor);
        if (monitor->is_stopping)
                monitor_expect_end(monitor);
        if (!monitor->first_unreported && !monitor->n_held) /* what was said first comes first */
                r = send_report(monitor, job);
        if (r != -EAGAIN)
                return r == FD_E_END ? 0 : err_trace(r);
        stand_in_line(monitor, job);
        return err_trace(watch_channel(monitor));
}

/* Return: as monitor_send() */
static int send_admission(struct monitor *monitor)
{
        uint32_t tail[2 * RECORD_ADMITS_MAX];
        struct record record;
        int r;

        admission_put(&monitor->ruleset->admission, &record, tail);
        r = monitor_send(monitor, &record);
        monitor->must_admit = r == -EAGAIN;
        return r;
}

/* Return: as monitor_send() */
static int send_ping(struct monitor *monitor)
{
        int r;

        r = monitor_send(monitor, &(struct record){ .type = RECORD_PING });
        if (r)
                return r;
        monitor->must_ping = false;
        monitor->is_pinged = true;
        return 0;
}

/* Return: 0 when all is sent, -EAGAIN, FD_E_END, or another negative errno */
static int flush(struct monitor *monitor)
{
        int r;

        if (monitor->n_held) {
                r = send_bytes(monitor, monitor->held, monitor->n_held);
                if (r)
                        return r;
                monitor->n_held = 0;
        }
        if (monitor->status.answer.is_due) {
                r = status_send(monitor);
                if (r)
                        return r;
        }
        if (monitor->must_admit) {
                r = send_admission(monitor);
                if (r)
                        return r;
        }
        if (monitor->must_finish) {
                r = monitor_send(monitor, &(struct record){ .type = RECORD_FINISH });
                if (r)
                        return r;
                monitor->must_finish = false;
        }
        if (monitor->must_ping) {
                r = send_ping(monitor);
                if (r)
                        return r;
        }
        while (monitor->first_unreported) {
                r = send_first(monitor);
                if (r)
                        return r;
        }
        return 0;
}

/**
 * monitor_answer_status() - answer what runs, as far as the worker takes it now
 * @monitor: its answer is due
 *
 * Return: 0 or negative errno
 */
int monitor_answer_status(struct monitor *monitor)
{
        int r;

        r = flush(monitor);
        if (r && r != -EAGAIN)
                return r == FD_E_END ? 0 : err_trace(r);
        return err_trace(watch_channel(monitor));
}

/* From the worker */

/* It has closed its end: it ends, and is killed if it doesn't. */
static int end_worker(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, worker_end);

        return give_up(monitor, "The worker closed its channel and went on");
}

static int handle_end(struct monitor *monitor)
{
        loop_io_deinit(&monitor->channel);
        loop_timer_set(&monitor->worker_end, &monitor->loop, end_worker, MONITOR_WORKER_END_MS);
        return 0;
}

static int handle_bytes(struct monitor *monitor,
                        const char *bytes,
                        size_t n_bytes,
                        struct fd_list *fds,
                        bool is_short)
{
        struct record record;
        int r;

        r = record_parse(bytes, n_bytes, &record);
        if (r)
                return MONITOR_E_VIOLATION;
        if (!is_short)
                return err_trace(monitor_handle(monitor, &record, fds));
        if (record.type != RECORD_START)
                return MONITOR_E_VIOLATION;
        return err_trace(monitor_refuse_short(monitor, &record));
}

/* Return: 0, -EAGAIN when there is no more, FD_E_*, MONITOR_E_VIOLATION as FD_E_VIOLATION */
static int take_record(struct monitor *monitor)
{
        static char buffer[RECORD_BYTES_MAX];
        struct fd_list fds = { .n_fds = 0 };
        size_t n;
        int r;

        r = fd_receive(monitor->worker.channel, buffer, sizeof(buffer), &n, &fds);
        if (r && r != FD_E_SHORT)
                return r;
        r = handle_bytes(monitor, buffer, n, &fds, r == FD_E_SHORT);
        fd_list_close(&fds);
        return r == MONITOR_E_VIOLATION ? FD_E_VIOLATION : err_trace(r);
}

/* Not while there is an answer that could not be sent: nothing piles up. */
static bool may_read(const struct monitor *monitor)
{
        return !monitor->n_held && !monitor->status.answer.is_due;
}

static int dispatch_channel(struct loop_io *io, uint32_t events)
{
        struct monitor *monitor = container_of(io, struct monitor, channel);
        int i;
        int r = 0;

        if (events & EPOLLOUT)
                r = flush(monitor);
        /* With one command under way, asking for a second record is a call in vain. */
        for (i = 0; !r && may_read(monitor) && i < RECORDS_AT_ONCE && (!i || monitor->n_jobs > 1);
             i++)
                r = take_record(monitor);
        switch (r) {
        case 0:
        case -EAGAIN:
                return err_trace(watch_channel(monitor));
        case FD_E_END:
                return handle_end(monitor);
        case FD_E_VIOLATION:
                return give_up(monitor, VIOLATION);
        default:
                return err_fold(r);
        }
}

static int dispatch_worker_exit(struct loop_io *io, uint32_t events)
{
        struct monitor *monitor = container_of(io, struct monitor, worker_exit);
        cleanup_text struct text text = { 0 };
        size_t n_jobs = monitor->n_jobs;
        int status;
        int r = 0;
        int i;

        (void)events;
        /* Its last words; whoever it gave the channel to may go on with them for ever. */
        for (i = 0; !r && may_read(monitor) && i < RECORDS_LEFT_MAX; i++)
                r = monitor->channel.loop ? take_record(monitor) : FD_E_END;
        if (r == FD_E_VIOLATION)
                return give_up(monitor, VIOLATION);
        if (waitpid(monitor->worker.pid, &status, WNOHANG) != monitor->worker.pid)
                return 0;
        monitor->worker.pid = -1;
        loop_io_deinit(&monitor->worker_exit);
        if (monitor->is_stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return monitor_end(monitor);
        if (WIFSIGNALED(status))
                text_printf(&text, "The worker was killed by signal %d", WTERMSIG(status));
        else
                text_printf(&text, "The worker ended with status %d", WEXITSTATUS(status));
        if (n_jobs)
                text_printf(&text, "; %zu commands go on without us, or are ended", n_jobs);
        return give_up(monitor, text_get(&text));
}

/* The log */

static int dispatch_audit(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, audit_due);

        (void)audit_tick(&monitor->audit);
        monitor_watch_audit(monitor);
        return 0;
}

/**
 * monitor_watch_audit() - say what is held back also if nothing happens any more
 * @monitor: has logged something that a stranger can cause at will; is not woken if nothing is held
 */
void monitor_watch_audit(struct monitor *monitor)
{
        if (!monitor->audit_due.loop && audit_is_holding(&monitor->audit))
                loop_timer_set(&monitor->audit_due, &monitor->loop, dispatch_audit, AUDIT_FLOOD_MS);
}

static int dispatch_held(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, held_due);

        (void)audit_tick(&monitor->audit);
        if (monitor->audit.n_held)
                loop_timer_set(timer, &monitor->loop, dispatch_held, AUDIT_HELD_AGAIN_MS);
        return 0;
}

/**
 * monitor_watch_held() - write what is held of commands also if none follows
 * @monitor: has logged commands, or may have
 */
void monitor_watch_held(struct monitor *monitor)
{
        if (!monitor->audit.n_held)
                loop_timer_stop(&monitor->held_due);
        else if (!monitor->held_due.loop)
                loop_timer_set(&monitor->held_due, &monitor->loop, dispatch_held, AUDIT_HELD_MS);
}

/* Signals, and the parent */

static int begin_stop(struct monitor *monitor, const char *why)
{
        int r;

        if (monitor->is_stopping)
                return 0;
        monitor->is_stopping = true;
        audit_note(&monitor->audit, AUDIT_STOPPED, why);
        notify_send(&monitor->notify, "STOPPING=1");
        if (!monitor->channel.loop)
                return 0; /* the worker ends already */
        monitor_expect_end(monitor);
        monitor->must_finish = true;
        r = flush(monitor);
        if (r < 0 && r != -EAGAIN)
                return err_trace(r);
        return err_trace(watch_channel(monitor));
}

/**
 * monitor_put_in_force() - log as its settings say, and what is odd about it
 * @monitor: has a ruleset
 */
void monitor_put_in_force(struct monitor *monitor)
{
        const struct policy *policy = &monitor->ruleset->policy;
        size_t i;

        audit_configure(&monitor->audit, &monitor->ruleset->settings);
        for (i = 0; i < policy->n_notes; i++) {
                cleanup_text struct text text = { 0 };

                text_put_string(&text, policy->notes[i].file);
                if (policy->notes[i].line)
                        text_printf(&text, ":%u", policy->notes[i].line);
                text_printf(&text, ": %s", policy->notes[i].text);
                audit_note(&monitor->audit, AUDIT_WARNING, text_get(&text));
        }
}

/* Return: 0 or negative errno */
static int reload(struct monitor *monitor)
{
        struct complaint complaint = { 0 };
        struct ruleset *ruleset;
        int r;

        r = ruleset_load(&ruleset, monitor->config, monitor->is_service, &complaint);
        if (r < 0)
                complaint_set(&complaint, monitor->config, 0, "%s", strerror(-r));
        if (r) {
                audit_complaint(&monitor->audit, AUDIT_RELOAD_REFUSED, &complaint);
        } else {
                (void)ruleset_unref(monitor->ruleset);
                monitor->ruleset = ruleset;
                monitor_put_in_force(monitor);
                audit_note(&monitor->audit, AUDIT_RELOADED, monitor->config);
                monitor->must_admit = monitor->is_service;
        }
        complaint_deinit(&complaint);
        if (!monitor->must_admit || !monitor->channel.loop)
                return 0;
        r = flush(monitor);
        return r < 0 && r != -EAGAIN ? err_trace(r) : err_trace(watch_channel(monitor));
}

static int dispatch_signal(struct loop_io *io, uint32_t events)
{
        struct monitor *monitor = container_of(io, struct monitor, signals);
        struct signalfd_siginfo info;
        cleanup_text struct text why = { 0 };

        (void)events;
        if (read(io->fd, &info, sizeof(info)) != sizeof(info))
                return 0;
        if (info.ssi_signo == SIGHUP) {
                return err_trace(reload(monitor));
        }
        text_printf(&why, "signal %u of process %u", info.ssi_signo, info.ssi_pid);
        return err_trace(begin_stop(monitor, text_get(&why)));
}

static int dispatch_parent(struct loop_io *io, uint32_t events)
{
        struct monitor *monitor = container_of(io, struct monitor, parent);

        if (!(events & (EPOLLHUP | EPOLLERR)))
                return 0;
        loop_io_deinit(&monitor->parent);
        return err_trace(begin_stop(monitor, "who started it is gone"));
}

/* What is written to our stdin is not for us; only its end is. */
static int watch_parent(struct monitor *monitor)
{
        struct stat st;

        if (fstat(STDIN_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
                return 0;
        /* Hang-ups are always reported; the edge is for no event at all besides. */
        return err_trace(loop_io_init(&monitor->parent, &monitor->loop, dispatch_parent,
                                      STDIN_FILENO, EPOLLET | EPOLLHUP));
}

/* What it hears is the worker's answer: one that hangs serves nobody. */
static int dispatch_watchdog(struct loop_timer *timer)
{
        struct monitor *monitor = container_of(timer, struct monitor, watchdog);
        int r;

        loop_timer_set(&monitor->watchdog, &monitor->loop, dispatch_watchdog,
                       monitor->notify.watchdog_ms);
        if (!monitor->channel.loop) { /* it ends, and so do we */
                notify_send(&monitor->notify, NOTIFY_ALIVE);
                return 0;
        }
        if (monitor->is_pinged || monitor->must_ping)
                return 0;
        monitor->must_ping = true;
        r = flush(monitor);
        return r < 0 && r != -EAGAIN ? err_trace(r) : err_trace(watch_channel(monitor));
}

/**
 * monitor_watch() - watch everything
 * @monitor: its worker is ready, its signal_fd there
 *
 * Return: 0 or negative errno
 */
int monitor_watch(struct monitor *monitor)
{
        int r;

        r = loop_io_init(&monitor->channel, &monitor->loop, dispatch_channel,
                         monitor->worker.channel, EPOLLIN);
        if (!r)
                r = loop_io_init(&monitor->worker_exit, &monitor->loop, dispatch_worker_exit,
                                 monitor->worker.pidfd, EPOLLIN);
        if (!r)
                r = loop_io_init(&monitor->signals, &monitor->loop, dispatch_signal,
                                 monitor->signal_fd, EPOLLIN);
        if (!r)
                r = watch_parent(monitor);
        if (!r && monitor->notify.watchdog_ms)
                r = dispatch_watchdog(&monitor->watchdog);
        if (!r && monitor->must_admit) {
                r = flush(monitor);
                r = r == -EAGAIN ? watch_channel(monitor) : r;
        }
        return err_trace(r);
}

/**
 * monitor_deinit() - end the worker, and leave nothing behind; commands that run go on
 * @monitor: the monitor
 */
void monitor_deinit(struct monitor *monitor)
{
        size_t i;

        for (i = 0; monitor->n_jobs && i < RECORD_IDS_MAX; i++)
                (void)job_free(monitor->jobs[i]);
        remains_kill(&monitor->remains);
        loop_timer_stop(&monitor->send_retry);
        loop_timer_stop(&monitor->worker_end);
        loop_timer_stop(&monitor->finish);
        loop_timer_stop(&monitor->jobs_end);
        loop_timer_stop(&monitor->watchdog);
        loop_timer_stop(&monitor->held_due);
        loop_timer_stop(&monitor->audit_due);
        loop_io_deinit(&monitor->channel);
        loop_io_deinit(&monitor->worker_exit);
        loop_io_deinit(&monitor->signals);
        loop_io_deinit(&monitor->parent);
        (void)worker_process_end(&monitor->worker);
        socket_dir_remove(&monitor->dir);
        monitor->ruleset = ruleset_unref(monitor->ruleset);
        free(monitor->args.bytes);
        free(monitor->owner_name);
        audit_deinit(&monitor->audit);
        namespace_deinit(&monitor->namespace);
        notify_deinit(&monitor->notify);
        loop_deinit(&monitor->loop);
}
