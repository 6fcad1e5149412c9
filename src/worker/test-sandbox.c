/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each row is a child that enters the sandbox; whoever starts the tests, and nobody too where that
 * is root. What a child became is read from its files in /proc, what it may still do is tried.
 * Some children are lied to: the call that claims success did nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "priv/protection.h"
#include "util/cleanup.h"
#include "util/test.h"
#include "worker/sandbox.h"

#define TEST_UID   54321
#define TEST_GID   54322
#define NOBODY     65534
#define N_FILES    64
#define FIRST_FREE 20 /* a descriptor that the sandbox has to close */

/* The descriptors of a child. */
enum {
        REPORT = 3,
        PAIR_A,
        PAIR_B,
        LISTENER,
        CLIENT,
        N_FDS,
};

enum lie_call {
        LIE_NONE,
        LIE_CHROOT,
        LIE_MKDTEMP,
        LIE_PRCTL,
        LIE_SETRESUID,
        LIE_SETRLIMIT,
        LIE_SETGID,
        LIE_SETGROUPS,
        LIE_SETUID,
        LIE_SYSCALL
};

/* A system call that isn't made. */
struct lie {
        enum lie_call call;
        long selector; /* of prctl(2) the option, of syscall(2) the number, ... */
        int error;     /* what it fails with; 0: it claims success */
};

/* What a child is told, and what it tells. */
struct child {
        bool as_nobody;
        struct sandbox sandbox;
        struct lie lie;
        void (*prepare)(void);
        int (*act)(void); /* in the sandbox; Return: exit status */
};

struct report {
        int r;
        unsigned int missing;
};

static struct lie lie;

static bool is_lie(enum lie_call call, long selector)
{
        errno = lie.error;
        return lie.call == call && lie.selector == selector;
}

#define TELL_LIE (lie.error ? -1 : 0)

int __real_chroot(const char *path);
int __wrap_chroot(const char *path);
int __wrap_chroot(const char *path)
{
        return is_lie(LIE_CHROOT, 0) ? TELL_LIE : __real_chroot(path);
}

/* Selected by the first letter of the directory, or not at all. */
char *__real_mkdtemp(char *path);
char *__wrap_mkdtemp(char *path);
char *__wrap_mkdtemp(char *path)
{
        return is_lie(LIE_MKDTEMP, path[1]) || is_lie(LIE_MKDTEMP, 0) ? NULL : __real_mkdtemp(path);
}

int __real_setgroups(size_t n_groups, const gid_t *groups);
int __wrap_setgroups(size_t n_groups, const gid_t *groups);
int __wrap_setgroups(size_t n_groups, const gid_t *groups)
{
        return is_lie(LIE_SETGROUPS, 0) ? TELL_LIE : __real_setgroups(n_groups, groups);
}

int __real_setresuid(uid_t ruid, uid_t euid, uid_t suid);
int __wrap_setresuid(uid_t ruid, uid_t euid, uid_t suid);
int __wrap_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
        return is_lie(LIE_SETRESUID, 0) ? TELL_LIE : __real_setresuid(ruid, euid, suid);
}

int __real_setuid(uid_t uid);
int __wrap_setuid(uid_t uid);
int __wrap_setuid(uid_t uid)
{
        return is_lie(LIE_SETUID, 0) ? TELL_LIE : __real_setuid(uid);
}

int __real_setgid(gid_t gid);
int __wrap_setgid(gid_t gid);
int __wrap_setgid(gid_t gid)
{
        return is_lie(LIE_SETGID, 0) ? TELL_LIE : __real_setgid(gid);
}

int __real_setrlimit64(int resource, const struct rlimit64 *limit);
int __wrap_setrlimit64(int resource, const struct rlimit64 *limit);
int __wrap_setrlimit64(int resource, const struct rlimit64 *limit)
{
        return is_lie(LIE_SETRLIMIT, resource) ? TELL_LIE : __real_setrlimit64(resource, limit);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, long a, long b, long c, long d);
int __wrap_prctl(int option, long a, long b, long c, long d)
{
        return is_lie(LIE_PRCTL, option) ? TELL_LIE : __real_prctl(option, a, b, c, d);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
/* NOLINTNEXTLINE(readability-function-size) */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
        return is_lie(LIE_SYSCALL, number) ? TELL_LIE : __real_syscall(number, a, b, c, d, e, f);
}

