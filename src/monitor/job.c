/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job lives from the start of its command until the worker has served the client: then both its
 * exit and its bytes are known, and its line goes to the log. Its exit comes through a pidfd, so
 * that no signal handler and no other process can get in between.
 *
 * One that is being ended is not reaped at its exit when others may be left in its process group,
 * who have their grace time: monitor/remains.c.
 */
#include "monitor/job.h"

#include <errno.h>
#include <linux/posix_types.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "monitor/remains.h"
#include "monitor/ruleset.h"
#include "util/cleanup.h"
#include "util/err.h"

/**
 * job_clock_us() - the clock for how long a command ran, in microseconds
 */
int64_t job_clock_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint64_t as_us(int64_t seconds, int64_t us)
{
        return (uint64_t)seconds * 1000000 + (uint64_t)us;
}

/* The kernel's own structure, whatever the C library makes of times: getrusage(2). */
struct usage {
        __kernel_long_t user_s;
        __kernel_long_t user_us;
        __kernel_long_t system_s;
        __kernel_long_t system_us;
        __kernel_long_t rss_max_kb;
        __kernel_long_t others[13];
};

/* As wait(2) has it. */
static int status_of(const siginfo_t *info)
{
        switch (info->si_code) {
        case CLD_EXITED:
                return info->si_status << 8;
        case CLD_DUMPED:
                return info->si_status | WCOREFLAG;
        default:
                return info->si_status;
        }
}

/* What became of a command, of whose group there may be a rest: it is not reaped. Only the system
 * call, and not the C library's waitid(), tells also what was used. Return: has it ended? */
static bool look_at(struct job *job)
{
        struct usage usage = { 0 };
        siginfo_t info = { .si_pid = 0 };

        if (syscall(SYS_waitid, P_PID, job->pid, &info, WEXITED | WNOHANG | WNOWAIT, &usage) < 0 ||
            info.si_pid != job->pid)
                return false;
        job->exited = (struct record_exited){
                .status = status_of(&info),
                .user_us = as_us(usage.user_s, usage.user_us),
                .system_us = as_us(usage.system_s, usage.system_us),
                .rss_max_kb = (uint64_t)usage.rss_max_kb,
        };
        return true;
}

/* The same of any other, which is reaped. */
static bool reap(struct job *job)
{
        struct rusage usage;
        int status;

        if (wait4(job->pid, &status, WNOHANG, &usage) != job->pid)
                return false;
        job->exited = (struct record_exited){
                .status = status,
                .user_us = as_us(usage.ru_utime.tv_sec, usage.ru_utime.tv_usec),
                .system_us = as_us(usage.ru_stime.tv_sec, usage.ru_stime.tv_usec),
                .rss_max_kb = (uint64_t)usage.ru_maxrss,
        };
        return true;
}

/* Its group has the rest of the time that the command had. */
static void leave_group(struct job *job)
{
        struct loop *loop = &job->monitor->loop;
        int64_t left_ms = job->grace.deadline_ms - loop->now_ms;

        loop_timer_stop(&job->grace);
        remains_hold(&job->monitor->remains, job->pid, left_ms);
}

/* The start is over. */
static void end_start(struct job *job)
{
        loop_io_deinit(&job->start);
        job->failure.error = -launch_finish(&job->launch, &job->failure.step);
        job->is_started = !job->failure.error;
}

static int dispatch_start(struct loop_io *io, uint32_t events)
{
        struct job *job = container_of(io, struct job, start);

        (void)events;
        end_start(job);
        if (job->is_started && !job->is_told_started)
                return err_trace(monitor_report(job->monitor, job));
        return 0; /* a failure is told when the child has ended */
}

static int dispatch_exit(struct loop_io *io, uint32_t events)
{
        struct job *job = container_of(io, struct job, exit);
        bool is_held = job->grace.loop;
        int fd = io->fd;

        (void)events;
        if (job->start.loop)
                end_start(job);
        if (!(is_held ? look_at(job) : reap(job)))
                return 0;
        if (is_held)
                leave_group(job);
        job->audit.status = job->exited.status;
        job->audit.duration_us = job_clock_us() - job->started_us;
        job->exited.duration_us = (uint64_t)job->audit.duration_us;
        if (job->is_started)
                status_count_exit(&job->monitor->status, job->audit.duration_us);
        job->has_exited = true;
        loop_timer_stop(&job->late);
        loop_io_deinit(&job->exit);
        (void)close(fd);
        return err_trace(monitor_report(job->monitor, job));
}

