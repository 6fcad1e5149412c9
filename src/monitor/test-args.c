/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "monitor/args.h"
#include "priv/record.h"
#include "util/test.h"

static bool fail_calloc;
static bool fail_realloc;

void *__real_calloc(size_t n, size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__real_realloc(void *memory, size_t n_bytes);
void *__wrap_realloc(void *memory, size_t n_bytes);

void *__wrap_calloc(size_t n, size_t n_bytes)
{
        return fail_calloc ? NULL : __real_calloc(n, n_bytes);
}

void *__wrap_realloc(void *memory, size_t n_bytes)
{
        return fail_realloc ? NULL : __real_realloc(memory, n_bytes);
}

#define PIECE(string)                      \
        {                                  \
                string, sizeof(string) - 1 \
        }

static struct {
        const char *name;
        struct {
                const char *bytes;
                size_t n_bytes;
        } pieces[4];
        size_t n_said;
        int want;
        const char *argv[4];
} split_rows[] = {
        { "one_piece_is_a_list", { PIECE("ls\0-l\0") }, 2, 0, { "ls", "-l" } },
        { "an_argument_in_two_pieces_is_one", { PIECE("l"), PIECE("s\0") }, 1, 0, { "ls" } },
        { "an_end_by_itself_is_an_end", { PIECE("ls"), PIECE("\0") }, 1, 0, { "ls" } },
        { "an_empty_argument_is_one", { PIECE("ls\0\0") }, 2, 0, { "ls", "" } },
        { "only_empty_arguments_are_a_list", { PIECE("\0\0") }, 2, 0, { "", "" } },
        { "no_argument_is_a_list", { PIECE("") }, 0, 0, { NULL } },
        { "an_empty_piece_changes_nothing", { PIECE("ls\0"), PIECE("") }, 1, 0, { "ls" } },
        { "one_more_than_there_are_is_bad", { PIECE("ls\0") }, 2, ARGS_E_BAD, { NULL } },
        { "one_more_than_bytes_is_bad", { PIECE("\0") }, 2, ARGS_E_BAD, { NULL } },
        { "one_less_than_there_are_is_bad", { PIECE("ls\0-l\0") }, 1, ARGS_E_BAD, { NULL } },
        { "none_where_there_are_some_is_bad", { PIECE("ls\0") }, 0, ARGS_E_BAD, { NULL } },
        { "one_where_there_is_none_is_bad", { PIECE("") }, 1, ARGS_E_BAD, { NULL } },
        { "the_last_without_an_end_is_bad", { PIECE("ls\0-l") }, 2, ARGS_E_BAD, { NULL } },
        { "the_only_one_without_an_end_is_bad", { PIECE("ls") }, 1, ARGS_E_BAD, { NULL } },
        { "a_number_that_wraps_is_bad", { PIECE("ls\0") }, SIZE_MAX, ARGS_E_BAD, { NULL } },
};

static void run_split_row(void **state)
{
        const typeof(split_rows[0]) *row = *state;
        const char **argv = NULL;
        struct args args = { 0 };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(row->pieces) && row->pieces[i].bytes; i++)
                assert_int_equal(args_add(&args, row->pieces[i].bytes, row->pieces[i].n_bytes), 0);
        assert_int_equal(args_split(&args, row->n_said, &argv), row->want);
        if (row->want)
                assert_null(argv);
        for (i = 0; !row->want && i < row->n_said; i++)
                assert_string_equal(argv[i], row->argv[i]);
        if (!row->want)
                assert_null(argv[i]);
        free(argv);
        free(args.bytes);
}

/* Adds so many bytes, in pieces as large as a record. */
static int add_many(struct args *args, char byte, size_t n_bytes)
{
        static char piece[RECORD_BYTES_MAX];
        size_t n;
        int r = 0;

        memset(piece, byte, sizeof(piece));
        for (; !r && n_bytes; n_bytes -= n) {
                n = n_bytes < sizeof(piece) ? n_bytes : sizeof(piece);
                r = args_add(args, piece, n);
        }
        return r;
}

static void as_many_arguments_as_may_be_are_a_list(void **state)
{
        const char **argv = NULL;
        struct args args = { 0 };

        (void)state;
        assert_int_equal(add_many(&args, '\0', RECORD_ARGS_MAX), 0);
        assert_int_equal(args_split(&args, RECORD_ARGS_MAX, &argv), 0);
        assert_string_equal(argv[RECORD_ARGS_MAX - 1], "");
        assert_null(argv[RECORD_ARGS_MAX]);
        free(argv);
        free(args.bytes);
}

static void one_argument_more_is_bad(void **state)
{
        const char **argv = NULL;
        struct args args = { 0 };

        (void)state;
        assert_int_equal(add_many(&args, '\0', RECORD_ARGS_MAX + 1), 0);
        assert_int_equal(args_split(&args, RECORD_ARGS_MAX + 1, &argv), ARGS_E_BAD);
        assert_null(argv);
        free(args.bytes);
}

