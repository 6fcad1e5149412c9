/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/test.h"
#include "worker/worker.h"

static struct worker worker;
static int monitor_fd;

/* What sendmsg(2) fails with, and how often. */
static int send_error;
static int n_failures;
static int n_calls;

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
        n_calls++;
        if (n_failures) {
                n_failures--;
                errno = send_error;
                return -1;
        }
        return __real_sendmsg(fd, message, flags);
}

static int leave(struct loop_timer *timer)
{
        (void)timer;
        return LOOP_E_EXIT;
}

static void run_for(struct loop *loop, int64_t ms)
{
        struct loop_timer timer = { 0 };

        loop_timer_set(&timer, loop, leave, ms);
        assert_int_equal(loop_run(loop), 0);
}

/* Return: the type of the record that came; 0: none */
static uint32_t hear(int fd)
{
        struct fd_list fds = { .n_fds = 0 };
        char buffer[1024];
        struct record record;
        size_t n;

        if (fd_receive(fd, buffer, sizeof(buffer), &n, &fds))
                return 0;
        assert_int_equal(record_parse(buffer, n, &record), 0);
        return record.type;
}

static struct shortage {
        const char *name;
        int error;
} shortages[] = {
        { "without_memory_it_is_tried_again", ENOMEM },
        { "without_buffers_it_is_tried_again", ENOBUFS },
        { "with_too_many_descriptors_on_their_way_it_is_tried_again", ETOOMANYREFS },
};

static int set_up(void **state)
{
        struct record_setup setup = { .daemon_timeout_s = 3600, .n_message_max_bytes = 65536 };
        int channel[2];

        (void)state;
        n_failures = n_calls = 0;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, channel), 0);
        memset(&worker, 0, sizeof(worker));
        worker.legacy_listener.fd = worker.native_listener.fd = -1;
        worker.channel_fd = channel[0];
        monitor_fd = channel[1];
        assert_int_equal(worker_init(&worker, &setup, 256), 0);
        assert_int_equal(worker_watch(&worker), 0);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        worker_deinit(&worker);
        (void)close(worker.channel_fd);
        (void)close(monitor_fd);
        return 0;
}

static void run_shortage(void **state)
{
        const struct shortage *row = *state;

        send_error = row->error;
        n_failures = 3;
        worker.is_pinged = true;
        assert_int_equal(worker_turn(&worker), 0);
        assert_int_equal(worker.channel.events, EPOLLIN); /* that it can be written to is no news */
        assert_int_equal(hear(monitor_fd), 0);
        run_for(&worker.loop, 10 * WORKER_SEND_RETRY_MS);
        assert_int_equal(n_calls, 4);
        assert_int_equal(hear(monitor_fd), RECORD_PONG);
        assert_false(worker.is_pinged);
}

static void with_the_next_record_it_is_tried_at_once(void **state)
{
        char bytes[64];
        size_t n = record_format(&(struct record){ .type = RECORD_PING }, bytes, sizeof(bytes));

        (void)state;
        send_error = ETOOMANYREFS;
        n_failures = 1;
        worker.stop_reason = RECORD_STOP_IDLE;
        assert_int_equal(worker_turn(&worker), 0);
        assert_int_equal(send(monitor_fd, bytes, n, 0), n);
        run_for(&worker.loop, 0);
        assert_int_equal(hear(monitor_fd), RECORD_PONG);
        assert_int_equal(hear(monitor_fd), RECORD_STOP);
        assert_null(worker.send_retry.loop);
}

static void a_full_channel_is_waited_for(void **state)
{
        (void)state;
        send_error = EAGAIN;
        n_failures = 1;
        worker.is_pinged = true;
        assert_int_equal(worker_turn(&worker), 0);
        assert_int_equal(worker.channel.events, EPOLLIN | EPOLLOUT);
        assert_null(worker.send_retry.loop);
}

static void another_failure_is_the_end(void **state)
{
        (void)state;
        send_error = EBADF;
        n_failures = 1;
        worker.is_pinged = true;
        assert_int_equal(worker_turn(&worker), -EBADF);
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_rows(&set, shortages, run_shortage);
        test_set_add_test(&set, with_the_next_record_it_is_tried_at_once);
        test_set_add_test(&set, a_full_channel_is_waited_for);
        test_set_add_test(&set, another_failure_is_the_end);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "channel");
}
