/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted HMACs are those of Python's hmac: the key is bytes(range(32)), the nonce
 * bytes(range(100, 140)), the challenge b"{sha256}" + nonce. */
#include <stdio.h>

#include "util/test.h"
#include "wire/challenge.h"

#define ALL        CHALLENGE_DIGESTS_ALL
#define MD5        CHALLENGE_BIT(CHALLENGE_MD5)

#define MAC_MD5    "2c53165638e009c6bbfa099539834707"
#define MAC_SHA256 "473e9505756ab315904796a7d6e41c5ce3c6265af2d8040e28ae62d8da9717b2"
#define MAC_SHA384                                         \
        "9a40a7ab53b8215071dfb6b1072745b0dd169d2c405b346d" \
        "b53f6e2ece4cf906e249b3c75fdcc6f23c61b7c57761feef"
#define MAC_SHA3_256 "3656459d9c467201d987e69f0d01a209503b8252678a5c062326213a2d95175c"
#define MAC_SHA3_384                                       \
        "52f5a8ac11b2fa49068a9288d958dfd65bace2266564a4b8" \
        "318c482ff64d0fdd8692cc3248d7d978654a2408f8501bd7"

/* A message: text, and bytes in hexadecimal. */
static size_t message(uint8_t *out, const char *text, const char *hex)
{
        size_t n = strlen(text);
        unsigned int byte;

        memcpy(out, text, n);
        for (; *hex; hex += 2) {
                assert_int_equal(sscanf(hex, "%2x", &byte), 1);
                out[n++] = (uint8_t)byte;
        }
        return n;
}

static void start(struct challenge *challenge, uint8_t *key, unsigned int digests)
{
        uint8_t nonce[CHALLENGE_NONCE_BYTES];
        size_t i;

        for (i = 0; i < CHALLENGE_KEY_BYTES; i++)
                key[i] = (uint8_t)i;
        for (i = 0; i < sizeof(nonce); i++)
                nonce[i] = (uint8_t)(100 + i);
        challenge_init(challenge, key, digests, nonce);
}

static struct {
        const char *name;
        unsigned int digests;
        const char *want;
} ask_rows[] = {
        { "sha256_is_asked_for", ALL, "#CHALLENGE#{sha256}" },
        { "sha256_is_asked_for_without_md5", ALL & ~MD5, "#CHALLENGE#{sha256}" },
        { "what_is_allowed_is_asked_for", CHALLENGE_BIT(CHALLENGE_SHA3_256) | MD5,
          "#CHALLENGE#{sha3_256}" },
        { "md5_is_the_last_to_be_asked_for", MD5, "#CHALLENGE#{md5}" },
};

static void run_ask(void **state)
{
        const __typeof__(ask_rows[0]) *row = *state;
        uint8_t out[CHALLENGE_MESSAGE_MAX];
        uint8_t key[CHALLENGE_KEY_BYTES];
        struct challenge challenge;
        size_t n = strlen(row->want);

        start(&challenge, key, row->digests);
        assert_int_equal(challenge_ask(&challenge, out), n + CHALLENGE_NONCE_BYTES);
        assert_memory_equal(out, row->want, n);
        assert_int_equal(out[n], 100);
        assert_int_equal(out[n + CHALLENGE_NONCE_BYTES - 1], 139);
}

