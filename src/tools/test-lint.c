/* SPDX-License-Identifier: Apache-2.0 */
/* Each row is a filter file, and the one finding that it must have; or none but notes. */
#include <stdio.h>

#include "policy/test-machine.h"
#include "policy/test-policy.h"
#include "tools/lint.h"
#include "util/test.h"

/* What a row wants. */
#define CLEAN            .code = NULL
#define NOTE(code_)      .code = (code_), .severity = SEVERITY_NOTE
#define WARNING(code_)   .code = (code_), .severity = SEVERITY_WARNING
#define ERROR(code_)     .code = (code_), .severity = SEVERITY_ERROR
#define BY(rule_)        .rule = (rule_)
#define WITHOUT(code_)   .without = (code_)
#define WITH_OSLO_COMPAT .oslo_compat = true

static const struct machine_file files[] = {
        { .path = "/", .mode = MACHINE_DIRECTORY },
        { .path = "/bin", .mode = MACHINE_LINK, .target = "/usr/bin" },
        { .path = "/sbin", .mode = MACHINE_DIRECTORY },
        { .path = "/sbin/ip", .mode = MACHINE_PROGRAM },
        { .path = "/usr", .mode = MACHINE_DIRECTORY },
        { .path = "/usr/bin", .mode = MACHINE_DIRECTORY },
        { .path = "/bin/cat", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/cat", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/true", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/find", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/sh", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/lvs", .mode = MACHINE_PROGRAM },
        { .path = "/usr/bin/loose", .mode = MACHINE_PROGRAM | S_IWOTH },
        { .path = "/usr/bin/elsewhere", .mode = MACHINE_LINK, .target = "/srv/open/program" },
        { .path = "/srv", .mode = MACHINE_DIRECTORY },
        { .path = "/srv/open", .mode = MACHINE_DIRECTORY | S_IWGRP },
        { .path = "/srv/open/program", .mode = MACHINE_PROGRAM },
        { .path = "/srv/sticky", .mode = MACHINE_DIRECTORY | S_IWOTH | S_ISVTX },
        { .path = "/srv/sticky/program", .mode = MACHINE_PROGRAM },
        { .path = "/var", .mode = MACHINE_DIRECTORY },
        { .path = "/var/run", .mode = MACHINE_LINK, .target = "/run" },
        { .path = "/run", .mode = MACHINE_DIRECTORY },
        { .path = NULL },
};

static struct row {
        const char *name;
        const char *filters; /* lines of [Filters] */
        const char *code;    /* NULL: neither errors nor warnings */
        enum severity severity;
        bool oslo_compat;
        const char *rule;
        const char *without; /* a code that it must not have either */
} rows[] = {
        /* commands */
        { "a_harmless_command_is_clean", "a: CommandFilter, true, root", CLEAN },
        { "a_command_by_its_path_is_clean", "a: CommandFilter, /usr/bin/true, root", CLEAN },
        { "arguments_of_a_command_filter_are_ignored", "a: CommandFilter, true, root, --version",
          WARNING("ignored-arguments") },
        { "a_missing_program_is_pointed_at", "a: CommandFilter, nothing, root",
          WARNING("program-missing") },
        { "a_directory_is_no_program", "a: CommandFilter, /usr, root", ERROR("not-a-program") },
        { "a_program_that_everybody_writes_is_found", "a: CommandFilter, loose, root",
          WARNING("program-not-trusted") },
        { "a_program_in_a_directory_of_others_is_found",
          "a: CommandFilter, /srv/open/program, root", WARNING("program-not-trusted") },
        { "a_program_behind_a_link_is_looked_at_where_it_is", "a: CommandFilter, elsewhere, root",
          WARNING("program-not-trusted") },
        { "a_sticky_directory_keeps_what_root_put_there",
          "a: CommandFilter, /srv/sticky/program, root", CLEAN },
        { "an_unknown_user_is_an_error", "a: CommandFilter, true, rw-no-such-user",
          ERROR("no-such-user") },
        { "groups_of_another_user_differ", "a: CommandFilter, true, daemon",
          WARNING("mode-differs"), BY("D5") },
        { "a_name_that_is_defined_twice_is_found",
          "a: CommandFilter, true, root\nA: CommandFilter, /usr/bin/true, root",
          WARNING("defined-twice") },

        /* dangers */
        { "a_shell_is_dangerous", "a: CommandFilter, /usr/bin/sh, root", WARNING("danger") },
        { "a_shell_for_another_user_is_not", "a: CommandFilter, sh, daemon",
          WARNING("mode-differs"), BY("D5"), WITHOUT("danger") },
        { "a_version_of_an_interpreter_is_dangerous", "a: CommandFilter, python3.11, root",
          WARNING("danger") },
        { "a_program_behind_variables_is_dangerous", "a: EnvFilter, env, root, A=, find",
          WARNING("danger") },
        { "an_expression_can_leave_a_dangerous_argument_free",
          "a: RegExpFilter, find, root, find, .*, -print", WARNING("danger") },
        { "an_expression_can_leave_a_part_free",
          "a: RegExpFilter, sh, root, sh, -c, echo '((.|\\n)*)' > /x", WARNING("danger") },
        { "a_group_that_takes_anything_is_free",
          "a: RegExpFilter, find, root, find, ([^/\\0]*(/+)?)*, -print", WARNING("danger") },
        { "an_expression_that_leaves_nothing_free_is_clean",
          "a: RegExpFilter, find, root, find, /run, -maxdepth, \\d+, -print", CLEAN },
        { "a_free_variable_can_be_dangerous", "a: EnvFilter, env, root, LD_PRELOAD=, true",
          WARNING("danger") },
        { "the_configuration_of_lvm_is_dangerous_to_choose",
          "a: EnvFilter, env, root, LVM_SYSTEM_DIR=, true", WARNING("danger") },
        { "a_fixed_variable_is_free_with_oslo_compat", "a: EnvFilter, env, root, PATH=/bin, true",
          WARNING("danger"), WITH_OSLO_COMPAT },

        /* expressions */
        { "a_bracketed_alternative_is_clean", "a: RegExpFilter, true, root, true, (?:one|two)",
          CLEAN },
        { "an_alternative_without_brackets_is_found", "a: RegExpFilter, true, root, true, one|two",
          WARNING("alternative"), BY("D6") },
        { "every_expression_differs_in_the_newline", "a: RegExpFilter, true, root, true, one",
          NOTE("mode-differs"), BY("D6") },
        { "a_repeat_that_a_comma_splits_is_found", "a: RegExpFilter, true, root, true, \\d{1,3}",
          WARNING("comma-in-expression"), BY("D6b") },
        { "a_set_that_two_commas_split_is_found", "a: RegExpFilter, true, root, true, [a,b,c]",
          WARNING("comma-in-expression"), BY("D6b") },
        { "brackets_that_are_closed_are_no_comma", "a: RegExpFilter, true, root, true, [ab], (c)",
          CLEAN },
        { "an_expression_over_a_path_takes_dots", "a: RegExpFilter, true, root, true, /srv/.*",
          WARNING("dotdot") },
        { "a_suffix_keeps_no_dots_out", "a: RegExpFilter, true, root, true, /srv/.*\\.conf",
          WARNING("dotdot") },
        { "looking_at_the_beginning_keeps_no_dots_out",
          "a: RegExpFilter, true, root, true, /etc/(?!\\.\\.).*", WARNING("dotdot") },
        { "looking_everywhere_keeps_dots_out",
          "a: RegExpFilter, true, root, true, /etc/(?!.*\\.\\.).*", CLEAN },
        { "a_set_without_a_slash_still_takes_two_dots",
          "a: RegExpFilter, true, root, true, /srv/[^/]+", WARNING("dotdot") },
        { "a_set_without_a_dot_takes_none", "a: RegExpFilter, true, root, true, /srv/[a-z/]+",
          CLEAN },
        { "a_dot_between_words_is_noted", "a: RegExpFilter, true, root, true, os_brick.privileged",
          NOTE("loose-dot") },
        { "a_flag_that_changes_the_end_is_found", "a: RegExpFilter, true, root, true, (?m)one",
          WARNING("end-flag"), BY("D6") },
        { "an_expression_that_does_not_compile_is_an_error",
          "a: RegExpFilter, true, root, true, (one", ERROR("bad-expression") },
        { "a_backslash_at_the_end_does_not_compile", "a: RegExpFilter, true, root, true, one\\",
          ERROR("bad-expression") },
        { "a_backslash_at_the_end_compiles_with_oslo_compat",
          "a: RegExpFilter, true, root, true, one\\", WARNING("backslash-at-end"), BY("D6"),
          WITH_OSLO_COMPAT },
        { "a_comma_too_many_is_found", "a: RegExpFilter, true, root, true, one,",
          WARNING("empty-argument") },
        { "a_name_that_is_not_the_program_is_found", "a: RegExpFilter, true, root, tru, one",
          WARNING("other-name") },
        { "any_name_is_found", "a: RegExpFilter, true, root, .*, one", WARNING("other-name") },
        { "the_path_of_the_program_is_its_name",
          "a: RegExpFilter, /usr/bin/true, root, (?:/usr/bin/)?true, one", CLEAN },
        { "without_expressions_nothing_matches", "a: RegExpFilter, true, root",
          ERROR("never-matches") },

        /* paths */
        { "a_path_with_a_slash_at_its_end_is_clean", "a: PathFilter, true, root, /srv/", CLEAN },
        { "a_path_without_one_differs", "a: PathFilter, true, root, /srv", WARNING("mode-differs"),
          BY("D2") },
        { "an_expression_in_a_path_is_found", "a: PathFilter, true, root, /etc/(?!\\.\\.).*",
          WARNING("expression-in-path") },
        { "an_expression_as_a_word_is_found", "a: PathFilter, true, root, \\d+, /srv/",
          WARNING("expression-in-path") },
        { "the_word_pass_is_clean", "a: PathFilter, true, root, pass, /srv/", CLEAN },
        { "a_path_with_dots_never_matches", "a: PathFilter, true, root, /srv/../etc/",
          ERROR("never-matches") },
        { "a_path_with_double_slashes_never_matches", "a: PathFilter, true, root, /srv//x/",
          ERROR("never-matches") },
        { "names_that_begin_with_dots_are_no_dots", "a: PathFilter, true, root, /srv/..x/.y/...,",
          WARNING("mode-differs"), BY("D2"), WITHOUT("never-matches") },
        { "a_path_through_a_link_is_found", "a: PathFilter, true, root, /var/run/",
          WARNING("path-is-link") },
        { "without_constraints_nothing_matches", "a: PathFilter, true, root",
          ERROR("never-matches") },

        /* variables */
        { "a_free_variable_of_no_meaning_is_clean", "a: EnvFilter, env, root, A=, true", CLEAN },
        { "every_env_filter_differs", "a: EnvFilter, env, root, A=, true", NOTE("mode-differs"),
          BY("D17") },
        { "a_value_is_compared_in_one_mode_only", "a: EnvFilter, env, root, A=1, true",
          WARNING("mode-differs"), BY("D17") },
        { "arguments_behind_the_command_are_ignored", "a: EnvFilter, env, root, A=, true, -f, .*",
          WARNING("ignored-arguments"), BY("D17") },
        { "a_command_must_be_there", "a: EnvFilter, env, root, A=", WARNING("no-command") },
        { "without_variables_nothing_matches", "a: EnvFilter, env, root, true",
          ERROR("never-matches") },
        { "a_variable_twice_never_matches", "a: EnvFilter, env, root, A=1, A=2, true",
          ERROR("never-matches"), BY("D17") },
        { "a_program_with_env_in_its_name_is_not_env", "a: EnvFilter, printenv, root, A=, true",
          WARNING("mode-differs"), BY("D17") },

        /* the other classes */
        { "a_file_to_read_is_clean", "a: ReadFileFilter, /etc/hostname", CLEAN },
        { "a_relative_file_is_found", "a: ReadFileFilter, hostname", WARNING("relative-path") },
        { "what_follows_the_file_is_ignored", "a: ReadFileFilter, /etc/hostname, root",
          WARNING("ignored-arguments") },
        { "kill_differs", "a: KillFilter, root, /usr/bin/true, -9", WARNING("mode-differs"),
          BY("D18") },
        { "kill_without_a_program_never_matches", "a: KillFilter, root", ERROR("never-matches") },
        { "a_signal_must_be_one", "a: KillFilter, root, /usr/bin/true, -HANGUP",
          WARNING("unknown-signal"), BY("D18") },
        { "the_program_of_a_process_has_no_links", "a: KillFilter, root, /bin/true, -9",
          WARNING("path-is-link") },
        { "ip_differs", "a: IpFilter, ip, root", WARNING("mode-differs"), BY("D3") },
        { "ip_must_be_ip", "a: IpFilter, true, root", WARNING("other-name") },
        { "a_namespace_differs", "a: IpNetnsExecFilter, ip, root", WARNING("mode-differs"),
          BY("D1") },
        { "a_namespace_is_for_root", "a: IpNetnsExecFilter, ip, daemon", ERROR("never-matches") },
        { "a_chain_differs", "a: ChainingRegExpFilter, true, root, true, -c[0-3]",
          WARNING("mode-differs"), BY("D1") },
        { "a_chain_wants_an_expression", "a: ChainingRegExpFilter, true, root",
          ERROR("no-expression"), BY("D1") },
        { "a_chaining_filter_never_accepts", "a: ChainingFilter, true, root",
          ERROR("never-matches") },
        { "the_implicit_filter_differs", "", NOTE("mode-differs"), BY("D0") },
        { "the_implicit_filter_is_dangerous_with_oslo_compat", "", WARNING("danger"),
          WITH_OSLO_COMPAT },

        /* order */
        { "a_command_hides_an_expression",
          "a: CommandFilter, true, root\nb: RegExpFilter, true, root, true, one",
          WARNING("unreachable") },
        { "a_command_hides_a_namespace",
          "a: CommandFilter, ip, root\nb: IpNetnsExecFilter, ip, root", WARNING("unreachable") },
        { "a_command_hides_a_chain",
          "a: CommandFilter, true, root\nb: ChainingRegExpFilter, true, root, true",
          WARNING("unreachable") },
        { "the_same_twice_is_a_note", "a: CommandFilter, true, root\nb: CommandFilter, true, root",
          NOTE("unreachable") },
        { "free_variables_hide_fixed_ones",
          "a: EnvFilter, env, root, A=, true\nb: EnvFilter, env, root, A=1, true",
          WARNING("unreachable") },
        { "an_expression_first_hides_nothing",
          "a: RegExpFilter, true, root, true, one\nb: CommandFilter, true, root", CLEAN },
        { "another_user_may_be_reached_in_a_chain",
          "a: CommandFilter, lvs, root\nb: CommandFilter, lvs, daemon", WARNING("mode-differs"),
          BY("D5"), WITHOUT("unreachable") },
        { "a_missing_program_hides_nothing_of_another_path",
          "a: CommandFilter, /opt/true, root\nb: CommandFilter, true, root",
          WARNING("program-missing"), .without = "unreachable" },
        { "an_expression_of_many_names_is_not_hidden",
          "a: CommandFilter, true, root\nb: RegExpFilter, true, root, tru., one", CLEAN },
        { "variables_in_between_change_what_is_seen_with_oslo_compat",
          "a: CommandFilter, ip, daemon\nb: EnvFilter, env, root, A=, true\n"
          "c: CommandFilter, ip, daemon",
          WARNING("mode-differs"), BY("D5"), WITH_OSLO_COMPAT, WITHOUT("unreachable") },
};

static void look(const struct lint *lint)
{
        uint32_t i;

        for (i = 0; i < lint->policy->n_filters; i++)
                lint_one(lint, i);
}

static bool has(const struct findings *findings, const struct row *row)
{
        size_t i;

        for (i = 0; i < findings->n; i++) {
                const struct finding *finding = &findings->v[i];

                if (strcmp(finding->code, row->code) == 0 && finding->severity == row->severity &&
                    (row->rule == NULL) == (finding->rule == NULL) &&
                    (!row->rule || strcmp(row->rule, finding->rule) == 0))
                        return true;
        }
        return false;
}

static bool is_as_wanted(const struct findings *findings, const struct row *row)
{
        size_t i;

        for (i = 0; row->without && i < findings->n; i++)
                if (strcmp(findings->v[i].code, row->without) == 0)
                        return false;
        if (row->code)
                return has(findings, row);
        return !findings->n_of[SEVERITY_ERROR] && !findings->n_of[SEVERITY_WARNING];
}

static void run_row(void **state)
{
        const struct row *row = *state;
        struct findings findings = { 0 };
        struct test_policy test;
        struct machine machine;
        char text[1024];
        int n;

        n = snprintf(text, sizeof(text), "[Filters]\n%s\n", row->filters);
        assert_in_range(n, 1, sizeof(text) - 1);
        machine_init(&machine, files, NULL);
        test_policy_open(&test, row->oslo_compat);
        test.settings.file = "rootwrap.conf";
        test_policy_write(&test, "test.filters", text, (size_t)n);
        assert_int_equal(test_policy_load(&test), 0);

        look(&(struct lint){ &findings, &test.policy, &machine.system });

        findings_sort(&findings);
        if (!is_as_wanted(&findings, row)) {
                findings_print(&findings);
                fail_msg("wanted %s", row->code ? row->code : "nothing but notes");
        }
        findings_deinit(&findings);
        test_policy_close(&test);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "lint");
}
