/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions on a machine that is a list. What comes out is written as a sentence, `VERDICT FILTER
 * [> INNER]: [ENV |] ARGV`, behind a refusal the rules that had a part in it.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "policy/decision.h"
#include "policy/index.h"
#include "policy/test-machine.h"
#include "policy/test-policy.h"
#include "util/test.h"
#include "util/text.h"

static const struct machine_file files[] = {
        { "/bin/cat", MACHINE_PROGRAM, NULL },
        { "/bin/chown", MACHINE_PROGRAM, NULL },
        { "/bin/kill", MACHINE_PROGRAM, NULL },
        { "/bin/ls", MACHINE_PROGRAM, NULL },
        { "/bin/notes", MACHINE_DATA, NULL },
        { "/home/link", MACHINE_LINK, "/var/lib/nova" },
        { "/home/loop", MACHINE_LINK, "loop" },
        { "/opt/directory", MACHINE_DIRECTORY, NULL },
        { "/proc/12/exe", MACHINE_LINK, "/usr/bin/dnsmasq" },
        { "/proc/13/exe", MACHINE_LINK, "/usr/bin/dnsmasq (deleted)" },
        { "/proc/14/exe", MACHINE_LINK, "/usr/bin/dnsmasq.dpkg-tmp (deleted)" },
        { "/proc/15/exe", MACHINE_LINK, "/tmp/evil (deleted)" },
        { "/proc/16/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/proc/17/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/proc/18/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/proc/19/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/proc/21/exe", MACHINE_LINK, "/opt/tools/dnsmasq" },
        { "/opt/tools/dnsmasq", MACHINE_PROGRAM, NULL },
        { "/sbin/ip", MACHINE_PROGRAM, NULL },
        { "/usr/bin/dnsmasq", MACHINE_PROGRAM, NULL },
        { "/usr/bin/env", MACHINE_PROGRAM, NULL },
        { "/usr/bin/ionice", MACHINE_PROGRAM, NULL },
        { "/usr/bin/ls", MACHINE_DATA, NULL },
        { "/usr/bin/privsep-helper", MACHINE_PROGRAM, NULL },
        { "/usr/local/bin/ls", MACHINE_PROGRAM, NULL },
        { NULL, 0, NULL },
};

static const struct machine_process processes[] = {
        { "dnsmasq", 12, 0 },          { "dnsmasq", 13, 0 },  { "dnsmasq", 14, 0 },
        { "/usr/bin/dnsmasq", 15, 0 }, { NULL, 16, -EILSEQ }, { NULL, 17, -ENOENT },
        { "nothing", 18, 0 },          { NULL, 19, -E2BIG },  { "kthreadd", 20, 0 },
        { "dnsmasq", 21, 0 },          { NULL, 0, 0 },
};

#define LS    "ls: CommandFilter, ls, root\n"
#define ANY   "any: RegExpFilter, ls, root, .*\n"
#define LC    "lc: EnvFilter, env, root, LC_ALL=C, ls\n"
#define AB    "ab: EnvFilter, env, root, A=, B=, ls\n"
#define OTHER "other: EnvFilter, env, root, X=, dnsmasq\n"
#define CHOWN "chown: PathFilter, /bin/chown, root, nova, /var/lib/nova\n"
#define KILL  "k: KillFilter, root, /usr/bin/dnsmasq, -9, -HUP, -FOO\n"
#define KILL0 "k: KillFilter, root, dnsmasq\n"
#define IP    "ip: IpFilter, ip, root\n"
#define NETNS "netns: IpNetnsExecFilter, ip, root\n"
#define NICE  "nice: ChainingRegExpFilter, ionice, root, ionice, -c[0-3]\n"
#define PRIV  " --privsep_context a.b --privsep_sock_path /run/s"

#define NO    "unauthorized"

