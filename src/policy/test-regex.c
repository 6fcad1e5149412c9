/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/regex.h"
#include "util/test.h"
#include "util/utf8.h"

#define YES   0
#define NO    REGEX_E_NO_MATCH
#define BAD   REGEX_E_BAD
#define LIMIT REGEX_E_LIMIT

static struct {
        const char *name;
        const char *pattern;
        const char *argument;
        int whole;
        int oslo;
} rows[] = {
        /* the two modes */
        { "text_matches_itself", "ab", "ab", YES, YES },
        { "text_does_not_match_more", "ab", "abc", NO, NO },
        { "a_match_begins_at_the_start", "b", "ab", NO, NO },
        { "a_final_newline_passes_in_oslo_mode_only", "ab", "ab\n", NO, YES },
        { "two_final_newlines_never_pass", "ab", "ab\n\n", NO, NO },
        { "the_first_branch_is_a_prefix_in_oslo_mode", "a|b", "ax", NO, YES },
        { "the_last_branch_is_tied_in_oslo_mode", "a|b", "bx", NO, NO },
        { "another_branch_may_match_the_whole", "a|ab", "ab", YES, YES },
        { "a_trailing_backslash_swallows_the_dollar", "a\\", "a$", BAD, YES },
        { "a_trailing_backslash_takes_what_follows", "a\\", "a$x", BAD, YES },
        { "multiline_lets_the_dollar_match_before_a_newline", "(?m)a", "a\nb", NO, YES },
        { "a_verbose_comment_hides_the_dollar", "(?x)a#c", "ab", NO, YES },
        { "a_verbose_comment_that_ended_does_not", "(?x)a#c\n", "ab", NO, NO },
        { "the_empty_pattern_matches_nothing_but_empty", "", "", YES, YES },
        { "the_empty_pattern_does_not_match_text", "", "a", NO, NO },
        { "a_bad_pattern_matches_nothing", "(", "(", BAD, BAD },

        /* bytes that are not UTF-8 */
        { "a_dot_matches_a_bad_byte", "a.b",
          "a\xff"
          "b",
          YES, YES },
        { "a_negated_set_matches_a_bad_byte", "[^/]+", "\x80\xc0", YES, YES },
        { "a_bad_byte_is_no_word", "\\w", "\xff", NO, NO },
        { "an_escape_names_a_bad_byte", "\\udcff", "\xff", YES, YES },
        { "a_character_is_one_dot", ".", "\xf0\x9f\x98\x80", YES, YES },

        /* what PCRE2 reads otherwise */
        { "capital_z_is_not_before_a_newline", "a\\Z", "a\n", NO, NO },
        { "a_vertical_tab_is_one_character", "\\v", "\n", NO, NO },
        { "a_vertical_tab_is_that_character", "\\v", "\v", YES, YES },
        { "an_empty_argument_has_no_inside", "\\B", "", NO, NO },
        { "an_empty_argument_has_no_edge", "(?!\\b)", "", YES, YES },
        { "a_blank_beside_a_blank_is_no_edge", " \\B ", "  ", YES, YES },
        { "the_mongolian_separator_is_no_blank", "\\s", "\xe1\xa0\x8e", NO, NO },
        { "the_file_separator_is_a_blank", "\\s", "\x1c", YES, YES },
        { "the_unit_separator_is_a_blank", "[\\s]", "\x1f", YES, YES },
        { "a_posix_class_is_a_set_and_a_bracket", "[[:alpha:]]+", "a]", YES, YES },
        { "a_dot_in_brackets_is_a_set", "[..]", ".", YES, YES },
        { "a_collation_is_a_set", "[.a.]", "a", YES, YES },
        { "an_equivalence_is_a_set", "[=x=]", "=", YES, YES },
        { "a_short_posix_class_is_a_set", "[:a:]", ":", YES, YES },
        { "a_newline_begins_a_line_even_at_the_end", "(?m)a\\n^", "a\n", YES, YES },
        { "a_skipped_group_does_not_lead_astray", "(?=(?:1|c){0})9{0}(c{3})", "ccc", YES, YES },
        { "a_set_gives_back_to_an_atomic_group", "[a9]+(?>(?:zz)?)9", "a9", YES, YES },
        { "a_dot_is_no_newline", ".", "\n", NO, NO },
        { "a_dot_is_a_carriage_return", ".", "\r", YES, YES },

        /* what only Python has */
        { "ascii_mode_has_ascii_words", "(?a)\\w", "\xc3\xa4", NO, NO },
        { "unicode_mode_has_all_words", "(?u)\\w", "\xc3\xa4", YES, YES },
        { "ascii_mode_may_be_a_group", "(?a:\\d)\\d", "1\xd9\xa3", YES, YES },
        { "a_group_may_be_unicode_again", "(?a)(?u:\\d)\\d",
          "\xd9\xa3"
          "1",
          YES, YES },
        { "ascii_mode_has_ascii_edges", "(?a)a\\b\xc3\xa4", "a\xc3\xa4", YES, YES },
        { "unicode_mode_has_all_edges", "a\\b\xc3\xa4", "a\xc3\xa4", NO, NO },
        { "a_short_unicode_escape_is_a_character", "\\u20ac", "\xe2\x82\xac", YES, YES },
        { "a_long_unicode_escape_is_a_character", "\\U0001F600", "\xf0\x9f\x98\x80", YES, YES },
        { "an_octal_escape_is_a_character", "\\101\\0", "A\x01", NO, NO },
        { "three_digits_are_octal", "\\101", "A", YES, YES },
        { "two_digits_and_text_are_a_reference", "(a)\\18", "aa8", BAD, BAD },
        { "a_set_may_begin_with_its_end", "[]a]+", "]a", YES, YES },
        { "a_hyphen_may_end_a_set", "[\\d-]+", "1-1", YES, YES },
        { "an_interval_may_lack_its_minimum", "a{,2}", "aa", YES, YES },
        { "such_an_interval_has_its_maximum", "a{,2}", "aaa", NO, NO },
        { "a_comma_may_be_escaped", "a\\x2cb", "a,b", YES, YES },

        /* case */
        { "case_counts", "a", "A", NO, NO },
        { "case_may_be_ignored", "(?i)a", "A", YES, YES },
        { "the_dotless_i_is_an_i", "(?i)i", "\xc4\xb1", YES, YES },
        { "the_dotted_capital_i_is_an_i", "(?i)[h-j]", "\xc4\xb0", YES, YES },
        { "nor_is_it_outside_of_a_set_without_i", "(?i)[^i]", "\xc4\xb0", NO, NO },
        { "the_kelvin_sign_is_a_k", "(?i)k", "\xe2\x84\xaa", YES, YES },
        { "the_kelvin_sign_is_no_ascii_k", "(?ai)k", "\xe2\x84\xaa", NO, NO },
        { "the_long_s_is_an_s", "(?i)\xc5\xbf", "S", YES, YES },
        { "iota_with_its_marks_has_a_twin", "(?i)\xce\x90", "\xe1\xbf\x93", YES, YES },
        { "upsilon_with_its_marks_has_a_twin", "(?i)\xce\xb0", "\xe1\xbf\xa3", YES, YES },
        { "the_st_ligature_has_a_twin", "(?i)\xef\xac\x85", "\xef\xac\x86", YES, YES },
        { "a_group_may_ignore_case", "(?i:a)a", "Aa", YES, YES },
        { "a_group_may_ignore_it_alone", "(?i:a)a", "AA", NO, NO },
        { "a_reference_may_ignore_case", "(?i)(a)\\1", "aA", YES, YES },
        { "an_ascii_reference_may_ignore_case", "(?ai)(a)\\1", "aA", YES, YES },
        { "a_reference_is_not_asked_about_odd_letters", "(?i)(s)\\1", "s\xc5\xbf", LIMIT, LIMIT },
        { "an_ascii_reference_is_not_asked_beyond_ascii", "(?ai)(.)\\1", "\xc3\xa4\xc3\xa4", LIMIT,
          LIMIT },

        /* groups */
        { "a_reference_matches_the_same_text", "(a|b)\\1", "bb", YES, YES },
        { "a_reference_does_not_match_other_text", "(a|b)\\1", "ba", NO, NO },
        { "a_reference_to_an_unset_group_fails", "(a)?\\1b", "b", NO, NO },
        { "a_condition_that_holds_takes_the_first", "(a)?(?(1)b|c)", "ab", YES, YES },
        { "a_condition_that_does_not_takes_the_second", "(a)?(?(1)b|c)", "c", YES, YES },
        { "a_named_condition_works", "(?P<n>a)?(?(n)b|c)", "ac", NO, NO },
        { "a_look_ahead_excludes", "(?!.*\\.\\.)[\\w./]+", "a/../b", NO, NO },
        { "a_look_behind_looks_back", "a(?<=a)b", "ab", YES, YES },
        { "a_look_behind_may_refer_back", "(a)b(?<=\\1b)", "ab", YES, YES },
        { "an_atomic_group_gives_nothing_back", "(?>a*)a", "aa", NO, NO },
        { "a_possessive_repeat_gives_nothing_back", "a*+a", "aa", NO, NO },
        { "a_possessive_repeat_of_a_group_is_refused", "(?!.{2})*+", "ac", LIMIT, LIMIT },
        { "an_alternative_with_a_shared_start_is_tried_in_order", "(?>.*b|.*c)", "abac", NO, NO },

        /* real filters */
        { "a_device_path_matches", "/dev/disk/by-id/[\\w.-]+(-part\\d+)?",
          "/dev/disk/by-id/scsi-0QEMU-part1", YES, YES },
        { "a_shell_line_with_newlines_matches", "echo '((.|\\n)*)' > /.*", "echo 'a\nb' > /c", YES,
          YES },
        { "a_keyword_argument_is_compared", "(if|of)=.*|--help", "if=/x", YES, YES },
};

