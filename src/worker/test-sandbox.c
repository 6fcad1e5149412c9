/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each row is a child that enters the sandbox. What it became is read from its files in /proc, what
 * was kept and closed is tried.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "priv/protection.h"
#include "util/test.h"
#include "worker/sandbox.h"
#include "worker/test-child.h"

static void only_what_a_caller_cannot_have_is_missing(void **state)
{
        struct child_report report;
        int caller;

        (void)state;
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);

                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, child_missing(&child));
        }
}

static void lower_soft_limits(void)
{
        struct rlimit limit;

        child_must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = N_FILES;
        child_must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* What the files in /proc say, which the parent reads while the child waits. */

#define NONE_OF(what) what " 0                    0                    "

static struct child_claim claims[] = {
        { "all_user_ids_are_those_of_the_worker", PROTECTION_USER, "status",
          "Uid:\t54321\t54321\t54321\t54321" },
        { "all_group_ids_are_those_of_the_worker", PROTECTION_USER, "status",
          "Gid:\t54322\t54322\t54322\t54322" },
        { "there_are_no_other_groups", PROTECTION_USER, "status", "Groups:" },
        { "no_capability_is_inheritable", 0, "status", "CapInh:\t0000000000000000" },
        { "no_capability_is_permitted", 0, "status", "CapPrm:\t0000000000000000" },
        { "no_capability_is_effective", 0, "status", "CapEff:\t0000000000000000" },
        { "no_capability_is_in_the_bounding_set", PROTECTION_CAPABILITIES, "status",
          "CapBnd:\t0000000000000000" },
        { "no_capability_is_ambient", 0, "status", "CapAmb:\t0000000000000000" },
        { "no_new_privileges_are_gained", PROTECTION_NO_NEW_PRIVS, "status", "NoNewPrivs:\t1" },
        { "there_are_no_core_files", PROTECTION_LIMITS, "limits",
          NONE_OF("Max core file size       ") "bytes" },
        { "no_file_grows", PROTECTION_LIMITS, "limits",
          NONE_OF("Max file size            ") "bytes" },
        { "there_are_no_other_processes", PROTECTION_LIMITS, "limits",
          NONE_OF("Max processes            ") "processes" },
        { "descriptors_are_limited_to_the_given_number", PROTECTION_LIMITS, "limits",
          "Max open files            64                   64                   files" },
};

/* The kernel gives the files in /proc of a process that may not be traced or dumped to root. */
static void its_files_in_proc_belong_to_root(void **state)
{
        struct child_report report;
        int caller;

        (void)state;
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);
                struct stat status;
                char path[64];
                pid_t pid;

                child.act = child_wait;
                pid = child_start(&child, &report);
                (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
                assert_int_equal(stat(path, &status), 0);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                assert_int_equal(report.r, 0);
                assert_int_equal(status.st_uid, 0);
        }
}

static int count_entries(pid_t pid, const char *directory)
{
        const struct dirent *entry;
        char path[64];
        DIR *stream;
        int n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, directory);
        stream = opendir(path);
        assert_non_null(stream);
        while ((entry = readdir(stream)))
                n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        (void)closedir(stream);
        return n;
}

static void its_file_system_is_a_removed_directory(void **state)
{
        static const char *const links[] = { "root", "cwd" };
        struct child child = child_of(0);
        struct child_report report;
        char path[64];
        size_t i;
        pid_t pid;

        (void)state;
        child_need_root();
        child.act = child_wait;
        pid = child_start(&child, &report);
        assert_int_equal(report.r, 0);
        for (i = 0; i < ARRAY_SIZE(links); i++) {
                char target[256] = "";

                (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, links[i]);
                assert_true(readlink(path, target, sizeof(target) - 1) > 0);
                assert_non_null(strstr(target, " (deleted)"));
                assert_int_equal(count_entries(pid, links[i]), 0);
        }
        (void)snprintf(path, sizeof(path), "/proc/%d/root/file", (int)pid);
        assert_int_equal(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
        assert_int_equal(errno, ENOENT);
        assert_int_equal(count_entries(pid, "fd"), N_FDS);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What is kept, closed and raised, seen from inside. */

static int find_descriptors_closed(void)
{
        int fd;

        for (fd = N_FDS; fd < 256; fd++)
                if (fcntl(fd, F_GETFL) != -1 || errno != EBADF)
                        return 1;
        for (fd = REPORT; fd < N_FDS; fd++)
                if (fcntl(fd, F_GETFL) < 0)
                        return 2;
        return 0;
}

/* As many pipes as the hard limit lets it, or at least more than the soft limit was. */
static int open_more_than_the_soft_limit(void)
{
        int fds[2];
        int i;

        for (i = 0; i < N_FILES; i++)
                if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                        return 1;
        return 0;
}

static void descriptors_from_the_given_number_on_are_closed(void **state)
{
        struct child_report report;
        int caller;

        (void)state;
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);

                child.act = find_descriptors_closed;
                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, 0);
        }
}

