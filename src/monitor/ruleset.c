/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is loaded is whole or not there: a reload makes a new ruleset beside the old one and takes
 * its place only when nothing was wrong. Expressions are compiled at load. The identity of a
 * filter's run_as is looked up when it is first needed, and kept until the next load: a name
 * service may be slow, and everybody would wait for it.
 */
#include "monitor/ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spawn/identity.h"
#include "util/complaint.h"
#include "util/err.h"

struct ruleset_user {
        char *name;
        struct identity identity;
};

/**
 * ruleset_load() - load rootwrap.conf and its filters
 * @ret_ruleset: the ruleset, the caller's
 * @file:        path of rootwrap.conf
 * @is_service:  it says who may connect as well
 * @reterr:      for RULESET_E_BAD: what is wrong, and where
 *
 * Return: 0, RULESET_E_BAD, or -ENOMEM
 */
int ruleset_load(struct ruleset **ret_ruleset,
                 const char *file,
                 bool is_service,
                 struct complaint *reterr)
{
        cleanup_with(ruleset_unref) struct ruleset *ruleset = NULL;
        int r;

        ruleset = calloc(1, sizeof(*ruleset));
        if (!ruleset)
                return err_origin(-ENOMEM);
        ruleset->n_refs = 1;
        ruleset->system = system_real;
        ruleset->system.path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */

        r = settings_load(&ruleset->settings, file, ruleset->system.path, reterr);
        if (!r && is_service)
                r = admission_resolve(&ruleset->admission, &ruleset->settings, reterr);
        if (!r)
                r = policy_load(&ruleset->policy, &ruleset->settings, reterr);
        if (!r)
                r = policy_compile(&ruleset->policy);
        if (r)
                return r > 0 ? RULESET_E_BAD : err_trace(r);
        ruleset->policy.keep = &ruleset->keep;
        *ret_ruleset = steal_ptr(&ruleset);
        return 0;
}

/**
 * ruleset_ref() - keep it, and the names in it, beyond a reload
 * @ruleset: the ruleset
 *
 * Return: @ruleset, to be given to ruleset_unref()
 */
struct ruleset *ruleset_ref(struct ruleset *ruleset)
{
        ruleset->n_refs++;
        return ruleset;
}

/**
 * ruleset_unref() - let go of it; the last one gives everything back
 * @ruleset: or NULL
 *
 * Return: NULL
 */
struct ruleset *ruleset_unref(struct ruleset *ruleset)
{
        size_t i;

        if (!ruleset || --ruleset->n_refs)
                return NULL;
        for (i = 0; i < ruleset->n_users; i++) {
                free(ruleset->users[i].name);
                identity_deinit(&ruleset->users[i].identity);
        }
        free(ruleset->users);
        policy_deinit(&ruleset->policy);
        arena_keep_deinit(&ruleset->keep);
        settings_deinit(&ruleset->settings);
        free(ruleset);
        return NULL;
}

static int add_user(struct ruleset *ruleset, const char *name)
{
        struct ruleset_user user = { .name = NULL };
        struct ruleset_user *users;
        int r;

        if (ruleset->n_users == RULESET_USERS_MAX)
                return err_origin(-ENOBUFS);
        users = reallocarray(ruleset->users, ruleset->n_users + 1, sizeof(*users));
        if (!users)
                return err_origin(-ENOMEM);
        ruleset->users = users;

        r = identity_look_up(&user.identity, name, ruleset->settings.oslo_compat);
        if (!r) {
                user.name = strdup(name);
                r = user.name ? 0 : err_origin(-ENOMEM);
        }
        if (r)
                identity_deinit(&user.identity);
        else
                users[ruleset->n_users++] = user;
        return r;
}

/**
 * ruleset_find_user() - as whom a filter's commands run
 * @ruleset:      the ruleset
 * @name:         the filter's run_as
 * @ret_identity: borrowed until the next call; NULL for root, who stays what the daemon is
 *
 * Return: 0, IDENTITY_E_UNKNOWN, or negative errno. Not thread-safe (getpwnam(3)).
 */
int ruleset_find_user(struct ruleset *ruleset,
                      const char *name,
                      const struct identity **ret_identity)
{
        size_t i;
        int r;

        *ret_identity = NULL;
        if (strcmp(name, "root") == 0)
                return 0;
        for (i = 0; i < ruleset->n_users; i++)
                if (strcmp(ruleset->users[i].name, name) == 0)
                        break;
        if (i == ruleset->n_users) {
                r = add_user(ruleset, name);
                if (r)
                        return r;
        }
        *ret_identity = &ruleset->users[i].identity;
        return 0;
}
