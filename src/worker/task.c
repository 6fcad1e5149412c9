/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task has a number of the channel for as long as the monitor may know it by that. Its arguments
 * and descriptors are held until the monitor was asked.
 */
#include "worker/task.h"

#include <errno.h>
#include <stdlib.h>

#include "util/err.h"
#include "util/fd.h"
#include "util/signal-set.h"
#include "worker/worker.h"

/**
 * task_init() - a task that the monitor has not been asked for
 * @task:   becomes one
 * @worker: the worker
 * @ops:    what becomes of it
 * @type:   RECORD_START, RECORD_EXPLAIN or RECORD_STATUS
 *
 * Return: 0, or -EAGAIN when there are too many
 */
int task_init(struct task *task, struct worker *worker, const struct task_ops *ops, uint32_t type)
{
        size_t i;

        if (!worker->n_free_ids)
                return -EAGAIN;
        *task = (struct task){
                .worker = worker,
                .ops = ops,
                .type = type,
                .umask = RECORD_NO_UMASK,
                .nice = INT32_MIN,
        };
        for (i = 0; i < RECORD_STREAMS; i++)
                task->fds[i] = -1;
        queue_init(&task->args, NULL);
        task->id = worker->free_ids[--worker->n_free_ids];
        worker->tasks[task->id] = task;
        return 0;
}

/**
 * task_ask() - have the monitor asked
 * @task: its numbers of arguments are set; is sent with the next turn
 * @args: its arguments; taken; NULL: none
 */
void task_ask(struct task *task, struct queue *args)
{
        if (args)
                queue_move(&task->args, args);
        task->n_args_bytes = (uint32_t)task->args.n_bytes;
        list_append(&task->worker->unsent, &task->unsent);
}

static void close_fds(struct task *task)
{
        size_t i;

        for (i = 0; i < RECORD_STREAMS; i++) {
                if (task->fds[i] >= 0)
                        fd_close_foreign(task->fds[i]); /* a run's are pipes of ours */
                task->fds[i] = -1;
        }
}

/**
 * task_sent() - the monitor has been asked
 * @task: holds nothing of the question any more
 */
void task_sent(struct task *task)
{
        list_remove(&task->unsent);
        close_fds(task);
        queue_deinit(&task->args);
        free(task->limits);
        task->limits = NULL;
        task->is_sent = true;
        if (task->ops->sent)
                task->ops->sent(task);
}

/**
 * task_is_cut() - has the monitor a part of its arguments, and not the rest?
 * @task: is not sent
 */
bool task_is_cut(const struct task *task)
{
        return task->args.n_bytes != task->n_args_bytes;
}

/**
 * task_signal() - have a signal sent to what was started
 * @task:   was started, and has not exited; sent with the next turn
 * @signal: its number
 */
void task_signal(struct task *task, int signal)
{
        signal_set_put(&task->signals, signal);
        list_remove(&task->unsignalled);
        list_append(&task->worker->unsignalled, &task->unsignalled);
}

/**
 * task_end() - have what was started ended
 * @task: was started, in a process group of its own, and has not exited; not asked for before; sent
 *        with the next turn
 */
void task_end(struct task *task)
{
        task->must_end = true;
        list_remove(&task->unsignalled);
        list_append(&task->worker->unsignalled, &task->unsignalled);
}

static void forget(struct task *task)
{
        list_remove(&task->unsent);
        list_remove(&task->unsignalled);
        close_fds(task);
        queue_deinit(&task->args);
        free(task->limits);
        task->limits = NULL;
        task->worker->tasks[task->id] = NULL;
}

/**
 * task_deinit() - forget a task that the monitor does not know, or does not know any more
 * @task: its number is free
 */
void task_deinit(struct task *task)
{
        struct worker *worker = task->worker;

        forget(task);
        worker->free_ids[worker->n_free_ids++] = task->id;
        worker_resume_accepting(worker);
}

/**
 * task_done() - the client of a command that exited has been served
 * @task:    is forgotten; its number is free when the monitor knows
 * @carried: what was carried for it
 */
void task_done(struct task *task, const struct record_carried *carried)
{
        struct worker *worker = task->worker;

        forget(task);
        worker_resume_accepting(worker);
        channel_tell_carried(worker, carried);
}
