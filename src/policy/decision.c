/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: oslo_rootwrap.wrapper.match_filter(), and what becomes of the command.
 *
 * The first filter, in order, that matches and whose program is there, decides. A chaining filter
 * matches only if the command inside is accepted by the same procedure among the filters of the
 * same user that do not chain.
 *
 * One quirk of oslo.rootwrap reaches beyond a filter: an EnvFilter that is merely tried takes a
 * leading `env` off the list which all later filters see. With oslo_compat we let them see it so.
 * By default every filter sees the command as it was given; but where oslo.rootwrap would show it
 * the shortened list, it must match that one as well, or we would allow what oslo.rootwrap does
 * not.
 */
#include "policy/decision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"
#include "policy/index.h"
#include "policy/policy.h"
#include "policy/system.h"
#include "util/cleanup.h"
#include "util/err.h"

/* Holds a usual command and its environment. */
#define DECISION_ARENA_BYTES (7u * 1024)

enum {
        TRY_E_NO = 1,         /* the filter does not take the command */
        TRY_E_NOT_EXECUTABLE, /* it would, but its program is not there */
        TRY_E_STOP,           /* no filter may take it any more */
};

/* One run of the procedure, outer or inner. */
struct deciding {
        struct decision *decision;
        const struct policy *policy;
        const struct system *system;
        unsigned int flags;
        bool oslo_compat;
        const struct filter *outer; /* the chaining filter on whose behalf it runs, NULL: none */
        const char *given;          /* inner run: its first word as it was given, before basename */
};

/* What a filter makes of a command that it takes. */
struct taken {
        const struct filter *filter;
        const struct filter *inner;
        struct command command;
        int pidfd;
        int signal;
};

static void taken_deinit(struct taken *taken)
{
        if (taken->pidfd >= 0)
                (void)close(taken->pidfd);
        taken->pidfd = -1;
}

/* The depth is two: the filters that an inner run asks do not chain. */
/* NOLINTBEGIN(misc-no-recursion) */

static int decide(struct deciding *deciding, struct words words, struct taken *ret_taken);

/* CommandFilter.get_exec(). Return: the path, NULL with *ret_r 0 if there is none */
static const char *resolve(const struct deciding *deciding, const char *name, int *ret_r)
{
        const struct directories *directories = &deciding->policy->settings->exec_dirs;
        size_t i;

        *ret_r = 0;
        if (name[0] == '/')
                return deciding->system->is_executable(deciding->system, name) ? name : NULL;
        for (i = 0; i < directories->n_paths; i++) {
                const char *path =
                        system_join(&deciding->decision->arena, directories->paths[i], name);

                if (!path) {
                        *ret_r = err_origin(-ENOMEM);
                        return NULL;
                }
                if (deciding->system->is_executable(deciding->system, path))
                        return path;
        }
        return NULL;
}

/* Our rule for the word that names the inner command: a plain name, or the very path that runs. */
static enum filter_answer check_inner_path(struct query *query,
                                           const char *given,
                                           const char *resolved)
{
        if (!strchr(given, '/') || strcmp(given, resolved) == 0)
                return FILTER_YES;
        return filter_refuse(query, RULE_INNER, "\"%s\" was asked for, \"%s\" is what runs", given,
                             resolved);
}

/* The `env` before an inner command. */
static int resolve_env(const struct deciding *deciding,
                       const struct filter *filter,
                       struct query *query,
                       struct words words)
{
        const char *name = filter->wrapper;
        int r;

        if (!words.n || !word_is(&words.v[0], "env")) {
                (void)filter_refuse(query, RULE_INNER, "variables without \"env\" before them");
                return TRY_E_NO;
        }
        if (strcmp(word_basename(name), "env") != 0)
                name = "env";
        query->env = resolve(deciding, name, &r);
        if (r)
                return err_trace(r);
        if (!query->env) {
                (void)filter_refuse(query, RULE_INNER, "\"%s\" is not there", name);
                return TRY_E_NO;
        }
        return check_inner_path(query, deciding->given, query->env) == FILTER_YES ? 0 : TRY_E_NO;
}

