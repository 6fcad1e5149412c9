/* SPDX-License-Identifier: Apache-2.0 */
/* The records that cross the line between the worker and the monitor, and nothing else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both programs come from one build; this says so to each other. */
#define RECORD_VERSION 5
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
        RECORD_FAILED,    /* to a start: it could not be started */
        RECORD_STARTED,   /* to a start that wanted to know */
        RECORD_EXITED,    /* to a start: it ran */
        RECORD_EXPLAINED, /* to an explain */
        RECORD_TOTALS,    /* to a status: at first, */
        RECORD_COMMAND,   /* once for each command that runs, */
        RECORD_END,       /* and at last */
        RECORD_FINISH,    /* stop when what runs has been answered */
        RECORD_ADMIT,     /* who may connect to a host service */
        RECORD_PING,      /* does it live? */
        /* to the monitor */
        RECORD_READY,       /* once, at first */
        RECORD_ARGS,        /* bytes of the next command's arguments */
        RECORD_START,       /* the last of these bytes, perhaps, and the streams */
        RECORD_SIGNAL,      /* to a command that runs */
        RECORD_EXPLAIN,     /* as a start, and nothing is started */
        RECORD_STATUS,      /* what runs? */
        RECORD_DONE,        /* clients have been served */
        RECORD_PEER,        /* somebody could not connect */
        RECORD_STOP,        /* the worker wants to stop */
        RECORD_END_COMMAND, /* its client is gone or its time is over: SIGTERM, and SIGKILL later */
        RECORD_PONG,        /* to a ping */
        RECORD_TYPES,
};

/* Why RECORD_STOP. */
enum record_stop {
        RECORD_STOP_CLIENT = 1,
        RECORD_STOP_IDLE,
};

/* What a RECORD_PEER was refused for. */
enum record_peer {
        RECORD_PEER_USER = 1, /* neither root nor one whom it serves */
        RECORD_PEER_KEY,      /* it did not prove that it knows the key */
        RECORD_PEER_DIGEST,   /* it used a digest that auth_digests does not allow */
        RECORD_PEER_PROTOCOL, /* what it sent is no handshake */
        RECORD_PEER_LATE,     /* it did not finish the handshake in time */
        RECORD_PEER_CROWD,    /* it was the oldest of too many */
        RECORD_PEER_MANY,     /* its user has too many */
};

struct record_setup {
        uint32_t version;
        uint32_t worker_uid;
        uint32_t worker_gid;
        uint32_t client_uid; /* who may connect, beside root */
        uint32_t digests;    /* bits of enum settings_digest */
        uint32_t is_service; /* the socket is a host service's: no key, and RECORD_ADMIT says who
                              * may connect */
        uint32_t zero;
        int64_t daemon_timeout_s;
        int64_t drain_timeout_s; /* -1: none */
        uint64_t n_message_max_bytes;
        uint8_t key[RECORD_KEY_BYTES];
};

