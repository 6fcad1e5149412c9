/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of Python's multiprocessing, both dialects: through Python 3.11 all is HMAC-MD5 and
 * an answer is its 16 bytes; since 3.12 a challenge names a digest, "{sha256}" and random bytes,
 * and so does an answer. A client of either dialect takes a challenge that names a digest, so that
 * is what we send. The HMAC is over all of the challenge, the name included.
 *
 * Nothing is signed here for somebody who has not proved the key first: that order is the caller's.
 */
#include "wire/challenge.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha3.h>
#include <stdbool.h>
#include <string.h>

#define PREFIX       "#CHALLENGE#"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)

/* Python's _MD5_DIGEST_LEN and _MD5ONLY_MESSAGE_LENGTH: what the old dialect's messages have, and
 * none of the new one's. */
#define OLD_ANSWER_BYTES  16
#define OLD_MESSAGE_BYTES 20

static const struct {
        const char *name;
        const struct nettle_hash *hash;
} digests[CHALLENGE_N_DIGESTS] = {
        [CHALLENGE_SHA256] = { "sha256", &nettle_sha256 },
        [CHALLENGE_SHA384] = { "sha384", &nettle_sha384 },
        [CHALLENGE_SHA3_256] = { "sha3_256", &nettle_sha3_256 },
        [CHALLENGE_SHA3_384] = { "sha3_384", &nettle_sha3_384 },
        [CHALLENGE_MD5] = { "md5", &nettle_md5 },
};

union hash_state {
        struct md5_ctx md5;
        struct sha256_ctx sha256;
        struct sha512_ctx sha512;
        struct sha3_256_ctx sha3_256;
        struct sha3_384_ctx sha3_384;
};

/* Return: how many bytes of @out are the HMAC */
static size_t sign(enum challenge_digest digest,
                   const uint8_t *key,
                   const uint8_t *message,
                   size_t n_message,
                   uint8_t out[static CHALLENGE_DIGEST_BYTES_MAX])
{
        const struct nettle_hash *hash = digests[digest].hash;
        union hash_state states[3];

        hmac_set_key(&states[0], &states[1], &states[2], hash, CHALLENGE_KEY_BYTES, key);
        hmac_update(&states[2], hash, n_message, message);
        hmac_digest(&states[0], &states[1], &states[2], hash, hash->digest_size, out);
        explicit_bzero(states, sizeof(states));
        return hash->digest_size;
}

/* Return: the length of "{name}" that @message begins with; 0: of none */
static size_t find_digest(const uint8_t *message,
                          size_t n_message,
                          enum challenge_digest *ret_digest)
{
        size_t n_name;
        int i;

        for (i = 0; i < CHALLENGE_N_DIGESTS; i++) {
                n_name = strlen(digests[i].name);
                if (n_message < n_name + 2 || message[0] != '{' || message[n_name + 1] != '}' ||
                    memcmp(message + 1, digests[i].name, n_name) != 0)
                        continue;
                *ret_digest = (enum challenge_digest)i;
                return n_name + 2;
        }
        return 0;
}

static size_t put_digest(enum challenge_digest digest, uint8_t *out)
{
        size_t n_name = strlen(digests[digest].name);

        out[0] = '{';
        memcpy(out + 1, digests[digest].name, n_name);
        out[n_name + 1] = '}';
        return n_name + 2;
}

static bool is_allowed(const struct challenge *challenge, enum challenge_digest digest)
{
        return challenge->digests & CHALLENGE_BIT(digest);
}

/**
 * challenge_digest_name() - what a digest is called in messages and in auth_digests
 * @digest: which
 *
 * Return: as Python's hashlib has it
 */
const char *challenge_digest_name(enum challenge_digest digest)
{
        return digests[digest].name;
}

/**
 * challenge_init() - a challenge for one connection
 * @challenge: set
 * @key:       borrowed
 * @allowed:   the digests that may be used; the challenge asks for the first of them
 * @nonce:     random bytes, never used before
 */
