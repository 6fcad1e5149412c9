/* SPDX-License-Identifier: Apache-2.0 */
#include "util/test.h"
#include "wire/native.h"

#define HEAD "\0\0\1\2\3\4" /* of a message, behind its type */
#define ID   0x04030201u
#define B8   "12345678"
#define B20  B8 B8 "1234"
#define B24  B8 B8 B8
#define B32  B24 B8

/* A field whose value is a string literal of less than 256 bytes; tag: its low byte. */
#define FIELD(tag, length, value) tag "\0" length "\0" value

#define BYTES(literal)            (literal), sizeof(literal) - 1

static char buffer[NATIVE_MESSAGE_BYTES + 16];
static const char zeros[NATIVE_MESSAGE_BYTES];

/* Messages as docs/protocol-native.md writes them, with all fields that they may have. */
static struct message_row {
        const char *name;
        const char *bytes;
        size_t n_bytes;
        uint32_t type;
} messages[] = {
        { "hello_is_read",
          BYTES("\x01\0" HEAD FIELD("\1", "\4", "\1\0\0\0") FIELD("\2", "\x20", B32)),
          NATIVE_HELLO },
        { "prove_is_read", BYTES("\x02\0" HEAD FIELD("\3", "\x20", B32)), NATIVE_PROVE },
        { "args_is_read", BYTES("\x03\0" HEAD FIELD("\5", "\3", "a\0b")), NATIVE_ARGS },
        { "a_whole_start_is_read",
          BYTES("\x04\0" HEAD FIELD("\5", "\4", "ls\0\0") FIELD("\6", "\4", "A=1\0")
                        FIELD("\7", "\1", "\x0f") FIELD("\x08", "\4", "\1\0\0\0")
                                FIELD("\x09", "\x08", B8) FIELD("\x0a", "\4", "\x12\0\0\0")
                                        FIELD("\x0b", "\4", "\xff\xff\xff\xff")
                                                FIELD("\x0c", "\x14", B20)),
          NATIVE_START },
        { "an_empty_start_is_read", BYTES("\x04\0" HEAD), NATIVE_START },
        { "signal_is_read", BYTES("\x05\0" HEAD FIELD("\x0d", "\4", "\x0f\0\0\0")), NATIVE_SIGNAL },
        { "explain_is_read",
          BYTES("\x06\0" HEAD FIELD("\5", "\3", "ls\0") FIELD("\6", "\4", "A=1\0")),
          NATIVE_EXPLAIN },
        { "status_is_read", BYTES("\x07\0" HEAD), NATIVE_STATUS },
        { "attach_is_read", BYTES("\x08\0" HEAD FIELD("\4", "\x20", B32)), NATIVE_ATTACH },
        { "adopt_is_read", BYTES("\x09\0" HEAD), NATIVE_ADOPT },
        { "welcome_is_read",
          BYTES("\x41\0" HEAD FIELD("\1", "\4", "\1\0\0\0") FIELD("\2", "\x20", B32)
                        FIELD("\3", "\x20", B32) FIELD("\x08", "\4", "\0\0\0\0")
                                FIELD("\x16", "\4", "\0\x08\0\0")
                                        FIELD("\x17", "\4", "\0\0\x10\0")),
          NATIVE_WELCOME },
        { "error_is_read", BYTES("\x42\0" HEAD FIELD("\x15", "\3", "why")), NATIVE_ERROR },
        { "started_is_read", BYTES("\x43\0" HEAD FIELD("\x0e", "\4", "\x09\0\0\0")),
          NATIVE_STARTED },
        { "exited_is_read",
          BYTES("\x44\0" HEAD FIELD("\x08", "\4", "\1\0\0\0") FIELD("\x0f", "\4", "\0\1\0\0")
                        FIELD("\x10", "\x18", B24) FIELD("\x11", "\x08", B8)),
          NATIVE_EXITED },
        { "refused_is_read",
          BYTES("\x45\0" HEAD FIELD("\x12", "\4", "\x63\0\0\0") FIELD("\x13", "\4", "\0\0\0\0")
                        FIELD("\x14", "\2", "ls") FIELD("\x15", "\3", "why")),
          NATIVE_REFUSED },
        { "explanation_is_read",
          BYTES("\x46\0" HEAD FIELD("\5", "\3", "ls\0") FIELD("\6", "\4", "A=1\0")
                        FIELD("\x12", "\4", "\0\0\0\0") FIELD("\x14", "\2", "ls")
                                FIELD("\x15", "\0", "") FIELD("\x1b", "\3", "f:1")
                                        FIELD("\x1c", "\4", "root")),
          NATIVE_EXPLANATION },
        { "totals_is_read", BYTES("\x47\0" HEAD FIELD("\x18", "\x18", B24)), NATIVE_TOTALS },
        { "command_is_read",
          BYTES("\x48\0" HEAD FIELD("\5", "\3", "ls\0") FIELD("\x0e", "\4", "\1\0\0\0")
                        FIELD("\x11", "\x08", B8) FIELD("\x14", "\2", "ls")
                                FIELD("\x19", "\4", "\1\0\0\0") FIELD("\x1a", "\4", "\1\0\0\0")
                                        FIELD("\x1c", "\4", "root")),
          NATIVE_COMMAND },
        { "end_is_read", BYTES("\x49\0" HEAD), NATIVE_END },
        { "released_is_read", BYTES("\x4a\0" HEAD), NATIVE_RELEASED },
};