static struct {
        const char *name;
        unsigned int digests;
        const char *text;
        const char *hex;
        int want;
} verify_rows[] = {
        { "an_old_answer_is_16_bytes", ALL, "", MAC_MD5, 0 },
        { "sha256_is_an_answer", ALL, "{sha256}", MAC_SHA256, 0 },
        { "sha384_is_an_answer", ALL, "{sha384}", MAC_SHA384, 0 },
        { "sha3_256_is_an_answer", ALL, "{sha3_256}", MAC_SHA3_256, 0 },
        { "sha3_384_is_an_answer", ALL, "{sha3_384}", MAC_SHA3_384, 0 },
        { "md5_with_its_name_is_an_answer", ALL, "{md5}", MAC_MD5, 0 },
        { "a_new_answer_needs_no_md5", ALL & ~MD5, "{sha256}", MAC_SHA256, 0 },
        { "an_old_answer_can_be_forbidden", ALL & ~MD5, "", MAC_MD5, CHALLENGE_E_FORBIDDEN },
        { "md5_can_be_forbidden", ALL & ~MD5, "{md5}", MAC_MD5, CHALLENGE_E_FORBIDDEN },
        { "sha384_can_be_forbidden", ~CHALLENGE_BIT(CHALLENGE_SHA384), "{sha384}", MAC_SHA384,
          CHALLENGE_E_FORBIDDEN },
        { "nothing_is_no_answer", ALL, "", "", CHALLENGE_E_BAD },
        { "15_bytes_are_no_answer", ALL, "", "2c53165638e009c6bbfa0995398347", CHALLENGE_E_BAD },
        { "17_bytes_are_no_answer", ALL, "", MAC_MD5 "00", CHALLENGE_E_BAD },
        { "sha256_needs_its_name", ALL, "", MAC_SHA256, CHALLENGE_E_BAD },
        { "a_digest_must_be_known", ALL, "{sha512}", MAC_SHA256, CHALLENGE_E_BAD },
        { "sha1_is_not_known", ALL, "{sha1}", "2c53165638e009c6bbfa099539834707aabbccdd",
          CHALLENGE_E_BAD },
        { "a_name_is_lower_case", ALL, "{SHA256}", MAC_SHA256, CHALLENGE_E_BAD },
        { "a_name_has_its_end", ALL, "{sha256", MAC_SHA256, CHALLENGE_E_BAD },
        { "a_name_alone_is_no_answer", ALL, "{sha256}", "", CHALLENGE_E_BAD },
        { "a_short_hmac_is_no_answer", ALL, "{sha256}", "473e9505756ab315904796a7d6e41c5c",
          CHALLENGE_E_BAD },
        { "a_long_hmac_is_no_answer", ALL, "{sha256}", MAC_SHA256 "00", CHALLENGE_E_BAD },
        { "the_hmac_is_of_the_digest", ALL, "{sha3_256}", MAC_SHA256, CHALLENGE_E_WRONG },
        { "the_last_byte_counts", ALL, "", "2c53165638e009c6bbfa099539834706", CHALLENGE_E_WRONG },
        { "the_first_byte_counts", ALL, "", "2d53165638e009c6bbfa099539834707", CHALLENGE_E_WRONG },
        { "16_bytes_with_a_name_are_an_old_answer", ALL, "{sha256}", "473e9505756ab315",
          CHALLENGE_E_WRONG },
};

static void run_verify(void **state)
{
        const __typeof__(verify_rows[0]) *row = *state;
        uint8_t answer[CHALLENGE_MESSAGE_MAX];
        uint8_t key[CHALLENGE_KEY_BYTES];
        struct challenge challenge;
        size_t n = message(answer, row->text, row->hex);

        start(&challenge, key, row->digests);
        assert_int_equal(challenge_verify(&challenge, answer, n), row->want);
}

#define ASK     "#CHALLENGE#"
#define ANY     "a challenge of any length"
#define OLD_MAC "2d6e0a271da8230134061ea4c49524a8"

