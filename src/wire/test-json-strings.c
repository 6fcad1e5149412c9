/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted texts are those of json.dumps(os.fsdecode(...)). */
#include <errno.h>

#include "util/arena.h"
#include "util/json-text.h"
#include "util/test.h"
#include "util/text.h"
#include "wire/json-strings.h"

static struct {
        const char *name;
        const char *text;
        const char *want; /* the reason */
} bad_rows[] = {
        { "nothing_is_no_array", "", "a value is missing" },
        { "a_string_is_no_array", "\"a\"", "not an array" },
        { "an_object_is_no_array", "{}", "not an array" },
        { "an_array_needs_its_end", "[\"a\"", "an array without an end" },
        { "a_comma_needs_a_string_behind", "[\"a\",]", "not a value" },
        { "a_number_is_no_string", "[1]", "not a string" },
        { "an_array_is_no_string", "[[]]", "not a string" },
        { "null_is_no_string", "[null]", "not a string" },
        { "text_behind_the_array_is_refused", "[\"a\"] x", "text behind the value" },
        { "a_second_array_is_refused", "[][]", "text behind the value" },
        { "a_string_needs_its_end", "[\"a", "a string without an end" },
        { "an_escape_needs_its_end", "[\"a\\", "an escape without an end" },
        { "an_escape_must_be_known", "[\"\\x41\"]", "an unknown escape" },
        { "a_newline_is_written_as_an_escape", "[\"a\nb\"]", "a control character in a string" },
        { "a_unicode_escape_has_four_digits", "[\"\\u12\"]", "a bad \\u escape" },
        { "a_unicode_escape_has_hexadecimal_digits", "[\"\\u12g4\"]", "a bad \\u escape" },
        { "the_second_of_a_pair_is_read_too", "[\"\\ud83d\\u12g4\"]", "a bad \\u escape" },
        { "a_lone_high_surrogate_is_refused", "[\"\\ud83d\"]", "a lone surrogate" },
        { "a_high_surrogate_and_a_letter_are_refused", "[\"\\ud83dabcdef\"]", "a lone surrogate" },
        { "a_low_surrogate_that_is_no_byte_is_refused", "[\"\\udc00\"]", "a lone surrogate" },
        { "an_ascii_byte_needs_no_surrogate", "[\"\\udc7f\"]", "a lone surrogate" },
        { "a_nul_fits_in_no_argument", "[\"\\u0000\"]", "a NUL in a string" },
        { "bytes_that_are_not_utf8_are_refused", "[\"\xff\"]", "not UTF-8" },
};

static void run_bad_row(void **state)
{
        const typeof(bad_rows[0]) *row = *state;
        const char **strings = NULL;
        struct arena arena = { 0 };
        const char *reason = NULL;

        assert_int_equal(json_read_strings(row->text, strlen(row->text), &arena, &strings, &reason),
                         JSON_E_BAD);
        assert_string_equal(reason, row->want);
        assert_null(strings);
        arena_deinit(&arena);
}

static struct {
        const char *name;
        const char *text;
        const char *strings[4];
        const char *written; /* NULL: as @text */
} rows[] = {
        { "an_array_may_be_empty", "[]", { NULL }, NULL },
        { "blanks_may_stand_between",
          " \t[\r\n \"a\" , \"b\" ] \n",
          { "a", "b", NULL },
          "[\"a\", \"b\"]" },
        { "commas_in_strings_count_for_nothing", "[\",,,\", \",\"]", { ",,,", ",", NULL }, NULL },
        { "strings_keep_their_order", "[\"c\", \"a\", \"b\"]", { "c", "a", "b", NULL }, NULL },
        { "a_string_may_be_empty", "[\"\"]", { "", NULL }, NULL },
        { "short_escapes_are_read_and_written",
          "[\"\\b\\f\\n\\r\\t\\\"\\\\\"]",
          { "\b\f\n\r\t\"\\", NULL },
          NULL },
        { "a_slash_may_be_escaped", "[\"\\/\"]", { "/", NULL }, "[\"/\"]" },
        { "other_controls_are_numbers", "[\"\\u001b\\u007f\"]", { "\x1b\x7f", NULL }, NULL },
        { "what_is_not_ascii_is_escaped",
          "[\"\\u00e4\\u20ac\"]",
          { "\xc3\xa4\xe2\x82\xac", NULL },
          NULL },
        { "it_may_be_plain", "[\"\xc3\xa4\"]", { "\xc3\xa4", NULL }, "[\"\\u00e4\"]" },
        { "digits_may_be_large_or_small", "[\"\\u00E4\"]", { "\xc3\xa4", NULL }, "[\"\\u00e4\"]" },
        { "a_pair_of_surrogates_is_one_character",
          "[\"\\ud83d\\ude00\"]",
          { "\xf0\x9f\x98\x80", NULL },
          NULL },
        { "a_byte_that_is_not_utf8_is_a_surrogate",
          "[\"\\udcff\\udc80\"]",
          { "\xff\x80", NULL },
          NULL },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        cleanup_text struct text written = { 0 };
        struct arena arena = { 0 };
        const char *reason = NULL;
        const char **strings;
        size_t i;

        assert_int_equal(json_read_strings(row->text, strlen(row->text), &arena, &strings, &reason),
                         0);
        for (i = 0; row->strings[i]; i++)
                assert_string_equal(strings[i], row->strings[i]);
        assert_null(strings[i]);
        text_put_json_strings(&written, strings);
        assert_string_equal(text_get(&written), row->written ? row->written : row->text);
        arena_deinit(&arena);
}

static int read_many(size_t n)
{
        cleanup_text struct text text = { 0 };
        struct arena arena = { 0 };
        const char *reason = NULL;
        const char **strings;
        size_t i;
        int r;

        for (i = 0; i < n; i++)
                text_put_string(&text, i ? ",\"\"" : "[\"\"");
        text_put_char(&text, ']');
        r = json_read_strings(text_get(&text), text.n_bytes, &arena, &strings, &reason);
        if (r)
                assert_string_equal(reason, "too many strings");
        else
                assert_null(strings[n]);
        arena_deinit(&arena);
        return r;
}

static void an_array_has_a_largest_number_of_strings(void **state)
{
        (void)state;
        assert_int_equal(read_many(JSON_STRINGS_MAX + 1), JSON_E_BAD);
        assert_int_equal(read_many(JSON_STRINGS_MAX), 0);
}

static void without_memory_nothing_is_read(void **state)
{
        struct arena arena = { .n_total = ARENA_BYTES_MAX };
        const char **strings = NULL;
        const char *reason = NULL;

        (void)state;
        assert_int_equal(json_read_strings("[\"a\"]", 5, &arena, &strings, &reason), -ENOMEM);
        assert_null(strings);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, bad_rows, run_bad_row);
        test_set_add_test(&set, an_array_has_a_largest_number_of_strings);
        test_set_add_test(&set, without_memory_nothing_is_read);
        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "json-strings");
}
