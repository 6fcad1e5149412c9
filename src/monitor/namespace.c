/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host service may have clients in other mount namespaces, where a path is another file than it
 * is for us. Such a client is served in its own namespace, with the decision made there as well,
 * but only where that can't lend it root's rights over files that it chose: what it sees is exactly
 * what we see, mount by mount, but for /tmp and /var/tmp, as systemd's
 * PrivateTmp= has it; and the namespace belongs to our own user namespace, so that nobody without
 * root's rights made it or can change it. Everything else (containers, other roots) is refused.
 *
 * The process is found by the pid that the kernel gave the connection. Should that be somebody
 * else's by now, nothing is lost: where we go looks the same for everybody.
 */
#include "monitor/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/mounts.h"
#include "util/cleanup.h"
#include "util/err.h"

/* Descriptors of a process in /proc. */
static int open_of(int process, const char *name)
{
        int fd = openat(process, name, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fd;
}

static int open_process(pid_t pid)
{
        char path[32];
        int fd;

        (void)snprintf(path, sizeof(path), "/proc/%d", pid);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fd;
}

/* All of a file, with a NUL behind it. Return: to be freed, or NULL */
static char *read_all(int process, const char *name)
{
        cleanup_free char *text = NULL;
        cleanup_close int fd = open_of(process, name);
        size_t n = 0;
        ssize_t n_read;

        if (fd < 0)
                return NULL;
        text = malloc(NAMESPACE_MOUNTS_BYTES_MAX + 1);
        if (!text)
                return NULL;
        do {
                n_read = read(fd, text + n, NAMESPACE_MOUNTS_BYTES_MAX - n);
                if (n_read > 0)
                        n += (size_t)n_read;
        } while (n_read > 0 || (n_read < 0 && errno == EINTR));
        if (n_read < 0 || n == NAMESPACE_MOUNTS_BYTES_MAX)
                return NULL; /* longer than is compared */
        text[n] = '\0';
        return steal_ptr(&text);
}

static bool is_same_file(int fd, int other_fd)
{
        struct stat a;
        struct stat b;

        return fstat(fd, &a) == 0 && fstat(other_fd, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static bool is_our_root(const struct namespace *namespace, int folder, const char *name)
{
        struct stat st;

        return fstatat(folder, name, &st, 0) == 0 && st.st_dev == namespace->root_device &&
               st.st_ino == namespace->root;
}

static bool is_safe(const struct namespace *namespace, int process, int fd)
{
        cleanup_free char *ours = NULL;
        cleanup_free char *theirs = NULL;
        cleanup_close int owner = ioctl(fd, NS_GET_USERNS);

        if (owner < 0 || !is_same_file(owner, namespace->user_fd))
                return false;
        theirs = read_all(process, "mountinfo");
        ours = read_all(AT_FDCWD, "/proc/self/mountinfo");
        return ours && theirs && mounts_match(ours, theirs);
}

/*
 * The number of a process's mount namespace. The process that was asked for last is held on to, as
 * its folder of /proc: looking it up anew would cost as much as all the rest. Such a folder is that
 * one process's; when that has gone, nothing is found there, whoever has its number now.
 */
static int find_namespace(struct namespace *namespace, pid_t pid, ino_t *ret_number)
{
        struct stat st;

        if (namespace->seen_fd >= 0 && namespace->seen == pid &&
            fstatat(namespace->seen_fd, "ns/mnt", &st, 0) == 0) {
                *ret_number = st.st_ino;
                return 0;
        }
        if (namespace->seen_fd >= 0)
                (void)close(namespace->seen_fd);
        namespace->seen = pid;
        namespace->seen_fd = open_process(pid);
        if (namespace->seen_fd < 0 || fstatat(namespace->seen_fd, "ns/mnt", &st, 0) < 0)
                return -NAMESPACE_E_GONE;
        *ret_number = st.st_ino;
        return 0;
}

/* Return: 0: it is ours; 1: it is theirs, and safe; or NAMESPACE_E_*, negative */
static int look(struct namespace *namespace, pid_t pid, int *ret_fd)
{
        cleanup_close int fd = -1;
        ino_t number;
        int r;

        r = find_namespace(namespace, pid, &number);
        if (r)
                return r;
        if (!is_our_root(namespace, namespace->seen_fd, "root"))
                return -NAMESPACE_E_UNSAFE;
        if (number == namespace->own)
                return 0;
        fd = open_of(namespace->seen_fd, "ns/mnt");
        if (fd < 0)
                return -NAMESPACE_E_GONE;
        if (!is_safe(namespace, namespace->seen_fd, fd))
                return -NAMESPACE_E_UNSAFE;
        *ret_fd = steal_fd(&fd);
        return 1;
}

/**
 * namespace_init() - where we are
 * @namespace: set; to be given to namespace_deinit() also after a failure
 *
 * Return: 0 or negative errno
 */
int namespace_init(struct namespace *namespace)
{
        struct stat st;

        *namespace = (struct namespace){
                .own_fd = -1,
                .user_fd = -1,
                .entered_fd = -1,
                .root_fd = -1,
                .seen_fd = -1,
        };
        namespace->own_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        namespace->user_fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
        if (namespace->own_fd < 0 || namespace->user_fd < 0 || fstat(namespace->own_fd, &st) < 0)
                return err_origin(-errno);
        namespace->own = st.st_ino;
        namespace->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (namespace->root_fd < 0 || fstat(namespace->root_fd, &st) < 0)
                return err_origin(-errno);
        namespace->root_device = st.st_dev;
        namespace->root = st.st_ino;
        return 0;
}

/**
 * namespace_enter() - go where a client is, if that is somewhere else
 * @namespace: where we are
 * @pid:       the client, by the kernel's word
 *
 * Return: 0, NAMESPACE_E_*, or negative errno; whatever it is, namespace_leave() goes back
 */
int namespace_enter(struct namespace *namespace, pid_t pid)
{
        int fd = -1;
        int r;

        r = look(namespace, pid, &fd);
        if (r <= 0)
                return -r;
        namespace->entered_fd = fd;
        if (setns(fd, CLONE_NEWNS) < 0)
                return err_origin(-errno);
        /* We are at the root of that namespace now: where we had another one (chroot), outside. */
        return is_our_root(namespace, AT_FDCWD, "/") ? 0 : NAMESPACE_E_UNSAFE;
}

/**
 * namespace_leave() - back to where we belong
 * @namespace: where we are
 *
 * Return: 0, or negative errno: nothing may be decided from there. The working directory is / if we
 *         had gone.
 */
int namespace_leave(struct namespace *namespace)
{
        int r = 0;

        if (namespace->entered_fd < 0)
                return 0;
        if (setns(namespace->own_fd, CLONE_NEWNS) < 0 ||
            (!is_our_root(namespace, AT_FDCWD, "/") &&
             (fchdir(namespace->root_fd) < 0 || chroot(".") < 0)))
                r = err_origin(-errno);
        (void)close(namespace->entered_fd);
        namespace->entered_fd = -1;
        return r;
}

/**
 * namespace_deinit() - let go of it
 * @namespace: becomes empty
 */
void namespace_deinit(struct namespace *namespace)
{
        if (namespace->own_fd >= 0)
                (void)close(namespace->own_fd);
        if (namespace->user_fd >= 0)
                (void)close(namespace->user_fd);
        if (namespace->entered_fd >= 0)
                (void)close(namespace->entered_fd);
        if (namespace->root_fd >= 0)
                (void)close(namespace->root_fd);
        if (namespace->seen_fd >= 0)
                (void)close(namespace->seen_fd);
        *namespace = (struct namespace){
                .own_fd = -1,
                .user_fd = -1,
                .entered_fd = -1,
                .root_fd = -1,
                .seen_fd = -1,
        };
}
