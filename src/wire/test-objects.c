/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>

#include "util/test.h"
#include "wire/objects.h"

static bool fail_realloc;

void *__real_reallocarray(void *old, size_t n_items, size_t item_bytes);
void *__wrap_reallocarray(void *old, size_t n_items, size_t item_bytes);

void *__wrap_reallocarray(void *old, size_t n_items, size_t item_bytes)
{
        return fail_realloc ? NULL : __real_reallocarray(old, n_items, item_bytes);
}

static void an_object_lives_as_long_as_its_references(void **state)
{
        struct objects objects = { 0 };
        char id[OBJECTS_ID_BYTES];

        (void)state;
        assert_int_equal(objects_create(&objects, id), 0);
        assert_int_equal(objects_find(&objects, id)->n_references, 1);
        assert_int_equal(objects_ref(&objects, id), 0);
        assert_int_equal(objects_find(&objects, id)->n_references, 2);
        assert_int_equal(objects_unref(&objects, id), 0);
        assert_non_null(objects_find(&objects, id));
        assert_int_equal(objects_unref(&objects, id), 0);
        assert_null(objects_find(&objects, id));
        assert_int_equal(objects_ref(&objects, id), OBJECTS_E_UNKNOWN);
        assert_int_equal(objects_unref(&objects, id), OBJECTS_E_UNKNOWN);
        objects_deinit(&objects);
}

static void an_id_is_never_used_again(void **state)
{
        struct objects objects = { 0 };
        char first[OBJECTS_ID_BYTES];
        char second[OBJECTS_ID_BYTES];

        (void)state;
        assert_int_equal(objects_create(&objects, first), 0);
        assert_int_equal(objects_unref(&objects, first), 0);
        assert_int_equal(objects_create(&objects, second), 0);
        assert_string_not_equal(first, second);
        objects_deinit(&objects);
}

static void any_of_many_can_go_first(void **state)
{
        struct objects objects = { 0 };
        char id[100][OBJECTS_ID_BYTES];
        size_t i;

        (void)state;
        for (i = 0; i < ARRAY_SIZE(id); i++)
                assert_int_equal(objects_create(&objects, id[i]), 0);
        for (i = 0; i < ARRAY_SIZE(id); i++) {
                assert_int_equal(objects_unref(&objects, id[i * 37 % 100]), 0);
                assert_int_equal(objects.n_items, 99 - i);
                assert_null(objects_find(&objects, id[i * 37 % 100]));
                if (i < 99)
                        assert_non_null(objects_find(&objects, id[99 * 37 % 100]));
        }
        objects_deinit(&objects);
}

static struct {
        const char *name;
        const char *id;
        bool want;
} id_rows[] = {
        { "an_id_is_a_hexadecimal_number", "1a", true },
        { "the_empty_id_is_unknown", "", false },
        { "the_id_0_is_unknown", "0", false },
        { "an_id_has_no_leading_zero", "01a", false },
        { "an_id_is_lower_case", "1A", false },
        { "an_id_has_no_prefix", "0x1a", false },
        { "an_id_has_no_blank", "1a ", false },
        { "another_id_is_unknown", "1b", false },
        { "an_id_that_wraps_around_is_unknown", "1000000000000001a", false },
        { "the_highest_id_is_unknown", "ffffffffffffffff", false },
};

static void run_id(void **state)
{
        const __typeof__(id_rows[0]) *row = *state;
        struct objects objects = { 0 };
        char id[OBJECTS_ID_BYTES];
        size_t i;

        for (i = 0; i < 0x1a; i++)
                assert_int_equal(objects_create(&objects, id), 0);
        assert_int_equal(objects_find(&objects, row->id) != NULL, row->want);
        objects_deinit(&objects);
}

static void objects_have_an_upper_bound(void **state)
{
        struct objects objects = { 0 };
        char id[OBJECTS_ID_BYTES];
        size_t i;

        (void)state;
        for (i = 0; i < OBJECTS_MAX; i++)
                assert_int_equal(objects_create(&objects, id), 0);
        assert_int_equal(objects_create(&objects, id), OBJECTS_E_FULL);
        assert_int_equal(objects_unref(&objects, "1"), 0);
        assert_int_equal(objects_create(&objects, id), 0);
        objects_deinit(&objects);
}

static void references_have_an_upper_bound(void **state)
{
        struct objects objects = { 0 };
        char id[OBJECTS_ID_BYTES];

        (void)state;
        assert_int_equal(objects_create(&objects, id), 0);
        objects.items[0].n_references = UINT32_MAX;
        assert_int_equal(objects_ref(&objects, id), OBJECTS_E_FULL);
        assert_int_equal(objects_unref(&objects, id), 0);
        assert_int_equal(objects_ref(&objects, id), 0);
        objects_deinit(&objects);
}

static void no_memory_changes_nothing(void **state)
{
        struct objects objects = { 0 };
        char id[OBJECTS_ID_BYTES] = "";

        (void)state;
        fail_realloc = true;
        assert_int_equal(objects_create(&objects, id), -ENOMEM);
        fail_realloc = false;
        assert_string_equal(id, "");
        assert_int_equal(objects.n_items, 0);
        assert_int_equal(objects_create(&objects, id), 0);
        assert_string_equal(id, "1");
        objects_deinit(&objects);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, an_object_lives_as_long_as_its_references);
        test_set_add_test(&set, an_id_is_never_used_again);
        test_set_add_test(&set, any_of_many_can_go_first);
        test_set_add_rows(&set, id_rows, run_id);
        test_set_add_test(&set, objects_have_an_upper_bound);
        test_set_add_test(&set, references_have_an_upper_bound);
        test_set_add_test(&set, no_memory_changes_nothing);
        return test_set_run(&set, "objects");
}
