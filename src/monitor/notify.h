/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager is told: sd_notify(3). */
#pragma once

#include <stdint.h>

/* The answer to the watchdog. */
#define NOTIFY_ALIVE "WATCHDOG=1"

struct notify {
        int fd;              /* connected; -1: there is nobody to tell */
        int64_t watchdog_ms; /* how often it wants to hear that we live; 0: never */
};

void notify_init(struct notify *notify);
void notify_send(const struct notify *notify, const char *state);
void notify_deinit(struct notify *notify);
