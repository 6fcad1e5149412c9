/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/cmdline.h"
#include "util/test.h"
#include "util/text.h"

static bool fail_malloc;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_malloc(size_t n)
{
        return fail_malloc ? NULL : __real_malloc(n);
}

#define HOSTILE "a\nb\x1b\xff\xc3\xa4\xf0\x9f\x98\x80 '\"\\"

static struct {
        const char *name;
        const char *argv[4];
        const char *plain;
        const char *repr;
        const char *json;
} form_rows[] = {
        { "words_are_printed_in_their_order",
          { "/bin/ls", "-l", "x y" },
          "/bin/ls -l x y",
          "['/bin/ls', '-l', 'x y']",
          "[\"/bin/ls\", \"-l\", \"x y\"]" },
        { "empty_words_are_words",
          { "ls", "", "" },
          "ls  ",
          "['ls', '', '']",
          "[\"ls\", \"\", \"\"]" },
        { "one_empty_word_is_a_word", { "" }, "", "['']", "[\"\"]" },
        { "no_word_is_none", { NULL }, "", "[]", "[]" },
        { "what_is_hostile_is_escaped",
          { HOSTILE },
          "a\\nb\\x1b\\udcff\xc3\xa4\xf0\x9f\x98\x80 '\"\\",
          "['a\\nb\\x1b\\udcff\xc3\xa4\xf0\x9f\x98\x80 \\'\"\\\\']",
          "[\"a\\nb\\u001b\\udcff\\u00e4\\ud83d\\ude00 '\\\"\\\\\"]" },
};

static void run_form_row(void **state)
{
        const typeof(form_rows[0]) *row = *state;
        cleanup_text struct text plain = { 0 };
        cleanup_text struct text repr = { 0 };
        cleanup_text struct text json = { 0 };
        struct cmdline cmdline;

        cmdline_keep(&cmdline, row->argv);
        cmdline_put_plain(&cmdline, &plain);
        cmdline_put_repr(&cmdline, &repr);
        assert_true(cmdline_put_json(&cmdline, &json));
        assert_string_equal(text_get(&plain), row->plain);
        assert_string_equal(text_get(&repr), row->repr);
        assert_string_equal(text_get(&json), row->json);
        cmdline_deinit(&cmdline);
}

/* Each row: a word of so many times @fill behind another; is it cut, and after how many bytes? */
static struct {
        const char *name;
        const char *fill;
        size_t n_fill;
        bool is_cut;
        size_t n_kept;
} keep_rows[] = {
        { "what_fits_with_its_nul_is_kept", "x", CMDLINE_BYTES_MAX - 4, false, CMDLINE_BYTES_MAX },
        { "a_byte_more_is_cut", "x", CMDLINE_BYTES_MAX - 3, true, CMDLINE_BYTES_MAX },
        { "megabytes_are_cut", "x", 3000000, true, CMDLINE_BYTES_MAX },
        { "a_character_is_not_cut_apart", "\xe2\x82\xac", 2000, true, CMDLINE_BYTES_MAX - 1 },
        { "bytes_that_are_no_characters_are_kept", "\x80", 5000, true, CMDLINE_BYTES_MAX - 3 },
};

static void run_keep_row(void **state)
{
        const typeof(keep_rows[0]) *row = *state;
        cleanup_text struct text word = { 0 };
        const char *argv[] = { "cc", NULL, "behind", NULL };
        struct cmdline cmdline;
        size_t i;

        for (i = 0; i < row->n_fill; i++)
                text_put_string(&word, row->fill);
        argv[1] = text_get(&word);
        if (!row->is_cut)
                argv[2] = NULL;
        cmdline_keep(&cmdline, argv);
        assert_int_equal(cmdline.is_cut, row->is_cut);
        assert_int_equal(cmdline.n_bytes, row->n_kept);
        assert_memory_equal(cmdline.bytes, "cc", 3);
        assert_memory_equal(cmdline.bytes + 3, text_get(&word), row->n_kept - 3 - !row->is_cut);
        cmdline_deinit(&cmdline);
}

#define TEN(word) word word word word word word word word word word

