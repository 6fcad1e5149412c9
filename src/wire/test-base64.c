/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted bytes are those of base64.b64decode(); NULL where it raises an error. */
#include "util/test.h"
#include "wire/base64.h"

#define TEXT_MAX 64

static struct row {
        const char *name;
        const char *text;
        const char *want;
} rows[] = {
        { "one_pad_short_is_an_error", "QQ=", NULL },
        { "padding_may_not_be_left_out", "QQ", NULL },
        { "three_characters_need_a_pad", "QUI", NULL },
        { "one_character_is_an_error", "Q", NULL },
        { "one_character_and_pads_are_an_error", "Q===", NULL },
        { "one_more_than_a_group_is_an_error", "QUJDQ", NULL },
        { "text_that_is_not_ascii_is_an_error", "QUJD\xc3\xa4", NULL },
        { "so_it_is_behind_the_end", "QQ==\xff", NULL },
        { "a_character_between_makes_the_pads_not_count", "QQ=Q=", "A\x04" },
        { "pads_after_three_in_all_are_an_error", "QQ=Q", NULL },
        { "pads_of_another_group_do_not_count", "QU=JDQQ=", NULL },
        { "nothing_is_nothing", "", "" },
        { "a_group_is_three_bytes", "QUJD", "ABC" },
        { "two_characters_and_two_pads_are_a_byte", "QQ==", "A" },
        { "three_characters_and_a_pad_are_two_bytes", "QUI=", "AB" },
        { "every_bit_counts", "+/+/", "\xfb\xff\xbf" },
        { "the_url_alphabet_is_skipped", "QU-_JD", "ABC" },
        { "blanks_and_others_are_skipped", " Q\nU!J*D ", "ABC" },
        { "blanks_may_stand_between_pads", "QQ = =", "A" },
        { "what_comes_behind_the_pads_does_not_count", "QQ==QUJD", "A" },
        { "not_even_a_lone_character", "QUI=Q", "AB" },
        { "a_pad_that_completes_nothing_is_skipped", "=QUJD", "ABC" },
        { "so_it_is_behind_one_character", "Q=UJD", "ABC" },
        { "so_it_is_behind_a_group", "QUJD=", "ABC" },
        { "so_it_is_behind_two_characters", "QU=JD", "ABC" },
        { "more_groups_are_more_bytes", "QUJDREVGR0hJSg==", "ABCDEFGHIJ" },
};

static void run_row(void **state)
{
        const struct row *row = *state;
        size_t n_text = strlen(row->text);
        size_t n_piece;

        for (n_piece = 1; n_piece == 1 || n_piece <= n_text; n_piece++) {
                struct base64 base64 = { 0 };
                char out[TEXT_MAX];
                size_t n_out = 0;
                size_t at;

                for (at = 0; at < n_text; at += n_piece) {
                        size_t n = n_text - at < n_piece ? n_text - at : n_piece;
                        char *room = malloc(BASE64_ROOM(n));
                        size_t n_put;

                        assert_non_null(room);
                        n_put = base64_put(&base64, row->text + at, n, room);
                        memcpy(out + n_out, room, n_put);
                        n_out += n_put;
                        free(room);
                }
                assert_int_equal(base64_is_complete(&base64), row->want != NULL);
                if (row->want) {
                        assert_int_equal(n_out, strlen(row->want));
                        assert_memory_equal(out, row->want, n_out);
                }
        }
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "base64");
}
