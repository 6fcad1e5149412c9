/* SPDX-License-Identifier: Apache-2.0 */
/* What a child does between its beginning and the program. */
#pragma once

#include "spawn/spawn.h"

int child_run(const struct spawn *spawn, int keep_fd, enum spawn_step *step);
