/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines go to /dev/log in the form of logging.handlers.SysLogHandler: "<PRIORITY>NAME: LINE" and a
 * NUL. Logging never waits and never fails a command: a line that the log does not take at once is
 * lost.
 */
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/text.h"

/**
 * log_connect() - connect to a socket of a log, without waiting
 * @path: where it is
 * @type: SOCK_DGRAM or SOCK_STREAM
 *
 * Return: the descriptor, which does not block, or negative errno
 */
int log_connect(const char *path, int type)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;
        int r;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                r = -errno;
                (void)close(fd);
                return r;
        }
        return fd;
}

/**
 * log_open() - connect to the system log
 * @log: name, path, facility and priority_max are set; its fd becomes negative where there is no
 *       log
 */
void log_open(struct log *log)
{
        const char *path = log->path ? log->path : LOG_PATH;

        log->fd = log_connect(path, SOCK_DGRAM);
        if (log->fd < 0)
                log->fd = log_connect(path, SOCK_STREAM);
}

/**
 * log_close() - let go of the system log
 * @log: the log
 */
void log_close(struct log *log)
{
        if (log->fd >= 0)
                (void)close(log->fd);
        log->fd = -1;
}

/**
 * log_line() - log one line
 * @log:      the log; without one nothing happens
 * @priority: as syslog(3)
 * @line:     the text; what came from somebody else is escaped in it already
 */
void log_line(const struct log *log, int priority, const char *line)
{
        if (log->fd >= 0 && priority <= log->priority_max)
                (void)log_send(log, priority, line);
}

/**
 * log_send() - log one line of any priority, and say whether the log took it
 * @log:      the log, which is there
 * @priority: as syslog(3)
 * @line:     as for log_line()
 *
 * Return: 0; -EAGAIN when it would have to wait; -EPIPE when the log took a part, so that only a
 *         new connection can go on; another negative errno
 */
int log_send(const struct log *log, int priority, const char *line)
{
        cleanup_text struct text text = { 0 };
        ssize_t n;

        text_printf(&text, "<%d>%s: ", log->facility << 3 | priority, log->name);
        text_put_string(&text, line);
        if (text.n_bytes > LOG_LINE_BYTES_MAX)
                text_cut(&text, LOG_LINE_BYTES_MAX, "...");
        if (text.broken)
                return -ENOMEM;
        n = send(log->fd, text.data, text.n_bytes + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        return (size_t)n == text.n_bytes + 1 ? 0 : -EPIPE;
}
