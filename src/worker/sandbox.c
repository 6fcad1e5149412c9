/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker parses what clients send. Before it reads the first byte, it gives up everything that
 * a bug in a parser could be used for: its user, its capabilities, the file system, new privileges,
 * nearly all system calls. sandbox_enter() is the whole of that, a table that is read from top to
 * bottom.
 *
 * A step that the machine doesn't have, or that needs root, is reported as missing, and the rest is
 * done. A step that claims success is looked at again, and if what it claims doesn't hold, the
 * worker must not start: half a sandbox that nobody knows of is worse than none.
 */
#include "worker/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "priv/protection.h"
#include "util/err.h"
#include "worker/seccomp.h"

/* What a step returns where it can't be done here. */
#define SANDBOX_E_MISSING 1

/* No directory is among what stays, and nothing that somebody forgot to close. */
static int close_descriptors(const struct sandbox *sandbox)
{
        struct stat status;
        unsigned int fd;

        if (syscall(SYS_close_range, sandbox->n_fds, ~0u, 0u) < 0)
                return err_origin(-errno);
        for (fd = 0; fd < sandbox->n_fds; fd++)
                if (fstat((int)fd, &status) == 0 && S_ISDIR(status.st_mode))
                        return err_origin(-EISDIR);
        return 0;
}

/* Return: 0, SANDBOX_E_MISSING if that is more than we may have, or negative errno */
static int set_limit(__rlimit_resource_t resource, rlim_t value)
{
        struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

        if (setrlimit(resource, &limit) < 0)
                return errno == EPERM ? SANDBOX_E_MISSING : err_origin(-errno);
        if (getrlimit(resource, &limit) < 0 || limit.rlim_cur != value || limit.rlim_max != value)
                return err_origin(-EPERM);
        return 0;
}

static int limit_descriptors(const struct sandbox *sandbox)
{
        struct rlimit limit;
        int r;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return err_origin(-errno);
        if (!sandbox->n_files)
                return err_trace(set_limit(RLIMIT_NOFILE, limit.rlim_max));

        r = set_limit(RLIMIT_NOFILE, sandbox->n_files);
        if (r != SANDBOX_E_MISSING)
                return err_trace(r);
        r = set_limit(RLIMIT_NOFILE, limit.rlim_max); /* as near as we get */
        return r ? err_trace(r) : SANDBOX_E_MISSING;
}

static int limit_resources(const struct sandbox *sandbox)
{
        static const __rlimit_resource_t none_of[] = { RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NPROC };
        size_t i;
        int r;

        for (i = 0; i < sizeof(none_of) / sizeof(none_of[0]); i++) {
                r = set_limit(none_of[i], 0);
                if (r)
                        return err_fold(r);
        }
        return limit_descriptors(sandbox);
}

/* Goes into a directory that is new and removed already. */
static int enter_removed_directory(void)
{
        char run[] = "/run/rootwrapd-empty-XXXXXX";
        char tmp[] = "/tmp/rootwrapd-empty-XXXXXX"; /* where /run is missing or read-only */
        const char *path;

        path = mkdtemp(run);
        if (!path)
                path = mkdtemp(tmp);
        if (!path)
                return SANDBOX_E_MISSING;

        if (chdir(path) < 0 || rmdir(path) < 0)
                return err_origin(-errno);
        return 0;
}

/* Nothing can be made in a directory that is removed, not even by root: it stays empty. */
static int leave_file_system(const struct sandbox *sandbox)
{
        int r;

        (void)sandbox;
        if (geteuid() != 0)
                return SANDBOX_E_MISSING;
        r = enter_removed_directory();
        if (r)
                return err_trace(r);
        if (chroot(".") < 0)
                return errno == EPERM ? SANDBOX_E_MISSING : err_origin(-errno);
        return mkdir("/proc", 0700) < 0 && errno == ENOENT ? 0 : err_origin(-EPERM);
}

/* What execve(2) could ever give back. */
static int empty_bounding_set(const struct sandbox *sandbox)
{
        unsigned long capability;
        int r;

        (void)sandbox;
        for (capability = 0;; capability++) {
                r = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
                if (r < 0)
                        return 0; /* the kernel knows no more of them */
                if (r == 0)
                        continue;
                if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
                        return errno == EPERM ? SANDBOX_E_MISSING : err_origin(-errno);
                if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 0)
                        return err_origin(-EPERM);
        }
}

