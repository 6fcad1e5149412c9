/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies from text, for unit tests and fuzz targets. They go through the loader, from files in a
 * directory of their own, so that nothing is tested that does not run in the programs. For test-*.c
 * and fuzz-*.c only.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"
#include "policy/policy.h"
#include "util/complaint.h"

#define TEST_POLICY_DIRECTORY "/tmp/rootwrapd-test-XXXXXX"

struct test_policy {
        struct settings settings;
        struct policy policy;
        struct complaint complaint;
        const char *filters_path[1];
        char directory[sizeof(TEST_POLICY_DIRECTORY)];
};

/* Settings as they are by default, or with oslo_compat. Aborts where there is no directory. */
static inline void test_policy_open(struct test_policy *test, bool oslo_compat)
{
        static const char *exec_dirs[] = { "/sbin", "/usr/bin", "/bin" };

        *test = (struct test_policy){
                .directory = TEST_POLICY_DIRECTORY,
                .settings = {
                        .exec_dirs = { exec_dirs, sizeof(exec_dirs) / sizeof(exec_dirs[0]) },
                        .oslo_compat = oslo_compat,
                        .implicit_privsep = oslo_compat ? IMPLICIT_PRIVSEP_ANY
                                                        : IMPLICIT_PRIVSEP_RESTRICTED,
                },
        };
        if (!mkdtemp(test->directory))
                abort();
        test->filters_path[0] = test->directory;
        test->settings.filters_path = (struct directories){ test->filters_path, 1 };
}

/* Puts a file into the directory that is loaded, in the place of one of the same name. */
static inline void test_policy_write(const struct test_policy *test,
                                     const char *name,
                                     const char *text,
                                     size_t n_text)
{
        int directory = open(test->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, text, n_text) != (ssize_t)n_text)
                abort();
        (void)close(fd);
        (void)close(directory);
}

/* Return: as policy_load(); the complaint is in @test */
static inline int test_policy_load(struct test_policy *test)
{
        return policy_load(&test->policy, &test->settings, &test->complaint);
}

/* Lets go of what test_policy_load() made. */
static inline void test_policy_unload(struct test_policy *test)
{
        policy_deinit(&test->policy);
        complaint_deinit(&test->complaint);
        test->policy = (struct policy){ 0 };
}

static inline void test_policy_close(struct test_policy *test)
{
        DIR *directory = opendir(test->directory);
        const struct dirent *entry;

        test_policy_unload(test);
        while (directory && (entry = readdir(directory))) /* NOLINT(concurrency-mt-unsafe) */
                (void)unlinkat(dirfd(directory), entry->d_name, 0);
        if (directory)
                (void)closedir(directory);
        (void)rmdir(test->directory);
}
