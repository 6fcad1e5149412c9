/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

#include "util/arena.h"
#include "util/table.h"
#include "util/test.h"

static bool fails; /* the next mmap(2) and all after it */

void *__real_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);

void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
        return fails ? MAP_FAILED : __real_mmap64(address, n, protection, flags, fd, offset);
}

static void without_memory_a_table_stays_as_it_was(void **state)
{
        struct arena arena = { 0 };
        struct table table = { .arena = &arena };
        uint32_t old = 7;

        (void)state;
        fails = true;
        assert_int_equal(table_put(&table, "a", 1, &old), -ENOMEM);
        fails = false;
        assert_int_equal(old, 7);
        assert_int_equal(table_find(&table, "a", 1), TABLE_NONE);
        assert_int_equal(table_put(&table, "a", 1, &old), 0);
        fails = true;
        assert_int_equal(table_reserve(&table, 100000), -ENOMEM);
        fails = false;
        assert_int_equal(table_find(&table, "a", 1), 1);
        arena_deinit(&arena);
}

static void an_empty_table_finds_nothing(void **state)
{
        struct table table = { 0 };

        (void)state;
        assert_int_equal(table_find(&table, "", 0), TABLE_NONE);
}

static void a_key_is_found_whole(void **state)
{
        struct arena arena = { 0 };
        struct table table = { .arena = &arena };
        uint32_t old;

        (void)state;
        assert_int_equal(table_put(&table, "ab", 1, &old), 0);
        assert_int_equal(old, TABLE_NONE);
        assert_int_equal(table_find(&table, "a", 1), TABLE_NONE);
        assert_int_equal(table_find(&table, "abc", 3), TABLE_NONE);
        assert_int_equal(table_find(&table, "ab\0", 3), TABLE_NONE);
        assert_int_equal(table_find(&table, "abc", 2), 1);
        assert_int_equal(table_put(&table, "", 2, &old), 0);
        assert_int_equal(table_find(&table, "", 0), 2);
        arena_deinit(&arena);
}

static void putting_again_changes_the_value(void **state)
{
        struct arena arena = { 0 };
        struct table table = { .arena = &arena };
        uint32_t old;

        (void)state;
        assert_int_equal(table_put(&table, "a", 1, &old), 0);
        assert_int_equal(table_put(&table, "a", 2, &old), 0);
        assert_int_equal(old, 1);
        assert_int_equal(table.n_keys, 1);
        assert_int_equal(table_find(&table, "a", 1), 2);
        arena_deinit(&arena);
}

static void many_keys_are_all_found(void **state)
{
        static char keys[5000][8];
        struct arena arena = { 0 };
        struct table table = { .arena = &arena };
        uint32_t old;
        uint32_t i;

        (void)state;
        for (i = 0; i < ARRAY_SIZE(keys); i++) {
                (void)snprintf(keys[i], sizeof(keys[i]), "k%u", i);
                assert_int_equal(table_put(&table, keys[i], i, &old), 0);
                assert_int_equal(old, TABLE_NONE);
        }
        for (i = 0; i < ARRAY_SIZE(keys); i++)
                assert_int_equal(table_find(&table, keys[i], strlen(keys[i])), i);
        assert_int_equal(table_find(&table, "k5000", 5), TABLE_NONE);
        arena_deinit(&arena);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, without_memory_a_table_stays_as_it_was);
        test_set_add_test(&set, an_empty_table_finds_nothing);
        test_set_add_test(&set, a_key_is_found_whole);
        test_set_add_test(&set, putting_again_changes_the_value);
        test_set_add_test(&set, many_keys_are_all_found);
        return test_set_run(&set, "table");
}
