/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the log while it is made: its line, and its fields for journald. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct cmdline;

/* What one entry takes of a string, in bytes as they are printed. With CMDLINE_PRINTED_MAX they
 * keep the largest entry below LOG_LINE_BYTES_MAX, whoever wrote what is in it. */
#define ENTRY_NAME_MAX   256
#define ENTRY_STRING_MAX 1536

struct entry {
        bool is_json;    /* the line is an object, made of the fields */
        bool has_fields; /* for journald */
        struct text line;
        struct text fields;
};

void entry_deinit(struct entry *entry);
void entry_begin(struct entry *entry, bool is_json, bool has_fields);
bool entry_end(struct entry *entry);
void entry_put_null(struct entry *entry, const char *key);
void entry_put_number(struct entry *entry, const char *key, int64_t number);
void entry_put_string(struct entry *entry, const char *key, const char *string, size_t n_max);
void entry_put_cmdline(struct entry *entry, const struct cmdline *cmdline);
