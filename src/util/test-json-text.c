/* SPDX-License-Identifier: Apache-2.0 */
/* The wanted texts are those of json.dumps(os.fsdecode(...)). */
#include "util/json-text.h"
#include "util/test.h"
#include "util/text.h"

static struct {
        const char *name;
        const char *string;
        const char *want;
} rows[] = {
        { "a_string_may_be_empty", "", "\"\"" },
        { "ascii_is_itself", "a b/~", "\"a b/~\"" },
        { "short_escapes_are_written", "\b\f\n\r\t\"\\", "\"\\b\\f\\n\\r\\t\\\"\\\\\"" },
        { "other_controls_are_numbers", "\x1b\x7f", "\"\\u001b\\u007f\"" },
        { "what_is_not_ascii_is_escaped", "\xc3\xa4\xe2\x82\xac", "\"\\u00e4\\u20ac\"" },
        { "above_16_bits_is_a_pair", "\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\"" },
        { "a_byte_that_is_not_utf8_is_a_surrogate", "\xff\x80", "\"\\udcff\\udc80\"" },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        cleanup_text struct text text = { 0 };

        text_put_json(&text, row->string, strlen(row->string));
        assert_string_equal(text_get(&text), row->want);
}

static void a_nul_is_written_as_a_number(void **state)
{
        cleanup_text struct text text = { 0 };

        (void)state;
        text_put_json(&text, "a\0b", 3);
        assert_string_equal(text_get(&text), "\"a\\u0000b\"");
}

static void null_is_written_as_such(void **state)
{
        cleanup_text struct text text = { 0 };

        (void)state;
        text_put_json_strings(&text, NULL);
        text_put_json_or_null(&text, NULL);
        text_put_json_or_null(&text, "a");
        assert_string_equal(text_get(&text), "nullnull\"a\"");
}

static void strings_stand_in_an_array(void **state)
{
        static const char *const none[] = { NULL };
        static const char *const two[] = { "a", "b", NULL };
        cleanup_text struct text text = { 0 };

        (void)state;
        text_put_json_strings(&text, none);
        text_put_json_strings(&text, two);
        assert_string_equal(text_get(&text), "[][\"a\", \"b\"]");
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, a_nul_is_written_as_a_number);
        test_set_add_test(&set, null_is_written_as_such);
        test_set_add_test(&set, strings_stand_in_an_array);
        return test_set_run(&set, "json-text");
}
