/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client creates an object before it runs commands, and counts its references. All objects are
 * alike and hold nothing; what is kept is that an id is known until its last reference is gone, as
 * multiprocessing.managers.Server does it. Ids count up, so the list is sorted as it grows.
 */
#include "wire/objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"

#define ROOM_FIRST 16

/**
 * objects_deinit() - forget all
 * @objects: empty afterwards; ids start again
 */
void objects_deinit(struct objects *objects)
{
        free(objects->items);
        *objects = (struct objects){ 0 };
}

/* Return: an id as objects_create() writes it, 0 if it is none */
static uint64_t parse_id(const char *id)
{
        uint64_t number = 0;
        size_t n;

        for (n = 0; id[n]; n++) {
                static const char digits[] = "0123456789abcdef";
                const char *digit = strchr(digits, id[n]);

                if (!digit || n == OBJECTS_ID_BYTES - 1 || (n && !number))
                        return 0;
                number = number << 4 | (uint64_t)(digit - digits);
        }
        return number;
}

static struct object *find(const struct objects *objects, const char *id)
{
        uint64_t number = parse_id(id);
        size_t from = 0;
        size_t to = objects->n_items;
        size_t middle;

        while (from < to) {
                middle = from + (to - from) / 2;
                if (objects->items[middle].id == number)
                        return &objects->items[middle];
                if (objects->items[middle].id < number)
                        from = middle + 1;
                else
                        to = middle;
        }
        return NULL;
}

static int grow(struct objects *objects)
{
        size_t n_room = objects->n_room ? 2 * objects->n_room : ROOM_FIRST;
        struct object *items;

        items = reallocarray(objects->items, n_room, sizeof(*items));
        if (!items)
                return err_origin(-ENOMEM);
        objects->items = items;
        objects->n_room = n_room;
        return 0;
}

/**
 * objects_create() - a new object, with one reference
 * @objects: where to
 * @ret_id:  its id
 *
 * Return: 0, OBJECTS_E_FULL or -ENOMEM
 */
int objects_create(struct objects *objects, char ret_id[static OBJECTS_ID_BYTES])
{
        int r;

        if (objects->n_items == OBJECTS_MAX)
                return OBJECTS_E_FULL;
        if (objects->n_items == objects->n_room) {
                r = grow(objects);
                if (r)
                        return err_trace(r);
        }
        objects->items[objects->n_items++] = (struct object){
                .id = ++objects->last_id,
                .n_references = 1,
        };
        (void)snprintf(ret_id, OBJECTS_ID_BYTES, "%" PRIx64, objects->last_id);
        return 0;
}

/**
 * objects_ref() - one more reference
 * @objects: where it is
 * @id:      which
 *
 * Return: 0, OBJECTS_E_UNKNOWN or OBJECTS_E_FULL
 */
int objects_ref(struct objects *objects, const char *id)
{
        struct object *object = find(objects, id);

        if (!object)
                return OBJECTS_E_UNKNOWN;
        if (object->n_references == UINT32_MAX)
                return OBJECTS_E_FULL;
        object->n_references++;
        return 0;
}

/**
 * objects_unref() - one reference less; without one, the object is gone
 * @objects: where it is
 * @id:      which
 *
 * Return: 0 or OBJECTS_E_UNKNOWN
 */
int objects_unref(struct objects *objects, const char *id)
{
        struct object *object = find(objects, id);
        size_t n_behind;

        if (!object)
                return OBJECTS_E_UNKNOWN;
        if (--object->n_references)
                return 0;
        n_behind = objects->n_items - 1 - (size_t)(object - objects->items);
        memmove(object, object + 1, n_behind * sizeof(*object));
        objects->n_items--;
        return 0;
}

/**
 * objects_find() - look an object up
 * @objects: where it is
 * @id:      which
 *
 * Return: the object, or NULL
 */
const struct object *objects_find(const struct objects *objects, const char *id)
{
        return find(objects, id);
}