static struct {
        const char *name;
        const char *filters;
        const char *command;    /* words, separated by blanks */
        const char *by_default; /* what is said by default */
        const char *oslo;       /* with oslo_compat; NULL: the same */
} rows[] = {
        /* nothing allows */
        { "no_filter_allows_nothing", "", "ls", NO, NULL },
        { "no_words_are_denied", LS ANY LC KILL IP NETNS NICE, "", NO, NULL },
        { "an_unknown_class_allows_nothing", "ls: NoFilter, ls, root\n", "ls", NO, NULL },
        { "a_class_is_found_by_its_exact_name", "ls: commandfilter, ls, root\n", "ls", NO, NULL },

        /* the procedure */
        { "the_first_match_decides", "a: CommandFilter, /bin/ls, root\n" LS, "ls -l",
          "allow a: /bin/ls -l", NULL },
        { "a_program_that_is_not_there_lets_the_next_filter_decide",
          "a: CommandFilter, /gone/ls, root\n" LS, "ls", "allow ls: /bin/ls", NULL },
        { "the_first_program_that_is_not_there_is_named",
          "a: CommandFilter, /gone/ls, root\nb: CommandFilter, /away/ls, root\n", "ls",
          "not_executable a", NULL },
        { "a_file_without_the_right_to_execute_is_passed_over", LS, "ls", "allow ls: /bin/ls",
          NULL },
        { "a_program_that_is_only_data_is_not_executable", "n: CommandFilter, notes, root\n",
          "notes", "not_executable n", NULL },
        { "a_directory_passes_for_executable_as_access_says",
          "d: CommandFilter, /opt/directory, root\n", "directory", "allow d: /opt/directory",
          NULL },
        { "the_implicit_filter_comes_last", "p: CommandFilter, privsep-helper, nova\n",
          "privsep-helper --x", "allow p: /usr/bin/privsep-helper --x", NULL },

        /* CommandFilter */
        { "a_command_is_matched_by_its_name", LS, "ls", "allow ls: /bin/ls", NULL },
        { "a_command_is_not_matched_by_a_longer_name", LS, "lsx", NO, NULL },
        { "a_command_is_not_matched_by_a_foreign_path", LS, "/tmp/ls", NO, NULL },
        { "a_path_is_matched_by_itself", "l: CommandFilter, /usr/local/bin/ls, root\n",
          "/usr/local/bin/ls", "allow l: /usr/local/bin/ls", NULL },
        { "a_path_is_matched_by_its_base_name", "l: CommandFilter, /usr/local/bin/ls, root\n", "ls",
          "allow l: /usr/local/bin/ls", NULL },
        { "case_of_a_command_counts", LS, "LS", NO, NULL },
        { "further_arguments_of_the_filter_are_ignored", "l: CommandFilter, ls, root, -l\n",
          "ls -a", "allow l: /bin/ls -a", NULL },

        /* RegExpFilter */
        { "as_many_words_as_expressions_are_wanted", ANY, "ls -l", NO, NULL },
        { "expressions_match_word_by_word", "r: RegExpFilter, ls, root, ls, -[al]+\n", "ls -al",
          "allow r: /bin/ls -al", NULL },
        { "a_word_that_does_not_match_is_denied", "r: RegExpFilter, ls, root, ls, -[al]+\n",
          "ls -x", NO, NULL },
        { "the_first_expression_names_the_command_whatever_exec_path_is",
          "r: RegExpFilter, ls, root, dir\n", "dir", "allow r: /bin/ls", NULL },
        { "d6_a_first_branch_is_no_prefix", "r: RegExpFilter, ls, root, ls, -l|-a\n", "ls -lx",
          NO " D6", "allow r: /bin/ls -lx" },
        { "d6_a_final_newline_is_no_end", "r: RegExpFilter, ls, root, ls, -l\n", "ls -l\n",
          NO " D6", "allow r: /bin/ls -l\n" },
        { "d6_nor_is_it_behind_a_plain_command", "r: RegExpFilter, ls, root, ls\n", "ls\n",
          NO " D6", "allow r: /bin/ls" },
        { "a_bad_expression_never_matches", "r: RegExpFilter, ls, root, ls, (\n", "ls (", NO,
          NULL },
        { "a_bad_expression_does_not_stop_later_filters", "r: RegExpFilter, ls, root, ls, (\n" LS,
          "ls (", "allow ls: /bin/ls (", NULL },
        { "a_comma_ends_an_expression", "r: RegExpFilter, ls, root, ls, a{1,2}\n", "ls aa", NO,
          NULL },
        { "a_trailing_comma_wants_an_empty_word", "r: RegExpFilter, ls, root, ls,\n", "ls ",
          "allow r: /bin/ls ", NULL },
        { "an_expression_that_raises_stops_all", "r: RegExpFilter, ls, root, ls, (?a)(?u)x\n" LS,
          "ls x", NO, NULL },

        /* PathFilter */
        { "a_path_below_the_directory_is_allowed", CHOWN, "chown nova /var/lib/nova/a",
          "allow chown: /bin/chown nova /var/lib/nova/a", NULL },
        { "the_directory_itself_is_allowed", CHOWN, "chown nova /var/lib/nova",
          "allow chown: /bin/chown nova /var/lib/nova", NULL },
        { "a_path_outside_is_denied", CHOWN, "chown nova /etc/shadow", NO, NULL },
        { "a_path_that_climbs_out_is_denied", CHOWN, "chown nova /var/lib/nova/../../etc", NO,
          NULL },
        { "a_path_that_climbs_back_is_normalised", CHOWN, "chown nova /var/lib/x/../nova/./a",
          "allow chown: /bin/chown nova /var/lib/nova/a", NULL },
        { "d2_a_neighbour_with_a_longer_name_is_outside", CHOWN, "chown nova /var/lib/nova-evil",
          NO " D2", "allow chown: /bin/chown nova /var/lib/nova-evil" },
        { "a_link_is_resolved_before_it_is_compared", CHOWN, "chown nova /home/link/a",
          "allow chown: /bin/chown nova /var/lib/nova/a", NULL },
        { "a_relative_path_starts_at_the_working_directory", CHOWN, "chown nova ../var/lib/nova/a",
          "allow chown: /bin/chown nova /var/lib/nova/a", NULL },
        { "a_loop_of_links_is_outside", CHOWN, "chown nova /home/loop", NO, NULL },
        { "a_fixed_argument_must_be_equal", CHOWN, "chown root /var/lib/nova", NO, NULL },
        { "pass_takes_any_argument", "p: PathFilter, ls, root, pass\n", "ls /etc/shadow",
          "allow p: /bin/ls /etc/shadow", NULL },
        { "as_many_arguments_as_constraints_are_wanted", CHOWN, "chown nova", NO, NULL },
        { "a_path_filter_without_constraints_never_matches", "p: PathFilter, ls, root\n", "ls", NO,
          NULL },
        { "a_constraint_with_a_final_slash_refuses_the_directory",
          "p: PathFilter, ls, root, /var/lib/\n", "ls /var/lib", NO, NULL },
        { "such_a_constraint_takes_what_is_below", "p: PathFilter, ls, root, /var/lib/\n",
          "ls /var/lib/a", "allow p: /bin/ls /var/lib/a", NULL },

        /* EnvFilter */
        { "variables_are_set_for_the_program", LC, "env LC_ALL=C ls -l",
          "allow lc: LC_ALL=C | /bin/ls -l", NULL },
        { "the_leading_env_may_be_missing", LC, "LC_ALL=C ls", "allow lc: LC_ALL=C | /bin/ls",
          NULL },
        { "all_variables_of_the_filter_are_wanted", AB, "env A=1 ls", NO, NULL },
        { "no_others_are_taken", LC, "env LC_ALL=C LD_PRELOAD=x ls", NO, NULL },
        { "their_order_is_free", AB, "env B=1 A=2 ls", "allow ab: B=1 A=2 | /bin/ls", NULL },
        { "no_variable_is_no_match", LC, "env ls", NO, NULL },
        { "the_command_behind_must_be_the_filters", LC, "env LC_ALL=C cat", NO, NULL },
        { "the_command_may_not_be_missing", LC, "env LC_ALL=C", NO, NULL },
        { "d17_a_value_of_the_filter_is_compared", LC, "env LC_ALL=x ls", NO " D17",
          "allow lc: LC_ALL=x | /bin/ls" },
        { "d17_an_empty_value_is_not_the_filters", LC, "env LC_ALL= ls", NO " D17",
          "allow lc: | /bin/ls" },
        { "d17_an_empty_value_is_set", AB, "env A= B=1 ls", "allow ab: A= B=1 | /bin/ls",
          "allow ab: B=1 | /bin/ls" },
        { "d17_env_is_more_than_a_part_of_a_name", "e: EnvFilter, /bin/envoy, root, A=, ls\n",
          "A=1 ls", NO " D17", "allow e: A=1 | /bin/ls" },
        { "an_env_with_a_path_is_an_env", "e: EnvFilter, /usr/bin/env, root, A=, ls\n", "A=1 ls",
          "allow e: A=1 | /bin/ls", NULL },
        { "a_filter_may_name_the_program_in_the_place_of_env", "e: EnvFilter, ls, root, A=\n",
          "env A=1 ls", "allow e: A=1 | /bin/ls", NULL },
        { "d17_a_filter_that_is_tried_takes_no_env_off", OTHER LS, "env ls", NO " D17",
          "allow ls: /bin/ls" },
        { "d17_nor_does_it_where_it_is_asked_for_the_same_command",
          "x: EnvFilter, env, root, X=, ls\n" LS, "env X= X= ls", NO, NULL },
        { "an_env_taken_off_denies_in_both_modes", LC "env: CommandFilter, env, root\n",
          "env LC_ALL=C cat", NO, NULL },
        { "an_env_filter_behind_another_matches", OTHER LC, "env LC_ALL=C ls",
          "allow lc: LC_ALL=C | /bin/ls", NULL },

        /* ReadFileFilter */
        { "a_file_may_be_read", "f: ReadFileFilter, /etc/x\n", "cat /etc/x",
          "allow f: /bin/cat /etc/x", NULL },
        { "another_file_may_not", "f: ReadFileFilter, /etc/x\n", "cat /etc/xy", NO, NULL },
        { "nor_with_an_option", "f: ReadFileFilter, /etc/x\n", "cat -A /etc/x", NO, NULL },
        { "nor_by_a_path", "f: ReadFileFilter, /etc/x\n", "/bin/cat /etc/x", NO, NULL },

        /* KillFilter */
        { "a_process_of_the_program_is_signalled", KILL, "kill -9 12",
          "allow k: /bin/kill -9 12 (9)", "allow k: /bin/kill -9 12" },
        { "a_signal_that_is_not_listed_is_denied", KILL, "kill -TERM 12", NO, NULL },
        { "a_listed_signal_is_wanted", KILL, "kill 12", NO, NULL },
        { "without_a_list_none_is_given", KILL0, "kill 12", "allow k: /bin/kill 12 (15)",
          "allow k: /bin/kill 12" },
        { "without_a_list_none_may_be_given", KILL0, "kill -9 12", NO, NULL },
        { "two_processes_are_too_many", KILL, "kill -9 12 13", NO, NULL },
        { "a_process_that_is_not_there_is_denied", KILL, "kill -9 99", NO, NULL },
        { "a_process_without_a_program_is_denied", KILL, "kill -9 20", NO, NULL },
        { "the_own_group_is_no_process", KILL, "kill -9 0", NO, NULL },
        { "another_group_is_no_process", KILL, "kill -9 -12", NO, NULL },
        { "a_deleted_program_that_is_there_again_counts", KILL, "kill -HUP 13",
          "allow k: /bin/kill -HUP 13 (1)", "allow k: /bin/kill -HUP 13" },
        { "a_package_upgrade_leaves_the_directory_and_the_name", KILL, "kill -9 14",
          "allow k: /bin/kill -9 14 (9)", "allow k: /bin/kill -9 14" },
        { "d18_a_process_does_not_choose_its_program", KILL, "kill -9 15", NO " D18",
          "allow k: /bin/kill -9 15" },
        { "d18_a_number_has_digits_only", KILL, "kill -9 1_2", NO " D18",
          "allow k: /bin/kill -9 1_2" },
        { "d18_a_signal_must_be_one", KILL, "kill -FOO 12", NO " D18",
          "allow k: /bin/kill -FOO 12" },
        { "d18_no_signal_is_sent_through_another_command", NICE KILL0, "ionice -c1 kill 12",
          NO " D18", "allow nice > k: /usr/bin/ionice -c1 kill 12" },
        { "a_command_line_that_is_no_text_stops_all", KILL "x: CommandFilter, kill, root\n",
          "kill -9 16", NO, NULL },
        { "a_command_line_without_end_stops_all", KILL "x: CommandFilter, kill, root\n",
          "kill -9 19", NO, NULL },
        { "a_command_line_that_is_gone_is_a_plain_no", KILL "x: CommandFilter, kill, root\n",
          "kill -9 17", "allow x: /bin/kill -9 17", NULL },
        { "a_name_that_is_nowhere_is_a_plain_no", KILL "x: CommandFilter, kill, root\n",
          "kill -9 18", "allow x: /bin/kill -9 18", NULL },
        { "a_filter_without_a_program_stops_all",
          "k: KillFilter, root\nx: CommandFilter, kill, root\n", "kill 12", NO, NULL },
        { "a_program_by_name_must_lie_on_the_search_path", KILL0, "kill 21", NO, NULL },
        { "a_program_by_path_need_not", "k: KillFilter, root, /opt/tools/dnsmasq\n", "kill 21",
          "allow k: /bin/kill 21 (15)", "allow k: /bin/kill 21" },

        /* IpFilter */
        { "ip_may_do_what_runs_nothing", IP, "ip link set lo up",
          "allow ip: /sbin/ip link set lo up", NULL },
        { "ip_may_list_namespaces", IP, "ip netns list", "allow ip: /sbin/ip netns list", NULL },
        { "ip_may_not_run_in_a_namespace", IP, "ip netns exec n ls", NO, NULL },
        { "nor_by_an_abbreviation", IP, "ip net e n ls", NO, NULL },
        { "ip_by_its_path_is_another_command", IP, "/sbin/ip link", NO, NULL },
        { "d3_nor_by_a_shorter_one", IP, "ip ne e n ls", NO " D3", "allow ip: /sbin/ip ne e n ls" },
        { "d3_nor_behind_an_option_of_that_name", IP, "ip -n netns netns exec n ls", NO " D3",
          "allow ip: /sbin/ip -n netns netns exec n ls" },
        { "d3_nor_in_a_vrf", IP, "ip vrf exec red ls", NO " D3",
          "allow ip: /sbin/ip vrf exec red ls" },
        { "d3_nor_from_a_file", IP, "ip -b /tmp/x", NO " D3", "allow ip: /sbin/ip -b /tmp/x" },
        { "d3_nor_from_a_file_by_a_long_option", IP, "ip -4 --batch /tmp/x", NO " D3",
          "allow ip: /sbin/ip -4 --batch /tmp/x" },
        { "d3_an_unknown_option_is_refused", IP, "ip -zzz link", NO " D3",
          "allow ip: /sbin/ip -zzz link" },
        { "an_option_may_take_a_word", IP, "ip -family inet link",
          "allow ip: /sbin/ip -family inet link", NULL },
        { "a_colour_may_be_given", IP, "ip -c=always link", "allow ip: /sbin/ip -c=always link",
          NULL },

        /* chaining */
        { "an_inner_command_needs_its_own_filter", NETNS, "ip netns exec n ls", NO, NULL },
        { "an_inner_command_is_resolved", NETNS LS, "ip netns exec n ls -l",
          "allow netns > ls: /sbin/ip netns exec n /bin/ls -l",
          "allow netns > ls: /sbin/ip netns exec n ls -l" },
        { "an_inner_filter_may_stand_before", LS NETNS, "ip net e n ls",
          "allow netns > ls: /sbin/ip net e n /bin/ls", "allow netns > ls: /sbin/ip net e n ls" },
        { "an_inner_command_may_be_the_path_that_runs", NETNS LS, "ip netns exec n /bin/ls",
          "allow netns > ls: /sbin/ip netns exec n /bin/ls", NULL },
        { "d1_an_inner_command_by_another_path_is_refused", NETNS LS, "ip netns exec n /tmp/ls",
          NO " D1", "allow netns > ls: /sbin/ip netns exec n /tmp/ls" },
        { "an_inner_filter_of_another_user_is_not_asked", NETNS "ls: CommandFilter, ls, nova\n",
          "ip netns exec n ls", NO, NULL },
        { "a_chain_in_a_chain_is_denied", NETNS NICE LS, "ip netns exec n ionice -c1 ls", NO,
          NULL },
        { "nothing_behind_it_is_denied", NETNS LS, "ip netns exec n", NO, NULL },
        { "a_namespace_filter_runs_as_root_only",
          "netns: IpNetnsExecFilter, ip, nova\nls: CommandFilter, ls, nova\n", "ip netns exec n ls",
          NO, NULL },
        { "a_plain_chaining_filter_never_matches", "c: ChainingFilter, ionice, root\n" LS,
          "ionice ls", NO, NULL },
        { "an_inner_program_that_is_not_there_denies", NETNS "x: CommandFilter, gone, root\n",
          "ip netns exec n gone", NO, "unauthorized" },
        { "an_outer_program_that_is_not_there_is_named",
          "c: ChainingRegExpFilter, gone, root, ionice\n" LS, "ionice ls", "not_executable c",
          NULL },
        { "expressions_may_name_the_outer_command", NICE LS, "ionice -c3 ls",
          "allow nice > ls: /usr/bin/ionice -c3 /bin/ls",
          "allow nice > ls: /usr/bin/ionice -c3 ls" },
        { "d6_they_match_whole_words", NICE LS, "ionice -c3\n ls", NO " D6",
          "allow nice > ls: /usr/bin/ionice -c3\n ls" },
        { "fewer_words_than_expressions_are_denied", NICE LS, "ionice", NO, NULL },
        { "an_env_in_a_chain_is_resolved_too",
          NETNS OTHER "dns: EnvFilter, env, root, PROCESS_TAG=, dnsmasq\n",
          "ip netns exec n env PROCESS_TAG=x dnsmasq -k",
          "allow netns > dns: /sbin/ip netns exec n /usr/bin/env PROCESS_TAG=x "
          "/usr/bin/dnsmasq -k",
          "allow netns > dns: /sbin/ip netns exec n env PROCESS_TAG=x dnsmasq -k" },
        { "d1_variables_in_a_chain_need_their_env", NETNS LC, "ip netns exec n LC_ALL=C ls",
          NO " D1", "allow netns > lc: /sbin/ip netns exec n LC_ALL=C ls" },
        { "d1_an_env_by_another_path_is_refused", NETNS LC, "ip netns exec n /tmp/env LC_ALL=C ls",
          NO " D1", "allow netns > lc: /sbin/ip netns exec n /tmp/env LC_ALL=C ls" },
        { "d17_holds_in_a_chain", NETNS LC, "ip netns exec n env LC_ALL=x ls", NO " D17",
          "allow netns > lc: /sbin/ip netns exec n env LC_ALL=x ls" },
        { "d2_holds_in_a_chain", NETNS CHOWN, "ip netns exec n chown nova /var/lib/nova-evil",
          NO " D2", "allow netns > chown: /sbin/ip netns exec n chown nova /var/lib/nova-evil" },
        { "a_path_in_a_chain_is_resolved", NETNS CHOWN, "ip netns exec n chown nova /home/link",
          "allow netns > chown: /sbin/ip netns exec n /bin/chown nova /var/lib/nova",
          "allow netns > chown: /sbin/ip netns exec n chown nova /home/link" },

        /* the implicit filter */
        { "privsep_with_its_own_options_is_allowed", "", "privsep-helper" PRIV,
          "allow privsep-helper: /usr/bin/privsep-helper" PRIV, NULL },
        { "privsep_with_configuration_is_allowed", "",
          "privsep-helper --config-file /etc/a --config-dir /etc/b" PRIV,
          "allow privsep-helper: /usr/bin/privsep-helper --config-file /etc/a --config-dir "
          "/etc/b" PRIV,
          NULL },
        { "d0_privsep_without_options_is_refused", "", "privsep-helper", NO " D0",
          "allow privsep-helper: /usr/bin/privsep-helper" },
        { "d0_another_option_is_refused", "", "privsep-helper --log-file /x" PRIV, NO " D0",
          "allow privsep-helper: /usr/bin/privsep-helper --log-file /x" PRIV },
        { "d0_a_path_that_climbs_is_refused", "", "privsep-helper --config-file /a/../b" PRIV,
          NO " D0", "allow privsep-helper: /usr/bin/privsep-helper --config-file /a/../b" PRIV },
        { "d0_a_relative_path_is_refused", "", "privsep-helper --config-file a" PRIV, NO " D0",
          "allow privsep-helper: /usr/bin/privsep-helper --config-file a" PRIV },
        { "d0_a_second_context_is_refused", "", "privsep-helper --privsep_context c" PRIV, NO " D0",
          "allow privsep-helper: /usr/bin/privsep-helper --privsep_context c" PRIV },
        { "d0_a_context_is_a_dotted_name", "",
          "privsep-helper --privsep_sock_path /s --privsep_context a..b", NO " D0",
          "allow privsep-helper: /usr/bin/privsep-helper --privsep_sock_path /s "
          "--privsep_context a..b" },
        { "d0_an_option_without_a_value_is_refused", "", "privsep-helper" PRIV " --config-file",
          NO " D0", "allow privsep-helper: /usr/bin/privsep-helper" PRIV " --config-file" },
};