static void must(bool is_done)
{
        if (!is_done)
                _exit(101);
}

/* Root's child has more to lose than a daemon usually has, so that its loss is seen. */
static void gain_privileges(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
        gid_t groups[] = { 1, 2 };

        must(setgroups(2, groups) == 0);
        must(__real_syscall(SYS_capget, &header, sets) == 0);
        sets[0].inheritable = sets[0].permitted;
        sets[1].inheritable = sets[1].permitted;
        must(__real_syscall(SYS_capset, &header, sets) == 0);
        must(__real_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0);
}

static void become_nobody(void)
{
        must(setgroups(0, NULL) == 0);
        must(setresgid(NOBODY, NOBODY, NOBODY) == 0);
        must(__real_setresuid(NOBODY, NOBODY, NOBODY) == 0);
        must(__real_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* as after execve(2) */
}

static void ignore_signal(int number)
{
        (void)number;
}

/* The descriptors of the enum, made before the sandbox as the monitor makes them. */
static void open_descriptors(int report)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t n_address = sizeof(sa_family_t); /* the kernel picks a name */
        int pair[2];

        must(dup2(report, REPORT) == REPORT);
        must(__real_syscall(SYS_close_range, REPORT + 1, ~0u, 0) == 0);
        must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        must(pair[0] == PAIR_A && pair[1] == PAIR_B);
        must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) == LISTENER);
        must(bind(LISTENER, (struct sockaddr *)&address, n_address) == 0);
        must(listen(LISTENER, 1) == 0);
        n_address = sizeof(address);
        must(getsockname(LISTENER, (struct sockaddr *)&address, &n_address) == 0);
        must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) == CLIENT);
        must(connect(CLIENT, (struct sockaddr *)&address, n_address) == 0);
        must(dup2(PAIR_A, FIRST_FREE) == FIRST_FREE);
}

static _Noreturn void run_child(const struct child *child, int report_fd)
{
        struct report report = { .missing = ~0u };

        (void)signal(SIGUSR1, ignore_signal);
        (void)alarm(60); /* whatever becomes of the parent */
        open_descriptors(report_fd);
        if (child->as_nobody)
                become_nobody();
        else if (geteuid() == 0)
                gain_privileges();
        if (child->prepare)
                child->prepare();

        lie = child->lie;
        report.r = sandbox_enter(&child->sandbox, &report.missing);
        must(write(REPORT, &report, sizeof(report)) == sizeof(report));
        _exit(child->act ? child->act() : 0);
}

/* Starts a child. Return: its pid, once it is in the sandbox or failed to enter it */
static pid_t start(const struct child *child, struct report *ret_report)
{
        int report[2];
        pid_t pid;

        *ret_report = (struct report){ .r = 1 };
        assert_int_equal(pipe2(report, O_CLOEXEC), 0);
        (void)fflush(NULL);
        pid = fork();
        if (pid == 0)
                run_child(child, report[1]);
        assert_true(pid > 0);
        (void)close(report[1]);
        (void)!read(report[0], ret_report, sizeof(*ret_report));
        (void)close(report[0]);
        return pid;
}

/* Return: the status of waitpid(2) */
static int run(const struct child *child, struct report *ret_report)
{
        pid_t pid = start(child, ret_report);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static bool is_root(void)
{
        return geteuid() == 0;
}

/* The callers of the sandbox: as we are, and nobody. */
static int n_callers(void)
{
        return is_root() ? 2 : 1;
}

static struct child child_of(int caller)
{
        return (struct child){
                .as_nobody = caller == 1,
                .sandbox = { .uid = TEST_UID, .gid = TEST_GID, .n_fds = N_FDS },
        };
}

/* What this caller lacks on a machine that has everything. */
static unsigned int wanted_missing(const struct child *child)
{
        unsigned int missing = SANDBOX_HAS_SECCOMP ? 0 : PROTECTION_SECCOMP;

        if (is_root() && !child->as_nobody)
                return missing;
        missing |= PROTECTION_USER | PROTECTION_ROOT_DIRECTORY;
        if (prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) == 1)
                missing |= PROTECTION_CAPABILITIES;
        return missing;
}

