/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that clients made in the daemon: ids with counts of references, and nothing behind.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* More cannot be alive at once. */
#define OBJECTS_MAX 10000u

/* The longest id: 16 hexadecimal digits; and a NUL. */
#define OBJECTS_ID_BYTES 17

enum {
        OBJECTS_E_UNKNOWN = 1, /* there is no such object */
        OBJECTS_E_FULL,        /* there are OBJECTS_MAX, or UINT32_MAX references */
};

struct object {
        uint64_t id;
        uint32_t n_references;
};

struct objects {
        struct object *items; /* in the order of their ids */
        size_t n_items;
        size_t n_room;
        uint64_t last_id;
};

void objects_deinit(struct objects *objects);
int objects_create(struct objects *objects, char ret_id[static OBJECTS_ID_BYTES]);
int objects_ref(struct objects *objects, const char *id);
int objects_unref(struct objects *objects, const char *id);
const struct object *objects_find(const struct objects *objects, const char *id);
