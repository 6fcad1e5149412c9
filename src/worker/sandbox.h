/* SPDX-License-Identifier: Apache-2.0 */
/* How the worker gives up what it could do with the machine, before it reads a client's byte. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

/* What a machine, or a caller who isn't root, may lack: bits. */
enum sandbox_feature {
        SANDBOX_FEATURE_LIMITS = 1 << 0,
        SANDBOX_FEATURE_ROOT_DIRECTORY = 1 << 1,
        SANDBOX_FEATURE_USER = 1 << 2,
        SANDBOX_FEATURE_CAPABILITIES = 1 << 3,
        SANDBOX_FEATURE_NO_NEW_PRIVS = 1 << 4,
        SANDBOX_FEATURE_DUMPABLE = 1 << 5,
        SANDBOX_FEATURE_SECCOMP = 1 << 6,
};

#define SANDBOX_N_FEATURES 7

struct sandbox {
        uid_t uid; /* become this user, who isn't root; ignored unless started as root */
        gid_t gid;
        rlim_t n_files;     /* RLIMIT_NOFILE to set; 0: the soft limit becomes the hard one */
        unsigned int n_fds; /* descriptors from this number on are closed; not 0 */
};

int sandbox_enter(const struct sandbox *sandbox, unsigned int *ret_missing);
const char *sandbox_feature_name(enum sandbox_feature feature);
