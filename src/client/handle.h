/* SPDX-License-Identifier: Apache-2.0 */
/* A way to a daemon, which threads share. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/properties.h"
#include "rootwrap.h"
#include "util/list.h"
#include "wire/native.h"

/* More than these are given up. */
#define HANDLE_ZOMBIES_MAX 16

struct order;
struct link;

enum handle_way {
        HANDLE_DAEMON, /* one that we start */
        HANDLE_SOCKET, /* one that listens */
        HANDLE_EACH,   /* none: sudo and rootwrap for each command */
};

/* What the handle's epoll tells about. */
enum source_kind {
        SOURCE_LINK,    /* a struct link */
        SOURCE_PROCESS, /* a struct order that is a process of ours */
};

struct source {
        enum source_kind kind;
};

struct rootwrap {
        pthread_mutex_t mutex;
        pid_t pid; /* whose handle it is */
        enum handle_way way;
        char **argv; /* owned: of the daemon, or what stands before a command */
        char *path;  /* owned: of the socket */
        char *label; /* owned: stands before what a refusal puts on stderr */
        struct properties properties;

        struct link *link;     /* takes new commands; NULL: there is none now */
        struct list links;     /* all of them: also those that only wait for commands to end */
        struct list queued;    /* commands that were not sent */
        struct list waiters;   /* threads that wait while another one reads */
        struct list finished;  /* commands whose callbacks wait for dispatch */
        struct list processes; /* commands that are processes of ours */
        size_t n_commands;     /* that have not ended */
        uint32_t last_id;
        bool is_reading;                   /* by a thread */
        pid_t zombies[HANDLE_ZOMBIES_MAX]; /* daemons that have to be waited for */
        size_t n_zombies;

        int epoll; /* the links' sockets */
        int outer; /* that one and @event, for event loops; -1: not asked for */
        int event; /* eventfd: something is in @finished; -1 likewise */

        char input[NATIVE_MESSAGE_BYTES];
        char output[NATIVE_MESSAGE_BYTES];
};

int handle_new(enum handle_way way, struct rootwrap **ret_handle);
int handle_check(const struct rootwrap *handle);
int handle_copy_words(const char *const *words, size_t n_words, char ***ret_copy);
int handle_watch(struct rootwrap *handle, int fd, struct source *source, bool wants_room);
void handle_unwatch(struct rootwrap *handle, int fd);
void handle_flush(struct rootwrap *handle);
int handle_submit(struct rootwrap *handle, struct order *command);
void handle_wait(struct rootwrap *handle, struct order *command, int state);
void handle_done(struct rootwrap *handle, struct order *command);
void handle_changed(struct rootwrap *handle, struct order *command);
int handle_ask(struct rootwrap *handle,
               int kind,
               const char *const *argv,
               const char *const *env,
               struct order **ret_command);
void handle_fail_queued(struct rootwrap *handle, int error, const char *reason);
