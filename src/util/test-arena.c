/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "util/arena.h"
#include "util/test.h"

static bool fails; /* the next mmap(2) and all after it */

void *__real_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
        return fails ? MAP_FAILED : __real_mmap64(address, n, protection, flags, fd, offset);
}

static void more_than_the_maximum_is_refused(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        assert_null(arena_take(&arena, (size_t)ARENA_BYTES_MAX + 1));
        assert_null(arena_take(&arena, SIZE_MAX));
        assert_null(arena_take_array(&arena, SIZE_MAX / 2, 4));
        assert_null(arena_copy(&arena, "", ARENA_BYTES_MAX));
        assert_null(arena_grow_array(&arena, NULL, ARENA_BYTES_MAX, SIZE_MAX, 1));
        assert_int_equal(arena.n_total, 0);
        arena_deinit(&arena);
}

static void the_maximum_is_of_all_blocks_together(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        assert_non_null(arena_take(&arena, ARENA_BYTES_MAX / 2));
        assert_null(arena_take(&arena, ARENA_BYTES_MAX / 2 + 1));
        assert_non_null(arena_take(&arena, ARENA_BYTES_MAX / 4));
        assert_null(arena_take(&arena, ARENA_BYTES_MAX / 4 + 1));
        assert_non_null(arena_take(&arena, 1));
        arena_deinit(&arena);
}

static void without_memory_nothing_is_taken(void **state)
{
        struct arena arena = { 0 };
        char *kept;

        (void)state;
        fails = true;
        assert_null(arena_take(&arena, 1));
        assert_null(arena_take_array(&arena, 0, 8));
        assert_null(arena_copy_string(&arena, "a"));
        assert_null(arena_grow_array(&arena, NULL, 0, 1, 8));
        fails = false;
        kept = arena_copy_string(&arena, "kept");
        assert_non_null(kept);
        fails = true;
        assert_null(arena_take(&arena, (size_t)1024 * 1024));
        fails = false;
        assert_string_equal(kept, "kept");
        arena_deinit(&arena);
}

static void what_is_taken_is_zeroed_and_aligned(void **state)
{
        struct arena arena = { 0 };
        size_t n;
        size_t i;

        (void)state;
        for (n = 1; n < 5000; n += 97) {
                unsigned char *taken = arena_take(&arena, n);

                assert_non_null(taken);
                assert_int_equal((uintptr_t)taken % alignof(max_align_t), 0);
                for (i = 0; i < n; i++)
                        assert_int_equal(taken[i], 0);
                memset(taken, 0xFF, n);
        }
        arena_deinit(&arena);
}

static void an_array_of_nothing_is_no_failure(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        assert_non_null(arena_take_array(&arena, 0, 8));
        arena_deinit(&arena);
}

static void a_copy_ends_with_nul(void **state)
{
        struct arena arena = { 0 };

        (void)state;
        assert_string_equal(arena_copy(&arena, "abc", 2), "ab");
        assert_string_equal(arena_copy(&arena, "abc", 0), "");
        assert_string_equal(arena_copy_string(&arena, "abc"), "abc");
        arena_deinit(&arena);
}

static void a_grown_array_keeps_its_items(void **state)
{
        struct arena arena = { 0 };
        int *items;
        int *grown;

        (void)state;
        items = arena_grow_array(&arena, NULL, 0, 2, sizeof(*items));
        assert_non_null(items);
        items[0] = 1;
        items[1] = 2;
        grown = arena_grow_array(&arena, items, 2, 1, sizeof(*items));
        assert_non_null(grown);
        assert_int_equal(grown[0], 1);
        assert_int_equal(grown[1], 2);
        assert_int_equal(grown[2], 0);
        arena_deinit(&arena);
}

static void an_arena_can_be_used_again(void **state)
{
        struct arena arena = { .n_first = 100 };

        (void)state;
        assert_non_null(arena_take(&arena, 1));
        arena_deinit(&arena);
        assert_null(arena.blocks);
        assert_int_equal(arena.n_first, 100);
        assert_non_null(arena_take(&arena, 100000));
        arena_deinit(&arena);
        arena_deinit(&arena);
}

static void a_kept_block_serves_the_next_arena_and_is_zeroed(void **state)
{
        struct arena_keep keep = { .block = NULL };
        struct arena arena = { .keep = &keep };
        const unsigned char *bytes;
        void *first;
        size_t i;

        (void)state;
        first = arena_take(&arena, 1000);
        memset(first, 0xAA, 1000);
        arena_deinit(&arena);
        bytes = arena_take(&arena, 1000);
        assert_ptr_equal(bytes, first);
        for (i = 0; i < 1000; i++)
                assert_int_equal(bytes[i], 0);
        arena_deinit(&arena);
        arena_keep_deinit(&keep);
        assert_null(keep.block);
}

static void what_does_not_fit_into_a_kept_block_gets_one_of_its_own(void **state)
{
        struct arena_keep keep = { .block = NULL };
        struct arena arena = { .keep = &keep };

        (void)state;
        assert_non_null(arena_take(&arena, 10));
        arena_deinit(&arena);
        assert_non_null(keep.block);
        assert_non_null(arena_take(&arena, 1000000));
        assert_non_null(keep.block);
        arena_deinit(&arena);
        arena_keep_deinit(&keep);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, more_than_the_maximum_is_refused);
        test_set_add_test(&set, the_maximum_is_of_all_blocks_together);
        test_set_add_test(&set, without_memory_nothing_is_taken);
        test_set_add_test(&set, what_is_taken_is_zeroed_and_aligned);
        test_set_add_test(&set, an_array_of_nothing_is_no_failure);
        test_set_add_test(&set, a_copy_ends_with_nul);
        test_set_add_test(&set, a_grown_array_keeps_its_items);
        test_set_add_test(&set, an_arena_can_be_used_again);
        test_set_add_test(&set, a_kept_block_serves_the_next_arena_and_is_zeroed);
        test_set_add_test(&set, what_does_not_fit_into_a_kept_block_gets_one_of_its_own);
        return test_set_run(&set, "arena");
}