static void a_byte_beyond_the_limit_is_bad_and_not_stored(void **state)
{
        struct args args = { 0 };

        (void)state;
        assert_int_equal(add_many(&args, 'a', RECORD_ARGS_BYTES_MAX), 0);
        assert_int_equal(args.n_bytes, RECORD_ARGS_BYTES_MAX);
        assert_int_equal(args_add(&args, "b", 1), ARGS_E_BAD);
        assert_int_equal(args_add(&args, "", 0), 0);
        assert_int_equal(args_add(&args, "b", SIZE_MAX), ARGS_E_BAD);
        assert_int_equal(args.n_bytes, RECORD_ARGS_BYTES_MAX);
        free(args.bytes);
}

static void a_piece_without_memory_leaves_what_was_there(void **state)
{
        struct args args = { 0 };
        char piece[8192] = "x";

        (void)state;
        assert_int_equal(args_add(&args, "ls", 3), 0);
        fail_realloc = true;
        assert_int_equal(args_add(&args, piece, sizeof(piece)), -ENOMEM);
        fail_realloc = false;
        assert_int_equal(args.n_bytes, 3);
        assert_string_equal(args.bytes, "ls");
        free(args.bytes);
}

static void a_list_without_memory_is_none(void **state)
{
        const char **argv = NULL;
        struct args args = { 0 };

        (void)state;
        assert_int_equal(args_add(&args, "ls", 3), 0);
        fail_calloc = true;
        assert_int_equal(args_split(&args, 1, &argv), -ENOMEM);
        fail_calloc = false;
        assert_null(argv);
        free(args.bytes);
}

static void a_usual_command_leaves_its_memory_to_the_next(void **state)
{
        struct args args = { 0 };
        char *bytes;

        (void)state;
        assert_int_equal(add_many(&args, 'a', RECORD_BYTES_MAX), 0);
        args.is_lost = true;
        bytes = args.bytes;
        args_forget(&args);
        assert_ptr_equal(args.bytes, bytes);
        assert_int_equal(args.n_bytes, 0);
        assert_false(args.is_lost);
        free(args.bytes);
}

static void a_large_command_gives_its_memory_back(void **state)
{
        struct args args = { 0 };

        (void)state;
        assert_int_equal(add_many(&args, 'a', RECORD_BYTES_MAX + 1), 0);
        args.is_lost = true;
        args_forget(&args);
        assert_null(args.bytes);
        assert_int_equal(args.n_bytes, 0);
        assert_int_equal(args.n_room, 0);
        assert_false(args.is_lost);
}

static struct {
        const char *name;
        const char *before; /* a piece that came earlier */
        bool is_lost;
        struct record_explain sizes;
        int want;
        const char *argv[5];
} take_rows[] = {
        { "the_last_piece_completes_the_list",
          "a",
          false,
          { .n_args = 2, .n_args_bytes = 6 },
          0,
          { "als", "b" } },
        { "additions_to_the_environment_go_first",
          "",
          false,
          { .n_args = 1, .n_env = 1, .n_args_bytes = 5 },
          0,
          { "env", "b", "ls" } },
        { "other_bytes_than_were_said_are_bad",
          "",
          false,
          { .n_args = 2, .n_args_bytes = 6 },
          ARGS_E_BAD,
          { NULL } },
        { "too_many_arguments_are_bad",
          "",
          false,
          { .n_args = RECORD_ARGS_MAX + 1, .n_args_bytes = 5 },
          ARGS_E_BAD,
          { NULL } },
        { "too_many_additions_are_bad",
          "",
          false,
          { .n_env = RECORD_ARGS_MAX + 1, .n_args_bytes = 5 },
          ARGS_E_BAD,
          { NULL } },
        { "numbers_whose_sum_wraps_are_bad",
          "",
          false,
          { .n_args = 3, .n_env = UINT32_MAX, .n_args_bytes = 5 },
          ARGS_E_BAD,
          { NULL } },
        { "a_piece_that_was_lost_is_no_memory",
          "",
          true,
          { .n_args = 2, .n_args_bytes = 5 },
          -ENOMEM,
          { NULL } },
};

/* What comes last is "ls" and "b". */
static void run_take_row(void **state)
{
        const typeof(take_rows[0]) *row = *state;
        const char **argv = NULL;
        struct args args = { 0 };
        size_t i;

        assert_int_equal(args_add(&args, row->before, strlen(row->before)), 0);
        args.is_lost = row->is_lost;
        assert_int_equal(args_take(&args, "ls\0b", 5, &row->sizes, &argv), row->want);
        for (i = 0; !row->want && row->argv[i]; i++)
                assert_string_equal(argv[i], row->argv[i]);
        if (!row->want)
                assert_null(argv[i]);
        free(argv);
        free(args.bytes);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, split_rows, run_split_row);
        test_set_add_rows(&set, take_rows, run_take_row);
        test_set_add_test(&set, as_many_arguments_as_may_be_are_a_list);
        test_set_add_test(&set, one_argument_more_is_bad);
        test_set_add_test(&set, a_byte_beyond_the_limit_is_bad_and_not_stored);
        test_set_add_test(&set, a_piece_without_memory_leaves_what_was_there);
        test_set_add_test(&set, a_list_without_memory_is_none);
        test_set_add_test(&set, a_usual_command_leaves_its_memory_to_the_next);
        test_set_add_test(&set, a_large_command_gives_its_memory_back);
        return test_set_run(&set, "args");
}
