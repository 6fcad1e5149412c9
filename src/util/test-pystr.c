/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted values are CPython 3.11's. */
#include "util/pystr.h"
#include "util/test.h"
#include "util/text.h"

#define BAD INT64_C(-424242) /* stands for ValueError */

static struct {
        const char *name;
        const char *text;
        int64_t want;
} int_rows[] = {
        { "nothing_is_no_number", "", BAD },
        { "blanks_are_no_number", "  ", BAD },
        { "a_sign_alone_is_no_number", "-", BAD },
        { "two_signs_are_too_many", "+-1", BAD },
        { "a_blank_behind_the_sign_is_refused", "- 1", BAD },
        { "letters_behind_digits_are_refused", "12a", BAD },
        { "a_base_is_refused", "0x10", BAD },
        { "a_fraction_is_refused", "1.0", BAD },
        { "an_underscore_may_not_begin", "_1", BAD },
        { "an_underscore_may_not_end", "1_", BAD },
        { "two_underscores_are_too_many", "1__2", BAD },
        { "a_superscript_is_no_decimal_digit", "\xc2\xb2", BAD },
        { "a_byte_that_is_not_utf8_is_no_digit", "1\xff", BAD },
        { "the_separators_of_ascii_are_not_stripped",
          "\x1c"
          "12",
          BAD },
        { "nor_are_they_at_the_end", "12\x1f ", BAD },
        { "digits_are_a_number", "12", 12 },
        { "zeros_may_lead", "007", 7 },
        { "a_minus_makes_it_negative", "-12", -12 },
        { "a_plus_changes_nothing", "+12", 12 },
        { "blanks_around_are_stripped", " \t\n\v\f\r12 ", 12 },
        { "so_are_blanks_outside_of_ascii",
          "\xe3\x80\x80"
          "12\xc2\x85",
          12 },
        { "an_underscore_may_stand_between", "1_2_3", 123 },
        { "digits_of_any_script_count", "\xd9\xa1\xd9\xa2", 12 },
        { "scripts_may_be_mixed", "1\xef\xbc\x92", 12 },
        { "the_largest_number_fits", "9223372036854775807", INT64_MAX },
        { "a_larger_one_is_the_largest", "9223372036854775808", INT64_MAX },
        { "a_much_larger_one_too", "99999999999999999999999", INT64_MAX },
        { "the_smallest_number_fits", "-9223372036854775808", INT64_MIN },
        { "a_smaller_one_is_the_smallest", "-9223372036854775809", INT64_MIN },
};

static void run_int_row(void **state)
{
        const typeof(int_rows[0]) *row = *state;
        int64_t value = 99;
        int r;

        r = pystr_int(row->text, strlen(row->text), &value);
        assert_int_equal(r, row->want == BAD ? PYSTR_E_BAD : 0);
        assert_int_equal(value, row->want == BAD ? 99 : row->want);
}

static void a_number_has_a_largest_number_of_digits(void **state)
{
        char digits[PYSTR_INT_DIGITS_MAX + 1];
        int64_t value;

        (void)state;
        memset(digits, '0', sizeof(digits));
        digits[PYSTR_INT_DIGITS_MAX - 1] = '7';
        assert_int_equal(pystr_int(digits, PYSTR_INT_DIGITS_MAX, &value), 0);
        assert_int_equal(value, 7);
        assert_int_equal(pystr_int(digits, PYSTR_INT_DIGITS_MAX + 1, &value), PYSTR_E_BAD);
}

static struct {
        const char *name;
        const char *text;
        const char *want;
} strip_rows[] = {
        { "an_empty_text_stays_empty", "", "" },
        { "only_blanks_become_nothing", " \t\x1c\xc2\xa0", "" },
        { "blanks_inside_stay", " a b ", "a b" },
        { "all_blanks_of_ascii_go", "\t\n\v\f\r\x1c\x1d\x1e\x1f a\x1f", "a" },
        { "blanks_of_unicode_go",
          "\xe2\x80\xa8\xe3\x80\x80"
          "a\xc2\x85\xe2\x80\x89",
          "a" },
        { "a_zero_width_space_stays",
          "\xe2\x80\x8b"
          "a",
          "\xe2\x80\x8b"
          "a" },
        { "a_byte_that_is_not_utf8_stays", "\xa0 a \x85", "\xa0 a \x85" },
        { "a_character_that_ends_like_a_blank_stays", "a\xc4\xa0", "a\xc4\xa0" },
};

