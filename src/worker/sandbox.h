/* SPDX-License-Identifier: Apache-2.0 */
/* How the worker gives up what it could do with the machine, before it reads a client's byte. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

struct sandbox {
        uid_t uid; /* become this user, who isn't root; ignored unless started as root */
        gid_t gid;
        rlim_t n_files;     /* RLIMIT_NOFILE to set; 0: the soft limit becomes the hard one */
        unsigned int n_fds; /* descriptors from this number on are closed; not 0 */
};

int sandbox_enter(const struct sandbox *sandbox, unsigned int *ret_missing);
