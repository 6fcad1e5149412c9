/* SPDX-License-Identifier: Apache-2.0 */
/* Characters at the edges of the tables; the wanted values are CPython 3.11's. */
#include "util/test.h"
#include "util/unicode.h"

static struct {
        const char *name;
        uint32_t code;
        bool is_space;
        bool is_printable;
        bool is_cased;
        bool is_case_ignorable;
        int digit;
        uint32_t lower;
} rows[] = {
        { "a_nul_is_nothing", 0, false, false, false, false, -1, 0 },
        { "beyond_the_last_code_point_is_nothing", 0x110000, false, false, false, false, -1,
          0x110000 },
        { "a_surrogate_is_nothing", 0xDCFF, false, false, false, false, -1, 0xDCFF },
        { "a_blank_is_a_printable_blank", ' ', true, true, false, false, -1, ' ' },
        { "a_tab_is_a_blank", '\t', true, false, false, false, -1, '\t' },
        { "before_the_tab_is_no_blank", 8, false, false, false, false, -1, 8 },
        { "a_hard_space_is_a_blank", 0xA0, true, false, false, false, -1, 0xA0 },
        { "the_ideographic_space_is_a_blank", 0x3000, true, false, false, false, -1, 0x3000 },
        { "a_zero_width_space_is_none", 0x200B, false, false, false, true, -1, 0x200B },
        { "a_letter_has_case", 'A', false, true, true, false, -1, 'a' },
        { "a_small_letter_has_case", 'z', false, true, true, false, -1, 'z' },
        { "an_apostrophe_is_passed_over", '\'', false, true, false, true, -1, '\'' },
        { "a_nine_is_a_digit", '9', false, true, false, false, 9, '9' },
        { "behind_the_nine_is_no_digit", ':', false, true, false, true, -1, ':' },
        { "an_arabic_zero_is_a_digit", 0x660, false, true, false, false, 0, 0x660 },
        { "a_mathematical_nine_is_a_digit", 0x1D7FF, false, true, false, false, 9, 0x1D7FF },
        { "a_letter_of_a_stepped_range_is_lowered", 0x100, false, true, true, false, -1, 0x101 },
        { "its_neighbour_stays", 0x101, false, true, true, false, -1, 0x101 },
        { "the_kelvin_sign_is_a_k", 0x212A, false, true, true, false, -1, 'k' },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        uint32_t codes[UNICODE_LOWER_MAX];

        assert_int_equal(unicode_is_space(row->code), row->is_space);
        assert_int_equal(unicode_is_printable(row->code), row->is_printable);
        assert_int_equal(unicode_is_cased(row->code), row->is_cased);
        assert_int_equal(unicode_is_case_ignorable(row->code), row->is_case_ignorable);
        assert_int_equal(unicode_digit(row->code), row->digit);
        assert_int_equal(unicode_lower(row->code, codes), 1);
        assert_int_equal(codes[0], row->lower);
}

static void one_character_becomes_two(void **state)
{
        uint32_t codes[UNICODE_LOWER_MAX];

        (void)state;
        assert_int_equal(unicode_lower(0x130, codes), UNICODE_LOWER_MAX);
        assert_int_equal(codes[0], 'i');
        assert_int_equal(codes[1], 0x307);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, one_character_becomes_two);
        return test_set_run(&set, "unicode");
}
