/* SPDX-License-Identifier: Apache-2.0 */
/* Python's configparser.RawConfigParser, reading. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/table.h"

struct arena;
struct complaint;

/* The largest file that is read. */
#define INI_FILE_BYTES_MAX (16u * 1024 * 1024)

/* The name of the section whose options appear in every other. */
#define INI_DEFAULT_SECTION "DEFAULT"

enum {
        INI_E_BAD = 1,    /* the file breaks the syntax; the complaint says where */
        INI_E_NO_SECTION, /* the section that was asked for is not there */
};

/* One option. Strings are NUL-terminated, hold no other NUL, and belong to the arena. */
struct ini_option {
        const char *name;  /* lower case */
        const char *value; /* stripped; lines joined by '\n' */
        size_t n_value;
        unsigned int line;          /* where its name stands, from 1 */
        unsigned int line_replaced; /* of the option that it took the place of, 0: none */
};

struct ini_section {
        char *name;
        struct ini_option *options; /* in the order of first appearance */
        size_t n_options;
        size_t n_room;
        struct table index; /* option name to its place in @options */
};

struct ini {
        struct ini_section *sections; /* [0] is INI_DEFAULT_SECTION */
        size_t n_sections;
};

/* How repeated sections and options are taken. */
enum ini_mode {
        INI_STRICT,   /* as errors: rootwrap.conf */
        INI_TOLERANT, /* the last one counts: filter files */
};

/* What is read. */
struct ini_input {
        const char *file; /* its name, for complaints */
        char *text;       /* its bytes and a NUL; changed */
        size_t n_bytes;   /* without that NUL */
        enum ini_mode mode;
};

int ini_parse(struct ini *ini,
              struct arena *arena,
              const struct ini_input *input,
              struct complaint *reterr);
const struct ini_option *ini_get(const struct ini *ini, const char *section, const char *name);
int ini_items(const struct ini *ini,
              struct arena *arena,
              const char *section,
              const struct ini_option ***ret_items,
              size_t *ret_n_items);
