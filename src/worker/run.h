/* SPDX-License-Identifier: Apache-2.0 */
/* A command that is run for a session, as the worker sees it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "util/list.h"
#include "util/queue.h"
#include "wire/legacy.h"
#include "worker/task.h"

struct session;

/* A pipe that was filled once is made larger, to so many bytes, if the kernel lets us. */
#define RUN_PIPE_BYTES (1024 * 1024)

/* A command that is over sooner, as most are, has its streams read once, at its exit; those of one
 * that takes longer are watched from then on. In milliseconds. */
#define RUN_UNWATCHED_MS 2

/* One of the command's two output streams. */
struct run_output {
        struct run *run;
        struct loop_io io;
        int fd; /* our end; -1 after its end */
        struct legacy_stream stream;
        uint64_t n_bytes; /* that were read */
        bool is_large;    /* the pipe was made larger */
        bool is_lost;     /* there was no room for some */
};

struct run {
        struct task task;
        struct session *session; /* NULL: the client is gone */
        struct loop_io input_io;
        int input_fd; /* our end of its stdin; -1: none, or all was written */
        struct queue input;
        uint64_t n_input_bytes; /* that were written */
        struct run_output out;
        struct run_output err;
        struct loop_timer watch; /* when its streams are to be watched */
        struct loop_timer drain; /* after its exit: how long others may keep its streams open */
        int status;              /* as wait(2) */
};

int run_new(struct session *session);
void run_abandon(struct run *run);
