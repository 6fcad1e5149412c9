/* SPDX-License-Identifier: Apache-2.0 */
/* A program that the library starts: the daemon, or sudo for one command. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "client/properties.h"

struct process {
        const char *const *argv;             /* looked up in PATH */
        int fds[3];                          /* become 0 to 2; -1: /dev/null */
        int cwd_fd;                          /* -1: ours */
        bool new_session;                    /* of its own, out of reach of a terminal's signals */
        const struct properties *properties; /* NULL: ours */
};

int process_start(const struct process *process, pid_t *ret_pid);
