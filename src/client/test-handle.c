/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a daemon that is played by a thread: what the real one does rarely or never.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rootwrap.h"
#include "util/test.h"
#include "wire/native-proof.h"

static const char *const true_argv[] = { "true", NULL };

/* The daemon */

static char folder[64];
static char path[96];
static int listener;
static char input[NATIVE_MESSAGE_BYTES];
static char output[NATIVE_MESSAGE_BYTES];
static size_t n_starts;
static uint32_t n_commands_max;

static void say(int fd, struct native_writer *writer)
{
        size_t n = native_end(writer);

        if (!n || send(fd, writer->bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
                abort();
}

/* Return: is there a message? */
static int hear(int fd, struct native_message *message)
{
        ssize_t n = recv(fd, input, sizeof(input), 0);

        *message = (struct native_message){ .type = 0 };
        if (n > 0 && native_parse(input, (size_t)n, message))
                abort();
        if (n > 0 && message->type == NATIVE_START)
                n_starts++;
        return n > 0;
}

static int greet(void)
{
        uint8_t nonce[NATIVE_NONCE_BYTES] = { 0 };
        struct native_message message;
        struct native_writer writer;
        int fd = accept(listener, NULL, NULL);

        if (fd < 0 || !hear(fd, &message) || message.type != NATIVE_HELLO)
                abort();
        native_begin(&writer, output, NATIVE_WELCOME, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, 1);
        native_put(&writer, NATIVE_TAG_NONCE, nonce, sizeof(nonce));
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(&writer, NATIVE_TAG_COMMANDS_MAX, n_commands_max);
        native_put_u32(&writer, NATIVE_TAG_ARGS_MAX, 1u << 20);
        say(fd, &writer);
        return fd;
}

static void say_started(int fd, uint32_t id)
{
        struct native_writer writer;

        native_begin(&writer, output, NATIVE_STARTED, id);
        native_put_u32(&writer, NATIVE_TAG_PID, 77);
        say(fd, &writer);
}

static void say_exited(int fd, uint32_t id, uint32_t status)
{
        static const uint64_t usage[] = { 1, 2, 3 };
        struct native_writer writer;

        native_begin(&writer, output, NATIVE_EXITED, id);
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(&writer, NATIVE_TAG_STATUS, status);
        native_put_u64s(&writer, NATIVE_TAG_USAGE, usage, 3);
        native_put_u64(&writer, NATIVE_TAG_DURATION, 4);
        say(fd, &writer);
}

static void say_refused(int fd, uint32_t id, uint32_t code, uint32_t error)
{
        struct native_writer writer;

        native_begin(&writer, output, NATIVE_REFUSED, id);
        native_put_u32(&writer, NATIVE_TAG_CODE, code);
        native_put_u32(&writer, NATIVE_TAG_ERROR, error);
        native_put_text(&writer, NATIVE_TAG_REASON, "because");
        say(fd, &writer);
}

static void serve_one(int fd, uint32_t status)
{
        struct native_message message;

        if (!hear(fd, &message) || message.type != NATIVE_START)
                abort();
        say_started(fd, message.id);
        say_exited(fd, message.id, status);
}

/* What it does, by row; the client runs `true` once. */

static void serve_well(void)
{
        int fd = greet();

        serve_one(fd, 5 << 8);
        (void)close(fd);
}

static void stop_then_serve(void)
{
        struct native_message message;
        int fd = greet();
        int next;

        (void)hear(fd, &message);
        say_refused(fd, message.id, 75, ESHUTDOWN);
        next = greet();
        serve_one(next, 5 << 8);
        (void)close(fd);
        (void)close(next);
}

static void be_busy(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        say_refused(fd, message.id, 75, EAGAIN);
        (void)close(fd);
}

static void break_after_start(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        (void)close(fd);
}

static void break_after_started(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        say_started(fd, message.id);
        (void)close(fd);
}

static void break_at_once(void)
{
        (void)close(accept(listener, NULL, NULL));
}

static void turn_away(void)
{
        struct native_writer writer;
        int fd = accept(listener, NULL, NULL);

        native_begin(&writer, output, NATIVE_ERROR, 0);
        native_put_text(&writer, NATIVE_TAG_REASON, "not you");
        say(fd, &writer);
        (void)close(fd);
}

static void talk_nonsense(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        (void)send(fd, "nonsense", 8, MSG_NOSIGNAL);
        (void)recv(fd, input, sizeof(input), 0);
        (void)close(fd);
}

static void serve_at_once(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        if (native_get_u32(&message, NATIVE_TAG_FLAGS) != NATIVE_LATE)
                abort();
        say_exited(fd, message.id, 5 << 8); /* without STARTED */
        (void)close(fd);
}

static void answer_what_was_not_asked(void)
{
        struct native_message message;
        struct native_writer writer;
        int fd = greet();

        (void)hear(fd, &message);
        native_begin(&writer, output, NATIVE_END, message.id);
        say(fd, &writer);
        (void)recv(fd, input, sizeof(input), 0);
        (void)close(fd);
}

static void speak_of_tomorrow(void)
{
        struct native_message message;
        int fd = greet();

        (void)hear(fd, &message);
        (void)send(fd, "\0\x90\0\0\1\2\3\4new", 11, MSG_NOSIGNAL);
        say_started(fd, message.id + 4096); /* about nothing */
        say_started(fd, message.id);
        say_exited(fd, message.id, 5 << 8);
        (void)close(fd);
}

static struct served_row {
        const char *name;
        void (*serve)(void);
        int want;        /* of rootwrap_run() */
        size_t n_starts; /* how often the command was asked for */
} rows[] = {
        { "a_command_runs", serve_well, 0, 1 },
        { "a_command_that_has_exited_already_was_run", serve_at_once, 0, 1 },
        { "a_daemon_that_stops_leaves_the_command_to_the_next", stop_then_serve, 0, 2 },
        { "too_many_is_busy", be_busy, ROOTWRAP_E_BUSY, 1 },
        { "a_break_after_start_is_unknown_and_not_repeated", break_after_start, ROOTWRAP_E_UNKNOWN,
          1 },
        { "a_break_after_started_is_unknown_and_not_repeated", break_after_started,
          ROOTWRAP_E_UNKNOWN, 1 },
        { "a_break_before_the_welcome_is_no_daemon", break_at_once, ROOTWRAP_E_START, 0 },
        { "being_turned_away_is_told", turn_away, ROOTWRAP_E_PROTOCOL, 0 },
        { "nonsense_makes_it_unknown", talk_nonsense, ROOTWRAP_E_UNKNOWN, 1 },
        { "an_end_without_a_start_makes_it_unknown", answer_what_was_not_asked, ROOTWRAP_E_UNKNOWN,
          1 },
        { "what_is_new_is_skipped", speak_of_tomorrow, 0, 1 },
};

static void listen_anew(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)strcpy(folder, "/tmp/test-handle-XXXXXX");
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof(path), "%s/native.sock", folder);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 8), 0);
        n_starts = 0;
        n_commands_max = 8;
}

