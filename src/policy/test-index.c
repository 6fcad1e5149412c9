/* SPDX-License-Identifier: Apache-2.0 */
/* Which filters a command is held against; the names are written in the order of the walk. */
#include "policy/index.h"
#include "policy/test-policy.h"
#include "util/test.h"
#include "util/text.h"

#define FILTERS                                   \
        "[Filters]\n"                             \
        "ls: CommandFilter, /bin/ls, root\n"      \
        "any: RegExpFilter, x, root, .*s\n"       \
        "cat: ReadFileFilter, /etc/x\n"           \
        "dd: RegExpFilter, dd, root, dd, if=.*\n" \
        "kill: KillFilter, root, x\n"             \
        "ip: IpFilter, /opt/ip, root\n"           \
        "netns: IpNetnsExecFilter, ip, root\n"    \
        "e1: EnvFilter, env, root, A=, /bin/ls\n" \
        "e2: EnvFilter, env, nova, A=, B=, dd\n"  \
        "ls2: PathFilter, ls, nova, pass\n"       \
        "never: RegExpFilter, ls, root\n"         \
        "same: CommandFilter, same, root\n"

static struct {
        const char *name;
        const char *words[8];
        const char *want;
} rows[] = {
        { "no_words_lead_to_the_general_ones", { NULL }, "any never " },
        { "an_unknown_name_leads_to_the_general_ones", { "x" }, "any never " },
        { "a_base_name_leads_to_its_filters", { "ls" }, "ls any ls2 never " },
        { "a_path_leads_to_its_filter", { "/bin/ls" }, "ls any never " },
        { "another_path_leads_nowhere", { "/tmp/ls" }, "any never " },
        { "a_plain_expression_is_a_name", { "dd", "x" }, "any dd never " },
        { "a_final_newline_is_no_obstacle", { "dd\n" }, "any dd never " },
        { "cat_leads_to_files", { "cat" }, "any cat never " },
        { "kill_leads_to_processes", { "kill", "1" }, "any kill never " },
        { "ip_leads_to_both_of_its_classes", { "ip", "x" }, "any ip netns never " },
        { "ip_is_never_a_path", { "/opt/ip" }, "any never " },
        { "env_leads_to_what_is_behind_it", { "env", "ls" }, "ls any ls2 never " },
        { "many_env_lead_to_what_is_behind_them", { "env", "env", "ls" }, "ls any ls2 never " },
        { "variables_lead_to_the_command_behind", { "A=1", "ls" }, "any e1 never " },
        { "behind_env_they_do_as_well", { "env", "A=1", "/bin/ls" }, "any e1 never " },
        { "variables_are_counted_by_name", { "env", "A=1", "A=2", "ls" }, "any never " },
        { "several_variables_lead_behind_all", { "B=1", "A=1", "dd" }, "any e2 never " },
        { "env_without_variables_leads_to_no_env_filter", { "env", "dd" }, "any dd never " },
        { "variables_alone_lead_nowhere", { "env", "A=1" }, "any never " },
        { "equal_names_are_walked_once", { "same" }, "any never same " },
        { "the_implicit_filter_is_found", { "privsep-helper" }, "any never privsep-helper " },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        cleanup_text struct text said = { 0 };
        struct arena arena = { 0 };
        struct test_policy test;
        struct index_walk walk;
        struct words words;
        uint32_t number;
        size_t n = 0;

        while (row->words[n])
                n++;
        test_policy_open(&test, false);
        test_policy_write(&test, "a", FILTERS, strlen(FILTERS));
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(words_init(&words, &arena, row->words, n), 0);

        index_walk_init(&walk, &test.policy, words);
        assert_true(walk.n_lists <= INDEX_LISTS_MAX);
        while ((number = index_next(&walk)) != INDEX_END)
                text_printf(&said, "%s ", test.policy.filters[number].name);
        assert_string_equal(text_get(&said), row->want);
        assert_int_equal(index_next(&walk), INDEX_END);
        arena_deinit(&arena);
        test_policy_close(&test);
}

/* All of them at once: the general list, the word, the word before its newline, both again behind
 * `env`, and the command behind variables. */
static void no_command_leads_to_more_lists_than_there_is_room_for(void **state)
{
        static const char filters[] = "[Filters]\n"
                                      "a: RegExpFilter, x, root, .*\n"
                                      "b: CommandFilter, env, root\n"
                                      "c: CommandFilter, A=1, root\n"
                                      "d: EnvFilter, env, root, A=, ls\n";
        const char *const argv[] = { "env", "A=1", "ls" };
        struct arena arena = { 0 };
        struct test_policy test;
        struct index_walk walk;
        struct words words;

        (void)state;
        test_policy_open(&test, false);
        test_policy_write(&test, "a", filters, sizeof(filters) - 1);
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(words_init(&words, &arena, argv, 3), 0);
        index_walk_init(&walk, &test.policy, words);
        assert_int_equal(walk.n_lists, 4);
        arena_deinit(&arena);
        test_policy_close(&test);
}

static void each_filter_knows_the_env_filters_before_it(void **state)
{
        struct test_policy test;
        const struct filter *last;

        (void)state;
        test_policy_open(&test, false);
        test_policy_write(&test, "a", FILTERS, strlen(FILTERS));
        assert_int_equal(test_policy_load(&test), 0);
        last = &test.policy.filters[test.policy.n_filters - 1];
        assert_int_equal(test.policy.filters[7].n_env_before, 0);
        assert_int_equal(test.policy.filters[8].n_env_before, 1);
        assert_int_equal(test.policy.filters[8].n_env_before_inner, 0);
        assert_int_equal(last->n_env_before, 2);
        assert_int_equal(last->n_env_before_inner, 1);
        test_policy_close(&test);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, no_command_leads_to_more_lists_than_there_is_room_for);
        test_set_add_test(&set, each_filter_knows_the_env_filters_before_it);
        return test_set_run(&set, "index");
}
