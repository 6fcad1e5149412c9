/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each row is a child in the sandbox that tries a system call: what the worker does all day still
 * works, anything else is its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "priv/protection.h"
#include "util/test.h"
#include "worker/test-child.h"

static struct child_claim claims[] = {
        { "system_calls_are_filtered", PROTECTION_SECCOMP, "status", "Seccomp:\t2" },
};

static void a_filter_that_is_not_there_is_noticed(void **state)
{
        struct child child = child_of(0);
        struct child_report report;

        (void)state;
        child.lie = (struct child_lie){ LIE_SYSCALL, SYS_seccomp, 0 };
        assert_int_equal(child_run(&child, &report), 0);
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

static int do_close_without_lingering(void)
{
        struct linger linger = { .l_onoff = 0 };
        socklen_t n_linger = sizeof(linger);

        return !(getsockopt(PAIR_A, SOL_SOCKET, SO_LINGER, &linger, &n_linger) == 0 &&
                 setsockopt(PAIR_A, SOL_SOCKET, SO_LINGER, &linger, n_linger) == 0);
}

static int do_widen_a_socket(void)
{
        int n_bytes = 1 << 20;

        return setsockopt(PAIR_A, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes)) != 0;
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

        child_must(setrlimit(RLIMIT_DATA, &limit) == 0);
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
        { "a_socket_need_not_linger", do_close_without_lingering, NULL, 0 },
        { "a_socket_may_take_more", do_widen_a_socket, NULL, 0 },
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

        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);
                struct child_report report;

                child.prepare = row->prepare;
                child.act = row->act;
                assert_int_equal(child_run(&child, &report), row->status);
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
        { "to_set_an_option_of_another_level_is_the_end",
          SYS_setsockopt,
          { PAIR_A, IPPROTO_IP, SO_LINGER } },
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
        for (caller = 0; caller < child_n_callers(); caller++) {
                struct child child = child_of(caller);
                struct child_report report;

                child.act = do_forbidden;
                assert_int_equal(child_run(&child, &report), SIGSYS);
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
        struct child_report report;
        int status;

        (void)state;
        child.act = do_call_of_32_bits;
        status = child_run(&child, &report);
        if (status == SIGSEGV) {
                print_message("this kernel has no calls of 32 bits\n");
                skip();
        }
        assert_int_equal(status, SIGSYS);
}

#endif

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, a_filter_that_is_not_there_is_noticed);
        test_set_add_rows(&set, claims, child_run_claim);
        test_set_add_rows(&set, allowed, run_allowed);
        test_set_add_rows(&set, forbidden, run_forbidden);
#ifdef __x86_64__
        test_set_add_test(&set, a_call_of_another_architecture_is_the_end);
#endif
        return test_set_run(&set, "seccomp");
}
