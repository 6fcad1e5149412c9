/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real machine, and what is computed from it: Python's os.path.realpath(), which decides
 * whether a PathFilter matches. It differs from realpath(3): names that don't exist are kept, `..`
 * behind them is taken off as text, and there is no limit of 40 links.
 */
#include "policy/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/file.h"
#include "util/table.h"
#include "util/text.h"
#include "util/utf8.h"

/* Links inside links: Python gives up at its recursion limit, we do here. */
#define REALPATH_DEPTH_MAX 500
/* The longest path that is built, and the longest link that is read. */
#define REALPATH_BYTES_MAX (512u * 1024)
#define READLINK_BYTES_MAX (64u * 1024)
/* What is read of /proc/PID/cmdline: argv[0] is at its start. */
#define CMDLINE_BYTES_MAX (1024u * 1024)

static bool real_is_executable(const struct system *system, const char *path)
{
        (void)system;
        return access(path, X_OK) == 0;
}

static int real_stat(const struct system *system, const char *path, struct stat *ret_st)
{
        (void)system;
        return stat(path, ret_st) < 0 ? -errno : 0;
}

static int real_lstat(const struct system *system, const char *path, struct stat *ret_st)
{
        (void)system;
        return lstat(path, ret_st) < 0 ? -errno : 0;
}

static int real_readlink(const struct system *system,
                         struct arena *arena,
                         const char *path,
                         char **ret_target)
{
        size_t n_room;

        (void)system;
        for (n_room = 256; n_room <= READLINK_BYTES_MAX; n_room *= 2) {
                char *target = arena_take(arena, n_room);
                ssize_t n;

                if (!target)
                        return err_origin(-ENOMEM);
                n = readlink(path, target, n_room);
                if (n < 0)
                        return -errno;
                if ((size_t)n < n_room) {
                        target[n] = '\0';
                        *ret_target = target;
                        return 0;
                }
        }
        return -ENAMETOOLONG;
}

static int real_getcwd(const struct system *system, char **ret_path)
{
        char *path;

        (void)system;
        path = getcwd(NULL, 0);
        if (!path)
                return -errno;
        *ret_path = path;
        return 0;
}