static void put_words(struct text *out, const char *const *words)
{
        for (; *words; words++)
                text_printf(out, " %s", *words);
}

/* Says in a sentence what was decided. */
static void describe(const struct decision *decision, unsigned int flags, struct text *out)
{
        unsigned int rules = flags & DECISION_DIAGNOSE ? decision->rules : 0;

        text_put_string(out, verdict_name(decision->verdict));
        if (decision->filter)
                text_printf(out, " %s", decision->filter->name);
        if (decision->inner)
                text_printf(out, " > %s", decision->inner->name);
        if (decision->verdict == VERDICT_ALLOW) {
                text_put_char(out, ':');
                if (decision->command.env) {
                        put_words(out, decision->command.env);
                        text_put_string(out, " |");
                }
                put_words(out, decision->command.argv);
                if (decision->pidfd >= 0)
                        text_printf(out, " (%d)", decision->signal);
                return;
        }
        while (rules)
                text_printf(out, " %s", rule_id(rule_next(&rules)));
}

/* The words of a command; @words has room for all of them. */
static void split(char *command, const char **words)
{
        char *word;

        while (*command && (word = strsep(&command, " "))) {
                *words++ = word;
                if (!command)
                        break;
                if (!*command) { /* a blank at the end: an empty word */
                        *words++ = command;
                        break;
                }
        }
        *words = NULL;
}