static void need_root(void)
{
        if (!is_root()) {
                print_message("this needs root\n");
                skip();
        }
}

static void need_seccomp(void)
{
        if (!SANDBOX_HAS_SECCOMP) {
                print_message("this build has no filter of system calls\n");
                skip();
        }
}

static void only_what_a_caller_cannot_have_is_missing(void **state)
{
        struct report report;
        int caller;

        (void)state;
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);

                assert_int_equal(run(&child, &report), 0);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, wanted_missing(&child));
        }
}

/* What the files in /proc say, which the parent reads while the child waits. */

static int wait_for_the_end(void)
{
        char byte;

        return (int)read(PAIR_A, &byte, 1);
}

static void lower_soft_limits(void)
{
        struct rlimit limit;

        must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = N_FILES;
        must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static bool has_line(pid_t pid, const char *file, const char *want)
{
        char path[64];
        char line[512];
        FILE *stream;
        bool is_found = false;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        stream = fopen(path, "re");
        assert_non_null(stream);
        while (!is_found && fgets(line, sizeof(line), stream)) {
                line[strcspn(line, "\n")] = '\0';
                while (line[0] && strchr(" \t", line[strlen(line) - 1]))
                        line[strlen(line) - 1] = '\0';
                is_found = strcmp(line, want) == 0;
        }
        (void)fclose(stream);
        return is_found;
}

#define NONE_OF(what) what " 0                    0                    "

static struct claim_row {
        const char *name;
        enum protection protection;
        const char *file;
        const char *line; /* without white space at its end */
} claims[] = {
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

/* Of a build that has the filter; others are without these tests. */
static struct claim_row filter_claims[] = {
        { "system_calls_are_filtered", PROTECTION_SECCOMP, "status", "Seccomp:\t2" },
};

static void run_claim(void **state)
{
        const typeof(claims[0]) *claim = *state;
        int n_checked = 0;
        int caller;

        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);
                struct report report;
                bool holds;
                pid_t pid;

                if (wanted_missing(&child) & claim->protection)
                        continue;
                child.sandbox.n_files = N_FILES;
                child.act = wait_for_the_end;
                pid = start(&child, &report);
                holds = has_line(pid, claim->file, claim->line);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, wanted_missing(&child));
                assert_true(holds);
                n_checked++;
        }
        if (!n_checked) {
                print_message("this caller or this build lacks %s\n",
                              protection_name(claim->protection));
                skip();
        }
}

/* The kernel gives the files in /proc of a process that may not be traced or dumped to root. */
static void its_files_in_proc_belong_to_root(void **state)
{
        struct report report;
        int caller;

        (void)state;
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);
                struct stat status;
                char path[64];
                pid_t pid;

                child.act = wait_for_the_end;
                pid = start(&child, &report);
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
        struct report report;
        char path[64];
        size_t i;
        pid_t pid;

        (void)state;
        need_root();
        child.act = wait_for_the_end;
        pid = start(&child, &report);
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
        struct report report;
        int caller;

        (void)state;
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);

                child.act = find_descriptors_closed;
                assert_int_equal(run(&child, &report), 0);
                assert_int_equal(report.r, 0);
        }
}

static void the_soft_limit_of_descriptors_becomes_the_hard_one(void **state)
{
        struct report report;
        int caller;

        (void)state;
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);

                child.prepare = lower_soft_limits;
                child.act = open_more_than_the_soft_limit;
                assert_int_equal(run(&child, &report), 0);
                assert_int_equal(report.r, 0);
        }
}

static void a_limit_that_cannot_be_had_is_missing_and_the_hard_one_taken(void **state)
{
        struct report report;
        int caller;

        (void)state;
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);

                child.sandbox.n_files = RLIM_INFINITY;
                child.prepare = lower_soft_limits;
                child.act = open_more_than_the_soft_limit;
                assert_int_equal(run(&child, &report), 0);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, wanted_missing(&child) | PROTECTION_LIMITS);
        }
}

/* Wrong settings, refusals and lies. */

