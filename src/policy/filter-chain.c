/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChainingFilter, IpNetnsExecFilter, ChainingRegExpFilter: commands that run another command, which
 * the other filters of the same user must accept by themselves. What becomes of the inner command
 * is decided in decision.c; here is only where it begins.
 */
#include <string.h>

#include "policy/filter.h"
#include "policy/pattern.h"

static enum filter_answer chaining_match(const struct filter *filter,
                                         struct query *query,
                                         struct words words)
{
        if (words.n && filter_names_command(filter, words.v[0].text))
                return FILTER_YES;
        return filter_no(query, "the command is not \"%s\"", filter->exec_path);
}

/* ChainingFilter knows of no inner command, so that it accepts none. */
static size_t chaining_n_outer(const struct filter *filter)
{
        (void)filter;
        return SIZE_MAX;
}

const struct filter_class filter_chaining = {
        .name = "ChainingFilter",
        .n_args_min = 2,
        .is_chaining = true,
        .match = chaining_match,
        .command = filter_command_default,
        .n_outer = chaining_n_outer,
};

/* `ip netns exec NAMESPACE` */
#define NETNS_EXEC_WORDS 4

static bool is_one_of(const struct word *word, const char *const *list)
{
        for (; *list; list++)
                if (word_is(word, *list))
                        return true;
        return false;
}

static int netns_name(const struct filter *filter, int (*add)(void *to, const char *key), void *to)
{
        (void)filter;
        return add(to, "ip");
}

static enum filter_answer netns_match(const struct filter *filter,
                                      struct query *query,
                                      struct words words)
{
        static const char *const netns[] = { "net", "netn", "netns", NULL };
        static const char *const exec[] = { "e", "ex", "exe", "exec", NULL };

        if (strcmp(filter->run_as, "root") != 0)
                return filter_no(query, "the filter does not run as root");
        if (words.n >= NETNS_EXEC_WORDS && word_is(&words.v[0], "ip") &&
            is_one_of(&words.v[1], netns) && is_one_of(&words.v[2], exec))
                return FILTER_YES;
        return filter_no(query, "it is not \"ip netns exec NAMESPACE ...\"");
}

static size_t netns_n_outer(const struct filter *filter)
{
        (void)filter;
        return NETNS_EXEC_WORDS;
}

const struct filter_class filter_ip_netns_exec = {
        .name = "IpNetnsExecFilter",
        .n_args_min = 2,
        .is_chaining = true,
        .name_commands = netns_name,
        .match = netns_match,
        .command = filter_command_default,
        .n_outer = netns_n_outer,
};

static enum filter_answer chaining_regexp_match(const struct filter *filter,
                                                struct query *query,
                                                struct words words)
{
        if (!words.n || filter->n_args > words.n)
                return filter_no(query,
                                 "it takes at least %zu words with the command, here are %zu",
                                 filter->n_args, words.n);
        return pattern_match_words(filter, query, words);
}

static size_t chaining_regexp_n_outer(const struct filter *filter)
{
        return filter->n_args;
}

const struct filter_class filter_chaining_regexp = {
        .name = "ChainingRegExpFilter",
        .n_args_min = 2,
        .is_chaining = true,
        .has_patterns = true,
        .name_commands = pattern_name,
        .match = chaining_regexp_match,
        .command = filter_command_default,
        .n_outer = chaining_regexp_n_outer,
};