static void listen_no_more(void)
{
        (void)close(listener);
        (void)unlink(path);
        (void)rmdir(folder);
}

static void *serve_row(void *row)
{
        ((struct served_row *)row)->serve();
        return NULL;
}

static void run_served(void **state)
{
        struct served_row *row = *state;
        struct rootwrap_result *result = NULL;
        struct rootwrap *rootwrap;
        pthread_t daemon;

        listen_anew();
        assert_int_equal(pthread_create(&daemon, NULL, serve_row, row), 0);
        assert_int_equal(rootwrap_open_socket(path, &rootwrap), 0);
        assert_int_equal(rootwrap_run(rootwrap, true_argv, NULL, &result), row->want);
        if (!row->want) {
                assert_int_equal(result->exit_code, 5);
                assert_int_equal(result->duration_us, 4);
                assert_int_equal(result->rss_max_kb, 3);
        } else {
                assert_null(result);
                assert_true(*rootwrap_detail());
        }
        rootwrap_result_free(result);
        rootwrap_close(rootwrap);
        assert_int_equal(pthread_join(daemon, NULL), 0);
        assert_int_equal(n_starts, row->n_starts);
        listen_no_more();
}

/* One that knows no key, where there is one. */
static void *serve_without_proof(void *nothing)
{
        int fd = greet();
        struct native_message message;

        *(int *)nothing = hear(fd, &message); /* the client must say nothing more */
        (void)close(fd);
        return NULL;
}

static void a_daemon_without_its_proof_gets_no_command(void **state)
{
        char script[256];
        const char *argv[] = { "/bin/sh", "-c", script, NULL };
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;
        pthread_t daemon;
        int was_told = -1;

        (void)state;
        listen_anew();
        (void)snprintf(script, sizeof(script),
                       "printf '%s/rootwrap.sock\\n%%032d' 7; exec cat >/dev/null", folder);
        assert_int_equal(pthread_create(&daemon, NULL, serve_without_proof, &was_told), 0);
        assert_int_equal(rootwrap_open_command(argv, &rootwrap), 0);
        assert_int_equal(rootwrap_run(rootwrap, true_argv, NULL, &result), ROOTWRAP_E_PROTOCOL);
        assert_int_equal(pthread_join(daemon, NULL), 0);
        assert_int_equal(was_told, 0);
        rootwrap_close(rootwrap);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
        assert_int_equal(errno, ECHILD);
        listen_no_more();
}

