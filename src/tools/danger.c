/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list is data: a program, and what somebody who chooses its arguments can do with it as root.
 * Versions and variants (python3.11, mkfs.ext4) are found by their beginning, which ends in a star.
 */
#include "tools/danger.h"

#include <stddef.h>
#include <string.h>

static const char runs[] = "runs any program";
static const char loads[] = "makes the program load any code";
static const char writes[] = "writes any file";
static const char reads[] = "reads any file";
static const char lvm[] = "writes any file and changes any volume (--config)";
static const char owns[] = "changes the owner or the mode of any file";

/* clang-format off */
static const struct {
        const char *program;
        const char *reason;
} dangers[] = {
        { "ash", runs }, { "awk", runs }, { "bash", runs }, { "busybox", runs }, { "capsh", runs },
        { "chroot", runs }, { "chrt", runs }, { "cpulimit", runs }, { "csh", runs },
        { "dash", runs }, { "docker", runs }, { "ed", runs }, { "emacs*", runs }, { "env", runs },
        { "ex", runs }, { "expect", runs }, { "find", runs }, { "flock", runs }, { "gawk", runs },
        { "gdb", runs }, { "git", runs }, { "ionice", runs }, { "ip", "runs any program (netns exec, -batch)" },
        { "ksh", runs }, { "less", runs }, { "lua*", runs }, { "make", runs }, { "man", runs },
        { "mawk", runs }, { "more", runs }, { "nano", runs }, { "nice", runs }, { "nohup", runs },
        { "nsenter", runs }, { "openssl", runs }, { "perl*", runs }, { "php*", runs },
        { "podman", runs }, { "prlimit", runs }, { "python*", runs }, { "rpm", runs },
        { "rsync", runs }, { "ruby*", runs }, { "run-parts", runs }, { "runuser", runs },
        { "script", runs }, { "sed", "writes any file and runs any program" },
        { "service", runs }, { "setarch", runs }, { "setpriv", runs }, { "setsid", runs },
        { "sh", runs }, { "socat", runs }, { "ssh", runs }, { "start-stop-daemon", runs },
        { "stdbuf", runs }, { "strace", runs }, { "su", runs }, { "sudo", runs },
        { "systemctl", runs }, { "systemd-run", runs }, { "tar", runs }, { "taskset", runs },
        { "tclsh*", runs }, { "tcpdump", runs }, { "tcsh", runs }, { "time", runs },
        { "timeout", runs }, { "unshare", runs }, { "vi", runs }, { "view", runs },
        { "vim*", runs }, { "watch", runs }, { "xargs", runs }, { "zip", runs }, { "zsh", runs },
        { "apt*", runs }, { "dpkg", runs }, { "dnf", runs }, { "yum", runs }, { "pip*", runs },
        { "crontab", runs }, { "at", runs }, { "ovs-vsctl", "loads libraries and writes any file (--log-file)" },
        { "chgrp", owns }, { "chmod", owns }, { "chown", owns }, { "setfacl", owns },
        { "setcap", owns },
        { "cp", writes }, { "curl", writes }, { "dd", writes }, { "gzip", writes },
        { "install", writes }, { "ln", "puts a link in the place of any file" },
        { "mv", writes }, { "patch", writes }, { "scp", writes }, { "shred", "destroys any file" },
        { "tee", writes }, { "touch", "makes any file" }, { "truncate", "cuts any file" },
        { "unlink", "removes any file" }, { "unzip", writes }, { "wget", writes }, { "xz", writes },
        { "rm", "removes any file" }, { "rmdir", "removes directories" }, { "mkdir", "makes directories anywhere" },
        { "mktemp", "makes files anywhere" }, { "qemu-img", "reads and writes any file or device" },
        { "qemu-nbd", "reads and writes any file or device" }, { "qemu-io", "reads and writes any file or device" },
        { "losetup", "makes a device of any file" }, { "kpartx", "makes devices of any file" },
        { "cryptsetup", "reads and writes any device, loads keys from any file" },
        { "dmsetup", "maps any device" }, { "fdisk", "rewrites any disk" }, { "parted", "rewrites any disk" },
        { "mkfs*", "overwrites any device" }, { "mkswap", "overwrites any device" },
        { "debugfs", "reads and writes any file system" }, { "tune2fs", "changes any file system" },
        { "mount*", "mounts over any directory" }, { "umount*", "takes away any mount" },
        { "modprobe", "loads kernel modules" },
        { "insmod", "loads kernel modules" }, { "kexec", "starts another kernel" },
        { "sysctl", "changes kernel settings that name programs" },
        { "kill", "ends any process" }, { "killall", "ends any process" }, { "pkill", "ends any process" },
        { "passwd", "changes any password" }, { "chpasswd", "changes any password" },
        { "useradd", "makes users" }, { "usermod", "changes users" }, { "visudo", writes },
        { "iptables-restore", "reads any file, loads modules" },
        { "ip6tables-restore", "reads any file, loads modules" },
        { "dnsmasq", "runs any program (--dhcp-script)" }, { "haproxy", "runs any program (its configuration)" },
        { "keepalived", "runs any program (its configuration)" }, { "radvd", reads },
        { "exportfs", "exports any directory" }, { "smbd", "exports any directory" },
        { "cat", reads }, { "head", reads }, { "tail", reads }, { "base64", reads }, { "xxd", reads },
        { "grep", reads }, { "sort", writes }, { "diff", reads }, { "strings", reads },
        { "fsadm", runs }, { "lvchange", lvm }, { "lvconvert", lvm }, { "lvcreate", lvm },
        { "lvdisplay", lvm }, { "lvextend", lvm }, { "lvm", lvm }, { "lvreduce", lvm },
        { "lvremove", lvm }, { "lvrename", lvm }, { "lvresize", lvm }, { "lvs", lvm },
        { "lvscan", lvm }, { "pvchange", lvm }, { "pvcreate", lvm }, { "pvdisplay", lvm },
        { "pvmove", lvm }, { "pvremove", lvm }, { "pvresize", lvm }, { "pvs", lvm },
        { "pvscan", lvm }, { "vgchange", lvm }, { "vgcreate", lvm }, { "vgdisplay", lvm },
        { "vgextend", lvm }, { "vgremove", lvm }, { "vgs", lvm }, { "vgscan", lvm },
        { "cgexec", runs }, { "privsep-helper", "loads code that its arguments name" },
        { "node", runs }, { "rview", runs }, { "rvim", runs }, { "pico", runs }, { "joe", runs },
        { "mcedit", runs }, { "cpio", writes }, { "rename", "renames any file" },
        { "swapon", "swaps to any device" }, { "wipefs", "overwrites any device" },
        { "blkdiscard", "empties any device" }, { "sfdisk", "rewrites any disk" },
        { "sgdisk", "rewrites any disk" }, { "resize2fs", "changes any file system" },
        { "ldconfig", "changes which libraries are loaded" },
        { "update-alternatives", "puts a link in the place of any file" }, { "virsh", runs },
        { "vtysh", runs }, { "ovsdb-tool", writes },
};