static struct {
        const char *name;
        unsigned int digests;
        const char *question;
        int want;
        const char *text;
        const char *hex;
} answer_rows[] = {
        { "20_bytes_get_the_bare_md5", ALL, ASK "0123456789abcdefghij", 0, "", OLD_MAC },
        { "20_bytes_are_old_whatever_they_are", ALL, ASK "{sha256}0123456789ab", 0, "",
          "ccfa02ff0e786e93e8dd42e01e4a95d7" },
        { "21_bytes_with_a_name_are_new", ALL, ASK "{sha256}0123456789abc", 0, "{sha256}",
          "ef33c9c2c0a7d0bcd0fed15e8ea6896ca378fc46f32087cb1c8b5a21a63bfb74" },
        { "sha256_gets_sha256", ALL, ASK "{sha256}" ANY, 0, "{sha256}",
          "74a509aa91ead98448f650765d9c716b8a6a286a5d3d46dda08925ec7d028bd3" },
        { "sha384_gets_sha384", ALL, ASK "{sha384}" ANY, 0, "{sha384}",
          "a6caf286b0f45f83b4541593c79c2ce0f260dc700b01cfae"
          "2674249352ace588653afecc589cef1c40ae59854bd88fbb" },
        { "sha3_256_gets_sha3_256", ALL, ASK "{sha3_256}" ANY, 0, "{sha3_256}",
          "223cbbed6566f43245233cbade51d765909389847d056babe2d2c1406ad527e4" },
        { "sha3_384_gets_sha3_384", ALL, ASK "{sha3_384}" ANY, 0, "{sha3_384}",
          "955bf9dff9f612983fdf16e1da20d0b11fe0edf0b2f5611c"
          "c122ff1e0fc0ea5deb129e9ad35f15aaf164d292b5ff99e2" },
        { "md5_gets_md5_with_its_name", ALL, ASK "{md5}" ANY, 0, "{md5}",
          "e9881664da2283bc70ebea3376b49865" },
        { "an_old_question_can_be_forbidden", ALL & ~MD5, ASK "0123456789abcdefghij",
          CHALLENGE_E_FORBIDDEN, "", "" },
        { "a_question_for_md5_can_be_forbidden", ALL & ~MD5, ASK "{md5}" ANY, CHALLENGE_E_FORBIDDEN,
          "", "" },
        { "nothing_is_no_question", ALL, "", CHALLENGE_E_BAD, "", "" },
        { "a_question_has_its_prefix", ALL, "#challenge#0123456789abcdefghij", CHALLENGE_E_BAD, "",
          "" },
        { "the_prefix_alone_is_no_question", ALL, ASK, CHALLENGE_E_BAD, "", "" },
        { "19_bytes_are_no_question", ALL, ASK "0123456789abcdefghi", CHALLENGE_E_BAD, "", "" },
        { "19_bytes_with_a_name_are_no_question", ALL, ASK "{sha256}0123456789a", CHALLENGE_E_BAD,
          "", "" },
        { "21_bytes_without_a_name_are_no_question", ALL, ASK "0123456789abcdefghijk",
          CHALLENGE_E_BAD, "", "" },
        { "the_digest_of_a_question_must_be_known", ALL, ASK "{sha1}" ANY, CHALLENGE_E_BAD, "",
          "" },
};

static void run_answer(void **state)
{
        const __typeof__(answer_rows[0]) *row = *state;
        uint8_t want[CHALLENGE_MESSAGE_MAX];
        uint8_t out[CHALLENGE_MESSAGE_MAX];
        uint8_t key[CHALLENGE_KEY_BYTES];
        struct challenge challenge;
        size_t n_want = message(want, row->text, row->hex);
        size_t n = 0;

        start(&challenge, key, row->digests);
        assert_int_equal(challenge_answer(&challenge, (const uint8_t *)row->question,
                                          strlen(row->question), out, &n),
                         row->want);
        assert_int_equal(n, n_want);
        if (n)
                assert_memory_equal(out, want, n);
}

static void nothing_is_left_behind(void **state)
{
        static const struct challenge nothing;
        uint8_t key[CHALLENGE_KEY_BYTES];
        struct challenge challenge;

        (void)state;
        start(&challenge, key, ALL);
        challenge_deinit(&challenge);
        assert_memory_equal(&challenge, &nothing, sizeof(nothing));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, ask_rows, run_ask);
        test_set_add_rows(&set, verify_rows, run_verify);
        test_set_add_rows(&set, answer_rows, run_answer);
        test_set_add_test(&set, nothing_is_left_behind);
        return test_set_run(&set, "challenge");
}
