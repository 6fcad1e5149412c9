/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator. A policy is tens of thousands of short strings that live and die together:
 * taking them from here is a comparison and an addition, and giving them back is one loop over a
 * few blocks. Nothing taken is ever freed on its own. A zeroed struct arena is a valid, empty one.
 */
#include "util/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What the first block holds; each further one is twice as large. */
#define ARENA_BLOCK_BYTES (16u * 1024)

struct arena_block {
        struct arena_block *next;
        alignas(max_align_t) char data[];
};

/**
 * arena_deinit() - give everything back
 * @arena: becomes empty; pointers into it are dead
 */
void arena_deinit(struct arena *arena)
{
        struct arena_block *block = arena->blocks;
        struct arena_block *next;

        for (; block; block = next) {
                next = block->next;
                free(block);
        }
        *arena = (struct arena){ 0 };
}

static int arena_grow(struct arena *arena, size_t n_bytes)
{
        size_t n_room = arena->n_room ? arena->n_room * 2 : ARENA_BLOCK_BYTES;
        struct arena_block *block;

        if (n_room < n_bytes)
                n_room = n_bytes;
        if (n_room > ARENA_BYTES_MAX - arena->n_total)
                n_room = n_bytes;
        if (n_room > ARENA_BYTES_MAX - arena->n_total)
                return -1;

        block = malloc(sizeof(*block) + n_room);
        if (!block)
                return -1;

        block->next = arena->blocks;
        arena->blocks = block;
        arena->n_room = n_room;
        arena->n_used = 0;
        arena->n_total += n_room;
        return 0;
}

/**
 * arena_take() - take zeroed memory
 * @arena:   where from
 * @n_bytes: how much, at least 1
 *
 * Return: the memory, aligned for any type, or NULL when there is none or ARENA_BYTES_MAX is
 * reached
 */
void *arena_take(struct arena *arena, size_t n_bytes)
{
        size_t n_padded;
        void *taken;

        if (n_bytes > ARENA_BYTES_MAX)
                return NULL;

        n_padded = (n_bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (n_padded > arena->n_room - arena->n_used && arena_grow(arena, n_padded))
                return NULL;

        taken = arena->blocks->data + arena->n_used;
        arena->n_used += n_padded;
        return memset(taken, 0, n_bytes);
}

/**
 * arena_take_array() - take zeroed memory for an array
 * @arena:      where from
 * @n_items:    how many items; for 0 one is taken, so that NULL always means failure
 * @item_bytes: size of one
 *
 * Return: as arena_take()
 */
void *arena_take_array(struct arena *arena, size_t n_items, size_t item_bytes)
{
        if (n_items > ARENA_BYTES_MAX / item_bytes)
                return NULL;
        return arena_take(arena, n_items ? n_items * item_bytes : item_bytes);
}

/**
 * arena_copy() - copy @n_bytes of @text and end them with NUL
 * @arena:   where to
 * @text:    bytes
 * @n_bytes: how many
 *
 * Return: the copy, or NULL as arena_take()
 */
char *arena_copy(struct arena *arena, const char *text, size_t n_bytes)
{
        char *copy;

        if (n_bytes >= ARENA_BYTES_MAX)
                return NULL;
        copy = arena_take(arena, n_bytes + 1);
        return copy ? memcpy(copy, text, n_bytes) : NULL;
}

/**
 * arena_copy_string() - copy a string
 * @arena: where to
 * @text:  NUL-terminated
 *
 * Return: the copy, or NULL as arena_take()
 */
char *arena_copy_string(struct arena *arena, const char *text)
{
        return arena_copy(arena, text, strlen(text));
}
