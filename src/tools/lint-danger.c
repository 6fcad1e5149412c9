/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and variables that give root away where the caller chooses what they are given. */
#include <string.h>

#include "config/settings.h"
#include "policy/pattern.h"
#include "tools/danger.h"
#include "tools/expression.h"
#include "tools/lint.h"

/* Which argument does the caller choose? Return: its expression, NULL if none is left to him */
static const char *find_free_argument(const struct lint *lint, const struct filter *filter)
{
        struct expression read;
        size_t i;

        for (i = 1; i < filter->n_args; i++)
                if (lint_is_free(lint, &filter->patterns[i]))
                        return filter->args[i];
        for (i = 1; i < filter->n_args; i++) {
                expression_read(&read, filter->args[i]);
                if (read.is_wild)
                        return filter->args[i];
        }
        return NULL;
}

/* Programs that do anything when somebody else chooses their arguments. */
static void check_program(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        const char *program = word_basename(filter->exec_path);
        const char *danger = danger_of(program);
        const char *argument;

        if (!danger || strcmp(filter->run_as, "root") != 0)
                return;
        if (filter->class == &filter_command || filter->class == &filter_env) {
                findings_add(lint->findings, SEVERITY_WARNING, "danger", &place, NULL,
                             "\"%s\" as root with free arguments: %s", program, danger);
        } else if (filter->class == &filter_regexp) {
                argument = find_free_argument(lint, filter);
                if (argument)
                        findings_add(lint->findings, SEVERITY_WARNING, "danger", &place, NULL,
                                     "\"%s\" as root, where \"%s\" leaves an argument free: %s",
                                     program, argument, danger);
        }
}

/* Variables that make a program do something else, where the caller chooses their value. */
static void check_variables(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        size_t i;

        for (i = 0; i < filter->n_env && strcmp(filter->run_as, "root") == 0; i++) {
                const char *variable = filter->args[i];
                int n_name = (int)strcspn(variable, "=");
                const char *danger = danger_of_variable(variable, (size_t)n_name);

                if (danger && (!variable[n_name + 1] || lint->policy->settings->oslo_compat))
                        findings_add(lint->findings, SEVERITY_WARNING, "danger", &place, NULL,
                                     "\"%.*s\" with a free value, as root: %s", n_name, variable,
                                     danger);
        }
}

/**
 * lint_danger() - what could be done with a filter's command?
 * @lint:   where findings go
 * @filter: the filter
 */
void lint_danger(const struct lint *lint, const struct filter *filter)
{
        check_program(lint, filter);
        check_variables(lint, filter);
}
