/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For architectures without a row in meson's table, and for builds whose compiler puts calls of its
 * own into the program: sanitizers, coverage. The worker then runs without a filter and says so.
 */
#include "worker/seccomp.h"

/**
 * seccomp_enter() - there is nothing to enter
 *
 * Return: SECCOMP_E_MISSING
 */
int seccomp_enter(void)
{
        return SECCOMP_E_MISSING;
}
