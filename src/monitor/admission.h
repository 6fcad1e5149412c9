/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect to a host service. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "priv/record.h"

struct complaint;
struct settings;

enum {
        ADMISSION_E_BAD = 1, /* there is no such user or group; the complaint says which */
};

struct admission {
        uint32_t uids[RECORD_ADMITS_MAX];
        const char *names[RECORD_ADMITS_MAX]; /* of these; of the settings */
        uint32_t gids[RECORD_ADMITS_MAX];
        size_t n_uids;
        size_t n_gids;
};

int admission_resolve(struct admission *admission,
                      const struct settings *settings,
                      struct complaint *reterr);
const char *admission_name(const struct admission *admission, uint32_t uid);
void admission_put(const struct admission *admission,
                   struct record *record,
                   uint32_t tail[static 2 * RECORD_ADMITS_MAX]);
