/* SPDX-License-Identifier: Apache-2.0 */
/* The system log, as Python's SysLogHandler writes to it. */
#pragma once

#define LOG_PATH "/dev/log"

/* A longer line is cut, which "..." at its end shows. */
#define LOG_LINE_BYTES_MAX (8u * 1024)

struct log {
        const char *name; /* stands before each line */
        const char *path; /* of its socket; NULL: LOG_PATH */
        int facility;     /* not shifted: 3 is daemon */
        int priority_max; /* less urgent lines are dropped */
        int fd;           /* -1: there is no log */
};

void log_open(struct log *log);
void log_close(struct log *log);
void log_line(const struct log *log, int priority, const char *line);
int log_send(const struct log *log, int priority, const char *line);
int log_connect(const char *path, int type);
