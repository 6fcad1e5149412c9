/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is taken piece by piece and given back at once. */
#pragma once

#include <stddef.h>

/* No arena grows beyond this, whatever its owner is fed. */
#define ARENA_BYTES_MAX (256u * 1024 * 1024)

struct arena_block;

/* The first block of arenas that follow each other, kept between them: mapping one anew is what a
 * short-lived arena costs most. Zeroed: empty. */
struct arena_keep {
        struct arena_block *block;
        size_t n_room;
};

struct arena {
        struct arena_keep *keep; /* borrowed; NULL: none */
        struct arena_block *blocks;
        size_t n_first; /* what the first block shall hold; 0: a default */
        size_t n_used;  /* of the newest block */
        size_t n_room;  /* of the newest block */
        size_t n_total; /* of all blocks */
};

void arena_deinit(struct arena *arena);
void arena_keep_deinit(struct arena_keep *keep);
void *arena_take(struct arena *arena, size_t n_bytes);
void *arena_take_array(struct arena *arena, size_t n_items, size_t item_bytes);
char *arena_copy(struct arena *arena, const char *text, size_t n_bytes);
char *arena_copy_string(struct arena *arena, const char *text);
void *arena_grow_array(struct arena *arena,
                       void *items,
                       size_t n_items,
                       size_t n_more,
                       size_t item_bytes);
