/* SPDX-License-Identifier: Apache-2.0 */
/* From the name of a command to the filters that can match it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"

struct policy;

/* So many variables before a command are looked at; no filter that names more is found. */
#define INDEX_VARIABLES_MAX 1000

/* The most lists that one command leads to. */
#define INDEX_LISTS_MAX 6

/* Walks over the filters that can match a command, in their order, each once. */
struct index_walk {
        const struct policy *policy;
        uint32_t at[INDEX_LISTS_MAX]; /* numbers of entries */
        size_t n_lists;
};

/* What index_next() returns at the end. */
#define INDEX_END UINT32_MAX

int index_build(struct policy *policy);
void index_walk_init(struct index_walk *walk, const struct policy *policy, struct words words);
uint32_t index_next(struct index_walk *walk);
size_t index_count_env(struct words words);
