/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/monitor.h"
#include "util/fd.h"
#include "util/test.h"

static struct monitor monitor;
static int worker_fd;

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
        int channel[2];
        sigset_t none;

        (void)state;
        n_failures = n_calls = 0;
        (void)sigemptyset(&none);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, channel), 0);
        memset(&monitor, 0, sizeof(monitor));
        worker_fd = channel[1];
        monitor.worker = (struct worker_process){
                .pid = -1, /* nobody to be killed at the end */
                .pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0u),
                .channel = channel[0],
        };
        monitor.signal_fd = signalfd(-1, &none, SFD_CLOEXEC);
        monitor.notify.fd = -1;
        assert_int_equal(loop_init(&monitor.loop), 0);
        assert_int_equal(monitor_watch(&monitor), 0);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        loop_timer_stop(&monitor.send_retry);
        loop_io_deinit(&monitor.channel);
        loop_io_deinit(&monitor.worker_exit);
        loop_io_deinit(&monitor.signals);
        loop_io_deinit(&monitor.parent);
        loop_deinit(&monitor.loop);
        (void)worker_process_end(&monitor.worker);
        (void)close(monitor.signal_fd);
        (void)close(worker_fd);
        return 0;
}

static void run_shortage(void **state)
{
        const struct shortage *row = *state;

        send_error = row->error;
        n_failures = 3;
        assert_int_equal(monitor_answer(&monitor, &(struct record){ .type = RECORD_REFUSED }), 0);
        assert_int_equal(monitor.channel.events, 0); /* that it can be written to is no news */
        assert_int_equal(hear(worker_fd), 0);
        run_for(&monitor.loop, 10 * MONITOR_SEND_RETRY_MS);
        assert_int_equal(n_calls, 4);
        assert_int_equal(hear(worker_fd), RECORD_REFUSED);
        assert_int_equal(monitor.channel.events, EPOLLIN);
}

static void a_full_channel_is_waited_for(void **state)
{
        (void)state;
        send_error = EAGAIN;
        n_failures = 1;
        assert_int_equal(monitor_answer(&monitor, &(struct record){ .type = RECORD_REFUSED }), 0);
        assert_int_equal(monitor.channel.events, EPOLLOUT);
        run_for(&monitor.loop, 0);
        assert_int_equal(hear(worker_fd), RECORD_REFUSED);
}

static void another_failure_is_the_end(void **state)
{
        (void)state;
        send_error = EBADF;
        n_failures = 1;
        assert_int_equal(monitor_answer(&monitor, &(struct record){ .type = RECORD_REFUSED }),
                         -EBADF);
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_rows(&set, shortages, run_shortage);
        test_set_add_test(&set, a_full_channel_is_waited_for);
        test_set_add_test(&set, another_failure_is_the_end);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "monitor");
}
