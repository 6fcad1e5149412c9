/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a daemon, from the daemon's start to its end. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "client/handle.h"
#include "wire/native-proof.h"

struct order;

/* Where a link has an unfinished command: its id modulo this. A power of two. */
#define LINK_SLOTS          4096u
#define LINK_GREETING_BYTES 4096

enum link_state {
        LINK_GREETING, /* the daemon was started, and has not said where it listens */
        LINK_WELCOME,  /* we have said HELLO */
        LINK_UP,
        LINK_RETIRED, /* takes no new commands */
};

struct link {
        struct source source;
        struct list link; /* in the handle's links */
        struct rootwrap *handle;
        enum link_state state;
        int fd;          /* what is read: the pipe of the greeting, then the socket */
        int stdin_fd;    /* the daemon lives as long as this end is open */
        pid_t pid;       /* of the daemon that we started, 0: none */
        bool is_blocked; /* the socket has no room */
        bool has_signals;

        char greeting[LINK_GREETING_BYTES];
        size_t n_greeting;
        bool has_key;
        uint8_t key[NATIVE_KEY_BYTES];
        struct native_nonces nonces;

        uint32_t n_commands_max;
        uint32_t n_args_max;
        size_t n_commands;
        struct order *commands[LINK_SLOTS];
        char *complaint; /* what the daemon's ERROR said */
};

void link_open(struct rootwrap *handle);
void link_read(struct link *link);
void link_flush(struct link *link);
void link_signal(struct link *link);
void link_unblock(struct link *link);
bool link_is_idle(const struct link *link);
void link_reap(struct rootwrap *handle, int timeout_ms);
void link_close(struct link *link);
