/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that enter the sandbox, for tests; whoever starts the tests, and nobody too where that
 * is root. Some children are lied to: the call that claims success did nothing.
 */
#include "worker/test-child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/test.h"

static struct child_lie lie;

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

/**
 * child_must() - what a child needs before the sandbox; without it, it ends
 * @is_done: was it done?
 */
void child_must(bool is_done)
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

        child_must(setgroups(2, groups) == 0);
        child_must(__real_syscall(SYS_capget, &header, sets) == 0);
        sets[0].inheritable = sets[0].permitted;
        sets[1].inheritable = sets[1].permitted;
        child_must(__real_syscall(SYS_capset, &header, sets) == 0);
        child_must(__real_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0);
}

static void become_nobody(void)
{
        child_must(setgroups(0, NULL) == 0);
        child_must(setresgid(NOBODY, NOBODY, NOBODY) == 0);
        child_must(__real_setresuid(NOBODY, NOBODY, NOBODY) == 0);
        child_must(__real_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); /* as after execve(2) */
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

        child_must(dup2(report, REPORT) == REPORT);
        child_must(__real_syscall(SYS_close_range, REPORT + 1, ~0u, 0) == 0);
        child_must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        child_must(pair[0] == PAIR_A && pair[1] == PAIR_B);
        child_must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) == LISTENER);
        child_must(bind(LISTENER, (struct sockaddr *)&address, n_address) == 0);
        child_must(listen(LISTENER, 1) == 0);
        n_address = sizeof(address);
        child_must(getsockname(LISTENER, (struct sockaddr *)&address, &n_address) == 0);
        child_must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) == CLIENT);
        child_must(connect(CLIENT, (struct sockaddr *)&address, n_address) == 0);
        child_must(dup2(PAIR_A, FIRST_FREE) == FIRST_FREE);
}

static _Noreturn void run_child(const struct child *child, int report_fd)
{
        struct child_report report = { .missing = ~0u };

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
        child_must(write(REPORT, &report, sizeof(report)) == sizeof(report));
        _exit(child->act ? child->act() : 0);
}

/**
 * child_start() - start a child
 * @child:      what it is told
 * @ret_report: set: what it told
 *
 * Return: its pid, once it is in the sandbox or failed to enter it
 */
pid_t child_start(const struct child *child, struct child_report *ret_report)
{
        int report[2];
        pid_t pid;

        *ret_report = (struct child_report){ .r = 1 };
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

/**
 * child_run() - start a child, and wait for its end
 * @child:      what it is told
 * @ret_report: set: what it told
 *
 * Return: the status of waitpid(2)
 */
int child_run(const struct child *child, struct child_report *ret_report)
{
        pid_t pid = child_start(child, ret_report);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/**
 * child_is_root() - did root start the tests?
 */
bool child_is_root(void)
{
        return geteuid() == 0;
}

/**
 * child_n_callers() - the callers of the sandbox: as we are, and nobody
 */
int child_n_callers(void)
{
        return child_is_root() ? 2 : 1;
}

/**
 * child_of() - a child that does what the worker does
 * @caller: 0: as we are; 1: nobody
 */
struct child child_of(int caller)
{
        return (struct child){
                .as_nobody = caller == 1,
                .sandbox = { .uid = TEST_UID, .gid = TEST_GID, .n_fds = N_FDS },
        };
}

/**
 * child_missing() - what this caller lacks on a machine that has everything
 * @child: the caller
 *
 * Return: bits of enum protection
 */
unsigned int child_missing(const struct child *child)
{
        unsigned int missing = SANDBOX_HAS_SECCOMP ? 0 : PROTECTION_SECCOMP;

        if (child_is_root() && !child->as_nobody)
                return missing;
        missing |= PROTECTION_USER | PROTECTION_ROOT_DIRECTORY;
        if (prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) == 1)
                missing |= PROTECTION_CAPABILITIES;
        return missing;
}

/**
 * child_need_root() - skip a test that nobody else can do
 */
void child_need_root(void)
{
        if (!child_is_root()) {
                print_message("this needs root\n");
                skip();
        }
}

/**
 * child_wait() - in the sandbox: stay until the parent ends it
 *
 * Return: never
 */
int child_wait(void)
{
        char byte;

        return (int)read(PAIR_A, &byte, 1);
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

/**
 * child_run_claim() - a test: does each caller's child say so of itself?
 * @state: a struct child_claim
 */
void child_run_claim(void **state)
{
        const struct child_claim *claim = *state;
        int n_checked = 0;
        int caller;

        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);
                struct child_report report;
                bool holds;
                pid_t pid;

                if (child_missing(&child) & claim->protection)
                        continue;
                child.sandbox.n_files = N_FILES;
                child.act = child_wait;
                pid = child_start(&child, &report);
                holds = has_line(pid, claim->file, claim->line);
                (void)kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                assert_int_equal(report.r, 0);
                assert_int_equal(report.missing, child_missing(&child));
                assert_true(holds);
                n_checked++;
        }
        if (!n_checked) {
                print_message("this caller or this build lacks %s\n",
                              protection_name(claim->protection));
                skip();
        }
}
