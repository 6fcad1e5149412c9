/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is the same file for two processes if the same is mounted in the same places. What it is
 * mounted with, and how it propagates, may differ: that changes what may be done with a file, not
 * which one it is.
 *
 * What hides what is said by the tree: each mount names the one that it lies on, its parent. The
 * order of the lines says nothing, since kernels sort them by age or by tree. So both lists are
 * compared as trees, level by level: two mounts are of one class if they have the same device, root
 * and mount point, and their parents are of one class. Each class must have as many of ours as of
 * theirs.
 *
 * The kernel escapes blanks and newlines in a name (\040, \012), so none can end a field or a line;
 * what is below /tmp is not /tmp, and differs like anything else.
 */
#include "monitor/mounts.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/* Mounts of both lists. */
#define MOUNTS_MAX 65536u

enum {
        CLASS_UNKNOWN,
        CLASS_TEMPORARY, /* what is mounted at /tmp or /var/tmp: not compared, nor what it lies on
                          */
        CLASS_ABOVE,     /* of the parent that is not in the list */
        CLASS_FIRST,
};

struct mount {
        const char *what; /* device, root and mount point, as they stand in the line */
        size_t n_what;
        uint32_t id;
        uint32_t parent_id;
        uint32_t class;
        uint32_t parent_class;
        bool is_ours;
        bool is_temporary;
        struct mount *parent; /* NULL: not in the list */
};

struct mounts {
        struct mount *mounts;
        size_t n_mounts;
};

static bool is_temporary(const char *what, size_t n)
{
        static const char *const points[] = { " /tmp", " /var/tmp" };
        size_t i;

        for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
                size_t n_point = strlen(points[i]);

                if (n > n_point && memcmp(what + n - n_point, points[i], n_point) == 0)
                        return true;
        }
        return false;
}

/* A number and the blank behind it. */
static bool take_number(const char **at, uint32_t *ret_number)
{
        uint64_t number = 0;
        const char *digit = *at;

        for (; *digit >= '0' && *digit <= '9' && number <= UINT32_MAX; digit++)
                number = number * 10 + (uint64_t)(*digit - '0');
        if (digit == *at || *digit != ' ' || number > UINT32_MAX)
                return false;
        *at = digit + 1;
        *ret_number = (uint32_t)number;
        return true;
}

/* Fields 1 to 5 of a line of mountinfo (proc(5)). */
static bool parse_line(const char *line, struct mount *mount)
{
        size_t n;
        int field;

        if (!take_number(&line, &mount->id) || !take_number(&line, &mount->parent_id))
                return false;
        mount->what = line;
        for (field = 3; field <= 5; field++) {
                n = strcspn(line, " \n");
                if (!n || line[n] != ' ')
                        return false;
                line += n + 1;
        }
        mount->n_what = (size_t)(line - mount->what) - 1;
        mount->is_temporary = is_temporary(mount->what, mount->n_what);
        return true;
}

static size_t count_lines(const char *text)
{
        size_t n = 0;

        while (*text) {
                n++;
                text = strchrnul(text, '\n');
                text += *text == '\n';
        }
        return n;
}

static int compare_ids(const void *a, const void *b)
{
        const struct mount *one = a;
        const struct mount *other = b;

        return one->id < other->id ? -1 : one->id > other->id;
}

/* One list, sorted by id, with its parents found. */
static bool parse(const char *text, bool is_ours, struct mount *mounts, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++) {
                mounts[i] = (struct mount){ .is_ours = is_ours };
                if (!parse_line(text, &mounts[i]))
                        return false;
                text = strchrnul(text, '\n');
                text += *text == '\n';
        }
        if (n)
                qsort(mounts, n, sizeof(*mounts), compare_ids);
        for (i = 0; i < n; i++) {
                const struct mount key = { .id = mounts[i].parent_id };

                if (i && mounts[i].id == mounts[i - 1].id)
                        return false;
                if (mounts[i].id != mounts[i].parent_id) /* the root of all roots is its own */
                        mounts[i].parent = bsearch(&key, mounts, n, sizeof(*mounts), compare_ids);
        }
        return true;
}

static int compare_within_level(const void *a, const void *b)
{
        const struct mount *one = *(const struct mount *const *)a;
        const struct mount *other = *(const struct mount *const *)b;

        if (one->parent_class != other->parent_class)
                return one->parent_class < other->parent_class ? -1 : 1;
        if (one->n_what != other->n_what)
                return one->n_what < other->n_what ? -1 : 1;
        return memcmp(one->what, other->what, one->n_what);
}

/* Gives the mounts of one level their classes. Return: does each have as many of both lists? */
static bool classify(struct mount **level, size_t n, uint32_t *class)
{
        ptrdiff_t more_ours = 0;
        size_t i;

        if (n)
                qsort(level, n, sizeof(struct mount *), compare_within_level);
        for (i = 0; i < n; i++) {
                if (i && compare_within_level(&level[i - 1], &level[i]) != 0) {
                        if (more_ours)
                                return false;
                        ++*class;
                }
                level[i]->class = *class;
                more_ours += level[i]->is_ours ? 1 : -1;
        }
        ++*class;
        return more_ours == 0;
}

/* The next level: those whose parents have a class, and had none before. Return: how many */
static size_t take_level(const struct mounts *all, struct mount **level)
{
        size_t n = 0;
        size_t i;

        for (i = 0; i < all->n_mounts; i++) {
                struct mount *mount = &all->mounts[i];

                if (mount->class || mount->parent_class)
                        continue;
                mount->parent_class = mount->parent ? mount->parent->class : CLASS_ABOVE;
                if (mount->parent_class)
                        level[n++] = mount;
        }
        return n;
}

static bool is_one_tree(const struct mounts *all, struct mount **level)
{
        uint32_t class = CLASS_FIRST;
        size_t n_left = 0;
        size_t n;
        size_t i;

        for (i = 0; i < all->n_mounts; i++) {
                if (all->mounts[i].is_temporary)
                        all->mounts[i].class = CLASS_TEMPORARY;
                else
                        n_left++;
        }
        while (n_left) {
                n = take_level(all, level);
                if (!n)
                        return false; /* parents in a circle */
                if (!classify(level, n, &class))
                        return false;
                n_left -= n;
        }
        return true;
}

/**
 * mounts_match() - does a process see the same files, but for temporary ones?
 * @ours:   our mountinfo
 * @theirs: the other's
 *
 * A list with a line that is none is never the same as another, nor is anything when there is no
 * memory.
 *
 * Return: whether all but /tmp and /var/tmp is the same
 */
bool mounts_match(const char *ours, const char *theirs)
{
        size_t n_ours = count_lines(ours);
        size_t n_theirs = count_lines(theirs);
        cleanup_free struct mount *mounts = NULL;
        cleanup_free struct mount **level = NULL;
        struct mounts all = { .n_mounts = n_ours + n_theirs };

        if (all.n_mounts > MOUNTS_MAX)
                return false;
        mounts = calloc(all.n_mounts + 1, sizeof(*mounts));
        level = calloc(all.n_mounts + 1, sizeof(struct mount *));
        if (!mounts || !level)
                return false;
        all.mounts = mounts;
        return parse(ours, true, mounts, n_ours) &&
               parse(theirs, false, mounts + n_ours, n_theirs) && is_one_tree(&all, level);
}
