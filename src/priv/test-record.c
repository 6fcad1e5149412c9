/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "priv/record.h"
#include "util/test.h"

static char buffer[RECORD_BYTES_MAX + 16];

static struct record_row {
        const char *name;
        struct record record;
} rows[] = {
        { "setup_travels", { .type = RECORD_SETUP, .setup = { .client_uid = 7, .key = "k" } } },
        { "refused_travels",
          { .type = RECORD_REFUSED,
            .id = 3,
            .refused.exit_code = 99,
            .tail = "why",
            .n_tail = 3 } },
        { "failed_travels",
          { .type = RECORD_FAILED, .id = 1, .failed.exit_code = -1, .tail = "why", .n_tail = 3 } },
        { "started_travels", { .type = RECORD_STARTED, .id = 2, .started.pid = 77 } },
        { "explained_travels",
          { .type = RECORD_EXPLAINED, .id = 2, .explained.n_filter_bytes = 2, .tail = "ab", 2 } },
        { "totals_travel", { .type = RECORD_TOTALS, .id = 2, .totals.buckets[13] = 9 } },
        { "command_travels",
          { .type = RECORD_COMMAND, .id = 2, .command.pid = 3, .tail = "x", 1 } },
        { "end_travels", { .type = RECORD_END, .id = 2 } },
        { "admit_travels", { .type = RECORD_ADMIT, .admit.n_uids = 1, .tail = "1234", 4 } },
        { "signal_travels", { .type = RECORD_SIGNAL, .id = 2, .signal.signal = 15 } },
        { "explain_travels",
          { .type = RECORD_EXPLAIN, .id = 2, .explain.n_args = 1, .tail = "a", .n_tail = 2 } },
        { "status_travels", { .type = RECORD_STATUS, .id = 2, .status.peer_uid = 7 } },
        { "exited_travels", { .type = RECORD_EXITED, .id = 4095, .exited.status = 256 } },
        { "finish_travels", { .type = RECORD_FINISH } },
        { "ping_travels", { .type = RECORD_PING } },
        { "ready_travels", { .type = RECORD_READY, .ready = { .version = 1, .missing = 5 } } },
        { "args_travel", { .type = RECORD_ARGS, .tail = "a\0b", .n_tail = 4 } },
        { "start_travels",
          { .type = RECORD_START,
            .id = 9,
            .start = { .n_args = 2, .n_args_bytes = 4, .streams = 7, .peer_pid = 12 },
            .tail = "a\0b",
            .n_tail = 4 } },
        { "done_travels",
          { .type = RECORD_DONE, .done.n_done = 1, .tail = "12345678", .n_tail = 8 } },
        { "peer_travels", { .type = RECORD_PEER, .peer = { .reason = 1, .uid = 5, .pid = 6 } } },
        { "stop_travels", { .type = RECORD_STOP, .stop.reason = RECORD_STOP_IDLE } },
        { "end_command_travels", { .type = RECORD_END_COMMAND, .id = 2 } },
        { "pong_travels", { .type = RECORD_PONG } },
};

static void run_row(void **state)
{
        const struct record_row *row = *state;
        struct record record;
        size_t n;
        char again[sizeof(buffer)];

        n = record_format(&row->record, buffer, sizeof(buffer));
        assert_true(n >= 8);
        assert_int_equal(record_parse(buffer, n, &record), 0);
        assert_int_equal(record.type, row->record.type);
        assert_int_equal(record.id, row->record.id);
        assert_int_equal(record.n_tail, row->record.n_tail);
        assert_int_equal(record_format(&record, again, sizeof(again)), n);
        assert_memory_equal(again, buffer, n);
}

