/* SPDX-License-Identifier: Apache-2.0 */
/* What `rootwrapctl lint` has to say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/rule.h"
#include "util/arena.h"

enum severity {
        SEVERITY_NOTE,    /* worth knowing; does not count */
        SEVERITY_WARNING, /* allowed, and perhaps more than was meant */
        SEVERITY_ERROR,   /* it can't work */
};

#define N_SEVERITIES 3

/* Where something was found. */
struct place {
        const char *file;
        unsigned int line;  /* 0: the file as a whole */
        const char *filter; /* NULL: none */
};

struct finding {
        enum severity severity;
        const char *code; /* kebab-case, part of the interface */
        struct place place;
        const char *rule; /* "D1" and so on, NULL: none */
        const char *text;
        size_t number; /* in the order of discovery */
};

struct findings {
        struct arena arena; /* holds all strings */
        struct finding *v;
        size_t n;
        size_t n_room;
        size_t n_of[N_SEVERITIES];
        bool is_incomplete; /* there was no memory for one */
};

void findings_deinit(struct findings *findings);
void findings_add(struct findings *findings,
                  enum severity severity,
                  const char *code,
                  const struct place *place,
                  const char *rule,
                  const char *format,
                  ...) __attribute__((format(printf, 6, 7)));
bool findings_have(const struct findings *findings, const char *code, const char *file);
void findings_sort(struct findings *findings);
void findings_print(const struct findings *findings);
void findings_print_json(const struct findings *findings);
