/* SPDX-License-Identifier: Apache-2.0 */
#include "util/signal-set.h"
#include "util/test.h"

static struct put_row {
        const char *name;
        int put[5];
        int sent[5];
} put_rows[] = {
        { "none", { 0 }, { 0 } },
        { "one", { SIGTERM }, { SIGTERM } },
        { "the_last_number", { 63 }, { 63 } },
        { "twice_is_once", { SIGHUP, SIGHUP }, { SIGHUP } },
        { "the_lowest_first", { SIGTERM, SIGHUP, SIGUSR1 }, { SIGHUP, SIGUSR1, SIGTERM } },
        { "stopped_and_continued", { SIGTSTP, SIGCONT }, { SIGCONT } },
        { "continued_and_stopped", { SIGCONT, SIGTSTP }, { SIGTSTP } },
        { "the_last_of_three", { SIGTSTP, SIGCONT, SIGTSTP }, { SIGTSTP } },
        { "every_stop_is_undone", { SIGSTOP, SIGTTIN, SIGTTOU, SIGTSTP, SIGCONT }, { SIGCONT } },
        { "each_stop_undoes_it", { SIGCONT, SIGTTIN }, { SIGTTIN } },
        { "others_are_kept", { SIGTERM, SIGTSTP, SIGHUP, SIGCONT }, { SIGHUP, SIGTERM, SIGCONT } },
        { "ended_and_continued", { SIGTERM, SIGCONT }, { SIGTERM, SIGCONT } },
};

static void run_put(void **state)
{
        const struct put_row *row = *state;
        uint64_t set = 0;
        int signal;
        size_t n = 0;
        size_t i;

        for (i = 0; i < 5 && row->put[i]; i++)
                signal_set_put(&set, row->put[i]);
        while ((signal = signal_set_first(set))) {
                assert_true(n < 5);
                assert_int_equal(signal, row->sent[n++]);
                signal_set_remove(&set, signal);
        }
        assert_true(n == 5 || !row->sent[n]);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, put_rows, run_put);
        return test_set_run(&set, "signal_set");
}
