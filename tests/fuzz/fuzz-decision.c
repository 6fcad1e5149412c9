/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command, its words separated by NUL bytes, against the filter files in tests/data/filters, on a
 * machine that is a list: no crash, no leak, no hang; what is allowed is allowed by a filter that
 * says yes when it is asked again; the default never allows what oslo.rootwrap does not.
 */
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>

#include "oracle.h"
#include "policy/test-policy.h"

#define WORDS_MAX 64
#define BYTES_MAX 2048
#define FILE_MAX  (64u * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void copy_file(const struct test_policy *test, const char *path, unsigned int number)
{
        static char text[FILE_MAX];
        char name[32];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text));

        ORACLE(n > 0 && n < (ssize_t)sizeof(text));
        (void)close(fd);
        (void)snprintf(name, sizeof(name), "%03u.filters", number);
        test_policy_write(test, name, text, (size_t)n);
}

static int compare(const FTSENT **a, const FTSENT **b)
{
        return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Loads all filter files, in the order of their names. */
static void load(struct test_policy *test)
{
        char root[] = FILTERS;
        char *const roots[] = { root, NULL };
        unsigned int n_files = 0;
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare);
        const FTSENT *entry;

        ORACLE(tree);
        test_policy_open(test, false);
        while ((entry = fts_read(tree)))
                if (entry->fts_info == FTS_F && strstr(entry->fts_name, ".filters"))
                        copy_file(test, entry->fts_accpath, n_files++);
        (void)fts_close(tree);
        ORACLE(n_files > 10);
        ORACLE(test_policy_load(test) == 0);
}

static struct test_policy test;

static void unload(void)
{
        test_policy_close(&test);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        const char *argv[WORDS_MAX + 1] = { NULL };
        char text[BYTES_MAX + 1] = { 0 };
        struct machine machine;
        size_t n_argv = 0;
        size_t at;

        if (!test.policy.n_filters) {
                load(&test);
                (void)atexit(unload);
        }
        if (n_bytes > BYTES_MAX)
                return 0;
        if (n_bytes)
                memcpy(text, bytes, n_bytes);
        for (at = 0; at < n_bytes && n_argv < WORDS_MAX; at += strlen(text + at) + 1)
                argv[n_argv++] = text + at;

        machine_init(&machine, oracle_files, oracle_processes);
        oracle_check(&test.policy, &test.settings, &machine.system, argv);
        return 0;
}