static void expect(const struct policy *policy,
                   const char *command,
                   unsigned int flags,
                   const char *want)
{
        cleanup_text struct text said = { 0 };
        char *copy = strdup(command);
        struct decision decision;
        struct machine machine;
        const char *words[32];

        assert_non_null(copy);
        split(copy, words);
        machine_init(&machine, files, processes);
        assert_int_equal(decision_make(&decision, policy, &machine.system, words, flags), 0);
        describe(&decision, flags, &said);
        assert_string_equal(text_get(&said), want);
        decision_deinit(&decision);
        assert_int_equal(decision.verdict, VERDICT_UNAUTHORIZED);
        free(copy);
}

static void open_with(struct test_policy *test, bool oslo_compat, const char *filters)
{
        cleanup_text struct text file = { 0 };

        text_printf(&file, "[Filters]\n%s", filters);
        test_policy_open(test, oslo_compat);
        test_policy_write(test, "a.filters", text_get(&file), file.n_bytes);
        assert_int_equal(test_policy_load(test), 0);
}

/* Without the rules behind a verdict, which are found out with DECISION_DIAGNOSE only. */
static void expect_bare(const struct policy *policy, const char *command, const char *want)
{
        bool is_refusal = strncmp(want, NO, strlen(NO)) == 0;

        expect(policy, command, 0, is_refusal ? NO : want);
}

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        const char *oslo = row->oslo ? row->oslo : row->by_default;
        struct test_policy test;

        open_with(&test, false, row->filters);
        expect(&test.policy, row->command, DECISION_DIAGNOSE, row->by_default);
        expect_bare(&test.policy, row->command, row->by_default);
        expect(&test.policy, row->command, DECISION_HYPOTHETICAL, oslo);
        test_policy_close(&test);

        open_with(&test, true, row->filters);
        expect(&test.policy, row->command, DECISION_DIAGNOSE, oslo);
        expect(&test.policy, row->command, 0, oslo);
        test_policy_close(&test);
}

