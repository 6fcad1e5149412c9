/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file that the administrator wrote, and where. */
#pragma once

#include <stddef.h>

struct text;

/* Longer names and sentences are cut. */
#define COMPLAINT_BYTES_MAX 4096

enum complaint_kind {
        COMPLAINT_FILE,  /* the file can't be read, trusted or parsed */
        COMPLAINT_VALUE, /* it was parsed, and a value in it can't be used */
};

struct complaint {
        enum complaint_kind kind;
        char *file;        /* owned */
        unsigned int line; /* from 1; 0: the file as a whole */
        char *text;        /* owned, one line */
};

void complaint_deinit(struct complaint *complaint);
void complaint_set(struct complaint *complaint,
                   const char *file,
                   unsigned int line,
                   const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
void complaint_put(struct text *text, const struct complaint *complaint);
