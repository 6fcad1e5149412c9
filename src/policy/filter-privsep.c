/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter for privsep-helper that is there without being written, since oslo.privsep starts its
 * daemon through rootwrap. It takes the words that oslo_privsep.daemon.RootwrapClientChannel and
 * oslo_privsep.priv_context pass, in any order, and no others.
 */
#include <string.h>

#include "config/source.h"
#include "policy/filter.h"
#include "policy/system.h"
#include "util/text.h"

struct privsep_words {
        unsigned int n_contexts;
        unsigned int n_sockets;
};

/* Absolute, and already what realpath(3) would make of its text: no `.`, `..`, `//`, final `/`. */
static bool is_canonical(const char *path)
{
        const char *name = path + 1;

        if (path[0] != '/' || !*name)
                return false;
        for (;;) {
                size_t n = strcspn(name, "/");

                if (n == 0 || (n == 1 && name[0] == '.') ||
                    (n == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                if (!name[n])
                        return true;
                name += n + 1;
        }
}

/* `os_brick.privileged.default`: names joined by dots. */
static bool is_dotted_name(const char *text)
{
        static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
        static const char rest[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

        for (;;) {
                if (!*text || !strchr(first, *text))
                        return false;
                text += strspn(text, rest);
                if (!*text)
                        return true;
                if (*text++ != '.')
                        return false;
        }
}

/* An option and its value. */
static bool take_pair(struct privsep_words *taken, const char *option, const char *value)
{
        if (strcmp(option, "--config-file") == 0 || strcmp(option, "--config-dir") == 0)
                return is_canonical(value);
        if (strcmp(option, "--privsep_context") == 0)
                return !taken->n_contexts++ && is_dotted_name(value);
        if (strcmp(option, "--privsep_sock_path") == 0)
                return !taken->n_sockets++ && is_canonical(value);
        return false;
}

static enum filter_answer check_rule(struct query *query, struct words words)
{
        struct privsep_words taken = { 0 };
        size_t i;

        for (i = 1; i < words.n; i += 2) {
                if (words.n - i < 2)
                        return filter_refuse(query, RULE_PRIVSEP, "\"%s\" has no value",
                                             words.v[i].text);
                if (!take_pair(&taken, words.v[i].text, words.v[i + 1].text))
                        return filter_refuse(query, RULE_PRIVSEP,
                                             "\"%s %s\" is not what oslo.privsep passes",
                                             words.v[i].text, words.v[i + 1].text);
        }
        if (taken.n_contexts != 1 || taken.n_sockets != 1)
                return filter_refuse(query, RULE_PRIVSEP,
                                     "--privsep_context and --privsep_sock_path are both wanted");
        return FILTER_YES;
}

/* Whoever writes a configuration file of privsep-helper has a say in what it does as root. */
static void warn(struct query *query, struct words words)
{
        struct stat st;
        size_t i;

        for (i = 1; i + 1 < words.n; i += 2) {
                const char *path = words.v[i + 1].text;
                const char *distrust;

                if (strncmp(words.v[i].text, "--config-", strlen("--config-")) != 0)
                        continue;
                if (query->system->stat(query->system, path, &st))
                        continue;
                distrust = source_distrust(&st);
                if (distrust && !query->warning->n_bytes)
                        text_printf(query->warning, "privsep-helper is given \"%s\", which is %s",
                                    path, distrust);
        }
}

static enum filter_answer privsep_match(const struct filter *filter,
                                        struct query *query,
                                        struct words words)
{
        if (!words.n || !filter_names_command(filter, words.v[0].text))
                return filter_no(query, "the command is not \"%s\"", filter->exec_path);
        if (query->hypothetical)
                return FILTER_YES;
        if (check_rule(query, words) != FILTER_YES)
                return FILTER_NO;
        if (query->warning)
                warn(query, words);
        return FILTER_YES;
}

const struct filter_class filter_privsep = {
        .name = "CommandFilter",
        .n_args_min = 2,
        .match = privsep_match,
        .command = filter_command_default,
};
