/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PathFilter: a program whose arguments are fixed words, anything (`pass`), or paths below a
 * directory. A path is resolved once, and the command gets it resolved; between here and the
 * program's own open(2) it can still change for whoever may write its directories.
 */
#include <errno.h>
#include <string.h>

#include "policy/filter.h"
#include "policy/system.h"
#include "util/arena.h"
#include "util/err.h"

static bool is_below(const char *path, const char *directory)
{
        size_t n = strlen(directory);

        return path[n] == '\0' || path[n] == '/' || (n && directory[n - 1] == '/');
}

/* Resolves argument @i into query->paths. */
static enum filter_answer check_path(const struct filter *filter,
                                     struct query *query,
                                     struct words words,
                                     size_t i)
{
        const char *constraint = filter->args[i];
        const char *argument = words.v[i + 1].text;
        const char *path;
        int r;

        r = system_realpath(query->system, query->arena, argument, &path);
        if (r == -ENOENT)
                return filter_no(query, "\"%s\" cannot be resolved: %s", argument, strerror(-r));
        if (r == -ENOMEM)
                return filter_fail(query, r);
        if (r)
                return filter_stop(query, "\"%s\" cannot be resolved: %s", argument, strerror(-r));
        if (strncmp(path, constraint, strlen(constraint)) != 0)
                return filter_no(query, "\"%s\" is \"%s\", outside of \"%s\"", argument, path,
                                 constraint);
        if (!query->oslo_compat && !is_below(path, constraint))
                return filter_refuse(query, RULE_PATH,
                                     "\"%s\" is \"%s\", beside and not below \"%s\"", argument,
                                     path, constraint);
        query->paths[i] = path;
        return FILTER_YES;
}

static enum filter_answer path_match(const struct filter *filter,
                                     struct query *query,
                                     struct words words)
{
        enum filter_answer answer;
        size_t i;

        if (!words.n || !filter_names_command(filter, words.v[0].text))
                return filter_no(query, "the command is not \"%s\"", filter->exec_path);
        if (words.n < 2 || words.n - 1 != filter->n_args)
                return filter_no(query, "it takes %zu arguments, here are %zu", filter->n_args,
                                 words.n - 1);

        query->paths = arena_take_array(query->arena, filter->n_args, sizeof(char *));
        if (!query->paths)
                return filter_fail(query, -ENOMEM);
        for (i = 0; i < filter->n_args; i++) {
                const char *constraint = filter->args[i];

                if (constraint[0] == '/') {
                        answer = check_path(filter, query, words, i);
                        if (answer != FILTER_YES)
                                return answer;
                } else if (strcmp(constraint, "pass") != 0 &&
                           strcmp(constraint, words.v[i + 1].text) != 0) {
                        return filter_no(query, "argument %zu, \"%s\", is not \"%s\"", i + 1,
                                         words.v[i + 1].text, constraint);
                }
        }
        return FILTER_YES;
}

static int path_command(const struct filter *filter,
                        struct query *query,
                        struct words words,
                        const char *exec,
                        struct command *ret_command)
{
        size_t i;
        int r;

        r = filter_command_default(filter, query, words, exec, ret_command);
        if (r)
                return err_trace(r);
        for (i = 0; i < filter->n_args; i++)
                if (query->paths[i])
                        ret_command->argv[i + 1] = query->paths[i];
        return 0;
}

const struct filter_class filter_path = {
        .name = "PathFilter",
        .n_args_min = 2,
        .match = path_match,
        .command = path_command,
};
