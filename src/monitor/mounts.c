/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is the same file for two processes if the same is mounted in the same places. What it is
 * mounted with, and how it propagates, may differ: that changes what may be done with a file, not
 * which one it is. The kernel escapes blanks and newlines in a name (\040, \012), so none can end a
 * field or a line; what is below /tmp is not /tmp, and differs like anything else.
 */
#include "monitor/mounts.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The part of a line of mountinfo (proc(5)) that says what is mounted where: device, root and mount
 * point, its fields 3 to 5. Return: its length; 0: there is no such line */
static size_t find_mount(const char *line, const char **ret_mount)
{
        const char *at = line;
        size_t n;
        int field;

        for (field = 1; field <= 5; field++) {
                if (field == 3)
                        *ret_mount = at;
                n = strcspn(at, " \n");
                if (!n || at[n] != ' ')
                        return 0;
                at += n + 1;
        }
        return (size_t)(at - *ret_mount) - 1;
}

static bool is_temporary(const char *mount, size_t n)
{
        static const char *const points[] = { " /tmp", " /var/tmp" };
        size_t i;

        for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
                size_t n_point = strlen(points[i]);

                if (n > n_point && memcmp(mount + n - n_point, points[i], n_point) == 0)
                        return true;
        }
        return false;
}

/* The next line that counts. Return: its mount's length; 0 at the end; SIZE_MAX for a bad line */
static size_t next_mount(const char **at, const char **ret_mount)
{
        size_t n;

        while (**at) {
                n = find_mount(*at, ret_mount);
                *at = strchrnul(*at, '\n');
                if (**at)
                        (*at)++;
                if (!n)
                        return SIZE_MAX;
                if (!is_temporary(*ret_mount, n))
                        return n;
        }
        return 0;
}

/**
 * mounts_match() - does a process see the same files, but for temporary ones?
 * @ours:   our mountinfo
 * @theirs: the other's
 *
 * The order counts, since what is mounted later hides what was there. A line that is none is never
 * the same.
 *
 * Return: whether all but /tmp and /var/tmp is the same
 */
bool mounts_match(const char *ours, const char *theirs)
{
        const char *our_mount = "";
        const char *their_mount = "";
        size_t n_ours;
        size_t n_theirs;

        do {
                n_ours = next_mount(&ours, &our_mount);
                n_theirs = next_mount(&theirs, &their_mount);
                if (n_ours != n_theirs || n_ours == SIZE_MAX ||
                    memcmp(our_mount, their_mount, n_ours) != 0)
                        return false;
        } while (n_ours);
        return true;
}
