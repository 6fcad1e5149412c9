/* SPDX-License-Identifier: Apache-2.0 */
/* The records that cross the line between the worker and the monitor, and nothing else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both programs come from one build; this says so to each other. */
#define RECORD_VERSION 1
/* The longest record. */
#define RECORD_BYTES_MAX (32u * 1024)
/* A command has a number below this, which is free again after REFUSED, FAILED or DONE. */
#define RECORD_IDS_MAX 4096u
/* What was carried for commands is told for so many at once. */
#define RECORD_DONES_MAX 32u
/* The arguments of one command: beyond what the kernel executes (execve(2): at most 6 MiB). */
#define RECORD_ARGS_MAX       (256u * 1024)
#define RECORD_ARGS_BYTES_MAX (6u * 1024 * 1024)
#define RECORD_KEY_BYTES      32

enum record_type {
        /* to the worker */
        RECORD_SETUP = 1, /* once, at first, with the listening socket */
        RECORD_REFUSED,   /* to a start: no filter allows it, or its program is not there */
        RECORD_FAILED,    /* to a start: a sentence follows */
        RECORD_EXITED,    /* to a start: it ran */
        RECORD_FINISH,    /* stop when what runs has been answered */
        /* to the monitor */
        RECORD_READY, /* once, at first */
        RECORD_ARGS,  /* bytes of the next command's arguments */
        RECORD_START, /* the last of these bytes, perhaps, and the streams */
        RECORD_DONE,  /* clients have been served */
        RECORD_PEER,  /* somebody could not connect */
        RECORD_STOP,  /* the worker wants to stop */
        RECORD_TYPES,
};

/* Why RECORD_STOP. */
enum record_stop {
        RECORD_STOP_CLIENT = 1,
        RECORD_STOP_IDLE,
};

/* What a RECORD_PEER was refused for. */
enum record_peer {
        RECORD_PEER_USER = 1, /* neither root nor the user of the daemon */
        RECORD_PEER_KEY,      /* it did not prove that it knows the key */
        RECORD_PEER_DIGEST,   /* it used a digest that auth_digests does not allow */
        RECORD_PEER_PROTOCOL, /* what it sent is no handshake */
        RECORD_PEER_LATE,     /* it did not finish the handshake in time */
        RECORD_PEER_CROWD,    /* it was the oldest of too many */
};

struct record_setup {
        uint32_t version;
        uint32_t worker_uid;
        uint32_t worker_gid;
        uint32_t client_uid; /* who may connect, beside root */
        uint32_t digests;    /* bits of enum settings_digest */
        int64_t daemon_timeout_s;
        int64_t drain_timeout_s; /* -1: none */
        uint64_t n_message_max_bytes;
        uint8_t key[RECORD_KEY_BYTES];
};

struct record_ready {
        uint32_t version;
        uint32_t missing; /* bits of enum sandbox_feature */
};

/* What was carried for a command that was started; its number is free afterwards. */
struct record_carried {
        uint64_t id;
        uint64_t n_in_bytes;
        uint64_t n_out_bytes;
        uint64_t n_err_bytes;
};

struct record_done {
        uint32_t n_done; /* struct record_carried, that follow */
};

struct record_start {
        uint32_t n_done; /* struct record_carried, that follow, before the arguments */
        uint32_t n_args;
        uint32_t n_args_bytes; /* of all, those of RECORD_ARGS included */
        uint32_t streams;      /* bit N: descriptor N comes along; the others are /dev/null */
        uint32_t peer_uid;
        int32_t peer_pid;
};

struct record_refused {
        int32_t exit_code; /* 96 or 99 */
};

struct record_failed {
        int32_t exit_code; /* not -1: a failure with an exit code, the sentence is for stderr */
};

struct record_exited {
        int32_t status; /* as wait(2) */
};

struct record_peer_refused {
        uint32_t reason; /* enum record_peer */
        uint32_t uid;
        int32_t pid;
        uint32_t n_unsaid; /* earlier ones that could not be told */
};

struct record_stop_wanted {
        uint32_t reason; /* enum record_stop */
};

struct record {
        uint32_t type;
        uint32_t id; /* of a command: REFUSED, FAILED, EXITED, START */
        union {
                struct record_setup setup;
                struct record_ready ready;
                struct record_start start;
                struct record_refused refused;
                struct record_failed failed;
                struct record_exited exited;
                struct record_done done;
                struct record_peer_refused peer;
                struct record_stop_wanted stop;
        };
        const char *tail; /* bytes behind it: ARGS, START, DONE, FAILED; borrowed */
        size_t n_tail;
};

enum {
        RECORD_E_BAD = 1, /* nobody who keeps the rules sends this */
};

size_t record_format(const struct record *record, char *buffer, size_t n_room);
size_t record_take_carried(struct record *record,
                           uint32_t n_done,
                           struct record_carried ret_carried[static RECORD_DONES_MAX]);
int record_parse(const char *bytes, size_t n_bytes, struct record *ret_record);
