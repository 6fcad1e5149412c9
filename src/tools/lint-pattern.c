/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions that are looser than they look, or mean something else. These are readings of the
 * text by rules of thumb, so they are warnings; only what the compiler itself refuses is an error.
 */
#include <string.h>

#include "config/settings.h"
#include "policy/pattern.h"
#include "policy/pyre.h"
#include "policy/regex.h"
#include "tools/lint.h"

/* What stands open at the end of a piece, and what is closed that was not open. */
struct brackets {
        int n_round;
        int n_square;
        int n_curly;
        bool has_alternative; /* a `|` outside of all brackets */
};

static struct brackets read_brackets(const char *text)
{
        struct brackets found = { 0 };

        for (; *text; text++) {
                if (*text == '\\') {
                        if (!*++text)
                                break;
                        continue;
                }
                if (*text == '[' && !found.n_square) {
                        found.n_square = 1;
                        if (text[1] == '^')
                                text++;
                        if (text[1] == ']')
                                text++;
                        continue;
                }
                if (found.n_square) {
                        found.n_square = *text != ']';
                        continue;
                }
                found.n_round += (*text == '(') - (*text == ')');
                found.n_curly += (*text == '{') - (*text == '}');
                found.has_alternative |= *text == '|' && !found.n_round;
        }
        return found;
}

static void check_comma(const struct lint *lint, const struct filter *filter, size_t i)
{
        struct place place = lint_place(lint, filter);
        struct brackets before = read_brackets(filter->args[i]);
        struct brackets after;

        if (i + 1 >= filter->n_args)
                return;
        after = read_brackets(filter->args[i + 1]);
        if ((before.n_curly > 0 && after.n_curly < 0) ||
            (before.n_round > 0 && after.n_round < 0) ||
            (before.n_square && strchr(filter->args[i + 1], ']')))
                findings_add(
                        lint->findings, SEVERITY_WARNING, "comma-in-expression", &place, "D6b",
                        "\"%s\" and \"%s\" look like one expression, but a comma always separates "
                        "two; as a character it can be written \\x2c, in a repeat not at all",
                        filter->args[i], filter->args[i + 1]);
}

/* Does it take a path with `..` in it? */
static bool admits_dotdot(const char *text)
{
        return text[strspn(text, "^(")] == '/' &&
               (strstr(text, ".*") || strstr(text, ".+") || strstr(text, "\\S+") ||
                strstr(text, "\\S*") || strstr(text, "[^/\\0]"));
}

static void check_meaning(const struct lint *lint, const struct filter *filter, size_t i)
{
        struct place place = lint_place(lint, filter);
        const char *text = filter->args[i];

        if (read_brackets(text).has_alternative)
                findings_add(
                        lint->findings, SEVERITY_WARNING, "alternative", &place, "D6",
                        "\"%s\" has alternatives outside of brackets: with oslo_compat all but "
                        "the last match the beginning of an argument; write (?:...)",
                        text);
        if (admits_dotdot(text))
                findings_add(lint->findings, SEVERITY_WARNING, "dotdot", &place, NULL,
                             "\"%s\" also takes paths with \"..\", which lead anywhere", text);
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

/**
 * lint_patterns() - look at the expressions of a filter
 * @lint:   where findings go
 * @filter: a filter of a class that has expressions
 */
void lint_patterns(const struct lint *lint, const struct filter *filter)
{
        size_t i;

        for (i = 0; i < filter->n_args; i++) {
                check_comma(lint, filter, i);
                if (pyre_is_literal(filter->args[i], strlen(filter->args[i])))
                        continue;
                check_meaning(lint, filter, i);
                check_compiles(lint, filter, i);
        }
}
