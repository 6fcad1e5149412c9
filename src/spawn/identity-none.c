/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No users but ourselves: for the lean program, whose C library does not ask all the sources of
 * users that the machine may be set up for (nsswitch.conf(5)). It hands such commands to the full
 * program.
 */
#include <errno.h>

#include "spawn/identity.h"

/**
 * identity_look_up() - always -ENOSYS
 * @identity: emptied
 * @user:     not looked at
 * @uid_only: not looked at
 *
 * Return: -ENOSYS
 */
int identity_look_up(struct identity *identity, const char *user, bool uid_only)
{
        (void)user;
        (void)uid_only;
        *identity = (struct identity){ 0 };
        return -ENOSYS;
}

/**
 * identity_deinit() - nothing was found, nothing is freed
 * @identity: emptied
 */
void identity_deinit(struct identity *identity)
{
        *identity = (struct identity){ 0 };
}

/**
 * identity_assume() - always -ENOSYS, so that the command does not start
 * @identity: not looked at
 *
 * Return: -ENOSYS
 */
int identity_assume(const struct identity *identity)
{
        (void)identity;
        return -ENOSYS;
}
