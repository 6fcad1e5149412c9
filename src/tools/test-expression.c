/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/expression.h"
#include "util/test.h"
#include "util/text.h"

enum {
        PATH = 1 << 0,
        WILD = 1 << 1,
        OPEN = 1 << 2,
        ALTERNATIVE = 1 << 3,
        LOOSE_DOT = 1 << 4,
        END_FLAG = 1 << 5,
        LOOK = 1 << 6,
};

static struct row {
        const char *name;
        const char *text;
        unsigned int want;
        const char *prefix;
        const char *suffix;
} rows[] = {
        { "an_empty_expression_is_nothing", "", 0, "", "" },
        { "plain_text_is_its_own_prefix", "init", 0, "init", "init" },
        { "a_bar_outside_of_groups_is_an_alternative", "a|b", ALTERNATIVE, "a", "b" },
        { "a_bar_in_a_group_is_none", "(a|b)", 0, "", "" },
        { "a_bar_in_a_set_is_none", "[a|b]", 0, "", "" },
        { "an_escaped_bar_is_none", "a\\|b", 0, "a|b", "a|b" },
        { "a_bar_behind_a_group_is_one", "(a)|b", ALTERNATIVE, "", "b" },
        { "a_repeated_dot_is_wild", ".*", WILD, "", "" },
        { "a_repeated_not_blank_is_wild", "blkio:\\S+", WILD, "blkio:", "" },
        { "a_dot_that_is_there_once_is_not_wild", ".?", 0, "", "" },
        { "repeated_digits_are_not_wild", "-c\\d+", 0, "-c", "" },
        { "a_set_without_a_slash_is_not_wild", "[^/]+", 0, "", "" },
        { "a_set_without_a_dot_is_not_wild", "/[a-z/]+", PATH, "/", "" },
        { "a_set_with_both_is_wild", "[\\w./-]+", WILD, "", "" },
        { "a_range_over_both_is_wild", "[+-9]+", WILD, "", "" },
        { "a_negated_set_of_neither_is_wild", "[^ ]+", WILD, "", "" },
        { "a_bracket_at_the_beginning_of_a_set_is_in_it", "[]|]", 0, "", "" },
        { "a_repeated_group_is_wild_by_its_parts", "([^/]+(/+)?)*", WILD, "", "" },
        { "a_repeated_group_of_alternatives_is_wild", "'((.|\\n)*)'", WILD, "'", "'" },
        { "a_count_is_a_repeat", ".{3}", WILD, "", "" },
        { "a_path_begins_with_a_slash", "/dev/.*", PATH | WILD, "/dev/", "" },
        { "a_path_may_begin_with_an_anchor", "^/dev/x$", PATH, "/dev/x", "" },
        { "a_path_may_begin_with_a_set", "^[/]*x", PATH, "", "x" },
        { "a_path_may_begin_with_a_group", "(/var|/usr)?/tmp", PATH, "", "/tmp" },
        { "an_expression_with_a_slash_later_is_no_path", "of=/dev/.*", WILD, "of=/dev/", "" },
        { "a_suffix_stands_for_itself", "/a/.*\\.conf", PATH | WILD, "/a/", ".conf" },
        { "a_character_that_may_be_missing_is_not_of_the_prefix", "ab?c", 0, "a", "c" },
        { "a_character_that_is_repeated_is_of_the_prefix", "/dev/+x", PATH, "/dev/", "x" },
        { "an_escaped_character_that_may_be_missing_is_not", "a\\.?", 0, "a", "" },
        { "a_lookahead_is_seen", "/etc/(?!\\.\\.).*", PATH | WILD | LOOK, "/etc/", "" },
        { "a_lookbehind_is_seen", "a(?<!b)", LOOK, "a", "" },
        { "a_dot_between_letters_is_loose", "cinder.privsep", LOOSE_DOT, "cinder", "privsep" },
        { "an_escaped_dot_is_not_loose", "cinder\\.privsep", 0, "cinder.privsep",
          "cinder.privsep" },
        { "a_repeated_dot_between_letters_is_not_loose", "a.*b", WILD, "a", "b" },
        { "a_dot_behind_a_class_is_not_loose", "\\d.a", 0, "", "a" },
        { "multiline_changes_the_end", "(?m)a", END_FLAG, "", "a" },
        { "verbose_changes_the_end", "(?ix)a", END_FLAG, "", "a" },
        { "ignoring_case_does_not", "(?i)a", 0, "", "a" },
        { "a_flag_for_a_group_does_not", "(?m:a)", 0, "", "" },
        { "a_named_group_is_a_group", "(?P<n>a|b)", 0, "", "" },
        { "an_unclosed_group_is_open", "(one", OPEN, "", "one" },
        { "an_unclosed_set_is_open", "[a", OPEN, "", "" },
        { "an_unclosed_brace_is_open", "\\d{1", OPEN, "", "{1" },
        { "a_closed_brace_is_not_open", "\\d{1,3}", 0, "", "" },
        { "a_literal_pair_of_braces_is_not_open", "a{b}", 0, "a{b}", "a{b}" },
        { "a_backslash_at_the_end_is_survived", "a\\", 0, NULL, NULL },
};

static void expect_literal(const char *text, size_t n_text, const char *want)
{
        cleanup_text struct text literal = { 0 };

        expression_put_literal(&literal, text, n_text);
        assert_string_equal(text_get(&literal), want);
}

static void run_row(void **state)
{
        const struct row *row = *state;
        struct expression read;

        expression_read(&read, row->text);

        assert_int_equal(read.is_path, !!(row->want & PATH));
        assert_int_equal(read.is_wild, !!(row->want & WILD));
        assert_int_equal(read.is_open, !!(row->want & OPEN));
        assert_int_equal(read.has_alternative, !!(row->want & ALTERNATIVE));
        assert_int_equal(read.has_loose_dot, !!(row->want & LOOSE_DOT));
        assert_int_equal(read.has_end_flag, !!(row->want & END_FLAG));
        assert_int_equal(read.has_look, !!(row->want & LOOK));
        if (!row->prefix)
                return;
        expect_literal(row->text, read.n_prefix, row->prefix);
        expect_literal(row->text + read.suffix, strlen(row->text + read.suffix), row->suffix);
}

static void groups_beyond_the_limit_are_survived(void **state)
{
        char text[4 * EXPRESSION_DEPTH_MAX + 1] = { 0 };
        struct expression read;

        (void)state;
        memset(text, '(', 2 * EXPRESSION_DEPTH_MAX);
        memset(text + 2 * EXPRESSION_DEPTH_MAX, ')', 2 * EXPRESSION_DEPTH_MAX);
        expression_read(&read, text);
        assert_false(read.is_wild);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, groups_beyond_the_limit_are_survived);
        return test_set_run(&set, "expression");
}
