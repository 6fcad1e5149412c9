/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A refusal says it in oslo.rootwrap's words first, for those who look for them, and then what
 * would help: where the filter is whose program is missing, or which of our rules stands between
 * oslo.rootwrap's yes and our no.
 */
#include "policy/refusal.h"

#include <string.h>

#include "config/settings.h"
#include "policy/decision.h"
#include "policy/policy.h"
#include "util/text.h"

/**
 * refusal_put_words() - append a command line as it was asked for, escaped and cut
 * @text: where to
 * @argv: the command, NULL-terminated
 */
void refusal_put_words(struct text *text, const char *const *argv)
{
        size_t n_max = text->n_bytes + REFUSAL_WORDS_BYTES_MAX;
        size_t i;

        for (i = 0; argv[i] && text->n_bytes < n_max; i++) {
                if (i)
                        text_put_char(text, ' ');
                text_put_escaped(text, argv[i], strlen(argv[i]), REFUSAL_WORDS_BYTES_MAX);
        }
        if (argv[i])
                text_put_string(text, " ...");
}

/**
 * refusal_put_verdict() - append oslo.rootwrap's sentence
 * @text:     where to
 * @decision: does not allow it
 * @argv:     the command
 */
void refusal_put_verdict(struct text *text,
                         const struct decision *decision,
                         const char *const *argv)
{
        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                text_printf(text, "Executable not found: %s (filter match = %s)",
                            decision->filter->exec_path, decision->filter->name);
                return;
        }
        text_put_string(text, "Unauthorized command: ");
        refusal_put_words(text, argv);
        text_put_string(text, " (no filter matched)");
}

/**
 * refusal_put_missing() - append where the filter is, and where its program was looked for
 * @text:     where to
 * @decision: its verdict is VERDICT_NOT_EXECUTABLE
 * @policy:   the policy
 */
void refusal_put_missing(struct text *text,
                         const struct decision *decision,
                         const struct policy *policy)
{
        const struct directories *directories = &policy->settings->exec_dirs;
        const struct filter *filter = decision->filter;
        size_t i;

        if (filter->file)
                text_printf(text, "The filter is %s:%u", filter->file, filter->line);
        else
                text_put_string(text, "The filter is implicit");
        for (i = 0; i < directories->n_paths && filter->exec_path[0] != '/'; i++)
                text_printf(text, "%s%s", i ? ", " : "; exec_dirs: ", directories->paths[i]);
}

/**
 * refusal_put_stricter() - append which of our rules refused what oslo.rootwrap allows
 * @text:     where to; as it was, where there is none
 * @decision: the one that is to be explained
 * @policy:   the policy
 * @system:   the machine
 * @argv:     the command
 *
 * It decides twice more: not for where time counts.
 *
 * Return: is there such a rule?
 */
bool refusal_put_stricter(struct text *text,
                          const struct decision *decision,
                          const struct policy *policy,
                          const struct system *system,
                          const char *const *argv)
{
        struct decision other;
        unsigned int rules;
        bool would_differ;
        enum rule rule;
        int r;

        if (policy->settings->oslo_compat)
                return false;
        r = decision_make(&other, policy, system, argv, DECISION_HYPOTHETICAL);
        would_differ = r == 0 && other.verdict != decision->verdict;
        if (would_differ && other.filter)
                text_printf(
                        text,
                        "Refused by a rule stricter than oslo.rootwrap, whose filter match = %s",
                        other.filter->name);
        decision_deinit(&other);
        if (!would_differ)
                return false;

        r = decision_make(&other, policy, system, argv, DECISION_DIAGNOSE);
        rules = r ? 0 : other.rules;
        while ((rule = rule_next(&rules)) != RULE_NONE)
                text_printf(text, "; %s: %s", rule_id(rule), rule_text(rule));
        text_put_string(text, "; see rootwrap.filters(5)");
        decision_deinit(&other);
        return true;
}
