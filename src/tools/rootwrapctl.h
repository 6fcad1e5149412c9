/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of rootwrapctl, each a file of its own. */
#pragma once

#include "config/settings.h"
#include "policy/policy.h"
#include "policy/system.h"

/* Exit codes of rootwrapctl itself. */
#define RC_USAGE     64 /* EX_USAGE */
#define RC_BADCONFIG 97
#define RC_FAILED    70 /* EX_SOFTWARE */

/* A configuration, loaded. */
struct loaded {
        struct settings settings;
        struct policy policy;
        struct system system;
};

int loaded_init(struct loaded *loaded, const char *file);
void loaded_deinit(struct loaded *loaded);

int attach_main(int argc, char **argv);
int bench_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int lint_main(int argc, char **argv);
int run_main(int argc, char **argv);
int status_main(int argc, char **argv);