/* Return: the length of the same message, written by native_put() */
static size_t write_again(const struct native_message *message, char *room)
{
        struct native_writer writer;
        uint32_t tag;

        native_begin(&writer, room, message->type, message->id);
        for (tag = 0; tag < NATIVE_TAGS; tag++)
                if (native_has(message, tag))
                        native_put(&writer, tag, message->fields[tag].bytes,
                                   message->fields[tag].n_bytes);
        return native_end(&writer);
}

static void run_message(void **state)
{
        const struct message_row *row = *state;
        struct native_message message;

        assert_int_equal(native_parse(row->bytes, row->n_bytes, &message), 0);
        assert_int_equal(message.type, row->type);
        assert_int_equal(message.id, ID);
        assert_int_equal(write_again(&message, buffer), row->n_bytes);
        assert_memory_equal(buffer, row->bytes, row->n_bytes);
}

/* Wherever it ends: it is bad, or it ends between two fields and is whole without the rest. */
static void run_truncated(void **state)
{
        const struct message_row *row = *state;
        struct native_message message;
        size_t n;
        char *exact;

        for (n = 0; n < row->n_bytes; n++) {
                exact = malloc(n ? n : 1); /* so that a sanitizer sees what reads beyond it */
                assert_non_null(exact);
                memcpy(exact, row->bytes, n);
                if (native_parse(exact, n, &message) == 0)
                        assert_int_equal(write_again(&message, buffer), n);
                free(exact);
        }
}

static void run_trailing(void **state)
{
        const struct message_row *row = *state;
        struct native_message message;
        size_t n;

        memset(buffer, 0, sizeof(buffer));
        memcpy(buffer, row->bytes, row->n_bytes);
        for (n = 1; n <= 4; n++)
                assert_int_equal(native_parse(buffer, row->n_bytes + n, &message), NATIVE_E_BAD);
}

/* Without one of its required fields a message is bad; without another it is not. */
static void run_missing(void **state)
{
        const struct message_row *row = *state;
        struct native_message message;
        struct native_message less;
        char room[NATIVE_MESSAGE_BYTES];
        uint32_t tag;
        size_t n;
        int is_optional;

        assert_int_equal(native_parse(row->bytes, row->n_bytes, &message), 0);
        for (tag = 0; tag < NATIVE_TAGS; tag++) {
                if (!native_has(&message, tag))
                        continue;
                less = message;
                less.fields[tag].bytes = NULL;
                n = write_again(&less, room);
                is_optional = row->type == NATIVE_START || row->type == NATIVE_EXPLAIN ||
                              (row->type == NATIVE_WELCOME && tag == NATIVE_TAG_PROOF) ||
                              (row->type == NATIVE_REFUSED && tag == NATIVE_TAG_FILTER) ||
                              (row->type == NATIVE_EXPLANATION && tag != NATIVE_TAG_CODE);
                assert_int_equal(native_parse(room, n, &less), is_optional ? 0 : NATIVE_E_BAD);
        }
}

/* Each field that a message does not have makes it bad, whatever its length. */
static void run_foreign(void **state)
{
        const struct message_row *row = *state;
        struct native_message message;
        struct native_message more;
        char room[NATIVE_MESSAGE_BYTES];
        uint32_t tag;
        size_t n;

        assert_int_equal(native_parse(row->bytes, row->n_bytes, &message), 0);
        if (row->type == NATIVE_START && row->n_bytes == 8)
                return; /* all that is missing from this one is its own */
        for (tag = 1; tag < NATIVE_TAGS; tag++) {
                if (native_has(&message, tag))
                        continue;
                for (n = 0; n <= 32; n++) {
                        more = message;
                        more.fields[tag] = (struct native_field){ room, n };
                        memset(room, 0, 32);
                        assert_int_equal(native_parse(buffer, write_again(&more, buffer), &more),
                                         NATIVE_E_BAD);
                }
        }
}

