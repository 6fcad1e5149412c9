/* SPDX-License-Identifier: Apache-2.0 */
/* What a command takes over from its client: umask, nice level, resource limits. */
#pragma once

#include <stddef.h>

#include "wire/native.h"

struct properties {
        unsigned int umask;
        int nice;
        struct native_limit limits[NATIVE_LIMITS_MAX];
        size_t n_limits;
};

void properties_look(struct properties *ret_properties);
