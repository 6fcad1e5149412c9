/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted HMACs are those of Python's hmac: the key is bytes(range(32)), the nonce
 * bytes(range(100, 140)), the challenge b"{sha256}" + nonce. */
#include "util/test.h"
#include "wire/challenge.h"

#define ALL        CHALLENGE_DIGESTS_ALL
#define MD5        CHALLENGE_BIT(CHALLENGE_MD5)
#define NO_MD5     (ALL & ~MD5)

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
        char byte[3] = "";
        size_t n = 0;

        for (; *text; text++)
                out[n++] = (uint8_t)*text;
        for (; *hex; hex += 2) {
                memcpy(byte, hex, 2);
                out[n++] = (uint8_t)strtoul(byte, NULL, 16);
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
        { "sha256_is_asked_for_without_md5", NO_MD5, "#CHALLENGE#{sha256}" },
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
        const char *text;
        const char *hex;
        int want;
        unsigned int digests;
} verify_rows[] = {
        { "an_old_answer_is_16_bytes", "", MAC_MD5, 0, ALL },
        { "sha256_is_an_answer", "{sha256}", MAC_SHA256, 0, ALL },
        { "sha384_is_an_answer", "{sha384}", MAC_SHA384, 0, ALL },
        { "sha3_256_is_an_answer", "{sha3_256}", MAC_SHA3_256, 0, ALL },
        { "sha3_384_is_an_answer", "{sha3_384}", MAC_SHA3_384, 0, ALL },
        { "md5_with_its_name_is_an_answer", "{md5}", MAC_MD5, 0, ALL },
        { "a_new_answer_needs_no_md5", "{sha256}", MAC_SHA256, 0, NO_MD5 },
        { "an_old_answer_can_be_forbidden", "", MAC_MD5, CHALLENGE_E_FORBIDDEN, NO_MD5 },
        { "md5_can_be_forbidden", "{md5}", MAC_MD5, CHALLENGE_E_FORBIDDEN, NO_MD5 },
        { "sha384_can_be_forbidden", "{sha384}", MAC_SHA384, CHALLENGE_E_FORBIDDEN,
          ~CHALLENGE_BIT(CHALLENGE_SHA384) },
        { "nothing_is_no_answer", "", "", CHALLENGE_E_BAD, ALL },
        { "15_bytes_are_no_answer", "", "2c53165638e009c6bbfa0995398347", CHALLENGE_E_BAD, ALL },
        { "17_bytes_are_no_answer", "", MAC_MD5 "00", CHALLENGE_E_BAD, ALL },
        { "sha256_needs_its_name", "", MAC_SHA256, CHALLENGE_E_BAD, ALL },
        { "a_digest_must_be_known", "{sha512}", MAC_SHA256, CHALLENGE_E_BAD, ALL },
        { "sha1_is_not_known", "{sha1}", "2c53165638e009c6bbfa099539834707aabbccdd",
          CHALLENGE_E_BAD, ALL },
        { "a_name_is_lower_case", "{SHA256}", MAC_SHA256, CHALLENGE_E_BAD, ALL },
        { "a_name_has_its_end", "{sha256", MAC_SHA256, CHALLENGE_E_BAD, ALL },
        { "a_name_alone_is_no_answer", "{sha256}", "", CHALLENGE_E_BAD, ALL },
        { "a_short_hmac_is_no_answer", "{sha256}", "473e9505756ab315904796a7d6e41c5c",
          CHALLENGE_E_BAD, ALL },
        { "a_long_hmac_is_no_answer", "{sha256}", MAC_SHA256 "00", CHALLENGE_E_BAD, ALL },
        { "the_hmac_is_of_the_digest", "{sha3_256}", MAC_SHA256, CHALLENGE_E_WRONG, ALL },
        { "the_last_byte_counts", "", "2c53165638e009c6bbfa099539834706", CHALLENGE_E_WRONG, ALL },
        { "the_first_byte_counts", "", "2d53165638e009c6bbfa099539834707", CHALLENGE_E_WRONG, ALL },
        { "16_bytes_with_a_name_are_an_old_answer", "{sha256}", "473e9505756ab315",
          CHALLENGE_E_WRONG, ALL },
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
        const char *question;
        const char *text;
        const char *hex;
        int want;
        unsigned int digests;
} answer_rows[] = {
        { "20_bytes_get_the_bare_md5", ASK "0123456789abcdefghij", "", OLD_MAC, 0, ALL },
        { "20_bytes_are_old_whatever_they_are", ASK "{sha256}0123456789ab", "",
          "ccfa02ff0e786e93e8dd42e01e4a95d7", 0, ALL },
        { "21_bytes_with_a_name_are_new", ASK "{sha256}0123456789abc", "{sha256}",
          "ef33c9c2c0a7d0bcd0fed15e8ea6896ca378fc46f32087cb1c8b5a21a63bfb74", 0, ALL },
        { "sha256_gets_sha256", ASK "{sha256}" ANY, "{sha256}",
          "74a509aa91ead98448f650765d9c716b8a6a286a5d3d46dda08925ec7d028bd3", 0, ALL },
        { "sha384_gets_sha384", ASK "{sha384}" ANY, "{sha384}",
          "a6caf286b0f45f83b4541593c79c2ce0f260dc700b01cfae"
          "2674249352ace588653afecc589cef1c40ae59854bd88fbb",
          0, ALL },
        { "sha3_256_gets_sha3_256", ASK "{sha3_256}" ANY, "{sha3_256}",
          "223cbbed6566f43245233cbade51d765909389847d056babe2d2c1406ad527e4", 0, ALL },
        { "sha3_384_gets_sha3_384", ASK "{sha3_384}" ANY, "{sha3_384}",
          "955bf9dff9f612983fdf16e1da20d0b11fe0edf0b2f5611c"
          "c122ff1e0fc0ea5deb129e9ad35f15aaf164d292b5ff99e2",
          0, ALL },
        { "md5_gets_md5_with_its_name", ASK "{md5}" ANY, "{md5}",
          "e9881664da2283bc70ebea3376b49865", 0, ALL },
        { "an_old_question_can_be_forbidden", ASK "0123456789abcdefghij", "", "",
          CHALLENGE_E_FORBIDDEN, NO_MD5 },
        { "a_question_for_md5_can_be_forbidden", ASK "{md5}" ANY, "", "", CHALLENGE_E_FORBIDDEN,
          NO_MD5 },
        { "nothing_is_no_question", "", "", "", CHALLENGE_E_BAD, ALL },
        { "a_question_has_its_prefix", "#challenge#0123456789abcdefghij", "", "", CHALLENGE_E_BAD,
          ALL },
        { "the_prefix_alone_is_no_question", ASK, "", "", CHALLENGE_E_BAD, ALL },
        { "19_bytes_are_no_question", ASK "0123456789abcdefghi", "", "", CHALLENGE_E_BAD, ALL },
        { "19_bytes_with_a_name_are_no_question", ASK "{sha256}0123456789a", "", "",
          CHALLENGE_E_BAD, ALL },
        { "21_bytes_without_a_name_are_no_question", ASK "0123456789abcdefghijk", "", "",
          CHALLENGE_E_BAD, ALL },
        { "the_digest_of_a_question_must_be_known", ASK "{sha1}" ANY, "", "", CHALLENGE_E_BAD,
          ALL },
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
