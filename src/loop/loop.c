/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread waits on an epoll set and calls whoever has something to do. It is level-triggered:
 * who does not take everything is called again. A callback may take away any source, its own
 * included, and free the source's owner: an event that was fetched for it already never arrives.
 *
 * Timers are a list in the order of their deadlines, and the next deadline is how long the wait may
 * take, so that setting one costs no system call. There are few different delays, and a new timer
 * nearly always belongs at the end, where the search for its place starts.
 */
#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "util/err.h"

static int64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail with this clock */
        return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/**
 * loop_init() - an empty set
 * @loop: set; deinit also after a failure
 *
 * Return: 0 or negative errno
 */
int loop_init(struct loop *loop)
{
        *loop = (struct loop){ .now_ms = now_ms() };
        loop->fd = epoll_create1(EPOLL_CLOEXEC);
        return loop->fd < 0 ? err_origin(-errno) : 0;
}

/**
 * loop_deinit() - give the set back
 * @loop: has no sources and timers any more
 */
void loop_deinit(struct loop *loop)
{
        if (loop->fd >= 0)
                (void)close(loop->fd);
        loop->fd = -1;
}

/**
 * loop_io_init() - watch a descriptor
 * @io:     set, and given to @fn; stays where it is until loop_io_deinit()
 * @loop:   the loop, which must outlive it
 * @fn:     called while any of @events is there, also for EPOLLHUP and EPOLLERR
 * @fd:     borrowed; stays open until loop_io_deinit()
 * @events: as epoll_ctl(2); 0: nothing is watched yet
 *
 * Return: 0 or negative errno, @io is not watched then
 */
int loop_io_init(struct loop_io *io, struct loop *loop, loop_io_fn fn, int fd, uint32_t events)
{
        *io = (struct loop_io){ .loop = loop, .fn = fn, .fd = fd };
        return err_trace(loop_io_set(io, events));
}

/**
 * loop_io_set() - watch for something else
 * @io:     the source
 * @events: from now on; 0: nothing, not even a hang-up, which epoll(7) otherwise always reports
 *
 * Return: 0 or negative errno, all is as before then; can't fail for 0
 */
int loop_io_set(struct loop_io *io, uint32_t events)
{
        struct epoll_event event = { .events = events, .data.ptr = io };
        int op = EPOLL_CTL_MOD;

        if (events == io->events)
                return 0;
        if (!io->events)
                op = EPOLL_CTL_ADD;
        else if (!events)
                op = EPOLL_CTL_DEL;
        if (epoll_ctl(io->loop->fd, op, io->fd, &event) < 0 && op != EPOLL_CTL_DEL)
                return err_origin(-errno);
        io->events = events;
        return 0;
}

/**
 * loop_io_deinit() - watch no longer; before the descriptor is closed
 * @io: zeroed; its callback will not be called again
 */
void loop_io_deinit(struct loop_io *io)
{
        int i;

        if (!io->loop)
                return;
        (void)loop_io_set(io, 0);
        for (i = 0; i < io->loop->n_batch; i++)
                if (io->loop->batch[i].data.ptr == io)
                        io->loop->batch[i].data.ptr = NULL;
        *io = (struct loop_io){ .fd = -1 };
}

/**
 * loop_timer_set() - be called later, once
 * @timer:    if it is set already it is moved; stays where it is until it fired or was stopped
 * @loop:     the loop
 * @fn:       called when the time has come; @timer is not set any more by then
 * @delay_ms: from the last wait of the loop on
 */
void loop_timer_set(struct loop_timer *timer, struct loop *loop, loop_timer_fn fn, int64_t delay_ms)
{
        struct loop_timer *before;

        loop_timer_stop(timer);
        *timer = (struct loop_timer){
                .loop = loop,
                .fn = fn,
                .deadline_ms = loop->now_ms + delay_ms,
        };
        for (before = loop->last_timer; before && before->deadline_ms > timer->deadline_ms;)
                before = before->previous;

        timer->previous = before;
        timer->next = before ? before->next : loop->first_timer;
        if (before)
                before->next = timer;
        else
                loop->first_timer = timer;
        if (timer->next)
                timer->next->previous = timer;
        else
                loop->last_timer = timer;
}

/**
 * loop_timer_stop() - not to be called any more
 * @timer: zeroed; may be not set
 */
void loop_timer_stop(struct loop_timer *timer)
{
        struct loop *loop = timer->loop;

        if (!loop)
                return;
        if (timer->previous)
                timer->previous->next = timer->next;
        else
                loop->first_timer = timer->next;
        if (timer->next)
                timer->next->previous = timer->previous;
        else
                loop->last_timer = timer->previous;
        *timer = (struct loop_timer){ 0 };
}

static int fire_timers(struct loop *loop)
{
        struct loop_timer *timer;
        loop_timer_fn fn;
        int r;

        while ((timer = loop->first_timer) && timer->deadline_ms <= loop->now_ms) {
                fn = timer->fn;
                loop_timer_stop(timer);
                r = fn(timer);
                if (r)
                        return err_trace(r);
        }
        return 0;
}

/* How long the next wait may take. */
static int timeout_ms(const struct loop *loop)
{
        int64_t left;

        if (!loop->first_timer)
                return -1;
        left = loop->first_timer->deadline_ms - loop->now_ms;
        if (left < 0)
                return 0;
        return left > INT_MAX ? INT_MAX : (int)left;
}

static int dispatch(struct loop *loop)
{
        struct loop_io *io;
        int i;
        int r;

        for (i = 0; i < loop->n_batch; i++) {
                io = loop->batch[i].data.ptr;
                if (!io)
                        continue;
                r = io->fn(io, loop->batch[i].events);
                if (r)
                        return err_trace(r);
        }
        loop->n_batch = 0;
        return 0;
}

/**
 * loop_run() - wait and call, until a callback says that it is enough
 * @loop: the loop
 *
 * Return: 0 after LOOP_E_EXIT, or the callback's or epoll_wait(2)'s negative errno
 */
int loop_run(struct loop *loop)
{
        int n;
        int r;

        for (;;) {
                n = epoll_wait(loop->fd, loop->batch, LOOP_BATCH_MAX, timeout_ms(loop));
                if (n < 0 && errno != EINTR)
                        return err_origin(-errno);
                loop->now_ms = now_ms();
                loop->n_batch = n < 0 ? 0 : n;
                r = dispatch(loop);
                if (!r)
                        r = fire_timers(loop);
                loop->n_batch = 0;
                if (r)
                        return r == LOOP_E_EXIT ? 0 : err_trace(r);
        }
}
