/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that is ended gets SIGTERM, with all that is in its process group, and what is left of
 * the group when the grace time is over gets SIGKILL, whether or not its leader has ended by then.
 * The group's number is the leader's, which is nobody else's for as long as we do not reap it: so a
 * leader that ends within the grace time stays a zombie here until that is over, and no signal can
 * reach a stranger. Whoever has left the group, for a session of its own, lives on.
 *
 * Nothing is held but by remains_hold(), and nothing is left but killed and reaped.
 */
#include "monitor/remains.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

/* What is read of /proc/PID/stat: its beginning, up to the process group and beyond. */
#define STAT_BYTES_MAX 256

/* So often somebody who was found may have ended when he is to be watched. */
#define TRIES_MAX 8

/* One that is held. */
struct remain {
        struct list link;
        struct loop_timer grace;
        struct remains *remains;
        pid_t leader; /* ended, and not reaped */
        bool is_live; /* as of find_live() */
};

static void kill_group(pid_t leader)
{
        (void)kill(-leader, SIGKILL);
        while (waitpid(leader, NULL, 0) < 0 && errno == EINTR)
                ;
}

static void end(struct remain *remain)
{
        kill_group(remain->leader);
        loop_timer_stop(&remain->grace);
        list_remove(&remain->link);
        remain->remains->n_held--;
        free(remain);
}

static void end_first(struct remains *remains)
{
        struct remain *first = list_first(&remains->held, struct remain, link);

        if (first)
                end(first);
}

static int dispatch_grace(struct loop_timer *timer)
{
        struct remain *remain = container_of(timer, struct remain, grace);
        struct remains *remains = remain->remains;

        end(remain);
        return remains->look ? err_trace(remains->look(remains)) : 0;
}

/**
 * remains_init() - hold nothing yet
 * @remains: set
 * @loop:    that waits for the grace times, borrowed
 */
void remains_init(struct remains *remains, struct loop *loop)
{
        *remains = (struct remains){ .loop = loop };
        list_init(&remains->held);
}

/**
 * remains_hold() - kill a process group when its grace time is over
 * @remains:  was initialised
 * @leader:   of the group: a child of ours that has ended and is not reaped, from now on not the
 *            caller's any more
 * @grace_ms: what is left of that time
 *
 * Without memory, and where there is no time left, it is killed at once.
 */
void remains_hold(struct remains *remains, pid_t leader, int64_t grace_ms)
{
        struct remain *remain = NULL;

        if (grace_ms > 0)
                remain = calloc(1, sizeof(*remain));
        if (!remain) {
                kill_group(leader);
                return;
        }
        if (remains->n_held == REMAINS_MAX)
                end_first(remains);
        *remain = (struct remain){ .remains = remains, .leader = leader };
        loop_timer_set(&remain->grace, remains->loop, dispatch_grace, grace_ms);
        list_append(&remains->held, &remain->link);
        remains->n_held++;
}

/* Who is there */

/* @stat: as proc(5) has it, "PID (NAME) STATE PPID PGRP ...", where a name may have anything in it,
 * brackets too. Return: the process group of one that is no zombie; 0: of none */
static long parse_group(const char *stat)
{
        const char *at = strrchr(stat, ')');
        char *end;

        if (!at || strlen(at) < strlen(") S 1 1") || at[2] == 'Z' || at[2] == 'X')
                return 0;
        (void)strtol(at + 3, &end, 10);
        return strtol(end, NULL, 10);
}

/* @process: its folder, from @proc_fd */
static long group_of(int proc_fd, const char *process)
{
        char path[32];
        char text[STAT_BYTES_MAX];
        ssize_t n;
        int fd;

        n = snprintf(path, sizeof(path), "%s/stat", process);
        if (n < 0 || (size_t)n >= sizeof(path))
                return 0;
        fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        if (n <= 0)
                return 0;
        text[n] = '\0';
        return parse_group(text);
}

