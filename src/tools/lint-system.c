/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, modes, programs and users: what a policy relies on outside of itself. */
#include <errno.h>
#include <string.h>

#include "config/settings.h"
#include "config/source.h"
#include "spawn/identity.h"
#include "tools/lint.h"

/**
 * lint_trust() - can only root have written it? Asked whoever runs lint
 * @findings: where findings go
 * @path:     a file or directory of the configuration
 */
void lint_trust(struct findings *findings, const char *path)
{
        struct place place = { .file = path };
        const char *distrust;
        struct stat st;

        if (stat(path, &st) < 0) /* whoever reads it will say so */
                return;
        distrust = source_distrust(&st);
        if (distrust)
                findings_add(findings, SEVERITY_ERROR, "not-trusted", &place, "D14",
                             "%s (uid %u, mode %04o); rootwrap refuses to run as root with it",
                             distrust, (unsigned int)st.st_uid,
                             (unsigned int)(st.st_mode & 07777u));
}

/**
 * lint_find_program() - what would a filter run?
 * @lint:   the policy it belongs to
 * @filter: the filter
 *
 * Return: a path, NULL if nothing is there
 */
const char *lint_find_program(const struct lint *lint, const struct filter *filter)
{
        const struct directories *directories = &lint->policy->settings->exec_dirs;
        size_t i;

        if (filter->exec_path[0] == '/')
                return lint->system->is_executable(lint->system, filter->exec_path)
                               ? filter->exec_path
                               : NULL;
        for (i = 0; i < directories->n_paths; i++) {
                const char *path = system_join(&lint->findings->arena, directories->paths[i],
                                               filter->exec_path);

                if (path && lint->system->is_executable(lint->system, path))
                        return path;
        }
        return NULL;
}

static void check_writers(const struct lint *lint, const struct filter *filter, const char *path)
{
        struct place place = lint_place(lint, filter);
        const char *distrust;
        struct stat st;

        if (lint->system->stat(lint->system, path, &st))
                return;
        distrust = source_distrust(&st);
        if (distrust)
                findings_add(lint->findings, SEVERITY_WARNING, "program-not-trusted", &place, NULL,
                             "\"%s\", which %s would run, is %s", path, filter->run_as, distrust);
}

static void check_user(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        struct identity identity = { 0 };
        int r;

        if (strcmp(filter->run_as, "root") == 0)
                return;
        r = identity_look_up(&identity, filter->run_as, true);
        identity_deinit(&identity);
        if (r)
                findings_add(lint->findings, SEVERITY_ERROR, "no-such-user", &place, NULL,
                             "run_as \"%s\": %s", filter->run_as,
                             r > 0 ? "there is no such user" : strerror(-r));
        else
                findings_add(lint->findings, SEVERITY_WARNING, "mode-differs", &place, "D5",
                             "by default the command gets group and groups of \"%s\" as well, with "
                             "oslo_compat it keeps root's",
                             filter->run_as);
}

/**
 * lint_program() - look at what a filter would run, and as whom
 * @lint:   where findings go
 * @filter: the filter
 */
void lint_program(const struct lint *lint, const struct filter *filter)
{
        struct place place = lint_place(lint, filter);
        const char *path;
        char *directory;
        char *slash;

        check_user(lint, filter);
        path = lint_find_program(lint, filter);
        if (!path) {
                findings_add(lint->findings, SEVERITY_WARNING, "program-missing", &place, NULL,
                             "\"%s\" is not there or not executable", filter->exec_path);
                return;
        }
        check_writers(lint, filter, path);
        directory = arena_copy_string(&lint->findings->arena, path);
        slash = directory ? strrchr(directory, '/') : NULL;
        if (slash && slash != directory) {
                *slash = '\0';
                check_writers(lint, filter, directory);
        }
}