/* A variable, and what somebody who chooses its value can do as root with a program that reads it. */
static const struct {
        const char *name;
        const char *reason;
} variables[] = {
        { "LD_PRELOAD", loads }, { "LD_LIBRARY_PATH", loads }, { "LD_AUDIT", loads },
        { "GCONV_PATH", loads }, { "PYTHONPATH", loads }, { "PYTHONHOME", loads },
        { "PYTHONSTARTUP", runs }, { "PERL5LIB", loads }, { "PERL5OPT", loads },
        { "PERL5DB", runs }, { "RUBYLIB", loads }, { "RUBYOPT", loads }, { "NODE_PATH", loads },
        { "NODE_OPTIONS", loads }, { "CLASSPATH", loads }, { "JAVA_TOOL_OPTIONS", loads },
        { "LUA_PATH", loads }, { "LUA_CPATH", loads }, { "OPENSSL_CONF", loads },
        { "OPENSSL_MODULES", loads }, { "PATH", runs }, { "IFS", runs }, { "ENV", runs },
        { "BASH_ENV", runs }, { "SHELLOPTS", runs }, { "PS4", runs }, { "SHELL", runs },
        { "EDITOR", runs }, { "VISUAL", runs }, { "PAGER", runs }, { "MANPAGER", runs },
        { "LESSOPEN", runs }, { "GIT_SSH", runs }, { "GIT_SSH_COMMAND", runs },
        { "GIT_EXEC_PATH", runs }, { "RSYNC_RSH", runs }, { "TAR_OPTIONS", runs },
        { "LVM_SYSTEM_DIR", "chooses the configuration of LVM, which writes any file and runs any program" },
        { "DM_DEV_DIR", "chooses the directory of devices" },
        { "XTABLES_LIBDIR", loads },
};
/* clang-format on */

/**
 * danger_of() - what is dangerous about a program
 * @program: its name, without a path
 *
 * Return: a phrase, NULL if it is not in the list
 */
const char *danger_of(const char *program)
{
        size_t i;

        for (i = 0; i < sizeof(dangers) / sizeof(dangers[0]); i++) {
                const char *name = dangers[i].program;
                size_t n = strlen(name);

                if (name[n - 1] == '*' ? strncmp(program, name, n - 1) == 0
                                       : strcmp(program, name) == 0)
                        return dangers[i].reason;
        }
        return NULL;
}

/**
 * danger_of_variable() - what is dangerous about a variable whose value is free
 * @name:   its name, and what follows
 * @n_name: length of the name
 *
 * Return: a phrase, NULL if it is not in the list
 */
const char *danger_of_variable(const char *name, size_t n_name)
{
        size_t i;

        for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
                if (strlen(variables[i].name) == n_name &&
                    memcmp(variables[i].name, name, n_name) == 0)
                        return variables[i].reason;
        return NULL;
}