static struct rule_row {
        const char *name;
        const char *bytes;
        size_t n_bytes;
        int want;
} rules[] = {
        { "nothing_is_no_message", BYTES(""), NATIVE_E_BAD },
        { "the_second_word_is_zero", BYTES("\x07\0\1\0\0\0\0\0"), NATIVE_E_BAD },
        { "the_second_word_is_zero_in_both_bytes", BYTES("\x07\0\0\1\0\0\0\0"), NATIVE_E_BAD },
        { "there_is_no_type_0", BYTES("\0\0" HEAD), NATIVE_E_BAD },
        { "there_is_no_type_10", BYTES("\x0a\0" HEAD), NATIVE_E_BAD },
        { "there_is_no_type_64", BYTES("\x40\0" HEAD), NATIVE_E_BAD },
        { "there_is_no_type_75", BYTES("\x4b\0" HEAD), NATIVE_E_BAD },
        { "type_32767_must_be_known", BYTES("\xff\x7f" HEAD), NATIVE_E_BAD },
        { "type_32768_may_be_skipped", BYTES("\0\x80" HEAD), NATIVE_E_SKIP },
        { "type_65535_may_be_skipped_with_any_fields", BYTES("\xff\xff" HEAD "x"), NATIVE_E_SKIP },
        { "what_may_be_skipped_has_a_zero_too", BYTES("\xff\xff\1\0\0\0\0\0"), NATIVE_E_BAD },
        { "tag_0_is_no_field", BYTES("\x07\0" HEAD "\0\0\0\0"), NATIVE_E_BAD },
        { "tag_30_is_no_field", BYTES("\x07\0" HEAD "\x1e\0\0\0"), NATIVE_E_BAD },
        { "tag_32767_must_be_known", BYTES("\x07\0" HEAD "\xff\x7f\0\0"), NATIVE_E_BAD },
        { "tag_32768_may_be_skipped", BYTES("\x07\0" HEAD "\0\x80\1\0x"), 0 },
        { "what_may_be_skipped_has_its_length", BYTES("\x07\0" HEAD "\0\x80\2\0x"), NATIVE_E_BAD },
        { "what_may_be_skipped_comes_once",
          BYTES("\x07\0" HEAD "\0\x80\0\0"
                "\0\x80\0\0"),
          NATIVE_E_BAD },
        { "two_fields_may_be_skipped",
          BYTES("\x07\0" HEAD "\0\x80\0\0"
                "\1\x80\0\0"),
          0 },
        { "no_field_follows_what_may_be_skipped",
          BYTES("\x05\0" HEAD "\0\x80\0\0" FIELD("\x0d", "\4", "\1\0\0\0")), NATIVE_E_BAD },
        { "a_field_comes_once", BYTES("\x04\0" HEAD FIELD("\5", "\0", "") FIELD("\5", "\0", "")),
          NATIVE_E_BAD },
        { "fields_ascend", BYTES("\x04\0" HEAD FIELD("\6", "\0", "") FIELD("\5", "\0", "")),
          NATIVE_E_BAD },
        { "a_length_beyond_the_end_is_bad",
          BYTES("\x03\0" HEAD "\5\0\xff\xff"
                "abc"),
          NATIVE_E_BAD },
        { "args_may_be_empty", BYTES("\x03\0" HEAD FIELD("\5", "\0", "")), 0 },
        { "a_signal_of_3_bytes_is_bad", BYTES("\x05\0" HEAD FIELD("\x0d", "\3", "\1\0\0")),
          NATIVE_E_BAD },
        { "a_signal_of_5_bytes_is_bad", BYTES("\x05\0" HEAD FIELD("\x0d", "\5", "\1\0\0\0\0")),
          NATIVE_E_BAD },
        { "a_key_of_31_bytes_is_bad", BYTES("\x08\0" HEAD FIELD("\4", "\x1f", B24 "1234567")),
          NATIVE_E_BAD },
        { "a_key_of_33_bytes_is_bad", BYTES("\x08\0" HEAD FIELD("\4", "\x21", B32 "1")),
          NATIVE_E_BAD },
        { "fds_have_one_byte", BYTES("\x04\0" HEAD FIELD("\7", "\0", "")), NATIVE_E_BAD },
        { "a_timeout_has_8_bytes", BYTES("\x04\0" HEAD FIELD("\x09", "\4", "\1\0\0\0")),
          NATIVE_E_BAD },
        { "there_may_be_no_limits", BYTES("\x04\0" HEAD FIELD("\x0c", "\0", "")), 0 },
        { "there_is_no_half_limit", BYTES("\x04\0" HEAD FIELD("\x0c", "\x13", B8 B8 "123")),
          NATIVE_E_BAD },
        { "there_is_no_half_counter", BYTES("\x47\0" HEAD FIELD("\x18", "\4", "1234")),
          NATIVE_E_BAD },
};

