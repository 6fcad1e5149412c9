/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever can write a filter file is root. So a program that runs as root takes its configuration
 * file, its filter directories and its filter files only from an owner and with a mode that leave
 * no one else a way to write them. What is checked is the open descriptor, not a name that could
 * point elsewhere a moment later. A program that does not run as root gives nobody more than he
 * has, and checks nothing.
 */
#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/ini.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/file.h"

/**
 * source_distrust() - why a file or directory must not be believed
 * @st: what fstat(2) says of it
 *
 * Return: a phrase, or NULL if only root can write it
 */
const char *source_distrust(const struct stat *st)
{
        if (st->st_uid != 0)
                return "not owned by root";
        if (st->st_mode & S_IWOTH)
                return "writable by everybody";
        if (st->st_mode & S_IWGRP)
                return "writable by its group";
        return NULL;
}

static int check(int fd, const char *path, enum source_kind kind, struct complaint *reterr)
{
        const char *distrust;
        struct stat st;

        if (fstat(fd, &st) < 0) {
                complaint_set(reterr, path, 0, "%s", strerror(errno));
                return SOURCE_E_BAD;
        }
        if (kind == SOURCE_FILE ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode)) {
                complaint_set(reterr, path, 0,
                              kind == SOURCE_FILE ? "not a regular file" : "not a directory");
                return SOURCE_E_KIND;
        }
        distrust = geteuid() == 0 ? source_distrust(&st) : NULL;
        if (distrust) {
                complaint_set(reterr, path, 0,
                              "not trusted: %s (uid %u, mode %04o); try \"chown root:root\" and "
                              "\"chmod go-w\"",
                              distrust, (unsigned int)st.st_uid,
                              (unsigned int)(st.st_mode & 07777u));
                return SOURCE_E_BAD;
        }
        return 0;
}

/**
 * source_open() - open a file or directory for reading, if it is trusted
 * @path:   its path
 * @kind:   what it must be
 * @ret_fd: the descriptor, owned by the caller
 * @reterr: for SOURCE_E_*: what is wrong
 *
 * Return: 0, SOURCE_E_BAD or SOURCE_E_KIND
 */
int source_open(const char *path, enum source_kind kind, int *ret_fd, struct complaint *reterr)
{
        cleanup_close int fd = -1;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
                complaint_set(reterr, path, 0, "%s", strerror(errno));
                return SOURCE_E_BAD;
        }
        r = check(fd, path, kind, reterr);
        if (r)
                return r;

        *ret_fd = steal_fd(&fd);
        return 0;
}

/**
 * source_read() - read a trusted file whole
 * @path:        its path
 * @arena:       where its text goes
 * @ret_text:    its bytes and a NUL
 * @ret_n_bytes: how many, without that NUL
 * @reterr:      for SOURCE_E_*: what is wrong
 *
 * Return: 0, SOURCE_E_BAD, SOURCE_E_KIND or -ENOMEM
 */
int source_read(const char *path,
                struct arena *arena,
                char **ret_text,
                size_t *ret_n_bytes,
                struct complaint *reterr)
{
        cleanup_close int fd = -1;
        struct stat st;
        int r;

        r = source_open(path, SOURCE_FILE, &fd, reterr);
        if (r)
                return r;

        r = fstat(fd, &st);
        r = file_read(fd, arena, r == 0 && st.st_size > 0 ? (size_t)st.st_size : 0,
                      INI_FILE_BYTES_MAX, ret_text, ret_n_bytes);
        if (r == -ENOMEM)
                return err_trace(r);
        if (r) {
                complaint_set(reterr, path, 0, "%s", r < 0 ? strerror(-r) : "larger than 16 MiB");
                return SOURCE_E_BAD;
        }
        return 0;
}
