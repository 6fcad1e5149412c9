/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrapctl explain: what becomes of a command, for people, as one JSON object, or as one object
 * a line for commands read from stdin. The JSON is a stable interface: see rootwrapctl(1).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"
#include "policy/words.h"
#include "spawn/identity.h"
#include "tools/rootwrapctl.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/json-text.h"
#include "util/text.h"
#include "wire/json-strings.h"

static const char help[] =
        "usage: rootwrapctl explain [--json] CONFIG COMMAND [ARG...]\n"
        "       rootwrapctl explain --json --batch CONFIG\n"
        "\n"
        "Says which filter allows the command and what would be executed, as whom and with which\n"
        "environment; or, filter by filter that names this command, why it does not match.\n"
        "Nothing is executed.\n"
        "\n"
        "  --json   print one JSON object\n"
        "  --batch  read commands from stdin, one JSON array of strings a line\n"
        "  --help   print this text\n"
        "\n"
        "Exit status: 0 allowed, 99 no filter matches, 96 a filter matches but its program is\n"
        "missing, 97 the configuration can't be used; with --batch 0 when all lines were read.\n";

/* The variables that an EnvFilter adds, the last of equal names. */
static void put_env_object(struct text *text, const char *const *env)
{
        bool is_first = true;
        size_t i;
        size_t k;

        text_put_char(text, '{');
        for (i = 0; env && env[i]; i++) {
                size_t n = strcspn(env[i], "=");

                for (k = i + 1; env[k]; k++)
                        if (strncmp(env[i], env[k], n + 1) == 0)
                                break;
                if (env[k])
                        continue;
                if (!is_first)
                        text_put_string(text, ", ");
                is_first = false;
                text_put_json(text, env[i], n);
                text_put_string(text, ": ");
                text_put_json(text, env[i] + n + 1, strlen(env[i] + n + 1));
        }
        text_put_char(text, '}');
}

static void put_json(struct text *text, const struct decision *decision)
{
        const struct filter *filter = decision->filter;
        bool is_allowed = decision->verdict == VERDICT_ALLOW;

        text_printf(text, "{\"decision\": \"%s\", \"filter\": ", verdict_name(decision->verdict));
        text_put_json_or_null(text, filter ? filter->name : NULL);
        text_put_string(text, ", \"class\": ");
        text_put_json_or_null(text, filter ? filter->class->name : NULL);
        text_put_string(text, ", \"run_as\": ");
        text_put_json_or_null(text, filter ? filter->run_as : NULL);
        text_put_string(text, ", \"argv\": ");
        text_put_json_strings(text, is_allowed ? decision->command.argv : NULL);
        text_put_string(text, ", \"env\": ");
        put_env_object(text, is_allowed ? decision->command.env : NULL);
        text_printf(text, ", \"exit_code\": %d}", verdict_exit_code(decision->verdict));
}

/* A command as a shell would take it. */
static void put_shell_words(struct text *text, const char *const *words)
{
        static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "_@%+=:,./-";
        size_t i;
        size_t n;

        for (i = 0; words[i]; i++) {
                const char *word = words[i];

                if (i)
                        text_put_char(text, ' ');
                if (*word && word[strspn(word, safe)] == '\0') {
                        text_put_string(text, word);
                        continue;
                }
                text_put_char(text, '\'');
                for (; *word; word += n + (word[n] ? 1 : 0)) {
                        n = strcspn(word, "'");
                        text_put_escaped(text, word, n, SIZE_MAX);
                        text_put_string(text, word[n] ? "'\\''" : "");
                }
                text_put_char(text, '\'');
        }
}

static void put_filter(struct text *text, const struct filter *filter)
{
        text_put_escaped(text, filter->name, strlen(filter->name), 200);
        text_printf(text, " (%s", filter->class->name);
        if (filter->file)
                text_printf(text, ", %s:%u)", filter->file, filter->line);
        else
                text_put_string(text, ", implicit)");
}

