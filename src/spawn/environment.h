/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a command. */
#pragma once

struct arena;

const char **environment_merge(struct arena *arena,
                               const char *const *inherited,
                               const char *const *added);
