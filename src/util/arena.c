/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator. A policy is tens of thousands of short strings that live and die together:
 * taking them from here is a comparison and an addition, and giving them back is one loop over a
 * few blocks. Nothing taken is ever freed on its own. A zeroed struct arena is a valid, empty one.
 */
#include "util/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What the first block holds; each further one is twice as large. */
#define ARENA_BLOCK_BYTES (16u * 1024)
/* Blocks are whole pages; where a page is larger, mmap(2) rounds up. */
#define ARENA_PAGE_BYTES 4096u
/* Of larger blocks only the pages that are touched are worth asking for. */
#define ARENA_POPULATE_MAX (256u * 1024)
/* From here on a block is made of huge pages: it will be filled. */
#define ARENA_HUGE_MIN   (512u * 1024)
#define ARENA_HUGE_BYTES ((size_t)2 * 1024 * 1024)

struct arena_block {
        struct arena_block *next;
        size_t n_bytes; /* of the whole block */
        alignas(max_align_t) char data[];
};

/* The one block of an arena waits for the next one, as if it were new. Return: does it? */
static bool put_by(struct arena *arena)
{
        struct arena_block *block = arena->blocks;

        if (!arena->keep || arena->keep->block || !block || block->next ||
            block->n_bytes > ARENA_POPULATE_MAX)
                return false;
        memset(block->data, 0, arena->n_used);
        *arena->keep = (struct arena_keep){ .block = block, .n_room = arena->n_room };
        return true;
}

/**
 * arena_deinit() - give everything back
 * @arena: becomes empty; pointers into it are dead
 */
void arena_deinit(struct arena *arena)
{
        struct arena_block *block = put_by(arena) ? NULL : arena->blocks;
        struct arena_block *next;

        for (; block; block = next) {
                next = block->next;
                (void)munmap(block, block->n_bytes);
        }
        *arena = (struct arena){ .keep = arena->keep, .n_first = arena->n_first };
}

/**
 * arena_keep_deinit() - give back what was kept
 * @keep: becomes empty; no arena uses it
 */
void arena_keep_deinit(struct arena_keep *keep)
{
        if (keep->block)
                (void)munmap(keep->block, keep->block->n_bytes);
        *keep = (struct arena_keep){ .block = NULL };
}

static size_t round_up(size_t n, size_t step)
{
        return (n + step - 1) & ~(step - 1);
}

static int arena_grow(struct arena *arena, size_t n_bytes)
{
        size_t n_room = arena->n_room * 2;
        struct arena_block *block;
        size_t n_block;

        if (!arena->blocks && arena->keep && arena->keep->n_room >= n_bytes) {
                arena->blocks = arena->keep->block;
                arena->n_room = arena->keep->n_room;
                arena->n_total = arena->n_room;
                *arena->keep = (struct arena_keep){ .block = NULL };
                return 0;
        }
        if (!arena->blocks)
                n_room = arena->n_first ? arena->n_first : ARENA_BLOCK_BYTES;
        if (n_room < n_bytes || n_room > ARENA_BYTES_MAX - arena->n_total)
                n_room = n_bytes;
        if (n_room > ARENA_BYTES_MAX - arena->n_total)
                return -1;

        n_block = round_up(sizeof(*block) + n_room,
                           n_room >= ARENA_HUGE_MIN ? ARENA_HUGE_BYTES : ARENA_PAGE_BYTES);
        block = mmap(NULL, n_block, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS |
                             (n_block <= ARENA_POPULATE_MAX ? MAP_POPULATE : 0),
                     -1, 0);
        if (block == MAP_FAILED)
                return -1;

        if (n_room >= ARENA_HUGE_MIN)
                (void)madvise(block, n_block, MADV_HUGEPAGE); /* where the kernel has them */
        block->next = arena->blocks;
        block->n_bytes = n_block;
        arena->blocks = block;
        arena->n_room = n_block - sizeof(*block);
        arena->n_used = 0;
        arena->n_total += arena->n_room;
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
        return taken; /* zeroed: nothing taken is given back to be taken again */
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

/**
 * arena_grow_array() - take a larger array with the same items in it
 * @arena:      where from
 * @items:      the old array, which stays where it is; NULL if @n_items is 0
 * @n_items:    how many items it has
 * @n_more:     how many more there shall be room for
 * @item_bytes: size of one
 *
 * Return: the array, or NULL as arena_take()
 */
void *arena_grow_array(struct arena *arena,
                       void *items,
                       size_t n_items,
                       size_t n_more,
                       size_t item_bytes)
{
        void *grown;

        if (n_more > ARENA_BYTES_MAX - n_items)
                return NULL;
        grown = arena_take_array(arena, n_items + n_more, item_bytes);
        if (grown && n_items)
                memcpy(grown, items, n_items * item_bytes);
        return grown;
}
