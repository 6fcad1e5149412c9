/* SPDX-License-Identifier: Apache-2.0 */
#include "util/test.h"
#include "wire/native-proof.h"

/* The key 0, 1, ... 31; nonces of 32 times 0x11 and 0x22; proofs by Python's hmac. */
static struct proof_row {
        const char *name;
        enum native_role role;
        uint8_t proof[NATIVE_PROOF_BYTES];
} rows[] = {
        { "the_daemons_proof_is_hmac_sha256", NATIVE_ROLE_DAEMON,
          "\x52\x57\xdf\x76\xa7\x1e\x7c\xd0\xc9\x18\xec\x73\x93\x1a\xdf\x3a"
          "\x35\x07\x12\x72\xef\x6d\x1f\xe8\x69\x9b\x5c\xfa\x33\x3f\x1c\xf9" },
        { "the_clients_proof_is_hmac_sha256", NATIVE_ROLE_CLIENT,
          "\xf0\xe9\x8b\x8a\xb0\x49\x64\xdf\xf9\xfd\x06\xe6\x01\x32\xb6\x53"
          "\x24\x01\x23\xc3\x40\xe0\x78\xa0\x7c\x80\xda\xbe\x89\xf0\xca\xe2" },
};

static uint8_t key[NATIVE_KEY_BYTES];
static struct native_nonces nonces;

static void reset(void)
{
        uint8_t i;

        for (i = 0; i < NATIVE_KEY_BYTES; i++)
                key[i] = i;
        memset(nonces.client, 0x11, sizeof(nonces.client));
        memset(nonces.daemon, 0x22, sizeof(nonces.daemon));
}

static void run_proof(void **state)
{
        const struct proof_row *row = *state;
        uint8_t proof[NATIVE_PROOF_BYTES];

        reset();
        native_prove(row->role, key, &nonces, proof);
        assert_memory_equal(proof, row->proof, sizeof(proof));
        assert_true(native_is_proof(row->role, key, &nonces, row->proof));
}

static void run_other_role(void **state)
{
        const struct proof_row *row = *state;

        reset();
        assert_false(native_is_proof(row->role == NATIVE_ROLE_DAEMON ? NATIVE_ROLE_CLIENT
                                                                     : NATIVE_ROLE_DAEMON,
                                     key, &nonces, row->proof));
}

/* One bit of the proof, the key or a nonce. */
static void run_each_bit(void **state)
{
        struct proof_row *row = *state;
        uint8_t *const inputs[] = { row->proof, key, nonces.client, nonces.daemon };
        size_t i;
        size_t bit;

        reset();
        for (i = 0; i < ARRAY_SIZE(inputs); i++)
                for (bit = 0; bit < 256; bit++) {
                        inputs[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
                        assert_false(native_is_proof(row->role, key, &nonces, row->proof));
                        inputs[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
        assert_true(native_is_proof(row->role, key, &nonces, row->proof));
}

static void run_swapped_nonces(void **state)
{
        const struct proof_row *row = *state;

        reset();
        memset(nonces.client, 0x22, sizeof(nonces.client));
        memset(nonces.daemon, 0x11, sizeof(nonces.daemon));
        assert_false(native_is_proof(row->role, key, &nonces, row->proof));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_proof);
        test_set_add_rows(&set, rows, run_other_role);
        test_set_add_rows(&set, rows, run_each_bit);
        test_set_add_rows(&set, rows, run_swapped_nonces);
        return test_set_run(&set, "native-proof");
}
