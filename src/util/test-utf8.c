/* SPDX-License-Identifier: Apache-2.0 */
#include "util/test.h"
#include "util/utf8.h"

struct row {
        const char *name;
        const char *text;
        uint32_t codes[8]; /* up to the first 0 */
};

static struct row rows[] = {
        { "ascii_is_itself", "ab", { 'a', 'b' } },
        { "a_two_byte_sequence_is_one_code", "\xc3\xa4", { 0xE4 } },
        { "a_three_byte_sequence_is_one_code", "\xe2\x82\xac", { 0x20AC } },
        { "a_four_byte_sequence_is_one_code", "\xf0\x9f\x92\x80", { 0x1F480 } },
        { "the_last_code_point_is_valid", "\xf4\x8f\xbf\xbf", { 0x10FFFF } },
        { "above_the_last_code_point_is_escaped",
          "\xf4\x90\x80\x80",
          { 0xDCF4, 0xDC90, 0xDC80, 0xDC80 } },
        { "a_lone_tail_is_escaped", "\x80", { 0xDC80 } },
        { "an_overlong_slash_is_escaped", "\xc0\xaf", { 0xDCC0, 0xDCAF } },
        { "an_overlong_three_byte_form_is_escaped", "\xe0\x80\xaf", { 0xDCE0, 0xDC80, 0xDCAF } },
        { "an_encoded_surrogate_is_escaped", "\xed\xa0\x80", { 0xDCED, 0xDCA0, 0xDC80 } },
        { "a_truncated_sequence_is_escaped", "\xe2\x82", { 0xDCE2, 0xDC82 } },
        { "text_after_a_bad_byte_is_decoded",
          "\xff"
          "a",
          { 0xDCFF, 'a' } },
};

static void run_row(void **state)
{
        const struct row *row = *state;
        size_t n_bytes = strlen(row->text);
        uint32_t codes[8] = { 0 };
        char back[8 * UTF8_SEQUENCE_MAX];
        size_t n_codes;
        size_t n_back = 0;
        size_t i;

        n_codes = utf8_decode(row->text, n_bytes, codes);

        for (i = 0; i < n_codes; i++) {
                assert_int_equal(codes[i], row->codes[i]);
                n_back += utf8_put(codes[i], back + n_back);
        }
        assert_int_equal(row->codes[n_codes], 0);
        assert_int_equal(n_back, n_bytes);
        assert_memory_equal(back, row->text, n_bytes);
}

static void other_surrogates_cannot_be_encoded(void **state)
{
        char out[UTF8_SEQUENCE_MAX];

        (void)state;
        assert_int_equal(utf8_put(0xD800, out), 0);
        assert_int_equal(utf8_put(0xDC7F, out), 0);
        assert_int_equal(utf8_put(0xDD00, out), 0);
        assert_int_equal(utf8_put(0x110000, out), 0);
}

static void validity_names_the_first_bad_byte(void **state)
{
        size_t offset = 99;

        (void)state;
        assert_true(utf8_is_valid("a\xc3\xa4", 3, &offset));
        assert_int_equal(offset, 99);
        assert_false(utf8_is_valid("a\xc3\xa4\xff", 4, &offset));
        assert_int_equal(offset, 3);
}

/* Every first byte with borders of the others behind it, in every place of a block. */
static void sequences_of_a_block_are_those_of_one_by_one(void **state)
{
        static const unsigned char second[] = {
                'a', 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0
        };
        static const unsigned char later[] = { 0x7F, 0x80, 0xBF, 0xC2 };
        unsigned char text[UTF8_BLOCK_BYTES + UTF8_SEQUENCE_MAX - 1];
        uint8_t lengths[UTF8_BLOCK_BYTES];
        uint32_t code;
        size_t n = 256 * ARRAY_SIZE(second) * ARRAY_SIZE(later) * ARRAY_SIZE(later);
        size_t want;
        size_t at;
        size_t i;
        size_t j;

        (void)state;
        for (i = 0; i < n; i++) {
                at = i % UTF8_BLOCK_BYTES;
                memset(text, 'a', sizeof(text));
                text[at] = (unsigned char)i;
                text[at + 1] = second[i / 256 % ARRAY_SIZE(second)];
                text[at + 2] = later[i / 256 / ARRAY_SIZE(second) % ARRAY_SIZE(later)];
                text[at + 3] = later[i / 256 / ARRAY_SIZE(second) / ARRAY_SIZE(later)];
                utf8_find_sequences((const char *)text, lengths);
                for (j = 0; j < UTF8_BLOCK_BYTES; j++) {
                        want = utf8_next((const char *)text + j, sizeof(text) - j, &code);
                        assert_int_equal(lengths[j], want > 1 ? want : 0);
                }
        }
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, other_surrogates_cannot_be_encoded);
        test_set_add_test(&set, validity_names_the_first_bad_byte);
        test_set_add_test(&set, sequences_of_a_block_are_those_of_one_by_one);
        return test_set_run(&set, "utf8");
}
