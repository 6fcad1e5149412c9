/* SPDX-License-Identifier: Apache-2.0 */
/* The proof that both ends of a connection know the key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHALLENGE_KEY_BYTES   32
#define CHALLENGE_NONCE_BYTES 40

/* No message of a handshake is longer. */
#define CHALLENGE_MESSAGE_MAX      256

#define CHALLENGE_DIGEST_BYTES_MAX 48

#define CHALLENGE_WELCOME          "#WELCOME#"
#define CHALLENGE_FAILURE          "#FAILURE#"

enum challenge_digest {
        CHALLENGE_SHA256,
        CHALLENGE_SHA384,
        CHALLENGE_SHA3_256,
        CHALLENGE_SHA3_384,
        CHALLENGE_MD5,
        CHALLENGE_N_DIGESTS,
};

/* A set of digests is an unsigned int, a bit each. */
#define CHALLENGE_BIT(digest) (1u << (digest))
#define CHALLENGE_DIGESTS_ALL (CHALLENGE_BIT(CHALLENGE_N_DIGESTS) - 1)

enum {
        CHALLENGE_E_BAD = 1,   /* no such message is known */
        CHALLENGE_E_FORBIDDEN, /* it takes a digest that is not allowed */
        CHALLENGE_E_WRONG,     /* whoever made it doesn't know the key */
};

struct challenge {
        const uint8_t *key;   /* CHALLENGE_KEY_BYTES; borrowed */
        unsigned int digests; /* the allowed ones, at least one */
        uint8_t n_message;
        uint8_t message[64]; /* what the client has to sign */
};

const char *challenge_digest_name(enum challenge_digest digest);
void challenge_init(struct challenge *challenge,
                    const uint8_t key[static CHALLENGE_KEY_BYTES],
                    unsigned int allowed,
                    const uint8_t nonce[static CHALLENGE_NONCE_BYTES]);
void challenge_deinit(struct challenge *challenge);
size_t challenge_ask(const struct challenge *challenge, uint8_t out[static CHALLENGE_MESSAGE_MAX]);
int challenge_verify(const struct challenge *challenge, const uint8_t *answer, size_t n_answer);
int challenge_answer(const struct challenge *challenge,
                     const uint8_t *question,
                     size_t n_question,
                     uint8_t out[static CHALLENGE_MESSAGE_MAX],
                     size_t *ret_n_out);
