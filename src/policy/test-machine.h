/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that is a list of files and processes: a struct system whose answers are the same
 * wherever the tests run. Names have to be written without links in their directories, which is how
 * system_realpath() asks. For test-*.c and fuzz-*.c only.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/system.h"
#include "util/arena.h"

struct machine_file {
        const char *path;
        mode_t mode;        /* type and permissions */
        const char *target; /* of a link */
};

struct machine_process {
        const char *argv0; /* NULL: reading it fails with @error */
        pid_t pid;
        int error;
};

struct machine {
        struct system system;
        const struct machine_file *files; /* up to the one without a path */
        const struct machine_process *processes;
        const char *cwd; /* NULL: it is gone */
};

#define MACHINE_PROGRAM   (S_IFREG | 0755)
#define MACHINE_DATA      (S_IFREG | 0644)
#define MACHINE_DIRECTORY (S_IFDIR | 0755)
#define MACHINE_LINK      (S_IFLNK | 0777)

/* Links to links end at some depth, as the kernel's do. */
#define MACHINE_LINKS_MAX 40

static inline const struct machine *machine_of(const struct system *system)
{
        return (const struct machine *)(const void *)system; /* its first member */
}

static inline const struct machine_file *machine_find(const struct system *system, const char *path)
{
        const struct machine_file *file = machine_of(system)->files;

        for (; file->path; file++)
                if (strcmp(file->path, path) == 0)
                        return file;
        return NULL;
}

static inline int machine_lstat(const struct system *system, const char *path, struct stat *ret_st)
{
        const struct machine_file *file = machine_find(system, path);

        if (!file)
                return -ENOENT;
        *ret_st = (struct stat){
                .st_mode = file->mode,
                .st_ino = (ino_t)(file - machine_of(system)->files + 1),
        };
        return 0;
}

static inline int machine_stat(const struct system *system, const char *path, struct stat *ret_st)
{
        const struct machine_file *file = machine_find(system, path);
        int n;

        for (n = 0; file && file->target; n++) {
                if (n == MACHINE_LINKS_MAX)
                        return -ELOOP;
                file = machine_find(system, file->target);
        }
        return file ? machine_lstat(system, file->path, ret_st) : -ENOENT;
}

static inline bool machine_is_executable(const struct system *system, const char *path)
{
        struct stat st;

        return machine_stat(system, path, &st) == 0 && (st.st_mode & S_IXUSR);
}

static inline int machine_readlink(const struct system *system,
                                   struct arena *arena,
                                   const char *path,
                                   char **ret_target)
{
        const struct machine_file *file = machine_find(system, path);

        if (!file)
                return -ENOENT;
        if (!file->target)
                return -EINVAL;
        *ret_target = arena_copy_string(arena, file->target);
        return *ret_target ? 0 : -ENOMEM;
}

static inline int machine_getcwd(const struct system *system, char **ret_path)
{
        const struct machine *machine = machine_of(system);

        if (!machine->cwd)
                return -ENOENT;
        *ret_path = strdup(machine->cwd);
        return *ret_path ? 0 : -ENOMEM;
}

static inline const struct machine_process *machine_process(const struct system *system, pid_t pid)
{
        const struct machine_process *process = machine_of(system)->processes;

        for (; process && process->pid; process++)
                if (process->pid == pid)
                        return process;
        return NULL;
}

static inline int machine_argv0(const struct system *system,
                                struct arena *arena,
                                pid_t pid,
                                char **ret_argv0)
{
        const struct machine_process *process = machine_process(system, pid);

        if (!process)
                return -ENOENT;
        if (!process->argv0)
                return process->error;
        *ret_argv0 = arena_copy_string(arena, process->argv0);
        return *ret_argv0 ? 0 : -ENOMEM;
}

/* A descriptor that whoever asked has to close. */
static inline int machine_pidfd_open(const struct system *system, pid_t pid)
{
        int fd;

        if (!machine_process(system, pid))
                return -ESRCH;
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static inline void machine_init(struct machine *machine,
                                const struct machine_file *files,
                                const struct machine_process *processes)
{
        *machine = (struct machine){
                .system = {
                        .is_executable = machine_is_executable,
                        .stat = machine_stat,
                        .lstat = machine_lstat,
                        .readlink = machine_readlink,
                        .getcwd = machine_getcwd,
                        .argv0 = machine_argv0,
                        .pidfd_open = machine_pidfd_open,
                        .path = "/sbin:/usr/bin:/bin",
                },
                .files = files,
                .processes = processes,
                .cwd = "/home",
        };
}