static void run_rule(void **state)
{
        const struct rule_row *row = *state;
        struct native_message message;

        assert_int_equal(native_parse(row->bytes, row->n_bytes, &message), row->want);
}

static void a_message_may_be_as_long_as_a_packet_and_no_longer(void **state)
{
        struct native_writer writer;
        struct native_message message;

        (void)state;
        memset(buffer, 0, sizeof(buffer));
        native_begin(&writer, buffer, NATIVE_ARGS, 1);
        assert_int_equal(native_room(&writer), NATIVE_FIELD_BYTES_MAX);
        native_put(&writer, NATIVE_TAG_ARGS, zeros, NATIVE_FIELD_BYTES_MAX);
        assert_int_equal(native_end(&writer), NATIVE_MESSAGE_BYTES);
        assert_int_equal(native_room(&writer), 0);
        assert_int_equal(native_parse(buffer, NATIVE_MESSAGE_BYTES, &message), 0);
        assert_int_equal(message.fields[NATIVE_TAG_ARGS].n_bytes, NATIVE_FIELD_BYTES_MAX);

        buffer[10] = (char)0xf5; /* one more: 0x7ff5 bytes */
        assert_int_equal(native_parse(buffer, NATIVE_MESSAGE_BYTES + 1, &message), NATIVE_E_BAD);
}

static void what_finds_no_room_makes_the_whole_message_nothing(void **state)
{
        struct native_writer writer;

        (void)state;
        native_begin(&writer, buffer, NATIVE_ARGS, 1);
        native_put(&writer, NATIVE_TAG_ARGS, zeros, NATIVE_FIELD_BYTES_MAX + 1);
        assert_int_equal(native_end(&writer), 0);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 1);
        assert_int_equal(native_end(&writer), 0);
}

static void a_field_out_of_order_makes_the_whole_message_nothing(void **state)
{
        struct native_writer writer;

        (void)state;
        native_begin(&writer, buffer, NATIVE_START, 1);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 1);
        native_put_text(&writer, NATIVE_TAG_ARGS, "x");
        assert_int_equal(native_end(&writer), 0);
        native_begin(&writer, buffer, NATIVE_START, 1);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 1);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 1);
        assert_int_equal(native_end(&writer), 0);
}

static void numbers_are_little_endian(void **state)
{
        struct native_writer writer;
        struct native_message message;

        (void)state;
        native_begin(&writer, buffer, NATIVE_START, 0xfffefdfc);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0x01020304);
        native_put_u64(&writer, NATIVE_TAG_TIMEOUT, UINT64_C(0x8877665544332211));
        native_put_u32(&writer, NATIVE_TAG_NICE, (uint32_t)-20);
        assert_int_equal(native_end(&writer), 8 + 8 + 12 + 8);
        assert_memory_equal(buffer,
                            "\4\0\0\0\xfc\xfd\xfe\xff\x08\0\4\0\4\3\2\1\x09\0\x08\0"
                            "\x11\x22\x33\x44\x55\x66\x77\x88\x0b\0\4\0\xec\xff\xff\xff",
                            36);
        assert_int_equal(native_parse(buffer, 36, &message), 0);
        assert_int_equal(message.id, 0xfffefdfc);
        assert_int_equal(native_get_u32(&message, NATIVE_TAG_FLAGS), 0x01020304);
        assert_true(native_get_u64(&message, NATIVE_TAG_TIMEOUT) == UINT64_C(0x8877665544332211));
        assert_int_equal((int32_t)native_get_u32(&message, NATIVE_TAG_NICE), -20);
}

static void a_field_that_is_not_there_reads_as_0(void **state)
{
        struct native_message message;

        (void)state;
        assert_int_equal(native_parse("\x04\0" HEAD, 8, &message), 0);
        assert_false(native_has(&message, NATIVE_TAG_FLAGS));
        assert_int_equal(native_get_u32(&message, NATIVE_TAG_FLAGS), 0);
        assert_int_equal(native_get_u64(&message, NATIVE_TAG_TIMEOUT), 0);
}

