/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wanted texts are those of json.dumps(os.fsdecode(bytes)), without the quotes. Every row is
 * counted and written whole, and cut in two at each place, with much room and with little.
 */
#include "util/json-text.h"
#include "util/test.h"
#include "util/text.h"
#include "wire/json-escape.h"

static struct row {
        const char *name;
        const char *bytes;
        const char *want;
} rows[] = {
        { "nothing_is_nothing", "", "" },
        { "ascii_is_itself", "abc ~/'", "abc ~/'" },
        { "long_ascii_is_itself", "0123456789abcdefghi", "0123456789abcdefghi" },
        { "some_controls_have_letters", "\b\f\n\r\t", "\\b\\f\\n\\r\\t" },
        { "other_controls_are_numbers", "\x01\x0b\x1f\x7f", "\\u0001\\u000b\\u001f\\u007f" },
        { "quotes_and_backslashes_are_escaped", "\"\\", "\\\"\\\\" },
        { "a_sequence_of_two_is_one_unit", "\xc2\x80\xdf\xbf", "\\u0080\\u07ff" },
        { "a_sequence_of_three_is_one_unit", "\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbf",
          "\\u0800\\u20ac\\uffff" },
        { "a_sequence_of_four_is_two_units", "\xf0\x90\x80\x80\xf1\x80\x80\x80\xf4\x8f\xbf\xbf",
          "\\ud800\\udc00\\ud8c0\\udc00\\udbff\\udfff" },
        { "surrogates_have_valid_neighbours", "\xed\x9f\xbf\xee\x80\x80", "\\ud7ff\\ue000" },
        { "a_lone_tail_is_a_byte", "\x80\x9f\xbf", "\\udc80\\udc9f\\udcbf" },
        { "bytes_of_no_sequence_are_bytes", "\xc0\xc1\xf5\xff", "\\udcc0\\udcc1\\udcf5\\udcff" },
        { "an_overlong_form_is_bytes", "\xc0\xaf", "\\udcc0\\udcaf" },
        { "an_overlong_form_of_three_is_bytes", "\xe0\x9f\xbf", "\\udce0\\udc9f\\udcbf" },
        { "an_overlong_form_of_four_is_bytes", "\xf0\x8f\xbf\xbf", "\\udcf0\\udc8f\\udcbf\\udcbf" },
        { "an_encoded_surrogate_is_bytes", "\xed\xa0\x80", "\\udced\\udca0\\udc80" },
        { "above_the_last_character_is_bytes", "\xf4\x90\x80\x80", "\\udcf4\\udc90\\udc80\\udc80" },
        { "a_letter_cuts_a_sequence",
          "\xe2\x82"
          "a",
          "\\udce2\\udc82a" },
        { "a_quote_cuts_a_sequence", "\xf0\x9f\x98\"", "\\udcf0\\udc9f\\udc98\\\"" },
        { "a_control_cuts_a_sequence", "\xc3\x01", "\\udcc3\\u0001" },
        { "another_sequence_cuts_a_sequence", "\xf0\x9f\xc3\xa4", "\\udcf0\\udc9f\\u00e4" },
        { "a_bad_byte_cuts_a_sequence", "\xe2\x82\xff", "\\udce2\\udc82\\udcff" },
        { "long_ascii_cuts_a_sequence",
          "abcdefg\xe2"
          "01234567\x82\xac",
          "abcdefg\\udce201234567\\udc82\\udcac" },
        { "the_end_cuts_a_sequence", "a\xf0\x9f\x98", "a\\udcf0\\udc9f\\udc98" },
        { "the_end_cuts_a_first_byte", "\xe0", "\\udce0" },
};

static void count_in_two(const char *bytes, size_t n_bytes, size_t n_first, size_t n_want)
{
        struct json_escape escape = { 0 };
        uint64_t n = 0;

        json_escape_count(&escape, bytes, n_first, &n);
        json_escape_count(&escape, bytes + n_first, n_bytes - n_first, &n);
        json_escape_count_end(&escape, &n);
        assert_int_equal(n, n_want);
        assert_int_equal(escape.state, 0);
}

/* Writes with so much room at a time, in memory of its own. */
static void put_piece(struct json_escape *escape,
                      const char *bytes,
                      size_t n_bytes,
                      size_t n_room,
                      struct text *seen)
{
        char *out = malloc(n_room);
        size_t n_taken;
        size_t n_out;
        size_t at = 0;