/* A filter that matched: its program, and the command. */
static int build(const struct deciding *deciding,
                 const struct filter *filter,
                 struct query *query,
                 struct words words,
                 struct taken *taken)
{
        const char *exec;
        int r;

        exec = resolve(deciding, filter->exec_path, &r);
        if (r)
                return err_trace(r);
        if (!exec) {
                (void)filter_no(query, "it matches, but \"%s\" is not there", filter->exec_path);
                return TRY_E_NOT_EXECUTABLE;
        }
        if (query->inner && !query->oslo_compat) {
                if (filter->class->is_env) {
                        r = resolve_env(deciding, filter, query, words);
                        if (r)
                                return err_trace(r);
                } else if (check_inner_path(query, deciding->given, exec) != FILTER_YES) {
                        return TRY_E_NO;
                }
        }
        return err_trace(filter->class->command(filter, query, words, exec, &taken->command));
}

/* Puts the inner command behind the outer words. */
static int join_commands(struct arena *arena,
                         const struct command *outer,
                         size_t n_outer,
                         const struct command *inner,
                         struct command *ret_command)
{
        struct command joined = { .env = outer->env };
        size_t i;
        int r;

        r = command_take(&joined, arena, n_outer + inner->n_argv);
        if (r)
                return err_trace(r);
        for (i = 0; i < n_outer; i++)
                joined.argv[i] = outer->argv[i];
        for (i = 0; i < inner->n_argv; i++)
                joined.argv[n_outer + i] = inner->argv[i];
        *ret_command = joined;
        return 0;
}

/* Is the command inside accepted, too? */
static int try_inner(const struct deciding *deciding,
                     const struct filter *filter,
                     struct query *query,
                     struct words words,
                     struct taken *ret_inner)
{
        struct words given = words_from(words, filter->class->n_outer(filter));
        struct deciding inner = *deciding;
        struct words rest;
        int r;

        if (!given.n) {
                (void)filter_no(query, "there is no command behind it");
                return TRY_E_NO;
        }
        r = words_copy(&rest, &deciding->decision->arena, given);
        if (r)
                return err_trace(r);
        word_set(&rest.v[0], word_basename(given.v[0].text));
        inner.outer = filter;
        inner.given = given.v[0].text;

        r = decide(&inner, rest, ret_inner);
        if (r == TRY_E_NO || r == TRY_E_NOT_EXECUTABLE) {
                (void)filter_no(query, "the command behind it, \"%s\", was not accepted",
                                inner.given);
                return TRY_E_NO;
        }
        return err_trace(r); /* also TRY_E_STOP */
}

/* One filter against one list of words. */
static int try_words(const struct deciding *deciding,
                     const struct filter *filter,
                     struct query *query,
                     struct words words,
                     struct taken *taken)
{
        struct taken inner = { .pidfd = -1 };
        enum filter_answer answer;
        int r;

        answer = filter->class->match(filter, query, words);
        if (answer != FILTER_YES)
                return query->error ? query->error : answer == FILTER_STOP ? TRY_E_STOP : TRY_E_NO;
        if (filter->class->is_chaining) {
                if (!query->oslo_compat && !filter->class->n_outer(filter)) {
                        (void)filter_refuse(query, RULE_INNER,
                                            "no expression for the outer command");
                        return TRY_E_NO;
                }
                r = try_inner(deciding, filter, query, words, &inner);
                taken_deinit(&inner);
                if (r)
                        return err_trace(r);
        }
        taken->filter = filter;
        taken->inner = inner.filter;
        r = build(deciding, filter, query, words, taken);
        if (r || !filter->class->is_chaining || query->oslo_compat)
                return err_trace(r);

        return err_trace(join_commands(&deciding->decision->arena, &taken->command,
                                       filter->class->n_outer(filter), &inner.command,
                                       &taken->command));
}

static struct query make_query(const struct deciding *deciding, struct text *why)
{
        bool diagnose = deciding->flags & DECISION_DIAGNOSE;

        return (struct query){
                .system = deciding->system,
                .arena = &deciding->decision->arena,
                .oslo_compat = deciding->oslo_compat,
                .hypothetical = deciding->flags & DECISION_HYPOTHETICAL,
                .inner = deciding->outer != NULL,
                .diagnose = diagnose,
                .why = diagnose ? why : NULL,
                .warning = &deciding->decision->warning,
                .pidfd = -1,
        };
}

