/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker locks itself up and says what was missing; the monitor writes that to the log. Bits
 * and names stand here once, so that neither can mean another protection than the other.
 */
#include "priv/protection.h"

/**
 * protection_name() - a protection in words
 * @protection: one bit
 *
 * Return: borrowed
 */
const char *protection_name(enum protection protection)
{
        switch (protection) {
        case PROTECTION_LIMITS:
                return "resource limits";
        case PROTECTION_ROOT_DIRECTORY:
                return "an empty root directory";
        case PROTECTION_USER:
                return "a user of its own";
        case PROTECTION_CAPABILITIES:
                return "empty capability sets";
        case PROTECTION_NO_NEW_PRIVS:
                return "no_new_privs";
        case PROTECTION_DUMPABLE:
                return "no dumps and no debuggers";
        case PROTECTION_SECCOMP:
                return "a filter of system calls";
        }
        return "an unknown protection";
}