static bool is_user(uid_t uid, gid_t gid)
{
        uid_t ruid;
        uid_t euid;
        uid_t suid;
        gid_t rgid;
        gid_t egid;
        gid_t sgid;

        return getresuid(&ruid, &euid, &suid) == 0 && ruid == uid && euid == uid && suid == uid &&
               getresgid(&rgid, &egid, &sgid) == 0 && rgid == gid && egid == gid && sgid == gid;
}

/* EPERM and EINVAL: in a user namespace that has no such user. */
static int become_user(const struct sandbox *sandbox)
{
        uid_t uid = sandbox->uid;
        gid_t gid = sandbox->gid;

        if (geteuid() != 0)
                return SANDBOX_E_MISSING;
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return errno == EPERM || errno == EINVAL ? SANDBOX_E_MISSING : err_origin(-errno);

        if (!is_user(uid, gid) || getgroups(0, NULL) != 0)
                return err_origin(-EPERM);
        if (setuid(0) == 0 || setgid(0) == 0)
                return err_origin(-EPERM);
        return 0;
}

static int drop_capabilities(const struct sandbox *sandbox)
{
        static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct left[_LINUX_CAPABILITY_U32S_3];

        (void)sandbox;
        /* the ambient ones go with the inheritable ones */
        if (syscall(SYS_capset, &header, none) < 0)
                return err_origin(-errno);
        if (syscall(SYS_capget, &header, left) < 0)
                return err_origin(-errno);
        return memcmp(left, none, sizeof(none)) == 0 ? 0 : err_origin(-EPERM);
}

static int forbid_new_privileges(const struct sandbox *sandbox)
{
        (void)sandbox;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return errno == EINVAL ? SANDBOX_E_MISSING : err_origin(-errno);
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : err_origin(-EPERM);
}

/* Neither a core file nor a debugger of the same user. */
static int forbid_dumps(const struct sandbox *sandbox)
{
        (void)sandbox;
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return err_origin(-errno);
        return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : err_origin(-EPERM);
}

static int filter_system_calls(const struct sandbox *sandbox)
{
        int r;

        (void)sandbox;
        r = seccomp_enter();
        return r == SECCOMP_E_MISSING ? SANDBOX_E_MISSING : err_trace(r);
}

/**
 * sandbox_enter() - give up, for good, what serving clients doesn't need
 * @sandbox:     whom to become, what to keep
 * @ret_missing: bits of enum protection: what this machine or caller lacks
 *
 * To be called once, by a process of one thread. After a failure the process must end.
 *
 * Return: 0 or negative errno, among them -EPERM: a step claims success, but it isn't so;
 *         -EISDIR: a directory is open
 */
int sandbox_enter(const struct sandbox *sandbox, unsigned int *ret_missing)
{
        static const struct {
                enum protection protection;
                int (*take)(const struct sandbox *sandbox);
        } steps[] = {
                /* with root's rights */
                { PROTECTION_LIMITS, limit_resources },
                { PROTECTION_ROOT_DIRECTORY, leave_file_system },
                { PROTECTION_CAPABILITIES, empty_bounding_set },
                { PROTECTION_USER, become_user },
                /* without */
                { PROTECTION_CAPABILITIES, drop_capabilities },
                { PROTECTION_NO_NEW_PRIVS, forbid_new_privileges },
                { PROTECTION_DUMPABLE, forbid_dumps },       /* a new user resets it */
                { PROTECTION_SECCOMP, filter_system_calls }, /* forbids all of the above */
        };
        unsigned int missing = 0;
        size_t i;
        int r;

        if (sandbox->n_fds == 0)
                return err_origin(-EINVAL);
        if (geteuid() == 0 && (sandbox->uid == 0 || sandbox->gid == 0))
                return err_origin(-EINVAL);

        r = close_descriptors(sandbox);
        if (r)
                return err_trace(r);
        for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                r = steps[i].take(sandbox);
                if (r < 0)
                        return err_trace(r);
                if (r == SANDBOX_E_MISSING)
                        missing |= steps[i].protection;
        }
        *ret_missing = missing;
        return 0;
}