static void open_a_directory(void)
{
        must(dup3(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), CLIENT, O_CLOEXEC) == CLIENT);
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
                need_root();
        for (caller = 0; caller < (row->is_for_root ? 1 : n_callers()); caller++) {
                struct child child = child_of(caller);
                struct report report;

                child.sandbox = row->sandbox;
                child.prepare = row->prepare;
                assert_int_equal(run(&child, &report), 0);
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
        struct lie lie;
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
                need_root();
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);
                bool is_root_child = is_root() && !child.as_nobody;
                struct report report;

                if (row->whom == (is_root_child ? ALL_BUT_ROOT : ONLY_ROOT))
                        continue;
                child.lie = row->lie;
                assert_int_equal(run(&child, &report), 0);
                assert_int_equal(report.r, row->want);
                assert_int_equal(report.missing,
                                 row->want ? ~0u : wanted_missing(&child) | row->missing);
        }
}

static void a_filter_that_is_not_there_is_noticed(void **state)
{
        struct child child = child_of(0);
        struct report report;

        (void)state;
        need_seccomp();
        child.lie = (struct lie){ LIE_SYSCALL, SYS_seccomp, 0 };
        assert_int_equal(run(&child, &report), 0);
        assert_int_equal(report.r, -EPERM);
}

/* What the worker does all day still works. */

static int do_events(void)
{
        struct epoll_event event = { .events = EPOLLOUT };
        struct timespec now = { 0 };
        int epoll = epoll_create1(EPOLL_CLOEXEC);

        return !(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, PAIR_A, &event) == 0 &&
                 epoll_wait(epoll, &event, 1, 0) == 1 &&
                 epoll_pwait(epoll, &event, 1, 0, NULL) == 1 &&
                 epoll_pwait2(epoll, &event, 1, &now, NULL) == 1 && close(epoll) == 0);
}

static int do_bytes(void)
{
        char byte = 'a';
        struct iovec part = { .iov_base = &byte, .iov_len = 1 };

        return !(write(PAIR_A, &byte, 1) == 1 && read(PAIR_B, &byte, 1) == 1 &&
                 writev(PAIR_A, &part, 1) == 1 && readv(PAIR_B, &part, 1) == 1 &&
                 sendto(PAIR_A, &byte, 1, MSG_NOSIGNAL, NULL, 0) == 1 &&
                 recvfrom(PAIR_B, &byte, 1, 0, NULL, NULL) == 1 && byte == 'a' &&
                 shutdown(PAIR_A, SHUT_WR) == 0 && read(PAIR_B, &byte, 1) == 0);
}

static int do_descriptors(void)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS } };
        char byte = 'a';
        struct iovec part = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = control.room,
                                  .msg_controllen = sizeof(control.room) };
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return 1;
        memcpy(CMSG_DATA(&control.header), &fds[1], sizeof(fds[1]));
        if (sendmsg(PAIR_A, &message, MSG_NOSIGNAL) != 1)
                return 2;
        if (recvmsg(PAIR_B, &message, MSG_CMSG_CLOEXEC) != 1)
                return 3;
        memcpy(&fds[1], CMSG_DATA(&control.header), sizeof(fds[1]));
        return !(write(fds[1], &byte, 1) == 1 && read(fds[0], &byte, 1) == 1);
}

static int do_peer(void)
{
        struct ucred peer = { 0 };
        socklen_t n_peer = sizeof(peer);
        int fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        return !(fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_peer) == 0 &&
                 peer.pid == getpid());
}

static int do_commands_of_descriptors(void)
{
        long garbage = 1L << 32; /* of which the kernel's int knows nothing */
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return 1;
        return !(fcntl(fds[0], F_GETFL) & O_NONBLOCK && fcntl(fds[0], F_SETFL, 0) == 0 &&
                 !(fcntl(fds[0], F_GETFL) & O_NONBLOCK) &&
                 fcntl(fds[0], F_SETPIPE_SZ, 8192) == 8192 && fcntl(fds[0], F_GETPIPE_SZ) == 8192 &&
                 syscall(SYS_fcntl, fds[0], garbage | F_GETPIPE_SZ, 0, 0, 0, 0) == 8192);
}

