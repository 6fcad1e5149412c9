/* SPDX-License-Identifier: Apache-2.0 */
/* CommandFilter: a program by name or path, with any arguments. */
#include "policy/filter.h"

static enum filter_answer command_match(const struct filter *filter,
                                        struct query *query,
                                        struct words words)
{
        if (words.n && filter_names_command(filter, words.v[0].text))
                return FILTER_YES;
        return filter_no(query, "the command is not \"%s\"", filter->exec_path);
}

const struct filter_class filter_command = {
        .name = "CommandFilter",
        .n_args_min = 2,
        .match = command_match,
        .command = filter_command_default,
};
