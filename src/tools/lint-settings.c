/* SPDX-License-Identifier: Apache-2.0 */
/* rootwrap.conf as it is written: what its values don't show any more when they are loaded. */
#include <string.h>
#include <sys/stat.h>

#include "config/ini.h"
#include "config/settings.h"
#include "config/source.h"
#include "tools/lint.h"
#include "util/complaint.h"
#include "util/pystr.h"

/* Are there blanks around a directory of a list? */
static bool has_blanks(const struct ini_option *option)
{
        const char *at = option->value;

        for (;;) {
                size_t n = strcspn(at, ",");
                const char *piece = at;

                if (pystr_strip(&piece, n) != n)
                        return true;
                if (!at[n])
                        return false;
                at += n + 1;
        }
}

static void check_list(const struct lint *lint,
                       const struct ini_option *option,
                       const struct directories *directories)
{
        struct place place = { .file = lint->policy->settings->file, .line = option->line };
        size_t i;

        if (has_blanks(option))
                findings_add(lint->findings, SEVERITY_WARNING, "mode-differs", &place, "D15",
                             "%s has blanks around a directory: they are taken off by default, and "
                             "belong to its name with oslo_compat",
                             option->name);
        for (i = 0; i < directories->n_paths; i++)
                if (directories->paths[i][0] != '/')
                        findings_add(lint->findings, SEVERITY_WARNING, "relative-path", &place,
                                     "D15",
                                     "\"%s\" in %s is looked for where the caller stands; without "
                                     "oslo_compat it is refused",
                                     directories->paths[i], option->name);
}

static void check_unknown(const struct lint *lint)
{
        const struct settings *settings = lint->policy->settings;
        struct place place = { .file = settings->file };
        size_t i;

        for (i = 0; settings->unknown && settings->unknown[i].name; i++) {
                place.line = settings->unknown[i].line;
                findings_add(lint->findings, SEVERITY_WARNING, "unknown-option", &place, NULL,
                             "\"%s\" is not an option of rootwrap.conf", settings->unknown[i].name);
        }
}

static void check_exec_dirs(const struct lint *lint, const struct ini_option *option)
{
        struct place place = { .file = lint->policy->settings->file };

        if (option)
                check_list(lint, option, &lint->policy->settings->exec_dirs);
        else
                findings_add(lint->findings, SEVERITY_NOTE, "no-exec-dirs", &place, NULL,
                             "without exec_dirs programs are looked for on PATH, which can be "
                             "another one for the service");
        lint_exec_dirs(lint, option ? option->line : 0);
}

/* One directory that is not there may be one of a package; without any, there is no filter. */
static void check_filters_path(const struct lint *lint, const struct ini_option *option)
{
        const struct directories *directories = &lint->policy->settings->filters_path;
        struct place place = { .file = lint->policy->settings->file };
        struct stat st;
        size_t i;

        if (option) {
                place.line = option->line;
                check_list(lint, option, directories);
        }
        for (i = 0; i < directories->n_paths; i++)
                if (lint->system->stat(lint->system, directories->paths[i], &st) == 0 &&
                    S_ISDIR(st.st_mode))
                        return;
        findings_add(lint->findings, SEVERITY_ERROR, "no-directory", &place, NULL,
                     "filters_path names no directory that is there: no filter is loaded");
}

/**
 * lint_settings() - look at rootwrap.conf, which can be loaded
 * @lint: where findings go, and the settings
 */
void lint_settings(const struct lint *lint)
{
        const struct settings *settings = lint->policy->settings;
        struct ini_input input = { .file = settings->file, .mode = INI_STRICT };
        struct complaint complaint = { 0 };
        struct arena arena = { 0 };
        struct ini ini;
        int r;

        check_unknown(lint);
        r = source_read(settings->file, &arena, &input.text, &input.n_bytes, &complaint);
        if (!r)
                r = ini_parse(&ini, &arena, &input, &complaint);
        if (!r) {
                check_filters_path(lint, ini_get(&ini, INI_DEFAULT_SECTION, "filters_path"));
                check_exec_dirs(lint, ini_get(&ini, INI_DEFAULT_SECTION, "exec_dirs"));
        }
        complaint_deinit(&complaint);
        arena_deinit(&arena);
}
