/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in allowed_users and allowed_groups become numbers when the configuration is loaded,
 * and the worker compares these with what the kernel says of a peer. A name that nobody has is an
 * error: whoever wrote it meant somebody.
 */
#include "monitor/admission.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "config/settings.h"
#include "util/complaint.h"

static int find_user(const char *name, uint32_t *ret_uid)
{
        const struct passwd *entry = getpwnam(name); /* NOLINT(concurrency-mt-unsafe) */

        if (!entry)
                return ADMISSION_E_BAD;
        *ret_uid = entry->pw_uid;
        return 0;
}

static int find_group(const char *name, uint32_t *ret_gid)
{
        const struct group *entry = getgrnam(name); /* NOLINT(concurrency-mt-unsafe) */

        if (!entry)
                return ADMISSION_E_BAD;
        *ret_gid = entry->gr_gid;
        return 0;
}

static int look_up(const struct settings *settings,
                   const struct admitted_names *names,
                   int (*find)(const char *name, uint32_t *ret_id),
                   const char *what,
                   uint32_t *ret_ids,
                   struct complaint *reterr)
{
        size_t i;

        if (names->n_names > RECORD_ADMITS_MAX) {
                complaint_set(reterr, settings->file, names->line, "more than %u %ss",
                              RECORD_ADMITS_MAX, what);
                return ADMISSION_E_BAD;
        }
        for (i = 0; i < names->n_names; i++) {
                if (find(names->names[i], &ret_ids[i]) == 0)
                        continue;
                complaint_set(reterr, settings->file, names->line, "there is no %s \"%s\"", what,
                              names->names[i]);
                return ADMISSION_E_BAD;
        }
        return 0;
}

/**
 * admission_resolve() - who is meant
 * @admission: set; borrows names of @settings
 * @settings:  allowed_users and allowed_groups
 * @reterr:    for ADMISSION_E_BAD
 *
 * Return: 0 or ADMISSION_E_BAD. Not thread-safe (getpwnam(3)).
 */
int admission_resolve(struct admission *admission,
                      const struct settings *settings,
                      struct complaint *reterr)
{
        const struct admitted_names *users = &settings->allowed_users;
        size_t i;
        int r;

        *admission = (struct admission){ .n_uids = users->n_names,
                                         .n_gids = settings->allowed_groups.n_names };
        r = look_up(settings, users, find_user, "user", admission->uids, reterr);
        if (!r)
                r = look_up(settings, &settings->allowed_groups, find_group, "group",
                            admission->gids, reterr);
        if (r) {
                *admission = (struct admission){ .n_uids = 0 };
                return r;
        }
        for (i = 0; i < users->n_names; i++)
                admission->names[i] = users->names[i];
        return 0;
}

/**
 * admission_name() - what a user is called
 * @admission: who may connect
 * @uid:       the user
 *
 * Return: its name, or NULL where only its group is known
 */
const char *admission_name(const struct admission *admission, uint32_t uid)
{
        size_t i;

        for (i = 0; i < admission->n_uids; i++)
                if (admission->uids[i] == uid)
                        return admission->names[i];
        return NULL;
}

/**
 * admission_put() - for the worker
 * @admission: who may connect
 * @record:    becomes ADMIT
 * @tail:      what it borrows
 */
void admission_put(const struct admission *admission,
                   struct record *record,
                   uint32_t tail[static 2 * RECORD_ADMITS_MAX])
{
        memcpy(tail, admission->uids, admission->n_uids * sizeof(uint32_t));
        memcpy(tail + admission->n_uids, admission->gids, admission->n_gids * sizeof(uint32_t));
        *record = (struct record){
                .type = RECORD_ADMIT,
                .admit = { .n_uids = (uint32_t)admission->n_uids,
                           .n_gids = (uint32_t)admission->n_gids },
                .tail = (const char *)tail,
                .n_tail = (admission->n_uids + admission->n_gids) * sizeof(uint32_t),
        };
}
