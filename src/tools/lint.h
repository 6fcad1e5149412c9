/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of `rootwrapctl lint`. */
#pragma once

#include "policy/policy.h"
#include "policy/system.h"
#include "tools/finding.h"

/* What one look at a policy needs. */
struct lint {
        struct findings *findings;
        const struct policy *policy;
        const struct system *system;
};

void lint_one(const struct lint *lint, uint32_t number);
void lint_danger(const struct lint *lint, const struct filter *filter);
void lint_shadow(const struct lint *lint, uint32_t number);
void lint_patterns(const struct lint *lint, const struct filter *filter);
void lint_program(const struct lint *lint, const struct filter *filter);
void lint_settings(const struct lint *lint);
void lint_exec_dirs(const struct lint *lint, unsigned int line);
void lint_trust(struct findings *findings, const char *path);
void lint_trust_parents(struct findings *findings, const char *path);
const char *lint_find_program(const struct lint *lint, const struct filter *filter);
bool lint_matches(const struct lint *lint, struct pattern *pattern, const char *text);
bool lint_is_free(const struct lint *lint, struct pattern *pattern);
struct place lint_place(const struct lint *lint, const struct filter *filter);
