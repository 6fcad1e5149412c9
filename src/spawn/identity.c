/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter's run_as is looked up before the fork, whole: uid, gid and all groups.
 */
#include "spawn/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/err.h"

static int take_groups(struct identity *identity, const char *user)
{
        int n_room = 32;
        gid_t *groups;

        for (;;) {
                int n = n_room;

                groups = reallocarray(identity->groups, (size_t)n_room, sizeof(*groups));
                if (!groups)
                        return err_origin(-ENOMEM);
                identity->groups = groups;
                if (getgrouplist(user, identity->gid, groups, &n) >= 0) {
                        identity->n_groups = n;
                        return 0;
                }
                if (n_room >= IDENTITY_GROUPS_MAX)
                        return err_origin(-E2BIG);
                n_room *= 2;
        }
}

/**
 * identity_look_up() - find a user
 * @identity: set; to be given to identity_deinit() also after a failure
 * @user:     the name
 * @uid_only: gid and groups shall stay as they are
 *
 * Return: 0, IDENTITY_E_UNKNOWN, or negative errno. Not thread-safe (getpwnam(3)).
 */
int identity_look_up(struct identity *identity, const char *user, bool uid_only)
{
        const struct passwd *entry;

        *identity = (struct identity){ .is_uid_only = uid_only };
        errno = 0;
        entry = getpwnam(user); /* NOLINT(concurrency-mt-unsafe) */
        if (!entry)
                return errno == 0 || errno == ENOENT ? IDENTITY_E_UNKNOWN : err_origin(-errno);
        identity->uid = entry->pw_uid;
        identity->gid = entry->pw_gid;
        return uid_only ? 0 : err_trace(take_groups(identity, user));
}

/**
 * identity_deinit() - give the memory back
 * @identity: becomes empty
 */
void identity_deinit(struct identity *identity)
{
        free(identity->groups);
        *identity = (struct identity){ 0 };
}
