/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that no command reaches, since an earlier one takes them all. Only what is certain. */
#include <string.h>

#include "config/settings.h"
#include "policy/index.h"
#include "policy/pyre.h"
#include "tools/lint.h"

/* Does an EnvFilter take all that another one takes? */
static bool env_covers(const struct filter *earlier, const struct filter *later)
{
        size_t i;
        size_t k;

        if (earlier->class != &filter_env || earlier->n_env != later->n_env ||
            earlier->n_args > later->n_args || strcmp(earlier->wrapper, later->wrapper) != 0)
                return false;
        for (i = 0; i < later->n_env; i++) {
                size_t n = strcspn(later->args[i], "=") + 1;

                for (k = 0; k < earlier->n_env; k++)
                        if (strncmp(later->args[i], earlier->args[k], n) == 0 &&
                            (!earlier->args[k][n] || strcmp(later->args[i], earlier->args[k]) == 0))
                                break;
                if (k == earlier->n_env)
                        return false;
        }
        return true;
}

static bool same_definition(const struct filter *a, const struct filter *b)
{
        size_t i;

        if (a->class != b->class || a->n_args != b->n_args ||
            strcmp(a->exec_path, b->exec_path) != 0 ||
            (a->wrapper && b->wrapper && strcmp(a->wrapper, b->wrapper) != 0))
                return false;
        for (i = 0; i < a->n_args; i++)
                if (strcmp(a->args[i], b->args[i]) != 0)
                        return false;
        return true;
}

/* Are all commands that a filter takes of one name, a path or not? */
static bool find_name(const struct filter *filter, const char **ret_name)
{
        if (filter->class->has_patterns) {
                if (!filter->n_args || !pyre_is_literal(filter->args[0], strlen(filter->args[0])))
                        return false;
                *ret_name = filter->args[0];
        } else if (filter->class == &filter_kill) {
                *ret_name = "kill";
        } else if (filter->class == &filter_read_file) {
                *ret_name = "cat";
        } else if (filter->class == &filter_ip || filter->class == &filter_ip_netns_exec) {
                *ret_name = "ip";
        } else {
                *ret_name = filter->exec_path;
        }
        return true;
}

/* A filter whose program is missing lets the next one have its turn, unless that one's is the same
 * and as missing. */
static bool runs_for(const struct lint *lint,
                     const struct filter *earlier,
                     const struct filter *later)
{
        return strcmp(earlier->exec_path, later->exec_path) == 0 ||
               lint_find_program(lint, earlier) != NULL;
}

/* With oslo_compat each EnvFilter in between takes an `env` off what the later filter sees. */
static bool sees_the_same(const struct lint *lint,
                          const struct filter *earlier,
                          const struct filter *later)
{
        return !lint->policy->settings->oslo_compat || earlier->n_env_before == later->n_env_before;
}

/* Does the earlier filter certainly take every command of the later one? */
static bool covers(const struct lint *lint,
                   const struct filter *earlier,
                   const struct filter *later)
{
        const char *name;

        if (!runs_for(lint, earlier, later) || !sees_the_same(lint, earlier, later))
                return false;
        if (later->class == &filter_env)
                return filter_names_command(earlier, later->exec_path) &&
                       filter_names_command(earlier, word_basename(later->exec_path)) &&
                       env_covers(earlier, later);
        if (earlier->class != &filter_command || !find_name(later, &name) ||
            !filter_names_command(earlier, name))
                return false;
        return later->class->has_patterns || filter_names_command(earlier, word_basename(name));
}

static void add(const struct lint *lint,
                const struct filter *earlier,
                const struct filter *later,
                bool is_same)
{
        struct place place = lint_place(lint, later);

        findings_add(lint->findings, is_same ? SEVERITY_NOTE : SEVERITY_WARNING, "unreachable",
                     &place, NULL, "%s \"%s\" (%s:%u)",
                     is_same ? "it is the same as"
                             : "every command that it takes is taken before by",
                     earlier->name, earlier->file, earlier->line);
}

/**
 * lint_shadow() - is a filter out of reach behind an earlier one?
 * @lint:   where findings go
 * @number: of the filter
 */
void lint_shadow(const struct lint *lint, uint32_t number)
{
        const struct filter *later = &lint->policy->filters[number];
        const char *name;
        struct index_walk walk;
        struct word v[2];
        uint32_t other;

        if (!later->file)
                return;
        if (!find_name(later, &name))
                name = later->exec_path;
        word_set(&v[0], "A="); /* an EnvFilter is found behind variables */
        word_set(&v[1], name);
        index_walk_init(&walk, lint->policy,
                        later->class == &filter_env ? (struct words){ v, 2 }
                                                    : (struct words){ v + 1, 1 });
        while ((other = index_next(&walk)) < number) {
                const struct filter *earlier = &lint->policy->filters[other];
                bool is_same = same_definition(earlier, later);

                if (strcmp(earlier->run_as, later->run_as) ==
                            0 && /* else a chain may tell them apart */
                    ((is_same && sees_the_same(lint, earlier, later)) ||
                     covers(lint, earlier, later))) {
                        add(lint, earlier, later, is_same);
                        return;
                }
        }
}
