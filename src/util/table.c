/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing, at most half full. The slots live in an arena, and those
 * that were outgrown stay there, as much again in all. The keys are borrowed. Keys come from
 * files that root wrote, never from a client, so that a fixed hash (FNV-1a) needs no secret;
 * looking up a client's word costs its length and a short probe, whatever it is.
 */
#include "util/table.h"

#include <errno.h>
#include <string.h>

#include "util/arena.h"
#include "util/err.h"

struct table_slot {
        const char *key; /* NULL: free */
        uint32_t n_key;
        uint32_t hash;
        uint32_t value;
};

static uint32_t hash_bytes(const char *bytes, size_t n_bytes)
{
        uint32_t hash = 2166136261u;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
        return hash ^ hash >> 15;
}

/* Return: the slot that holds the key, or the free one where it belongs */
static struct table_slot *slot_of(const struct table *table,
                                  const char *key,
                                  size_t n_key,
                                  uint32_t hash)
{
        size_t at = hash & (table->n_slots - 1);

        while (table->slots[at].key) {
                if (table->slots[at].hash == hash && table->slots[at].n_key == n_key &&
                    memcmp(table->slots[at].key, key, n_key) == 0)
                        break;
                at = (at + 1) & (table->n_slots - 1);
        }
        return &table->slots[at];
}

/**
 * table_reserve() - make room, so that putting does not have to
 * @table:  the table
 * @n_keys: how many keys it will hold in all
 *
 * Return: 0 or -ENOMEM
 */
int table_reserve(struct table *table, size_t n_keys)
{
        struct table old = *table;
        size_t n_slots = 16;
        size_t i;

        while (n_slots / 2 < n_keys)
                n_slots *= 2;
        if (n_slots <= old.n_slots)
                return 0;

        table->slots = arena_take_array(table->arena, n_slots, sizeof(*table->slots));
        if (!table->slots) {
                *table = old;
                return err_origin(-ENOMEM);
        }
        table->n_slots = n_slots;
        for (i = 0; i < old.n_slots; i++) {
                const struct table_slot *slot = &old.slots[i];

                if (slot->key)
                        *slot_of(table, slot->key, slot->n_key, slot->hash) = *slot;
        }
        return 0;
}

/**
 * table_put() - add a key, or change its value
 * @table:   the table
 * @key:     borrowed for the life of the table
 * @value:   its value
 * @ret_old: the value it had, TABLE_NONE for a new key
 *
 * Return: 0 or -ENOMEM
 */
int table_put(struct table *table, const char *key, uint32_t value, uint32_t *ret_old)
{
        size_t n_key = strlen(key);
        uint32_t hash = hash_bytes(key, n_key);
        struct table_slot *slot;
        int r;

        r = table_reserve(table, table->n_keys + 1);
        if (r)
                return err_trace(r);

        slot = slot_of(table, key, n_key, hash);
        *ret_old = slot->key ? slot->value : TABLE_NONE;
        table->n_keys += slot->key ? 0 : 1;
        *slot = (struct table_slot){ key, (uint32_t)n_key, hash, value };
        return 0;
}

/**
 * table_find() - look a key up
 * @table: the table
 * @key:   any bytes
 * @n_key: how many
 *
 * Return: its value or TABLE_NONE
 */
uint32_t table_find(const struct table *table, const char *key, size_t n_key)
{
        const struct table_slot *slot;

        if (!table->n_slots)
                return TABLE_NONE;
        slot = slot_of(table, key, n_key, hash_bytes(key, n_key));
        return slot->key ? slot->value : TABLE_NONE;
}
