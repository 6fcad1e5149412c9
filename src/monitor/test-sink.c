/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "monitor/sink.h"
#include "util/test.h"
#include "util/text.h"

static int64_t now_ms;
static unsigned int n_connects;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_connect(int fd, const struct sockaddr *address, socklen_t n);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
        assert_int_equal(clock, CLOCK_MONOTONIC_COARSE);
        *now = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
        return 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n)
{
        n_connects++;
        return __real_connect(fd, address, n);
}

/* A machine with the destinations that a test puts up. */
struct machine {
        char directory[32];
        char journal_path[64];
        char syslog_path[64];
        int journal; /* where its lines arrive */
        int syslog;
        int stderr_out; /* where stderr's arrive */
        struct sink sink;
};

static void machine_init(struct machine *m)
{
        *m = (struct machine){
                .directory = "/tmp/rootwrapd-test-XXXXXX",
                .journal = -1,
                .syslog = -1,
                .stderr_out = -1,
        };
        now_ms = 5000;
        n_connects = 0;
        assert_non_null(mkdtemp(m->directory));
        (void)snprintf(m->journal_path, sizeof(m->journal_path), "%s/journal", m->directory);
        (void)snprintf(m->syslog_path, sizeof(m->syslog_path), "%s/syslog", m->directory);
        m->sink = (struct sink){
                .name = "daemon",
                .journal_path = m->journal_path,
                .syslog_path = m->syslog_path,
                .stderr_fd = -1,
                .facility = 3,
                .syslog_priority_max = LOG_WARNING,
        };
}

static void machine_deinit(struct machine *m)
{
        sink_close(&m->sink);
        (void)close(m->sink.stderr_fd);
        (void)close(m->stderr_out);
        (void)close(m->journal);
        (void)close(m->syslog);
        (void)unlink(m->journal_path);
        (void)unlink(m->syslog_path);
        (void)rmdir(m->directory);
}

static int bind_socket(const char *path, int type)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        (void)unlink(path);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (type == SOCK_STREAM)
                assert_int_equal(listen(fd, 1), 0);
        return fd;
}

static void journal_start(struct machine *m)
{
        m->journal = bind_socket(m->journal_path, SOCK_DGRAM);
}

static void journal_stop(struct machine *m)
{
        (void)close(m->journal);
        m->journal = -1;
}

static void syslog_start(struct machine *m)
{
        m->syslog = bind_socket(m->syslog_path, SOCK_DGRAM);
}

static void stderr_is_pipe(struct machine *m)
{
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        m->stderr_out = fds[0];
        m->sink.stderr_fd = fds[1];
}

static void stderr_is_socket(struct machine *m)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        m->stderr_out = fds[0];
        m->sink.stderr_fd = fds[1];
}

/* Return: is it out? */
static bool say(struct machine *m, int priority, const char *words)
{
        cleanup_text struct text line = { 0 };

        if (!sink_allows(&m->sink, priority))
                return false;
        text_put_string(&line, words);
        return sink_write(&m->sink, priority, &line, NULL);
}

static void arrives_bytes(int fd, const char *want, size_t n_want)
{
        char got[20000];
        ssize_t n;

        n = read(fd, got, sizeof(got));
        if (n < 0)
                fail_msg("nothing came: %s", strerror(errno));
        assert_int_equal(n, n_want);
        assert_memory_equal(got, want, n_want);
}

static void arrives(int fd, const char *want)
{
        arrives_bytes(fd, want, strlen(want));
}