static int note_reason(const struct deciding *deciding,
                       const struct filter *filter,
                       const struct query *query)
{
        struct decision *decision = deciding->decision;
        struct decision_reason *reasons;
        struct text escaped = { 0 };

        decision->limit |= query->limit;
        decision->rules |= query->rules;
        if (!query->why || !query->why->n_bytes)
                return 0;
        text_put_escaped(&escaped, text_get(query->why), query->why->n_bytes, 1000);
        reasons = realloc(decision->reasons, (decision->n_reasons + 1) * sizeof(*reasons));
        if (reasons) {
                decision->reasons = reasons;
                reasons[decision->n_reasons++] = (struct decision_reason){
                        .filter = filter,
                        .text = arena_copy_string(&decision->arena, text_get(&escaped)),
                        .rules = query->rules,
                };
        }
        text_deinit(&escaped);
        return reasons && reasons[decision->n_reasons - 1].text ? 0 : err_origin(-ENOMEM);
}

/* Would oslo.rootwrap's filter take the list as it sees it by now? Return: as try_words() */
static int oslo_takes(const struct deciding *deciding,
                      const struct filter *filter,
                      struct words words)
{
        struct deciding as_oslo = *deciding;
        struct taken taken = { .pidfd = -1 };
        struct query query;
        int r;

        as_oslo.oslo_compat = true;
        as_oslo.flags = DECISION_HYPOTHETICAL;
        query = make_query(&as_oslo, NULL);
        r = try_words(&as_oslo, filter, &query, words, &taken);
        taken.pidfd = query.pidfd;
        taken_deinit(&taken);
        return err_trace(r);
}

static bool is_match(int r)
{
        return r == 0 || r == TRY_E_NOT_EXECUTABLE;
}

/* One filter, with the list or lists that it sees. */
static int try_filter(struct deciding *deciding,
                      const struct filter *filter,
                      struct words words,
                      struct taken *taken)
{
        size_t n_env = index_count_env(words);
        size_t n_before = deciding->outer ? filter->n_env_before_inner : filter->n_env_before;
        struct words shifted = words_from(words, n_env < n_before ? n_env : n_before);
        bool differ = !deciding->oslo_compat && shifted.n != words.n;
        cleanup_text struct text why = { 0 };
        struct query query = make_query(deciding, &why);
        int note;
        int r;

        *taken = (struct taken){ .pidfd = -1 };
        r = try_words(deciding, filter, &query, deciding->oslo_compat ? shifted : words, taken);
        taken->pidfd = query.pidfd;
        taken->signal = query.signal;

        if (is_match(r) && differ) {
                int as_oslo = oslo_takes(deciding, filter, shifted);

                if (!is_match(as_oslo)) {
                        (void)filter_no(&query, "a filter before it has taken the \"env\"");
                        r = as_oslo;
                }
        } else if (r == TRY_E_NO && differ && query.diagnose && !query.rules &&
                   is_match(oslo_takes(deciding, filter, shifted))) {
                text_deinit(&why);
                (void)filter_refuse(&query, RULE_ENV,
                                    "it matches only without the leading \"env\"");
        }
        note = r > 0 ? note_reason(deciding, filter, &query) : 0;
        if (r)
                taken_deinit(taken);
        return note ? err_trace(note) : r;
}

static bool is_in_reach(const struct deciding *deciding, const struct filter *filter)
{
        return !deciding->outer || (!filter->class->is_chaining &&
                                    strcmp(filter->run_as, deciding->outer->run_as) == 0);
}

/* match_filter(). Return: 0, TRY_E_NO, TRY_E_NOT_EXECUTABLE with the filter, TRY_E_STOP, or
 * negative errno */
