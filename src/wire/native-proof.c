/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC-SHA256 (RFC 2104, RFC 6234) over a label and both nonces. The label says whose proof it is,
 * so that none can be sent back to the one who made it; both nonces are in it, so that none is good
 * for another connection.
 */
#include "wire/native-proof.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>

/**
 * native_prove() - the proof of one end
 * @role:      whose
 * @key:       the key
 * @nonces:    of this connection
 * @ret_proof: the proof
 */
void native_prove(enum native_role role,
                  const uint8_t key[static NATIVE_KEY_BYTES],
                  const struct native_nonces *nonces,
                  uint8_t ret_proof[static NATIVE_PROOF_BYTES])
{
        static const char *const labels[] = {
                [NATIVE_ROLE_DAEMON] = "rootwrap native daemon",
                [NATIVE_ROLE_CLIENT] = "rootwrap native client",
        };
        struct hmac_sha256_ctx context;

        hmac_sha256_set_key(&context, NATIVE_KEY_BYTES, key);
        hmac_sha256_update(&context, strlen(labels[role]), (const uint8_t *)labels[role]);
        hmac_sha256_update(&context, sizeof(nonces->client), nonces->client);
        hmac_sha256_update(&context, sizeof(nonces->daemon), nonces->daemon);
        hmac_sha256_digest(&context, NATIVE_PROOF_BYTES, ret_proof);
        explicit_bzero(&context, sizeof(context));
}

/**
 * native_is_proof() - does it prove that its sender knows the key?
 * @role:   who sent it
 * @key:    the key
 * @nonces: of this connection
 * @proof:  NATIVE_PROOF_BYTES
 *
 * Takes the same time whatever it is.
 */
bool native_is_proof(enum native_role role,
                     const uint8_t key[static NATIVE_KEY_BYTES],
                     const struct native_nonces *nonces,
                     const void *proof)
{
        uint8_t right[NATIVE_PROOF_BYTES];
        bool is_right;

        native_prove(role, key, nonces, right);
        is_right = memeql_sec(right, proof, sizeof(right));
        explicit_bzero(right, sizeof(right));
        return is_right;
}
