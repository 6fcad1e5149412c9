/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted paths are those of CPython 3.11's os.path.realpath(). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "policy/system.h"
#include "policy/test-machine.h"
#include "util/test.h"

static const struct machine_file files[] = {
        { "/a", MACHINE_DIRECTORY, NULL },
        { "/a/b", MACHINE_DIRECTORY, NULL },
        { "/a/file", MACHINE_DATA, NULL },
        { "/a/to-root", MACHINE_LINK, "/" },
        { "/a/empty", MACHINE_LINK, "" },
        { "/a/up", MACHINE_LINK, ".." },
        { "/a/far-up", MACHINE_LINK, "../../../.." },
        { "/a/self", MACHINE_LINK, "self" },
        { "/a/into-self", MACHINE_LINK, "into-self/x" },
        { "/a/dangling", MACHINE_LINK, "nothing/x" },
        { "/link", MACHINE_LINK, "a/b" },
        { "/ping", MACHINE_LINK, "/pong" },
        { "/pong", MACHINE_LINK, "ping/x" },
        { "/to-link", MACHINE_LINK, "link/../file" },
        { "/twice", MACHINE_LINK, "/link/../../link" },
        { "/slashes", MACHINE_LINK, "//a///b//" },
        { "/home", MACHINE_DIRECTORY, NULL },
        { NULL, 0, NULL },
};

static struct {
        const char *name;
        const char *path;
        const char *want;
} rows[] = {
        { "nothing_is_the_working_directory", "", "/home" },
        { "a_relative_path_starts_there", "x/y", "/home/x/y" },
        { "it_may_climb_from_there", "../a/file", "/a/file" },
        { "it_may_climb_no_higher_than_the_root", "../../../../x", "/x" },
        { "the_root_is_the_root", "/", "/" },
        { "above_the_root_is_the_root", "/../..", "/" },
        { "two_slashes_become_one_on_the_way", "//a", "/a" },
        { "three_slashes_are_one", "///a", "/a" },
        { "inner_and_final_slashes_go", "/a//b///", "/a/b" },
        { "dots_go", "/./a/./b/.", "/a/b" },
        { "missing_names_stay", "/nothing/here", "/nothing/here" },
        { "dots_behind_a_missing_name_are_text", "/nothing/../a", "/a" },
        { "dots_behind_a_file_are_text", "/a/file/../b", "/a/b" },
        { "a_name_behind_a_file_stays", "/a/file/x", "/a/file/x" },
        { "a_link_is_followed", "/link", "/a/b" },
        { "what_is_behind_a_link_is_kept", "/link/x", "/a/b/x" },
        { "dots_behind_a_link_leave_its_target", "/link/..", "/a" },
        { "a_link_may_be_absolute", "/a/to-root/a/file", "/a/file" },
        { "a_link_may_climb", "/a/up/a/up", "/" },
        { "a_link_climbs_no_higher_than_the_root", "/a/far-up/x", "/x" },
        { "a_link_may_lead_to_links", "/to-link", "/a/file" },
        { "a_link_may_come_twice", "/twice", "/a/b" },
        { "slashes_in_a_link_go", "/slashes/x", "/a/b/x" },
        { "a_dangling_link_is_followed", "/a/dangling", "/a/nothing/x" },
        { "an_empty_link_adds_nothing", "/a/empty/b", "/a/b" },
        { "a_loop_ends_as_text", "/a/self/x", "/a/self/x" },
        { "a_loop_ends_as_normal_text", "/a/self/../b/./c", "/a/b/c" },
        { "a_growing_loop_ends", "/a/into-self/y", "/a/into-self/x/y" },
        { "a_loop_of_two_ends", "/ping/y", "/ping/x/y" },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        struct arena arena = { 0 };
        struct machine machine;
        const char *path = NULL;

        machine_init(&machine, files, NULL);
        assert_int_equal(system_realpath(&machine.system, &arena, row->path, &path), 0);
        assert_string_equal(path, row->want);
        arena_deinit(&arena);
}

static void without_a_working_directory_nothing_is_relative(void **state)
{
        struct arena arena = { 0 };
        struct machine machine;
        const char *path = NULL;

        (void)state;
        machine_init(&machine, files, NULL);
        machine.cwd = NULL;
        assert_int_equal(system_realpath(&machine.system, &arena, "x", &path), -ENOENT);
        assert_null(path);
        assert_int_equal(system_realpath(&machine.system, &arena, "/x", &path), 0);
        arena_deinit(&arena);
}

/* "/lN" is a link to "lN+1", for N below `n_links`. */
struct chain {
        struct machine machine;
        unsigned int n_links;
};