static void privsep_may_be_off(void **state)
{
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        test.settings.implicit_privsep = IMPLICIT_PRIVSEP_OFF;
        assert_int_equal(test_policy_load(&test), 0);
        expect(&test.policy, "privsep-helper" PRIV, DECISION_DIAGNOSE, NO);
        test_policy_close(&test);
}

static void privsep_may_be_as_in_oslo(void **state)
{
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        test.settings.implicit_privsep = IMPLICIT_PRIVSEP_ANY;
        assert_int_equal(test_policy_load(&test), 0);
        expect(&test.policy, "privsep-helper --x", DECISION_DIAGNOSE,
               "allow privsep-helper: /usr/bin/privsep-helper --x");
        test_policy_close(&test);
}

static void each_refusal_has_its_reason(void **state)
{
        static const char *const argv[] = { "ls", "-lx", NULL };
        struct test_policy test;
        struct decision decision;
        struct machine machine;

        (void)state;
        open_with(&test, false,
                  "r: RegExpFilter, ls, root, ls, -l|-a\n"
                  "s: RegExpFilter, ls, root, ls, -z\n");
        machine_init(&machine, files, processes);
        assert_int_equal(
                decision_make(&decision, &test.policy, &machine.system, argv, DECISION_DIAGNOSE),
                0);
        assert_int_equal(decision.n_reasons, 2);
        assert_string_equal(decision.reasons[0].filter->name, "r");
        assert_int_equal(decision.reasons[0].rules, RULE_WHOLE);
        assert_string_equal(decision.reasons[0].text,
                            "only a part of argument 1, \"-lx\", matches \"-l|-a\"");
        assert_string_equal(decision.reasons[1].text, "argument 1, \"-lx\", does not match \"-z\"");
        assert_int_equal(decision.reasons[1].rules, 0);
        decision_deinit(&decision);
        test_policy_close(&test);
}

