/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/filter.h"
#include "util/arena.h"
#include "util/test.h"
#include "util/text.h"

static struct {
        const char *name;
        const char *class;
        bool is_known;
} class_rows[] = {
        { "an_empty_name_is_no_class", "", false },
        { "case_counts", "commandfilter", false },
        { "the_base_class_is_none", "Filter", false },
        { "CommandFilter_is_known", "CommandFilter", true },
        { "RegExpFilter_is_known", "RegExpFilter", true },
        { "PathFilter_is_known", "PathFilter", true },
        { "EnvFilter_is_known", "EnvFilter", true },
        { "ReadFileFilter_is_known", "ReadFileFilter", true },
        { "KillFilter_is_known", "KillFilter", true },
        { "IpFilter_is_known", "IpFilter", true },
        { "ChainingFilter_is_known", "ChainingFilter", true },
        { "IpNetnsExecFilter_is_known", "IpNetnsExecFilter", true },
        { "ChainingRegExpFilter_is_known", "ChainingRegExpFilter", true },
};

static void run_class_row(void **state)
{
        const typeof(class_rows[0]) *row = *state;
        const struct filter_class *class = filter_class_find(row->class);

        assert_int_equal(class != NULL, row->is_known);
        if (class)
                assert_string_equal(class->name, row->class);
}

static struct {
        const char *name;
        const char *exec_path;
        const char *word;
        bool want;
} name_rows[] = {
        { "an_empty_word_names_nothing", "/bin/ls", "", false },
        { "a_part_of_the_path_is_no_name", "/bin/ls", "bin/ls", false },
        { "the_path_is_its_name", "/bin/ls", "/bin/ls", true },
        { "the_base_name_is_its_name", "/bin/ls", "ls", true },
        { "a_name_has_no_path", "ls", "/bin/ls", false },
        { "a_path_that_ends_in_a_slash_has_an_empty_name", "/bin/", "", true },
};

static void run_name_row(void **state)
{
        const typeof(name_rows[0]) *row = *state;
        const struct filter filter = { .exec_path = row->exec_path };

        assert_int_equal(filter_names_command(&filter, row->word), row->want);
}

static void the_first_reason_stays(void **state)
{
        cleanup_text struct text why = { 0 };
        struct query query = { .why = &why };

        (void)state;
        assert_int_equal(filter_no(&query, "first %d", 1), FILTER_NO);
        assert_int_equal(filter_refuse(&query, RULE_IP, "second"), FILTER_NO);
        assert_int_equal(filter_stop(&query, "third"), FILTER_STOP);
        assert_string_equal(text_get(&why), "first 1");
        assert_int_equal(query.rules, RULE_IP);
        assert_int_equal(query.error, 0);
}

static void a_failure_of_ours_stops(void **state)
{
        struct query query = { 0 };

        (void)state;
        assert_int_equal(filter_fail(&query, -ENOMEM), FILTER_STOP);
        assert_int_equal(query.error, -ENOMEM);
}

static void a_set_of_rules_is_taken_apart(void **state)
{
        unsigned int rules = RULE_PRIVSEP | RULE_KILL;

        (void)state;
        assert_string_equal(rule_id(rule_next(&rules)), "D0");
        assert_string_equal(rule_id(rule_next(&rules)), "D18");
        assert_int_equal(rule_next(&rules), RULE_NONE);
        assert_null(rule_id(RULE_NONE));
        assert_null(rule_text(RULE_NONE));
        assert_non_null(rule_text(RULE_PATH));
}

static struct {
        const char *name;
        const char *text;
        const char *want;
} basename_rows[] = {
        { "a_name_is_its_base_name", "ls", "ls" },
        { "a_path_has_one_behind_its_last_slash", "/a/b/ls", "ls" },
        { "a_final_slash_leaves_nothing", "/a/", "" },
        { "nothing_has_none", "", "" },
};

static void run_basename_row(void **state)
{
        const typeof(basename_rows[0]) *row = *state;

        assert_string_equal(word_basename(row->text), row->want);
}

static void words_are_sliced(void **state)
{
        static const char *const argv[] = { "a", "\xc3\xa4\xff" };
        struct arena arena = { 0 };
        struct words words;
        struct words copy;

        (void)state;
        assert_int_equal(words_init(&words, &arena, argv, 2), 0);
        assert_int_equal(words_from(words, 1).n, 1);
        assert_int_equal(words_from(words, 3).n, 0);
        assert_int_equal(words_copy(&copy, &arena, words), 0);
        word_set(&copy.v[0], "b");
        assert_string_equal(words.v[0].text, "a");
        assert_int_equal(word_decode(&words.v[1], &arena), 0);
        assert_int_equal(words.v[1].n_codes, 2);
        assert_int_equal(words.v[1].codes[0], 0xE4);
        assert_int_equal(words.v[1].codes[1], 0xDCFF);
        arena_deinit(&arena);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, class_rows, run_class_row);
        test_set_add_rows(&set, name_rows, run_name_row);
        test_set_add_test(&set, the_first_reason_stays);
        test_set_add_test(&set, a_failure_of_ours_stops);
        test_set_add_test(&set, a_set_of_rules_is_taken_apart);
        test_set_add_rows(&set, basename_rows, run_basename_row);
        test_set_add_test(&set, words_are_sliced);
        return test_set_run(&set, "filter");
}
