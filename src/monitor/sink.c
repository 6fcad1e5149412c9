/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the log goes to the first of these that is there: journald by its native protocol
 * (systemd's "Native Journal Protocol": a datagram of fields, `KEY=value` each on a line), syslog
 * as util/log.c has it, standard error.
 *
 * Nothing here waits, and nothing here fails for its caller: a line that is not taken at once is
 * lost and counted. A destination that vanished is looked for at once, and then with a later line
 * once in SINK_RETRY_MS; so is a better one than that in use. An attempt is a connect(2) to a local
 * socket, which never waits either.
 *
 * Standard error is shared with whoever started us, so its O_NONBLOCK is not ours to set. A pipe or
 * terminal is opened once more through /proc, which gives a description of our own; to a socket
 * MSG_DONTWAIT does it; a file does not block. Whoever owns a sink ignores or blocks SIGPIPE.
 */
#include "monitor/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "util/text.h"

/* As libsystemd: what journald may leave unread before lines get lost. */
#define JOURNAL_UNREAD_BYTES (8 * 1024 * 1024)

/* An iovec is for reading as well, so its pointer is to what may be written. */
static struct iovec part(const void *bytes, size_t n_bytes)
{
        const union {
                const void *in;
                void *out;
        } base = { .in = bytes };

        return (struct iovec){ .iov_base = base.out, .iov_len = n_bytes };
}

/**
 * sink_now_ms() - the time by which retries and floods are measured
 *
 * Return: milliseconds since some time, never going back
 */
int64_t sink_now_ms(void)
{
        struct timespec now = { 0 };

        (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int open_journal(struct sink *sink)
{
        int n = JOURNAL_UNREAD_BYTES;
        int fd;

        fd = log_connect(sink->journal_path, SOCK_DGRAM);
        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof(n)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
        return fd;
}

static int open_syslog(struct sink *sink)
{
        struct log log = { .path = sink->syslog_path };

        log_open(&log);
        return log.fd;
}

static int open_stderr(struct sink *sink)
{
        char path[32];
        struct stat status;

        if (sink->stderr_fd < 0 || fstat(sink->stderr_fd, &status) < 0)
                return -1;
        sink->is_socket = S_ISSOCK(status.st_mode);
        if (sink->is_socket || S_ISREG(status.st_mode))
                return fcntl(sink->stderr_fd, F_DUPFD_CLOEXEC, 3);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", sink->stderr_fd);
        return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* In their order: the first that is there is used. */
static const struct {
        enum sink_kind kind;
        int (*open)(struct sink *sink);
} ways[] = {
        { SINK_JOURNAL, open_journal },
        { SINK_SYSLOG, open_syslog },
        { SINK_STDERR, open_stderr },
};

/* Looks for a destination that is better than the one in use. */
static void sink_look(struct sink *sink)
{
        size_t i;
        int fd;

        sink->was_tried = true;
        sink->tried_ms = sink_now_ms();
        for (i = 0; i < sizeof(ways) / sizeof(ways[0]) && ways[i].kind != sink->kind; i++) {
                fd = ways[i].open(sink);
                if (fd < 0)
                        continue;
                sink_close(sink);
                sink->kind = ways[i].kind;
                sink->fd = fd;
                return;
        }
}

/**
 * sink_open() - look for a destination
 * @sink: its first part is set, the rest is zero; to be given to sink_close()
 *
 * That there is none is no error: it is looked for again.
 */
void sink_open(struct sink *sink)
{
        sink->kind = SINK_NONE;
        sink->fd = -1;
        sink_look(sink);
}

/**
 * sink_close() - let go of the destination
 * @sink: it may be used again, and then looks for one
 */
void sink_close(struct sink *sink)
{
        if (sink->fd >= 0)
                (void)close(sink->fd);
        sink->fd = -1;
        sink->kind = SINK_NONE;
        sink->is_torn = false;
}

/**
 * sink_allows() - is a line of this priority wanted?
 * @sink:     after true, its kind is where the line goes
 * @priority: as syslog(3)
 *
 * To be asked before the line is made, since making it costs more.
 *
 * Return: true; or false also where there is no destination, which counts no line as lost
 */
bool sink_allows(struct sink *sink, int priority)
{
        if (sink->kind != SINK_JOURNAL &&
            (!sink->was_tried || sink_now_ms() - sink->tried_ms >= SINK_RETRY_MS))
                sink_look(sink);
        switch (sink->kind) {
        case SINK_JOURNAL:
        case SINK_STDERR:
                return true;
        case SINK_SYSLOG:
                return priority <= LOG_WARNING || priority <= sink->syslog_priority_max;
        case SINK_NONE:
        default:
                return false;
        }
}

static ssize_t send_parts(int fd, struct iovec *parts, size_t n_parts)
{
        const struct msghdr message = { .msg_iov = parts, .msg_iovlen = n_parts };

        return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int write_journal(const struct sink *sink,
                         int priority,
                         const struct text *line,
                         const struct text *fields)
{
        struct iovec parts[6];
        size_t n_parts = 0;
        char head[96];
        int n_head;

        n_head = snprintf(head, sizeof(head),
                          "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=", priority,
                          sink->facility);
        parts[n_parts++] = part(head, (size_t)n_head);
        parts[n_parts++] = part(sink->name, strlen(sink->name));
        parts[n_parts++] = part("\nMESSAGE=", 9);
        parts[n_parts++] = part(line->data, line->n_bytes);
        parts[n_parts++] = part("\n", 1);
        if (fields)
                parts[n_parts++] = part(fields->data, fields->n_bytes);
        return send_parts(sink->fd, parts, n_parts) < 0 ? -errno : 0;
}

static int write_syslog(const struct sink *sink, int priority, const struct text *line)
{
        const struct log log = {
                .name = sink->name,
                .facility = sink->facility,
                .fd = sink->fd,
        };

        return log_send(&log, priority, line->data);
}

/* A pipe takes up to PIPE_BUF bytes wholly or not at all. Of a longer line it may take a part: then
 * the next one begins on a line of its own. */
static int write_stderr(struct sink *sink, const struct text *line)
{
        struct iovec parts[5];
        size_t n_parts = 0;
        size_t n_bytes = 0;
        ssize_t n;
        size_t i;

        if (sink->is_torn)
                parts[n_parts++] = part("\n", 1);
        if (!sink->is_json) {
                parts[n_parts++] = part(sink->name, strlen(sink->name));
                parts[n_parts++] = part(": ", 2);
        }
        parts[n_parts++] = part(line->data, line->n_bytes);
        parts[n_parts++] = part("\n", 1);
        for (i = 0; i < n_parts; i++)
                n_bytes += parts[i].iov_len;

        if (sink->is_socket)
                n = send_parts(sink->fd, parts, n_parts);
        else
                n = writev(sink->fd, parts, (int)n_parts);
        if (n < 0)
                return -errno;
        sink->is_torn = (size_t)n < n_bytes;
        return sink->is_torn ? -EMSGSIZE : 0;
}

static int sink_try(struct sink *sink,
                    int priority,
                    const struct text *line,
                    const struct text *fields)
{
        switch (sink->kind) {
        case SINK_JOURNAL:
                return write_journal(sink, priority, line, fields);
        case SINK_SYSLOG:
                return write_syslog(sink, priority, line);
        case SINK_STDERR:
                return write_stderr(sink, line);
        case SINK_NONE:
        default:
                return -ENOTCONN;
        }
}

/* Does @r say that the line, not the destination, is the trouble? */
static bool is_passing(int r)
{
        return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM || r == -EMSGSIZE || r == -EINTR;
}

/**
 * sink_offer() - write a line if it is taken now
 * @sink:     sink_allows() said yes
 * @priority: as syslog(3)
 * @line:     the text, in which there is no newline or other control character; not empty
 * @fields:   further fields for journald, each with its end of line; NULL: none
 *
 * Where the destination is gone, the line goes to the next that is there.
 *
 * Return: 0: it is out; -EAGAIN: nothing of it was taken, which may be better later; other negative
 * errno: it can't be written. None of these is counted as lost
 */
int sink_offer(struct sink *sink, int priority, const struct text *line, const struct text *fields)
{
        int r;

        r = sink_try(sink, priority, line, fields);
        if (r && !is_passing(r)) {
                sink_close(sink);
                sink_look(sink);
                if (sink_allows(sink, priority))
                        r = sink_try(sink, priority, line, fields);
                else if (sink->kind != SINK_NONE)
                        r = 0; /* not wanted there */
                if (r && !is_passing(r))
                        sink_close(sink);
        }
        return is_passing(r) && r != -EMSGSIZE ? -EAGAIN : r;
}

/**
 * sink_write() - write a line, or count it as lost
 * @sink:     as sink_offer(), and so are the others
 * @priority: as syslog(3)
 * @line:     the text
 * @fields:   further fields for journald
 *
 * Return: is it out?
 */
bool sink_write(struct sink *sink, int priority, const struct text *line, const struct text *fields)
{
        int r;

        r = sink_offer(sink, priority, line, fields);
        if (r)
                sink->n_lost++;
        return !r;
}
