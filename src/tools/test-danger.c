/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/danger.h"
#include "util/test.h"

static struct row {
        const char *name;
        const char *program;
        const char *reason; /* a part of it; NULL: harmless */
} programs[] = {
        { "a_shell_runs_programs", "sh", "runs any program" },
        { "a_copy_writes_files", "cp", "writes any file" },
        { "an_owner_is_changed", "chown", "owner" },
        { "a_version_is_found_by_its_beginning", "python3.11", "runs any program" },
        { "a_helper_is_found_by_its_beginning", "mkfs.ext4", "device" },
        { "volume_tools_write_files", "lvs", "--config" },
        { "a_name_that_only_begins_alike_is_harmless", "shuf", NULL },
        { "a_beginning_alone_is_harmless", "mk", NULL },
        { "case_counts", "SH", NULL },
        { "a_path_is_not_a_name", "/bin/sh", NULL },
        { "no_name_is_harmless", "", NULL },
        { "true_is_harmless", "true", NULL },
};

static struct row variables[] = {
        { "a_library_to_load_is_found", "LD_PRELOAD", "load any code" },
        { "the_search_path_is_found", "PATH", "runs any program" },
        { "a_longer_name_is_harmless", "PATHS", NULL },
        { "a_shorter_name_is_harmless", "PAT", NULL },
        { "a_language_is_harmless", "LC_ALL", NULL },
};

static void expect(const char *reason, const char *part)
{
        if (!part)
                assert_null(reason);
        else
                assert_non_null(reason ? strstr(reason, part) : NULL);
}

static void run_program(void **state)
{
        const struct row *row = *state;

        expect(danger_of(row->program), row->reason);
}

static void run_variable(void **state)
{
        const struct row *row = *state;

        expect(danger_of_variable(row->program, strlen(row->program)), row->reason);
}

static void only_the_name_of_a_variable_counts(void **state)
{
        (void)state;
        expect(danger_of_variable("PATH=/bin", strlen("PATH")), "runs any program");
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, programs, run_program);
        test_set_add_rows(&set, variables, run_variable);
        test_set_add_test(&set, only_the_name_of_a_variable_counts);
        return test_set_run(&set, "danger");
}
