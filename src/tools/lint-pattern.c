/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions that are looser than they look, or mean something else. These are readings of the
 * text by rules of thumb, so they are warnings; only what the compiler itself refuses is an error.
 */
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"
#include "policy/pattern.h"
#include "policy/pyre.h"
#include "policy/regex.h"
#include "tools/expression.h"
#include "tools/lint.h"
#include "util/cleanup.h"
#include "util/text.h"
#include "util/utf8.h"

/* One expression can have been split into so many pieces. */
#define PIECES_MAX 8

/**
 * lint_matches() - does an expression take this argument, in the mode that is configured?
 * @lint:    the policy it belongs to
 * @pattern: the expression, which is compiled if it was not
 * @text:    the argument
 *
 * Return: false also where nobody can know
 */
bool lint_matches(const struct lint *lint, struct pattern *pattern, const char *text)
{
        bool oslo_compat = lint->policy->settings->oslo_compat;
        cleanup_free uint32_t *codes = NULL;
        size_t n = strlen(text);

        if (pyre_is_literal(pattern->text, strlen(pattern->text)))
                return strcmp(pattern->text, text) == 0;
        codes = calloc(n + 1, sizeof(*codes));
        if (!codes || pattern_compile(pattern, oslo_compat))
                return false;
        n = utf8_decode(text, n, codes);
        return regex_match(oslo_compat ? pattern->oslo : pattern->whole, codes, n) == 0;
}

/**
 * lint_is_free() - does an expression take just about anything?
 * @lint:    the policy it belongs to
 * @pattern: the expression
 */
bool lint_is_free(const struct lint *lint, struct pattern *pattern)
{
        static const char *const probes[] = { "a", "-b", "--c=d", "/e/../f" };
        size_t i;

        for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
                if (!lint_matches(lint, pattern, probes[i]))
                        return false;
        return true;
}

/* What is open in one piece is closed in a later one: there was a comma in an expression. */
static void check_comma(const struct lint *lint, const struct filter *filter, size_t i)
{
        struct place place = lint_place(lint, filter);
        cleanup_text struct text joined = { 0 };
        struct expression read;
        size_t k;

        expression_read(&read, filter->args[i]);
        text_put_string(&joined, filter->args[i]);
        for (k = i + 1; read.is_open && k < filter->n_args && k <= i + PIECES_MAX; k++) {
                text_put_char(&joined, ',');
                text_put_string(&joined, filter->args[k]);
                expression_read(&read, text_get(&joined));
        }
        if (k > i + 1 && !read.is_open)
                findings_add(
                        lint->findings, SEVERITY_WARNING, "comma-in-expression", &place, "D6b",
                        "\"%s\" looks like one expression, but is %zu: a comma always separates; as "
                        "a character it can be written \\x2c, in a repeat not at all",
                        text_get(&joined), k - i);
}

/* Paths with `..` behind what the expression begins with, and before what it ends with. */
static bool matches_dotdot(const struct lint *lint,
                           struct pattern *pattern,
                           const struct expression *read)
{
        static const char *const tails[] = { "..", "../a", "a/..", "a/../../b", "./../a" };
        size_t i;

        for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
                cleanup_text struct text path = { 0 };

                expression_put_literal(&path, pattern->text, read->n_prefix);
                if (path.n_bytes && path.data[path.n_bytes - 1] != '/')
                        text_put_char(&path, '/');
                text_put_string(&path, tails[i]);
                if (read->suffix > read->n_prefix)
                        expression_put_literal(&path, pattern->text + read->suffix,
                                               strlen(pattern->text + read->suffix));
                if (lint_matches(lint, pattern, text_get(&path)))
                        return true;
        }
        return false;
}

/* What looks ahead may well keep `..` out, so that only a match counts. */
static bool admits_dotdot(const struct lint *lint,
                          struct pattern *pattern,
                          const struct expression *read)
{
        if (!read->is_path)
                return false;
        return (read->is_wild && !read->has_look) || matches_dotdot(lint, pattern, read);
}

