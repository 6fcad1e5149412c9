/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the rules, as the log, `explain`, `lint` and rootwrap.filters(5) show them. The numbers
 * have gaps: they are those of a longer list, whose other rows refuse nothing that a filter allows.
 */
#include "policy/rule.h"

#include <stddef.h>

static const struct {
        enum rule rule;
        const char *id;
        const char *text;
} rule_names[] = {
        { RULE_PRIVSEP, "D0", "privsep-helper is allowed only with the options of oslo.privsep" },
        { RULE_INNER, "D1", "inside another command, the resolved path is what runs" },
        { RULE_PATH, "D2", "paths are compared by whole components" },
        { RULE_IP, "D3", "ip's own options and abbreviations are understood" },
        { RULE_WHOLE, "D6", "a pattern must match the whole argument" },
        { RULE_ENV, "D17", "variables and values must be those of the filter" },
        { RULE_KILL, "D18", "the process that was checked is the one that gets the signal" },
};

/**
 * rule_id() - the short name of a rule
 * @rule: one rule
 *
 * Return: "D0" and so on, NULL for RULE_NONE
 */
const char *rule_id(enum rule rule)
{
        size_t i;

        for (i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++)
                if (rule_names[i].rule == rule)
                        return rule_names[i].id;
        return NULL;
}

/**
 * rule_text() - a rule in a phrase
 * @rule: one rule
 *
 * Return: the phrase, NULL for RULE_NONE
 */
const char *rule_text(enum rule rule)
{
        size_t i;

        for (i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++)
                if (rule_names[i].rule == rule)
                        return rule_names[i].text;
        return NULL;
}

/**
 * rule_next() - take the first rule off a set
 * @rules: bits of enum rule
 *
 * Return: that rule, RULE_NONE when the set is empty
 */
enum rule rule_next(unsigned int *rules)
{
        unsigned int first = *rules & -*rules;

        *rules &= ~first;
        return (enum rule)first;
}
