/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/notify.h"
#include "util/test.h"

static bool fail_socket;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
        if (fail_socket) {
                errno = EMFILE;
                return -1;
        }
        return __real_socket(domain, type, protocol);
}

static char directory[] = "/tmp/test-notify-XXXXXX";

/* A service manager that listens at @path, '@' for an abstract name. */
static int listen_at(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t n = strlen(path);
        int fd;

        assert_true(n <= sizeof(address.sun_path));
        memcpy(address.sun_path, path, n);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
                         0);
        return fd;
}

static void set(const char *name, const char *value)
{
        char number[32];

        (void)snprintf(number, sizeof(number), "%d", getpid());
        if (!value)
                assert_int_equal(unsetenv(name), 0);
        else
                assert_int_equal(setenv(name, strcmp(value, "self") == 0 ? number : value, 1), 0);
}

static void init(struct notify *notify, const char *path, const char *pid, const char *us)
{
        set("NOTIFY_SOCKET", path);
        set("WATCHDOG_PID", pid);
        set("WATCHDOG_USEC", us);
        notify_init(notify);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_null(getenv("WATCHDOG_PID"));
        assert_null(getenv("WATCHDOG_USEC"));
}

/* The path of a socket in our directory, or an abstract one, that has so many bytes. */
static const char *path_of(char first, size_t n_bytes)
{
        static char path[128];

        (void)snprintf(path, sizeof(path), "%c%s/%0100d", first, directory + 1, 0);
        path[n_bytes] = '\0';
        return path;
}

static struct {
        const char *name;
        char first;
        size_t n_bytes;
} path_rows[] = {
        { "a_path_is_told", '/', 40 },
        { "the_longest_path_is_told", '/', 107 },
        { "an_abstract_name_is_told", '@', 40 },
        { "the_longest_abstract_name_is_told", '@', 107 },
};

static void run_path_row(void **state)
{
        const typeof(path_rows[0]) *row = *state;
        const char *path = path_of(row->first, row->n_bytes);
        struct notify notify;
        char bytes[64] = "";
        int manager = listen_at(path);

        init(&notify, path, NULL, NULL);
        assert_true(notify.fd >= 0);
        assert_true(fcntl(notify.fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(notify.watchdog_ms, 0);
        notify_send(&notify, "READY=1");
        notify_send(&notify, "STOPPING=1");
        assert_int_equal(recv(manager, bytes, sizeof(bytes), 0), 7);
        assert_memory_equal(bytes, "READY=1", 7);
        assert_int_equal(recv(manager, bytes, sizeof(bytes), 0), 10);
        assert_memory_equal(bytes, "STOPPING=1", 10);
        notify_deinit(&notify);
        assert_int_equal(notify.fd, -1);
        (void)close(manager);
        if (row->first == '/')
                assert_int_equal(unlink(path), 0);
}

static struct {
        const char *name;
        const char *path; /* NULL: the variable is not set */
} nobody_rows[] = {
        { "without_a_variable_nobody_is_told", NULL },
        { "with_an_empty_one_nobody_is_told", "" },
        { "a_relative_path_is_nobody", "notify" },
        { "a_path_where_nobody_listens_is_nobody", "/tmp/test-notify-nobody" },
        { "an_address_of_another_family_is_nobody", "vsock:2:1" },
        { "a_path_that_is_too_long_is_nobody",
          "/tmp/1234567890123456789012345678901234567890123456789"
          "0123456789012345678901234567890123456789012345678901234" },
};

static void run_nobody_row(void **state)
{
        const typeof(nobody_rows[0]) *row = *state;
        struct notify notify;

        init(&notify, row->path, NULL, "2000000");
        assert_int_equal(notify.fd, -1);
        assert_int_equal(notify.watchdog_ms, 0); /* there is nobody to hear of us */
        notify_send(&notify, "READY=1");
        notify_deinit(&notify);
}

static struct {
        const char *name;
        const char *pid;
        const char *us;
        int64_t want_ms;
} watchdog_rows[] = {
        { "without_a_time_there_is_no_watchdog", NULL, NULL, 0 },
        { "half_of_the_time_is_waited", NULL, "30000000", 15000 },
        { "a_watchdog_of_ours_is_ours", "self", "30000000", 15000 },
        { "a_watchdog_of_another_process_is_not_ours", "1", "30000000", 0 },
        { "a_watchdog_of_no_process_is_not_ours", "", "30000000", 0 },
        { "a_short_time_is_a_millisecond", NULL, "1", 1 },
        { "no_time_is_no_watchdog", NULL, "0", 0 },
        { "an_empty_time_is_no_watchdog", NULL, "", 0 },
        { "a_negative_time_is_no_watchdog", NULL, "-1", 0 },
        { "a_word_is_no_watchdog", NULL, "infinity", 0 },
        { "a_time_before_a_word_is_no_watchdog", NULL, "30000000us", 0 },
        { "a_time_beyond_all_is_no_watchdog", NULL, "99999999999999999999", 0 },
};

static void run_watchdog_row(void **state)
{
        const typeof(watchdog_rows[0]) *row = *state;
        const char *path = path_of('@', 30);
        struct notify notify;
        int manager = listen_at(path);

        init(&notify, path, row->pid, row->us);
        assert_int_equal(notify.watchdog_ms, row->want_ms);
        notify_deinit(&notify);
        (void)close(manager);
}

static void without_a_socket_nobody_is_told(void **state)
{
        const char *path = path_of('@', 30);
        struct notify notify;
        int manager = listen_at(path);

        (void)state;
        fail_socket = true;
        init(&notify, path, NULL, "2000000");
        fail_socket = false;
        assert_int_equal(notify.fd, -1);
        assert_int_equal(notify.watchdog_ms, 0);
        (void)close(manager);
}

/* Neither waits nor dies: the kernel keeps some datagrams, and the rest is lost. */
static void a_manager_that_does_not_listen_holds_nobody_up(void **state)
{
        const char *path = path_of('@', 30);
        struct notify notify;
        int manager = listen_at(path);
        int i;

        (void)state;
        init(&notify, path, NULL, NULL);
        (void)alarm(30);
        for (i = 0; i < 10000; i++)
                notify_send(&notify, "WATCHDOG=1");
        (void)close(manager);
        notify_send(&notify, "STOPPING=1");
        (void)alarm(0);
        notify_deinit(&notify);
}

int main(void)
{
        struct test_set set = { 0 };
        int r;

        if (!mkdtemp(directory))
                return 1;
        test_set_add_rows(&set, path_rows, run_path_row);
        test_set_add_rows(&set, nobody_rows, run_nobody_row);
        test_set_add_rows(&set, watchdog_rows, run_watchdog_row);
        test_set_add_test(&set, without_a_socket_nobody_is_told);
        test_set_add_test(&set, a_manager_that_does_not_listen_holds_nobody_up);
        r = test_set_run(&set, "notify");
        (void)rmdir(directory);
        return r;
}
