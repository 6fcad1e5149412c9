/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter classes have in common. Each class is a file of its own; this one has their
 * table, the rule of CommandFilter that most of them share, and the two ways of saying no.
 *
 * How the two modes are kept apart: a class first decides as oslo.rootwrap does, and where it says
 * yes it may still refuse by a rule. So the default is never looser than oslo's code, by
 * construction.
 */
#include "policy/filter.h"

#include <errno.h>
#include <string.h>

#include "util/arena.h"
#include "util/err.h"
#include "util/text.h"

static const struct filter_class *const classes[] = {
        &filter_command,
        &filter_regexp,
        &filter_path,
        &filter_env,
        &filter_read_file,
        &filter_kill,
        &filter_ip,
        &filter_chaining,
        &filter_ip_netns_exec,
        &filter_chaining_regexp,
};

/**
 * filter_class_find() - the class that a filter file names
 * @name: the name, case counts
 *
 * Return: the class, NULL for an unknown one
 */
const struct filter_class *filter_class_find(const char *name)
{
        size_t i;

        for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
                if (strcmp(classes[i]->name, name) == 0)
                        return classes[i];
        return NULL;
}

/**
 * filter_names_command() - CommandFilter's rule: the word is exec_path or its base name
 * @filter: the filter
 * @word:   the command as it was called
 */
bool filter_names_command(const struct filter *filter, const char *word)
{
        return strcmp(word, filter->exec_path) == 0 ||
               strcmp(word, word_basename(filter->exec_path)) == 0;
}

__attribute__((format(printf, 2, 0))) static void explain(struct query *query,
                                                          const char *format,
                                                          va_list ap)
{
        if (!query->why || query->why->n_bytes)
                return;
        text_vprintf(query->why, format, ap);
}

/**
 * filter_no() - the filter does not match, in either mode
 * @query:  where the reason is noted, if somebody asks
 * @format: the reason; the first one stays
 *
 * Return: FILTER_NO
 */
enum filter_answer filter_no(struct query *query, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        explain(query, format, ap);
        va_end(ap);
        return FILTER_NO;
}

/**
 * filter_stop() - neither this filter nor a later one may take the command
 * @query:  where the reason is noted, if somebody asks
 * @format: the reason; the first one stays
 *
 * Return: FILTER_STOP
 */
enum filter_answer filter_stop(struct query *query, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        explain(query, format, ap);
        va_end(ap);
        return FILTER_STOP;
}

/**
 * filter_fail() - we failed ourselves: nothing can be decided
 * @query: where it is noted
 * @r:     negative errno
 *
 * Return: FILTER_STOP
 */
enum filter_answer filter_fail(struct query *query, int r)
{
        query->error = r;
        return filter_stop(query, "%s", strerror(-r));
}

/**
 * filter_refuse() - oslo.rootwrap would say yes here, a rule of ours says no
 * @query:  where rule and reason are noted
 * @rule:   the rule
 * @format: the reason; the first one stays
 *
 * Return: FILTER_NO
 */
enum filter_answer filter_refuse(struct query *query, enum rule rule, const char *format, ...)
{
        va_list ap;

        query->rules |= rule;
        va_start(ap, format);
        explain(query, format, ap);
        va_end(ap);
        return FILTER_NO;
}

/**
 * command_take() - make room for a command line
 * @command: its argv is set
 * @arena:   where it lives
 * @n_argv:  how many words it will have
 *
 * Return: 0 or -ENOMEM
 */
int command_take(struct command *command, struct arena *arena, size_t n_argv)
{
        command->argv = arena_take_array(arena, n_argv + 1, sizeof(char *));
        command->n_argv = n_argv;
        return command->argv ? 0 : err_origin(-ENOMEM);
}

/**
 * filter_command_default() - the program, and the words behind the first
 * @filter:      the filter
 * @query:       the question
 * @words:       the words that matched
 * @exec:        the program, resolved
 * @ret_command: the command
 *
 * Return: 0 or -ENOMEM
 */
int filter_command_default(const struct filter *filter,
                           struct query *query,
                           struct words words,
                           const char *exec,
                           struct command *ret_command)
{
        size_t i;
        int r;

        (void)filter;
        r = command_take(ret_command, query->arena, words.n);
        if (r)
                return err_trace(r);
        ret_command->argv[0] = exec;
        for (i = 1; i < words.n; i++)
                ret_command->argv[i] = words.v[i].text;
        return 0;
}