static void a_text_that_is_null_is_no_field(void **state)
{
        struct native_writer writer;

        (void)state;
        native_begin(&writer, buffer, NATIVE_REFUSED, 1);
        native_put_text(&writer, NATIVE_TAG_FILTER, NULL);
        native_put_limits(&writer, NULL, 0);
        assert_int_equal(native_end(&writer), 8);
}

static void limits_travel(void **state)
{
        struct native_limit limits[NATIVE_LIMITS_MAX];
        struct native_limit read[NATIVE_LIMITS_MAX];
        struct native_writer writer;
        struct native_message message;
        size_t i;

        (void)state;
        for (i = 0; i < NATIVE_LIMITS_MAX; i++)
                limits[i] = (struct native_limit){ (uint32_t)i, i << 40, UINT64_MAX - i };
        native_begin(&writer, buffer, NATIVE_START, 1);
        native_put_limits(&writer, limits, NATIVE_LIMITS_MAX);
        assert_int_equal(native_parse(buffer, native_end(&writer), &message), 0);
        assert_int_equal(native_get_limits(&message, read), NATIVE_LIMITS_MAX);
        for (i = 0; i < NATIVE_LIMITS_MAX; i++) {
                assert_int_equal(read[i].resource, limits[i].resource);
                assert_true(read[i].soft == limits[i].soft && read[i].hard == limits[i].hard);
        }
}

static void there_are_not_17_limits(void **state)
{
        struct native_limit limits[NATIVE_LIMITS_MAX + 1] = { { 0 } };
        struct native_writer writer;
        struct native_message message;

        (void)state;
        native_begin(&writer, buffer, NATIVE_START, 1);
        native_put_limits(&writer, limits, NATIVE_LIMITS_MAX + 1);
        assert_int_equal(native_parse(buffer, native_end(&writer), &message), NATIVE_E_BAD);
}

static void counters_of_a_newer_daemon_are_left_out(void **state)
{
        uint64_t counters[] = { 1, UINT64_MAX, 3 };
        uint64_t read[3] = { 0, 0, 77 };
        struct native_writer writer;
        struct native_message message;

        (void)state;
        native_begin(&writer, buffer, NATIVE_TOTALS, 1);
        native_put_u64s(&writer, NATIVE_TAG_COUNTERS, counters, 3);
        assert_int_equal(native_parse(buffer, native_end(&writer), &message), 0);
        assert_int_equal(native_get_counters(&message, read, 2), 2);
        assert_true(read[0] == 1 && read[1] == UINT64_MAX && read[2] == 77);
        assert_int_equal(native_get_counters(&message, read, 3), 3);
        assert_true(read[2] == 3);
}

static void usage_travels(void **state)
{
        uint64_t usage[] = { 1, UINT64_C(1) << 40, 3 };
        struct native_writer writer;
        struct native_message message;
        struct native_usage read;

        (void)state;
        native_begin(&writer, buffer, NATIVE_EXITED, 1);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, NATIVE_TIMED_OUT);
        native_put_u32(&writer, NATIVE_TAG_STATUS, 9);
        native_put_u64s(&writer, NATIVE_TAG_USAGE, usage, 3);
        native_put_u64(&writer, NATIVE_TAG_DURATION, 5);
        assert_int_equal(native_parse(buffer, native_end(&writer), &message), 0);
        read = native_get_usage(&message);
        assert_true(read.user_us == 1 && read.system_us == UINT64_C(1) << 40 &&
                    read.rss_max_kb == 3);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, messages, run_message);
        test_set_add_rows(&set, messages, run_truncated);
        test_set_add_rows(&set, messages, run_trailing);
        test_set_add_rows(&set, messages, run_missing);
        test_set_add_rows(&set, messages, run_foreign);
        test_set_add_rows(&set, rules, run_rule);
        test_set_add_test(&set, a_message_may_be_as_long_as_a_packet_and_no_longer);
        test_set_add_test(&set, what_finds_no_room_makes_the_whole_message_nothing);
        test_set_add_test(&set, a_field_out_of_order_makes_the_whole_message_nothing);
        test_set_add_test(&set, numbers_are_little_endian);
        test_set_add_test(&set, a_field_that_is_not_there_reads_as_0);
        test_set_add_test(&set, a_text_that_is_null_is_no_field);
        test_set_add_test(&set, limits_travel);
        test_set_add_test(&set, there_are_not_17_limits);
        test_set_add_test(&set, counters_of_a_newer_daemon_are_left_out);
        test_set_add_test(&set, usage_travels);
        return test_set_run(&set, "native");
}
