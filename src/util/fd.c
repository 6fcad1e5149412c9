/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that knows how descriptors travel (unix(7), SCM_RIGHTS). They are close-on-exec
 * from birth. What a peer adds beyond the limit is refused whole, and whatever arrived with a bad
 * record is closed here: a caller never sees a descriptor that it did not ask for. Nor is one left
 * to the kernel to close, which would do so for us and wait as close(2) may: there is room for all
 * that a record can carry.
 */
#include "util/fd.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/err.h"

/* What we send. */
#define SENT_BYTES CMSG_SPACE(sizeof(int) * FD_RECORD_MAX)
/* The most descriptors of a record: SCM_MAX_FD of the kernel. */
#define KERNEL_MAX 253
/* What may come beside them: options of a socket that a client made and handed over. */
#define BESIDE_BYTES 512
/* Room for all, so that a surplus is seen and not just cut off. */
#define CONTROL_BYTES (CMSG_SPACE(sizeof(int) * KERNEL_MAX) + BESIDE_BYTES)
/* Records that are taken from a connection at its end, and empty ones in a row, which look like
 * that end. */
#define DRAINED_MAX 4096
#define EMPTY_MAX   16

/* Also a descriptor, of whoever sent the record: Linux 6.5. */
#ifndef SCM_PIDFD
#        define SCM_PIDFD 0x04
#endif

union control {
        struct cmsghdr header;
        char bytes[CONTROL_BYTES];
};

/**
 * fd_close_foreign() - close a descriptor that came from a peer
 * @fd: the descriptor; whatever its file is
 *
 * The last close(2) of a socket waits until all is sent, or for as long as its owner said, where he
 * set SO_LINGER. Not for us: what waits is sent without us. A time of 0, which resets the
 * connection, never waits, and stays. What the time is reported as may be negative: the kernel's
 * longest does not fit.
 */
void fd_close_foreign(int fd)
{
        struct linger linger = { .l_onoff = 0 };
        socklen_t n = sizeof(linger);

        if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n) == 0 && linger.l_onoff &&
            linger.l_linger) {
                linger.l_onoff = 0;
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        }
        (void)close(fd);
}

/**
 * fd_list_close() - close what is left of a list, which came from a peer
 * @list: becomes empty
 */
void fd_list_close(struct fd_list *list)
{
        while (list->n_fds)
                fd_close_foreign(list->fds[--list->n_fds]);
}

/**
 * fd_list_take() - take the first descriptor of a list
 * @list: shorter by one afterwards
 *
 * Return: the descriptor, now the caller's; -1 when the list is empty
 */
int fd_list_take(struct fd_list *list)
{
        int fd;

        if (!list->n_fds)
                return -1;
        fd = list->fds[0];
        list->n_fds--;
        memmove(list->fds, list->fds + 1, list->n_fds * sizeof(list->fds[0]));
        return fd;
}

/**
 * fd_send() - send one record, without waiting
 * @socket:  a SOCK_SEQPACKET socket
 * @record:  its bytes
 * @n_bytes: their number, not 0
 * @fds:     descriptors that go along; borrowed
 * @n_fds:   their number, at most FD_RECORD_MAX
 *
 * Return: 0; FD_E_END; -EAGAIN when there is no room now; or another negative errno
 */
int fd_send(int socket, const void *record, size_t n_bytes, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char bytes[SENT_BYTES];
        } control = { 0 };
        union {
                const void *in;
                void *out;
        } bytes = { record }; /* sendmsg(2) does not write to it */
        struct iovec iov = { .iov_base = bytes.out, .iov_len = n_bytes };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        ssize_t n;

        if (n_fds) {
                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }
        do
                n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n >= 0)
                return 0;
        if (errno == EAGAIN)
                return -EAGAIN; /* not worth a trace: it is what a busy peer looks like */
        return errno == EPIPE || errno == ECONNRESET ? FD_E_END : err_origin(-errno);
}

/**
 * fd_is_for_later() - is there something that a record could not be sent for now, but its receiver?
 * @r: of fd_send()
 *
 * Memory, that is, or the descriptors of this user that are on their way (unix(7), ETOOMANYREFS).
 * The socket does not tell when that changes: it can be written to all the while.
 */
bool fd_is_for_later(int r)
{
        return r == -ENOBUFS || r == -ENOMEM || r == -ETOOMANYREFS;
}

