/* SPDX-License-Identifier: Apache-2.0 */
/* A service that speaks the manager protocol with a host service, under a key of its own. */
#pragma once

#include <stdint.h>

#include "util/list.h"
#include "wire/legacy.h"

struct native_session;
struct worker;

enum {
        ATTACHMENT_E_FOREIGN = 1, /* no connection of this user */
};

struct attachment {
        struct native_session *native; /* who attached it, and whose end is its end */
        struct legacy_shared legacy;
        struct list sessions; /* by their siblings */
};

int attachment_new(struct attachment **ret_attachment,
                   struct native_session *native,
                   const uint8_t *key);
int attachment_adopt(struct attachment *attachment, int fd);
void attachment_release(struct attachment *attachment);
struct attachment *attachment_free(struct attachment *attachment);
