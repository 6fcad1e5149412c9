/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pyre.h"
#include "util/test.h"
#include "util/utf8.h"

#define PATTERN_ROOM 128

/* What a translation looks like; what it means is in test-regex.c. */
static struct {
        const char *name;
        const char *pattern;
        const char *want; /* ASCII */
} translations[] = {
        { "text_is_itself", "ab1", "(?:ab1)" },
        { "nothing_is_nothing", "", "(?:)" },
        { "punctuation_is_escaped", "a-b/_", "(?:a\\-b\\/\\_)" },
        { "a_control_character_is_written_as_a_number", "\t\x7f", "(?:\\x{9}\\x{7f})" },
        { "a_space_is_written_as_a_number", " ", "(?:\\x{20})" },
        { "global_flags_wrap_the_whole", "(?is)a", "(?is:a)" },
        { "flags_of_a_group_are_those_in_effect", "(?i)(?s-i:a)", "(?i:(?s-i:a))" },
        { "verbose_blanks_and_comments_are_gone", "(?x) a # b\n c", "(?:ac)" },
        { "an_unused_group_does_not_capture", "(a)(?P<n>b)", "(?:(?:a)(?:b))" },
        { "a_used_group_captures_and_is_renumbered", "(a)(b)\\2", "(?:(?:a)(b)\\g{1})" },
        { "a_named_reference_becomes_a_number", "(?P<n>a)(?P=n)", "(?:(a)\\g{1})" },
        { "a_long_name_is_fine",
          "(?P<abcdefghijklmnopqrstuvwxyz0123456789>a)(?P=abcdefghijklmnopqrstuvwxyz0123456789)",
          "(?:(a)\\g{1})" },
        { "a_condition_may_name_a_later_group", "(?(1)a|b)(c)", "(?:(?(1)a|b)(c))" },
        { "a_condition_takes_a_number_as_int_does", "(a)(?( +0_1 )b)", "(?:(a)(?(1)b))" },
        { "the_dollar_is_before_a_final_newline", "a$", "(?:a\\Z)" },
        { "capital_z_is_the_very_end", "a\\Z", "(?:a\\z)" },
        { "multiline_positions_keep_their_own_flag", "(?m)^a$", "(?:(?m:^)a(?m:$))" },
        { "an_open_interval_begins_at_zero", "a{,2}", "(?:a{0,2})" },
        { "an_empty_interval_is_a_star", "a{,}", "(?:a*)" },
        { "a_brace_that_is_no_repeat_is_text", "a{b}", "(?:a\\{b\\})" },
        { "empty_braces_are_text", "{}", "(?:\\{\\})" },
        { "a_single_member_keeps_its_set", "[a]", "(?:[a])" },
        { "a_posix_name_is_a_plain_set", "[[:alpha:]]", "(?:[\\[\\:alpha\\:]\\])" },
        { "a_complement_alone_is_a_set", "[\\W]", "(?:[^\\p{Xan}_])" },
        { "a_negated_complement_alone_is_a_set", "[^\\W]", "(?:[\\p{Xan}_])" },
        { "a_complement_among_others_is_an_alternative", "[a\\D]", "(?:(?:[a]|[^\\p{Nd}]))" },
        { "a_negated_complement_among_others_is_a_look_ahead", "[^a\\D]",
          "(?:(?:(?![a]|[^\\p{Nd}])(?s:.)))" },
        { "ascii_categories_are_ranges", "(?a)\\w\\d", "(?:[0-9A-Z_a-z][0-9])" },
        { "ascii_case_is_written_out", "(?ai)a1", "(?:[aA]1)" },
        { "ascii_case_of_a_range_is_written_out", "(?ai)[X-b]", "(?:[X-bx-zA-B])" },
        { "a_count_above_the_largest_is_written_twice", "a{65537}",
          "(?:(?C1)(?:a{65535}){1}a{2})" },
        { "a_count_that_no_argument_reaches_fails", "a{2097153}", "(?:(?C1)(?!))" },
        { "a_possessive_repeat_is_charged", "a*+", "(?:(?C1)a*+)" },
        { "a_look_ahead_that_reads_on_is_charged", "(?=.*)", "(?:(?=(?C1).*))" },
        { "a_short_look_ahead_is_free", "(?!ab)", "(?:(?!ab))" },
        { "a_repeat_without_width_in_a_look_behind_is_an_alternative", "(?<=(?:)*a)",
          "(?:(?<=(?:(?:)|)a))" },
};

