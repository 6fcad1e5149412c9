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

/* A list of directories, in their order. */
struct directories {
        const char **paths;
        size_t n_paths;
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
        struct unknown_option *unknown; /* options that mean nothing to us, ended by a NULL name */
};

/* A limit lower than the three standard descriptors would leave the command without them. */
#define SETTINGS_RLIMIT_NOFILE_MIN 3

int settings_load(struct settings *settings,
                  const char *file,
                  const char *path,
                  struct complaint *reterr);
void settings_deinit(struct settings *settings);
