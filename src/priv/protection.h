/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker is locked up with: bits, for what a machine, or a caller who isn't root, lacks.
 */
#pragma once

enum protection {
        PROTECTION_LIMITS = 1 << 0,
        PROTECTION_ROOT_DIRECTORY = 1 << 1,
        PROTECTION_USER = 1 << 2,
        PROTECTION_CAPABILITIES = 1 << 3,
        PROTECTION_NO_NEW_PRIVS = 1 << 4,
        PROTECTION_DUMPABLE = 1 << 5,
        PROTECTION_SECCOMP = 1 << 6,
};

#define PROTECTION_N_BITS 7

const char *protection_name(enum protection protection);
