/* SPDX-License-Identifier: Apache-2.0 */
/* Records that carry descriptors over a socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The most descriptors of one record. */
#define FD_RECORD_MAX 4

enum {
        FD_E_END = 1,   /* the peer is gone */
        FD_E_VIOLATION, /* the record is too large, or carries what no record may */
        FD_E_SHORT,     /* descriptors are missing: there was no room for them here */
};

/* Descriptors that came with a record. */
struct fd_list {
        int fds[FD_RECORD_MAX];
        size_t n_fds;
};

bool fd_is_for_later(int r);
void fd_close_foreign(int fd);
void fd_list_close(struct fd_list *list);
int fd_list_take(struct fd_list *list);
int fd_send(int socket, const void *record, size_t n_bytes, const int *fds, size_t n_fds);
int fd_receive(int socket,
               void *buffer,
               size_t n_room,
               size_t *ret_n_bytes,
               struct fd_list *ret_list);
ssize_t fd_read(int socket, void *buffer, size_t n_room);
void fd_drain(int socket, void *buffer, size_t n_room);
