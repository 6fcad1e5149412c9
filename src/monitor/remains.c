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
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop.h"

/* What is read of /proc/PID/stat: its beginning, up to the process group and beyond. */
#define STAT_BYTES_MAX 256

/* One that is held. */
struct remain {
        struct list link;
        struct loop_timer grace;
        struct remains *remains;
        pid_t leader; /* ended, and not reaped */
        bool is_live; /* as of remains_live() */
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
        end(container_of(timer, struct remain, grace));
        return 0;
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

static long group_of(int proc_fd, const char *pid)
{
        char path[32];
        char text[STAT_BYTES_MAX];
        ssize_t n;
        int fd;

        n = snprintf(path, sizeof(path), "%s/stat", pid);
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

static void mark(struct remains *remains, long group)
{
        struct list *link;

        for (link = remains->held.next; link != &remains->held; link = link->next) {
                struct remain *remain = list_entry(&remains->held, link, struct remain, link);

                if (remain->leader == group)
                        remain->is_live = true;
        }
}

static void mark_all(struct remains *remains)
{
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        long group;

        while (proc && (entry = readdir(proc))) {
                group = isdigit((unsigned char)entry->d_name[0])
                                ? group_of(dirfd(proc), entry->d_name)
                                : 0;
                if (group)
                        mark(remains, group);
        }
        if (proc)
                (void)closedir(proc);
}

/**
 * remains_live() - is there somebody in a group yet?
 * @remains: groups in which nobody was found are not held any more
 *
 * This looks at every process of the machine, and is for the end. Who can't be seen is nobody.
 *
 * Return: is any group held yet?
 */
bool remains_live(struct remains *remains)
{
        struct list *link;
        struct list *next;

        if (!remains->n_held)
                return false;
        mark_all(remains);
        for (link = remains->held.next; link != &remains->held; link = next) {
                struct remain *remain = list_entry(&remains->held, link, struct remain, link);

                next = link->next;
                if (!remain->is_live)
                        end(remain);
                else
                        remain->is_live = false;
        }
        return remains->n_held > 0;
}

/**
 * remains_kill() - wait no longer for anybody
 * @remains: holds nothing afterwards
 */
void remains_kill(struct remains *remains)
{
        while (remains->n_held)
                end_first(remains);
}
