/* SPDX-License-Identifier: Apache-2.0 */
/* A result, with the memory that is its own. */
#pragma once

#include "rootwrap.h"
#include "util/cleanup.h"

struct answer {
        struct rootwrap_result result; /* first: its address is the answer's */
        char *filter;
        char *reason;
        char *out;
        char *err;
};

int answer_new(struct answer **ret_answer);
struct answer *answer_free(struct answer *answer);
void answer_set_error(struct answer *answer, int error, const char *reason);
void answer_set_status(struct answer *answer, int wait_status);
void answer_put_reason(struct answer *answer, const char *label);
void answer_seal(struct answer *answer);
void answer_note(int error, const char *detail);

CLEANUP_DEFINE(struct answer, answer_free)