static void put_user(struct text *text, const struct loaded *loaded, const char *user)
{
        struct identity identity = { 0 };
        int r;
        int i;

        text_put_string(text, user);
        r = identity_look_up(&identity, user, loaded->settings.oslo_compat);
        if (r) {
                text_put_string(text, strcmp(user, "root") == 0 ? "" : ": there is no such user");
        } else if (strcmp(user, "root") == 0) {
                text_put_string(text, " (uid, gid and groups stay as they are)");
        } else if (identity.is_uid_only) {
                text_printf(text, " (uid %u; gid and groups stay as they are)", identity.uid);
        } else {
                text_printf(text, " (uid %u, gid %u, groups", identity.uid, identity.gid);
                for (i = 0; i < identity.n_groups; i++)
                        text_printf(text, " %u", identity.groups[i]);
                text_put_char(text, ')');
        }
        identity_deinit(&identity);
}

static void put_allowed(struct text *text,
                        const struct loaded *loaded,
                        const struct decision *decision)
{
        const char *const *env = decision->command.env;
        size_t i;

        text_put_string(text, "allowed by ");
        put_filter(text, decision->filter);
        if (decision->inner) {
                text_put_string(text, "\n  and, for the command inside, by ");
                put_filter(text, decision->inner);
        }
        text_put_string(text, "\n  executes: ");
        put_shell_words(text, decision->command.argv);
        if (decision->pidfd >= 0)
                text_printf(text, "\n  in whose place the checked process itself is sent signal %d",
                            decision->signal);
        text_put_string(text, "\n  as:       ");
        put_user(text, loaded, decision->filter->run_as);
        for (i = 0; env && env[i]; i++) {
                text_put_string(text, i ? "\n            " : "\n  with:     ");
                text_put_escaped(text, env[i], strlen(env[i]), 4096);
        }
        text_put_char(text, '\n');
        if (decision->warning.n_bytes) {
                text_put_string(text, "  warning:  ");
                text_put_escaped(text, text_get(&decision->warning), decision->warning.n_bytes,
                                 4096);
                text_put_char(text, '\n');
        }
}

/* Could a filter that was skipped have been for this command? Its class would say which word of its
 * definition is the command, so any will do. */
static bool is_about(const struct policy_note *note, const char *command)
{
        size_t i;

        for (i = 1; i < note->n_pieces; i++)
                if (strcmp(word_basename(note->pieces[i]), word_basename(command)) == 0)
                        return true;
        return false;
}

static size_t put_skipped(struct text *text, const struct policy *policy, const char *command)
{
        size_t n = 0;
        size_t i;

        for (i = 0; command && *command && i < policy->n_notes; i++) {
                const struct policy_note *note = &policy->notes[i];

                if (!note->filter || !is_about(note, command))
                        continue;
                n++;
                text_put_string(text, "  ");
                text_put_escaped(text, note->filter, strlen(note->filter), 200);
                text_printf(text, " (%s:%u) is skipped: unknown class \"", note->file, note->line);
                text_put_escaped(text, note->pieces[0], strlen(note->pieces[0]), 200);
                text_put_string(text, "\"\n");
        }
        return n;
}

static void put_reasons(struct text *text,
                        const struct policy *policy,
                        const struct decision *decision,
                        const char *command)
{
        size_t n_skipped;
        unsigned int rules;
        enum rule rule;
        size_t i;

        for (i = 0; i < decision->n_reasons; i++) {
                const struct decision_reason *reason = &decision->reasons[i];

                text_put_string(text, "  ");
                put_filter(text, reason->filter);
                text_printf(text, ":\n    %s\n", reason->text);
                rules = reason->rules;
                while ((rule = rule_next(&rules)) != RULE_NONE)
                        text_printf(text, "    by rule %s, %s\n", rule_id(rule), rule_text(rule));
        }
        n_skipped = put_skipped(text, policy, command);
        if (!decision->n_reasons && !n_skipped)
                text_put_string(text, "  no filter names this command\n");
}

