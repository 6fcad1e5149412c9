/* SPDX-License-Identifier: Apache-2.0 */
/* Each row hands descriptor 3 over as a service manager does, or as it should not. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/activation.h"
#include "util/test.h"

static int lied_option = -1; /* that getsockopt(2) says 0 for */
static bool fail_getsockopt;
static int failing_fcntl = -1;

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *n);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, int argument);

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
        int r = __real_getsockopt(fd, level, option, value, n);

        if (fail_getsockopt)
                return -1;
        if (!r && level == SOL_SOCKET && option == lied_option)
                *(int *)value = 0;
        return r;
}

int __wrap_fcntl64(int fd, int command, int argument)
{
        if (command == failing_fcntl) {
                errno = EIO;
                return -1;
        }
        return __real_fcntl64(fd, command, argument);
}

/* "self" and "other" are numbers that no table can know. */
static void set(const char *name, const char *value)
{
        char number[32];

        (void)snprintf(number, sizeof(number), "%d",
                       value && strcmp(value, "self") == 0 ? getpid() : getppid());
        if (!value)
                assert_int_equal(unsetenv(name), 0);
        else if (strcmp(value, "self") == 0 || strcmp(value, "other") == 0)
                assert_int_equal(setenv(name, number, 1), 0);
        else
                assert_int_equal(setenv(name, value, 1), 0);
}

static struct {
        const char *name;
        const char *pid;
        const char *fds;
        int want;
} find_rows[] = {
        { "without_variables_there_is_none", NULL, NULL, 0 },
        { "one_is_one", "self", "1", 1 },
        { "two_are_two", "self", "2", 2 },
        { "the_most_are_found", "self", "1023", 1023 },
        { "more_than_the_most_are_none", "self", "1024", 0 },
        { "what_is_for_another_process_is_none", "other", "1", 0 },
        { "what_is_for_nobody_is_none", NULL, "1", 0 },
        { "an_empty_pid_is_nobody", "", "1", 0 },
        { "no_number_is_none", "self", NULL, 0 },
        { "an_empty_number_is_none", "self", "", 0 },
        { "zero_is_none", "self", "0", 0 },
        { "a_negative_number_is_none", "self", "-1", 0 },
        { "a_number_with_a_sign_is_none", "self", "+1", 0 },
        { "a_number_behind_a_blank_is_none", "self", " 1", 0 },
        { "a_number_before_a_word_is_none", "self", "1x", 0 },
        { "a_number_beyond_all_is_none", "self", "99999999999999999999", 0 },
        { "a_number_that_would_wrap_is_none", "self", "4294967297", 0 },
};

static void run_find_row(void **state)
{
        const typeof(find_rows[0]) *row = *state;

        set("LISTEN_PID", row->pid);
        set("LISTEN_FDS", row->fds);
        assert_int_equal(activation_find(), row->want);
}

enum handed {
        NOTHING,
        A_FILE,
        A_SOCKET,
        A_LISTENER,
};

static struct {
        const char *name;
        const char *fds;
        enum handed handed;
        int domain;
        int type;
        int want;
} take_rows[] = {
        { "a_listener_is_taken", "1", A_LISTENER, AF_UNIX, SOCK_SEQPACKET, 0 },
        { "without_variables_none_is_taken", NULL, A_LISTENER, AF_UNIX, SOCK_SEQPACKET,
          ACTIVATION_E_NONE },
        { "of_two_none_is_taken", "2", A_LISTENER, AF_UNIX, SOCK_SEQPACKET, ACTIVATION_E_BAD },
        { "a_socket_that_does_not_listen_is_bad", "1", A_SOCKET, AF_UNIX, SOCK_SEQPACKET,
          ACTIVATION_E_BAD },
        { "a_stream_is_bad", "1", A_LISTENER, AF_UNIX, SOCK_STREAM, ACTIVATION_E_BAD },
        { "a_socket_of_the_network_is_bad", "1", A_LISTENER, AF_INET, SOCK_STREAM,
          ACTIVATION_E_BAD },
        { "a_file_is_bad", "1", A_FILE, 0, 0, ACTIVATION_E_BAD },
        { "a_promise_is_bad", "1", NOTHING, 0, 0, ACTIVATION_E_BAD },
};

