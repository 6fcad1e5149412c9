/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads share one connection without one of their own: of those that wait, one reads for all,
 * and wakes the one whose command something was told about; when its own command is done, it wakes
 * another to go on reading. Callbacks run in rootwrap_dispatch() and nowhere else, whichever thread
 * has read the answer.
 *
 * The mutex is held but while waiting, and while a callback runs.
 */
#include "client/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/each.h"
#include "client/link.h"
#include "client/order.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/signal-set.h"

/* How many messages one dispatch takes before the loop's other sources get their turn. */
#define HANDLE_TURNS_MAX 256

/* How long rootwrap_close() waits for a daemon to end, so that it leaves no zombie. */
#define HANDLE_REAP_MS 2000

/**
 * handle_new() - a handle without a way yet
 * @way:        it
 * @ret_handle: closed by rootwrap_close()
 *
 * Return: 0 or negative errno
 */
int handle_new(enum handle_way way, struct rootwrap **ret_handle)
{
        struct rootwrap *handle;

        handle = calloc(1, sizeof(*handle));
        if (!handle)
                return err_origin(-ENOMEM);
        handle->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (handle->epoll < 0) {
                free(handle);
                return err_origin(-errno);
        }
        (void)pthread_mutex_init(&handle->mutex, NULL);
        handle->pid = getpid();
        handle->way = way;
        handle->outer = -1;
        handle->event = -1;
        list_init(&handle->links);
        list_init(&handle->queued);
        list_init(&handle->waiters);
        list_init(&handle->finished);
        list_init(&handle->processes);
        properties_look(&handle->properties);
        *ret_handle = handle;
        return 0;
}

/**
 * handle_check() - is it this process's?
 * @handle: the handle
 *
 * Return: 0 or ROOTWRAP_E_FORKED
 */
int handle_check(const struct rootwrap *handle)
{
        return handle->pid == getpid() ? 0 : ROOTWRAP_E_FORKED;
}

/**
 * handle_watch() - wait for a descriptor too
 * @handle:     the handle
 * @fd:         the descriptor
 * @source:     what it is
 * @wants_room: also for room to write
 *
 * Return: 0 or negative errno
 */
