/* SPDX-License-Identifier: Apache-2.0 */
/* Whose daemon this is. */
#pragma once

#include <sys/types.h>

enum {
        OWNER_E_UNKNOWN = 1, /* the environment names nobody who exists */
};

int owner_find(uid_t *ret_uid, char **ret_name);
int owner_find_worker(uid_t *ret_uid, gid_t *ret_gid);
