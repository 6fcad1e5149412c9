/* SPDX-License-Identifier: Apache-2.0 */
/* What is loaded is written as `NAME CLASS RUN_AS EXEC_PATH ARG...;`. */
#include "policy/test-policy.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/test.h"
#include "util/text.h"

static struct {
        const char *name;
        const char *text;
        const char *want;
} bad_rows[] = {
        { "a_file_without_its_section_is_refused", "[filters]\na: CommandFilter, a, root\n",
          "0: no section [Filters]" },
        { "an_empty_file_is_refused", "", "0: no section [Filters]" },
        { "a_line_that_is_none_is_refused", "[Filters]\nabc\n",
          "2: neither \"name = value\" nor \"[section]\"" },
        { "too_few_arguments_are_refused", "[Filters]\nA: CommandFilter, ls\n",
          "2: filter \"a\": CommandFilter wants at least 2 arguments, here are 1" },
        { "a_class_alone_is_refused", "[Filters]\n\na: ReadFileFilter\n",
          "3: filter \"a\": ReadFileFilter wants at least 1 arguments, here are 0" },
        { "one_bad_line_refuses_all", "[Filters]\nls: CommandFilter, ls, root\nx: KillFilter\n",
          "3: filter \"x\": KillFilter wants at least 1 arguments, here are 0" },
        { "bytes_that_are_not_utf8_are_refused", "[Filters]\na: CommandFilter, \xff, root\n",
          "2: not UTF-8" },
};

static void run_bad_row(void **state)
{
        const typeof(bad_rows[0]) *row = *state;
        cleanup_text struct text said = { 0 };
        struct test_policy test;

        test_policy_open(&test, false);
        test_policy_write(&test, "a.filters", row->text, strlen(row->text));
        assert_int_equal(test_policy_load(&test), POLICY_E_BAD);
        assert_non_null(strstr(test.complaint.file, "/a.filters"));
        text_printf(&said, "%u: %s", test.complaint.line, test.complaint.text);
        assert_string_equal(text_get(&said), row->want);
        test_policy_close(&test);
}

static struct {
        const char *name;
        const char *text;
        const char *want;
} rows[] = {
        { "no_filters_are_no_error", "[Filters]\n", "" },
        { "pieces_are_stripped", "[Filters]\nLs :  CommandFilter ,\tls,\n  root \n",
          "ls CommandFilter root ls;" },
        { "what_follows_the_user_are_arguments", "[Filters]\na: RegExpFilter, ls, root, x, y\n",
          "a RegExpFilter root ls x y;" },
        { "a_comma_always_splits", "[Filters]\na: RegExpFilter, ls, root, x{1,2}\n",
          "a RegExpFilter root ls x{1 2};" },
        { "a_trailing_comma_is_an_empty_argument", "[Filters]\na: RegExpFilter, ls, root,\n",
          "a RegExpFilter root ls ;" },
        { "a_comment_behind_the_user_is_his_name", "[Filters]\na: CommandFilter, ls, root # x\n",
          "a CommandFilter root # x ls;" },
        { "an_unknown_class_is_skipped", "[Filters]\na: NoFilter\nb: CommandFilter, b, root\n",
          "b CommandFilter root b;" },
        { "a_file_is_read_by_cat_as_root", "[Filters]\na: ReadFileFilter, /x\n",
          "a ReadFileFilter root /bin/cat /x;" },
        { "a_process_is_signalled_by_kill", "[Filters]\na: KillFilter, nova, /x, -9\n",
          "a KillFilter nova /bin/kill /x -9;" },
        { "the_program_of_an_env_filter_is_behind_its_variables",
          "[Filters]\na: EnvFilter, env, root, A=, B=1, ls\n", "a EnvFilter root ls A= B=1 ls;" },
        { "or_in_the_place_of_env", "[Filters]\na: EnvFilter, ls, root, A=\n",
          "a EnvFilter root ls A=;" },
        { "defaults_come_first",
          "[Filters]\nb: CommandFilter, b, root\n[DEFAULT]\na: CommandFilter, a, root\n",
          "a CommandFilter root a;b CommandFilter root b;" },
        { "a_repeated_name_keeps_its_place",
          "[Filters]\na: CommandFilter, a, root\nb: CommandFilter, b, root\n[Filters]\n"
          "A: CommandFilter, c, nova\n",
          "a CommandFilter nova c;b CommandFilter root b;" },
        { "other_sections_are_not_read", "[x]\na: nonsense\n[Filters]\n", "" },
};

