/* SPDX-License-Identifier: Apache-2.0 */
/* rootwrapctl SUBCOMMAND ...: what administrators and filter authors ask. See rootwrapctl(1). */
#include "tools/rootwrapctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/complaint.h"

static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
        const char *help;
} subcommands[] = {
        { "attach", attach_main, "serve an unmodified OpenStack service by a host service" },
        { "bench", bench_main, "say how long a command takes through the daemon" },
        { "explain", explain_main, "say what becomes of a command, and why" },
        { "lint", lint_main, "say what is wrong or dangerous in filter files" },
        { "run", run_main, "run a command through the daemon" },
        { "status", status_main, "say what daemons did, and what runs" },
};

#define N_SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static int usage(FILE *to)
{
        size_t i;

        (void)fprintf(to, "usage: rootwrapctl SUBCOMMAND [OPTION...] ...\n\n");
        for (i = 0; i < N_SUBCOMMANDS; i++)
                (void)fprintf(to, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
        (void)fprintf(to,
                      "\n\"rootwrapctl help SUBCOMMAND\" tells more; so does rootwrapctl(1).\n");
        return to == stdout ? 0 : RC_USAGE;
}

static int call(const char *name, int argc, char **argv)
{
        size_t i;

        for (i = 0; i < N_SUBCOMMANDS; i++)
                if (strcmp(name, subcommands[i].name) == 0)
                        return subcommands[i].main(argc, argv);
        (void)fprintf(stderr, "rootwrapctl: no subcommand \"%s\"\n", name);
        return usage(stderr);
}

/* help [SUBCOMMAND] is what SUBCOMMAND --help is. */
static int help(int argc, char **argv)
{
        char option[] = "--help";
        char *words[] = { argv[1], option, NULL };

        return argc < 2 ? usage(stdout) : call(argv[1], 2, words);
}

/**
 * loaded_init() - load a configuration, or say on stderr why not
 * @loaded: set; to be given to loaded_deinit() also after a failure
 * @file:   path of the configuration file
 *
 * Return: 0 or RC_BADCONFIG
 */
int loaded_init(struct loaded *loaded, const char *file)
{
        struct complaint complaint = { 0 };
        int r;

        *loaded = (struct loaded){ .system = system_real };
        loaded->system.path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
        r = settings_load(&loaded->settings, file, loaded->system.path, &complaint);
        if (!r)
                r = policy_load(&loaded->policy, &loaded->settings, &complaint);
        if (r < 0)
                complaint_set(&complaint, file, 0, "%s", strerror(-r));
        if (r) {
                (void)fprintf(stderr, "rootwrapctl: %s", complaint.file ? complaint.file : file);
                if (complaint.line)
                        (void)fprintf(stderr, ":%u", complaint.line);
                (void)fprintf(stderr, ": %s\n", complaint.text ? complaint.text : "out of memory");
        }
        complaint_deinit(&complaint);
        return r ? RC_BADCONFIG : 0;
}

/**
 * loaded_deinit() - give it all back
 * @loaded: becomes empty
 */
void loaded_deinit(struct loaded *loaded)
{
        policy_deinit(&loaded->policy);
        settings_deinit(&loaded->settings);
}

int main(int argc, char **argv)
{
        if (argc < 2)
                return usage(stderr);
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
                return usage(stdout);
        if (strcmp(argv[1], "help") == 0)
                return help(argc - 1, argv + 1);
        if (strcmp(argv[1], "--version") == 0) {
                (void)printf("rootwrapctl %s\n", ROOTWRAP_VERSION);
                return 0;
        }
        return call(argv[1], argc - 1, argv + 1);
}
