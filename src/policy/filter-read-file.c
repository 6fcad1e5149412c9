/* SPDX-License-Identifier: Apache-2.0 */
/* ReadFileFilter: `cat` of one file. */
#include "policy/filter.h"

static void read_file_prepare(struct filter *filter)
{
        filter->exec_path = "/bin/cat";
        filter->run_as = "root";
}

static int read_file_name(const struct filter *filter,
                          int (*add)(void *to, const char *key),
                          void *to)
{
        (void)filter;
        return add(to, "cat");
}

static enum filter_answer read_file_match(const struct filter *filter,
                                          struct query *query,
                                          struct words words)
{
        if (words.n == 2 && word_is(&words.v[0], "cat") && word_is(&words.v[1], filter->args[0]))
                return FILTER_YES;
        return filter_no(query, "it is not \"cat %s\"", filter->args[0]);
}

const struct filter_class filter_read_file = {
        .name = "ReadFileFilter",
        .n_args_min = 1,
        .prepare = read_file_prepare,
        .name_commands = read_file_name,
        .match = read_file_match,
        .command = filter_command_default,
};
