/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_test(&set, a_record_arrives_with_its_descriptors);
        test_set_add_rows(&set, violations, run_violation);
        test_set_add_test(&set, nothing_there_is_said_without_waiting);
        test_set_add_test(&set, the_end_is_told_to_both);
        test_set_add_test(&set, a_peer_that_does_not_read_is_not_waited_for);
        test_set_add_test(&set, without_room_in_the_table_a_record_is_short);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "fd");
}
