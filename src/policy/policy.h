/* SPDX-License-Identifier: Apache-2.0 */
/* All filters of a configuration, ready to decide. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/filter.h"
#include "util/arena.h"
#include "util/table.h"

struct complaint;
struct settings;

/* The most filters that are loaded, and the most files they come from. */
#define POLICY_FILTERS_MAX 500000
#define POLICY_FILES_MAX   10000

enum {
        POLICY_E_BAD = 1, /* a directory or file can't be used; the complaint says why */
};

/* What was passed over at load, and may surprise. */
struct policy_note {
        const char *file;
        unsigned int line; /* 0: the file as a whole */
        const char *text;
        const char *filter;        /* that was skipped; NULL: it is about none */
        const char *const *pieces; /* of its definition, the class first */
        size_t n_pieces;
};

/* A filter in the list of those that one command name leads to. */
struct name_entry {
        uint32_t filter;
        uint32_t next; /* number of the next entry; NAME_END: none */
};

/* Such a list, in the order of the filters. */
struct name_list {
        uint32_t first; /* number of an entry; NAME_END: the list is empty */
        uint32_t last;
};

#define NAME_END UINT32_MAX

struct policy {
        struct arena arena;
        const struct settings *settings; /* borrowed */
        struct arena_keep *keep;         /* of the arenas of decisions; borrowed; NULL: none */
        struct filter *filters;
        size_t n_filters;
        size_t n_room;
        struct policy_note *notes;
        size_t n_notes;
        size_t n_notes_room;
        struct table by_name;     /* command name to number in @lists */
        struct table by_env_name; /* the same for EnvFilters: the command behind the variables */
        struct name_list *lists;
        size_t n_lists;
        struct name_entry *entries;
        size_t n_entries;
        struct name_list any_name; /* filters whose first expression can match many names */
};

int policy_load(struct policy *policy, const struct settings *settings, struct complaint *reterr);
int policy_load_file(struct policy *policy,
                     const struct settings *settings,
                     const char *path,
                     struct complaint *reterr);
bool policy_skips(const struct settings *settings, const char *name);
void policy_deinit(struct policy *policy);
int policy_compile(struct policy *policy);
