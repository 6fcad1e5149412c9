/* SPDX-License-Identifier: Apache-2.0 */
/* A start that is not waited for. */
#pragma once

#include <stdbool.h>

#include "spawn/spawn.h"

struct launch_image;

struct launch {
        pid_t pid;
        int pidfd;                  /* the caller's, as soon as it takes it */
        int result;                 /* at its end when the start is over */
        struct launch_image *image; /* what the child reads until then */
};

bool launch_is_possible(void);
int launch_begin(struct launch *launch, const struct spawn *spawn);
int launch_finish(struct launch *launch, enum spawn_step *reterr_step);
void launch_forget(struct launch *launch);
