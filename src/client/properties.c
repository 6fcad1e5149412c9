/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking costs some twenty system calls, so it is done once a handle. The umask is read from
 * /proc, as umask(2) would change it for other threads. Limits that are none are left out: they
 * could not make the daemon's smaller.
 */
#include "client/properties.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/cleanup.h"

static_assert(RLIM_NLIMITS <= NATIVE_LIMITS_MAX, "each limit of this machine may go along");

static int open_status(void)
{
        return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

/* Where it can't be read, no bit of it goes along: the daemon's own counts. */
static unsigned int look_at_umask(void)
{
        cleanup_close int fd = -1;
        char status[4096];
        const char *at;
        ssize_t n;

        fd = open_status();
        n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
        if (n < 0)
                return 0;
        status[n] = '\0';
        at = strstr(status, "\nUmask:");
        return at ? (unsigned int)strtoul(at + strlen("\nUmask:"), NULL, 8) & NATIVE_UMASK_MAX : 0;
}

/**
 * properties_look() - those of this process
 * @ret_properties: they
 */
void properties_look(struct properties *ret_properties)
{
        struct properties properties = { .umask = look_at_umask() };
        struct rlimit limit;
        uint32_t i;

        properties.nice = getpriority(PRIO_PROCESS, 0); /* of ourselves it can't fail */
        for (i = 0; i < NATIVE_LIMITS_MAX; i++) {
                if (getrlimit((__rlimit_resource_t)i, &limit) ||
                    (limit.rlim_cur == RLIM_INFINITY && limit.rlim_max == RLIM_INFINITY))
                        continue;
                properties.limits[properties.n_limits++] =
                        (struct native_limit){ i, limit.rlim_cur, limit.rlim_max };
        }
        *ret_properties = properties;
}
