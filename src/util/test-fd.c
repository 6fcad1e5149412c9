/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/test.h"

static int ends[2];

static int set_up(void **state)
{
        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        (void)close(ends[0]);
        (void)close(ends[1]);
        return 0;
}

static size_t count_open(void)
{
        size_t n = 0;
        int fd;

        for (fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Sends @n_fds copies of a descriptor in one message, more than fd_send() would. */
static void send_raw(char *bytes, size_t n_bytes, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { .iov_base = bytes, .iov_len = n_bytes };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *header = &control.header;
        size_t i;

        if (n_fds) {
                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                for (i = 0; i < n_fds; i++)
                        memcpy(CMSG_DATA(header) + i * sizeof(int), &ends[0], sizeof(int));
        }
        assert_int_equal(sendmsg(ends[0], &message, 0), n_bytes);
}

static void a_record_arrives_with_its_descriptors(void **state)
{
        struct fd_list list = { .n_fds = 0 };
        int fds[] = { 0, ends[0] };
        char buffer[8];
        size_t n;
        int fd;

        (void)state;
        assert_int_equal(fd_send(ends[0], "abc", 3, fds, 2), 0);
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(buffer, "abc", 3);
        assert_int_equal(list.n_fds, 2);
        fd = fd_list_take(&list);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        (void)close(fd);
        fd_list_close(&list);
        assert_int_equal(fd_list_take(&list), -1);
}

static struct violation {
        const char *name;
        size_t n_bytes;
        size_t n_fds;
} violations[] = {
        { "a_record_that_is_too_long_is_a_violation", 9, 0 },
        { "one_descriptor_too_many_is_a_violation", 3, FD_RECORD_MAX + 1 },
        { "many_descriptors_too_many_are_a_violation", 3, 16 },
        { "a_long_record_with_descriptors_is_a_violation", 9, 2 },
};

static void run_violation(void **state)
{
        const struct violation *row = *state;
        struct fd_list list = { .n_fds = 0 };
        char digits[] = "123456789";
        size_t n_open = count_open();
        char buffer[8];
        size_t n;

        send_raw(digits, row->n_bytes, row->n_fds);
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), FD_E_VIOLATION);
        assert_int_equal(list.n_fds, 0);
        assert_int_equal(count_open(), n_open);
}

static void nothing_there_is_said_without_waiting(void **state)
{
        struct fd_list list;
        char buffer[8];
        size_t n;

        (void)state;
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), -EAGAIN);
}

static void the_end_is_told_to_both(void **state)
{
        struct fd_list list;
        char buffer[8];
        size_t n;

        (void)state;
        (void)shutdown(ends[0], SHUT_RDWR);
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), FD_E_END);
        assert_int_equal(fd_send(ends[1], "x", 1, NULL, 0), FD_E_END);
}

static void a_peer_that_does_not_read_is_not_waited_for(void **state)
{
        char bytes[4096] = { 0 };
        int r = 0;
        int i;

        (void)state;
        for (i = 0; !r && i < 10000; i++)
                r = fd_send(ends[0], bytes, sizeof(bytes), NULL, 0);
        assert_int_equal(r, -EAGAIN);
}

static void without_room_in_the_table_a_record_is_short(void **state)
{
        struct fd_list list = { .n_fds = 0 };
        struct rlimit limit;
        struct rlimit low;
        int fds[] = { 0, 0 };
        char buffer[8];
        size_t n = 0;
        int r;

        (void)state;
        assert_int_equal(fd_send(ends[0], "abc", 3, fds, 2), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = limit;
        low.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        r = fd_receive(ends[1], buffer, sizeof(buffer), &n, &list);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(r, FD_E_SHORT);
        assert_int_equal(n, 3);
        fd_list_close(&list);
}

/* A connection with much to send and a peer that does not read, which is the other one. */
static void connect_stuck(int pair[2], int linger_s)
{
        static const char bytes[65536];
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct linger linger = { .l_onoff = 1, .l_linger = linger_s };
        socklen_t n = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0);

        assert_int_equal(bind(listener, (struct sockaddr *)&address, n), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
        pair[0] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(pair[0], (struct sockaddr *)&address, n), 0);
        pair[1] = accept(listener, NULL, NULL);
        assert_true(pair[1] >= 0);
        while (send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
                ;
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        (void)close(listener);
}

static int64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is done with it. */

static void do_close(int fd)
{
        fd_close_foreign(fd);
}

/* Sends it with a record, as the last of so many. */
static void send_away(int fd, int n_others)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } control = { 0 };
        char byte = 'x';
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen =
                                          CMSG_SPACE((size_t)(n_others + 1) * sizeof(int)) };
        int i;

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN((size_t)(n_others + 1) * sizeof(int));
        for (i = 0; i <= n_others; i++)
                memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int),
                       i == n_others ? &fd : &ends[0], sizeof(int));
        assert_int_equal(sendmsg(ends[0], &message, 0), 1);
        (void)close(fd); /* the last but the one on its way */
}