static void a_limit_of_an_expression_denies_and_is_noted(void **state)
{
        static const char *const argv[] = { "ls", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                            NULL };
        struct test_policy test;
        struct decision decision;
        struct machine machine;

        (void)state;
        open_with(&test, false, "r: RegExpFilter, ls, root, ls, (a+)+b\n");
        machine_init(&machine, files, processes);
        assert_int_equal(
                decision_make(&decision, &test.policy, &machine.system, argv, DECISION_DIAGNOSE),
                0);
        assert_int_equal(decision.verdict, VERDICT_UNAUTHORIZED);
        assert_true(decision.limit);
        decision_deinit(&decision);
        test_policy_close(&test);
}

static void a_working_directory_that_is_gone_stops_all(void **state)
{
        static const char *const argv[] = { "chown", "nova", "x", NULL };
        struct test_policy test;
        struct decision decision;
        struct machine machine;

        (void)state;
        open_with(&test, false, CHOWN);
        machine_init(&machine, files, processes);
        machine.cwd = NULL;
        assert_int_equal(decision_make(&decision, &test.policy, &machine.system, argv, 0), 0);
        assert_int_equal(decision.verdict, VERDICT_UNAUTHORIZED);
        decision_deinit(&decision);
        test_policy_close(&test);
}

static void a_configuration_that_others_can_write_is_warned_of(void **state)
{
        static const struct machine_file shared[] = {
                { "/usr/bin/privsep-helper", MACHINE_PROGRAM, NULL },
                { "/tmp/conf", S_IFREG | 0666, NULL },
                { NULL, 0, NULL },
        };
        static const char *const argv[] = { "privsep-helper",
                                            "--config-file",
                                            "/tmp/conf",
                                            "--privsep_context",
                                            "a",
                                            "--privsep_sock_path",
                                            "/s",
                                            NULL };
        struct test_policy test;
        struct decision decision;
        struct machine machine;

        (void)state;
        open_with(&test, false, "");
        machine_init(&machine, shared, NULL);
        assert_int_equal(decision_make(&decision, &test.policy, &machine.system, argv, 0), 0);
        assert_int_equal(decision.verdict, VERDICT_ALLOW);
        assert_string_equal(text_get(&decision.warning),
                            "privsep-helper is given \"/tmp/conf\", which is writable by "
                            "everybody");
        decision_deinit(&decision);
        test_policy_close(&test);
}

