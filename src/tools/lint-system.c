/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, modes, programs and users: what a policy relies on outside of itself. */
#include <errno.h>
#include <string.h>

#include "config/settings.h"
#include "config/source.h"
#include "spawn/identity.h"
#include "tools/lint.h"

/* A directory in which only owners may rename and remove keeps what root has put there. */
static bool keeps_entries(const struct stat *st)
{
        return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && st->st_uid == 0;
}

/* Who else than root can put something else at an absolute path? Looks at the directories on the
 * way, and with @whole at the path itself. Return: a phrase and what is to blame, or NULL */
static const char *find_distrust(const struct system *system,
                                 struct arena *arena,
                                 const char *path,
                                 bool whole,
                                 const char **ret_at)
{
        size_t n_path = strlen(path);
        size_t n = 1;

        for (;;) {
                bool is_last = n == n_path;
                const char *distrust = NULL;
                struct stat st;

                if (is_last && !whole)
                        return NULL;
                *ret_at = arena_copy(arena, path, n);
                if (*ret_at && system->stat(system, *ret_at, &st) == 0 &&
                    (is_last || !keeps_entries(&st)))
                        distrust = source_distrust(&st);
                if (distrust || is_last)
                        return distrust;
                n += n > 1;
                n += strcspn(path + n, "/");
        }
}

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
 * lint_trust_parents() - can only root put something else in its place?
 * @findings: where findings go
 * @path:     a file or directory of the configuration
 */
void lint_trust_parents(struct findings *findings, const char *path)
{
        struct place place = { .file = path };
        const char *distrust;
        const char *resolved;
        const char *at;

        if (system_realpath(&system_real, &findings->arena, path, &resolved))
                return;
        distrust = find_distrust(&system_real, &findings->arena, resolved, false, &at);
        if (distrust)
                findings_add(findings, SEVERITY_WARNING, "directory-not-trusted", &place, NULL,
                             "it lies in \"%s\", which is %s", at, distrust);
}

/**
 * lint_exec_dirs() - who can put programs where they are looked for?
 * @lint: the policy whose settings name the directories
 * @line: where they do, 0 if they don't
 */
void lint_exec_dirs(const struct lint *lint, unsigned int line)
{
        const struct settings *settings = lint->policy->settings;
        struct place place = { .file = settings->file, .line = line };
        struct arena *arena = &lint->findings->arena;
        size_t i;

        for (i = 0; i < settings->exec_dirs.n_paths; i++) {
                const char *path = settings->exec_dirs.paths[i];
                const char *resolved;
                const char *distrust;
                const char *at;

                if (path[0] != '/')
                        continue;
                distrust = find_distrust(lint->system, arena, path, true, &at);
                if (!distrust && !system_realpath(lint->system, arena, path, &resolved))
                        distrust = find_distrust(lint->system, arena, resolved, true, &at);
                if (distrust)
                        findings_add(lint->findings, SEVERITY_WARNING, "directory-not-trusted",
                                     &place, NULL,
                                     "programs are looked for in \"%s\", and \"%s\" is %s", path,
                                     at, distrust);
        }
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

/* The directories that a plain name is looked for in are looked at once: lint_exec_dirs(). */
static void check_writers(const struct lint *lint, const struct filter *filter, const char *path)
{
        struct place place = lint_place(lint, filter);
        struct arena *arena = &lint->findings->arena;
        const char *distrust = NULL;
        const char *resolved;
        const char *at = path;
        struct stat st;

        if (lint->system->stat(lint->system, path, &st) == 0) {
                if (S_ISDIR(st.st_mode)) {
                        findings_add(lint->findings, SEVERITY_ERROR, "not-a-program", &place, NULL,
                                     "\"%s\" is a directory", path);
                        return;
                }
                distrust = source_distrust(&st);
        }
        if (!distrust && filter->exec_path[0] == '/')
                distrust = find_distrust(lint->system, arena, path, true, &at);
        if (!distrust && !system_realpath(lint->system, arena, path, &resolved) &&
            strcmp(resolved, path) != 0)
                distrust = find_distrust(lint->system, arena, resolved, true, &at);
        if (distrust)
                findings_add(lint->findings, SEVERITY_WARNING, "program-not-trusted", &place, NULL,
                             "\"%s\", on which \"%s\" for %s depends, is %s", at, path,
                             filter->run_as, distrust);
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

        check_user(lint, filter);
        path = lint_find_program(lint, filter);
        if (path)
                check_writers(lint, filter, path);
        else
                findings_add(lint->findings, SEVERITY_WARNING, "program-missing", &place, NULL,
                             "\"%s\" is not there or not executable", filter->exec_path);
}
