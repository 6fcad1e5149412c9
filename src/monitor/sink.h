/* SPDX-License-Identifier: Apache-2.0 */
/* Where the daemon's log goes: journald, else syslog, else standard error. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/log.h"

struct text;

#define SINK_JOURNAL_PATH "/run/systemd/journal/socket"

/* While a destination is not there, it is looked for so often. */
#define SINK_RETRY_MS 1000

enum sink_kind {
        SINK_NONE,
        SINK_JOURNAL,
        SINK_SYSLOG,
        SINK_STDERR,
};

struct sink {
        const char *name;         /* of the program; no blank or control character in it */
        const char *journal_path; /* its socket */
        const char *syslog_path;  /* its socket */
        int stderr_fd;            /* borrowed; -1: none */
        int facility;             /* not shifted, as struct log */
        int syslog_priority_max;  /* syslog also gets what is no warning, up to this */
        bool is_json;             /* lines on stderr are objects, with no name before them */

        /* the sink's own */
        enum sink_kind kind;
        int fd;         /* owned; -1 for SINK_NONE */
        bool is_socket; /* of SINK_STDERR: what fd is */
        bool is_torn;   /* of SINK_STDERR: a line was written in part */
        bool was_tried; /* at tried_ms */
        int64_t tried_ms;
        uint64_t n_lost; /* lines that were due and did not get out */
};

void sink_open(struct sink *sink);
void sink_close(struct sink *sink);
bool sink_allows(struct sink *sink, int priority);
int sink_offer(struct sink *sink, int priority, const struct text *line, const struct text *fields);
bool sink_write(struct sink *sink,
                int priority,
                const struct text *line,
                const struct text *fields);
int64_t sink_now_ms(void);