/* Takes the descriptors out of a message. Return: is there nothing else, and not too much? */
static bool take_control(struct msghdr *message, struct fd_list *list)
{
        struct cmsghdr *header;
        bool is_good = true;
        bool is_rights;
        size_t n_bytes;
        size_t at;
        int fd;

        for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
                is_rights = header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS;
                if (!is_rights)
                        is_good = false;
                if (!is_rights &&
                    (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_PIDFD))
                        continue;
                n_bytes = header->cmsg_len - CMSG_LEN(0);
                for (at = 0; at + sizeof(int) <= n_bytes; at += sizeof(int)) {
                        memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
                        if (is_rights && list->n_fds < FD_RECORD_MAX) {
                                list->fds[list->n_fds++] = fd;
                        } else if (fd >= 0) {
                                fd_close_foreign(fd);
                                is_good = false;
                        }
                }
        }
        return is_good;
}

/* Return: as recvmsg(2) */
static ssize_t receive(int socket,
                       void *buffer,
                       size_t n_room,
                       struct msghdr *message,
                       struct iovec *iov,
                       union control *control)
{
        ssize_t n;

        *iov = (struct iovec){ .iov_base = buffer, .iov_len = n_room };
        *message = (struct msghdr){ .msg_iov = iov,
                                    .msg_iovlen = 1,
                                    .msg_control = control->bytes,
                                    .msg_controllen = sizeof(control->bytes) };
        do
                n = recvmsg(socket, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        return n;
}

/**
 * fd_receive() - receive one record, without waiting
 * @socket:      a SOCK_SEQPACKET socket
 * @buffer:      where its bytes go
 * @n_room:      the most that a record may have
 * @ret_n_bytes: set also with FD_E_SHORT
 * @ret_list:    its descriptors, the caller's; set also with FD_E_SHORT, to those that came
 *
 * Return: 0, FD_E_END, FD_E_VIOLATION, FD_E_SHORT, -EAGAIN when there is none, or another negative
 *         errno
 */
int fd_receive(int socket,
               void *buffer,
               size_t n_room,
               size_t *ret_n_bytes,
               struct fd_list *ret_list)
{
        union control control;
        struct iovec iov;
        struct msghdr message;
        struct fd_list list = { .n_fds = 0 };
        ssize_t n;

        n = receive(socket, buffer, n_room, &message, &iov, &control);
        if (n < 0 && errno == EAGAIN)
                return -EAGAIN;
        if (n < 0)
                return errno == ECONNRESET ? FD_E_END : err_origin(-errno);

        if (!take_control(&message, &list) || (message.msg_flags & MSG_TRUNC)) {
                fd_list_close(&list);
                return FD_E_VIOLATION;
        }
        if (n == 0) { /* the end; an empty record, which nobody sends, ends it as well */
                fd_list_close(&list);
                return FD_E_END;
        }
        *ret_n_bytes = (size_t)n;
        *ret_list = list;
        return message.msg_flags & MSG_CTRUNC ? FD_E_SHORT : 0;
}

/**
 * fd_read() - receive bytes, without waiting; descriptors that came with them are closed
 * @socket: a socket of any type, that a peer sends to
 * @buffer: where they go
 * @n_room: the most
 *
 * Return: as recv(2), and it is never EINTR
 */
ssize_t fd_read(int socket, void *buffer, size_t n_room)
{
        struct fd_list list = { .n_fds = 0 };
        union control control;
        struct msghdr message;
        struct iovec iov;
        ssize_t n;
        int error;

        n = receive(socket, buffer, n_room, &message, &iov, &control);
        error = errno;
        if (n >= 0 && message.msg_controllen) {
                (void)take_control(&message, &list);
                fd_list_close(&list);
        }
        errno = error;
        return n;
}

/**
 * fd_drain() - take from a connection what nobody read, before it is closed
 * @socket: takes nothing more from its peer afterwards; what was sent to him stays
 * @buffer: becomes whatever came
 * @n_room: its size
 *
 * Descriptors in it would be closed by the kernel, in our close(2). And with a message unread, the
 * peer would see a reset instead of what we said last: unix(7).
 */
void fd_drain(int socket, void *buffer, size_t n_room)
{
        int n_empty = 0;
        ssize_t n = 0;
        int i;

        (void)shutdown(socket, SHUT_RD);
        for (i = 0; n >= 0 && n_empty < EMPTY_MAX && i < DRAINED_MAX; i++) {
                n = fd_read(socket, buffer, n_room);
                n_empty = n ? 0 : n_empty + 1;
        }
}
