/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for many things at once, in one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Events that are fetched at once. */
#define LOOP_BATCH_MAX 64

enum {
        LOOP_E_EXIT = 1, /* of a callback: loop_run() shall end */
};

struct loop_io;
struct loop_timer;

/* Return: 0, LOOP_E_EXIT, or negative errno, which ends loop_run() with it */
typedef int (*loop_io_fn)(struct loop_io *io, uint32_t events);
typedef int (*loop_timer_fn)(struct loop_timer *timer);

struct loop {
        int fd;
        int64_t now_ms; /* monotonic; as of the last wait */
        struct loop_timer *first_timer;
        struct loop_timer *last_timer;
        struct epoll_event batch[LOOP_BATCH_MAX];
        int n_batch;
};

/* A descriptor that is watched; embedded in its owner. Zeroed: not watched. */
struct loop_io {
        struct loop *loop;
        loop_io_fn fn;
        int fd;
        uint32_t events;
};

/* A moment that is waited for; embedded in its owner. Zeroed: not set. */
struct loop_timer {
        struct loop *loop; /* NULL while it is not set */
        struct loop_timer *next;
        struct loop_timer *previous;
        loop_timer_fn fn;
        int64_t deadline_ms;
};

/* The owner of an embedded member. */
#define container_of(member_pointer, type, member)                                 \
        ({                                                                         \
                __typeof__(((type *)NULL)->member) *container_ = (member_pointer); \
                (type *)(void *)((char *)container_ - offsetof(type, member));     \
        })

int loop_init(struct loop *loop);
void loop_deinit(struct loop *loop);
int loop_run(struct loop *loop);
int loop_io_init(struct loop_io *io, struct loop *loop, loop_io_fn fn, int fd, uint32_t events);
int loop_io_set(struct loop_io *io, uint32_t events);
void loop_io_deinit(struct loop_io *io);
void loop_timer_set(struct loop_timer *timer,
                    struct loop *loop,
                    loop_timer_fn fn,
                    int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
