/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command is held only against the filters that can match its name, so that ten thousand filters
 * cost what ten cost. Filters whose first expression is not plain text stand in a list of their own
 * and are always tried.
 *
 * A name is the first word. EnvFilters look further: behind a leading `env`, and behind the
 * variables. And, with oslo_compat, each EnvFilter takes an `env` off the front of the list for all
 * filters that come after it, so that these can be named by the first word that is not `env`.
 */
#include "policy/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "util/err.h"

/* Where index_add() puts a name. */
struct index_target {
        struct policy *policy;
        struct table *table;
        uint32_t filter;
};

static int list_put(struct name_list *list, uint32_t filter)
{
        if (list->n && list->filters[list->n - 1] == filter)
                return 0;
        if (list->n == list->n_room) {
                uint32_t n_room = list->n_room ? list->n_room * 2 : 1;
                uint32_t *filters;

                filters = realloc(list->filters, n_room * sizeof(*filters));
                if (!filters)
                        return err_origin(-ENOMEM);
                list->filters = filters;
                list->n_room = n_room;
        }
        list->filters[list->n++] = filter;
        return 0;
}

static int list_new(struct policy *policy, uint32_t *ret_number)
{
        if ((policy->n_lists & (policy->n_lists - 1)) == 0) { /* full: 0, 1, 2, 4, 8, ... */
                size_t n_room = policy->n_lists ? policy->n_lists * 2 : 1;
                struct name_list *lists;

                lists = realloc(policy->lists, n_room * sizeof(*lists));
                if (!lists)
                        return err_origin(-ENOMEM);
                policy->lists = lists;
        }
        policy->lists[policy->n_lists] = (struct name_list){ 0 };
        *ret_number = (uint32_t)policy->n_lists++;
        return 0;
}

static int index_add(void *to, const char *key)
{
        struct index_target *target = to;
        uint32_t number;
        uint32_t old;
        int r;

        if (!key)
                return err_trace(list_put(&target->policy->any_name, target->filter));

        number = table_find(target->table, key, strlen(key));
        if (number == TABLE_NONE) {
                r = list_new(target->policy, &number);
                if (r)
                        return err_trace(r);
                r = table_put(target->table, key, number, &old);
                if (r)
                        return err_trace(r);
        }
        return err_trace(list_put(&target->policy->lists[number], target->filter));
}

static int add_filter(struct policy *policy, uint32_t number)
{
        const struct filter *filter = &policy->filters[number];
        struct index_target target = {
                .policy = policy,
                .table = filter->class->is_env ? &policy->by_env_name : &policy->by_name,
                .filter = number,
        };
        int r;

        if (filter->class->name_commands)
                return err_trace(filter->class->name_commands(filter, index_add, &target));
        r = index_add(&target, filter->exec_path);
        if (r)
                return err_trace(r);
        return err_trace(index_add(&target, word_basename(filter->exec_path)));
}

/* How many EnvFilters stand before each filter, and how many of these run as the same user. */
static int count_env_filters(struct policy *policy)
{
        struct table by_user = { 0 };
        uint32_t n_all = 0;
        uint32_t old;
        size_t i;
        int r = 0;

        for (i = 0; i < policy->n_filters && !r; i++) {
                struct filter *filter = &policy->filters[i];
                uint32_t n = table_find(&by_user, filter->run_as, strlen(filter->run_as));

                filter->n_env_before = n_all;
                filter->n_env_before_inner = n == TABLE_NONE ? 0 : n;
                if (!filter->class->is_env)
                        continue;
                n_all++;
                r = table_put(&by_user, filter->run_as, filter->n_env_before_inner + 1, &old);
        }
        table_deinit(&by_user);
        return err_trace(r);
}

/**
 * index_build() - fill the policy's tables from its filters
 * @policy: the policy
 *
 * Return: 0 or -ENOMEM
 */