static void run_translation(void **state)
{
        const typeof(translations[0]) *row = *state;
        uint32_t codes[PATTERN_ROOM];
        const char *reason = "";
        struct pyre pyre = { 0 };
        size_t n_codes;
        size_t i;
        char *text;

        n_codes = utf8_decode(row->pattern, strlen(row->pattern), codes);
        assert_int_equal(pyre_translate(&pyre, codes, n_codes, &reason), 0);

        text = calloc(pyre.n_codes + 1, 1);
        assert_non_null(text);
        for (i = 0; i < pyre.n_codes; i++)
                text[i] = (char)pyre.codes[i];
        assert_string_equal(text, row->want);
        free(text);
        pyre_deinit(&pyre);
}

static struct {
        const char *name;
        const char *pattern;
        int want;
} refusals[] = {
        { "a_backslash_at_the_end_is_bad", "a\\", PYRE_E_BAD },
        { "a_backslash_at_the_end_of_a_comment_is_bad", "(?x)#\\", PYRE_E_BAD },
        { "two_backslashes_at_the_end_are_fine", "a\\\\", 0 },
        { "horizontal_blanks_are_bad", "\\h", PYRE_E_BAD },
        { "no_horizontal_blanks_are_bad", "\\H", PYRE_E_BAD },
        { "no_vertical_blanks_are_bad", "\\V", PYRE_E_BAD },
        { "a_line_end_class_is_bad", "\\R", PYRE_E_BAD },
        { "a_grapheme_is_bad", "\\X", PYRE_E_BAD },
        { "a_reset_is_bad", "\\K", PYRE_E_BAD },
        { "a_search_position_is_bad", "\\G", PYRE_E_BAD },
        { "a_small_z_is_bad", "\\z", PYRE_E_BAD },
        { "a_code_unit_is_bad", "\\C", PYRE_E_BAD },
        { "an_escape_character_is_bad", "\\e", PYRE_E_BAD },
        { "a_control_escape_is_bad", "\\cA", PYRE_E_BAD },
        { "quoted_text_is_bad", "\\Qa\\E", PYRE_E_BAD },
        { "a_property_is_bad", "\\p{L}", PYRE_E_BAD },
        { "braced_octal_is_bad", "\\o{101}", PYRE_E_BAD },
        { "braced_hexadecimal_is_bad", "\\x{41}", PYRE_E_BAD },
        { "one_hexadecimal_digit_is_bad", "\\x4", PYRE_E_BAD },
        { "no_hexadecimal_digit_is_bad", "\\x", PYRE_E_BAD },
        { "a_g_reference_is_bad", "(a)\\g1", PYRE_E_BAD },
        { "a_k_reference_is_bad", "(?P<n>a)\\k<n>", PYRE_E_BAD },
        { "a_reference_to_a_tenth_group_is_bad", "a\\10", PYRE_E_BAD },
        { "octal_above_377_is_bad", "\\400", PYRE_E_BAD },
        { "octal_above_377_in_a_set_is_bad", "[\\400]", PYRE_E_BAD },
        { "octal_377_is_fine", "\\377", 0 },
        { "an_eight_in_a_set_is_bad", "[\\8]", PYRE_E_BAD },
        { "a_position_in_a_set_is_bad", "[\\B]", PYRE_E_BAD },
        { "an_escape_above_unicode_is_bad", "\\U00110000", PYRE_E_BAD },
        { "a_short_unicode_escape_is_bad", "\\u12", PYRE_E_BAD },
        { "a_character_name_is_not_known", "\\N{EM DASH}", PYRE_E_LIMIT },
        { "a_perl_name_is_bad", "(?<n>a)", PYRE_E_BAD },
        { "a_quoted_name_is_bad", "(?'n'a)", PYRE_E_BAD },
        { "a_branch_reset_is_bad", "(?|a|b)", PYRE_E_BAD },
        { "recursion_by_number_is_bad", "(a)(?1)", PYRE_E_BAD },
        { "recursion_by_name_is_bad", "(?P<n>a)(?P>n)", PYRE_E_BAD },
        { "a_callout_is_bad", "(?C)", PYRE_E_BAD },
        { "a_verb_is_bad", "(*FAIL)", PYRE_E_BAD },
        { "a_condition_on_a_look_ahead_is_bad", "(?(?=a)b)", PYRE_E_BAD },
        { "a_condition_in_angles_is_bad", "(?P<q>a)(?(<q>)b)", PYRE_E_BAD },
        { "a_condition_on_recursion_is_bad", "(?(R)a)", PYRE_E_BAD },
        { "a_condition_on_a_group_named_r_is_fine", "(?P<R>a)(?(R)b)", 0 },
        { "a_condition_in_its_own_group_is_refused", "(a(?(1)b))", PYRE_E_LIMIT },
        { "a_definition_is_bad", "(?(DEFINE)a)", PYRE_E_BAD },
        { "a_condition_on_group_0_is_bad", "(?(0)a)", PYRE_E_BAD },
        { "a_condition_on_a_missing_group_is_bad", "(a)(?(2)a)", PYRE_E_BAD },
        { "a_condition_with_three_branches_is_bad", "(a)(?(1)b|c|d)", PYRE_E_BAD },
        { "a_look_behind_of_two_widths_is_bad", "(?<=a|bc)", PYRE_E_BAD },
        { "a_look_behind_of_any_width_is_bad", "(?<!a*)", PYRE_E_BAD },
        { "a_look_behind_of_65536_is_too_wide", "(?<=a{65536})", PYRE_E_LIMIT },
        { "a_reference_in_its_own_look_behind_is_bad", "(?<=(a)\\1)", PYRE_E_BAD },
        { "a_reference_to_an_open_group_is_bad", "(a\\1)", PYRE_E_BAD },
        { "a_reference_to_a_later_group_is_bad", "\\1(a)", PYRE_E_BAD },
        { "a_reference_to_an_unknown_name_is_bad", "(?P=n)", PYRE_E_BAD },
        { "one_name_twice_is_bad", "(?P<n>a)(?P<n>b)", PYRE_E_BAD },
        { "a_name_that_begins_with_a_digit_is_bad", "(?P<1>a)", PYRE_E_BAD },
        { "an_empty_name_is_bad", "(?P<>a)", PYRE_E_BAD },
        { "a_name_beyond_ascii_is_fine", "(?P<n\xc3\xa9>a)", 0 },
        { "a_name_with_a_superscript_is_bad", "(?P<n\xc2\xb2>a)", PYRE_E_BAD },
        { "flags_away_from_the_start_are_bad", "a(?i)b", PYRE_E_BAD },
        { "flags_in_the_second_branch_are_bad", "a|(?i)b", PYRE_E_BAD },
        { "flags_after_a_comment_are_fine", "(?#c)(?i)a", 0 },
        { "flags_after_flags_are_fine", "(?i)(?s)a", 0 },
        { "flags_turned_off_for_all_are_bad", "(?-i)a", PYRE_E_BAD },
        { "flags_reset_are_bad", "(?^)a", PYRE_E_BAD },
        { "no_flags_are_bad", "(?)a", PYRE_E_BAD },
        { "a_dangling_minus_is_bad", "(?i-)a", PYRE_E_BAD },
        { "the_flag_capital_u_is_bad", "(?U)a", PYRE_E_BAD },
        { "the_flag_capital_j_is_bad", "(?J)a", PYRE_E_BAD },
        { "the_flag_n_is_bad", "(?n)a", PYRE_E_BAD },
        { "the_flag_capital_l_is_bad", "(?L)a", PYRE_E_BAD },
        { "a_and_u_are_bad_together", "(?au)a", PYRE_E_BAD },
        { "a_and_u_one_after_the_other_raise", "(?a)(?u)a", PYRE_E_RAISE },
        { "a_flag_on_and_off_is_bad", "(?i-i:a)", PYRE_E_BAD },
        { "the_flag_t_without_repeats_is_fine", "(?t)a", 0 },
        { "the_flag_t_with_a_repeat_is_bad", "(?t)a*", PYRE_E_BAD },
        { "nothing_to_repeat_is_bad", "*a", PYRE_E_BAD },
        { "nothing_to_repeat_in_a_branch_is_bad", "a|{2}", PYRE_E_BAD },
        { "a_repeated_position_is_bad", "^*", PYRE_E_BAD },
        { "a_repeated_position_in_a_group_is_fine", "(?:^)*", 0 },
        { "a_repeated_look_ahead_is_fine", "(?=a)*", 0 },
        { "a_repeat_of_a_repeat_is_bad", "a**", PYRE_E_BAD },
        { "a_repeat_of_a_repeat_after_a_comment_is_bad", "a*(?#c)?", PYRE_E_BAD },
        { "an_interval_upside_down_is_bad", "a{2,1}", PYRE_E_BAD },
        { "the_largest_count_overflows", "a{4294967295}", PYRE_E_RAISE },
        { "the_count_below_it_is_fine", "a{4294967294}", 0 },
        { "a_large_count_of_a_used_group_is_refused", "(a){65537}\\1", PYRE_E_LIMIT },
        { "a_large_interval_is_refused", "a{1,65536}", PYRE_E_LIMIT },
        { "a_possessive_repeat_of_a_group_is_refused", "(?:ab)*+", PYRE_E_LIMIT },
        { "a_possessive_repeat_of_a_set_is_fine", "[ab]*+", 0 },
        { "an_open_parenthesis_is_bad", "(a", PYRE_E_BAD },
        { "a_closing_parenthesis_is_bad", "a)", PYRE_E_BAD },
        { "an_open_set_is_bad", "[a", PYRE_E_BAD },
        { "an_empty_set_is_bad", "[]", PYRE_E_BAD },
        { "a_range_upside_down_is_bad", "[b-a]", PYRE_E_BAD },
        { "a_range_to_a_category_is_bad", "[a-\\d]", PYRE_E_BAD },
        { "an_open_comment_is_bad", "(?#", PYRE_E_BAD },
        { "an_escaped_parenthesis_does_not_end_a_comment", "(?#\\)", PYRE_E_BAD },
        { "a_high_letter_without_case_is_refused", "(?i)\\U00010400", PYRE_E_LIMIT },
        { "a_high_range_in_ascii_case_is_refused", "(?ai)[a-\\U00010000]", PYRE_E_LIMIT },
        { "large_ranges_without_case_are_refused", "(?i)[ -\\U0010ffff][ -\\U0010ffff]",
          PYRE_E_LIMIT },
};

