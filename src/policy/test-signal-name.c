/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "policy/signal-name.h"
#include "util/test.h"

static struct {
        const char *name;
        const char *option;
        int want;
} rows[] = {
        { "nothing_is_no_signal", "", -1 },
        { "a_dash_is_no_signal", "-", -1 },
        { "a_name_without_a_dash_is_no_signal", "KILL", -1 },
        { "an_unknown_name_is_no_signal", "-FOO", -1 },
        { "a_prefix_alone_is_no_signal", "-SIG", -1 },
        { "a_longer_name_is_no_signal", "-KILLX", -1 },
        { "a_number_above_the_last_is_no_signal", "-65", -1 },
        { "a_long_number_is_no_signal", "-009", -1 },
        { "a_huge_number_is_no_signal", "-99999999999999999999", -1 },
        { "a_number_and_letters_are_no_signal", "-9x", -1 },
        { "two_dashes_are_no_signal", "--9", -1 },
        { "a_signal_has_a_number", "-9", SIGKILL },
        { "a_number_may_have_a_zero", "-09", SIGKILL },
        { "zero_asks_whether_it_is_there", "-0", 0 },
        { "the_last_number_is_a_signal", "-64", 64 },
        { "a_signal_has_a_name", "-HUP", SIGHUP },
        { "a_signal_has_a_long_name", "-SIGTERM", SIGTERM },
        { "case_does_not_count", "-sigUsr1", SIGUSR1 },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;

        assert_int_equal(signal_name_parse(row->option), row->want);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "signal-name");
}