static void nothing_arrives(int fd)
{
        char byte;

        assert_int_equal(read(fd, &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
}

#define JOURNAL_HEAD(priority) \
        "PRIORITY=" priority "\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=daemon\n"

static void journald_comes_first_and_gets_fields(void **state)
{
        cleanup_text struct text line = { 0 };
        cleanup_text struct text fields = { 0 };
        struct machine m;

        (void)state;
        machine_init(&m);
        journal_start(&m);
        syslog_start(&m);
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        assert_true(sink_allows(&m.sink, LOG_INFO));
        assert_int_equal(m.sink.kind, SINK_JOURNAL);
        text_put_string(&line, "hello");
        text_put_string(&fields, "ROOTWRAP_PID=7\n");
        assert_true(sink_write(&m.sink, LOG_INFO, &line, &fields));
        arrives(m.journal, JOURNAL_HEAD("6") "MESSAGE=hello\nROOTWRAP_PID=7\n");
        nothing_arrives(m.syslog);
        nothing_arrives(m.stderr_out);
        machine_deinit(&m);
}

static void syslog_comes_second(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        syslog_start(&m);
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        assert_true(say(&m, LOG_ERR, "hello"));
        arrives_bytes(m.syslog, "<27>daemon: hello", 18); /* with its NUL */
        nothing_arrives(m.stderr_out);
        machine_deinit(&m);
}

static void syslog_may_be_a_stream(void **state)
{
        struct machine m;
        int fd;

        (void)state;
        machine_init(&m);
        m.syslog = bind_socket(m.syslog_path, SOCK_STREAM);
        sink_open(&m.sink);
        fd = accept(m.syslog, NULL, NULL);
        assert_true(fd >= 0);
        assert_true(say(&m, LOG_ERR, "a"));
        assert_true(say(&m, LOG_WARNING, "b"));
        arrives_bytes(fd, "<27>daemon: a\0<28>daemon: b", 28);
        (void)close(fd);
        machine_deinit(&m);
}

static struct {
        const char *name;
        int priority_max;
        int priority;
        bool want;
} priority_rows[] = {
        { "syslog_gets_errors_whatever_its_level", LOG_CRIT, LOG_ERR, true },
        { "syslog_gets_warnings_whatever_its_level", LOG_ERR, LOG_WARNING, true },
        { "syslog_gets_no_notice_below_its_level", LOG_WARNING, LOG_NOTICE, false },
        { "syslog_gets_no_commands_below_its_level", LOG_NOTICE, LOG_INFO, false },
        { "syslog_gets_commands_at_their_level", LOG_INFO, LOG_INFO, true },
};

static void run_priority_row(void **state)
{
        const typeof(priority_rows[0]) *row = *state;
        struct machine m;

        machine_init(&m);
        syslog_start(&m);
        m.sink.syslog_priority_max = row->priority_max;
        sink_open(&m.sink);
        assert_int_equal(sink_allows(&m.sink, row->priority), row->want);
        assert_int_equal(m.sink.n_lost, 0);
        machine_deinit(&m);
}

static void stderr_comes_last_and_gets_everything(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        assert_true(say(&m, LOG_INFO, "hello"));
        arrives(m.stderr_out, "daemon: hello\n");
        machine_deinit(&m);
}

static void stderr_gets_objects_without_a_name_before_them(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        m.sink.is_json = true;
        sink_open(&m.sink);
        assert_true(say(&m, LOG_INFO, "{}"));
        arrives(m.stderr_out, "{}\n");
        machine_deinit(&m);
}

static void what_others_write_to_stderr_still_waits(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        assert_int_equal(m.sink.kind, SINK_STDERR);
        assert_int_equal(fcntl(m.sink.stderr_fd, F_GETFL) & O_NONBLOCK, 0);
        machine_deinit(&m);
}

static void run_full(struct machine *m)
{
        char words[1001];
        char room[4096];
        unsigned int n = 0;

        memset(words, 'x', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';
        sink_open(&m->sink);
        assert_int_equal(m->sink.kind, SINK_STDERR);
        while (say(m, LOG_ERR, words))
                assert_true(n++ < 10000);
        assert_true(n > 10);
        assert_int_equal(m->sink.n_lost, 1);
        assert_int_equal(m->sink.kind, SINK_STDERR);
        assert_false(say(m, LOG_ERR, words));
        assert_int_equal(m->sink.n_lost, 2);
        while (read(m->stderr_out, room, sizeof(room)) > 0)
                ;
        assert_true(say(m, LOG_ERR, "again"));
        machine_deinit(m);
}

static void a_full_pipe_loses_lines_and_does_not_wait(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        run_full(&m);
}

static void a_full_socket_loses_lines_and_does_not_wait(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_socket(&m);
        run_full(&m);
}

static void a_line_that_was_torn_is_ended_before_the_next(void **state)
{
        static char words[8001];
        struct machine m;
        char room[4096];

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        assert_true(fcntl(m.stderr_out, F_SETPIPE_SZ, 4096) == 4096);
        memset(words, 'x', sizeof(words) - 1);
        sink_open(&m.sink);
        assert_false(say(&m, LOG_ERR, words));
        assert_int_equal(m.sink.n_lost, 1);
        assert_int_equal(read(m.stderr_out, room, sizeof(room)), 4096);
        assert_true(say(&m, LOG_ERR, "next"));
        arrives(m.stderr_out, "\ndaemon: next\n");
        assert_true(say(&m, LOG_ERR, "last"));
        arrives(m.stderr_out, "daemon: last\n");
        machine_deinit(&m);
}

static void stderr_may_be_a_file(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        m.sink.stderr_fd = open(m.directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        assert_true(m.sink.stderr_fd >= 0);
        assert_int_equal(write(m.sink.stderr_fd, "before\n", 7), 7);
        sink_open(&m.sink);
        assert_true(say(&m, LOG_INFO, "hello"));
        assert_int_equal(write(m.sink.stderr_fd, "behind\n", 7), 7);
        assert_int_equal(lseek(m.sink.stderr_fd, 0, SEEK_SET), 0);
        arrives(m.sink.stderr_fd, "before\ndaemon: hello\nbehind\n");
        machine_deinit(&m);
}

static void a_pipe_that_nobody_reads_is_no_destination(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        (void)close(m.stderr_out);
        m.stderr_out = -1;
        assert_false(say(&m, LOG_ERR, "hello"));
        assert_int_equal(m.sink.n_lost, 1);
        assert_int_equal(m.sink.kind, SINK_NONE);
        machine_deinit(&m);
}

static void a_line_goes_on_to_syslog_when_journald_is_gone(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        journal_start(&m);
        syslog_start(&m);
        sink_open(&m.sink);
        assert_true(say(&m, LOG_ERR, "one"));
        arrives(m.journal, JOURNAL_HEAD("3") "MESSAGE=one\n");
        journal_stop(&m);
        assert_true(say(&m, LOG_ERR, "two"));
        arrives_bytes(m.syslog, "<27>daemon: two", 16);
        assert_int_equal(m.sink.n_lost, 0);
        machine_deinit(&m);
}

static void a_command_that_syslog_does_not_want_is_not_lost(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        journal_start(&m);
        syslog_start(&m);
        sink_open(&m.sink);
        journal_stop(&m);
        assert_true(say(&m, LOG_INFO, "one"));
        nothing_arrives(m.syslog);
        assert_int_equal(m.sink.n_lost, 0);
        machine_deinit(&m);
}

static void a_journald_that_was_restarted_gets_the_same_line(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        journal_start(&m);
        sink_open(&m.sink);
        journal_stop(&m);
        journal_start(&m);
        assert_true(say(&m, LOG_ERR, "one"));
        arrives(m.journal, JOURNAL_HEAD("3") "MESSAGE=one\n");
        assert_int_equal(m.sink.n_lost, 0);
        machine_deinit(&m);
}

static void a_syslog_that_was_restarted_gets_the_same_line(void **state)
{
        struct machine m;
        int fd;

        (void)state;
        machine_init(&m);
        m.syslog = bind_socket(m.syslog_path, SOCK_STREAM);
        sink_open(&m.sink);
        (void)close(m.syslog);
        m.syslog = bind_socket(m.syslog_path, SOCK_STREAM);
        assert_true(say(&m, LOG_ERR, "one"));
        fd = accept(m.syslog, NULL, NULL);
        assert_true(fd >= 0);
        arrives_bytes(fd, "<27>daemon: one", 16);
        (void)close(fd);
        machine_deinit(&m);
}

static void a_journald_that_does_not_read_loses_lines(void **state)
{
        struct machine m;
        unsigned int n = 0;

        (void)state;
        machine_init(&m);
        journal_start(&m);
        syslog_start(&m);
        sink_open(&m.sink);
        while (say(&m, LOG_ERR, "hello"))
                assert_true(n++ < 100000);
        assert_int_equal(m.sink.n_lost, 1);
        assert_int_equal(m.sink.kind, SINK_JOURNAL); /* it is busy, not gone */
        nothing_arrives(m.syslog);
        arrives(m.journal, JOURNAL_HEAD("3") "MESSAGE=hello\n");
        assert_true(say(&m, LOG_ERR, "again"));
        machine_deinit(&m);
}

static void without_a_destination_nothing_is_allowed(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        sink_open(&m.sink);
        assert_false(sink_allows(&m.sink, LOG_EMERG));
        assert_int_equal(m.sink.kind, SINK_NONE);
        assert_int_equal(m.sink.n_lost, 0);
        machine_deinit(&m);
}

static void a_destination_is_looked_for_once_a_second(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m);
        sink_open(&m.sink);
        assert_int_equal(n_connects, 3); /* journald, syslog as datagram and as stream */
        for (i = 0; i < 100; i++)
                assert_false(sink_allows(&m.sink, LOG_ERR));
        now_ms += SINK_RETRY_MS - 1;
        assert_false(sink_allows(&m.sink, LOG_ERR));
        assert_int_equal(n_connects, 3);
        syslog_start(&m);
        now_ms += 1;
        assert_true(sink_allows(&m.sink, LOG_ERR));
        assert_int_equal(n_connects, 5);
        for (i = 0; i < 100; i++)
                assert_true(say(&m, LOG_ERR, "x") || m.sink.n_lost);
        assert_int_equal(n_connects, 5);
        machine_deinit(&m);
}

static void a_better_destination_takes_over(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m);
        syslog_start(&m);
        sink_open(&m.sink);
        journal_start(&m);
        assert_true(say(&m, LOG_ERR, "one"));
        arrives_bytes(m.syslog, "<27>daemon: one", 16);
        now_ms += SINK_RETRY_MS;
        assert_true(say(&m, LOG_ERR, "two"));
        arrives(m.journal, JOURNAL_HEAD("3") "MESSAGE=two\n");
        now_ms += SINK_RETRY_MS;
        n_connects = 0;
        assert_true(say(&m, LOG_ERR, "three"));
        assert_int_equal(n_connects, 0);
        machine_deinit(&m);
}

static void a_path_too_long_for_a_socket_is_none(void **state)
{
        static char path[200];
        struct machine m;

        (void)state;
        machine_init(&m);
        memset(path, 'x', sizeof(path) - 1);
        m.sink.journal_path = path;
        stderr_is_pipe(&m);
        sink_open(&m.sink);
        assert_int_equal(m.sink.kind, SINK_STDERR);
        machine_deinit(&m);
}

int main(void)
{
        struct test_set set = { 0 };

        (void)signal(SIGPIPE, SIG_IGN);
        test_set_add_test(&set, without_a_destination_nothing_is_allowed);
        test_set_add_test(&set, a_path_too_long_for_a_socket_is_none);
        test_set_add_test(&set, a_destination_is_looked_for_once_a_second);
        test_set_add_test(&set, a_better_destination_takes_over);
        test_set_add_test(&set, a_line_goes_on_to_syslog_when_journald_is_gone);
        test_set_add_test(&set, a_command_that_syslog_does_not_want_is_not_lost);
        test_set_add_test(&set, a_journald_that_was_restarted_gets_the_same_line);
        test_set_add_test(&set, a_syslog_that_was_restarted_gets_the_same_line);
        test_set_add_test(&set, a_journald_that_does_not_read_loses_lines);
        test_set_add_test(&set, a_full_pipe_loses_lines_and_does_not_wait);
        test_set_add_test(&set, a_full_socket_loses_lines_and_does_not_wait);
        test_set_add_test(&set, a_line_that_was_torn_is_ended_before_the_next);
        test_set_add_test(&set, a_pipe_that_nobody_reads_is_no_destination);
        test_set_add_test(&set, journald_comes_first_and_gets_fields);
        test_set_add_test(&set, syslog_comes_second);
        test_set_add_test(&set, syslog_may_be_a_stream);
        test_set_add_rows(&set, priority_rows, run_priority_row);
        test_set_add_test(&set, stderr_comes_last_and_gets_everything);
        test_set_add_test(&set, stderr_gets_objects_without_a_name_before_them);
        test_set_add_test(&set, what_others_write_to_stderr_still_waits);
        test_set_add_test(&set, stderr_may_be_a_file);
        return test_set_run(&set, "sink");
}