        assert_non_null(out);
        do {
                n_out = json_escape_put(escape, bytes + at, n_bytes - at, &n_taken, out, n_room);
                assert_true(n_out <= n_room && n_taken <= n_bytes - at);
                assert_true(n_taken > 0 || at == n_bytes);
                text_put(seen, out, n_out);
                at += n_taken;
        } while (at < n_bytes);
        free(out);
}

static void put_in_two(const struct row *row, size_t n_first, size_t n_room)
{
        cleanup_text struct text seen = { 0 };
        size_t n_bytes = strlen(row->bytes);
        struct json_escape escape = { 0 };
        char out[JSON_ESCAPE_ROOM_BYTES];

        put_piece(&escape, row->bytes, n_first, n_room, &seen);
        put_piece(&escape, row->bytes + n_first, n_bytes - n_first, n_room, &seen);
        text_put(&seen, out, json_escape_end(&escape, out, sizeof(out)));
        assert_string_equal(text_get(&seen), row->want);
        assert_int_equal(escape.state, 0);
}

static void run_row(void **state)
{
        const struct row *row = *state;
        size_t n_bytes = strlen(row->bytes);
        size_t n_first;

        for (n_first = 0; n_first <= n_bytes; n_first++) {
                count_in_two(row->bytes, n_bytes, n_first, strlen(row->want));
                put_in_two(row, n_first, 65536);
                put_in_two(row, n_first, JSON_ESCAPE_ROOM_BYTES + 1);
                put_in_two(row, n_first, JSON_ESCAPE_ROOM_BYTES);
        }
}

/* Each string of three bytes out of these: one of every class, and the borders. */
static const unsigned char interesting[] = {
        0x00, 0x0A, 0x1F, 0x20, 0x22, 0x5C, 0x7E, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
        0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
};

static void check_as_text(const char *bytes, size_t n_bytes)
{
        cleanup_text struct text want = { 0 };
        cleanup_text struct text seen = { 0 };
        struct json_escape escape = { 0 };
        char out[2048];
        size_t n_taken;
        size_t n_out;

        text_put_json(&want, bytes, n_bytes);
        count_in_two(bytes, n_bytes, n_bytes / 2, want.n_bytes - 2);
        n_out = json_escape_put(&escape, bytes, n_bytes, &n_taken, out, sizeof(out));
        assert_int_equal(n_taken, n_bytes);
        n_out += json_escape_end(&escape, out + n_out, sizeof(out) - n_out);
        text_printf(&seen, "\"%.*s\"", (int)n_out, out);
        assert_string_equal(text_get(&seen), text_get(&want));
}

static void all_four_bytes_are_written_as_text_is(void **state)
{
        size_t n = ARRAY_SIZE(interesting);
        char bytes[5];
        size_t i;

        (void)state;
        for (i = 0; i < n * n * n * n; i++) {
                bytes[0] = (char)interesting[i % n];
                bytes[1] = (char)interesting[i / n % n];
                bytes[2] = (char)interesting[i / n / n % n];
                bytes[3] = (char)interesting[i / n / n / n % n];
                check_as_text(bytes, 4);
        }
}

/* The next of a row of numbers that is the same each time (C11, 7.22.2.2). */
static unsigned int next_number(unsigned int *number)
{
        *number = *number * 1103515245u + 12345u;
        return *number >> 16 & 0x7FFF;
}

/* Long enough for blocks, which pass the automaton by. */
#define MIXTURE_BYTES 330
#define N_MIXTURES    40000