struct record_ready {
        uint32_t version;
        uint32_t missing; /* bits of enum protection */
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

/* Bits of the flags of a start. */
enum record_start_flag {
        RECORD_START_APART = 1 << 0, /* in a process group of its own, which can be signalled; it is
                                      * told that it was started */
        RECORD_START_GO_ON = 1 << 1, /* also when we end */
        RECORD_START_LATE = 1 << 2,  /* that it was started is told a little later, or not at all if
                                      * it has exited by then */
        RECORD_START_FLAGS = (1 << 3) - 1,
};

/* Bits of the streams of a start. */
#define RECORD_STREAM_CWD (1u << 3)
#define RECORD_STREAMS    4u

/* No umask. */
#define RECORD_NO_UMASK UINT32_MAX
/* The most limits of resources, one each. */
#define RECORD_LIMITS_MAX 16u

/* A start's tail is n_done struct record_carried, n_limits struct record_limit, and the arguments.
 */
struct record_start {
        uint32_t n_done;
        uint32_t n_args;
        uint32_t n_env;        /* NAME=VALUE, behind the arguments: to be asked for by env */
        uint32_t n_args_bytes; /* of all, those of RECORD_ARGS included */
        uint32_t streams;      /* bit N: descriptor N comes along, bit 3 a working directory; the
                                * others are /dev/null, and ours */
        uint32_t peer_uid;
        int32_t peer_pid;
        uint32_t flags; /* enum record_start_flag */
        uint32_t umask; /* its bits are added; RECORD_NO_UMASK: none */
        int32_t nice;   /* at least this */
        uint32_t n_limits;
};

struct record_limit {
        uint32_t resource; /* RLIMIT_* */
        uint32_t zero;
        uint64_t soft; /* UINT64_MAX: none */
        uint64_t hard;
};

/* Its tail is the filter's name, where there is one, and a sentence. */
struct record_refused {
        int32_t exit_code; /* 96 or 99 */
        int32_t error;     /* errno, or 0 */
        uint32_t n_filter_bytes;
};

/* Its tail is as a refusal's. */
struct record_failed {
        int32_t exit_code; /* not -1: a failure with an exit code, the sentence is for stderr */
        int32_t error;     /* errno, or 0 */
        uint32_t n_filter_bytes;
};

struct record_started {
        int32_t pid;
};

struct record_exited {
        int32_t status; /* as wait(2) */
        uint32_t zero;
        uint64_t user_us;
        uint64_t system_us;
        uint64_t rss_max_kb;
        uint64_t duration_us;
};

struct record_signal {
        int32_t signal;
};

/* An explain's tail is the arguments, as a start's. */
struct record_explain {
        uint32_t n_args;
        uint32_t n_env;
        uint32_t n_args_bytes;
};

/* Its tail is the filter's name, the user, the file with its line, the reason, the environment, and
 * the arguments, these each with its NUL. */
struct record_explained {
        int32_t exit_code; /* 0: it is allowed */
        uint32_t n_filter_bytes;
        uint32_t n_run_as_bytes;
        uint32_t n_file_bytes;
        uint32_t n_reason_bytes;
        uint32_t n_env_bytes;
};

struct record_status {
        uint32_t peer_uid; /* who asks: root sees all */
};

/* How often commands took at most so many milliseconds; and longer. */
#define RECORD_BUCKETS_MS                                                   \
        {                                                                   \
                1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000 \
        }
#define RECORD_BUCKETS 14

struct record_totals {
        uint64_t uptime_s;
        uint64_t n_started;
        uint64_t n_refused;
        uint64_t n_failed;
        uint64_t n_running;
        uint64_t n_connections; /* the worker's to fill */
        uint64_t duration_us;   /* of all that ended */
        uint64_t buckets[RECORD_BUCKETS];
};

/* Its tail is the filter's name, the user, and the arguments. */
struct record_command {
        int32_t pid;
        uint32_t uid; /* whose client asked for it */
        int32_t peer_pid;
        uint32_t n_filter_bytes;
        uint32_t n_run_as_bytes;
        uint32_t zero;
        uint64_t duration_us;
};

/* Its tail is so many uids, and so many gids. */
struct record_admit {
        uint32_t n_uids;
        uint32_t n_gids;
};
#define RECORD_ADMITS_MAX 256u

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
        uint32_t id; /* of a command or a question */
        union {
                struct record_setup setup;
                struct record_ready ready;
                struct record_start start;
                struct record_refused refused;
                struct record_failed failed;
                struct record_started started;
                struct record_exited exited;
                struct record_signal signal;
                struct record_explain explain;
                struct record_explained explained;
                struct record_status status;
                struct record_totals totals;
                struct record_command command;
                struct record_admit admit;
                struct record_done done;
                struct record_peer_refused peer;
                struct record_stop_wanted stop;
        };
        const char *tail; /* bytes behind it, for some types; borrowed */
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
bool record_is_signal(int64_t signal);
