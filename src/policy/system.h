/* SPDX-License-Identifier: Apache-2.0 */
/* All that a decision asks of the machine. Tests put another one in its place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct arena;

struct system {
        /* access(path, X_OK) */
        bool (*is_executable)(const struct system *system, const char *path);
        /* stat(2), lstat(2). Return: 0 or negative errno */
        int (*stat)(const struct system *system, const char *path, struct stat *ret_st);
        int (*lstat)(const struct system *system, const char *path, struct stat *ret_st);
        /* readlink(2). Return: 0 and a string of the arena, or negative errno */
        int (*readlink)(const struct system *system,
                        struct arena *arena,
                        const char *path,
                        char **ret_target);
        /* getcwd(3). Return: 0 and a string to free(), or negative errno */
        int (*getcwd)(const struct system *system, char **ret_path);
        /* argv[0] of a process. Return: 0 and a string of the arena; -EILSEQ where the command line
         * is not UTF-8, -E2BIG where it is too long; or negative errno */
        int (*argv0)(const struct system *system, struct arena *arena, pid_t pid, char **ret_argv0);
        /* pidfd_open(2). Return: a descriptor to close(), or negative errno */
        int (*pidfd_open)(const struct system *system, pid_t pid);
        /* the search path, or NULL */
        const char *path;
};

extern const struct system system_real;

int system_realpath(const struct system *system,
                    struct arena *arena,
                    const char *path,
                    const char **ret_path);
char *system_join(struct arena *arena, const char *directory, const char *name);
