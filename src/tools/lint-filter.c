/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter's class makes of its arguments: dangers, what is ignored, what the two modes differ
 * in. */
#include <string.h>

#include "config/settings.h"
#include "policy/signal-name.h"
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

static void lint_command(const struct lint *lint, const struct filter *filter)
{
        if (filter->n_args)
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", NULL,
                    "arguments of a CommandFilter behind run_as are ignored: any are allowed");
}

static void lint_regexp(const struct lint *lint, const struct filter *filter)
{
        if (!filter->n_args)
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "a RegExpFilter without expressions never matches");
        else
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D6",
                    "with oslo_compat an argument may end in a newline that the expression does "
                    "not have");
}

/* Is it what a resolved path can begin with? */
static bool is_canonical(const char *path)
{
        size_t n;

        for (path++; *path; path += n + (path[n] ? 1 : 0)) {
                n = strcspn(path, "/");
                if (!n || strncmp(path, "./", n + 1) == 0 || strncmp(path, "../", n + 1) == 0)
                        return false;
                if (!path[n])
                        return strcmp(path, ".") != 0 && strcmp(path, "..") != 0;
        }
        return true;
}

/* A path that is compared with resolved ones, and would be another one if it were resolved. */
static void check_link(const struct lint *lint,
                       const struct filter *filter,
                       const char *path,
                       const char *why)
{
        struct place place = lint_place(lint, filter);
        const char *resolved;

        if (system_realpath(lint->system, &lint->findings->arena, path, &resolved) == 0 &&
            strcmp(path, resolved) != 0)
                findings_add(lint->findings, SEVERITY_WARNING, "path-is-link", &place, NULL,
                             "\"%s\" is \"%s\" on this machine, and %s: it never matches", path,
                             resolved, why);
}

static void check_directory(const struct lint *lint,
                            const struct filter *filter,
                            const char *constraint)
{
        struct place place = lint_place(lint, filter);
        size_t n = strlen(constraint);
        const char *path;

        if (!is_canonical(constraint)) {
                findings_add(lint->findings, SEVERITY_ERROR, "never-matches", &place, NULL,
                             "no resolved path lies below \"%s\": write it without \".\", \"..\" "
                             "and double slashes",
                             constraint);
                return;
        }
        n -= n > 1 && constraint[n - 1] == '/';
        path = arena_copy(&lint->findings->arena, constraint, n);
        if (path)
                check_link(lint, filter, path, "arguments are compared without links");
}

static void check_constraint(const struct lint *lint,
                             const struct filter *filter,
                             const char *constraint)
{
        struct place place = lint_place(lint, filter);
        bool is_path = constraint[0] == '/';

        if (strpbrk(constraint, is_path ? "*?()[]{}|\\^$+" : "*?|\\^$"))
                findings_add(lint->findings, SEVERITY_WARNING, "expression-in-path", &place, NULL,
                             "\"%s\" looks like an expression; a PathFilter takes it literally",
                             constraint);
        else if (is_path)
                check_directory(lint, filter, constraint);
}

static void lint_path(const struct lint *lint, const struct filter *filter)
{
        bool has_path = false;
        size_t i;

        for (i = 0; i < filter->n_args; i++) {
                const char *constraint = filter->args[i];

                has_path |= constraint[0] == '/' && constraint[strlen(constraint) - 1] != '/';
                check_constraint(lint, filter, constraint);
        }
        if (!filter->n_args)
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "a PathFilter without constraints never matches");
        if (has_path)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D2",
                    "by default a path must be the directory or lie below it, with oslo_compat its "
                    "text need only begin alike");
}

/* The command behind the variables, and `env` before them. */
static void check_env_command(const struct lint *lint, const struct filter *filter)
{
        bool has_command = filter->exec_path != filter->wrapper;

        if (filter->n_args > filter->n_env + has_command)
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", "D17",
                    "arguments behind the command of an EnvFilter are ignored, but for their "
                    "number: any are allowed");
        if (!has_command && strcmp(word_basename(filter->wrapper), "env") == 0)
                add(lint, filter, SEVERITY_WARNING, "no-command", NULL,
                    "it names no command behind its variables: \"env\" itself would run");
        if (filter->n_env_names != filter->n_env)
                add(lint, filter,
                    lint->policy->settings->oslo_compat ? SEVERITY_WARNING : SEVERITY_ERROR,
                    "never-matches", "D17", "it names a variable twice, and no command");
        if (has_command && strcmp(word_basename(filter->wrapper), "env") != 0)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D17",
                    "the program is not \"env\": by default the filter never matches");
}