static void run_refusal(void **state)
{
        const typeof(refusals[0]) *row = *state;
        uint32_t codes[PATTERN_ROOM];
        const char *reason = NULL;
        struct pyre pyre = { 0 };
        size_t n_codes;

        n_codes = utf8_decode(row->pattern, strlen(row->pattern), codes);
        assert_int_equal(pyre_translate(&pyre, codes, n_codes, &reason), row->want);
        if (row->want)
                assert_non_null(reason);
        pyre_deinit(&pyre);
}

/* Translates @n times @unit, then @middle, then @n times @end. */
static int translate_nested(const char *unit, const char *middle, const char *end, size_t n)
{
        size_t n_unit = strlen(unit);
        size_t n_end = strlen(end);
        const char *reason = "";
        struct pyre pyre = { 0 };
        uint32_t *codes;
        size_t at = 0;
        size_t i;
        int r;

        codes = calloc(n * (n_unit + n_end) + strlen(middle) + 1, sizeof(*codes));
        assert_non_null(codes);
        for (i = 0; i < n; i++)
                at += utf8_decode(unit, n_unit, codes + at);
        at += utf8_decode(middle, strlen(middle), codes + at);
        for (i = 0; i < n; i++)
                at += utf8_decode(end, n_end, codes + at);
        r = pyre_translate(&pyre, codes, at, &reason);
        pyre_deinit(&pyre);
        free(codes);
        return r;
}

