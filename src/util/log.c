/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines go to /dev/log in the form of logging.handlers.SysLogHandler: "<PRIORITY>NAME: LINE" and a
 * NUL. Logging never waits and never fails a command: a line that the log does not take at once is
 * lost.
 */
#include "util/log.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/text.h"

#define LOG_SOCKET "/dev/log"

static int connect_log(int type)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };
        int fd;

        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                (void)close(fd);
                return -1;
        }
        return fd;
}

/**
 * log_open() - connect to the system log
 * @log: name, facility and priority_max are set; its fd becomes -1 where there is no log
 */
void log_open(struct log *log)
{
        log->fd = connect_log(SOCK_DGRAM);
        if (log->fd < 0)
                log->fd = connect_log(SOCK_STREAM);
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
        cleanup_text struct text text = { 0 };

        if (log->fd < 0 || priority > log->priority_max)
                return;
        text_printf(&text, "<%d>%s: ", log->facility << 3 | priority, log->name);
        text_put_string(&text, line);
        if (text.n_bytes > LOG_LINE_BYTES_MAX)
                text_cut(&text, LOG_LINE_BYTES_MAX, "...");
        if (!text.broken)
                (void)send(log->fd, text.data, text.n_bytes + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}
