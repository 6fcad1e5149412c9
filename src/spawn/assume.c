/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a command's privileges change, which ends by looking whether they did. It
 * runs in a child that shares its parent's memory: system calls only, by call.h.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "spawn/call.h"
#include "spawn/identity.h"

static bool is_user(uid_t uid)
{
        uid_t real = (uid_t)-1;
        uid_t effective = (uid_t)-1;
        uid_t saved = (uid_t)-1;

        return call3(CALL_UID(getresuid), &real, &effective, &saved) == 0 && real == uid &&
               effective == uid && saved == uid;
}

static bool is_group(gid_t gid)
{
        gid_t real = (gid_t)-1;
        gid_t effective = (gid_t)-1;
        gid_t saved = (gid_t)-1;

        return call3(CALL_UID(getresgid), &real, &effective, &saved) == 0 && real == gid &&
               effective == gid && saved == gid;
}

/**
 * identity_assume() - become that user, for good; for use between vfork(2) and execve(2)
 * @identity: the user
 *
 * Whoever already is that user and not root has nothing to change.
 *
 * Return: 0 or negative errno
 */
int identity_assume(const struct identity *identity)
{
        uid_t uid = identity->uid;
        gid_t gid = identity->gid;
        long own = call0(CALL_UID(geteuid));
        long r = 0;

        if (own != 0 && own == (long)uid && call0(CALL_UID(getuid)) == own)
                return 0;
        if (!identity->is_uid_only)
                r = call2(CALL_UID(setgroups), identity->n_groups, identity->groups);
        if (!r && !identity->is_uid_only)
                r = call3(CALL_UID(setresgid), gid, gid, gid);
        if (!r)
                r = call3(CALL_UID(setresuid), uid, uid, uid);
        if (r)
                return (int)r;

        if (!is_user(uid) || (!identity->is_uid_only && !is_group(gid)))
                return -EPERM;
        if (uid != 0 && call1(CALL_UID(setuid), 0) == 0)
                return -EPERM;
        return 0;
}