static int ask(enum regex_mode mode, const char *pattern, const uint32_t *codes, size_t n_codes)
{
        cleanup_with(regex_free) struct regex *regex = NULL;
        const char *reason = NULL;
        int r;

        r = regex_new(&regex, pattern, strlen(pattern), mode, &reason);
        if (r) {
                assert_null(regex);
                assert_non_null(reason);
                return r;
        }
        return regex_match(regex, codes, n_codes);
}

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        uint32_t codes[64];
        size_t n_codes;

        assert_true(strlen(row->argument) <= ARRAY_SIZE(codes));
        n_codes = utf8_decode(row->argument, strlen(row->argument), codes);

        assert_int_equal(ask(REGEX_WHOLE, row->pattern, codes, n_codes), row->whole);
        assert_int_equal(ask(REGEX_OSLO, row->pattern, codes, n_codes), row->oslo);
}

/* Arguments of @n_codes characters @code */
static struct {
        const char *name;
        const char *pattern;
        size_t n_codes;
        uint32_t code;
        int want; /* in both modes */
} long_rows[] = {
        { "three_stars_on_600_characters_are_decided", ".*.*.*b", 600, 'a', NO },
        { "nested_repeats_reach_the_limit", "(a+)+b", 40, 'a', LIMIT },
        { "a_look_ahead_in_a_repeat_reaches_the_limit", "(?:(?=.*).)*", 131072, 'a', LIMIT },
        { "a_possessive_repeat_in_a_repeat_reaches_the_limit", "(?:.*+b|a)*", 131072, 'a', LIMIT },
        { "a_tempered_dot_is_decided_on_long_text", "(?:(?!\\.\\.).)*", 131072, 'a', YES },
        { "a_group_in_a_repeat_is_decided_on_long_text", "(.|\\n)*", 131072, '\n', YES },
        { "a_captured_group_is_decided_on_long_text", "(a|b)*c\\1", 131072, 'a', NO },
        { "a_count_of_65536_is_exact", "a{65536}", 65536, 'a', YES },
        { "a_count_of_65536_is_not_less", "a{65536}", 65535, 'a', NO },
        { "a_count_of_65536_is_not_more", "a{65536}", 65537, 'a', NO },
        { "a_count_of_65537_of_a_group_is_exact", "(?:ab|a){65537}", 65537, 'a', YES },
        { "a_minimum_above_65535_is_exact", "a{65537,}", 70000, 'a', YES },
        { "a_minimum_above_65535_is_not_less", "a{65537,}", 65536, 'a', NO },
        { "a_count_beyond_every_argument_fails", "a{4294967294}|b*", 10, 'b', YES },
        { "an_argument_has_a_largest_length", ".*", REGEX_ARGUMENT_MAX + 1, 'a', LIMIT },
        { "the_largest_argument_may_match", ".*", REGEX_ARGUMENT_MAX, 'a', YES },
        { "a_deep_match_ends_within_its_memory", "(?:a|b)*c", REGEX_ARGUMENT_MAX, 'a', LIMIT },
        { "a_compiled_form_is_bounded", "(?:(?:a{9}b){9999}c){9999}", 1, 'a', LIMIT },
        { "a_compiled_form_is_bounded_before_it_is_built",
          "((((a{2}b){65535}){65535}){65535}){65535}", 1, 'a', LIMIT },
};

