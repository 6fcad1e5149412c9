/* SPDX-License-Identifier: Apache-2.0 */
/* What rootwrap.conf says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

struct complaint;

enum {
        SETTINGS_E_BAD = 1, /* the file can't be used; the complaint says why */
};

/* What becomes of the filter for privsep-helper that is there without being written. */
enum implicit_privsep {
        IMPLICIT_PRIVSEP_OFF,        /* there is none */
        IMPLICIT_PRIVSEP_RESTRICTED, /* only with the options that oslo.privsep passes */
        IMPLICIT_PRIVSEP_ANY,        /* with any options, as in oslo.rootwrap */
};

/* How the daemon writes its log. */
enum settings_log_format {
        SETTINGS_LOG_TEXT,
        SETTINGS_LOG_JSON,
};

/* The digests with which a client may prove to the daemon that it knows the key; bits, in the order
 * of the wire's enum challenge_digest. */
enum settings_digest {
        SETTINGS_DIGEST_SHA256 = 1 << 0,
        SETTINGS_DIGEST_SHA384 = 1 << 1,
        SETTINGS_DIGEST_SHA3_256 = 1 << 2,
        SETTINGS_DIGEST_SHA3_384 = 1 << 3,
        SETTINGS_DIGEST_MD5 = 1 << 4,
        SETTINGS_DIGEST_ALL = (1 << 5) - 1,
};

/* A list of directories, in their order. */
struct directories {
        const char **paths;
        size_t n_paths;
};

/* A list of users or groups, in their order. */
struct admitted_names {
        const char **names;
        size_t n_names;
        unsigned int line; /* of the option */
};

/* An option of another program, or one that is misspelled. */
struct unknown_option {
        const char *name;
        unsigned int line;
};

struct settings {
        struct arena arena; /* holds all strings */
        const char *file;
        struct directories filters_path;
        struct directories exec_dirs;
        bool use_syslog;
        int syslog_facility;      /* as syslog(3), not shifted: 3 is daemon */
        int syslog_priority_max;  /* the least urgent priority that is logged; LOG_INFO: all we have
                                   */
        int64_t daemon_timeout_s; /* seconds */
        int64_t rlimit_nofile;
        bool oslo_compat;
        enum implicit_privsep implicit_privsep;
        enum settings_log_format log_format;
        int64_t max_message_bytes;
        int64_t drain_timeout_s;             /* seconds, or SETTINGS_DRAIN_FOREVER */
        struct admitted_names allowed_users; /* who may connect to a host service */
        struct admitted_names allowed_groups;
        unsigned int auth_digests;      /* bits of enum settings_digest, at least one */
        struct unknown_option *unknown; /* options that mean nothing to us, ended by a NULL name */
};

/* A limit lower than the three standard descriptors would leave the command without them. */
#define SETTINGS_RLIMIT_NOFILE_MIN 3
/* What the daemon takes from a client in one message, and sends in one. */
#define SETTINGS_MESSAGE_BYTES_DEFAULT ((int64_t)1 << 30)
#define SETTINGS_MESSAGE_BYTES_MAX     ((int64_t)1 << 40)
#define SETTINGS_DRAIN_FOREVER         (-1)

int settings_load(struct settings *settings,
                  const char *file,
                  const char *path,
                  struct complaint *reterr);
void settings_deinit(struct settings *settings);
