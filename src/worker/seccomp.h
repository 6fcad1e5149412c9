/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that the worker may make. Two variants: seccomp.c and, for machines and builds
 * that it doesn't fit, seccomp-none.c. */
#pragma once

/* This build, or this kernel, has no filter of system calls. */
#define SECCOMP_E_MISSING 1

int seccomp_enter(void);