static void run_long_row(void **state)
{
        const typeof(long_rows[0]) *row = *state;
        uint32_t *codes;
        size_t i;

        codes = calloc(row->n_codes, sizeof(*codes));
        assert_non_null(codes);
        for (i = 0; i < row->n_codes; i++)
                codes[i] = row->code;
        assert_int_equal(ask(REGEX_WHOLE, row->pattern, codes, row->n_codes), row->want);
        assert_int_equal(ask(REGEX_OSLO, row->pattern, codes, row->n_codes), row->want);
        free(codes);
}

static void groups_may_nest_beyond_250(void **state)
{
        char pattern[2 * 400 + 2];

        (void)state;
        memset(pattern, '(', 400);
        pattern[400] = 'a';
        memset(pattern + 401, ')', 400);
        pattern[801] = '\0';
        assert_int_equal(ask(REGEX_WHOLE, pattern, (const uint32_t[]){ 'a' }, 1), YES);
        assert_int_equal(ask(REGEX_OSLO, pattern, (const uint32_t[]){ 'a' }, 1), YES);
}

/* Each of these would take many times as long if all steps were allowed alike. */
static void deep_nesting_ends_as_soon_as_shallow(void **state)
{
        char pattern[3 * 200 + 3];
        uint32_t codes[30];
        size_t i;

        (void)state;
        memset(pattern, '(', 200);
        pattern[200] = 'a';
        for (i = 201; i < 601; i += 2) {
                pattern[i] = ')';
                pattern[i + 1] = '*';
        }
        pattern[601] = 'b';
        pattern[602] = '\0';
        for (i = 0; i < ARRAY_SIZE(codes); i++)
                codes[i] = 'a';
        assert_int_equal(ask(REGEX_WHOLE, pattern, codes, ARRAY_SIZE(codes)), LIMIT);
        assert_int_equal(ask(REGEX_OSLO, pattern, codes, ARRAY_SIZE(codes)), LIMIT);
}

static void a_pattern_has_a_largest_length(void **state)
{
        static char pattern[REGEX_PATTERN_MAX + 2];

        (void)state;
        memset(pattern, 'a', REGEX_PATTERN_MAX);
        assert_int_equal(ask(REGEX_WHOLE, pattern, NULL, 0), NO);
        assert_int_equal(ask(REGEX_OSLO, pattern, NULL, 0), NO);
        pattern[REGEX_PATTERN_MAX] = 'a';
        assert_int_equal(ask(REGEX_WHOLE, pattern, NULL, 0), LIMIT);
        assert_int_equal(ask(REGEX_OSLO, pattern, NULL, 0), LIMIT);
}

static void freeing_null_is_fine(void **state)
{
        (void)state;
        assert_null(regex_free(NULL));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_rows(&set, long_rows, run_long_row);
        test_set_add_test(&set, groups_may_nest_beyond_250);
        test_set_add_test(&set, deep_nesting_ends_as_soon_as_shallow);
        test_set_add_test(&set, a_pattern_has_a_largest_length);
        test_set_add_test(&set, freeing_null_is_fine);
        return test_set_run(&set, "regex");
}