/* Return: what decision_make() says of `ls` and @n_more times @word */
static int ask_many(const struct policy *policy, size_t n_more, const char *word, size_t n_last)
{
        const char **argv = calloc(n_more + 3, sizeof(char *));
        char *last = malloc(n_last + 1);
        struct decision decision;
        struct machine machine;
        enum verdict want;
        size_t i;
        int r;

        assert_non_null(argv);
        assert_non_null(last);
        memset(last, 'a', n_last);
        last[n_last] = '\0';
        argv[0] = "ls";
        for (i = 0; i < n_more; i++)
                argv[i + 1] = word;
        if (n_last)
                argv[n_more + 1] = last;
        machine_init(&machine, files, processes);
        r = decision_make(&decision, policy, &machine.system, argv, 0);
        want = r ? VERDICT_UNAUTHORIZED : VERDICT_ALLOW;
        assert_int_equal(decision.verdict, want);
        decision_deinit(&decision);
        free(last);
        free(argv);
        return r;
}

static void a_command_has_a_largest_number_of_words(void **state)
{
        struct test_policy test;

        (void)state;
        open_with(&test, false, LS);
        assert_int_equal(ask_many(&test.policy, DECISION_ARGS_MAX, "a", 0), -E2BIG);
        assert_int_equal(ask_many(&test.policy, DECISION_ARGS_MAX - 1, "a", 0), 0);
        test_policy_close(&test);
}

static void a_command_has_a_largest_number_of_bytes(void **state)
{
        const size_t n_room = DECISION_BYTES_MAX - sizeof("ls") - 1;
        struct test_policy test;

        (void)state;
        open_with(&test, false, LS);
        assert_int_equal(ask_many(&test.policy, 0, "", n_room + 1), -E2BIG);
        assert_int_equal(ask_many(&test.policy, 0, "", n_room), 0);
        test_policy_close(&test);
}

/* An EnvFilter of @n variables, and a command with the same. */
static enum verdict ask_variables(size_t n)
{
        cleanup_text struct text filter = { 0 };
        const char **argv = calloc(n + 3, sizeof(char *));
        char(*words)[16] = calloc(n, sizeof(*words));
        struct test_policy test;
        struct decision decision;
        struct machine machine;
        enum verdict verdict;
        size_t i;

        assert_non_null(argv);
        assert_non_null(words);
        text_put_string(&filter, "many: EnvFilter, env, root");
        argv[0] = "env";
        for (i = 0; i < n; i++) {
                (void)snprintf(words[i], sizeof(words[i]), "V%zu=", i);
                text_printf(&filter, ", %s", words[i]);
                argv[i + 1] = words[i];
        }
        argv[n + 1] = "ls";
        text_put_string(&filter, ", ls\n");
        open_with(&test, false, text_get(&filter));
        machine_init(&machine, files, processes);
        assert_int_equal(decision_make(&decision, &test.policy, &machine.system, argv, 0), 0);
        verdict = decision.verdict;
        decision_deinit(&decision);
        test_policy_close(&test);
        free(words);
        free(argv);
        return verdict;
}

static void a_command_has_a_largest_number_of_variables(void **state)
{
        (void)state;
        assert_int_equal(ask_variables(INDEX_VARIABLES_MAX + 1), VERDICT_UNAUTHORIZED);
        assert_int_equal(ask_variables(INDEX_VARIABLES_MAX), VERDICT_ALLOW);
}

static void verdicts_have_names_and_exit_codes(void **state)
{
        (void)state;
        assert_string_equal(verdict_name((enum verdict)0), "unauthorized");
        assert_int_equal(verdict_exit_code((enum verdict)0), 99);
        assert_string_equal(verdict_name(VERDICT_UNAUTHORIZED), "unauthorized");
        assert_int_equal(verdict_exit_code(VERDICT_UNAUTHORIZED), 99);
        assert_string_equal(verdict_name(VERDICT_NOT_EXECUTABLE), "not_executable");
        assert_int_equal(verdict_exit_code(VERDICT_NOT_EXECUTABLE), 96);
        assert_string_equal(verdict_name(VERDICT_ALLOW), "allow");
        assert_int_equal(verdict_exit_code(VERDICT_ALLOW), 0);
}

