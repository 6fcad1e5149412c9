/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the native protocol: docs/protocol-native.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NATIVE_VERSION       1u
#define NATIVE_MESSAGE_BYTES (32u * 1024)
#define NATIVE_FDS_MAX       4u
#define NATIVE_NONCE_BYTES   32
#define NATIVE_PROOF_BYTES   32
#define NATIVE_KEY_BYTES     32
#define NATIVE_LIMITS_MAX    16u
#define NATIVE_LIMIT_BYTES   20u
#define NATIVE_UMASK_MAX     0777u

/* A message that has one field beside its header has room for so many bytes in it. */
#define NATIVE_FIELD_BYTES_MAX (NATIVE_MESSAGE_BYTES - 12)

enum native_type {
        NATIVE_HELLO = 1,
        NATIVE_PROVE,
        NATIVE_ARGS,
        NATIVE_START,
        NATIVE_SIGNAL,
        NATIVE_EXPLAIN,
        NATIVE_STATUS,
        NATIVE_ATTACH,
        NATIVE_ADOPT,
        NATIVE_WELCOME = 65,
        NATIVE_ERROR,
        NATIVE_STARTED,
        NATIVE_EXITED,
        NATIVE_REFUSED,
        NATIVE_EXPLANATION,
        NATIVE_TOTALS,
        NATIVE_COMMAND,
        NATIVE_END,
        NATIVE_RELEASED,
        NATIVE_TYPES,
};

enum native_tag {
        NATIVE_TAG_VERSION = 1,
        NATIVE_TAG_NONCE,
        NATIVE_TAG_PROOF,
        NATIVE_TAG_KEY,
        NATIVE_TAG_ARGS,
        NATIVE_TAG_ENV,
        NATIVE_TAG_FDS,
        NATIVE_TAG_FLAGS,
        NATIVE_TAG_TIMEOUT,
        NATIVE_TAG_UMASK,
        NATIVE_TAG_NICE,
        NATIVE_TAG_LIMITS,
        NATIVE_TAG_SIGNAL,
        NATIVE_TAG_PID,
        NATIVE_TAG_STATUS,
        NATIVE_TAG_USAGE,
        NATIVE_TAG_DURATION,
        NATIVE_TAG_CODE,
        NATIVE_TAG_ERROR,
        NATIVE_TAG_FILTER,
        NATIVE_TAG_REASON,
        NATIVE_TAG_COMMANDS_MAX,
        NATIVE_TAG_ARGS_MAX,
        NATIVE_TAG_COUNTERS,
        NATIVE_TAG_UID,
        NATIVE_TAG_PEER,
        NATIVE_TAG_FILE,
        NATIVE_TAG_RUN_AS,
        NATIVE_TAG_TEXT,
        NATIVE_TAGS,
};

/* Bits of FDS. */
enum native_fd {
        NATIVE_FD_STDIN = 1 << 0,
        NATIVE_FD_STDOUT = 1 << 1,
        NATIVE_FD_STDERR = 1 << 2,
        NATIVE_FD_CWD = 1 << 3,
        NATIVE_FDS_ALL = (1 << 4) - 1,
};

/* Bits of FLAGS of a START, and the one of an EXITED. */
#define NATIVE_GO_ON       1u
#define NATIVE_LATE        2u
#define NATIVE_START_FLAGS 3u
#define NATIVE_TIMED_OUT   1u

/* CODE, where it is none of rootwrap's exit codes. */
#define NATIVE_CODE_SIGNAL  1u
#define NATIVE_CODE_NOT_NOW 75u

struct native_field {
        const char *bytes; /* borrowed; NULL: it is not there */
        size_t n_bytes;
};

struct native_message {
        uint32_t type; /* enum native_type */
        uint32_t id;
        struct native_field fields[NATIVE_TAGS]; /* by tag */
};

struct native_usage {
        uint64_t user_us;
        uint64_t system_us;
        uint64_t rss_max_kb;
};

struct native_limit {
        uint32_t resource;
        uint64_t soft; /* UINT64_MAX: none */
        uint64_t hard;
};

/* A message that is being written. */
struct native_writer {
        char *bytes; /* borrowed, NATIVE_MESSAGE_BYTES */
        size_t n_bytes;
        uint32_t tag; /* the last one's */
        bool is_full; /* something had no room */
};

enum {
        NATIVE_E_BAD = 1, /* nobody who keeps the rules sends this */
        NATIVE_E_SKIP,    /* it is unknown, and may be ignored */
};

int native_parse(const char *bytes, size_t n_bytes, struct native_message *ret_message);
bool native_has(const struct native_message *message, enum native_tag tag);
uint32_t native_get_u32(const struct native_message *message, enum native_tag tag);
uint64_t native_get_u64(const struct native_message *message, enum native_tag tag);
struct native_usage native_get_usage(const struct native_message *message);
size_t native_get_limits(const struct native_message *message,
                         struct native_limit ret_limits[static NATIVE_LIMITS_MAX]);
size_t native_get_counters(const struct native_message *message,
                           uint64_t *ret_counters,
                           size_t n_room);

void native_begin(struct native_writer *writer, char *bytes, enum native_type type, uint32_t id);
void native_put(struct native_writer *writer, enum native_tag tag, const void *bytes, size_t n);
void native_put_text(struct native_writer *writer, enum native_tag tag, const char *text);
void native_put_u32(struct native_writer *writer, enum native_tag tag, uint32_t value);
void native_put_u64(struct native_writer *writer, enum native_tag tag, uint64_t value);
void native_put_u64s(struct native_writer *writer,
                     enum native_tag tag,
                     const uint64_t *values,
                     size_t n_values);
void native_put_limits(struct native_writer *writer,
                       const struct native_limit *limits,
                       size_t n_limits);
size_t native_room(const struct native_writer *writer);
size_t native_end(const struct native_writer *writer);
