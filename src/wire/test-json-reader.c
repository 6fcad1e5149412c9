/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row is read whole and in pieces of each size, each piece in memory of its own. What is read
 * is written down: strings as their bytes in quotes ("!" behind those that are unencodable, ":"
 * behind keys), 0 for any number, n t f for the literals.
 */
#include "util/test.h"
#include "util/text.h"
#include "wire/json-plain.h"
#include "wire/json-reader.h"

#define TEN(s)      s s s s s s s s s s
#define HUNDRED(s)  TEN(TEN(s))
#define THOUSAND(s) TEN(HUNDRED(s))

struct row {
        const char *name;
        const char *text;
        const char *want;
};

static struct row good_rows[] = {
        { "a_string_is_a_value", "\"a\"", "\"a\"" },
        { "an_empty_string_has_no_text", "\"\"", "\"\"" },
        { "literals_are_values", "[null,true,false]", "[ntf]" },
        { "a_literal_may_end_the_text", "null", "n" },
        { "any_blanks_may_stand_between", " \t\r\n[ 1 ,\n{ \"a\" : 2 } ]\t", "[0{\"a\":0}]" },
        { "an_array_may_be_empty", "[ ]", "[]" },
        { "an_object_may_be_empty", "{ }", "{}" },
        { "keys_are_told_from_values", "{\"a\":\"b\",\"c\":[\"d\"]}",
          "{\"a\":\"b\"\"c\":[\"d\"]}" },
        { "all_of_duplicate_keys_are_told", "{\"a\":1,\"a\":2}", "{\"a\":0\"a\":0}" },
        { "numbers_have_signs_fractions_and_exponents",
          "[0,-0,10,1.5,-0.25,1e9,1E+9,1e-9,0e0,0.0e00]", "[0000000000]" },
        { "a_number_may_end_the_text", "12", "0" },
        { "python_takes_infinity_and_nan", "[NaN,Infinity,-Infinity]", "[000]" },
        { "nan_may_end_the_text", "NaN", "0" },
        { "minus_infinity_may_end_the_text", "-Infinity", "0" },
        { "an_integer_has_up_to_4300_digits",
          HUNDRED("1234567890123456789012345678901234567890123"), "0" },
        { "a_fraction_makes_any_number_of_digits_fine", THOUSAND("12345") ".5", "0" },
        { "an_exponent_does_so_too", THOUSAND("12345") "e1", "0" },
        { "a_fraction_may_be_of_any_length", "1." THOUSAND("12345"), "0" },
        { "short_escapes_are_read", "\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"", "\"\b\f\n\r\t\"\\/\"" },
        { "digits_may_be_large_or_small", "\"\\u00e4\\u00E4\"", "\"\xc3\xa4\xc3\xa4\"" },
        { "text_may_be_utf8", "\"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\"",
          "\"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\"" },
        { "utf8_goes_to_its_limits",
          "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
          "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
        { "del_is_no_control", "\"\x7f\"", "\"\x7f\"" },
        { "escapes_may_stand_alone_in_text", "\"abcdefghij\\nklmnopqrst\"",
          "\"abcdefghij\nklmnopqrst\"" },
        { "a_long_run_may_follow_an_escape", "\"\\n" HUNDRED("a") "\\t\"",
          "\"\n" HUNDRED("a") "\t\"" },
        { "more_escapes_than_fit_at_once_are_read", "\"" THOUSAND("\\u20ac") "\"",
          "\"" THOUSAND("\xe2\x82\xac") "\"" },
        { "a_pair_of_surrogates_is_one_character", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
        { "the_lowest_and_highest_pairs_are_characters", "\"\\ud800\\udc00\\udbff\\udfff\"",
          "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
        { "a_pair_is_no_byte_escape", "\"\\ud83d\\udc80\"", "\"\xf0\x9f\x92\x80\"" },
        { "a_lone_low_surrogate_is_its_byte", "\"\\udc80\\udcff\"", "\"\x80\xff\"" },
        { "bytes_may_make_a_character", "\"\\udce2\\udc82\\udcac\"", "\"\xe2\x82\xac\"" },
        { "a_byte_may_follow_a_pair", "\"\\ud83d\\ude00\\udc80\"", "\"\xf0\x9f\x98\x80\x80\"" },
        { "a_lone_high_surrogate_is_unencodable", "[\"a\\ud83d\",\"b\"]", "[\"a\"!\"b\"]" },
        { "a_character_does_not_complete_a_pair", "\"\\ud83dx\"", "\"x\"!" },
        { "a_pair_with_a_character_between_is_none", "\"\\ud83dx\\ude00\"", "\"x\"!" },
        { "an_escape_does_not_complete_a_pair", "\"\\ud83d\\n\"", "\"\n\"!" },
        { "the_last_two_of_three_may_be_a_pair", "\"\\ud83d\\ud83d\\ude00\"",
          "\"\xf0\x9f\x98\x80\"!" },
        { "low_surrogates_of_no_byte_are_unencodable", "\"\\udc00\"", "\"\"!" },
        { "an_ascii_byte_has_no_surrogate", "\"\\udc7f\"", "\"\"!" },
        { "u_dd00_is_no_byte", "\"\\udd00\"", "\"\"!" },
        { "the_highest_surrogate_is_no_byte", "\"\\udfff\"", "\"\"!" },
        { "a_key_may_be_unencodable", "{\"\\ud800\":1}", "{\"\"!:0}" },
        { "the_deepest_nesting_is_128",
          HUNDRED("[") TEN("[") TEN("[") "[[[[[[[[" HUNDRED("]") TEN("]") TEN("]") "]]]]]]]]",
          HUNDRED("[") TEN("[") TEN("[") "[[[[[[[[" HUNDRED("]") TEN("]") TEN("]") "]]]]]]]]" },
        { "objects_and_arrays_nest", "[{\"a\":[{\"b\":{}}]},[]]", "[{\"a\":[{\"b\":{}}]}[]]" },
};

static struct row bad_rows[] = {
        { "nothing_is_no_value", "", "a value is missing" },
        { "blanks_are_no_value", " \n", "a value is missing" },
        { "a_byte_order_mark_is_no_value", "\xef\xbb\xbf[]", "not a value" },
        { "a_form_feed_is_no_blank", "\f1", "not a value" },
        { "a_word_is_no_value", "nul", "not a value" },
        { "a_literal_is_written_so", "nule", "not a value" },
        { "capitals_are_no_literal", "True", "not a value" },
        { "a_longer_word_is_no_literal", "nullx", "text behind the value" },
        { "single_quotes_are_no_quotes", "'a'", "not a value" },
        { "nothing_comes_behind_the_value", "1 2", "text behind the value" },
        { "an_array_needs_its_end", "[1", "an array without an end" },
        { "an_empty_array_needs_its_end", "[", "an array without an end" },
        { "a_comma_needs_a_value_behind", "[1,]", "not a value" },
        { "a_comma_needs_a_value_before", "[,1]", "not a value" },
        { "a_comma_does_not_end_a_text", "[1,", "a value is missing" },
        { "values_need_a_comma_between", "[1 2]", "neither \",\" nor \"]\"" },
        { "an_array_does_not_end_as_an_object", "[1}", "neither \",\" nor \"]\"" },
        { "an_object_needs_its_end", "{\"a\":1", "an object without an end" },
        { "an_empty_object_needs_its_end", "{", "an object without an end" },
        { "an_object_does_not_end_as_an_array", "{\"a\":1]", "neither \",\" nor \"}\"" },
        { "a_key_is_a_string", "{1:2}", "not a key" },
        { "a_comma_needs_a_key_behind", "{\"a\":1,}", "not a key" },
        { "a_comma_does_not_end_an_object", "{\"a\":1,", "a key is missing" },
        { "a_key_needs_its_colon", "{\"a\" 1}", "a key without \":\"" },
        { "a_key_alone_needs_its_colon", "{\"a\"", "a key without \":\"" },
        { "a_key_needs_a_value", "{\"a\":}", "not a value" },
        { "a_key_needs_a_value_before_the_end", "{\"a\":", "a value is missing" },
        { "a_minus_is_no_number", "-", "a bad number" },
        { "minus_nan_is_no_number", "-NaN", "a bad number" },
        { "minus_infinity_is_written_so", "-Inf", "not a value" },
        { "a_plus_is_no_number", "+1", "not a value" },
        { "a_point_is_no_number", ".5", "not a value" },
        { "a_point_needs_digits_behind", "[1.]", "a bad number" },
        { "an_e_needs_digits_behind", "[1e]", "a bad number" },
        { "an_e_with_a_sign_needs_digits_behind", "1e+", "a bad number" },
        { "a_sign_stands_behind_an_e_only", "1+1", "text behind the value" },
        { "there_is_one_sign_at_most", "1e+-1", "a bad number" },
        { "zero_has_no_digits_behind", "01", "text behind the value" },
        { "an_integer_of_4301_digits_is_too_long",
          "[" HUNDRED("1234567890123456789012345678901234567890123") "4]",
          "an integer of too many digits" },
        { "so_it_is_at_the_end", "-" HUNDRED("1234567890123456789012345678901234567890123") "4",
          "an integer of too many digits" },
        { "a_string_needs_its_end", "\"a", "a string without an end" },
        { "an_escape_needs_its_end", "\"a\\", "an escape without an end" },
        { "an_escape_must_be_known", "\"\\x41\"", "an unknown escape" },
        { "a_unicode_escape_has_four_digits", "\"\\u12\"", "a bad \\u escape" },
        { "a_unicode_escape_ends_within_the_text", "\"\\u12", "a bad \\u escape" },
        { "a_unicode_escape_has_hexadecimal_digits", "\"\\u12g4\"", "a bad \\u escape" },
        { "a_sign_is_no_digit", "\"\\u+123\"", "a bad \\u escape" },
        { "the_second_of_a_pair_is_read_too", "\"\\ud83d\\u12g4\"", "a bad \\u escape" },
        { "a_newline_is_written_as_an_escape", "\"a\nb\"", "a control character in a string" },
        { "so_is_any_control", "\"abcdefg\x1f\"", "a control character in a string" },
        { "a_lone_tail_is_not_utf8", "\"\x80\"", "not UTF-8" },
        { "an_overlong_form_is_not_utf8", "\"\xc1\xbf\"", "not UTF-8" },
        { "an_overlong_form_of_three_is_not_utf8", "\"\xe0\x9f\xbf\"", "not UTF-8" },
        { "an_overlong_form_of_four_is_not_utf8", "\"\xf0\x8f\xbf\xbf\"", "not UTF-8" },
        { "an_encoded_surrogate_is_not_utf8", "\"\xed\xa0\x80\"", "not UTF-8" },
        { "above_the_last_character_is_not_utf8", "\"\xf4\x90\x80\x80\"", "not UTF-8" },
        { "f5_is_not_utf8", "\"\xf5\x80\x80\x80\"", "not UTF-8" },
        { "a_quote_does_not_end_a_sequence", "\"\xe2\x82\"", "not UTF-8" },
        { "an_escape_does_not_end_a_sequence", "\"\xe2\x82\\n\xac\"", "not UTF-8" },
        { "a_sequence_needs_its_end", "\"\xe2\x82", "a string without an end" },
        { "utf8_stands_in_strings_only", "[\xc2\xa0]", "not a value" },
        { "nesting_129_deep_is_refused", HUNDRED("[") TEN("[") TEN("[") "[[[[[[[[[",
          "arrays or objects nested too deep" },
        { "nesting_100000_deep_is_refused", HUNDRED(THOUSAND("[")),
          "arrays or objects nested too deep" },
};

static void write_token(struct text *seen, const struct json_token *token)
{
        static const char signs[] = {
                [JSON_NULL] = 'n',       [JSON_TRUE] = 't',      [JSON_FALSE] = 'f',
                [JSON_NUMBER] = '0',     [JSON_STRING] = '"',    [JSON_STRING_END] = '"',
                [JSON_ARRAY] = '[',      [JSON_ARRAY_END] = ']', [JSON_OBJECT] = '{',
                [JSON_OBJECT_END] = '}',
        };

        if (token->type == JSON_TEXT) {
                assert_true(token->n_bytes > 0);
                text_put(seen, token->text, token->n_bytes);
                return;
        }
        text_put_char(seen, signs[token->type]);
        if (token->is_unencodable)
                text_put_char(seen, '!');
        if (token->type == JSON_STRING_END && token->is_key)
                text_put_char(seen, ':');
}

/* Return: JSON_E_MORE when all of it was taken */
static int read_piece(struct json_reader *reader,
                      const char *text,
                      size_t n_text,
                      struct text *seen)
{
        char *copy = malloc(n_text);
        const char *at = copy;
        struct json_token token;
        int r;

        assert_non_null(copy);
        memcpy(copy, text, n_text);
        while ((r = json_reader_next(reader, &at, copy + n_text, &token)) == 0)
                write_token(seen, &token);
        if (r == JSON_E_MORE)
                assert_ptr_equal(at, copy + n_text);
        free(copy);
        return r;
}

static int read_all(struct json_reader *reader, const char *text, size_t n_piece, struct text *seen)
{
        size_t n_text = strlen(text);
        int r = JSON_E_MORE;
        size_t at;
        size_t n;

        json_reader_init(reader);
        for (at = 0; at < n_text && r == JSON_E_MORE; at += n) {
                n = n_text - at < n_piece ? n_text - at : n_piece;
                r = read_piece(reader, text + at, n, seen);
        }
        return r == JSON_E_MORE ? json_reader_finish(reader) : r;
}

/* Long texts are cut in pieces of few sizes. */
static size_t next_size(size_t n_piece, size_t n_text)
{
        return n_text > 1000 && n_piece > 16 ? n_piece * 2 + 1 : n_piece + 1;
}

static void run_good_row(void **state)
{
        const struct row *row = *state;
        size_t n_text = strlen(row->text);
        struct json_reader reader;
        size_t n;

        for (n = 1; n <= n_text; n = next_size(n, n_text)) {
                cleanup_text struct text seen = { 0 };

                assert_int_equal(read_all(&reader, row->text, n, &seen), 0);
                assert_string_equal(text_get(&seen), row->want);
        }
}

static void run_bad_row(void **state)
{
        const struct row *row = *state;
        size_t n_text = strlen(row->text);
        struct json_reader reader;
        size_t n;

        for (n = 1; n == 1 || n <= n_text; n = next_size(n, n_text)) {
                cleanup_text struct text seen = { 0 };

                assert_int_equal(read_all(&reader, row->text, n, &seen), JSON_E_BAD);
                assert_string_equal(reader.reason, row->want);
        }
}

static void what_is_bad_stays_bad(void **state)
{
        struct json_reader reader;
        const char *at = "]1";
        struct json_token token;

        (void)state;
        json_reader_init(&reader);
        assert_int_equal(json_reader_next(&reader, &at, at + 2, &token), JSON_E_BAD);
        assert_int_equal(json_reader_next(&reader, &at, at + 1, &token), JSON_E_BAD);
        assert_int_equal(json_reader_next(&reader, &at, at, &token), JSON_E_BAD);
        assert_int_equal(json_reader_finish(&reader), JSON_E_BAD);
        assert_string_equal(reader.reason, "not a value");
}

static void a_nul_in_a_string_is_text(void **state)
{
        cleanup_text struct text seen = { 0 };
        struct json_reader reader;

        (void)state;
        assert_int_equal(read_all(&reader, "\"a\\u0000b\"", 99, &seen), 0);
        assert_int_equal(seen.n_bytes, 5);
        assert_memory_equal(text_get(&seen), "\"a\0b\"", 5);
}

static void a_raw_nul_is_refused(void **state)
{
        cleanup_text struct text seen = { 0 };
        struct json_reader reader;

        (void)state;
        json_reader_init(&reader);
        assert_int_equal(read_piece(&reader, "\"\0\"", 3, &seen), JSON_E_BAD);
        json_reader_init(&reader);
        assert_int_equal(read_piece(&reader, "\"\\\0\"", 4, &seen), JSON_E_BAD);
        json_reader_init(&reader);
        assert_int_equal(read_piece(&reader, "\0", 1, &seen), JSON_E_BAD);
}

static void plain_text_is_not_copied(void **state)
{
        static const char text[] = "\"0123456789\"";
        const char *at = text;
        struct json_reader reader;
        struct json_token token;

        (void)state;
        json_reader_init(&reader);
        assert_int_equal(json_reader_next(&reader, &at, text + 12, &token), 0);
        assert_int_equal(token.type, JSON_STRING);
        assert_int_equal(json_reader_next(&reader, &at, text + 12, &token), 0);
        assert_int_equal(token.type, JSON_TEXT);
        assert_ptr_equal(token.text, text + 1);
        assert_int_equal(token.n_bytes, 10);
}

/* Return: how many bytes the first piece of a string has */
static size_t first_piece(const char *string, size_t n_bytes)
{
        const char *at = string;
        struct json_reader reader;
        struct json_token token;

        json_reader_init(&reader);
        assert_int_equal(json_reader_next(&reader, &at, string + n_bytes, &token), 0);
        assert_int_equal(json_reader_next(&reader, &at, string + n_bytes, &token), 0);
        assert_int_equal(token.type, JSON_TEXT);
        return token.n_bytes;
}

static void plain_text_ends_at_what_is_not_plain(void **state)
{
        char string[50];
        size_t at;
        int byte;

        (void)state;
        for (byte = 0x20; byte < 0x80; byte++)
                for (at = 2; at < sizeof(string); at++) {
                        bool is_plain = byte != '"' && byte != '\\';

                        memset(string, 'a', sizeof(string));
                        string[0] = '"';
                        string[at] = (char)byte;
                        assert_int_equal(first_piece(string, sizeof(string)),
                                         is_plain ? sizeof(string) - 1 : at - 1);
                }
}

/* They are copied, to where the escapes go, or not, by their length. */
static void runs_of_any_length_stand_between_escapes(void **state)
{
        struct json_reader reader;
        size_t n_run;
        size_t n;

        (void)state;
        for (n_run = 0; n_run < 3 * JSON_PLAIN_BYTES; n_run++) {
                cleanup_text struct text string = { 0 };
                cleanup_text struct text want = { 0 };
                size_t i;

                for (i = 0; i < 40; i++) {
                        text_printf(&string, "%s%.*s", i ? "\\n" : "\"", (int)(n_run + i % 2),
                                    HUNDRED("r"));
                        text_printf(&want, "%s%.*s", i ? "\n" : "\"", (int)(n_run + i % 2),
                                    HUNDRED("r"));
                }
                text_put_char(&string, '"');
                text_put_char(&want, '"');
                for (n = 1; n <= string.n_bytes; n = next_size(n, string.n_bytes)) {
                        cleanup_text struct text seen = { 0 };

                        assert_int_equal(read_all(&reader, text_get(&string), n, &seen), 0);
                        assert_string_equal(text_get(&seen), text_get(&want));
                }
        }
}

static void a_reader_is_small(void **state)
{
        (void)state;
        assert_in_range(sizeof(struct json_reader), 1, 1024);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, bad_rows, run_bad_row);
        test_set_add_test(&set, what_is_bad_stays_bad);
        test_set_add_test(&set, a_raw_nul_is_refused);
        test_set_add_rows(&set, good_rows, run_good_row);
        test_set_add_test(&set, a_nul_in_a_string_is_text);
        test_set_add_test(&set, plain_text_is_not_copied);
        test_set_add_test(&set, plain_text_ends_at_what_is_not_plain);
        test_set_add_test(&set, runs_of_any_length_stand_between_escapes);
        test_set_add_test(&set, a_reader_is_small);
        return test_set_run(&set, "json-reader");
}
