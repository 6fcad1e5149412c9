/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3) and sd_watchdog_enabled(3) without their library: a datagram of assignments to the
 * socket that NOTIFY_SOCKET names. What can't be sent is not: a service manager that does not
 * listen must not hold us up.
 */
#include "monitor/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Half of the time that it waits: sd_watchdog_enabled(3). In milliseconds. */
static int64_t find_watchdog_ms(void)
{
        const char *pid = getenv("WATCHDOG_PID");   /* NOLINT(concurrency-mt-unsafe) */
        const char *text = getenv("WATCHDOG_USEC"); /* NOLINT(concurrency-mt-unsafe) */
        long long us;
        char *end;

        if (!text || *text < '0' || *text > '9' || (pid && strtol(pid, NULL, 10) != (long)getpid()))
                return 0;
        errno = 0;
        us = strtoll(text, &end, 10);
        if (errno || *end || !us)
                return 0;
        return us / 2000 > 0 ? us / 2000 : 1;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t n = strlen(path);
        int fd;

        if ((path[0] != '/' && path[0] != '@') || n >= sizeof(address.sun_path))
                return -1;
        memcpy(address.sun_path, path, n);
        if (path[0] == '@')
                address.sun_path[0] = '\0'; /* unix(7), abstract */
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0) {
                (void)close(fd);
                return -1;
        }
        return fd;
}

/* NOLINTBEGIN(concurrency-mt-unsafe) */
static void forget(void)
{
        (void)unsetenv("NOTIFY_SOCKET");
        (void)unsetenv("WATCHDOG_PID");
        (void)unsetenv("WATCHDOG_USEC");
}
/* NOLINTEND(concurrency-mt-unsafe) */

/**
 * notify_init() - find whom to tell
 * @notify: set
 *
 * The environment does not name it any more: commands must not speak for us.
 */
void notify_init(struct notify *notify)
{
        const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */

        *notify = (struct notify){ .fd = path ? connect_to(path) : -1 };
        if (notify->fd >= 0)
                notify->watchdog_ms = find_watchdog_ms();
        forget();
}

/**
 * notify_send() - tell it something
 * @notify: whom
 * @state:  assignments, one a line
 */
void notify_send(const struct notify *notify, const char *state)
{
        if (notify->fd >= 0)
                (void)send(notify->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/**
 * notify_deinit() - there is nobody to tell any more
 * @notify: becomes empty
 */
void notify_deinit(struct notify *notify)
{
        if (notify->fd >= 0)
                (void)close(notify->fd);
        *notify = (struct notify){ .fd = -1 };
}
