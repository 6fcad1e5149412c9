/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_listen_fds(3) without its library: the socket is descriptor 3, LISTEN_FDS says that there is
 * one, LISTEN_PID that it is for us and not for whoever started us. Commands must not see that, so
 * the variables go.
 */
#include "monitor/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/err.h"

static long number_of(const char *name)
{
        const char *text = getenv(name); /* NOLINT(concurrency-mt-unsafe) */
        long value;
        char *end;

        if (!text || *text < '0' || *text > '9')
                return -1;
        errno = 0;
        value = strtol(text, &end, 10);
        return errno || *end ? -1 : value;
}

/* NOLINTBEGIN(concurrency-mt-unsafe) */
static void forget(void)
{
        (void)unsetenv("LISTEN_PID");
        (void)unsetenv("LISTEN_FDS");
        (void)unsetenv("LISTEN_FDNAMES");
}
/* NOLINTEND(concurrency-mt-unsafe) */

/**
 * activation_find() - were we handed sockets?
 *
 * Return: their number; 0: none
 */
int activation_find(void)
{
        long n;

        if (number_of("LISTEN_PID") != (long)getpid())
                return 0;
        n = number_of("LISTEN_FDS");
        return n > 0 && n < 1024 ? (int)n : 0;
}

static int option_of(int fd, int option)
{
        int value = -1;
        socklen_t n = sizeof(value);

        return getsockopt(fd, SOL_SOCKET, option, &value, &n) < 0 ? -1 : value;
}

/**
 * activation_take() - the socket that we were handed
 * @ret_listener: the socket, which is non-blocking and closed on execution, the caller's
 *
 * The environment does not name it any more.
 *
 * Return: 0, ACTIVATION_E_NONE, ACTIVATION_E_BAD, or negative errno
 */
int activation_take(int *ret_listener)
{
        int n = activation_find();
        int flags;

        forget();
        if (!n)
                return ACTIVATION_E_NONE;
        if (n != 1 || option_of(ACTIVATION_FD, SO_DOMAIN) != AF_UNIX ||
            option_of(ACTIVATION_FD, SO_TYPE) != SOCK_SEQPACKET ||
            option_of(ACTIVATION_FD, SO_ACCEPTCONN) != 1)
                return ACTIVATION_E_BAD;
        flags = fcntl(ACTIVATION_FD, F_GETFL);
        if (flags < 0 || fcntl(ACTIVATION_FD, F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC) < 0)
                return err_origin(-errno);
        *ret_listener = ACTIVATION_FD;
        return 0;
}
