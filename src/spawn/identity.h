/* SPDX-License-Identifier: Apache-2.0 */
/* As whom a command runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The most groups of one user: the kernel's own limit (NGROUPS_MAX). */
#define IDENTITY_GROUPS_MAX 65536

enum {
        IDENTITY_E_UNKNOWN = 1, /* there is no such user */
};

struct identity {
        uid_t uid;
        gid_t gid;
        gid_t *groups;
        int n_groups;
        bool is_uid_only; /* gid and groups stay: oslo.rootwrap's way */
};

int identity_look_up(struct identity *identity, const char *user, bool uid_only);
void identity_deinit(struct identity *identity);
int identity_assume(const struct identity *identity);