/* Each is printed within the bound in all forms, and each shows that it was cut. */
static struct {
        const char *name;
        const char *word;
        size_t n_words;
} bound_rows[] = {
        { "many_empty_words_stay_within_the_bound", "", 100000 },
        { "many_words_stay_within_the_bound", "word", 1000 },
        { "escapes_stay_within_the_bound", "\xff\xff\xff\xff\xff\xff\xff\xff", 1000 },
        { "controls_stay_within_the_bound", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 1000 },
        { "pairs_of_surrogates_stay_within_the_bound", "\xf0\x9f\x98\x80", 1000 },
        { "one_long_word_stays_within_the_bound", TEN(TEN(TEN("\xff"))), 1 },
        { "quotes_stay_within_the_bound", "\"\\\"\\\"\\\"\\\"\\\"\\", 1000 },
};

static void run_bound_row(void **state)
{
        const typeof(bound_rows[0]) *row = *state;
        const char **argv = calloc(row->n_words + 1, sizeof(*argv));
        cleanup_text struct text plain = { 0 };
        cleanup_text struct text repr = { 0 };
        cleanup_text struct text json = { 0 };
        struct cmdline cmdline;
        size_t i;

        assert_non_null(argv);
        for (i = 0; i < row->n_words; i++)
                argv[i] = row->word;
        cmdline_keep(&cmdline, argv);
        cmdline_put_plain(&cmdline, &plain);
        cmdline_put_repr(&cmdline, &repr);
        assert_false(cmdline_put_json(&cmdline, &json));
        assert_in_range(plain.n_bytes, 1000, CMDLINE_PRINTED_MAX + 3);
        assert_string_equal(text_get(&plain) + plain.n_bytes - 3, "...");
        assert_in_range(repr.n_bytes, 1000, CMDLINE_PRINTED_MAX + 4);
        assert_string_equal(text_get(&repr) + repr.n_bytes - 4, "...]");
        assert_in_range(json.n_bytes, 1000, CMDLINE_PRINTED_MAX + 8);
        assert_string_equal(text_get(&json) + json.n_bytes - 2, "\"]");
        cmdline_deinit(&cmdline);
        free(argv);
}

static struct {
        const char *name;
        const char *bytes;
        size_t n_max;
        size_t want;
} fit_rows[] = {
        { "plain_characters_take_one", "abcdef", 4, 4 },
        { "all_may_fit", "abcdef", 6, 6 },
        { "a_quote_takes_two", "a\"b", 2, 1 },
        { "a_newline_takes_two", "a\nb", 3, 2 },
        { "another_control_character_takes_six", "a\x1b", 6, 1 },
        { "delete_takes_six", "a\x7f", 6, 1 },
        { "a_wide_character_takes_six", "\xc3\xa4\xc3\xa4", 11, 2 },
        { "a_pair_takes_twelve", "\xf0\x9f\x98\x80x", 11, 0 },
        { "a_pair_that_fits_is_whole", "\xf0\x9f\x98\x80x", 12, 4 },
        { "nothing_fits_nowhere", "x", 0, 0 },
};

static void run_fit_row(void **state)
{
        const typeof(fit_rows[0]) *row = *state;

        assert_int_equal(cmdline_fit_json(row->bytes, strlen(row->bytes), row->n_max), row->want);
}

static void without_memory_a_command_line_is_empty_and_cut(void **state)
{
        const char *argv[] = { "ls", NULL };
        cleanup_text struct text repr = { 0 };
        struct cmdline cmdline;

        (void)state;
        fail_malloc = true;
        cmdline_keep(&cmdline, argv);
        fail_malloc = false;
        cmdline_put_repr(&cmdline, &repr);
        assert_string_equal(text_get(&repr), "[...]");
        cmdline_deinit(&cmdline);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, without_memory_a_command_line_is_empty_and_cut);
        test_set_add_rows(&set, bound_rows, run_bound_row);
        test_set_add_rows(&set, keep_rows, run_keep_row);
        test_set_add_rows(&set, fit_rows, run_fit_row);
        test_set_add_rows(&set, form_rows, run_form_row);
        return test_set_run(&set, "cmdline");
}