static void the_soft_limit_of_descriptors_becomes_the_hard_one(void **state)
{
        struct child_report report;
        int caller;

        (void)state;
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);

                child.prepare = lower_soft_limits;
                child.act = open_more_than_the_soft_limit;
                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, 0);
        }
}

static void a_limit_that_cannot_be_had_is_missing_and_the_hard_one_taken(void **state)
{
        struct child_report report;
        int caller;

        (void)state;
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);

                child.sandbox.n_files = RLIM_INFINITY;
                child.prepare = lower_soft_limits;
                child.act = open_more_than_the_soft_limit;
                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, child_missing(&child) | PROTECTION_LIMITS);
        }
}

/* Wrong settings, refusals and lies. */

static void open_a_directory(void)
{
        child_must(dup3(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), CLIENT, O_CLOEXEC) ==
                   CLIENT);
}

static struct {
        const char *name;
        struct sandbox sandbox;
        void (*prepare)(void);
        bool is_for_root;
        int want;
} errors[] = {
        { "root_does_not_stay_root", { 0, TEST_GID, 0, N_FDS }, NULL, true, -EINVAL },
        { "root_does_not_keep_its_group", { TEST_UID, 0, 0, N_FDS }, NULL, true, -EINVAL },
        { "no_user_is_no_user", { (uid_t)-1, TEST_GID, 0, N_FDS }, NULL, true, -EPERM },
        { "what_to_keep_must_be_said", { TEST_UID, TEST_GID, 0, 0 }, NULL, false, -EINVAL },
        { "a_directory_is_not_kept",
          { TEST_UID, TEST_GID, 0, N_FDS },
          open_a_directory,
          false,
          -EISDIR },
};

static void run_error(void **state)
{
        const typeof(errors[0]) *row = *state;
        int caller;

        if (row->is_for_root)
                child_need_root();
        for (caller = 0; caller < (row->is_for_root ? 1 : child_n_callers()); caller++) {
                struct child child = child_of(caller);
                struct child_report report;

                child.sandbox = row->sandbox;
                child.prepare = row->prepare;
                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, row->want);
                assert_int_equal(report.missing, ~0u); /* not set */
        }
}

/* Whose child is lied to. */
enum whom {
        ALL_USERS,
        ONLY_ROOT,
        ALL_BUT_ROOT
};

