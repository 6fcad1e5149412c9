/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EnvFilter: `env A=1 B=2 PROGRAM ARG...`, with exactly the variables that the filter names. The
 * leading `env` may be missing. Outside of chains no `env` runs: the variables are set for the
 * program.
 */
#include <errno.h>
#include <string.h>

#include "policy/filter.h"
#include "util/arena.h"
#include "util/err.h"

/* How many words from the first on are variables. */
static size_t count_variables(struct words words)
{
        size_t n = 0;

        while (n < words.n && strchr(words.v[n].text, '='))
                n++;
        return n;
}

static bool same_name(const char *a, const char *b)
{
        size_t n = strcspn(a, "=");

        return strcspn(b, "=") == n && memcmp(a, b, n) == 0;
}

static bool is_among(const char *variable, const char *const *list, size_t n_list)
{
        size_t i;

        for (i = 0; i < n_list; i++)
                if (same_name(variable, list[i]))
                        return true;
        return false;
}

/* The filter's own variables, and what the program is: EnvFilter.__init__(). */
static void env_prepare(struct filter *filter)
{
        size_t i;

        while (filter->n_env < filter->n_args && strchr(filter->args[filter->n_env], '='))
                filter->n_env++;
        for (i = 0; i < filter->n_env; i++)
                filter->n_env_names += !is_among(filter->args[i], filter->args, i);
        filter->wrapper = filter->exec_path;
        if (strstr(filter->exec_path, "env") && filter->n_env_names < filter->n_args)
                filter->exec_path = filter->args[filter->n_env_names];
}

/* By our rule a value that the filter gives must be that value. */
static bool check_value(const struct filter *filter, const char *variable)
{
        const char *value = strchr(variable, '=') + 1;
        size_t i;

        for (i = 0; i < filter->n_env; i++) {
                const char *wanted = strchr(filter->args[i], '=') + 1;

                if (same_name(variable, filter->args[i]) &&
                    (!*wanted || strcmp(wanted, value) == 0))
                        return true;
        }
        return false;
}

/* How many different names the first @n words have; SIZE_MAX if one is not the filter's. */
static size_t count_names(const struct filter *filter, struct words words, size_t n)
{
        size_t n_names = 0;
        size_t i;
        size_t k;

        for (i = 0; i < n; i++) {
                if (!is_among(words.v[i].text, filter->args, filter->n_env))
                        return SIZE_MAX;
                for (k = 0; k < i; k++)
                        if (same_name(words.v[i].text, words.v[k].text))
                                break;
                n_names += k == i;
                if (n_names > filter->n_env_names)
                        return SIZE_MAX;
        }
        return n_names;
}

/* What oslo.rootwrap allows and our rule refuses. */
static enum filter_answer check_rule(const struct filter *filter,
                                     struct query *query,
                                     struct words words,
                                     size_t n_variables)
{
        size_t i;

        if (filter->exec_path != filter->wrapper &&
            strcmp(word_basename(filter->wrapper), "env") != 0)
                return filter_refuse(query, RULE_ENV, "\"%s\" is not an \"env\"", filter->wrapper);
        if (n_variables != filter->n_env_names)
                return filter_refuse(query, RULE_ENV, "a variable is given more than once");
        for (i = 0; i < n_variables; i++)
                if (!check_value(filter, words.v[i].text))
                        return filter_refuse(query, RULE_ENV,
                                             "\"%s\" is not the filter's value of that variable",
                                             words.v[i].text);
        return FILTER_YES;
}

static enum filter_answer env_match(const struct filter *filter,
                                    struct query *query,
                                    struct words words)
{
        size_t n_variables;
        size_t n_names;

        if (words.n && word_is(&words.v[0], "env"))
                words = words_from(words, 1);
        if (words.n < filter->n_args)
                return filter_no(query, "it takes at least %zu words after \"env\", here are %zu",
                                 filter->n_args, words.n);
        n_variables = count_variables(words);
        n_names = count_names(filter, words, n_variables);
        if (!n_names || n_names != filter->n_env_names)
                return filter_no(query, "the variables are not those of the filter");
        if (words.n <= n_names || !filter_names_command(filter, words.v[n_names].text))
                return filter_no(query, "the command is not \"%s\"", filter->exec_path);

        return query->oslo_compat ? FILTER_YES : check_rule(filter, query, words, n_variables);
}

/* The variables, as they are added to the environment: EnvFilter.get_environment(). */
static int take_variables(struct query *query,
                          struct words words,
                          size_t n,
                          struct command *ret_command)
{
        size_t n_env = 0;
        size_t i;

        ret_command->env = arena_take_array(query->arena, n + 1, sizeof(char *));
        if (!ret_command->env)
                return err_origin(-ENOMEM);
        for (i = 0; i < n; i++) {
                const char *text = words.v[i].text;

                if (text[0] == '=' || (query->oslo_compat && !strchr(text, '=')[1]))
                        continue;
                ret_command->env[n_env++] = text;
        }
        return 0;
}

static int env_command(const struct filter *filter,
                       struct query *query,
                       struct words words,
                       const char *exec,
                       struct command *ret_command)
{
        size_t n_argv = 0;
        size_t n_variables;
        size_t i;
        int r;

        (void)filter;
        if (words.n && word_is(&words.v[0], "env"))
                words = words_from(words, 1);
        n_variables = count_variables(words);

        r = command_take(ret_command, query->arena, words.n + 1);
        if (r)
                return err_trace(r);
        if (query->inner) {
                ret_command->argv[n_argv++] = query->env;
                for (i = 0; i < n_variables; i++)
                        ret_command->argv[n_argv++] = words.v[i].text;
        } else {
                r = take_variables(query, words, n_variables, ret_command);
                if (r)
                        return err_trace(r);
        }
        ret_command->argv[n_argv++] = exec;
        for (i = n_variables + 1; i < words.n; i++)
                ret_command->argv[n_argv++] = words.v[i].text;
        ret_command->argv[n_argv] = NULL;
        ret_command->n_argv = n_argv;
        return 0;
}

const struct filter_class filter_env = {
        .name = "EnvFilter",
        .n_args_min = 2,
        .is_env = true,
        .prepare = env_prepare,
        .match = env_match,
        .command = env_command,
};
