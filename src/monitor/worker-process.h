/* SPDX-License-Identifier: Apache-2.0 */
/* The other half of the daemon, as the monitor sees it. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct record_setup;
struct socket_dir_listeners;

/* How long the worker may take to get ready, in milliseconds. */
#define WORKER_PROCESS_READY_MS 10000

enum {
        WORKER_PROCESS_E_BAD = 1, /* it ended, or is not of our build, or took too long */
};

struct worker_process {
        pid_t pid;
        int pidfd;
        int channel; /* SOCK_SEQPACKET, to it */
};

int worker_process_start(struct worker_process *process, int null_fd);
int worker_process_set_up(const struct worker_process *process,
                          const struct record_setup *setup,
                          const struct socket_dir_listeners *listeners,
                          uint32_t *ret_missing);
int worker_process_end(struct worker_process *process);