int index_build(struct policy *policy)
{
        uint32_t i;
        int r;

        r = table_reserve(&policy->by_name, policy->n_filters);
        if (r)
                return err_trace(r);
        for (i = 0; i < policy->n_filters; i++) {
                r = add_filter(policy, i);
                if (r)
                        return err_trace(r);
        }
        return err_trace(count_env_filters(policy));
}

/**
 * index_deinit() - give the tables back
 * @policy: the policy
 */
void index_deinit(struct policy *policy)
{
        while (policy->n_lists)
                free(policy->lists[--policy->n_lists].filters);
        free(policy->lists);
        free(policy->any_name.filters);
        table_deinit(&policy->by_name);
        table_deinit(&policy->by_env_name);
}

/**
 * index_count_env() - how many times the words begin with `env`
 * @words: the words
 */
size_t index_count_env(struct words words)
{
        size_t n = 0;

        while (n < words.n && word_is(&words.v[n], "env"))
                n++;
        return n;
}

static void walk_list(struct index_walk *walk, const struct name_list *list)
{
        if (!list->n)
                return;
        walk->at[walk->n_lists] = list->filters;
        walk->end[walk->n_lists] = list->filters + list->n;
        walk->n_lists++;
}

static void walk_name(struct index_walk *walk,
                      const struct policy *policy,
                      const struct table *table,
                      const char *name,
                      size_t n_name)
{
        uint32_t number = table_find(table, name, n_name);

        if (number != TABLE_NONE)
                walk_list(walk, &policy->lists[number]);
}

/* A final newline is no obstacle to an expression that is matched as oslo.rootwrap does. */
static void walk_word(struct index_walk *walk, const struct policy *policy, const struct word *word)
{
        walk_name(walk, policy, &policy->by_name, word->text, word->n_text);
        if (word->n_text && word->text[word->n_text - 1] == '\n')
                walk_name(walk, policy, &policy->by_name, word->text, word->n_text - 1);
}

/* How many different names the leading variables have; a few more than a filter has are enough. */
static size_t count_variable_names(struct words words)
{
        size_t n_names = 0;
        size_t i;
        size_t k;

        for (i = 0; i < words.n && i < INDEX_VARIABLES_MAX && strchr(words.v[i].text, '='); i++) {
                size_t n = strcspn(words.v[i].text, "=") + 1;

                for (k = 0; k < i; k++)
                        if (strncmp(words.v[i].text, words.v[k].text, n) == 0)
                                break;
                n_names += k == i;
        }
        return n_names;
}

/**
 * index_walk_init() - begin a walk
 * @walk:   set
 * @policy: the policy, which must not change during the walk
 * @words:  the command
 */
void index_walk_init(struct index_walk *walk, const struct policy *policy, struct words words)
{
        size_t n_env = index_count_env(words);
        size_t n_names;

        *walk = (struct index_walk){ 0 };
        walk_list(walk, &policy->any_name);
        if (words.n)
                walk_word(walk, policy, &words.v[0]);
        if (n_env && n_env < words.n)
                walk_word(walk, policy, &words.v[n_env]);
        n_names = count_variable_names(words_from(words, n_env));
        if (n_names && n_names < words.n - n_env) {
                const struct word *word = &words.v[n_env + n_names];

                walk_name(walk, policy, &policy->by_env_name, word->text, word->n_text);
        }
}

/**
 * index_next() - the next filter
 * @walk: the walk
 *
 * Return: its number, INDEX_END after the last
 */
uint32_t index_next(struct index_walk *walk)
{
        uint32_t next = INDEX_END;
        size_t i;

        for (i = 0; i < walk->n_lists; i++)
                if (walk->at[i] != walk->end[i] && *walk->at[i] < next)
                        next = *walk->at[i];
        for (i = 0; i < walk->n_lists && next != INDEX_END; i++)
                if (walk->at[i] != walk->end[i] && *walk->at[i] == next)
                        walk->at[i]++;
        return next;
}
