/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrapctl lint: loads everything and says what is wrong or dangerous. A file that can't be
 * loaded does not hide the others: each is then looked at by itself.
 */
#include "tools/lint.h"

#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"
#include "tools/rootwrapctl.h"
#include "util/complaint.h"

static const char help[] =
        "usage: rootwrapctl lint [--json] CONFIG\n"
        "\n"
        "Loads the configuration and all filter files and reports, with file and line, what can't\n"
        "work, what allows more than it seems to, and which filters decide differently with and\n"
        "without oslo_compat.\n"
        "\n"
        "  --json  print one JSON object\n"
        "  --help  print this text\n"
        "\n"
        "Exit status: 0 clean (notes don't count), 1 warnings, 2 errors.\n";

static void add_complaint(struct findings *findings, const struct complaint *complaint)
{
        struct place place = {
                .file = complaint->file ? complaint->file : "?",
                .line = complaint->line,
        };

        if (findings_have(findings, "not-trusted", place.file))
                return;
        findings_add(findings, SEVERITY_ERROR, "not-loaded", &place, NULL, "%s",
                     complaint->text ? complaint->text : "out of memory");
}

static void lint_notes(const struct lint *lint)
{
        size_t i;

        for (i = 0; i < lint->policy->n_notes; i++) {
                const struct policy_note *note = &lint->policy->notes[i];
                struct place place = { .file = note->file, .line = note->line };

                if (note->line)
                        findings_add(lint->findings, SEVERITY_ERROR, "unknown-class", &place, NULL,
                                     "%s", note->text);
                else
                        findings_add(lint->findings, SEVERITY_WARNING, "skipped", &place,
                                     policy_skips(lint->policy->settings, word_basename(note->file))
                                             ? "D16"
                                             : NULL,
                                     "%s", note->text);
        }
}

/* The implicit filter belongs to no file, and counts once. */
static void lint_policy(const struct lint *lint, bool with_implicit)
{
        uint32_t i;

        lint_notes(lint);
        for (i = 0; i < lint->policy->n_filters; i++)
                if (lint->policy->filters[i].file || with_implicit)
                        lint_one(lint, i);
}

/* One file by itself, after the whole could not be loaded. */
static void lint_file(struct findings *findings, const struct loaded *loaded, const char *path)
{
        struct complaint complaint = { 0 };
        struct policy policy = { 0 };
        struct lint lint = { findings, &policy, &loaded->system };
        int r;

        r = policy_load_file(&policy, &loaded->settings, path, &complaint);
        if (r)
                add_complaint(findings, &complaint);
        else
                lint_policy(&lint, false);
        policy_deinit(&policy);
        complaint_deinit(&complaint);
}

/* Calls @look for each file of the filter directories. */
static void each_file(struct findings *findings,
                      const struct loaded *loaded,
                      void (*look)(struct findings *findings,
                                   const struct loaded *loaded,
                                   const char *path))
{
        const struct directories *directories = &loaded->settings.filters_path;
        struct dirent **names;
        size_t i;
        int n;
        int k;

        for (i = 0; i < directories->n_paths; i++) {
                n = scandir(directories->paths[i], &names, NULL, alphasort);
                for (k = 0; k < n; k++) {
                        const char *path = system_join(&findings->arena, directories->paths[i],
                                                       names[k]->d_name);

                        if (path && !policy_skips(&loaded->settings, names[k]->d_name))
                                look(findings, loaded, path);
                        free(names[k]);
                }
                if (n >= 0)
                        free(names);
        }
}

static void trust_file(struct findings *findings, const struct loaded *loaded, const char *path)
{
        struct stat st;

        (void)loaded;
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) /* what else there is, is not read */
                lint_trust(findings, path);
}

static void lint_configuration(struct findings *findings, struct loaded *loaded, const char *file)
{
        struct lint lint = { findings, &loaded->policy, &loaded->system };
        struct complaint complaint = { 0 };
        size_t i;
        int r;

        lint_trust(findings, file);
        lint_trust_parents(findings, file);
        r = settings_load(&loaded->settings, file, loaded->system.path, &complaint);
        if (r) {
                add_complaint(findings, &complaint);
                complaint_deinit(&complaint);
                return;
        }
        loaded->policy.settings = &loaded->settings;
        lint_settings(&lint);
        for (i = 0; i < loaded->settings.filters_path.n_paths; i++) {
                lint_trust(findings, loaded->settings.filters_path.paths[i]);
                lint_trust_parents(findings, loaded->settings.filters_path.paths[i]);
        }
        each_file(findings, loaded, trust_file);

        r = policy_load(&loaded->policy, &loaded->settings, &complaint);
        if (!r)
                lint_policy(&lint, true);
        else
                each_file(findings, loaded, lint_file);
        if (r && !findings->n_of[SEVERITY_ERROR])
                add_complaint(findings, &complaint);
        complaint_deinit(&complaint);
}

/* Return: the exit code */
static int lint_and_print(const char *file, bool json)
{
        struct loaded loaded = { .system = system_real };
        struct findings findings = { 0 };
        int r = 0;

        loaded.system.path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
        lint_configuration(&findings, &loaded, file);
        findings_sort(&findings);
        if (json)
                findings_print_json(&findings);
        else
                findings_print(&findings);

        if (findings.n_of[SEVERITY_WARNING])
                r = 1;
        if (findings.n_of[SEVERITY_ERROR])
                r = 2;
        if (findings.is_incomplete || fflush(stdout))
                r = RC_FAILED;
        findings_deinit(&findings);
        loaded_deinit(&loaded);
        return r;
}

/**
 * lint_main() - rootwrapctl lint
 * @argc: number of words from the subcommand's name on
 * @argv: these words
 *
 * Return: the exit code
 */
int lint_main(int argc, char **argv)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        bool json = false;
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) !=
               -1) { /* NOLINT(concurrency-mt-unsafe) */
                if (c == 'h') {
                        (void)fputs(help, stdout);
                        return 0;
                }
                if (c == '?') {
                        (void)fputs(help, stderr);
                        return RC_USAGE;
                }
                json = true;
        }
        if (argc - optind != 1) {
                (void)fputs(help, stderr);
                return RC_USAGE;
        }
        return lint_and_print(argv[optind], json);
}