void challenge_init(struct challenge *challenge,
                    const uint8_t key[static CHALLENGE_KEY_BYTES],
                    unsigned int allowed,
                    const uint8_t nonce[static CHALLENGE_NONCE_BYTES])
{
        enum challenge_digest digest = CHALLENGE_SHA256;
        size_t n;

        *challenge = (struct challenge){ .key = key, .digests = allowed };
        while (digest < CHALLENGE_MD5 && !is_allowed(challenge, digest))
                digest++;
        n = put_digest(digest, challenge->message);
        memcpy(challenge->message + n, nonce, CHALLENGE_NONCE_BYTES);
        challenge->n_message = (uint8_t)(n + CHALLENGE_NONCE_BYTES);
}

/**
 * challenge_deinit() - forget it
 * @challenge: wiped
 */
void challenge_deinit(struct challenge *challenge)
{
        explicit_bzero(challenge, sizeof(*challenge));
}

/**
 * challenge_ask() - the message that asks the client for its proof
 * @challenge: the challenge
 * @out:       the message
 *
 * Return: its length
 */
size_t challenge_ask(const struct challenge *challenge, uint8_t out[static CHALLENGE_MESSAGE_MAX])
{
        memcpy(out, PREFIX, PREFIX_BYTES);
        memcpy(out + PREFIX_BYTES, challenge->message, challenge->n_message);
        return PREFIX_BYTES + challenge->n_message;
}

/**
 * challenge_verify() - is that the answer of somebody who knows the key?
 * @challenge: what was asked
 * @answer:    the client's message
 * @n_answer:  its length
 *
 * The client chooses the digest, whatever the challenge names.
 *
 * Return: 0: it is; CHALLENGE_E_BAD, CHALLENGE_E_FORBIDDEN, CHALLENGE_E_WRONG
 */
int challenge_verify(const struct challenge *challenge, const uint8_t *answer, size_t n_answer)
{
        uint8_t mac[CHALLENGE_DIGEST_BYTES_MAX];
        enum challenge_digest digest = CHALLENGE_MD5;
        size_t n_prefix = 0;
        bool is_same;

        if (n_answer != OLD_ANSWER_BYTES) {
                n_prefix = find_digest(answer, n_answer, &digest);
                if (!n_prefix)
                        return CHALLENGE_E_BAD;
        }
        if (n_answer - n_prefix != digests[digest].hash->digest_size)
                return CHALLENGE_E_BAD;
        if (!is_allowed(challenge, digest))
                return CHALLENGE_E_FORBIDDEN;
        (void)sign(digest, challenge->key, challenge->message, challenge->n_message, mac);
        is_same = memeql_sec(mac, answer + n_prefix, n_answer - n_prefix);
        explicit_bzero(mac, sizeof(mac));
        return is_same ? 0 : CHALLENGE_E_WRONG;
}

/**
 * challenge_answer() - our proof, for a client that has given its own
 * @challenge:  has the key, and the allowed digests
 * @question:   the client's message
 * @n_question: its length
 * @out:        the answer
 * @ret_n_out:  its length
 *
 * Return: 0, CHALLENGE_E_BAD or CHALLENGE_E_FORBIDDEN
 */
int challenge_answer(const struct challenge *challenge,
                     const uint8_t *question,
                     size_t n_question,
                     uint8_t out[static CHALLENGE_MESSAGE_MAX],
                     size_t *ret_n_out)
{
        enum challenge_digest digest = CHALLENGE_MD5;
        const uint8_t *message;
        size_t n_message;
        size_t n = 0;

        if (n_question < PREFIX_BYTES + OLD_MESSAGE_BYTES ||
            memcmp(question, PREFIX, PREFIX_BYTES) != 0)
                return CHALLENGE_E_BAD;
        message = question + PREFIX_BYTES;
        n_message = n_question - PREFIX_BYTES;
        /* Python looks at the length first: "{sha256}" and 12 bytes is of the old dialect. */
        if (n_message != OLD_MESSAGE_BYTES && !find_digest(message, n_message, &digest))
                return CHALLENGE_E_BAD;
        if (!is_allowed(challenge, digest))
                return CHALLENGE_E_FORBIDDEN;
        if (n_message != OLD_MESSAGE_BYTES)
                n = put_digest(digest, out);
        *ret_n_out = n + sign(digest, challenge->key, message, n_message, out + n);
        return 0;
}
