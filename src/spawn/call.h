/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that touch no memory but their arguments: not errno either, which a child that
 * shares its parent's memory would overwrite under it.
 */
#pragma once

#if defined(__x86_64__) && !defined(__ILP32__)

#        define CALL_IS_RAW 1

/* Return: as the kernel has it, negative errno for an error */
/* NOLINTNEXTLINE(readability-function-size): a system call has so many arguments */
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long result;

        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
}

#elif defined(__aarch64__) && !defined(__ILP32__)

#        define CALL_IS_RAW 1

/* Return: as the kernel has it, negative errno for an error */
/* NOLINTNEXTLINE(readability-function-size): a system call has so many arguments */
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;
        register long x4 __asm__("x4") = e;
        register long x5 __asm__("x5") = f;

        __asm__ volatile("svc 0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
        return x0;
}

#else

#        define CALL_IS_RAW 0

#        include <errno.h>
#        include <unistd.h>

/* Return: as the kernel has it, negative errno for an error. Writes errno. */
/* NOLINTNEXTLINE(readability-function-size): a system call has so many arguments */
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
        long result = syscall(number, a, b, c, d, e, f);

        return result < 0 ? -errno : result;
}

#endif

#define CALL_ARG(value) ((long)(value))
#define call4(number, a, b, c, d) \
        call6((number), CALL_ARG(a), CALL_ARG(b), CALL_ARG(c), CALL_ARG(d), 0, 0)
#define call3(number, a, b, c) call4((number), (a), (b), (c), 0)
#define call2(number, a, b)    call4((number), (a), (b), 0, 0)
#define call1(number, a)       call4((number), (a), 0, 0, 0)
#define call0(number)          call4((number), 0, 0, 0, 0)

/* Where 32-bit machines have had them twice. */
#ifdef SYS_setresuid32
#        define CALL_UID(name) SYS_##name##32
#else
#        define CALL_UID(name) SYS_##name
#endif
