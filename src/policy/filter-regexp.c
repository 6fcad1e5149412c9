/* SPDX-License-Identifier: Apache-2.0 */
/* RegExpFilter: as many words as expressions, each matched by its own. */
#include "policy/filter.h"
#include "policy/pattern.h"

static enum filter_answer regexp_match(const struct filter *filter,
                                       struct query *query,
                                       struct words words)
{
        if (!words.n || words.n != filter->n_args)
                return filter_no(query, "it takes %zu words with the command, here are %zu",
                                 filter->n_args, words.n);
        return pattern_match_words(filter, query, words);
}

const struct filter_class filter_regexp = {
        .name = "RegExpFilter",
        .n_args_min = 2,
        .has_patterns = true,
        .name_commands = pattern_name,
        .match = regexp_match,
        .command = filter_command_default,
};