/**
 * job_new() - watch over a command that was started
 * @ret_job: the job, which is one of @monitor's from now on
 * @monitor: the monitor
 * @id:      the worker's number for it, free
 * @pid:     our child; not waited for yet
 * @pidfd:   of it, taken in any case; -1: it is opened here
 *
 * Return: 0 or negative errno: the child is still the caller's
 */
int job_new(struct job **ret_job, struct monitor *monitor, uint32_t id, pid_t pid, int pidfd)
{
        cleanup_free struct job *job = NULL;
        cleanup_close int fd = pidfd;
        int r;

        job = calloc(1, sizeof(*job));
        if (!job)
                return err_origin(-ENOMEM);
        if (fd < 0)
                fd = (int)syscall(SYS_pidfd_open, pid, 0u);
        if (fd < 0)
                return err_origin(-errno); /* cppcheck-suppress memleak ; it is cleaned up */
        r = loop_io_init(&job->exit, &monitor->loop, dispatch_exit, fd, EPOLLIN);
        if (r)
                return err_trace(r);
        (void)steal_fd(&fd);
        job->monitor = monitor;
        job->ruleset = ruleset_ref(monitor->ruleset);
        job->id = id;
        job->pid = pid;
        job->is_started = true;
        job->is_told_started = true;
        job->launch.result = -1;
        monitor->jobs[id] = job;
        monitor->n_jobs++;
        *ret_job = steal_ptr(&job);
        return 0;
}

/**
 * job_watch_start() - its start is not over
 * @job:    was just made
 * @launch: its start; taken
 *
 * Return: 0 or negative errno: it was waited for, then
 */
int job_watch_start(struct job *job, const struct launch *launch)
{
        int r;

        job->launch = *launch;
        job->is_started = false;
        /* Its end, and not a failure that is told before it: we don't wait for the child. */
        r = loop_io_init(&job->start, &job->monitor->loop, dispatch_start, launch->result,
                         EPOLLHUP);
        if (r)
                end_start(job);
        return err_trace(r);
}

static int dispatch_late(struct loop_timer *timer)
{
        struct job *job = container_of(timer, struct job, late);

        return err_trace(monitor_report(job->monitor, job));
}

/**
 * job_tell_late() - the worker is told that it was started if it runs for long
 * @job: was started
 */
void job_tell_late(struct job *job)
{
        job->may_be_late = true;
        loop_timer_set(&job->late, &job->monitor->loop, dispatch_late, MONITOR_LATE_MS);
}

/**
 * job_signal() - send a signal to a command and what it has in its process group
 * @job:    has a group of its own, and has not exited
 * @signal: its number
 *
 * The group is there as soon as the program runs, and as long as we have not waited for its leader;
 * before that there is the leader alone.
 */
void job_signal(const struct job *job, int signal)
{
        if (kill(-job->pid, signal) < 0 && errno == ESRCH)
                (void)kill(job->pid, signal);
}

static int dispatch_grace(struct loop_timer *timer)
{
        job_signal(container_of(timer, struct job, grace), SIGKILL);
        return 0;
}

/**
 * job_end() - end a command and what it has in its process group: SIGTERM, later SIGKILL
 * @job: if it is being ended already, has no group of its own, or has exited, nothing is done
 */
void job_end(struct job *job)
{
        if (!job->is_apart || job->is_ending || job->has_exited)
                return;
        job->is_ending = true;
        job_signal(job, SIGTERM);
        job_signal(job, SIGCONT); /* one that is stopped would not notice */
        loop_timer_set(&job->grace, &job->monitor->loop, dispatch_grace, MONITOR_GRACE_MS);
}

/**
 * job_free() - forget a job; a command that still runs goes on
 * @job: or NULL
 *
 * Return: NULL
 */
struct job *job_free(struct job *job)
{
        if (!job)
                return NULL;
        if (!job->has_exited) {
                int fd = job->exit.fd;

                loop_io_deinit(&job->exit);
                (void)close(fd);
        }
        loop_io_deinit(&job->start);
        loop_timer_stop(&job->late);
        loop_timer_stop(&job->grace);
        launch_forget(&job->launch);
        job->monitor->jobs[job->id] = NULL;
        job->monitor->n_jobs--;
        cmdline_deinit(&job->audit.cmdline);
        (void)ruleset_unref(job->ruleset);
        free(job);
        return NULL;
}