static void groups_may_nest_up_to_the_limit(void **state)
{
        (void)state;
        assert_int_equal(translate_nested("(", "a", ")", PYRE_NEST_MAX), 0);
        assert_int_equal(translate_nested("(", "a", ")", PYRE_NEST_MAX + 1), PYRE_E_RAISE);
        assert_int_equal(translate_nested("(?:", "a", ")*", 4000), PYRE_E_LIMIT);
}

static void the_pattern_has_a_largest_length(void **state)
{
        (void)state;
        assert_int_equal(translate_nested("a", "", "", PYRE_PATTERN_MAX), 0);
        assert_int_equal(translate_nested("a", "", "", PYRE_PATTERN_MAX + 1), PYRE_E_LIMIT);
}

static void the_translation_has_a_largest_length(void **state)
{
        (void)state;
        assert_int_equal(translate_nested("\\s", "", "", 1000), 0);
        assert_int_equal(translate_nested("\\b", "", "", 8000), PYRE_E_LIMIT);
        assert_int_equal(translate_nested("\\s", "", "", 8000), PYRE_E_LIMIT);
}

static void a_literal_has_no_special_character(void **state)
{
        static const char *const special[] = { "a.", "\\a", "[", "{", "(", ")",
                                               "*",  "+",   "?", "^", "$", "|" };
        size_t i;

        (void)state;
        assert_true(pyre_is_literal("", 0));
        assert_true(pyre_is_literal("/dev/a-b_c:d]}#, ", 17));
        assert_true(pyre_is_literal("\xc3\xa4", 2));
        assert_false(pyre_is_literal("a\0b", 3));
        for (i = 0; i < ARRAY_SIZE(special); i++)
                assert_false(pyre_is_literal(special[i], strlen(special[i])));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, translations, run_translation);
        test_set_add_rows(&set, refusals, run_refusal);
        test_set_add_test(&set, groups_may_nest_up_to_the_limit);
        test_set_add_test(&set, the_pattern_has_a_largest_length);
        test_set_add_test(&set, the_translation_has_a_largest_length);
        test_set_add_test(&set, a_literal_has_no_special_character);
        return test_set_run(&set, "pyre");
}
