/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership: a resource is released where its name goes out of scope. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

/* Calls @free_fn on the pointer variable when it leaves scope; @free_fn must accept NULL. */
#define cleanup_with(free_fn) __attribute__((cleanup(free_fn##_cleanup)))
#define cleanup_free          __attribute__((cleanup(free_cleanup)))
#define cleanup_close         __attribute__((cleanup(close_cleanup)))

/* Defines the callback that cleanup_with(@free_fn) needs for variables of type @type *. */
#define CLEANUP_DEFINE(type, free_fn)                  \
        static inline void free_fn##_cleanup(type **p) \
        {                                              \
                (void)free_fn(*p);                     \
        }

/* Hands the pointer over to somebody else: the variable forgets it. */
#define steal_ptr(p)                                \
        ({                                          \
                __typeof__(*(p)) steal_ptr_ = *(p); \
                *(p) = NULL;                        \
                steal_ptr_;                         \
        })

static inline int steal_fd(int *fd)
{
        int r = *fd;

        *fd = -1;
        return r;
}

static inline void free_cleanup(void *p)
{
        free(*(void **)p);
}

static inline void close_cleanup(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}
