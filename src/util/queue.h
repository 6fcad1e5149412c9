/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of bytes: put in at one end, taken out at the other, held once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The first piece of a queue is small, since most hold little. Each next one is eight times as
 * large, up to a bound that keeps small what is mapped and not used; where a queue with huge pages
 * holds much already, that is one. */
#define QUEUE_PIECE_FIRST_BYTES (4u * 1024)
#define QUEUE_PIECE_GROWTH      8
#define QUEUE_PIECE_LARGE_BYTES (512u * 1024)
#define QUEUE_PIECE_HUGE_BYTES  (2048u * 1024)
#define QUEUE_MUCH_BYTES        (4u * QUEUE_PIECE_HUGE_BYTES)
/* Pieces from here on are mapped by themselves, so that they go back to the kernel at once. */
#define QUEUE_PIECE_MAPPED_BYTES (256u * 1024)

/* Memory that several queues share. */
struct queue_budget {
        size_t n_used_bytes;
        size_t n_max_bytes;
};

struct queue_piece;

struct queue {
        struct queue_piece *first;
        struct queue_piece *last;
        size_t n_bytes;
        struct queue_budget *budget; /* borrowed; NULL: none */
        bool has_huge_pages;
};

bool queue_budget_take(struct queue_budget *budget, size_t n_bytes);
void queue_budget_give(struct queue_budget *budget, size_t n_bytes);
void queue_init(struct queue *queue, struct queue_budget *budget);
void queue_use_huge_pages(struct queue *queue);
void queue_deinit(struct queue *queue);
int queue_put(struct queue *queue, const void *bytes, size_t n_bytes);
int queue_room(struct queue *queue, void **ret_room, size_t *ret_n_bytes);
void queue_commit(struct queue *queue, size_t n_bytes);
bool queue_peek(const struct queue *queue, const void **ret_bytes, size_t *ret_n_bytes);
void queue_drop(struct queue *queue, size_t n_bytes);
void queue_move(struct queue *to, struct queue *from);