static void run_strip_row(void **state)
{
        const typeof(strip_rows[0]) *row = *state;
        const char *text = row->text;
        size_t n = pystr_strip(&text, strlen(text));

        assert_int_equal(n, strlen(row->want));
        assert_memory_equal(text, row->want, n);
}

static void indents_are_counted_in_characters(void **state)
{
        size_t n_bytes;

        (void)state;
        assert_int_equal(pystr_indent("a", 1, &n_bytes), 0);
        assert_int_equal(n_bytes, 0);
        assert_int_equal(pystr_indent("\t \xe3\x80\x80"
                                      "a",
                                      6, &n_bytes),
                         3);
        assert_int_equal(n_bytes, 5);
        assert_int_equal(pystr_indent("  ", 2, &n_bytes), 2);
        assert_int_equal(n_bytes, 2);
}

static struct {
        const char *name;
        const char *text;
        const char *want;
} lower_rows[] = {
        { "ascii_is_lowered", "AZ az[@`{09", "az az[@`{09" },
        { "letters_beyond_ascii_are_lowered", "\xc3\x84\xd0\x96", "\xc3\xa4\xd0\xb6" },
        { "a_sharp_s_stays", "\xc3\x9f", "\xc3\x9f" },
        { "a_capital_sharp_s_is_lowered", "\xe1\xba\x9e", "\xc3\x9f" },
        { "the_dotted_capital_i_becomes_two", "\xc4\xb0", "i\xcc\x87" },
        { "a_sigma_is_lowered", "\xce\xa3", "\xcf\x83" },
        { "a_sigma_at_the_end_of_a_word_is_final", "A\xce\xa3", "a\xcf\x82" },
        { "a_sigma_inside_of_a_word_is_not",
          "A\xce\xa3"
          "A",
          "a\xcf\x83"
          "a" },
        { "marks_are_passed_over_for_it", "A\xcc\x81\xce\xa3.\xcc\x81",
          "a\xcc\x81\xcf\x82.\xcc\x81" },
        { "a_byte_that_is_not_utf8_stays", "\xc4\xff", "\xc4\xff" },
        { "a_letter_of_four_bytes_is_lowered", "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8" },
};

static void run_lower_row(void **state)
{
        const typeof(lower_rows[0]) *row = *state;
        cleanup_text struct text lower = { 0 };

        pystr_lower(row->text, strlen(row->text), &lower);
        assert_string_equal(text_get(&lower), row->want);
}

static struct {
        const char *name;
        const char *text;
        const char *want;
} repr_rows[] = {
        { "an_empty_text_has_quotes", "", "''" },
        { "a_text_has_single_quotes", "a b", "'a b'" },
        { "a_single_quote_wants_double_ones", "it's", "\"it's\"" },
        { "both_quotes_want_an_escape", "'\"", "'\\'\"'" },
        { "a_backslash_is_doubled", "\\n", "'\\\\n'" },
        { "controls_are_escaped", "\n\r\t\x1b\x7f", "'\\n\\r\\t\\x1b\\x7f'" },
        { "printable_characters_stay", "\xc3\xa4\xf0\x9f\x98\x80", "'\xc3\xa4\xf0\x9f\x98\x80'" },
        { "a_hard_space_is_escaped", "\xc2\xa0", "'\\xa0'" },
        { "a_byte_that_is_not_utf8_is_a_surrogate", "\xff", "'\\udcff'" },
        { "a_line_separator_is_escaped", "\xe2\x80\xa8", "'\\u2028'" },
        { "an_unassigned_character_is_escaped", "\xf3\xa0\x80\x80", "'\\U000e0000'" },
};

static void run_repr_row(void **state)
{
        const typeof(repr_rows[0]) *row = *state;
        cleanup_text struct text repr = { 0 };

        pystr_repr(row->text, strlen(row->text), &repr);
        assert_string_equal(text_get(&repr), row->want);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, int_rows, run_int_row);
        test_set_add_test(&set, a_number_has_a_largest_number_of_digits);
        test_set_add_rows(&set, strip_rows, run_strip_row);
        test_set_add_test(&set, indents_are_counted_in_characters);
        test_set_add_rows(&set, lower_rows, run_lower_row);
        test_set_add_rows(&set, repr_rows, run_repr_row);
        return test_set_run(&set, "pystr");
}
