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
#include <string.h>

#include "policy/policy.h"
#include "util/arena.h"
#include "util/err.h"

/* A filter is found under two names at most: its path and its base name. */
#define NAMES_MAX 2

/* Where index_add() puts a name. */
struct index_target {
        struct policy *policy;
        struct table *table;
        uint32_t filter;
};

static void list_put(struct policy *policy, struct name_list *list, uint32_t filter)
{
        uint32_t number;

        if (list->last != NAME_END && policy->entries[list->last].filter == filter)
                return;
        number = (uint32_t)policy->n_entries++;
        policy->entries[number] = (struct name_entry){ filter, NAME_END };
        if (list->last == NAME_END)
                list->first = number;
        else
                policy->entries[list->last].next = number;
        list->last = number;
}

static int index_add(void *to, const char *key)
{
        struct index_target *target = to;
        struct policy *policy = target->policy;
        uint32_t number;
        uint32_t old;
        int r;

        if (!key) {
                list_put(policy, &policy->any_name, target->filter);
                return 0;
        }
        number = table_find(target->table, key, strlen(key));
        if (number == TABLE_NONE) {
                number = (uint32_t)policy->n_lists++;
                policy->lists[number] = (struct name_list){ NAME_END, NAME_END };
                r = table_put(target->table, key, number, &old);
                if (r)
                        return err_trace(r);
        }
        list_put(policy, &policy->lists[number], target->filter);
        return 0;
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
        struct table by_user = { .arena = &policy->arena };
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

        policy->any_name = (struct name_list){ NAME_END, NAME_END };
        policy->lists = arena_take_array(&policy->arena, policy->n_filters * NAMES_MAX,
                                         sizeof(*policy->lists));
        policy->entries = arena_take_array(&policy->arena, policy->n_filters * NAMES_MAX,
                                           sizeof(*policy->entries));
        if (!policy->lists || !policy->entries)
                return err_origin(-ENOMEM);

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
        walk->at[walk->n_lists++] = list->first;
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

        *walk = (struct index_walk){ .policy = policy };
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
        const struct name_entry *entries = walk->policy->entries;
        uint32_t next = INDEX_END;
        size_t i;

        for (i = 0; i < walk->n_lists; i++)
                if (walk->at[i] != NAME_END && entries[walk->at[i]].filter < next)
                        next = entries[walk->at[i]].filter;
        for (i = 0; i < walk->n_lists; i++)
                if (walk->at[i] != NAME_END && entries[walk->at[i]].filter == next)
                        walk->at[i] = entries[walk->at[i]].next;
        return next;
}