static void check_meaning(const struct lint *lint, const struct filter *filter, size_t i)
{
        struct place place = lint_place(lint, filter);
        const char *text = filter->args[i];
        struct expression read;

        expression_read(&read, text);
        if (read.has_alternative)
                findings_add(
                        lint->findings, SEVERITY_WARNING, "alternative", &place, "D6",
                        "\"%s\" has alternatives outside of brackets: with oslo_compat all but "
                        "the last match the beginning of an argument; write (?:...)",
                        text);
        if (admits_dotdot(lint, &filter->patterns[i], &read))
                findings_add(lint->findings, SEVERITY_WARNING, "dotdot", &place, NULL,
                             "\"%s\" also takes paths with \"..\", which lead anywhere", text);
        if (read.has_end_flag)
                findings_add(lint->findings, SEVERITY_WARNING, "end-flag", &place, "D6",
                             "\"%s\" has a flag that with oslo_compat lets more of an argument "
                             "follow",
                             text);
        if (read.has_loose_dot)
                findings_add(lint->findings, SEVERITY_NOTE, "loose-dot", &place, NULL,
                             "the dots in \"%s\" stand for any character; write \\.", text);
        if (*text && text[strlen(text) - 1] == '\\')
                findings_add(lint->findings, SEVERITY_WARNING, "backslash-at-end", &place, "D6",
                             "\"%s\" ends in a backslash", text);
}

static void check_compiles(const struct lint *lint, const struct filter *filter, size_t i)
{
        struct pattern *pattern = &filter->patterns[i];
        struct place place = lint_place(lint, filter);
        bool oslo_compat = lint->policy->settings->oslo_compat;
        int r;

        r = pattern_compile(pattern, oslo_compat);
        if (r == REGEX_E_BAD || r == REGEX_E_RAISE)
                findings_add(lint->findings, SEVERITY_ERROR, "bad-expression", &place, NULL,
                             "\"%s\" is no expression that Python takes, so the filter %s: %s",
                             pattern->text,
                             r == REGEX_E_BAD ? "never matches"
                                              : "refuses every command that reaches it",
                             pattern->reason);
        else if (r == REGEX_E_LIMIT)
                findings_add(lint->findings, SEVERITY_WARNING, "unsupported-expression", &place,
                             NULL, "\"%s\" is not supported, so the filter never matches: %s",
                             pattern->text, pattern->reason);
}

/* The first expression is held against the name of the command, whatever program runs then. */
static void check_name(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        struct pattern *pattern = &filter->patterns[0];

        if (lint_is_free(lint, pattern))
                findings_add(lint->findings, SEVERITY_WARNING, "other-name", &place, NULL,
                             "the first expression, \"%s\", takes commands of any name: \"%s\" "
                             "runs for each",
                             pattern->text, filter->exec_path);
        else if (!pattern->error && !lint_matches(lint, pattern, filter->exec_path) &&
                 !lint_matches(lint, pattern, word_basename(filter->exec_path)))
                findings_add(lint->findings, SEVERITY_WARNING, "other-name", &place, NULL,
                             "the first expression, \"%s\", does not take the name of the program, "
                             "\"%s\"",
                             pattern->text, filter->exec_path);
}

/**
 * lint_patterns() - look at the expressions of a filter
 * @lint:   where findings go
 * @filter: a filter of a class that has expressions
 */
void lint_patterns(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        size_t i;

        for (i = 0; i < filter->n_args; i++) {
                check_comma(lint, filter, i);
                if (i && !*filter->args[i])
                        findings_add(lint->findings, SEVERITY_WARNING, "empty-argument", &place,
                                     NULL,
                                     "expression %zu is empty, as behind a comma too many: it "
                                     "takes an empty argument only",
                                     i);
                if (pyre_is_literal(filter->args[i], strlen(filter->args[i])))
                        continue;
                check_compiles(lint, filter, i);
                check_meaning(lint, filter, i);
        }
        if (filter->n_args)
                check_name(lint, filter);
}