static int do_time_and_chance(void)
{
        struct timespec now;
        char bytes[32];

        return !(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0) == 0 &&
                 getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
}

static int do_memory(void)
{
        size_t n_bytes = 64ul << 20;
        char *memory = malloc(n_bytes);
        char *larger;
        void *pages;

        if (!memory)
                return 1;
        larger = realloc(memory, n_bytes * 2);
        if (!larger)
                return 2;
        free(larger);
        pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return !(pages != MAP_FAILED && mprotect(pages, 4096, PROT_READ | PROT_WRITE) == 0 &&
                 madvise(pages, 4096, MADV_DONTNEED) == 0 && munmap(pages, 8192) == 0 &&
                 (intptr_t)sbrk(1 << 20) != -1 &&
                 syscall(SYS_futex, (long)&n_bytes, FUTEX_WAKE, 1, 0, 0, 0) == 0);
}

static int do_signals(void)
{
        sigset_t mask;

        (void)sigfillset(&mask);
        return !(sigprocmask(SIG_BLOCK, &mask, NULL) == 0 && raise(SIGUSR1) == 0 &&
                 sigprocmask(SIG_UNBLOCK, &mask, NULL) == 0 &&
                 syscall(SYS_restart_syscall, 0, 0, 0, 0, 0, 0) == -1 && errno == EINTR);
}

static int do_end_of_thread(void)
{
        (void)syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
        return 1;
}

static int do_abort(void)
{
        abort();
}

/* Blocks that malloc(3) takes from an arena, until there are no more, and back. */
static int exhaust_memory(void)
{
        void **list = NULL;
        void **block;
        int n = 0;

        while ((block = malloc(100000))) {
                *block = list;
                list = block;
                n++;
        }
        while (list) {
                block = list;
                list = *block;
                free(block);
        }
        return n;
}

/* Twice, since a malloc(3) that makes a second arena when the first is full uses it from then on,
 * and reads a file of /proc before it shrinks it: glibc's of a program with threads. */
static int do_run_out_of_memory(void)
{
        int n_first = exhaust_memory();
        int n_second = exhaust_memory();

        return !(n_first > 0 && n_second > 0);
}

static void limit_memory(void)
{
        struct rlimit limit = { .rlim_cur = 16ul << 20, .rlim_max = 16ul << 20 };

        must(setrlimit(RLIMIT_DATA, &limit) == 0);
}

static struct {
        const char *name;
        int (*act)(void);
        void (*prepare)(void);
        int status; /* of waitpid(2) */
} allowed[] = {
        { "events_are_waited_for", do_events, NULL, 0 },
        { "bytes_are_read_and_written", do_bytes, NULL, 0 },
        { "descriptors_are_passed", do_descriptors, NULL, 0 },
        { "a_peer_is_accepted_and_known", do_peer, NULL, 0 },
        { "pipes_have_a_size_and_flags", do_commands_of_descriptors, NULL, 0 },
        { "there_is_time_and_chance", do_time_and_chance, NULL, 0 },
        { "memory_is_taken_and_given_back", do_memory, NULL, 0 },
        { "memory_may_run_out", do_run_out_of_memory, limit_memory, 0 },
        { "signals_are_handled_and_blocked", do_signals, NULL, 0 },
        { "a_thread_may_end", do_end_of_thread, NULL, 0 },
        { "an_abort_is_an_abort", do_abort, NULL, SIGABRT },
};

static void run_allowed(void **state)
{
        const typeof(allowed[0]) *row = *state;
        int caller;

        need_seccomp();
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);
                struct report report;

                child.prepare = row->prepare;
                child.act = row->act;
                assert_int_equal(run(&child, &report), row->status);
                assert_int_equal(report.r, 0);
        }
}

/* Anything else is the end. */

#define CALL_NAMED(name) #name "_is_the_end", SYS_##name