/* Of a record without a tail every other length is bad; of one with a tail every shorter one. */
static void run_lengths(void **state)
{
        const struct record_row *row = *state;
        struct record record;
        size_t n_fixed;
        size_t n;

        n = record_format(&row->record, buffer, sizeof(buffer));
        n_fixed = n - row->record.n_tail;
        while (n-- > 0)
                assert_int_equal(record_parse(buffer, n, &record),
                                 row->record.n_tail && n >= n_fixed ? 0 : RECORD_E_BAD);
        if (!row->record.n_tail)
                assert_int_equal(record_parse(buffer, n_fixed + 1, &record), RECORD_E_BAD);
}

static void unknown_types_are_bad(void **state)
{
        static const uint32_t types[] = { 0, RECORD_TYPES, RECORD_TYPES + 1, UINT32_MAX };
        struct record record;
        size_t i;

        (void)state;
        for (i = 0; i < ARRAY_SIZE(types); i++) {
                memset(buffer, 0, 64);
                memcpy(buffer, &types[i], sizeof(types[i]));
                assert_int_equal(record_parse(buffer, 64, &record), RECORD_E_BAD);
        }
}

static void a_tail_that_finds_no_room_is_not_cut(void **state)
{
        struct record record = { .type = RECORD_ARGS, .tail = buffer, .n_tail = RECORD_BYTES_MAX };
        char room[RECORD_BYTES_MAX];

        (void)state;
        assert_int_equal(record_format(&record, room, sizeof(room)), 0);
        record.n_tail = RECORD_BYTES_MAX - 8;
        assert_int_equal(record_format(&record, room, sizeof(room)), RECORD_BYTES_MAX);
}

static struct carried_row {
        const char *name;
        size_t n_tail; /* bytes */
        uint32_t n_done;
        size_t want;
        size_t want_left;
} carried_rows[] = {
        { "none_is_carried", 5, 0, 0, 5 },
        { "one_is_carried", sizeof(struct record_carried), 1, 1, 0 },
        { "arguments_follow_what_is_carried", 2 * sizeof(struct record_carried) + 3, 2, 2, 3 },
        { "the_most_is_carried", RECORD_DONES_MAX * sizeof(struct record_carried), RECORD_DONES_MAX,
          RECORD_DONES_MAX, 0 },
        { "more_than_the_most_is_refused", sizeof(buffer), RECORD_DONES_MAX + 1, SIZE_MAX, 0 },
        { "less_than_it_says_is_refused", 2 * sizeof(struct record_carried) - 1, 2, SIZE_MAX, 0 },
        { "a_number_that_wraps_is_refused", 64, UINT32_MAX, SIZE_MAX, 0 },
};

static void run_carried(void **state)
{
        const struct carried_row *row = *state;
        struct record_carried carried[RECORD_DONES_MAX];
        struct record record = { .type = RECORD_DONE, .tail = buffer, .n_tail = row->n_tail };

        assert_int_equal(record_take_carried(&record, row->n_done, carried), row->want);
        if (row->want != SIZE_MAX)
                assert_int_equal(record.n_tail, row->want_left);
}

static void nine_signals_may_be_sent(void **state)
{
        static const int allowed[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGKILL, SIGUSR1,
                                       SIGUSR2, SIGTERM, SIGCONT, SIGTSTP };
        int64_t signal;
        size_t i;

        (void)state;
        for (signal = -70; signal < 200; signal++) {
                for (i = 0; i < ARRAY_SIZE(allowed) && allowed[i] != signal;)
                        i++;
                assert_int_equal(record_is_signal(signal), i < ARRAY_SIZE(allowed));
        }
        assert_false(record_is_signal(INT64_MIN));
        assert_false(record_is_signal((int64_t)SIGTERM + (INT64_C(1) << 32)));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        test_set_add_rows(&set, rows, run_lengths);
        test_set_add_rows(&set, carried_rows, run_carried);
        test_set_add_test(&set, nine_signals_may_be_sent);
        test_set_add_test(&set, unknown_types_are_bad);
        test_set_add_test(&set, a_tail_that_finds_no_room_is_not_cut);
        return test_set_run(&set, "record");
}
