/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service that starts the daemon is the one that may use it. Through sudo or doas it is whom
 * these say they were called by: both set their variable themselves. Otherwise it is the user of
 * the parent process. A daemon without privileges serves the user it runs as.
 *
 * The worker becomes a user of its own. It must be one of this machine's /etc/passwd: a name
 * service is not asked, since it might be slow, or absent this early.
 */
#include "monitor/owner.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/err.h"

#define WORKER_USER          "rootwrapd"
#define WORKER_USER_FALLBACK "nobody"

/* A uid as sudo writes it. */
static int read_uid(const char *text, uid_t *ret_uid)
{
        unsigned long value;
        char *end;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || *end || end == text || *text < '0' || *text > '9' || value >= (uid_t)-1)
                return OWNER_E_UNKNOWN;
        *ret_uid = (uid_t)value;
        return 0;
}

static int look_up_uid(const char *name, uid_t *ret_uid)
{
        const struct passwd *entry = getpwnam(name); /* NOLINT(concurrency-mt-unsafe) */

        if (!entry)
                return OWNER_E_UNKNOWN;
        *ret_uid = entry->pw_uid;
        return 0;
}

static int parent_uid(uid_t *ret_uid)
{
        struct stat st;
        char path[32];

        (void)snprintf(path, sizeof(path), "/proc/%d", getppid());
        if (stat(path, &st) < 0)
                return OWNER_E_UNKNOWN;
        *ret_uid = st.st_uid;
        return 0;
}

static int find_uid(uid_t *ret_uid)
{
        const char *text;

        if (geteuid() != 0) {
                *ret_uid = geteuid();
                return 0;
        }
        text = getenv("SUDO_UID"); /* NOLINT(concurrency-mt-unsafe) */
        if (text)
                return read_uid(text, ret_uid);
        text = getenv("DOAS_USER"); /* NOLINT(concurrency-mt-unsafe) */
        if (text)
                return look_up_uid(text, ret_uid);
        return parent_uid(ret_uid);
}

/**
 * owner_find() - who may connect, beside root
 * @ret_uid:  that user
 * @ret_name: its name, to free(); NULL where it has none
 *
 * Return: 0 or OWNER_E_UNKNOWN
 */
int owner_find(uid_t *ret_uid, char **ret_name)
{
        const struct passwd *entry;
        uid_t uid;
        int r;

        r = find_uid(&uid);
        if (r)
                return r;
        entry = getpwuid(uid); /* NOLINT(concurrency-mt-unsafe) */
        *ret_uid = uid;
        *ret_name = entry ? strdup(entry->pw_name) : NULL;
        return 0;
}

/**
 * owner_find_worker() - whom the worker becomes
 * @ret_uid: uid and
 * @ret_gid: gid of the user rootwrapd, or of nobody where there is no such user
 *
 * Return: 0, OWNER_E_UNKNOWN, or negative errno
 */
int owner_find_worker(uid_t *ret_uid, gid_t *ret_gid)
{
        const struct passwd *entry;
        int r = OWNER_E_UNKNOWN;
        FILE *file;

        file = fopen("/etc/passwd", "re");
        if (!file)
                return err_origin(-errno);
        while ((entry = fgetpwent(file))) { /* NOLINT(concurrency-mt-unsafe) */
                bool is_own = strcmp(entry->pw_name, WORKER_USER) == 0;

                if (entry->pw_uid == 0 ||
                    (!is_own && strcmp(entry->pw_name, WORKER_USER_FALLBACK) != 0))
                        continue;
                *ret_uid = entry->pw_uid;
                *ret_gid = entry->pw_gid;
                r = 0;
                if (is_own)
                        break;
        }
        (void)fclose(file);
        return r;
}
