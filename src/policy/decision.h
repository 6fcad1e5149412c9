/* SPDX-License-Identifier: Apache-2.0 */
/* May this command run, and as what? */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/filter.h"
#include "util/arena.h"
#include "util/text.h"

struct policy;

/* Far apart, so that no flipped bit permits. The only test for permission is == VERDICT_ALLOW. */
enum verdict {
        VERDICT_UNAUTHORIZED = 0x1E35A5C2,   /* no filter allows it */
        VERDICT_NOT_EXECUTABLE = 0x52C96B1D, /* a filter does, but its program is not there */
        VERDICT_ALLOW = 0x6D3A94E3,
};

/* How the question is put. */
enum decision_flags {
        DECISION_DIAGNOSE = 1 << 0,     /* name the rules that refused what oslo.rootwrap allows */
        DECISION_HYPOTHETICAL = 1 << 1, /* answer as oslo.rootwrap does; never to be acted on */
};

/* Why one filter did not take the command. */
struct decision_reason {
        const struct filter *filter;
        const char *text;
        unsigned int rules;
};

struct decision {
        struct arena arena; /* holds what is below */
        enum verdict verdict;
        const struct filter *filter; /* that matched; NULL for VERDICT_UNAUTHORIZED */
        const struct filter *inner;  /* behind a chaining filter */
        struct command command;      /* for VERDICT_ALLOW */
        int pidfd; /* for VERDICT_ALLOW by a KillFilter: who gets the signal; or -1 */
        int signal;
        unsigned int rules; /* with DECISION_DIAGNOSE: bits of enum rule */
        bool limit;         /* an expression reached a limit on the way */
        struct text warning;
        struct decision_reason
                *reasons; /* with DECISION_DIAGNOSE: of the filters that were tried */
        size_t n_reasons;
};

/* The arguments of one command, their bytes and their number. */
#define DECISION_ARGS_MAX  (256u * 1024)
#define DECISION_BYTES_MAX (16u * 1024 * 1024)

int decision_make(struct decision *decision,
                  const struct policy *policy,
                  const struct system *system,
                  const char *const *argv,
                  unsigned int flags);
void decision_deinit(struct decision *decision);
const char *verdict_name(enum verdict verdict);
int verdict_exit_code(enum verdict verdict);