static struct {
        const char *name;
        enum whom whom;
        struct child_lie lie;
        int want;
        unsigned int missing;
} lies[] = {
        { "a_root_directory_that_was_not_left_is_noticed",
          ONLY_ROOT,
          { LIE_CHROOT, 0, 0 },
          -EPERM,
          0 },
        { "a_refused_root_directory_is_missing",
          ONLY_ROOT,
          { LIE_CHROOT, 0, EPERM },
          0,
          PROTECTION_ROOT_DIRECTORY },
        { "a_run_directory_that_is_read_only_is_passed_over",
          ONLY_ROOT,
          { LIE_MKDTEMP, 'r', EROFS },
          0,
          0 },
        { "a_root_directory_without_a_place_is_missing",
          ONLY_ROOT,
          { LIE_MKDTEMP, 0, EROFS },
          0,
          PROTECTION_ROOT_DIRECTORY },
        { "a_broken_root_directory_is_an_error", ONLY_ROOT, { LIE_CHROOT, 0, EIO }, -EIO, 0 },
        { "groups_that_stay_are_noticed", ONLY_ROOT, { LIE_SETGROUPS, 0, 0 }, -EPERM, 0 },
        { "a_user_that_was_not_assumed_is_noticed", ONLY_ROOT, { LIE_SETRESUID, 0, 0 }, -EPERM, 0 },
        { "a_user_that_is_not_mapped_is_missing",
          ONLY_ROOT,
          { LIE_SETRESUID, 0, EINVAL },
          0,
          PROTECTION_USER },
        { "a_user_that_fails_otherwise_is_an_error",
          ONLY_ROOT,
          { LIE_SETRESUID, 0, EAGAIN },
          -EAGAIN,
          0 },
        { "a_way_back_to_root_is_noticed", ONLY_ROOT, { LIE_SETUID, 0, 0 }, -EPERM, 0 },
        { "a_way_back_to_the_group_of_root_is_noticed",
          ONLY_ROOT,
          { LIE_SETGID, 0, 0 },
          -EPERM,
          0 },
        { "a_bounding_set_that_stays_is_noticed",
          ONLY_ROOT,
          { LIE_PRCTL, PR_CAPBSET_DROP, 0 },
          -EPERM,
          0 },
        { "a_bounding_set_that_may_not_be_changed_is_missing",
          ONLY_ROOT,
          { LIE_PRCTL, PR_CAPBSET_DROP, EPERM },
          0,
          PROTECTION_CAPABILITIES },
        { "capabilities_that_stay_are_noticed",
          ONLY_ROOT,
          { LIE_SYSCALL, SYS_capset, 0 },
          -EPERM,
          0 },
        { "capabilities_that_cannot_be_dropped_are_an_error",
          ALL_USERS,
          { LIE_SYSCALL, SYS_capset, ENOSYS },
          -ENOSYS,
          0 },
        { "dumps_that_cannot_be_forbidden_are_an_error",
          ALL_USERS,
          { LIE_PRCTL, PR_SET_DUMPABLE, EINVAL },
          -EINVAL,
          0 },
        { "limits_that_stay_are_noticed",
          ALL_USERS,
          { LIE_SETRLIMIT, RLIMIT_NPROC, 0 },
          -EPERM,
          0 },
        { "limits_that_cannot_be_lowered_are_an_error",
          ALL_USERS,
          { LIE_SETRLIMIT, RLIMIT_FSIZE, EPERM },
          -ENOTRECOVERABLE,
          0 },
        { "new_privileges_that_stay_are_noticed",
          ALL_USERS,
          { LIE_PRCTL, PR_SET_NO_NEW_PRIVS, 0 },
          -EPERM,
          0 },
        { "without_no_new_privileges_there_is_no_filter",
          ALL_USERS,
          { LIE_PRCTL, PR_SET_NO_NEW_PRIVS, EINVAL },
          0,
          PROTECTION_NO_NEW_PRIVS | PROTECTION_SECCOMP },
        { "dumps_that_stay_are_noticed",
          ALL_BUT_ROOT,
          { LIE_PRCTL, PR_SET_DUMPABLE, 0 },
          -EPERM,
          0 },
        { "descriptors_that_stay_open_are_an_error",
          ALL_USERS,
          { LIE_SYSCALL, SYS_close_range, ENOSYS },
          -ENOSYS,
          0 },
        { "a_kernel_without_a_filter_lacks_it",
          ALL_USERS,
          { LIE_SYSCALL, SYS_seccomp, ENOSYS },
          0,
          PROTECTION_SECCOMP },
};

static void run_lie(void **state)
{
        const typeof(lies[0]) *row = *state;
        int caller;

        if (row->whom == ONLY_ROOT)
                child_need_root();
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);
                bool is_root_child = child_is_root() && !child.as_nobody;
                struct child_report report;

                if (row->whom == (is_root_child ? ALL_BUT_ROOT : ONLY_ROOT))
                        continue;
                child.lie = row->lie;
                assert_int_equal(child_run(&child, &report), 0);
                assert_int_equal(report.r, row->want);
                assert_int_equal(report.missing,
                                 row->want ? ~0u : child_missing(&child) | row->missing);
        }
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, errors, run_error);
        test_set_add_rows(&set, lies, run_lie);
        test_set_add_test(&set, only_what_a_caller_cannot_have_is_missing);
        test_set_add_rows(&set, claims, child_run_claim);
        test_set_add_test(&set, its_files_in_proc_belong_to_root);
        test_set_add_test(&set, its_file_system_is_a_removed_directory);
        test_set_add_test(&set, descriptors_from_the_given_number_on_are_closed);
        test_set_add_test(&set, the_soft_limit_of_descriptors_becomes_the_hard_one);
        test_set_add_test(&set, a_limit_that_cannot_be_had_is_missing_and_the_hard_one_taken);
        return test_set_run(&set, "sandbox");
}
