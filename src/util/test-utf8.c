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

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, other_surrogates_cannot_be_encoded);
        test_set_add_test(&set, validity_names_the_first_bad_byte);
        return test_set_run(&set, "utf8");
}