static void put_refused(struct text *text,
                        const struct loaded *loaded,
                        const struct decision *decision,
                        const char *const *argv)
{
        struct decision as_oslo;

        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                text_put_string(text, "not executable: ");
                put_filter(text, decision->filter);
                text_printf(text, " matches, but \"%s\" is not there\n",
                            decision->filter->exec_path);
        } else {
                text_put_string(text, "refused: no filter matches\n");
        }
        put_reasons(text, &loaded->policy, decision, argv[0]);
        if (loaded->settings.oslo_compat)
                return;
        if (!decision_make(&as_oslo, &loaded->policy, &loaded->system, argv,
                           DECISION_HYPOTHETICAL) &&
            as_oslo.verdict == VERDICT_ALLOW) {
                text_put_string(text, "  with oslo_compat = true it would be allowed by ");
                put_filter(text, as_oslo.filter);
                text_put_string(text, ":\n  rootwrap.filters(5) has the rules that differ\n");
        }
        decision_deinit(&as_oslo);
}

/* One command. Return: its exit code, or RC_FAILED */
static int explain(const struct loaded *loaded, const char *const *argv, bool json)
{
        cleanup_text struct text text = { 0 };
        struct decision decision;
        int exit_code;
        int r;

        r = decision_make(&decision, &loaded->policy, &loaded->system, argv,
                          json ? 0 : DECISION_DIAGNOSE);
        if (r)
                (void)fprintf(stderr, "rootwrapctl: cannot decide: %s\n", strerror(-r));
        exit_code = r ? RC_FAILED : verdict_exit_code(decision.verdict);
        if (json) {
                put_json(&text, &decision);
                text_put_char(&text, '\n');
        } else if (!r && decision.verdict == VERDICT_ALLOW) {
                put_allowed(&text, loaded, &decision);
        } else if (!r) {
                put_refused(&text, loaded, &decision, argv);
        }
        decision_deinit(&decision);
        (void)fputs(text_get(&text), stdout);
        return fflush(stdout) || text.broken ? RC_FAILED : exit_code;
}

/* A line that is no command: it is refused like one, so that answers stay beside their lines. */
static int refuse_line(size_t number, const char *reason)
{
        static const struct decision refused = { .verdict = VERDICT_UNAUTHORIZED };
        cleanup_text struct text text = { 0 };

        (void)fprintf(stderr, "rootwrapctl: stdin:%zu: %s\n", number, reason);
        put_json(&text, &refused);
        (void)puts(text_get(&text));
        (void)fflush(stdout);
        return RC_FAILED;
}

static int explain_line(const struct loaded *loaded, const char *line, size_t n_line, size_t number)
{
        struct arena arena = { 0 };
        const char **argv;
        const char *reason = "out of memory";
        int r;

        r = json_read_strings(line, n_line, &arena, &argv, &reason);
        if (r)
                r = refuse_line(number, reason);
        else
                r = explain(loaded, argv, true);
        arena_deinit(&arena);
        return r == RC_FAILED ? RC_FAILED : 0;
}

static int explain_batch(const struct loaded *loaded)
{
        cleanup_free char *line = NULL;
        size_t number = 0;
        size_t n_room = 0;
        ssize_t n;
        int r = 0;

        while ((n = getline(&line, &n_room, stdin)) > 0)
                if (explain_line(loaded, line, (size_t)n, ++number))
                        r = RC_FAILED;
        return ferror(stdin) || ferror(stdout) ? RC_FAILED : r;
}

/**
 * explain_main() - rootwrapctl explain
 * @argc: number of words from the subcommand's name on
 * @argv: these words
 *
 * Return: the exit code
 */
int explain_main(int argc, char **argv)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "batch", no_argument, NULL, 'b' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        struct loaded loaded;
        bool json = false;
        bool batch = false;
        int c;
        int r;

        while ((c = getopt_long(argc, argv, "+h", options, NULL)) !=
               -1) { /* NOLINT(concurrency-mt-unsafe) */
                if (c == 'h') {
                        (void)fputs(help, stdout);
                        return 0;
                }
                if (c == '?') {
                        (void)fputs(help, stderr);
                        return RC_USAGE;
                }
                json |= c == 'j';
                batch |= c == 'b';
        }
        argc -= optind;
        argv += optind;
        if (batch ? argc != 1 || !json : argc < 2) {
                (void)fputs(help, stderr);
                return RC_USAGE;
        }
        r = loaded_init(&loaded, argv[0]);
        if (!r)
                r = batch ? explain_batch(&loaded)
                          : explain(&loaded, (const char *const *)argv + 1, json);
        loaded_deinit(&loaded);
        return r;
}