static struct forbidden {
        const char *name;
        long number;
        long arguments[6];
} forbidden[] = {
        { CALL_NAMED(openat), { AT_FDCWD, (long)"/", O_RDONLY } },
        { CALL_NAMED(openat2), { AT_FDCWD, (long)"/" } },
        { CALL_NAMED(newfstatat), { AT_FDCWD, (long)"/" } },
        { CALL_NAMED(statx), { AT_FDCWD, (long)"/" } },
        { CALL_NAMED(readlinkat), { AT_FDCWD, (long)"/" } },
        { CALL_NAMED(getdents64), { PAIR_A } },
        { CALL_NAMED(chdir), { (long)"/" } },
        { CALL_NAMED(chroot), { (long)"/" } },
        { CALL_NAMED(mkdirat), { AT_FDCWD, (long)"/directory", 0700 } },
        { CALL_NAMED(unlinkat), { AT_FDCWD, (long)"/file" } },
        { CALL_NAMED(memfd_create), { (long)"name" } },
        { CALL_NAMED(mount), { 0 } },
        { CALL_NAMED(fsopen), { (long)"tmpfs" } },
        { CALL_NAMED(execve), { (long)"/bin/true" } },
        { CALL_NAMED(execveat), { AT_FDCWD, (long)"/bin/true" } },
        { CALL_NAMED(clone), { SIGCHLD } },
        { CALL_NAMED(clone3), { 0 } },
        { CALL_NAMED(unshare), { 0 } },
        { CALL_NAMED(setns), { PAIR_A } },
        { CALL_NAMED(ptrace), { 0 } },
        { CALL_NAMED(process_vm_readv), { 0 } },
        { CALL_NAMED(process_vm_writev), { 0 } },
        { CALL_NAMED(pidfd_open), { 1 } },
        { CALL_NAMED(pidfd_getfd), { PAIR_A } },
        { CALL_NAMED(pidfd_send_signal), { PAIR_A } },
        { CALL_NAMED(kill), { 0 } },
        { CALL_NAMED(tkill), { 1 } },
        { CALL_NAMED(rt_sigqueueinfo), { 1 } },
        { CALL_NAMED(rt_sigaction), { SIGTERM } },
        { CALL_NAMED(prctl), { PR_GET_DUMPABLE } },
        { CALL_NAMED(seccomp), { 0 } },
        { CALL_NAMED(capset), { 0 } },
        { CALL_NAMED(setresuid), { -1, -1, -1 } },
        { CALL_NAMED(setgroups), { 0 } },
        { CALL_NAMED(prlimit64), { 0 } },
        { CALL_NAMED(socket), { AF_UNIX, SOCK_STREAM } },
        { CALL_NAMED(socketpair), { AF_UNIX, SOCK_STREAM } },
        { CALL_NAMED(connect), { CLIENT } },
        { CALL_NAMED(bind), { CLIENT } },
        { CALL_NAMED(listen), { LISTENER, 1 } },
        { CALL_NAMED(setsockopt), { PAIR_A, SOL_SOCKET, SO_PASSCRED } },
        { CALL_NAMED(sendmmsg), { PAIR_A } },
        { CALL_NAMED(dup), { PAIR_A } },
        { CALL_NAMED(ioctl), { PAIR_A, FIONREAD } },
        { CALL_NAMED(splice), { PAIR_A } },
        { CALL_NAMED(bpf), { 0 } },
        { CALL_NAMED(userfaultfd), { 0 } },
        { CALL_NAMED(perf_event_open), { 0 } },
        { CALL_NAMED(io_uring_setup), { 1 } },
        { CALL_NAMED(keyctl), { 0 } },
        { CALL_NAMED(pkey_mprotect), { 0, 4096, PROT_READ, -1 } },
        { CALL_NAMED(shmget), { 0 } },
        { CALL_NAMED(personality), { 0xffffffff } },
        { CALL_NAMED(nanosleep), { 0 } },
        { "an_unknown_call_is_the_end", 100000, { 0 } },
        { "executable_memory_is_the_end",
          SYS_mmap,
          { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1 } },
        { "writable_and_executable_memory_is_the_end",
          SYS_mmap,
          { 0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1 } },
        { "making_memory_executable_is_the_end", SYS_mprotect, { 0, 0, PROT_READ | PROT_EXEC } },
        { "a_pipe_without_flags_is_the_end", SYS_pipe2, { 0, 0 } },
        { "a_pipe_that_is_inherited_is_the_end", SYS_pipe2, { 0, O_NONBLOCK } },
        { "a_pipe_that_blocks_is_the_end", SYS_pipe2, { 0, O_CLOEXEC } },
        { "a_pipe_of_packets_is_the_end", SYS_pipe2, { 0, O_CLOEXEC | O_NONBLOCK | O_DIRECT } },
        { "a_second_descriptor_is_the_end", SYS_fcntl, { PAIR_A, F_DUPFD_CLOEXEC, 0 } },
        { "an_inherited_descriptor_is_the_end", SYS_fcntl, { PAIR_A, F_SETFD, 0 } },
        { "a_signal_by_a_descriptor_is_the_end", SYS_fcntl, { PAIR_A, F_SETOWN, 1 } },
        { "another_option_of_a_socket_is_the_end",
          SYS_getsockopt,
          { PAIR_A, SOL_SOCKET, SO_TYPE } },
        { "an_option_of_another_level_is_the_end",
          SYS_getsockopt,
          { PAIR_A, IPPROTO_IP, SO_PEERCRED } },
        { "a_signal_to_another_process_is_the_end", SYS_tgkill, { 1, 1, 0 } },
#ifdef __x86_64__
        { CALL_NAMED(open), { (long)"/", O_RDONLY } },
        { CALL_NAMED(fork), { 0 } },
        { CALL_NAMED(vfork), { 0 } },
        { CALL_NAMED(pipe), { 0 } },
        { CALL_NAMED(accept), { LISTENER } },
        { CALL_NAMED(arch_prctl), { 0 } },
        { "a_call_of_x32_is_the_end", 0x40000000 | SYS_getpid, { 0 } },
#endif
};

