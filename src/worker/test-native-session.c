/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session does when something is short. What clients can do is in tests/functional and
 * tests/fuzz.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/test.h"
#include "worker/native-session.h"
#include "worker/worker.h"

static struct worker worker;
static struct native_session *session;
static int monitor_fd;
static int client_fd;
static bool is_without_memory;

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
        if (is_without_memory && operation == EPOLL_CTL_ADD) {
                errno = ENOMEM;
                return -1;
        }
        return __real_epoll_ctl(epoll, operation, fd, event);
}

static int leave(struct loop_timer *timer)
{
        (void)timer;
        return LOOP_E_EXIT;
}

static void turn(void)
{
        struct loop_timer timer = { 0 };

        loop_timer_set(&timer, &worker.loop, leave, 0);
        assert_int_equal(loop_run(&worker.loop), 0);
}

static void client_send(struct native_writer *writer, int n_fds)
{
        const int fds[] = { 0, 0 };

        assert_int_equal(fd_send(client_fd, writer->bytes, native_end(writer), fds, (size_t)n_fds),
                         0);
}

/* A START with as many streams. */
static void client_start(uint32_t id, int n_fds)
{
        struct native_writer writer;
        char bytes[256];

        native_begin(&writer, bytes, NATIVE_START, id);
        native_put(&writer, NATIVE_TAG_ARGS, "true", 5);
        if (n_fds)
                native_put(&writer, NATIVE_TAG_FDS, "\3", 1);
        client_send(&writer, n_fds);
        turn();
}

/* The last message: its type, and the reason that it gives. */
static uint32_t client_hear(char reason[128])
{
        const struct native_field *field;
        struct native_message message;
        static char bytes[4096];
        uint32_t type = 0;
        ssize_t n;

        while ((n = recv(client_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
                assert_int_equal(native_parse(bytes, (size_t)n, &message), 0);
                type = message.type;
                field = &message.fields[NATIVE_TAG_REASON];
                assert_true(field->n_bytes < 128);
                if (field->bytes)
                        memcpy(reason, field->bytes, field->n_bytes);
                reason[field->n_bytes] = '\0';
        }
        return type;
}

static int set_up(void **state)
{
        struct record_setup setup = { .is_service = 1,
                                      .daemon_timeout_s = 3600,
                                      .n_message_max_bytes = 65536 };
        struct native_writer writer;
        char bytes[256];
        int channel[2];
        int ends[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, channel), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
        memset(&worker, 0, sizeof(worker));
        worker.legacy_listener.fd = worker.native_listener.fd = -1;
        worker.channel_fd = channel[0];
        monitor_fd = channel[1];
        client_fd = ends[0];
        assert_int_equal(worker_init(&worker, &setup, 256), 0);
        assert_int_equal(worker_watch(&worker), 0);
        assert_int_equal(native_session_new(&worker, ends[1], 0, getpid(), NULL), 0);
        native_begin(&writer, bytes, NATIVE_HELLO, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, 1);
        native_put(&writer, NATIVE_TAG_NONCE, (uint8_t[NATIVE_NONCE_BYTES]){ 0 },
                   NATIVE_NONCE_BYTES);
        client_send(&writer, 0);
        turn();
        session = container_of(list_first(&worker.peers, struct peer, link), struct native_session,
                               peer);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        worker_deinit(&worker);
        (void)close(worker.channel_fd);
        (void)close(monitor_fd);
        (void)close(client_fd);
        return 0;
}

static void one_that_cannot_be_read_again_ends(void **state)
{
        uint32_t id;

        (void)state;
        for (id = 1; id <= NATIVE_WAITING_MAX; id++)
                client_start(id, 0);
        assert_int_equal(session->peer.io.events, 0); /* until one is answered */
        session->n_waiting--;
        is_without_memory = true;
        native_session_answered(session);
        is_without_memory = false;
        session->n_waiting++;
        turn();
        assert_int_equal(worker.n_peers, 0);
}

static struct row {
        const char *name;
        uint32_t args_id; /* has sent arguments for this; 0: none */
        uint32_t id;
        uint32_t want_type;
        const char *want;
} rows[] = {
        { "without_room_for_its_streams_a_start_is_for_later", 0, 2, NATIVE_REFUSED,
          "Too many open files" },
        { "without_room_arguments_are_forgotten", 2, 2, NATIVE_REFUSED, "Too many open files" },
        { "without_room_an_id_in_use_is_wrong_all_the_same", 0, 1, NATIVE_ERROR,
          "The id is in use" },
        { "without_room_what_comes_between_arguments_is_wrong_all_the_same", 3, 2, NATIVE_ERROR,
          "A message came between the arguments of another" },
};

static void run_row(void **state)
{
        const struct row *row = *state;
        struct native_writer writer;
        char reason[128] = "";
        struct rlimit limit;
        struct rlimit low;
        char bytes[256];

        client_start(1, 0);
        if (row->args_id) {
                native_begin(&writer, bytes, NATIVE_ARGS, row->args_id);
                native_put(&writer, NATIVE_TAG_ARGS, "true", 5);
                client_send(&writer, 0);
                turn();
        }
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = limit;
        low.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        client_start(row->id, 2);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(client_hear(reason), row->want_type);
        assert_string_equal(reason, row->want);
        assert_int_equal(worker.n_peers, row->want_type == NATIVE_REFUSED);
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_test(&set, one_that_cannot_be_read_again_ends);
        test_set_add_rows(&set, rows, run_row);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "native-session");
}
