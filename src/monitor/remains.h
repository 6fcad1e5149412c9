/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that are being ended leave behind. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop/loop.h"
#include "priv/record.h"
#include "util/list.h"

/* So many process groups are held at once: as many as there can be commands, which may all be ended
 * at once. One more, and the one that is held longest is killed at once. */
#define REMAINS_MAX RECORD_IDS_MAX

struct remains;

/* Return: as loop_io_fn */
typedef int (*remains_fn)(struct remains *remains);

/* Zeroed: nothing is held, and nothing can be. */
struct remains {
        struct loop *loop;
        struct list held; /* of struct remain, the one that is held longest first */
        size_t n_held;
        remains_fn look;       /* of remains_wait(); NULL: not called yet */
        struct loop_io member; /* the pidfd, ours, of somebody in one of them who is waited for */
};

void remains_init(struct remains *remains, struct loop *loop);
void remains_hold(struct remains *remains, pid_t leader, int64_t grace_ms);
bool remains_wait(struct remains *remains, remains_fn look);
void remains_kill(struct remains *remains);