static void do_list_close(int fd)
{
        struct fd_list list;
        char buffer[8];
        size_t n;

        send_away(fd, 0);
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), 0);
        assert_int_equal(list.n_fds, 1);
        fd_list_close(&list);
}

static void do_receive_too_many(int fd)
{
        struct fd_list list;
        char buffer[8];
        size_t n;

        send_away(fd, 15);
        assert_int_equal(fd_receive(ends[1], buffer, sizeof(buffer), &n, &list), FD_E_VIOLATION);
}

static void do_read(int fd)
{
        char buffer[8];

        send_away(fd, 0);
        assert_int_equal(fd_read(ends[1], buffer, sizeof(buffer)), 1);
        assert_int_equal(fd_read(ends[1], buffer, sizeof(buffer)), -1);
        assert_int_equal(errno, EAGAIN);
}

static void do_leave_unread(int fd)
{
        char buffer[8];

        assert_int_equal(send(ends[0], "", 0, 0), 0); /* which looks like the end */
        send_away(fd, 0);
        fd_drain(ends[1], buffer, sizeof(buffer));
        assert_int_equal(send(ends[0], "x", 1, MSG_NOSIGNAL), -1);
        assert_int_equal(errno, EPIPE);
        assert_int_equal(send(ends[1], "x", 1, MSG_NOSIGNAL), 1);
        (void)close(ends[1]);
        ends[1] = -1;
        assert_int_equal(fd_read(ends[0], buffer, sizeof(buffer)), 1); /* and no reset before */
}

static struct lingering {
        const char *name;
        void (*act)(int fd);
        int linger_s;
        bool is_reset;
} lingering[] = {
        { "a_socket_that_would_linger_is_closed_at_once", do_close, 2, false },
        { "one_that_would_linger_for_ever_is_closed_at_once", do_close, -1, false },
        { "one_that_resets_its_connection_still_does", do_close, 0, true },
        { "what_came_with_a_record_is_closed_at_once", do_list_close, 2, false },
        { "what_came_beyond_the_limit_is_closed_at_once", do_receive_too_many, 2, false },
        { "what_came_with_bytes_is_closed_at_once", do_read, 2, false },
        { "what_nobody_read_is_closed_at_once", do_leave_unread, 2, false },
};

static void run_lingering(void **state)
{
        static char buffer[1 << 20];
        const struct lingering *row = *state;
        size_t n_open = count_open();
        int64_t begun_ms;
        int pair[2];
        ssize_t n;

        (void)alarm(20); /* for ever, without the function under test */
        connect_stuck(pair, row->linger_s);
        begun_ms = now_ms();
        row->act(pair[0]);
        assert_true(now_ms() - begun_ms < 1000);
        (void)alarm(0);
        while ((n = recv(pair[1], buffer, sizeof(buffer), 0)) > 0)
                ;
        assert_int_equal(n, row->is_reset ? -1 : 0); /* all that was sent, and the end */
        (void)close(pair[1]);
        assert_int_equal(count_open(), n_open - (ends[1] < 0));
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_test(&set, a_record_arrives_with_its_descriptors);
        test_set_add_rows(&set, violations, run_violation);
        test_set_add_test(&set, nothing_there_is_said_without_waiting);
        test_set_add_test(&set, the_end_is_told_to_both);
        test_set_add_test(&set, a_peer_that_does_not_read_is_not_waited_for);
        test_set_add_rows(&set, lingering, run_lingering);
        test_set_add_test(&set, without_room_in_the_table_a_record_is_short);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "fd");
}