static int chain_lstat(const struct system *system, const char *path, struct stat *ret_st)
{
        const struct chain *chain = (const struct chain *)(const void *)system;
        unsigned int number =
                path[1] == 'l' ? (unsigned int)strtoul(path + 2, NULL, 10) : UINT32_MAX;

        *ret_st = (struct stat){ .st_mode = number < chain->n_links ? S_IFLNK : S_IFDIR };
        return 0;
}

static int chain_readlink(const struct system *system,
                          struct arena *arena,
                          const char *path,
                          char **ret_target)
{
        char target[32];

        (void)system;
        (void)snprintf(target, sizeof(target), "l%lu", strtoul(path + 2, NULL, 10) + 1);
        *ret_target = arena_copy_string(arena, target);
        return *ret_target ? 0 : -ENOMEM;
}

static int resolve_chain(unsigned int n_links, const char *want)
{
        struct chain chain = { .n_links = n_links };
        struct arena arena = { 0 };
        const char *path = NULL;
        int r;

        machine_init(&chain.machine, files, NULL);
        chain.machine.system.lstat = chain_lstat;
        chain.machine.system.readlink = chain_readlink;
        r = system_realpath(&chain.machine.system, &arena, "/l0/x", &path);
        if (!r)
                assert_string_equal(path, want);
        arena_deinit(&arena);
        return r;
}

static void there_is_no_limit_of_forty_links(void **state)
{
        (void)state;
        assert_int_equal(resolve_chain(41, "/l41/x"), 0);
        assert_int_equal(resolve_chain(499, "/l499/x"), 0);
}

static void links_inside_links_end_at_some_depth(void **state)
{
        (void)state;
        assert_int_equal(resolve_chain(500, NULL), -ELOOP);
        assert_int_equal(resolve_chain(100000, NULL), -ELOOP);
}

static void a_path_has_a_largest_length(void **state)
{
        static char long_path[512 * 1024 + 2];
        struct arena arena = { 0 };
        struct machine machine;
        const char *path = NULL;

        (void)state;
        memset(long_path, 'a', sizeof(long_path) - 1);
        long_path[0] = '/';
        machine_init(&machine, files, NULL);
        assert_int_equal(system_realpath(&machine.system, &arena, long_path, &path), -ENAMETOOLONG);
        assert_null(path);
        long_path[sizeof(long_path) - 2] = '\0';
        assert_int_equal(system_realpath(&machine.system, &arena, long_path, &path), 0);
        assert_string_equal(path, long_path);
        arena_deinit(&arena);
}

static struct {
        const char *name;
        const char *directory;
        const char *file;
        const char *want;
} join_rows[] = {
        { "a_slash_is_put_between", "/bin", "ls", "/bin/ls" },
        { "a_slash_that_is_there_is_enough", "/bin/", "ls", "/bin/ls" },
        { "no_directory_adds_nothing", "", "ls", "ls" },
        { "no_name_adds_a_slash", "/bin", "", "/bin/" },
};

static void run_join_row(void **state)
{
        const typeof(join_rows[0]) *row = *state;
        struct arena arena = { 0 };

        assert_string_equal(system_join(&arena, row->directory, row->file), row->want);
        arena_deinit(&arena);
}

static void the_real_machine_answers(void **state)
{
        struct arena arena = { 0 };
        struct stat st;
        char *text;
        int fd;

        (void)state;
        assert_true(system_real.is_executable(&system_real, "/bin/sh"));
        assert_false(system_real.is_executable(&system_real, "/nowhere"));
        assert_int_equal(system_real.stat(&system_real, "/nowhere", &st), -ENOENT);
        assert_int_equal(system_real.lstat(&system_real, "/proc/self/exe", &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(system_real.stat(&system_real, "/proc/self/exe", &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(system_real.readlink(&system_real, &arena, "/", &text), -EINVAL);
        assert_int_equal(system_real.readlink(&system_real, &arena, "/proc/self/exe", &text), 0);
        assert_int_equal(text[0], '/');
        assert_int_equal(system_real.argv0(&system_real, &arena, getpid(), &text), 0);
        assert_non_null(strstr(text, "test-system"));
        assert_int_equal(system_real.argv0(&system_real, &arena, INT32_MAX, &text), -ENOENT);
        assert_int_equal(system_real.pidfd_open(&system_real, INT32_MAX), -ESRCH);
        fd = system_real.pidfd_open(&system_real, getpid());
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        (void)close(fd);
        assert_int_equal(system_real.getcwd(&system_real, &text), 0);
        free(text);
        arena_deinit(&arena);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, without_a_working_directory_nothing_is_relative);
        test_set_add_test(&set, links_inside_links_end_at_some_depth);
        test_set_add_test(&set, there_is_no_limit_of_forty_links);
        test_set_add_test(&set, a_path_has_a_largest_length);
        test_set_add_rows(&set, rows, run_row);
        test_set_add_rows(&set, join_rows, run_join_row);
        test_set_add_test(&set, the_real_machine_answers);
        return test_set_run(&set, "system");
}
