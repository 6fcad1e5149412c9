/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/mman.h>

#include "util/queue.h"
#include "util/test.h"

static bool fail_mmap;

void *__real_mmap64(void *start, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *start, size_t n, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap64(void *start, size_t n, int protection, int flags, int fd, off_t offset)
{
        return fail_mmap ? MAP_FAILED : __real_mmap64(start, n, protection, flags, fd, offset);
}

/* Byte @i of a stream that repeats itself at no power of two. */
static unsigned char byte_at(size_t i)
{
        return (unsigned char)(i % 251);
}

static void put_stream(struct queue *queue, size_t from, size_t n_bytes)
{
        unsigned char bytes[997];
        size_t n;
        size_t i;

        for (; n_bytes; n_bytes -= n) {
                n = n_bytes < sizeof(bytes) ? n_bytes : sizeof(bytes);
                for (i = 0; i < n; i++)
                        bytes[i] = byte_at(from++);
                assert_int_equal(queue_put(queue, bytes, n), 0);
        }
}

static size_t take_stream(struct queue *queue, size_t from, size_t n_max)
{
        const void *bytes;
        size_t n_taken = 0;
        size_t n;
        size_t i;

        while (n_taken < n_max && queue_peek(queue, &bytes, &n)) {
                assert_true(n > 0);
                n = n < n_max - n_taken ? n : n_max - n_taken;
                for (i = 0; i < n; i++)
                        if (((const unsigned char *)bytes)[i] != byte_at(from + n_taken + i))
                                fail_msg("byte %zu is wrong", from + n_taken + i);
                queue_drop(queue, n);
                n_taken += n;
        }
        return n_taken;
}

static struct size_row {
        const char *name;
        size_t n_bytes;
} size_rows[] = {
        { "nothing_goes_through", 0 },
        { "one_byte_goes_through", 1 },
        { "a_whole_first_piece_goes_through", QUEUE_PIECE_FIRST_BYTES },
        { "two_pieces_go_through", QUEUE_PIECE_MAPPED_BYTES },
        { "many_pieces_go_through", 5 * QUEUE_PIECE_LARGE_BYTES + 7 },
        { "huge_pieces_go_through", QUEUE_MUCH_BYTES + 3 * QUEUE_PIECE_HUGE_BYTES + 7 },
};

static void run_size(void **state)
{
        const struct size_row *row = *state;
        struct queue_budget budget = { .n_max_bytes = 8 * QUEUE_PIECE_HUGE_BYTES };
        struct queue queue;

        queue_init(&queue, &budget);
        queue_use_huge_pages(&queue);
        put_stream(&queue, 0, row->n_bytes);
        assert_int_equal(queue.n_bytes, row->n_bytes);
        assert_true(budget.n_used_bytes >= row->n_bytes);
        assert_int_equal(take_stream(&queue, 0, SIZE_MAX), row->n_bytes);
        assert_int_equal(queue.n_bytes, 0);
        assert_int_equal(budget.n_used_bytes, 0);
        queue_deinit(&queue);
}

static void memory_stays_small_while_bytes_flow(void **state)
{
        struct queue_budget budget = { .n_max_bytes = 3 * QUEUE_PIECE_LARGE_BYTES };
        struct queue queue;
        size_t at;

        (void)state;
        queue_init(&queue, &budget);
        put_stream(&queue, 0, 100);
        for (at = 0; at < 20 * QUEUE_PIECE_LARGE_BYTES; at += 1000) {
                put_stream(&queue, at + 100, 1000);
                assert_int_equal(take_stream(&queue, at, 1000), 1000);
        }
        assert_int_equal(queue.n_bytes, 100);
        queue_deinit(&queue);
        assert_int_equal(budget.n_used_bytes, 0);
}

static void the_budget_is_kept_and_nothing_lost(void **state)
{
        struct queue_budget budget = { .n_max_bytes = QUEUE_PIECE_FIRST_BYTES };
        struct queue queue;
        size_t n_held;
        size_t n;
        void *room;

        (void)state;
        queue_init(&queue, &budget);
        assert_int_equal(queue_room(&queue, &room, &n), 0);
        put_stream(&queue, 0, n);
        n_held = n;
        assert_int_equal(queue_room(&queue, &room, &n), -ENOBUFS);
        assert_int_equal(take_stream(&queue, 0, SIZE_MAX), n_held);
        assert_int_equal(queue_room(&queue, &room, &n), 0);
        queue_deinit(&queue);
}

static void no_memory_is_said_and_nothing_lost(void **state)
{
        struct queue queue;
        char byte = 0;
        int r = 0;

        (void)state;
        queue_init(&queue, NULL);
        put_stream(&queue, 0, QUEUE_PIECE_FIRST_BYTES);
        fail_mmap = true;
        while (!r && queue.n_bytes < 4 * (size_t)QUEUE_PIECE_MAPPED_BYTES) {
                byte = (char)byte_at(queue.n_bytes);
                r = queue_put(&queue, &byte, 1);
        }
        fail_mmap = false;
        assert_int_equal(r, -ENOMEM);
        assert_true(take_stream(&queue, 0, SIZE_MAX) >= QUEUE_PIECE_FIRST_BYTES);
        queue_deinit(&queue);
}

static void a_move_hands_everything_over(void **state)
{
        struct queue_budget budget = { .n_max_bytes = QUEUE_PIECE_LARGE_BYTES };
        struct queue from;
        struct queue to;

        (void)state;
        queue_init(&from, &budget);
        queue_init(&to, NULL);
        put_stream(&to, 7, 10);
        put_stream(&from, 0, 10000);
        queue_move(&to, &from);
        assert_int_equal(from.n_bytes, 0);
        put_stream(&from, 3, 4);
        assert_int_equal(take_stream(&to, 0, SIZE_MAX), 10000);
        queue_deinit(&from);
        queue_deinit(&to);
        assert_int_equal(budget.n_used_bytes, 0);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, size_rows, run_size);
        test_set_add_test(&set, memory_stays_small_while_bytes_flow);
        test_set_add_test(&set, the_budget_is_kept_and_nothing_lost);
        test_set_add_test(&set, no_memory_is_said_and_nothing_lost);
        test_set_add_test(&set, a_move_hands_everything_over);
        return test_set_run(&set, "queue");
}
