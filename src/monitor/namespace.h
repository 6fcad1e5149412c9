/* SPDX-License-Identifier: Apache-2.0 */
/* A client that sees other files than we do. */
#pragma once

#include <sys/types.h>

enum {
        NAMESPACE_E_UNSAFE = 1, /* it sees other files, and not only other temporary ones */
        NAMESPACE_E_GONE,       /* the process that connected is gone: nobody can tell */
};

/* Where we are, and where we went for one command. */
struct namespace
{
        int own_fd;        /* of our mount namespace; -1: this machine has none to tell apart */
        ino_t own;         /* its number */
        int user_fd;       /* of our user namespace */
        int entered_fd;    /* of the client's, while we are there; else -1 */
        int root_fd;       /* our root directory, which need not be the namespace's */
        dev_t root_device; /* and what it is */
        ino_t root;
        pid_t seen;  /* the process that was looked at last, */
        int seen_fd; /* and its folder in /proc; -1: none */
};

/* The longest list of mounts that is compared. */
#define NAMESPACE_MOUNTS_BYTES_MAX (1024u * 1024)

int namespace_init(struct namespace *namespace);
int namespace_enter(struct namespace *namespace, pid_t pid);
int namespace_leave(struct namespace *namespace);
void namespace_deinit(struct namespace *namespace);