static void lint_env(const struct lint *lint, const struct filter *filter)
{
        bool has_value = false;
        size_t i;

        for (i = 0; i < filter->n_env; i++)
                has_value |= strchr(filter->args[i], '=')[1] != '\0';
        if (!filter->n_env) {
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "an EnvFilter without variables never matches");
                return;
        }
        check_env_command(lint, filter);
        if (has_value)
                add(lint, filter, SEVERITY_WARNING, "mode-differs", "D17",
                    "by default a variable must have the value that is written, with oslo_compat "
                    "any");
        else
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D17",
                    "with oslo_compat a variable may be given twice, and an empty value is dropped");
        if (!filter->n_env_before)
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D17",
                    "with oslo_compat every filter behind it is shown commands without a leading "
                    "\"env\"");
}

static void lint_read_file(const struct lint *lint, const struct filter *filter)
{
        if (filter->n_args > 1)
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", NULL,
                    "a ReadFileFilter takes one file, what follows it is ignored");
        if (filter->args[0][0] != '/')
                add(lint, filter, SEVERITY_WARNING, "relative-path", NULL,
                    "the file is looked for where the caller stands");
}

static void lint_kill(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        size_t i;

        if (!filter->n_args)
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "a KillFilter without a program refuses every kill that reaches it");
        if (filter->n_args && filter->args[0][0] == '/')
                check_link(lint, filter, filter->args[0],
                           "the program of a process is told without links");
        for (i = 1; i < filter->n_args; i++)
                if (signal_name_parse(filter->args[i]) < 0)
                        findings_add(lint->findings, SEVERITY_WARNING, "unknown-signal", &place,
                                     "D18", "\"%s\" is not a signal: by default it is refused",
                                     filter->args[i]);
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D18",
            "by default the process that was checked is sent the signal itself, with oslo_compat "
            "kill is run and may meet another");
}

/* Classes that know the command's name by themselves, and take no arguments of their own. */
static void check_ip(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);

        if (strcmp(word_basename(filter->exec_path), "ip") != 0)
                findings_add(lint->findings, SEVERITY_WARNING, "other-name", &place, NULL,
                             "an %s takes commands named \"ip\": \"%s\" runs for them",
                             filter->class->name, filter->exec_path);
        if (filter->n_args)
                add(lint, filter, SEVERITY_WARNING, "ignored-arguments", NULL,
                    "what follows run_as is ignored");
}

static void lint_ip(const struct lint *lint, const struct filter *filter)
{
        check_ip(lint, filter);
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D3",
            "by default options and abbreviations of ip are understood and \"-batch\" and all "
            "forms of \"netns exec\" and \"vrf exec\" refused, with oslo_compat only some forms");
}

static void lint_chaining(const struct lint *lint, const struct filter *filter)
{
        add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
            "a ChainingFilter never accepts a command");
}

static void add_chain(const struct lint *lint, const struct filter *filter)
{
        add(lint, filter, SEVERITY_WARNING, "mode-differs", "D1",
            "by default the resolved path of the inner command is what runs, with oslo_compat the "
            "path that was given");
}

static void lint_ip_netns_exec(const struct lint *lint, const struct filter *filter)
{
        check_ip(lint, filter);
        if (strcmp(filter->run_as, "root") != 0)
                add(lint, filter, SEVERITY_ERROR, "never-matches", NULL,
                    "an IpNetnsExecFilter that does not run as root never matches");
        add_chain(lint, filter);
}

static void lint_chaining_regexp(const struct lint *lint, const struct filter *filter)
{
        if (!filter->n_args)
                add(lint, filter,
                    lint->policy->settings->oslo_compat ? SEVERITY_WARNING : SEVERITY_ERROR,
                    "no-expression", "D1",
                    "without an expression for the outer command it never matches by default, and "
                    "takes every command with oslo_compat");
        else
                add(lint, filter, SEVERITY_NOTE, "mode-differs", "D6",
                    "with oslo_compat an argument may end in a newline that the expression does "
                    "not have");
        add_chain(lint, filter);
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
        { &filter_read_file, lint_read_file },
        { &filter_kill, lint_kill },
        { &filter_ip, lint_ip },
        { &filter_chaining, lint_chaining },
        { &filter_ip_netns_exec, lint_ip_netns_exec },
        { &filter_chaining_regexp, lint_chaining_regexp },
        { &filter_privsep, lint_privsep },
};

static void check_class(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        size_t i;

        if (filter->line_replaced)
                findings_add(lint->findings, SEVERITY_WARNING, "defined-twice", &place, NULL,
                             "it takes the place of the filter of the same name in line %u, which "
                             "does not count",
                             filter->line_replaced);
        for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
                if (checks[i].class == filter->class)
                        checks[i].lint(lint, filter);
}

/**
 * lint_one() - look at a filter from all sides
 * @lint:   where findings go
 * @number: of the filter
 */
void lint_one(const struct lint *lint, uint32_t number)
{
        const struct filter *filter = &lint->policy->filters[number];

        check_class(lint, filter);
        lint_shadow(lint, number);
        if (filter->class->has_patterns)
                lint_patterns(lint, filter);
        lint_danger(lint, filter);
        if (filter->file)
                lint_program(lint, filter);
}
