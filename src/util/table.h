/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from strings to numbers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;
struct table_slot;

struct table {
        struct arena *arena; /* where the slots live */
        struct table_slot *slots;
        size_t n_slots; /* a power of two, or 0 */
        size_t n_keys;
};

/* What table_find() returns for a key that is not there. */
#define TABLE_NONE UINT32_MAX

int table_reserve(struct table *table, size_t n_keys);
int table_put(struct table *table, const char *key, uint32_t value, uint32_t *ret_old);
uint32_t table_find(const struct table *table, const char *key, size_t n_key);