/* Makes it descriptor 3. */
static void hand_over(enum handed handed, int domain, int type)
{
        struct sockaddr_storage address = { .ss_family = (sa_family_t)domain };
        socklen_t n = domain == AF_UNIX ? sizeof(sa_family_t) : sizeof(struct sockaddr_in);
        int fd;

        (void)close(ACTIVATION_FD);
        if (handed == NOTHING)
                return;
        fd = handed == A_FILE ? open("/dev/null", O_RDWR) : socket(domain, type, 0);
        assert_true(fd >= 0);
        if (fd != ACTIVATION_FD) {
                assert_int_equal(dup2(fd, ACTIVATION_FD), ACTIVATION_FD);
                assert_int_equal(close(fd), 0);
        }
        if (handed != A_LISTENER)
                return;
        assert_int_equal(bind(ACTIVATION_FD, (struct sockaddr *)&address, n), 0);
        assert_int_equal(listen(ACTIVATION_FD, 1), 0);
}

static void set_for_us(const char *fds)
{
        set("LISTEN_PID", "self");
        set("LISTEN_FDS", fds);
        set("LISTEN_FDNAMES", "rootwrap.socket");
}

static void assert_forgotten(void)
{
        assert_null(getenv("LISTEN_PID"));
        assert_null(getenv("LISTEN_FDS"));
        assert_null(getenv("LISTEN_FDNAMES"));
}

static void run_take_row(void **state)
{
        const typeof(take_rows[0]) *row = *state;
        int listener = -1;

        hand_over(row->handed, row->domain, row->type);
        set_for_us(row->fds);
        assert_int_equal(activation_take(&listener), row->want);
        assert_forgotten();
        assert_int_equal(listener, row->want ? -1 : ACTIVATION_FD);
        if (!row->want) {
                assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
                assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
        }
        (void)close(ACTIVATION_FD);
}

static struct {
        const char *name;
        int lied_option;
        bool fail_getsockopt;
        int failing_fcntl;
        int want;
} failure_rows[] = {
        { "each_property_counts_the_family", SO_DOMAIN, false, -1, ACTIVATION_E_BAD },
        { "each_property_counts_the_type", SO_TYPE, false, -1, ACTIVATION_E_BAD },
        { "each_property_counts_that_it_listens", SO_ACCEPTCONN, false, -1, ACTIVATION_E_BAD },
        { "what_cannot_be_looked_at_is_bad", -1, true, -1, ACTIVATION_E_BAD },
        { "flags_that_cannot_be_read_are_an_error", -1, false, F_GETFL, -EIO },
        { "flags_that_cannot_be_set_are_an_error", -1, false, F_SETFL, -EIO },
        { "what_stays_open_on_execution_is_an_error", -1, false, F_SETFD, -EIO },
};

static void run_failure_row(void **state)
{
        const typeof(failure_rows[0]) *row = *state;
        int listener = -1;
        int r;

        hand_over(A_LISTENER, AF_UNIX, SOCK_SEQPACKET);
        set_for_us("1");
        lied_option = row->lied_option;
        fail_getsockopt = row->fail_getsockopt;
        failing_fcntl = row->failing_fcntl;
        r = activation_take(&listener);
        lied_option = -1;
        fail_getsockopt = false;
        failing_fcntl = -1;
        assert_int_equal(r, row->want);
        assert_int_equal(listener, -1);
        assert_forgotten();
        (void)close(ACTIVATION_FD);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, find_rows, run_find_row);
        test_set_add_rows(&set, take_rows, run_take_row);
        test_set_add_rows(&set, failure_rows, run_failure_row);
        return test_set_run(&set, "activation");
}
