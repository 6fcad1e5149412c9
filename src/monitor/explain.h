/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to: may this command run? */
#pragma once

struct decision;
struct record;
struct ruleset;
struct text;

void explain_put(const struct decision *decision,
                 const struct ruleset *ruleset,
                 const char *const *argv,
                 struct record *record,
                 struct text *tail);
