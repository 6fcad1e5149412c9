/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket lies in a directory of its own, which belongs to the client's user and which nobody
 * else can enter. While the daemon lives it holds a lock on the directory (flock(2) on the
 * directory itself), so that a later daemon of the same user can tell what was left behind by one
 * that was killed, and remove it.
 *
 * The user can do in that directory what he likes. So nothing in it is followed or trusted, and
 * what root removes is only ever our sockets by their names, in a directory that the user owns,
 * and then the directory, if it is empty.
 */
#include "monitor/socket-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"
#include "util/text.h"

#define RANDOM_PART "XXXXXX"

/* Where temporary files go, if a socket's path there is short enough; as Python's tempfile. */
static const char *temporary_directory(void)
{
        const char *directory = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
        size_t n_rest = strlen("/" SOCKET_DIR_PREFIX RANDOM_PART "/" SOCKET_DIR_SOCKET);
        struct stat st;

        if (!directory || directory[0] != '/' ||
            strlen(directory) + n_rest >= sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
            stat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
                return "/tmp";
        return directory;
}

static int make_socket(int type)
{
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return err_origin(-errno);
        return fd;
}

/* Binds without being seen by anybody but root: the directory is still ours alone. */
static int bind_socket(const struct socket_dir *dir,
                       const char *name,
                       int type,
                       uid_t owner,
                       int *ret_listener)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        cleanup_close int fd = -1;
        int n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir->path, name);
        if (n < 0 || (size_t)n >= sizeof(address.sun_path))
                return err_origin(-ENAMETOOLONG);
        fd = make_socket(type);
        if (fd < 0)
                return err_trace(fd);
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return err_origin(-errno);
        if (fchmodat(dir->fd, name, 0600, 0) < 0)
                return err_origin(-errno);
        if (geteuid() == 0 && fchownat(dir->fd, name, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0)
                return err_origin(-errno);
        if (listen(fd, SOCKET_DIR_BACKLOG) < 0)
                return err_origin(-errno);
        *ret_listener = steal_fd(&fd);
        return 0;
}

static int make_directory(struct socket_dir *dir)
{
        cleanup_text struct text path = { 0 };

        text_printf(&path, "%s/" SOCKET_DIR_PREFIX RANDOM_PART, temporary_directory());
        if (path.broken || !mkdtemp(path.data)) /* mode 0700 */
                return err_origin(path.broken ? -ENOMEM : -errno);
        dir->path = strdup(path.data);
        text_put_string(&path, "/" SOCKET_DIR_SOCKET);
        if (!path.broken)
                dir->socket_path = strdup(path.data);
        if (!dir->path || !dir->socket_path)
                return err_origin(-ENOMEM);

        dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir->fd < 0 || flock(dir->fd, LOCK_EX) < 0)
                return err_origin(-errno);
        return 0;
}

/**
 * socket_dir_make() - make the directory, and listen in it
 * @dir:           set; to be given to socket_dir_remove() also after a failure
 * @owner:         whom it belongs to in the end
 * @ret_listeners: the listening sockets, non-blocking, the caller's
 *
 * Return: 0 or negative errno
 */
int socket_dir_make(struct socket_dir *dir, uid_t owner, struct socket_dir_listeners *ret_listeners)
{
        cleanup_close int legacy = -1;
        cleanup_close int native = -1;
        int r;

        *dir = (struct socket_dir){ .fd = -1 };
        r = make_directory(dir);
        if (!r)
                r = bind_socket(dir, SOCKET_DIR_SOCKET, SOCK_STREAM, owner, &legacy);
        if (!r)
                r = bind_socket(dir, SOCKET_DIR_NATIVE, SOCK_SEQPACKET, owner, &native);
        if (r)
                return err_trace(r);
        /* Last: from here on the user can get at what is in it. */
        if (geteuid() == 0 && fchown(dir->fd, owner, (gid_t)-1) < 0)
                return err_origin(-errno);
        ret_listeners->legacy = steal_fd(&legacy);
        ret_listeners->native = steal_fd(&native);
        return 0;
}

static void remove_sockets(int fd)
{
        (void)unlinkat(fd, SOCKET_DIR_SOCKET, 0);
        (void)unlinkat(fd, SOCKET_DIR_NATIVE, 0);
}

/**
 * socket_dir_remove() - nobody shall find us any more
 * @dir: becomes empty
 */
void socket_dir_remove(struct socket_dir *dir)
{
        if (dir->fd >= 0)
                remove_sockets(dir->fd);
        if (dir->path)
                (void)rmdir(dir->path);
        if (dir->fd >= 0)
                (void)close(dir->fd);
        free(dir->path);
        free(dir->socket_path);
        *dir = (struct socket_dir){ .fd = -1 };
}

/* Was this directory of @owner left behind? It is locked by us, then. */
static bool is_left_behind(int fd, uid_t owner)
{
        struct stat st;

        if (fstat(fd, &st) < 0 || (st.st_mode & 07777) != 0700)
                return false;
        if (st.st_uid != owner && st.st_uid != geteuid())
                return false;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return false;
        if (faccessat(fd, SOCKET_DIR_SOCKET, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
            faccessat(fd, SOCKET_DIR_NATIVE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return true;
        /* Perhaps one that is being made right now. */
        return time(NULL) - st.st_mtime > SOCKET_DIR_EMPTY_AGE_MAX_S;
}

static bool sweep_one(int parent, const char *name, uid_t owner)
{
        cleanup_close int fd = -1;

        if (strncmp(name, SOCKET_DIR_PREFIX, strlen(SOCKET_DIR_PREFIX)) != 0 ||
            strlen(name) != strlen(SOCKET_DIR_PREFIX RANDOM_PART))
                return false;
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || !is_left_behind(fd, owner))
                return false;
        remove_sockets(fd);
        return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/**
 * socket_dir_sweep() - remove what killed daemons of the same user left behind
 * @owner: the user
 *
 * Return: how many directories
 */
unsigned int socket_dir_sweep(uid_t owner)
{
        const struct dirent *entry;
        unsigned int n_entries = 0;
        unsigned int n = 0;
        DIR *directory;

        directory = opendir(temporary_directory());
        if (!directory)
                return 0;
        while (n_entries++ < SOCKET_DIR_ENTRIES_MAX &&
               (entry = readdir(directory))) /* NOLINT(concurrency-mt-unsafe) */
                if (sweep_one(dirfd(directory), entry->d_name, owner))
                        n++;
        (void)closedir(directory);
        return n;
}
