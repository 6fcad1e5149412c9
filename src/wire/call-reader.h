/* SPDX-License-Identifier: Apache-2.0 */
/* A request, collected from JSON while it arrives. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct call;
struct call_reader;
struct queue_budget;

/* The longest sentence that says what is wrong with a request, and a NUL. */
#define CALL_SENTENCE_BYTES 256

enum {
        CALL_E_BAD = 1, /* the request is none; the sentence says why */
};

int call_reader_new(struct call_reader **ret_reader, struct queue_budget *budget, bool is_method);
struct call_reader *call_reader_free(struct call_reader *reader);
void call_reader_put(struct call_reader *reader, const char *bytes, size_t n_bytes);
int call_reader_finish(struct call_reader *reader,
                       struct call *ret_call,
                       char reterr_sentence[static CALL_SENTENCE_BYTES]);

CLEANUP_DEFINE(struct call_reader, call_reader_free)