static void *serve_one_at_a_time(void *nothing)
{
        int fd = greet();
        struct pollfd poller = { .fd = fd, .events = POLLIN };
        struct native_message message;
        int i;

        (void)nothing;
        for (i = 0; i < 20; i++) {
                (void)hear(fd, &message);
                if (poll(&poller, 1, i == 19 ? 0 : 20) != 0)
                        abort(); /* there is a second one */
                say_started(fd, message.id);
                say_exited(fd, message.id, 0);
        }
        (void)close(fd);
        return NULL;
}

static void count(struct rootwrap_command *command,
                  const struct rootwrap_result *result,
                  void *userdata)
{
        (void)command;
        assert_int_equal(result->error, 0);
        ++*(int *)userdata;
}

static void no_more_are_sent_than_the_daemon_takes(void **state)
{
        struct rootwrap *rootwrap;
        struct pollfd poller = { .events = POLLIN };
        pthread_t daemon;
        int n = 0;
        int i;

        (void)state;
        listen_anew();
        n_commands_max = 1;
        assert_int_equal(pthread_create(&daemon, NULL, serve_one_at_a_time, NULL), 0);
        assert_int_equal(rootwrap_open_socket(path, &rootwrap), 0);
        for (i = 0; i < 20; i++)
                assert_int_equal(rootwrap_start(rootwrap, true_argv, NULL, count, &n, NULL), 0);
        poller.fd = rootwrap_fd(rootwrap);
        while (n < 20) {
                (void)poll(&poller, 1, -1);
                assert_int_equal(rootwrap_dispatch(rootwrap), 0);
        }
        rootwrap_close(rootwrap);
        assert_int_equal(pthread_join(daemon, NULL), 0);
        assert_int_equal(n_starts, 20);
        listen_no_more();
}

/* As of a later header. */
static void later_options_may_be_there_while_they_are_zero(void **state)
{
        struct {
                struct rootwrap_options options;
                unsigned char later[16];
        } more = { .options = ROOTWRAP_OPTIONS_INIT };
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;

        (void)state;
        more.options.size = sizeof(more);
        assert_int_equal(rootwrap_open_socket("/nowhere", &rootwrap), 0);
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &more.options, &result),
                         ROOTWRAP_E_START);
        more.later[15] = 1;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &more.options, &result), -E2BIG);
        rootwrap_close(rootwrap);
}

static void wrong_options_are_refused(void **state)
{
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;

        (void)state;
        assert_int_equal(rootwrap_open_socket("/nowhere", &rootwrap), 0);
        options.size--;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -EINVAL);
        options.size = 1 << 20;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -E2BIG);
        options = (struct rootwrap_options)ROOTWRAP_OPTIONS_INIT;
        options.flags = 2;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -EINVAL);
        options = (struct rootwrap_options)ROOTWRAP_OPTIONS_INIT;
        options.umask = 01000;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -EINVAL);
        options = (struct rootwrap_options)ROOTWRAP_OPTIONS_INIT;
        options.nice = 20;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -EINVAL);
        options = (struct rootwrap_options)ROOTWRAP_OPTIONS_INIT;
        options.n_limits = ROOTWRAP_LIMITS_MAX + 1;
        assert_int_equal(rootwrap_run(rootwrap, true_argv, &options, &result), -EINVAL);
        rootwrap_close(rootwrap);
        assert_int_equal(rootwrap_open_socket("", &rootwrap), -EINVAL);
        assert_int_equal(rootwrap_open_command(true_argv + 1, &rootwrap), -EINVAL);
        assert_int_equal(rootwrap_open_config("/etc/x", "a/b", &rootwrap), -EINVAL);
        assert_int_equal(rootwrap_open_config("/etc/x", "-n", &rootwrap), -EINVAL);
        rootwrap_close(NULL);
        rootwrap_result_free(NULL);
}

static void each_code_has_its_sentence(void **state)
{
        int code;
        int other;

        (void)state;
        for (code = 0; code <= ROOTWRAP_E_CLOSED; code++)
                for (other = 0; other < code; other++)
                        assert_string_not_equal(rootwrap_strerror(code), rootwrap_strerror(other));
        assert_string_equal(rootwrap_strerror(-ENOENT), "No such file or directory");
        assert_string_equal(rootwrap_strerror(99), "Unknown error");
        assert_string_equal(rootwrap_strerror(-9999), "Unknown error");
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, rows, run_served);
        test_set_add_test(&set, a_daemon_without_its_proof_gets_no_command);
        test_set_add_test(&set, no_more_are_sent_than_the_daemon_takes);
        test_set_add_test(&set, wrong_options_are_refused);
        test_set_add_test(&set, later_options_may_be_there_while_they_are_zero);
        test_set_add_test(&set, each_code_has_its_sentence);
        return test_set_run(&set, "handle");
}
