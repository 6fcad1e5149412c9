/* SPDX-License-Identifier: Apache-2.0 */
/* The proofs of the native protocol: that both ends know the key. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/native.h"

enum native_role {
        NATIVE_ROLE_DAEMON,
        NATIVE_ROLE_CLIENT,
};

struct native_nonces {
        uint8_t client[NATIVE_NONCE_BYTES];
        uint8_t daemon[NATIVE_NONCE_BYTES];
};

void native_prove(enum native_role role,
                  const uint8_t key[static NATIVE_KEY_BYTES],
                  const struct native_nonces *nonces,
                  uint8_t ret_proof[static NATIVE_PROOF_BYTES]);
bool native_is_proof(enum native_role role,
                     const uint8_t key[static NATIVE_KEY_BYTES],
                     const struct native_nonces *nonces,
                     const void *proof);
