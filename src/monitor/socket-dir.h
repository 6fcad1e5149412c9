/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients find the daemon. */
#pragma once

#include <sys/types.h>

#define SOCKET_DIR_PREFIX "rootwrapd-"
#define SOCKET_DIR_SOCKET "rootwrap.sock" /* of the manager protocol; whose path is printed */
#define SOCKET_DIR_NATIVE "native.sock"   /* of the native protocol, beside it */
/* Connections that wait to be accepted; the kernel may allow fewer. */
#define SOCKET_DIR_BACKLOG 1024
/* The most entries of the temporary directory that are looked at for what was left behind. */
#define SOCKET_DIR_ENTRIES_MAX 10000
/* A directory without a socket in it that is older was left behind, in seconds. */
#define SOCKET_DIR_EMPTY_AGE_MAX_S 60

/* Both sockets, listening. */
struct socket_dir_listeners {
        int legacy;
        int native;
};

struct socket_dir {
        char *path;        /* of the directory, absolute; NULL: there is none */
        char *socket_path; /* of the socket in it */
        int fd;            /* of the directory; holds its lock */
};

int socket_dir_make(struct socket_dir *dir,
                    uid_t owner,
                    struct socket_dir_listeners *ret_listeners);
void socket_dir_remove(struct socket_dir *dir);
unsigned int socket_dir_sweep(uid_t owner);