/* All but the implicit filter */
static void describe(const struct policy *policy, struct text *out)
{
        size_t i;
        size_t k;

        for (i = 0; i < policy->n_filters; i++) {
                const struct filter *filter = &policy->filters[i];

                if (!filter->file)
                        continue;
                text_printf(out, "%s %s %s %s", filter->name, filter->class->name, filter->run_as,
                            filter->exec_path);
                for (k = 0; k < filter->n_args; k++)
                        text_printf(out, " %s", filter->args[k]);
                text_put_char(out, ';');
        }
}

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        cleanup_text struct text said = { 0 };
        struct test_policy test;

        test_policy_open(&test, false);
        test_policy_write(&test, "a.filters", row->text, strlen(row->text));
        assert_int_equal(test_policy_load(&test), 0);
        describe(&test.policy, &said);
        assert_string_equal(text_get(&said), row->want);
        assert_int_equal(policy_compile(&test.policy), 0);
        test_policy_close(&test);
}

#define ONE(name) "[Filters]\n" name ": CommandFilter, " name ", root\n"

static void write_one(const struct test_policy *test, const char *file, const char *text)
{
        test_policy_write(test, file, text, strlen(text));
}

static void files_come_in_the_order_of_their_names(void **state)
{
        cleanup_text struct text said = { 0 };
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        write_one(&test, "b", ONE("b1"));
        write_one(&test, "a", ONE("a1"));
        write_one(&test, "B", ONE("b0"));
        write_one(&test, "10", ONE("ten"));
        assert_int_equal(test_policy_load(&test), 0);
        describe(&test.policy, &said);
        assert_string_equal(text_get(&said), "ten CommandFilter root ten;b0 CommandFilter root b0;"
                                             "a1 CommandFilter root a1;b1 CommandFilter root b1;");
        test_policy_close(&test);
}

static void equal_names_in_two_files_are_both_kept(void **state)
{
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        write_one(&test, "a", ONE("x"));
        write_one(&test, "b", ONE("x"));
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_filters, 3);
        test_policy_close(&test);
}

static struct {
        const char *name;
        const char *file;
        size_t by_default; /* filters and notes that come of it */
        size_t n_notes;
        size_t oslo;
} file_rows[] = {
        { "a_hidden_file_is_not_read", ".a.filters", 0, 0, 0 },
        { "any_other_name_is_read", "README", 1, 0, 1 },
        { "a_backup_of_an_editor_is_skipped", "a.filters~", 0, 1, 1 },
        { "a_backup_of_dpkg_is_skipped", "a.filters.dpkg-old", 0, 1, 1 },
        { "a_backup_of_rpm_is_skipped", "a.filters.rpmsave", 0, 1, 1 },
        { "a_new_file_of_rpm_is_skipped", "a.filters.rpmnew", 0, 1, 1 },
        { "an_original_is_skipped", "a.filters.orig", 0, 1, 1 },
        { "a_name_that_only_holds_such_an_end_is_read", "a.bak.filters", 1, 0, 1 },
};

static void expect_file(const typeof(file_rows[0]) *row, bool oslo_compat)
{
        size_t want = oslo_compat ? row->oslo : row->by_default;
        struct test_policy test;

        test_policy_open(&test, oslo_compat);
        write_one(&test, row->file, ONE("x"));
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_filters, want + 1);
        assert_int_equal(test.policy.n_notes, oslo_compat ? 0 : row->n_notes);
        test_policy_close(&test);
}

static void run_file_row(void **state)
{
        expect_file(*state, false);
        expect_file(*state, true);
}

static void what_is_no_file_is_passed_over(void **state)
{
        struct test_policy test;
        char path[128];

        (void)state;
        test_policy_open(&test, false);
        write_one(&test, "a", ONE("x"));
        (void)snprintf(path, sizeof(path), "%s/dangling", test.directory);
        assert_int_equal(symlink("nothing", path), 0);
        (void)snprintf(path, sizeof(path), "%s/link", test.directory);
        assert_int_equal(symlink("a", path), 0);
        (void)snprintf(path, sizeof(path), "%s/directory", test.directory);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_filters, 3);
        assert_int_equal(rmdir(path), 0);
        test_policy_close(&test);
}

static void a_directory_that_is_not_there_is_noted(void **state)
{
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        test.filters_path[0] = "/nowhere/x";
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_filters, 1);
        assert_int_equal(test.policy.n_notes, 1);
        assert_string_equal(test.policy.notes[0].file, "/nowhere/x");
        test_policy_close(&test);
}

static void root_trusts_no_file_that_others_can_write(void **state)
{
        int want = geteuid() == 0 ? POLICY_E_BAD : 0;
        struct test_policy test;
        char path[128];

        (void)state;
        test_policy_open(&test, false);
        write_one(&test, "a", ONE("x"));
        (void)snprintf(path, sizeof(path), "%s/a", test.directory);
        assert_int_equal(chmod(path, 0660), 0);
        assert_int_equal(test_policy_load(&test), want);
        test_policy_unload(&test);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chmod(test.directory, 0777), 0);
        assert_int_equal(test_policy_load(&test), want);
        test_policy_close(&test);
}

