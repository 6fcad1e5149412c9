/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration and the filters that are in force, as a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/settings.h"
#include "monitor/admission.h"
#include "policy/policy.h"
#include "policy/system.h"
#include "util/cleanup.h"

struct complaint;
struct identity;
struct ruleset_user;

/* The most users whose identity is kept. */
#define RULESET_USERS_MAX 1024

enum {
        RULESET_E_BAD = 1, /* a file can't be used; the complaint says why */
};

struct ruleset {
        struct settings settings;
        struct admission admission; /* of a host service */
        struct policy policy;
        struct system system;
        struct arena_keep keep;     /* of decisions */
        struct ruleset_user *users; /* found so far */
        size_t n_users;
        size_t n_refs;
};

int ruleset_load(struct ruleset **ret_ruleset,
                 const char *file,
                 bool is_service,
                 struct complaint *reterr);
struct ruleset *ruleset_ref(struct ruleset *ruleset);
struct ruleset *ruleset_unref(struct ruleset *ruleset);
int ruleset_find_user(struct ruleset *ruleset,
                      const char *name,
                      const struct identity **ret_identity);

CLEANUP_DEFINE(struct ruleset, ruleset_unref)