/* Letters, with so many of 16 bytes interesting, and sequences. Return: how many bytes */
static size_t mix(char bytes[static MIXTURE_BYTES], unsigned int *number)
{
        static const struct {
                char bytes[5];
                size_t n_bytes;
        } sequences[] = { { "\xc3\xa4", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x92\x80", 4 } };
        unsigned int n_interesting = next_number(number) % 17;
        size_t n_bytes = next_number(number) % MIXTURE_BYTES;
        size_t i_sequence;
        size_t at;

        for (at = 0; at < n_bytes; at++) {
                bytes[at] = 'a';
                if (next_number(number) % 16 < n_interesting)
                        bytes[at] =
                                (char)interesting[next_number(number) % ARRAY_SIZE(interesting)];
        }
        for (at = 0; at + 4 < n_bytes; at += 1 + next_number(number) % 40) {
                i_sequence = next_number(number) % ARRAY_SIZE(sequences);
                memcpy(bytes + at, sequences[i_sequence].bytes, sequences[i_sequence].n_bytes);
        }
        return n_bytes;
}

static void mixtures_are_written_as_text_is(void **state)
{
        char bytes[MIXTURE_BYTES];
        unsigned int number = 1;
        size_t n_bytes;
        int i;

        (void)state;
        for (i = 0; i < N_MIXTURES; i++) {
                n_bytes = mix(bytes, &number);
                check_as_text(bytes, n_bytes);
        }
}

/* Around the room that a block wants. */
static void mixtures_stay_within_their_room(void **state)
{
        cleanup_text struct text want = { 0 };
        cleanup_text struct text seen = { 0 };
        char out[JSON_ESCAPE_ROOM_BYTES];
        struct json_escape escape = { 0 };
        char bytes[MIXTURE_BYTES];
        unsigned int number = 2;
        size_t n_bytes;
        int i;

        (void)state;
        for (i = 0; i < N_MIXTURES; i++) {
                n_bytes = mix(bytes, &number);
                want.n_bytes = seen.n_bytes = 0;
                text_put_json(&want, bytes, n_bytes);
                text_put_char(&seen, '"');
                put_piece(&escape, bytes, n_bytes,
                          JSON_ESCAPE_ROOM_BYTES + next_number(&number) % 600, &seen);
                text_put(&seen, out, json_escape_end(&escape, out, sizeof(out)));
                text_put_char(&seen, '"');
                assert_string_equal(text_get(&seen), text_get(&want));
        }
}

static void each_byte_is_written_as_text_is_in_any_place(void **state)
{
        unsigned int byte;
        char bytes[160];
        size_t i;

        (void)state;
        for (byte = 0; byte < 256; byte++)
                for (i = 0; i < sizeof(bytes); i++) {
                        memset(bytes, 'a', sizeof(bytes));
                        bytes[i] = (char)byte;
                        check_as_text(bytes, sizeof(bytes));
                }
}

static void what_grows_most_stays_within_its_room(void **state)
{
        cleanup_text struct text want = { 0 };
        cleanup_text struct text seen = { 0 };
        struct json_escape escape = { 0 };
        char bytes[20000];
        size_t n_room;

        (void)state;
        memset(bytes, 0xFF, sizeof(bytes));
        text_put_json(&want, bytes, sizeof(bytes));
        for (n_room = JSON_ESCAPE_ROOM_BYTES; n_room < 2u * want.n_bytes; n_room += n_room / 8) {
                text_deinit(&seen);
                text_put_char(&seen, '"');
                put_piece(&escape, bytes, sizeof(bytes), n_room, &seen);
                text_put_char(&seen, '"');
                assert_string_equal(text_get(&seen), text_get(&want));
        }
}

static void without_room_nothing_is_taken(void **state)
{
        struct json_escape escape = { 0 };
        char out[JSON_ESCAPE_ROOM_BYTES];
        size_t n_taken = 99;

        (void)state;
        assert_int_equal(json_escape_put(&escape, "\n", 1, &n_taken, out, 1), 0);
        assert_int_equal(n_taken, 0);
        assert_int_equal(json_escape_put(&escape, "\xe2\x82", 2, &n_taken, out, 0), 0);
        assert_int_equal(n_taken, 2);
        assert_int_equal(json_escape_put(&escape, "\n", 1, &n_taken, out, 13), 0);
        assert_int_equal(n_taken, 0);
        assert_int_equal(json_escape_end(&escape, out, 11), 0);
        assert_int_equal(json_escape_end(&escape, out, 12), 12);
        assert_memory_equal(out, "\\udce2\\udc82", 12);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, all_four_bytes_are_written_as_text_is);
        test_set_add_test(&set, mixtures_are_written_as_text_is);
        test_set_add_test(&set, mixtures_stay_within_their_room);
        test_set_add_test(&set, each_byte_is_written_as_text_is_in_any_place);
        test_set_add_test(&set, what_grows_most_stays_within_its_room);
        test_set_add_test(&set, without_room_nothing_is_taken);
        return test_set_run(&set, "json-escape");
}
