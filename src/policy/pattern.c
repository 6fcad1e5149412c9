/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions of a filter against the words of a command. Most filters that a command is held
 * against are other programs' filters, whose first expression is a plain name: such are compared as
 * text and never compiled.
 */
#include "policy/pattern.h"

#include <errno.h>
#include <string.h>

#include "policy/pyre.h"
#include "policy/regex.h"
#include "util/err.h"

/**
 * pattern_compile() - compile an expression now
 * @pattern:     the expression; nothing is done if it is compiled or known to be bad
 * @oslo_compat: in which of the two ways it will be matched
 *
 * Return: 0, REGEX_E_BAD, REGEX_E_LIMIT, REGEX_E_RAISE, or negative errno
 */
int pattern_compile(struct pattern *pattern, bool oslo_compat)
{
        struct regex **regex = oslo_compat ? &pattern->oslo : &pattern->whole;
        int r;

        if (pattern->error)
                return pattern->error;
        if (*regex)
                return 0;
        r = regex_new(regex, pattern->text, strlen(pattern->text),
                      oslo_compat ? REGEX_OSLO : REGEX_WHOLE, &pattern->reason);
        if (r < 0)
                return err_trace(r);
        pattern->error = r;
        return r;
}

/**
 * pattern_deinit() - give the compiled forms back
 * @pattern: the expression
 */
void pattern_deinit(struct pattern *pattern)
{
        pattern->whole = regex_free(pattern->whole);
        pattern->oslo = regex_free(pattern->oslo);
}

/* Return: 0 where it matches, REGEX_E_*, or negative errno */
static int match(struct pattern *pattern, struct query *query, struct word *word, bool oslo_compat)
{
        bool is_literal = pyre_is_literal(pattern->text, strlen(pattern->text));
        int r;

        if (is_literal && strcmp(pattern->text, word->text) == 0)
                return 0;
        if (is_literal && !(oslo_compat && word->n_text && word->text[word->n_text - 1] == '\n'))
                return REGEX_E_NO_MATCH;

        r = pattern_compile(pattern, oslo_compat);
        if (!r)
                r = word_decode(word, query->arena);
        if (!r)
                r = regex_match(oslo_compat ? pattern->oslo : pattern->whole, word->codes,
                                word->n_codes);
        if (r == REGEX_E_LIMIT && !pattern->error)
                query->limit = true;
        return r < 0 ? err_trace(r) : r;
}

static enum filter_answer no_match(struct query *query,
                                   const struct pattern *pattern,
                                   size_t i,
                                   const struct word *word,
                                   int r)
{
        if (r < 0)
                return filter_fail(query, r);
        if (r == REGEX_E_RAISE)
                return filter_stop(query, "the expression \"%s\" is bad: %s", pattern->text,
                                   pattern->reason);
        if (pattern->error)
                return filter_no(query, "the expression \"%s\" is %s: %s", pattern->text,
                                 r == REGEX_E_BAD ? "bad" : "not supported", pattern->reason);
        if (r == REGEX_E_LIMIT)
                return filter_no(query, "argument %zu reached a limit of the expression \"%s\"", i,
                                 pattern->text);
        return filter_no(query, "argument %zu, \"%s\", does not match \"%s\"", i, word->text,
                         pattern->text);
}

/* Does oslo's way of matching accept the words from @i on? */
static bool oslo_accepts(const struct filter *filter,
                         struct query *query,
                         struct words words,
                         size_t i)
{
        for (; i < filter->n_args; i++)
                if (match(&filter->patterns[i], query, &words.v[i], true))
                        return false;
        return true;
}

/**
 * pattern_match_words() - do the expressions match the words, one by one?
 * @filter: the filter
 * @query:  the question
 * @words:  at least as many as the filter has expressions
 */
enum filter_answer pattern_match_words(const struct filter *filter,
                                       struct query *query,
                                       struct words words)
{
        size_t i;
        int r;

        for (i = 0; i < filter->n_args; i++) {
                struct pattern *pattern = &filter->patterns[i];

                r = match(pattern, query, &words.v[i], query->oslo_compat);
                if (!r)
                        continue;
                if (r == REGEX_E_NO_MATCH && query->diagnose && !query->oslo_compat &&
                    oslo_accepts(filter, query, words, i))
                        return filter_refuse(query, RULE_WHOLE,
                                             "only a part of argument %zu, \"%s\", matches \"%s\"",
                                             i, words.v[i].text, pattern->text);
                return no_match(query, pattern, i, &words.v[i], r);
        }
        return FILTER_YES;
}

/**
 * pattern_name() - the command that the first expression can match
 * @filter: the filter
 * @add:    takes a name; not called when the filter never matches
 * @to:     for @add; NULL as a name: any command
 */
int pattern_name(const struct filter *filter, int (*add)(void *to, const char *key), void *to)
{
        if (filter->n_args && pyre_is_literal(filter->args[0], strlen(filter->args[0])))
                return err_trace(add(to, filter->args[0]));
        return err_trace(add(to, NULL));
}
