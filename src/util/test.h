/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test needs: cmocka with its includes in order, and a runner that makes each row
 * of a table a test of its own. For test-*.c only. */
#pragma once

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A set of tests that is filled row by row and run once. */
struct test_set {
        struct CMUnitTest *tests;
        size_t n_tests;
};

static inline void test_set_add(struct test_set *set,
                                const char *name,
                                CMUnitTestFunction run,
                                void *row)
{
        set->tests = realloc(set->tests, (set->n_tests + 1) * sizeof(*set->tests));
        if (!set->tests)
                abort();
        set->tests[set->n_tests++] = (struct CMUnitTest){
                .name = name,
                .test_func = run,
                .initial_state = row,
        };
}

/* Adds each row of an array whose members begin with `const char *name`. */
#define test_set_add_rows(set, rows, run)                                             \
        do {                                                                          \
                for (size_t row_ = 0; row_ < ARRAY_SIZE(rows); row_++)                \
                        test_set_add((set), (rows)[row_].name, (run), &(rows)[row_]); \
        } while (0)

/* Adds a test function under its own name. */
#define test_set_add_test(set, run) test_set_add((set), #run, (run), NULL)

/* Return: how many tests failed, for main() to return */
static inline int test_set_run(struct test_set *set, const char *group)
{
        int r;

        r = _cmocka_run_group_tests(group, set->tests, set->n_tests, NULL, NULL);
        free(set->tests);
        return r;
}
