/* SPDX-License-Identifier: Apache-2.0 */
#include "util/test.h"
#include "util/text.h"

static bool fails; /* the next realloc(3) and all after it */

void *__real_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n);

void *__wrap_realloc(void *old, size_t n)
{
        return fails ? NULL : __real_realloc(old, n);
}

static void without_memory_a_text_keeps_what_it_had(void **state)
{
        cleanup_text struct text text = { 0 };
        char much[1000] = { 0 };

        (void)state;
        text_put_string(&text, "kept");
        fails = true;
        text_put(&text, much, sizeof(much));
        fails = false;
        assert_true(text.broken);
        assert_string_equal(text_get(&text), "kept");
        text_put_char(&text, 'x');
        text_printf(&text, "%d", 1);
        assert_string_equal(text_get(&text), "kept");
}

static void without_memory_an_empty_text_stays_empty(void **state)
{
        cleanup_text struct text text = { 0 };

        (void)state;
        fails = true;
        text_printf(&text, "%d", 1);
        fails = false;
        assert_true(text.broken);
        assert_null(text.data);
        assert_string_equal(text_get(&text), "");
}

static void a_text_has_a_largest_length(void **state)
{
        static char piece[1024 * 1024];
        cleanup_text struct text text = { 0 };
        size_t i;

        (void)state;
        memset(piece, 'a', sizeof(piece));
        for (i = 0; i < TEXT_BYTES_MAX / sizeof(piece) - 1; i++)
                text_put(&text, piece, sizeof(piece));
        text_put(&text, piece, sizeof(piece) - 1);
        assert_false(text.broken);
        assert_int_equal(text.n_bytes, TEXT_BYTES_MAX - 1);
        text_put_char(&text, 'a');
        assert_true(text.broken);
        assert_int_equal(text.n_bytes, TEXT_BYTES_MAX - 1);
}

static void a_length_near_the_end_of_numbers_is_refused(void **state)
{
        cleanup_text struct text text = { 0 };

        (void)state;
        text_put_char(&text, 'a');
        text_put(&text, "b", SIZE_MAX);
        assert_true(text.broken);
        assert_string_equal(text_get(&text), "a");
}

static void pieces_come_in_their_order(void **state)
{
        cleanup_text struct text text = { 0 };
        size_t i;

        (void)state;
        text_put_string(&text, "a");
        text_put_char(&text, 'b');
        text_printf(&text, "%s%d", "c", 4);
        assert_string_equal(text_get(&text), "abc4");
        for (i = 0; i < 1000; i++)
                text_printf(&text, "%03zu", i);
        assert_int_equal(text.n_bytes, 3004);
        assert_memory_equal(text_get(&text) + 3001, "999", 4);
}

static struct {
        const char *name;
        const char *bytes;
        size_t n_max;
        const char *want;
} escape_rows[] = {
        { "text_stays_as_it_is", "a b\xc3\xa4\xe2\x82\xac", 99, "a b\xc3\xa4\xe2\x82\xac" },
        { "a_newline_cannot_forge_a_line", "a\nb", 99, "a\\nb" },
        { "a_tab_and_a_return_have_their_letters", "\t\r", 99, "\\t\\r" },
        { "an_escape_sequence_reaches_no_terminal", "\x1b[2J", 99, "\\x1b[2J" },
        { "delete_is_a_control_character", "\x7f", 99, "\\x7f" },
        { "controls_of_latin_1_are_such", "\xc2\x85\xc2\x9b", 99, "\\x85\\x9b" },
        { "what_is_not_utf8_is_shown_as_python_does", "\xff\xc3", 99, "\\udcff\\udcc3" },
        { "too_long_a_text_is_cut", "abcdef", 3, "abc..." },
        { "a_text_of_the_limit_is_not_cut", "abc", 3, "abc" },
        { "a_character_is_not_cut_apart", "ab\xc3\xa4", 3, "ab\xc3\xa4" },
        { "nothing_is_nothing", "", 3, "" },
};

static void run_escape_row(void **state)
{
        const typeof(escape_rows[0]) *row = *state;
        cleanup_text struct text text = { 0 };

        text_put_escaped(&text, row->bytes, strlen(row->bytes), row->n_max);
        assert_string_equal(text_get(&text), row->want);
}

static struct {
        const char *name;
        const char *text;
        size_t n_max;
        const char *want;
} cut_rows[] = {
        { "a_longer_text_is_cut_and_marked", "abcdef", 2, "ab~" },
        { "a_shorter_text_is_marked_only", "ab", 5, "ab~" },
        { "a_cut_goes_between_characters", "a\xe2\x82\xac\xe2\x82\xac", 6, "a\xe2\x82\xac~" },
        { "a_cut_may_leave_nothing", "\xe2\x82\xac", 2, "~" },
};

static void run_cut_row(void **state)
{
        const typeof(cut_rows[0]) *row = *state;
        cleanup_text struct text text = { 0 };

        text_put_string(&text, row->text);
        text_cut(&text, row->n_max, "~");
        assert_string_equal(text_get(&text), row->want);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, without_memory_a_text_keeps_what_it_had);
        test_set_add_test(&set, without_memory_an_empty_text_stays_empty);
        test_set_add_test(&set, a_text_has_a_largest_length);
        test_set_add_test(&set, a_length_near_the_end_of_numbers_is_refused);
        test_set_add_test(&set, pieces_come_in_their_order);
        test_set_add_rows(&set, escape_rows, run_escape_row);
        test_set_add_rows(&set, cut_rows, run_cut_row);
        return test_set_run(&set, "text");
}