/* allocation failures */

static size_t n_allocations;
static size_t fails_at; /* the number of the allocation that fails, SIZE_MAX: none */

void *__real_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__real_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__real_calloc(size_t n, size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
        if (n_allocations++ == fails_at)
                return MAP_FAILED;
        return __real_mmap64(address, n, protection, flags, fd, offset);
}

void *__wrap_realloc(void *old, size_t n)
{
        return n_allocations++ == fails_at ? NULL : __real_realloc(old, n);
}

void *__wrap_calloc(size_t n, size_t n_bytes)
{
        return n_allocations++ == fails_at ? NULL : __real_calloc(n, n_bytes);
}

void *__wrap_malloc(size_t n)
{
        return n_allocations++ == fails_at ? NULL : __real_malloc(n);
}

static struct {
        const char *name;
        const char *filters;
        const char *argv[9]; /* "*" stands for a word that no first block of memory holds */
        enum verdict verdict;
        unsigned int flags;
} memory_rows[] = {
        { "without_memory_a_denied_command_stays_denied",
          "r: RegExpFilter, ls, root, ls, b\n",
          { "ls", "*" },
          VERDICT_UNAUTHORIZED,
          0 },
        { "without_memory_no_expression_matches",
          "r: RegExpFilter, ls, root, l[s], b|a.*\n",
          { "ls", "*" },
          VERDICT_ALLOW,
          0 },
        { "without_memory_no_path_matches",
          CHOWN,
          { "chown", "nova", "/home/link/*" },
          VERDICT_ALLOW,
          0 },
        { "without_memory_no_later_filter_decides",
          CHOWN "x: RegExpFilter, chown, root, .*, .*, .*\n",
          { "chown", "nova", "../var/lib/nova" },
          VERDICT_ALLOW,
          0 },
        { "without_memory_no_chain_is_followed",
          NETNS OTHER LC,
          { "ip", "netns", "exec", "n", "env", "LC_ALL=C", "ls", "*" },
          VERDICT_ALLOW,
          0 },
        { "without_memory_no_signal_is_sent", KILL, { "kill", "-9", "12" }, VERDICT_ALLOW, 0 },
        { "without_memory_a_diagnosis_may_be_short_but_is_right",
          OTHER NETNS "r: RegExpFilter, ls, root, ls, a|b\n" LS,
          { "env", "ls", "*" },
          VERDICT_UNAUTHORIZED,
          DECISION_DIAGNOSE },
};

/* Loads and decides while one allocation fails. Return: was there one of that number? */
static bool fail_once(const typeof(memory_rows[0]) *row,
                      struct test_policy *test,
                      const char *const *argv,
                      size_t number)
{
        enum verdict verdict = VERDICT_UNAUTHORIZED;
        struct decision decision;
        struct machine machine;
        bool has_failed;
        int r;

        machine_init(&machine, files, processes);
        n_allocations = 0;
        fails_at = number;
        r = test_policy_load(test);
        if (!r) {
                r = decision_make(&decision, &test->policy, &machine.system, argv, row->flags);
                verdict = decision.verdict;
                decision_deinit(&decision);
        }
        has_failed = n_allocations > number;
        fails_at = SIZE_MAX;
        test_policy_unload(test);

        if (!has_failed || (r == 0 && row->flags & DECISION_DIAGNOSE)) {
                assert_int_equal(r, 0);
                assert_int_equal(verdict, row->verdict);
        } else {
                assert_int_equal(r, -ENOMEM);
                assert_int_equal(verdict, VERDICT_UNAUTHORIZED);
        }
        return has_failed;
}

static void run_memory_row(void **state)
{
        const typeof(memory_rows[0]) *row = *state;
        const char *argv[ARRAY_SIZE(row->argv) + 1] = { NULL };
        static char long_word[20000];
        struct test_policy test;
        size_t i;

        memset(long_word, 'a', sizeof(long_word) - 1);
        for (i = 0; i < ARRAY_SIZE(row->argv) && row->argv[i]; i++)
                argv[i] = strcmp(row->argv[i], "*") == 0 ? long_word : row->argv[i];
        open_with(&test, false, row->filters);
        test_policy_unload(&test);
        for (i = 0; fail_once(row, &test, argv, i); i++)
                ;
        assert_true(i >= 3);
        test_policy_close(&test);
}

int main(void)
{
        struct test_set set = { 0 };

        fails_at = SIZE_MAX;
        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, privsep_may_be_off);
        test_set_add_test(&set, privsep_may_be_as_in_oslo);
        test_set_add_test(&set, each_refusal_has_its_reason);
        test_set_add_test(&set, a_limit_of_an_expression_denies_and_is_noted);
        test_set_add_test(&set, a_working_directory_that_is_gone_stops_all);
        test_set_add_test(&set, a_configuration_that_others_can_write_is_warned_of);
        test_set_add_test(&set, a_command_has_a_largest_number_of_words);
        test_set_add_test(&set, a_command_has_a_largest_number_of_bytes);
        test_set_add_test(&set, a_command_has_a_largest_number_of_variables);
        test_set_add_test(&set, verdicts_have_names_and_exit_codes);
        test_set_add_rows(&set, memory_rows, run_memory_row);
        return test_set_run(&set, "decision");
}