static const struct forbidden *now_forbidden;

static int do_forbidden(void)
{
        const long *a = now_forbidden->arguments;

        (void)syscall(now_forbidden->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        return 0;
}

static void run_forbidden(void **state)
{
        int caller;

        now_forbidden = *state;
        need_seccomp();
        for (caller = 0; caller < n_callers(); caller++) {
                struct child child = child_of(caller);
                struct report report;

                child.act = do_forbidden;
                assert_int_equal(run(&child, &report), SIGSYS);
                assert_int_equal(report.r, 0);
        }
}

#ifdef __x86_64__

/* 3 is close(2) for us, and read(2) for a program of 32 bits. */
static int do_call_of_32_bits(void)
{
        long number = 3;

        __asm__ volatile("int $0x80" : "+a"(number) : "b"(-1L), "c"(0L), "d"(0L) : "memory");
        return 0;
}

static void a_call_of_another_architecture_is_the_end(void **state)
{
        struct child child = child_of(0);
        struct report report;
        int status;

        (void)state;
        need_seccomp();
        child.act = do_call_of_32_bits;
        status = run(&child, &report);
        if (status == SIGSEGV) {
                print_message("this kernel has no calls of 32 bits\n");
                skip();
        }
        assert_int_equal(status, SIGSYS);
}

#endif

static void add_filter_tests(struct test_set *set)
{
        test_set_add_test(set, a_filter_that_is_not_there_is_noticed);
        test_set_add_rows(set, filter_claims, run_claim);
        test_set_add_rows(set, allowed, run_allowed);
        test_set_add_rows(set, forbidden, run_forbidden);
#ifdef __x86_64__
        test_set_add_test(set, a_call_of_another_architecture_is_the_end);
#endif
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, errors, run_error);
        test_set_add_rows(&set, lies, run_lie);
        test_set_add_test(&set, only_what_a_caller_cannot_have_is_missing);
        test_set_add_rows(&set, claims, run_claim);
        test_set_add_test(&set, its_files_in_proc_belong_to_root);
        test_set_add_test(&set, its_file_system_is_a_removed_directory);
        test_set_add_test(&set, descriptors_from_the_given_number_on_are_closed);
        test_set_add_test(&set, the_soft_limit_of_descriptors_becomes_the_hard_one);
        test_set_add_test(&set, a_limit_that_cannot_be_had_is_missing_and_the_hard_one_taken);
        if (SANDBOX_HAS_SECCOMP)
                add_filter_tests(&set);
        return test_set_run(&set, "sandbox");
}