static int real_argv0(const struct system *system, struct arena *arena, pid_t pid, char **ret_argv0)
{
        cleanup_close int fd = -1;
        char path[64];
        size_t offset;
        size_t n;
        int r;

        (void)system;
        (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = file_read(fd, arena, 4096, CMDLINE_BYTES_MAX, ret_argv0, &n);
        if (r)
                return r > 0 ? -E2BIG : err_trace(r);
        return utf8_is_valid(*ret_argv0, n, &offset) ? 0 : -EILSEQ;
}

static int real_pidfd_open(const struct system *system, pid_t pid)
{
        long fd;

        (void)system;
        fd = syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : (int)fd;
}

/* The machine as it is. Set `path` in a copy. */
const struct system system_real = {
        .is_executable = real_is_executable,
        .stat = real_stat,
        .lstat = real_lstat,
        .readlink = real_readlink,
        .getcwd = real_getcwd,
        .argv0 = real_argv0,
        .pidfd_open = real_pidfd_open,
};

/**
 * system_join() - os.path.join() of a directory and a relative name
 * @arena:     where the path goes
 * @directory: may be empty
 * @name:      not absolute
 *
 * Return: the path, or NULL without memory
 */
char *system_join(struct arena *arena, const char *directory, const char *name)
{
        size_t n = strlen(directory);
        size_t n_name = strlen(name);
        char *path;

        path = arena_take_array(arena, n + n_name + 2, 1); /* zeroed, so terminated */
        if (!path)
                return NULL;
        memcpy(path, directory, n); /* NOLINT(bugprone-not-null-terminated-result) */
        if (n && path[n - 1] != '/')
                path[n++] = '/';
        memcpy(path + n, name, n_name); /* NOLINT(bugprone-not-null-terminated-result) */
        return path;
}

/* A link that is being followed: what comes behind it, and how the text before it goes on. */
struct frame {
        const char *link; /* its path; the key in `seen` */
        const char *next; /* what its target's resolution has still to go through */
};

struct walk {
        const struct system *system;
        struct arena *arena;
        struct text path; /* resolved so far */
        struct frame frames[REALPATH_DEPTH_MAX];
        size_t n_frames;
        struct table seen;    /* link to its number in @targets */
        const char **targets; /* what links were resolved to; NULL: being resolved */
        size_t n_links;
};

static void walk_set_path(struct walk *walk, const char *path)
{
        walk->path.n_bytes = 0;
        text_put_string(&walk->path, path);
}

/* `..`: takes the last component off, or is added where there is none to take. */
static void walk_up(struct walk *walk)
{
        const char *path = text_get(&walk->path);
        const char *slash = strrchr(path, '/');
        const char *tail = slash ? slash + 1 : path;
        size_t n = (size_t)(tail - path);

        if (!walk->path.n_bytes) {
                text_put_string(&walk->path, "..");
                return;
        }
        if (strcmp(tail, "..") == 0) {
                text_put_string(&walk->path, "/..");
                return;
        }
        while (n > 1 && path[n - 1] == '/')
                n--;
        walk->path.n_bytes = n;
        text_put_string(&walk->path, "");
}

static int walk_push(struct walk *walk, const char *rest, const char *link)
{
        if (walk->n_frames == REALPATH_DEPTH_MAX)
                return err_origin(-ELOOP);
        walk->frames[walk->n_frames++] = (struct frame){ link, rest };
        if (rest[0] == '/') {
                walk->frames[walk->n_frames - 1].next++;
                walk_set_path(walk, "/");
        }
        return 0;
}

/* Follows the link at @path. Return: 0, -ELOOP for Python's "unresolved", or negative errno */
static int walk_link(struct walk *walk, const char *path)
{
        uint32_t place = table_find(&walk->seen, path, strlen(path));
        char *target;
        uint32_t old;
        int r;

        if (place != TABLE_NONE) {
                if (!walk->targets[place])
                        return 1;
                walk_set_path(walk, walk->targets[place]);
                return 0;
        }
        r = walk->system->readlink(walk->system, walk->arena, path, &target);
        if (r)
                return err_trace(r);
        if ((walk->n_links & (walk->n_links - 1)) == 0) /* full: 0, 1, 2, 4, 8, ... */
                walk->targets =
                        arena_grow_array(walk->arena, walk->targets, walk->n_links,
                                         walk->n_links ? walk->n_links : 1, sizeof(*walk->targets));
        if (!walk->targets)
                return err_origin(-ENOMEM);
        walk->targets[walk->n_links] = NULL;
        r = table_put(&walk->seen, path, (uint32_t)walk->n_links++, &old);
        if (r)
                return err_trace(r);
        return err_trace(walk_push(walk, target, path));
}

/* One component. Return: 0; 1 where a loop of links ends the walk; negative errno */
static int walk_name(struct walk *walk, const char *name, size_t n_name)
{
        size_t n_before = walk->path.n_bytes;
        struct stat st;
        int r;

        if (n_name == 0 || (n_name == 1 && name[0] == '.'))
                return 0;
        if (n_name == 2 && name[0] == '.' && name[1] == '.') {
                walk_up(walk);
                return 0;
        }
        if (n_before && walk->path.data[n_before - 1] != '/')
                text_put_char(&walk->path, '/');
        text_put(&walk->path, name, n_name);
        if (walk->path.broken) /* REALPATH_BYTES_MAX is reached long before a text's own limit */
                return err_origin(-ENOMEM);
        if (walk->path.n_bytes > REALPATH_BYTES_MAX)
                return err_origin(-ENAMETOOLONG);

        r = walk->system->lstat(walk->system, text_get(&walk->path), &st);
        if (!r && S_ISLNK(st.st_mode)) {
                const char *path = arena_copy_string(walk->arena, text_get(&walk->path));

                if (!path)
                        return err_origin(-ENOMEM);
                walk->path.n_bytes = n_before;
                text_put_string(&walk->path, "");
                r = walk_link(walk, path);
                if (r == 1)
                        walk_set_path(walk, path);
                return r;
        }
        return 0;
}

/* A frame is done: its link is resolved to what the path now is. */
static int walk_pop(struct walk *walk)
{
        const struct frame *frame = &walk->frames[--walk->n_frames];

        if (frame->link) {
                uint32_t place = table_find(&walk->seen, frame->link, strlen(frame->link));

                walk->targets[place] = arena_copy_string(walk->arena, text_get(&walk->path));
                if (!walk->targets[place])
                        return err_origin(-ENOMEM);
        }
        return 0;
}

/* After a loop: all that was still to come is kept as text. */
static void walk_append_rests(struct walk *walk)
{
        size_t i;

        for (i = walk->n_frames; i--;) {
                const char *next = walk->frames[i].next;

                if (next[0] == '/') {
                        walk_set_path(walk, next);
                        continue;
                }
                if (walk->path.n_bytes && text_get(&walk->path)[walk->path.n_bytes - 1] != '/')
                        text_put_char(&walk->path, '/');
                text_put_string(&walk->path, next);
        }
}

static int walk_run(struct walk *walk)
{
        int r;

        while (walk->n_frames) {
                struct frame *frame = &walk->frames[walk->n_frames - 1];
                const char *name = frame->next;
                size_t n_name;

                if (!*name) {
                        r = walk_pop(walk);
                        if (r)
                                return err_trace(r);
                        continue;
                }
                n_name = strcspn(name, "/");
                frame->next = name + n_name + (name[n_name] ? 1 : 0);
                r = walk_name(walk, name, n_name);
                if (r == 1) {
                        walk_append_rests(walk);
                        return 0;
                }
                if (r)
                        return err_trace(r);
        }
        return 0;
}

/* os.path.normpath() of an absolute path, in place of @path. */
static void normalize(struct text *path)
{
        char *data = path->data;
        size_t n_slashes = strspn(data, "/");
        size_t to = n_slashes == 2 ? 2 : 1; /* POSIX gives two slashes a meaning of their own */
        size_t floor = to;
        size_t at = n_slashes;

        while (data[at]) {
                size_t n = strcspn(data + at, "/");

                if (n == 2 && data[at] == '.' && data[at + 1] == '.') {
                        while (to > floor && data[to - 1] != '/')
                                to--;
                        if (to > floor)
                                to--;
                } else if (n && !(n == 1 && data[at] == '.')) {
                        if (to > floor)
                                data[to++] = '/';
                        memmove(data + to, data + at, n);
                        to += n;
                }
                at += n;
                at += data[at] ? 1 : 0;
        }
        data[to] = '\0';
        path->n_bytes = to;
}

static int make_absolute(struct walk *walk)
{
        cleanup_free char *cwd = NULL;
        const char *joined;
        int r;

        if (text_get(&walk->path)[0] == '/')
                return 0;
        r = walk->system->getcwd(walk->system, &cwd);
        if (r)
                return err_trace(r);
        joined = system_join(walk->arena, cwd, text_get(&walk->path));
        if (!joined)
                return err_origin(-ENOMEM);
        walk_set_path(walk, joined);
        return 0;
}

/**
 * system_realpath() - Python 3.11's os.path.realpath(path), not strict
 * @system:   the machine
 * @arena:    where the answer goes
 * @path:     any path, also of what does not exist
 * @ret_path: the absolute path without links, as far as it exists
 *
 * Return: 0, or negative errno where Python raises (a link that can't be read, no working
 * directory) or a limit is reached
 */
int system_realpath(const struct system *system,
                    struct arena *arena,
                    const char *path,
                    const char **ret_path)
{
        struct walk *walk;
        int r;

        walk = arena_take(arena, sizeof(*walk));
        if (!walk)
                return err_origin(-ENOMEM);
        walk->system = system;
        walk->arena = arena;
        walk->seen.arena = arena;
        r = walk_push(walk, path, NULL);
        if (!r)
                r = walk_run(walk);
        if (!r)
                r = make_absolute(walk);
        if (!r && walk->path.broken)
                r = err_origin(-ENOMEM);
        if (!r && walk->path.n_bytes > REALPATH_BYTES_MAX)
                r = err_origin(-ENAMETOOLONG);
        if (!r) {
                normalize(&walk->path);
                *ret_path = arena_copy_string(arena, text_get(&walk->path));
                r = *ret_path ? 0 : err_origin(-ENOMEM);
        }
        text_deinit(&walk->path);
        return r;
}
