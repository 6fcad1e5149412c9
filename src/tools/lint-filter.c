/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter's class makes of its arguments: dangers, what is ignored, what the two modes differ
 * in. */
#include <string.h>

#include "config/settings.h"
#include "policy/index.h"
#include "policy/signal-name.h"
#include "tools/danger.h"
#include "tools/lint.h"

/**
 * lint_place() - where a filter stands
 * @lint:   the policy it belongs to
 * @filter: the filter; an implicit one stands in the configuration file
 */
struct place lint_place(const struct lint *lint, const struct filter *filter)
{
        return (struct place){
                .file = filter->file ? filter->file : lint->policy->settings->file,
                .line = filter->line,
                .filter = filter->name,
        };
}

static void add(const struct lint *lint,
                const struct filter *filter,
                enum severity severity,
                const char *code,
                const char *rule,
                const char *text)
{
        struct place place = lint_place(lint, filter);

        findings_add(lint->findings, severity, code, &place, rule, "%s", text);
}

/* Programs that do anything when somebody else chooses their arguments. */
static void check_danger(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        const char *danger = danger_of(word_basename(filter->exec_path));
        bool is_free = filter->class == &filter_command || filter->class == &filter_env;
        size_t i;

        if (!danger || strcmp(filter->run_as, "root") != 0)
                return;
        if (is_free)
                findings_add(lint->findings, SEVERITY_WARNING, "danger", &place, NULL,
                             "\"%s\" with free arguments %s as root",
                             word_basename(filter->exec_path), danger);
        for (i = 1; filter->class == &filter_regexp && i < filter->n_args; i++) {
                if (!strstr(filter->args[i], ".*") && !strstr(filter->args[i], ".+"))
                        continue;
                findings_add(lint->findings, SEVERITY_WARNING, "danger", &place, NULL,
                             "\"%s\" %s as root, and \"%s\" leaves an argument free",
                             word_basename(filter->exec_path), danger, filter->args[i]);
                return;
        }
}

static void lint_command(const struct lint *lint, const struct filter *filter)
{
        if (filter->n_args)
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", NULL,
                    "arguments of a CommandFilter behind run_as are ignored: any are allowed");
}

static void lint_regexp(const struct lint *lint, const struct filter *filter)
{
        if (!filter->n_args)
                add(lint, filter, SEVERITY_WARNING, "never-matches", NULL,
                    "a RegExpFilter without expressions never matches");
        else
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D6",
                    "with oslo_compat an argument may end in a newline that the expression does "
                    "not have");
}

static void lint_path(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        bool has_path = false;
        size_t i;

        for (i = 0; i < filter->n_args; i++) {
                const char *constraint = filter->args[i];

                if (constraint[0] != '/')
                        continue;
                has_path |= constraint[strlen(constraint) - 1] != '/';
                if (strpbrk(constraint, "*?()[]{}|\\^$+"))
                        findings_add(lint->findings, SEVERITY_WARNING, "expression-in-path", &place,
                                     NULL,
                                     "\"%s\" looks like an expression; a PathFilter takes it "
                                     "literally",
                                     constraint);
        }
        if (!filter->n_args)
                add(lint, filter, SEVERITY_WARNING, "never-matches", NULL,
                    "a PathFilter without constraints never matches");
        if (has_path)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D2",
                    "by default a path must be the directory or lie below it, with oslo_compat its "
                    "text need only begin alike");
}

static void lint_env(const struct lint *lint, const struct filter *filter)
{
        bool has_value = false;
        size_t i;

        for (i = 0; i < filter->n_env; i++)
                has_value |= strchr(filter->args[i], '=')[1] != '\0';
        if (!filter->n_env)
                add(lint, filter, SEVERITY_WARNING, "never-matches", NULL,
                    "an EnvFilter without variables never matches");
        if (filter->n_args > filter->n_env + (filter->exec_path != filter->wrapper))
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", "D17",
                    "arguments behind the command of an EnvFilter are ignored, but for their "
                    "number: any are allowed");
        if (has_value)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D17",
                    "by default a variable must have the value that is written, with oslo_compat "
                    "any");
        else
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D17",
                    "with oslo_compat a variable may be given twice, and an empty value is dropped");
        if (filter->exec_path != filter->wrapper &&
            strcmp(word_basename(filter->wrapper), "env") != 0)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D17",
                    "the program is not \"env\": by default the filter never matches");
}

static void lint_kill(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        size_t i;

        if (!filter->n_args)
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "a KillFilter without a program refuses every kill that reaches it");
        for (i = 1; i < filter->n_args; i++)
                if (signal_name_parse(filter->args[i]) < 0)
                        findings_add(lint->findings, SEVERITY_WARNING, "unknown-signal", &place,
                                     "D18", "\"%s\" is not a signal: by default it is refused",
                                     filter->args[i]);
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D18",
            "by default the process that was checked is sent the signal itself, with oslo_compat "
            "kill is run and may meet another");
}