static int decide(struct deciding *deciding, struct words words, struct taken *ret_taken)
{
        const struct filter *not_executable = NULL;
        struct index_walk walk;
        uint32_t number;
        int r;

        index_walk_init(&walk, deciding->policy, words);
        while ((number = index_next(&walk)) != INDEX_END) {
                const struct filter *filter = &deciding->policy->filters[number];

                if (!is_in_reach(deciding, filter))
                        continue;
                r = try_filter(deciding, filter, words, ret_taken);
                if (r == TRY_E_NOT_EXECUTABLE && !not_executable)
                        not_executable = filter;
                if (r <= 0 || r == TRY_E_STOP)
                        return err_trace(r);
        }
        *ret_taken = (struct taken){ .filter = not_executable, .pidfd = -1 };
        return not_executable ? TRY_E_NOT_EXECUTABLE : TRY_E_NO;
}

/* NOLINTEND(misc-no-recursion) */

static int count_args(const char *const *argv, size_t *ret_n_argv)
{
        size_t n_bytes = 0;
        size_t n = 0;

        for (; argv[n]; n++) {
                size_t n_arg = strlen(argv[n]) + 1;

                if (n == DECISION_ARGS_MAX || n_arg > DECISION_BYTES_MAX - n_bytes)
                        return err_origin(-E2BIG);
                n_bytes += n_arg;
        }
        *ret_n_argv = n;
        return 0;
}

/**
 * decision_make() - decide on a command
 * @decision: set; to be given to decision_deinit() also after a failure
 * @policy:   the policy
 * @system:   the machine
 * @argv:     the command, NULL-terminated; borrowed for the life of @decision
 * @flags:    of enum decision_flags
 *
 * Return: 0 and a verdict, or negative errno (nothing is allowed then): -E2BIG beyond
 *         DECISION_ARGS_MAX or DECISION_BYTES_MAX, -ENOMEM
 */
int decision_make(struct decision *decision,
                  const struct policy *policy,
                  const struct system *system,
                  const char *const *argv,
                  unsigned int flags)
{
        struct deciding deciding = {
                .decision = decision,
                .policy = policy,
                .system = system,
                .flags = flags,
                .oslo_compat = policy->settings->oslo_compat || (flags & DECISION_HYPOTHETICAL),
        };
        struct taken taken = { .pidfd = -1 };
        struct words words;
        size_t n_argv = 0;
        int r;

        *decision = (struct decision){
                .arena = { .keep = policy->keep, .n_first = DECISION_ARENA_BYTES },
                .verdict = VERDICT_UNAUTHORIZED,
                .pidfd = -1,
        };
        r = count_args(argv, &n_argv);
        if (!r)
                r = words_init(&words, &decision->arena, argv, n_argv);
        if (!r)
                r = decide(&deciding, words, &taken);
        if (r < 0)
                return err_trace(r);

        if (r == TRY_E_NOT_EXECUTABLE) {
                decision->filter = taken.filter;
                decision->verdict = VERDICT_NOT_EXECUTABLE;
        }
        if (r)
                return 0;
        decision->filter = taken.filter;
        decision->inner = taken.inner;
        decision->command = taken.command;
        decision->pidfd = taken.pidfd;
        decision->signal = taken.signal;
        decision->verdict = VERDICT_ALLOW;
        return 0;
}

/**
 * decision_deinit() - give everything back
 * @decision: becomes empty; allows nothing
 */
void decision_deinit(struct decision *decision)
{
        if (decision->pidfd >= 0)
                (void)close(decision->pidfd);
        free(decision->reasons);
        text_deinit(&decision->warning);
        arena_deinit(&decision->arena);
        *decision = (struct decision){ .verdict = VERDICT_UNAUTHORIZED, .pidfd = -1 };
}

/**
 * verdict_name() - as `explain --json` names it
 * @verdict: the verdict
 */
const char *verdict_name(enum verdict verdict)
{
        if (verdict == VERDICT_ALLOW)
                return "allow";
        return verdict == VERDICT_NOT_EXECUTABLE ? "not_executable" : "unauthorized";
}

/**
 * verdict_exit_code() - as oslo.rootwrap exits
 * @verdict: the verdict
 */
int verdict_exit_code(enum verdict verdict)
{
        if (verdict == VERDICT_ALLOW)
                return 0;
        return verdict == VERDICT_NOT_EXECUTABLE ? 96 : 99;
}
