/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IpFilter: `ip` with anything but what makes it run another program. oslo.rootwrap looks for a
 * first `netns` with `exec` behind it. By our rule the words are read as ip(8) reads them: options
 * first, which may be abbreviated and may take a word, then the object and its command, abbreviated
 * too. An option that is not known here is refused, since what follows it might be its word.
 */
#include <string.h>

#include "policy/filter.h"

/* ip(8)'s options in the order in which ip.c compares them: the first that fits counts. */
static const struct ip_option {
        const char *name;
        bool is_exact;
        bool takes_word;
        bool runs_commands;
} options[] = {
        { .name = "loops", .takes_word = true },
        { .name = "family", .takes_word = true },
        { .name = "4", .is_exact = true },
        { .name = "6", .is_exact = true },
        { .name = "0", .is_exact = true },
        { .name = "M", .is_exact = true },
        { .name = "B", .is_exact = true },
        { .name = "human" },
        { .name = "human-readable" },
        { .name = "iec" },
        { .name = "stats" },
        { .name = "statistics" },
        { .name = "details" },
        { .name = "resolve" },
        { .name = "oneline" },
        { .name = "timestamp" },
        { .name = "tshort" },
        { .name = "Version" },
        { .name = "force" },
        { .name = "batch", .runs_commands = true },
        { .name = "brief" },
        { .name = "json" },
        { .name = "pretty" },
        { .name = "rcvbuf", .takes_word = true },
        { .name = "color" },
        { .name = "help" },
        { .name = "netns", .takes_word = true },
        { .name = "Numeric" },
        { .name = "all" },
        { .name = "echo" },
};

/* utils.c of iproute2, matches(): is @word, which is not empty, the beginning of @name? */
static bool begins(const char *word, size_t n_word, const char *name)
{
        return n_word && n_word <= strlen(name) && memcmp(word, name, n_word) == 0;
}

static const struct ip_option *find_option(const char *word)
{
        size_t n = strlen(word);
        size_t i;

        if (strncmp(word, "c", 1) == 0) /* -color=always */
                n = strcspn(word, "=");
        for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
                const struct ip_option *option = &options[i];

                if (option->is_exact ? strcmp(option->name, word) == 0
                                     : begins(word, n, option->name))
                        return option;
        }
        return NULL;
}

/* oslo.rootwrap's own test. */
static bool oslo_accepts(struct words words)
{
        static const char *const netns[] = { "net", "netn", "netns" };
        static const char *const exec[] = { "e", "ex", "exe", "exec" };
        size_t i;
        size_t k;

        for (i = 1; i + 1 < words.n; i++) {
                for (k = 0; k < 3 && !word_is(&words.v[i], netns[k]); k++)
                        ;
                if (k == 3)
                        continue;
                for (k = 0; k < 4; k++)
                        if (word_is(&words.v[i + 1], exec[k]))
                                return false;
                return true;
        }
        return true;
}

/* Walks over the options. Return: FILTER_YES and the number of the object's word */
static enum filter_answer skip_options(struct query *query, struct words words, size_t *ret_object)
{
        size_t i;

        for (i = 1; i < words.n; i++) {
                const char *word = words.v[i].text;
                const struct ip_option *option;

                if (word[0] != '-')
                        break;
                if (strcmp(word, "--") == 0) {
                        i++;
                        break;
                }
                option = find_option(word + (word[1] == '-' ? 2 : 1));
                if (!option)
                        return filter_refuse(query, RULE_IP,
                                             "\"%s\" is not an option of ip that is known", word);
                if (option->runs_commands)
                        return filter_refuse(query, RULE_IP,
                                             "\"%s\" makes ip read commands from a file", word);
                i += option->takes_word;
        }
        *ret_object = i;
        return FILTER_YES;
}

static enum filter_answer check_rule(struct query *query, struct words words)
{
        const struct word *object;
        const struct word *command;
        size_t i = 0;

        if (skip_options(query, words, &i) != FILTER_YES)
                return FILTER_NO;
        if (i >= words.n || words.n - i < 2)
                return FILTER_YES;

        object = &words.v[i];
        command = &words.v[i + 1];
        if (begins(command->text, command->n_text, "exec") &&
            (begins(object->text, object->n_text, "netns") ||
             begins(object->text, object->n_text, "vrf")))
                return filter_refuse(query, RULE_IP, "\"%s %s\" makes ip run another program",
                                     object->text, command->text);
        return FILTER_YES;
}

static int ip_name(const struct filter *filter, int (*add)(void *to, const char *key), void *to)
{
        (void)filter;
        return add(to, "ip");
}

static enum filter_answer ip_match(const struct filter *filter,
                                   struct query *query,
                                   struct words words)
{
        (void)filter;
        if (!words.n || !word_is(&words.v[0], "ip"))
                return filter_no(query, "the command is not \"ip\"");
        if (!oslo_accepts(words))
                return filter_no(query, "\"netns exec\" makes ip run another program");
        return query->oslo_compat ? FILTER_YES : check_rule(query, words);
}

const struct filter_class filter_ip = {
        .name = "IpFilter",
        .n_args_min = 2,
        .name_commands = ip_name,
        .match = ip_match,
        .command = filter_command_default,
};
