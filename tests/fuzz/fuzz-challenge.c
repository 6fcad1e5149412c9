/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of the handshake, as answer and as question: what is taken for an answer is the HMAC of
 * the challenge; our own answer to a question is verified by whoever asked it.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/challenge.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define PREFIX "#CHALLENGE#"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* As who sent the question would check what came back. */
static void check_answer(const struct challenge *ours,
                         const uint8_t *question,
                         size_t n_question,
                         const uint8_t *answer,
                         size_t n_answer)
{
        struct challenge theirs = { .key = ours->key, .digests = ours->digests };
        size_t n_message = n_question - strlen(PREFIX);
        uint8_t flipped[CHALLENGE_MESSAGE_MAX];

        ORACLE(n_question >= strlen(PREFIX) + 20);
        ORACLE(n_answer == 16 || (n_answer > 20 && answer[0] == '{'));
        if (n_message > sizeof(theirs.message))
                return;
        memcpy(theirs.message, question + strlen(PREFIX), n_message);
        theirs.n_message = (uint8_t)n_message;
        ORACLE(challenge_verify(&theirs, answer, n_answer) == 0);
        memcpy(flipped, answer, n_answer);
        flipped[n_answer - 1] ^= 1;
        ORACLE(challenge_verify(&theirs, flipped, n_answer) == CHALLENGE_E_WRONG);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static const uint8_t key[CHALLENGE_KEY_BYTES] = "the key of this test is 32 bytes";
        static const uint8_t nonce[CHALLENGE_NONCE_BYTES] = "nonce";
        uint8_t out[CHALLENGE_MESSAGE_MAX];
        uint8_t right[CHALLENGE_MESSAGE_MAX];
        struct challenge challenge;
        size_t n_right;
        size_t n_out;

        if (!n_bytes || n_bytes - 1 > CHALLENGE_MESSAGE_MAX)
                return 0;
        challenge_init(&challenge, key, bytes[0] & CHALLENGE_DIGESTS_ALL, nonce);
        bytes++;
        n_bytes--;

        if (challenge_answer(&challenge, bytes, n_bytes, out, &n_out) == 0)
                check_answer(&challenge, bytes, n_bytes, out, n_out);

        /* Nobody guesses an answer: whatever is not the right one is refused. */
        ORACLE(challenge_verify(&challenge, bytes, n_bytes) != 0);
        n_out = challenge_ask(&challenge, out);
        if (challenge_answer(&challenge, out, n_out, right, &n_right) == 0)
                ORACLE(challenge_verify(&challenge, right, n_right) == 0);
        challenge_deinit(&challenge);
        return 0;
}