/* Return: is the group held? */
static bool mark(struct remains *remains, long group)
{
        bool is_held = false;
        struct list *link;

        for (link = remains->held.next; link != &remains->held; link = link->next) {
                struct remain *remain = list_entry(&remains->held, link, struct remain, link);

                if (remain->leader != group)
                        continue;
                remain->is_live = true;
                is_held = true;
        }
        return is_held;
}

/* Return: somebody in a group that is held; 0: nobody. The one who is listed first has mostly been
 * there for longest, and is not what a script starts at every moment: that would have us look again
 * as often. */
static pid_t mark_all(struct remains *remains)
{
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        pid_t member = 0;
        long group;

        while (proc && (entry = readdir(proc))) {
                group = isdigit((unsigned char)entry->d_name[0])
                                ? group_of(dirfd(proc), entry->d_name)
                                : 0;
                if (group && mark(remains, group) && !member)
                        member = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        if (proc)
                (void)closedir(proc);
        return member;
}

/* Holds groups in which nobody is left no more. Who can't be seen is nobody. Return: as mark_all()
 */
static pid_t find_live(struct remains *remains)
{
        pid_t member = remains->n_held ? mark_all(remains) : 0;
        struct list *link;
        struct list *next;

        for (link = remains->held.next; link != &remains->held; link = next) {
                struct remain *remain = list_entry(&remains->held, link, struct remain, link);

                next = link->next;
                if (!remain->is_live)
                        end(remain);
                else
                        remain->is_live = false;
        }
        return member;
}

/* Is he in one of the groups? Where his number is another's by now, his pidfd tells of his end, and
 * we look again. */
static bool is_member(struct remains *remains, pid_t pid)
{
        const struct remain *remain;
        char path[24];
        long group;

        (void)snprintf(path, sizeof(path), "/proc/%d", pid);
        group = group_of(AT_FDCWD, path);
        for (remain = list_first(&remains->held, struct remain, link); remain;
             remain = list_next(&remains->held, remain, struct remain, link))
                if (remain->leader == group)
                        return true;
        return false;
}

static void unwatch(struct remains *remains)
{
        int fd = remains->member.fd;

        if (!remains->member.loop)
                return;
        loop_io_deinit(&remains->member);
        (void)close(fd);
}

static int dispatch_member(struct loop_io *io, uint32_t events)
{
        struct remains *remains = container_of(io, struct remains, member);

        (void)events;
        unwatch(remains); /* its pidfd would go on telling, and the caller may not wait anew yet */
        return err_trace(remains->look(remains));
}

/* Return: 0, -ESRCH: he has ended, or left; or other negative errno */
static int watch(struct remains *remains, pid_t pid)
{
        cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
        int r;

        if (fd < 0)
                return -errno;
        if (!is_member(remains, pid))
                return -ESRCH;
        r = loop_io_init(&remains->member, remains->loop, dispatch_member, fd, EPOLLIN);
        if (r) {
                loop_io_deinit(&remains->member); /* there is nothing to close with it */
                return err_trace(r);
        }
        (void)steal_fd(&fd);
        return 0;
}

/**
 * remains_wait() - is there somebody in a group yet, and when is that to be asked again?
 * @remains: groups in which nobody was found are not held any more
 * @look:    called, from now on, when somebody in a group has ended, which need not have been the
 *           last one, and when a group's time is over; who wants to wait on asks again
 *
 * This looks at every process of the machine, and is for the end. One who is found is waited for by
 * a pidfd. Who leaves his group without an end, or can't be watched for want of a descriptor, or
 * because all who were found had ended by then, is waited for as long as his group has time: that
 * bounds it, and nothing polls.
 *
 * Return: is any group held yet?
 */
bool remains_wait(struct remains *remains, remains_fn look)
{
        pid_t member;
        int i;

        unwatch(remains);
        remains->look = look;
        for (i = 0; i < TRIES_MAX && (member = find_live(remains)); i++)
                if (watch(remains, member) != -ESRCH)
                        break;
        return remains->n_held > 0;
}

/**
 * remains_kill() - wait no longer for anybody
 * @remains: holds nothing afterwards
 */
void remains_kill(struct remains *remains)
{
        unwatch(remains);
        while (remains->n_held)
                end_first(remains);
}
