/* SPDX-License-Identifier: Apache-2.0 */
/* Why a command was refused, for people. */
#pragma once

#include <stdbool.h>

struct decision;
struct policy;
struct system;
struct text;

/* How much of a command a message repeats. */
#define REFUSAL_WORDS_BYTES_MAX 4096

void refusal_put_words(struct text *text, const char *const *argv);
void refusal_put_verdict(struct text *text,
                         const struct decision *decision,
                         const char *const *argv);
void refusal_put_missing(struct text *text,
                         const struct decision *decision,
                         const struct policy *policy);
bool refusal_put_stricter(struct text *text,
                          const struct decision *decision,
                          const struct policy *policy,
                          const struct system *system,
                          const char *const *argv);
