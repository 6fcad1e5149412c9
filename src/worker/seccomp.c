/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that the worker may make, and with which arguments; any other ends it with
 * SIGSYS. The list is what the worker's loop needs with the descriptors that it was given, what
 * malloc(3) needs in a program of one thread, and what abort(3) and exit(3) need. Nothing in it
 * opens, connects, executes, creates a process, reaches another process, or makes memory
 * executable.
 *
 * It is a program for the kernel's BPF, written down here and not put together by libseccomp, which
 * for the same rules costs the start a fifth of a millisecond and the process 160 kB. The constants
 * are those of the machine that the worker is compiled for; meson says which AUDIT_ARCH_ that is.
 * The program holds the number of a system call in its one register; a rule about an argument loads
 * the number again before the next rule.
 *
 * Arguments are compared by their lower 32 bits, which is all that the kernel looks at in a
 * descriptor's command, a flag or an option.
 */
#include "worker/seccomp.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/err.h"

/* Where epoll_pwait(2) does the work of epoll_wait(2). */
#ifndef SYS_epoll_wait
#        define SYS_epoll_wait SYS_epoll_pwait
#endif

/* What getppid(2), which never fails, fails with in here. */
#define PROBE_ERRNO EDOM

#define LOW_HALF(n) \
        (offsetof(struct seccomp_data, args[n]) + (__BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4))

#define LOAD(offset)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define LOAD_NUMBER     LOAD(offsetof(struct seccomp_data, nr))
#define MASK(bits)      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (bits))
#define UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define ANSWER(action)  BPF_STMT(BPF_RET | BPF_K, (action))

/* Rules. Each leaves the number of the call in the register when it doesn't answer. */
#define ALLOW(call) UNLESS(call, 1), ANSWER(SECCOMP_RET_ALLOW)
#define ALLOW_MASKED(call, n, bits, value)                                \
        UNLESS(call, 5), LOAD(LOW_HALF(n)), MASK(bits), UNLESS(value, 1), \
                ANSWER(SECCOMP_RET_ALLOW), LOAD_NUMBER
#define ALLOW_IF(call, n, value) ALLOW_MASKED(call, n, UINT32_MAX, value)
#define ALLOW_IF_BOTH(call, n, value, m, other)                                                    \
        UNLESS(call, 6), LOAD(LOW_HALF(n)), UNLESS(value, 3), LOAD(LOW_HALF(m)), UNLESS(other, 1), \
                ANSWER(SECCOMP_RET_ALLOW), LOAD_NUMBER

/* Return: 0 or -1 with errno */
static int load_program(void)
{
        uint32_t self = (uint32_t)getpid();
        struct sock_filter program[] = {
                LOAD(offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_AUDIT_ARCH, 1, 0),
                ANSWER(SECCOMP_RET_KILL_PROCESS),
                LOAD_NUMBER,

                /* events */
                ALLOW(SYS_epoll_wait),
                ALLOW(SYS_epoll_pwait),
                ALLOW(SYS_epoll_pwait2),
                ALLOW(SYS_epoll_ctl),
                ALLOW(SYS_epoll_create1),

                /* bytes and descriptors, on what it holds */
                ALLOW(SYS_recvmsg),
                ALLOW(SYS_sendmsg),
                ALLOW(SYS_recvfrom),
                ALLOW(SYS_sendto),
                ALLOW(SYS_read),
                ALLOW(SYS_readv),
                ALLOW(SYS_write),
                ALLOW(SYS_writev),
                ALLOW(SYS_close),
                ALLOW(SYS_accept4),
                ALLOW(SYS_shutdown),
                ALLOW_IF(SYS_pipe2, 1, O_CLOEXEC | O_NONBLOCK),
                ALLOW_IF(SYS_fcntl, 1, F_GETFL),
                ALLOW_IF(SYS_fcntl, 1, F_SETFL),
                ALLOW_IF(SYS_fcntl, 1, F_GETPIPE_SZ),
                ALLOW_IF(SYS_fcntl, 1, F_SETPIPE_SZ),
                ALLOW_IF_BOTH(SYS_getsockopt, 1, SOL_SOCKET, 2, SO_PEERCRED),
                ALLOW_IF_BOTH(SYS_getsockopt, 1, SOL_SOCKET, 2, SO_PEERGROUPS),
                ALLOW_IF_BOTH(SYS_getsockopt, 1, SOL_SOCKET, 2, SO_LINGER),
                ALLOW_IF_BOTH(SYS_setsockopt, 1, SOL_SOCKET, 2, SO_LINGER),
                ALLOW_IF_BOTH(SYS_setsockopt, 1, SOL_SOCKET, 2, SO_SNDBUF),

                /* time and chance */
                ALLOW(SYS_clock_gettime),
                ALLOW(SYS_getrandom),

                /* memory, never executable */
                ALLOW(SYS_brk),
                ALLOW(SYS_madvise),
                ALLOW(SYS_munmap),
                ALLOW(SYS_mremap),
                ALLOW_MASKED(SYS_mmap, 2, PROT_EXEC, 0),
                ALLOW_MASKED(SYS_mprotect, 2, PROT_EXEC, 0),
                ALLOW(SYS_futex),

                /* signals, and the end; tgkill(2) is abort(3)'s, and for itself alone */
                ALLOW(SYS_rt_sigprocmask),
                ALLOW(SYS_rt_sigreturn),
                ALLOW(SYS_restart_syscall),
                ALLOW(SYS_getpid),
                ALLOW(SYS_gettid),
                ALLOW_IF(SYS_tgkill, 0, self),
                ALLOW(SYS_exit),
                ALLOW(SYS_exit_group),

                UNLESS(SYS_getppid, 1),
                ANSWER(SECCOMP_RET_ERRNO | PROBE_ERRNO),
                ANSWER(SECCOMP_RET_KILL_PROCESS),
        };
        struct sock_fprog whole = {
                .len = sizeof(program) / sizeof(program[0]),
                .filter = program,
        };

        return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &whole);
}

/**
 * seccomp_enter() - let the kernel end this process at any system call that isn't on the list
 *
 * Needs no_new_privs. Whether the list holds is seen by a call that the list alone lets fail.
 *
 * Return: 0, SECCOMP_E_MISSING, or negative errno
 */
int seccomp_enter(void)
{
        if (load_program() < 0)
                return errno == ENOSYS || errno == EINVAL || errno == EACCES ? SECCOMP_E_MISSING
                                                                             : err_origin(-errno);
        if (syscall(SYS_getppid) != -1 || errno != PROBE_ERRNO)
                return err_origin(-EPERM);
        return 0;
}