static void a_directory_has_a_largest_number_of_files(void **state)
{
        struct test_policy test;
        char name[16];
        int i;

        (void)state;
        test_policy_open(&test, false);
        for (i = 0; i < POLICY_FILES_MAX; i++) {
                (void)snprintf(name, sizeof(name), "%d~", i);
                write_one(&test, name, "");
        }
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_notes, POLICY_FILES_MAX);
        test_policy_unload(&test);
        write_one(&test, "one-more~", "");
        assert_int_equal(test_policy_load(&test), POLICY_E_BAD);
        assert_string_equal(test.complaint.text, "more than 10000 files");
        test_policy_close(&test);
}

static void put_filters(struct test_policy *test, const char *file, size_t n)
{
        cleanup_text struct text text = { 0 };
        size_t i;

        text_put_string(&text, "[Filters]\n");
        for (i = 0; i < n; i++)
                text_printf(&text, "%zu:CommandFilter,a,b\n", i);
        test_policy_write(test, file, text_get(&text), text.n_bytes);
}

static void a_policy_has_a_largest_number_of_filters(void **state)
{
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        put_filters(&test, "a", POLICY_FILTERS_MAX / 2);
        put_filters(&test, "b", POLICY_FILTERS_MAX / 2 + 1);
        assert_int_equal(test_policy_load(&test), POLICY_E_BAD);
        assert_string_equal(test.complaint.text, "more than 500000 filters");
        test_policy_unload(&test);
        put_filters(&test, "b", POLICY_FILTERS_MAX / 2 - 1);
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_filters, POLICY_FILTERS_MAX);
        test_policy_close(&test);
}

static void expressions_that_do_not_compile_are_noted(void **state)
{
        static const char text[] = "[Filters]\na: RegExpFilter, a, root, (, b\n";
        struct test_policy test;

        (void)state;
        test_policy_open(&test, false);
        write_one(&test, "a", text);
        assert_int_equal(test_policy_load(&test), 0);
        assert_int_equal(test.policy.n_notes, 0);
        assert_int_equal(policy_compile(&test.policy), 0);
        assert_int_equal(test.policy.n_notes, 1);
        assert_int_equal(test.policy.notes[0].line, 2);
        assert_non_null(test.policy.notes[0].text);
        test_policy_close(&test);
}

/* allocation failures */

static size_t n_allocations;
static size_t fails_at = SIZE_MAX; /* the number of the allocation that fails */

void *__real_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset);
void *__real_realloc(void *old, size_t n);
void *__wrap_realloc(void *old, size_t n);

void *__wrap_mmap64(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
        if (n_allocations++ == fails_at)
                return MAP_FAILED;
        return __real_mmap64(address, n, protection, flags, fd, offset);
}

void *__wrap_realloc(void *old, size_t n)
{
        return n_allocations++ == fails_at ? NULL : __real_realloc(old, n);
}

static void without_memory_no_policy_is_loaded(void **state)
{
        cleanup_text struct text file = { 0 };
        struct test_policy test;
        size_t number;
        int r;

        (void)state;
        text_put_string(&file, "[Filters]\n");
        for (number = 0; number < 2000; number++)
                text_printf(&file, "f%zu: RegExpFilter, f%zu, root, \n x,\n y\n", number, number);
        test_policy_open(&test, false);
        test_policy_write(&test, "a", text_get(&file), file.n_bytes);
        for (number = 0;; number++) {
                n_allocations = 0;
                fails_at = number;
                r = test_policy_load(&test);
                fails_at = SIZE_MAX;
                test_policy_unload(&test);
                if (n_allocations <= number)
                        break;
                assert_int_equal(r, -ENOMEM);
        }
        assert_int_equal(r, 0);
        assert_true(number > 8);
        test_policy_close(&test);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, bad_rows, run_bad_row);
        test_set_add_test(&set, root_trusts_no_file_that_others_can_write);
        test_set_add_test(&set, a_directory_has_a_largest_number_of_files);
        test_set_add_test(&set, a_policy_has_a_largest_number_of_filters);
        test_set_add_test(&set, a_directory_that_is_not_there_is_noted);
        test_set_add_test(&set, what_is_no_file_is_passed_over);
        test_set_add_test(&set, without_memory_no_policy_is_loaded);
        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, files_come_in_the_order_of_their_names);
        test_set_add_test(&set, equal_names_in_two_files_are_both_kept);
        test_set_add_rows(&set, file_rows, run_file_row);
        test_set_add_test(&set, expressions_that_do_not_compile_are_noted);
        return test_set_run(&set, "policy");
}
