/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue is a chain of pieces. Bytes are written into the room of the last one and taken from the
 * first one; a piece goes back to the kernel as soon as it was taken, so that what flows through
 * costs its own size once, and nothing afterwards.
 *
 * A queue never holds more than its budget has: queue_room() and queue_put() say -ENOBUFS then, and
 * lose nothing of what is in it.
 */
#include "util/queue.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/err.h"

/* Linux 5.14; not in musl's header (linux/mman.h) */
#ifndef MADV_POPULATE_WRITE
#        define MADV_POPULATE_WRITE 23
#endif

struct queue_piece {
        struct queue_piece *next;
        size_t n_room;
        size_t from; /* data[from..to] is held */
        size_t to;
        char data[];
};

static size_t piece_bytes(const struct queue_piece *piece)
{
        return sizeof(*piece) + piece->n_room;
}

/* All of it at once: page by page, the faults would be what a transfer costs most. */
static void *map_pages(size_t n_bytes)
{
        void *map;

        map = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (map == MAP_FAILED)
                return NULL;
        return map;
}

/* Where the kernel has a huge page: there a fault costs a small part of its pages' faults. It must
 * be at a multiple of its size, so what is mapped around it goes back. */
static void *map_huge(size_t n_bytes)
{
        size_t n_before;
        char *piece;
        char *map;

        map = mmap(NULL, 2 * n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
                return NULL;
        n_before = -(uintptr_t)map % n_bytes;
        piece = map + n_before;
        (void)munmap(piece + n_bytes, n_bytes - n_before);
        if (n_before)
                (void)munmap(map, n_before);
        /* Either is for speed alone, and missing in some kernels. */
        (void)madvise(piece, n_bytes, MADV_HUGEPAGE);
        (void)madvise(piece, n_bytes, MADV_POPULATE_WRITE);
        return piece;
}

static void *map_piece(size_t n_bytes)
{
        return n_bytes == QUEUE_PIECE_HUGE_BYTES ? map_huge(n_bytes) : map_pages(n_bytes);
}

static void piece_free(struct queue_piece *piece)
{
        if (piece_bytes(piece) >= QUEUE_PIECE_MAPPED_BYTES)
                (void)munmap(piece, piece_bytes(piece));
        else
                free(piece);
}

static struct queue_piece *piece_new(size_t n_bytes)
{
        struct queue_piece *piece;

        piece = n_bytes >= QUEUE_PIECE_MAPPED_BYTES ? map_piece(n_bytes) : malloc(n_bytes);
        if (!piece)
                return NULL;
        piece->next = NULL;
        piece->n_room = n_bytes - sizeof(*piece);
        piece->from = 0;
        piece->to = 0;
        return piece;
}

/**
 * queue_budget_take() - charge memory to a budget
 * @budget:  more of it is used afterwards
 * @n_bytes: how much
 *
 * Return: is there so much? Else nothing was charged
 */
bool queue_budget_take(struct queue_budget *budget, size_t n_bytes)
{
        if (n_bytes > budget->n_max_bytes - budget->n_used_bytes)
                return false;
        budget->n_used_bytes += n_bytes;
        return true;
}

/**
 * queue_budget_give() - memory is given back
 * @budget:  was charged with it
 * @n_bytes: how much
 */
void queue_budget_give(struct queue_budget *budget, size_t n_bytes)
{
        budget->n_used_bytes -= n_bytes;
}

/* How large the next piece should be. */
static size_t next_bytes(const struct queue *queue)
{
        size_t n;

        if (!queue->last)
                return QUEUE_PIECE_FIRST_BYTES;
        if (queue->has_huge_pages && queue->n_bytes >= QUEUE_MUCH_BYTES)
                return QUEUE_PIECE_HUGE_BYTES;
        n = piece_bytes(queue->last) * QUEUE_PIECE_GROWTH;
        return n < QUEUE_PIECE_LARGE_BYTES ? n : QUEUE_PIECE_LARGE_BYTES;
}

static int add_piece(struct queue *queue)
{
        struct queue_budget *budget = queue->budget;
        size_t n_bytes = next_bytes(queue);
        struct queue_piece *piece;

        if (budget && !queue_budget_take(budget, n_bytes))
                return err_origin(-ENOBUFS);
        piece = piece_new(n_bytes);
        if (!piece && budget)
                queue_budget_give(budget, n_bytes);
        if (!piece)
                return err_origin(-ENOMEM);
        if (queue->last)
                queue->last->next = piece;
        else
                queue->first = piece;
        queue->last = piece;
        return 0;
}

static void drop_first(struct queue *queue)
{
        struct queue_piece *piece = queue->first;

        queue->first = piece->next;
        if (!queue->first)
                queue->last = NULL;
        if (queue->budget)
                queue_budget_give(queue->budget, piece_bytes(piece));
        piece_free(piece);
}

/**
 * queue_init() - an empty queue
 * @queue:  set
 * @budget: what its memory is charged to; must outlive it; NULL: nothing
 */
void queue_init(struct queue *queue, struct queue_budget *budget)
{
        *queue = (struct queue){ .budget = budget };
}

/**
 * queue_use_huge_pages() - for what is filled at once and emptied later
 * @queue: has fewer faults, and up to QUEUE_PIECE_HUGE_BYTES more than it holds
 */
void queue_use_huge_pages(struct queue *queue)
{
        queue->has_huge_pages = true;
}

/**
 * queue_deinit() - give the memory back
 * @queue: becomes empty, and can be used again
 */
void queue_deinit(struct queue *queue)
{
        while (queue->first)
                drop_first(queue);
        queue->n_bytes = 0;
}

/**
 * queue_room() - where the next bytes go
 * @queue:       the queue
 * @ret_room:    memory to write to, until the next call for @queue
 * @ret_n_bytes: at least 1
 *
 * Return: 0, -ENOBUFS beyond the budget, or -ENOMEM; after a failure all is as before
 */
int queue_room(struct queue *queue, void **ret_room, size_t *ret_n_bytes)
{
        int r;

        if (!queue->last || queue->last->to == queue->last->n_room) {
                r = add_piece(queue);
                if (r)
                        return err_trace(r);
        }
        *ret_room = queue->last->data + queue->last->to;
        *ret_n_bytes = queue->last->n_room - queue->last->to;
        return 0;
}

/**
 * queue_commit() - bytes were written to what queue_room() gave
 * @queue:   the queue
 * @n_bytes: how many, at most what was given
 */
void queue_commit(struct queue *queue, size_t n_bytes)
{
        queue->last->to += n_bytes;
        queue->n_bytes += n_bytes;
}

/**
 * queue_put() - append bytes
 * @queue:   the queue
 * @bytes:   what
 * @n_bytes: how many
 *
 * Return: 0, or as queue_room(): some of the bytes may be in the queue then
 */
int queue_put(struct queue *queue, const void *bytes, size_t n_bytes)
{
        const char *at = bytes;
        size_t n_room;
        void *room;
        int r;

        while (n_bytes) {
                r = queue_room(queue, &room, &n_room);
                if (r)
                        return err_trace(r);
                if (n_room > n_bytes)
                        n_room = n_bytes;
                memcpy(room, at, n_room);
                queue_commit(queue, n_room);
                at += n_room;
                n_bytes -= n_room;
        }
        return 0;
}

/**
 * queue_peek() - the next bytes that lie in one piece
 * @queue:       the queue
 * @ret_bytes:   borrowed until the next queue_drop() or queue_deinit()
 * @ret_n_bytes: at least 1
 *
 * Return: is there anything?
 */
bool queue_peek(const struct queue *queue, const void **ret_bytes, size_t *ret_n_bytes)
{
        const struct queue_piece *piece = queue->first;

        if (!queue->n_bytes)
                return false;
        *ret_bytes = piece->data + piece->from;
        *ret_n_bytes = piece->to - piece->from;
        return true;
}

/**
 * queue_drop() - bytes at the front are done with
 * @queue:   the queue
 * @n_bytes: how many, at most what it holds
 */
void queue_drop(struct queue *queue, size_t n_bytes)
{
        struct queue_piece *piece;
        size_t n;

        while (n_bytes) {
                piece = queue->first;
                n = piece->to - piece->from;
                if (n > n_bytes)
                        n = n_bytes;
                piece->from += n;
                queue->n_bytes -= n;
                n_bytes -= n;
                if (piece->from == piece->to)
                        drop_first(queue);
        }
}

/**
 * queue_move() - hand over all that a queue holds
 * @to:   gives back what it had; gets everything, the budget included
 * @from: becomes empty
 */
void queue_move(struct queue *to, struct queue *from)
{
        queue_deinit(to);
        *to = *from;
        queue_init(from, to->budget);
}