static void lint_ip(const struct lint *lint, const struct filter *filter)
{
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D3",
            "by default options and abbreviations of ip are understood and \"-batch\" and all "
            "forms of \"netns exec\" and \"vrf exec\" refused, with oslo_compat only some forms");
}

static void lint_chain(const struct lint *lint, const struct filter *filter)
{
        if (filter->class == &filter_chaining) {
                add(lint, filter, SEVERITY_WARNING, "never-matches", NULL,
                    "a ChainingFilter never accepts a command");
                return;
        }
        if (filter->class == &filter_ip_netns_exec && strcmp(filter->run_as, "root") != 0)
                add(lint, filter, SEVERITY_WARNING, "never-matches", NULL,
                    "an IpNetnsExecFilter that does not run as root never matches");
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D1",
            "by default the resolved path of the inner command is what runs, with oslo_compat the "
            "path that was given");
}

static void lint_privsep(const struct lint *lint, const struct filter *filter)
{
        add(lint, filter, SEVERITY_NOTE, "mode-differs", "D0",
            "the implicit filter allows privsep-helper with the options of oslo.privsep only, with "
            "oslo_compat with any");
}

static const struct {
        const struct filter_class *class;
        void (*lint)(const struct lint *lint, const struct filter *filter);
} checks[] = {
        { &filter_command, lint_command },
        { &filter_regexp, lint_regexp },
        { &filter_path, lint_path },
        { &filter_env, lint_env },
        { &filter_kill, lint_kill },
        { &filter_ip, lint_ip },
        { &filter_chaining, lint_chain },
        { &filter_ip_netns_exec, lint_chain },
        { &filter_chaining_regexp, lint_chain },
        { &filter_privsep, lint_privsep },
};

/**
 * lint_filter() - look at a filter's definition
 * @lint:   where findings go
 * @filter: the filter
 */
void lint_filter(const struct lint *lint, const struct filter *filter)
{
        size_t i;

        for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
                if (checks[i].class == filter->class)
                        checks[i].lint(lint, filter);
        check_danger(lint, filter);
}

/* Does an EnvFilter take all that another one takes? */
static bool env_covers(const struct filter *earlier, const struct filter *later)
{
        size_t i;
        size_t k;

        if (earlier->class != &filter_env || earlier->n_env != later->n_env ||
            earlier->n_args > later->n_args)
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
            strcmp(a->exec_path, b->exec_path) != 0)
                return false;
        for (i = 0; i < a->n_args; i++)
                if (strcmp(a->args[i], b->args[i]) != 0)
                        return false;
        return true;
}

/* Names that a filter takes: certain only for these classes. */
static const char *certain_name(const struct filter *filter)
{
        if (filter->class == &filter_regexp)
                return filter->n_args ? filter->args[0] : NULL;
        if (filter->class == &filter_kill)
                return "kill";
        if (filter->class == &filter_read_file)
                return "cat";
        if (filter->class == &filter_ip || filter->class == &filter_ip_netns_exec)
                return "ip";
        if (filter->class == &filter_command || filter->class == &filter_path)
                return filter->exec_path;
        return NULL;
}

/* Does the earlier filter certainly take every command of the later one? */
static bool covers(const struct filter *earlier, const struct filter *later)
{
        const char *name = certain_name(later);

        if (strcmp(earlier->run_as, later->run_as) != 0)
                return false;
        if (same_definition(earlier, later))
                return true;
        if (later->class == &filter_env)
                return filter_names_command(earlier, later->exec_path) &&
                       filter_names_command(earlier, word_basename(later->exec_path)) &&
                       env_covers(earlier, later);
        return earlier->class == &filter_command && name && filter_names_command(earlier, name) &&
               filter_names_command(earlier, word_basename(name));
}

/**
 * lint_shadow() - is a filter out of reach behind an earlier one?
 * @lint:   where findings go
 * @number: of the filter
 */
void lint_shadow(const struct lint *lint, uint32_t number)
{
        const struct filter *later = &lint->policy->filters[number];
        struct place place = lint_place(lint, later);
        struct index_walk walk;
        struct word v[2];
        uint32_t other;

        if (!later->file)
                return;
        word_set(&v[0], "A=");
        word_set(&v[1], certain_name(later) ? certain_name(later) : later->exec_path);
        index_walk_init(&walk, lint->policy,
                        later->class == &filter_env ? (struct words){ v, 2 }
                                                    : (struct words){ v + 1, 1 });
        while ((other = index_next(&walk)) < number) {
                const struct filter *earlier = &lint->policy->filters[other];

                if (!covers(earlier, later))
                        continue;
                findings_add(lint->findings, SEVERITY_WARNING, "unreachable", &place, NULL,
                             "every command it takes is taken before by \"%s\" (%s:%u)",
                             earlier->name, earlier->file, earlier->line);
                return;
        }
}