int handle_watch(struct rootwrap *handle, int fd, struct source *source, bool wants_room)
{
        struct epoll_event event = { .events = EPOLLIN | (wants_room ? (uint32_t)EPOLLOUT : 0),
                                     .data.ptr = source };

        if (epoll_ctl(handle->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
                return 0;
        if (errno != ENOENT || epoll_ctl(handle->epoll, EPOLL_CTL_ADD, fd, &event))
                return err_origin(-errno);
        return 0;
}

/**
 * handle_unwatch() - wait for it no longer
 * @handle: the handle; in a child of its process, where the set is the parent's, nothing happens
 * @fd:     the descriptor
 */
void handle_unwatch(struct rootwrap *handle, int fd)
{
        if (!handle_check(handle))
                (void)epoll_ctl(handle->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* Commands */

/**
 * handle_changed() - something was told about a command
 * @handle:  the handle
 * @command: the thread that waits for it, if any, is woken
 */
void handle_changed(struct rootwrap *handle, struct order *command)
{
        (void)handle;
        if (command->waiter)
                (void)pthread_cond_signal(&command->waiter->woken);
}

/**
 * handle_done() - a command is done
 * @handle:  the handle
 * @command: in no list; a callback waits for dispatch, a thread is woken
 */
void handle_done(struct rootwrap *handle, struct order *command)
{
        handle->n_commands--;
        handle_changed(handle, command);
        if (!command->done)
                return;
        list_append(&handle->finished, &command->link);
        if (handle->event >= 0)
                (void)eventfd_write(handle->event, 1);
}

/**
 * handle_fail_queued() - nothing that waits can be sent
 * @handle: the handle
 * @error:  negative errno or ROOTWRAP_E_*
 * @reason: a sentence, or NULL
 */
void handle_fail_queued(struct rootwrap *handle, int error, const char *reason)
{
        struct order *command;

        while ((command = list_first(&handle->queued, struct order, link))) {
                list_remove(&command->link);
                order_fail(command, error, reason);
                handle_done(handle, command);
        }
}

/**
 * handle_flush() - send what can be sent; where there is no daemon, start one
 * @handle: the handle
 */
void handle_flush(struct rootwrap *handle)
{
        if (list_is_empty(&handle->queued))
                return;
        if (handle->link && handle->link->state == LINK_UP)
                link_flush(handle->link);
        if (!handle->link && !list_is_empty(&handle->queued)) {
                link_reap(handle, 0);
                link_open(handle);
        }
}

/**
 * handle_submit() - let a command go its way
 * @handle:  the handle
 * @command: was just made; belongs to the handle until it is done
 *
 * Return: 0 or negative errno; then nothing has begun
 */
int handle_submit(struct rootwrap *handle, struct order *command)
{
        int r;

        if (handle->way == HANDLE_EACH) {
                r = each_start(handle, command);
                if (!r)
                        handle->n_commands++;
                return r;
        }
        handle->n_commands++;
        list_append(&handle->queued, &command->link);
        handle_flush(handle);
        return 0;
}

/* Waiting */

static bool has_link(const struct rootwrap *handle, const struct link *wanted)
{
        const struct list *link;

        for (link = handle->links.next; link != &handle->links; link = link->next)
                if (link == &wanted->link)
                        return true;
        return false;
}

static void serve_link(struct rootwrap *handle, struct link *link, uint32_t events)
{
        if (events & EPOLLOUT) {
                link_unblock(link);
                handle_flush(handle);
        }
        if (events & ~(uint32_t)EPOLLOUT)
                link_read(link);
        if (has_link(handle, link) && link_is_idle(link))
                link_close(link);
}

/* Waits for one thing, with the mutex released. Return: was there one? */
static bool turn(struct rootwrap *handle, int timeout_ms)
{
        struct epoll_event event;
        struct source *source;
        int n;

        (void)pthread_mutex_unlock(&handle->mutex);
        n = epoll_wait(handle->epoll, &event, 1, timeout_ms);
        (void)pthread_mutex_lock(&handle->mutex);
        if (n != 1)
                return false;
        source = event.data.ptr;
        if (source->kind == SOURCE_LINK)
                serve_link(handle, (struct link *)(void *)source, event.events);
        else
                each_end(handle, (struct order *)(void *)source);
        return true;
}

/* Somebody has to read. */
static void pass_on(struct rootwrap *handle)
{
        struct waiter *waiter = list_first(&handle->waiters, struct waiter, link);

        if (waiter && !handle->is_reading)
                (void)pthread_cond_signal(&waiter->woken);
}

/**
 * handle_wait() - wait until a command has got so far
 * @handle:  the handle
 * @command: was submitted
 * @state:   enum order_state
 */
void handle_wait(struct rootwrap *handle, struct order *command, int state)
{
        struct waiter waiter = { .woken = PTHREAD_COND_INITIALIZER };

        while ((int)command->state < state) {
                if (!handle->is_reading) {
                        handle->is_reading = true;
                        (void)turn(handle, -1);
                        handle->is_reading = false;
                        continue;
                }
                list_append(&handle->waiters, &waiter.link);
                command->waiter = &waiter;
                (void)pthread_cond_wait(&waiter.woken, &handle->mutex);
                command->waiter = NULL;
                list_remove(&waiter.link);
        }
        pass_on(handle);
}

/* In an event loop */

/* Return: 0 or negative errno */
static int make_outer(struct rootwrap *handle)
{
        struct epoll_event event = { .events = EPOLLIN };
        cleanup_close int outer = -1;
        cleanup_close int wake = -1;

        outer = epoll_create1(EPOLL_CLOEXEC);
        wake = eventfd(list_is_empty(&handle->finished) ? 0 : 1, EFD_CLOEXEC | EFD_NONBLOCK);
        if (outer < 0 || wake < 0 || epoll_ctl(outer, EPOLL_CTL_ADD, wake, &event) ||
            epoll_ctl(outer, EPOLL_CTL_ADD, handle->epoll, &event))
                return err_origin(-errno);
        handle->outer = steal_fd(&outer);
        handle->event = steal_fd(&wake);
        return 0;
}

/**
 * rootwrap_fd() - see librootwrap(3)
 * @handle: the handle
 *
 * Return: a descriptor, the handle's; or negative errno, or -EPERM in a child
 */
int rootwrap_fd(struct rootwrap *handle)
{
        int r = 0;

        if (handle_check(handle))
                return -EPERM;
        (void)pthread_mutex_lock(&handle->mutex);
        if (handle->outer < 0)
                r = make_outer(handle);
        (void)pthread_mutex_unlock(&handle->mutex);
        return r ? r : handle->outer;
}

/* Calls back, and forgets the command. The mutex is released meanwhile. */
static void call_back(struct rootwrap *handle, struct order *command)
{
        (void)pthread_mutex_unlock(&handle->mutex);
        answer_put_reason(command->answer, handle->label);
        answer_seal(command->answer);
        command->done((struct rootwrap_command *)(void *)command, &command->answer->result,
                      command->userdata);
        (void)order_free(command);
        (void)pthread_mutex_lock(&handle->mutex);
}

static void call_all_back(struct rootwrap *handle)
{
        struct order *command;

        while ((command = list_first(&handle->finished, struct order, link))) {
                list_remove(&command->link);
                call_back(handle, command);
        }
}

/**
 * rootwrap_dispatch() - see librootwrap(3)
 * @handle: the handle
 *
 * Return: 0 or ROOTWRAP_E_FORKED
 */
int rootwrap_dispatch(struct rootwrap *handle)
{
        eventfd_t count;
        int n_turns = 0;
        int r;

        r = handle_check(handle);
        if (r)
                return r;
        (void)pthread_mutex_lock(&handle->mutex);
        if (!handle->is_reading) {
                handle->is_reading = true;
                while (n_turns++ < HANDLE_TURNS_MAX && turn(handle, 0))
                        ;
                handle->is_reading = false;
                pass_on(handle);
        }
        if (handle->event >= 0)
                (void)eventfd_read(handle->event, &count);
        call_all_back(handle);
        (void)pthread_mutex_unlock(&handle->mutex);
        return 0;
}

/**
 * rootwrap_start() - see librootwrap(3)
 * @handle:      the handle
 * @argv:        command and arguments
 * @options:     how it is run; NULL: by default
 * @done:        called back once, by rootwrap_dispatch()
 * @userdata:    for @done
 * @ret_command: it, until @done; may be NULL
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int rootwrap_start(struct rootwrap *handle,
                   const char *const *argv,
                   const struct rootwrap_options *options,
                   rootwrap_done_fn done,
                   void *userdata,
                   struct rootwrap_command **ret_command)
{
        cleanup_with(order_free) struct order *command = NULL;
        int r;

        r = handle_check(handle);
        if (!r)
                r = order_new(handle, ORDER_START, argv, options, &command);
        if (!r)
                r = order_own_fds(command);
        if (r)
                return r;
        command->done = done;
        command->userdata = userdata;
        (void)pthread_mutex_lock(&handle->mutex);
        if (handle->n_commands >= ROOTWRAP_COMMANDS_MAX)
                r = ROOTWRAP_E_BUSY;
        if (!r)
                r = handle_submit(handle, command);
        if (!r) {
                if (ret_command)
                        *ret_command = (struct rootwrap_command *)(void *)command;
                (void)steal_ptr(&command);
        }
        (void)pthread_mutex_unlock(&handle->mutex);
        return r;
}

/**
 * rootwrap_signal() - see librootwrap(3)
 * @public: was started, and its callback has not run
 * @number: the signal
 *
 * Return: 0, negative errno, or ROOTWRAP_E_FORKED
 */
int rootwrap_signal(struct rootwrap_command *public, int number)
{
        struct order *command = (struct order *)(void *)public;
        struct rootwrap *handle = command->handle;
        int r;

        if (number < 1 || number >= 64)
                return -EINVAL;
        r = handle_check(handle);
        if (r)
                return r;
        (void)pthread_mutex_lock(&handle->mutex);
        if (command->state == ORDER_DONE) {
                r = 0;
        } else if (handle->way == HANDLE_EACH) {
                r = each_signal(command, number);
        } else {
                signal_set_put(&command->signals, number);
                if (command->sent_on) {
                        command->sent_on->has_signals = true;
                        link_signal(command->sent_on);
                }
        }
        (void)pthread_mutex_unlock(&handle->mutex);
        return r;
}

/**
 * rootwrap_pid() - see librootwrap(3)
 * @public: was started, and its callback has not run
 *
 * Return: the process, or 0 while it is not known
 */
int rootwrap_pid(const struct rootwrap_command *public)
{
        const struct order *command = (const struct order *)(const void *)public;
        int pid;

        (void)pthread_mutex_lock(&command->handle->mutex);
        pid = (int)command->pid;
        (void)pthread_mutex_unlock(&command->handle->mutex);
        return pid;
}

/* The end */

static void free_words(char **words)
{
        size_t i;

        for (i = 0; words && words[i]; i++)
                free(words[i]);
        free(words);
}

/**
 * handle_copy_words() - copy strings
 * @words:    they
 * @n_words:  how many
 * @ret_copy: a NULL follows; freed by rootwrap_close() as a handle's argv
 *
 * Return: 0 or -ENOMEM
 */
int handle_copy_words(const char *const *words, size_t n_words, char ***ret_copy)
{
        char **copy;
        size_t i;

        copy = calloc(n_words + 1, sizeof(*copy));
        if (!copy)
                return err_origin(-ENOMEM);
        for (i = 0; i < n_words; i++) {
                copy[i] = strdup(words[i]);
                if (copy[i])
                        continue;
                free_words(copy);
                return err_origin(-ENOMEM);
        }
        *ret_copy = copy;
        return 0;
}

/* Its commands are told nothing more. */
static void end_commands(struct rootwrap *handle, bool is_ours)
{
        struct order *command;
        struct link *link;

        handle_fail_queued(handle, ROOTWRAP_E_CLOSED, NULL);
        while ((link = list_first(&handle->links, struct link, link)))
                link_close(link);
        while ((command = list_first(&handle->processes, struct order, link))) {
                list_remove(&command->link);
                order_fail(command, ROOTWRAP_E_UNKNOWN, NULL);
                handle_done(handle, command);
        }
        if (is_ours)
                call_all_back(handle);
        while ((command = list_first(&handle->finished, struct order, link))) {
                list_remove(&command->link);
                (void)order_free(command);
        }
}

/**
 * rootwrap_close() - see librootwrap(3)
 * @handle: no thread uses it; or NULL
 */
void rootwrap_close(struct rootwrap *handle)
{
        bool is_ours;

        if (!handle)
                return;
        is_ours = !handle_check(handle);
        if (is_ours)
                (void)pthread_mutex_lock(&handle->mutex);
        end_commands(handle, is_ours);
        if (is_ours) {
                link_reap(handle, HANDLE_REAP_MS);
                (void)pthread_mutex_unlock(&handle->mutex);
                (void)pthread_mutex_destroy(&handle->mutex);
        }
        if (handle->outer >= 0)
                (void)close(handle->outer);
        if (handle->event >= 0)
                (void)close(handle->event);
        (void)close(handle->epoll);
        free_words(handle->argv);
        free(handle->path);
        free(handle->label);
        free(handle);
}
