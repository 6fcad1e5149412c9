/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "config/settings.h"
#include "monitor/audit.h"
#include "util/complaint.h"
#include "util/test.h"

static int64_t now_ms;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
        if (clock == CLOCK_REALTIME)
                *now = (struct timespec){ 1767225599, 12345678 };
        else
                *now = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
        return 0;
}

#define TIME "{\"time\": \"2025-12-31T23:59:59.012345Z\", "

enum where {
        TO_STDERR, /* a pipe */
        TO_SYSLOG,
        TO_JOURNAL,
};

struct machine {
        char directory[32];
        char path[64];
        int fd;     /* where lines arrive */
        int stderr; /* its other end */
        struct settings settings;
        struct audit audit;
};

static void machine_init(struct machine *m, enum where where)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fds[2];

        *m = (struct machine){
                .directory = "/tmp/rootwrapd-test-XXXXXX",
                .stderr = -1,
                .settings = { .syslog_facility = 3, .syslog_priority_max = LOG_ERR },
        };
        now_ms = 5000;
        assert_non_null(mkdtemp(m->directory));
        (void)snprintf(m->path, sizeof(m->path), "%s/log", m->directory);
        if (where == TO_STDERR) {
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
                m->fd = fds[0];
                m->stderr = fds[1];
        } else {
                (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", m->path);
                m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                assert_int_equal(bind(m->fd, (struct sockaddr *)&address, sizeof(address)), 0);
        }
        audit_init(&m->audit, "cinder-rootwrap-daemon");
        m->audit.sink.journal_path = where == TO_JOURNAL ? m->path : "/nowhere/journal";
        m->audit.sink.syslog_path = where == TO_SYSLOG ? m->path : "/nowhere/log";
        m->audit.sink.stderr_fd = m->stderr;
}

static void machine_deinit(struct machine *m)
{
        audit_deinit(&m->audit);
        (void)close(m->fd);
        (void)close(m->stderr);
        (void)unlink(m->path);
        (void)rmdir(m->directory);
}

static size_t take(struct machine *m, char *got, size_t n_got)
{
        ssize_t n;

        n = read(m->fd, got, n_got - 1);
        if (n < 0)
                assert_int_equal(errno, EAGAIN);
        n = n < 0 ? 0 : n;
        got[n] = '\0';
        return (size_t)n;
}

static void arrives(struct machine *m, const char *want)
{
        char got[20000];

        (void)take(m, got, sizeof(got));
        assert_string_equal(got, want);
}

#define CMDLINE(string)                                                \
        {                                                              \
                .bytes = (char[]){ string }, .n_bytes = sizeof(string) \
        }

static const struct audit_peer cinder = { .uid = 64061, .user = "cinder", .pid = 1234 };
static const struct audit_peer nobody_known = { .uid = (uid_t)-1 };

static void say_command(struct audit *audit)
{
        audit_command(audit, &(struct audit_command){
                                     .peer = cinder,
                                     .cmdline = CMDLINE("/sbin/lvs\0cinder\nvolumes"),
                                     .filter = "lvs",
                                     .run_as = "root",
                                     .pid = 4711,
                                     .status = 5 << 8,
                                     .duration_us = 12034,
                                     .has_bytes = true,
                                     .n_stdin_bytes = 1,
                                     .n_stdout_bytes = 3000000000,
                                     .n_stderr_bytes = 0,
                             });
        audit_flush(audit);
}

static void say_signalled(struct audit *audit)
{
        audit_command(audit, &(struct audit_command){
                                     .peer = { .uid = 7 },
                                     .cmdline = CMDLINE("/bin/sleep"),
                                     .filter = "netns",
                                     .inner = "sl\"eep",
                                     .run_as = "root",
                                     .status = SIGKILL,
                                     .has_bytes = true,
                             });
        audit_flush(audit);
}

static void say_unauthorized(struct audit *audit)
{
        audit_refusal(audit, &(struct audit_refusal){
                                     .peer = cinder,
                                     .cmdline = CMDLINE("sh\0-c\0a\nb"),
                                     .verdict = VERDICT_UNAUTHORIZED,
                                     .reason = "D2: a\nreason",
                             });
}

static void say_not_executable(struct audit *audit)
{
        audit_refusal(audit, &(struct audit_refusal){
                                     .peer = nobody_known,
                                     .cmdline = CMDLINE("lvs"),
                                     .verdict = VERDICT_NOT_EXECUTABLE,
                                     .filter = "lvs",
                                     .path = "/sbin/lvs",
                             });
}

static void say_not_started(struct audit *audit)
{
        audit_failure(audit, &(struct audit_failure){
                                     .peer = cinder,
                                     .cmdline = CMDLINE("/bin/x\0y"),
                                     .filter = "x",
                                     .run_as = "root",
                                     .step = "execute it",
                                     .error = ENOEXEC,
                             });
}

static void say_authentication(struct audit *audit)
{
        audit_authentication(audit, &(struct audit_peer){ .uid = 1000, .pid = 99 },
                             "wrong\x1b[2J digest");
}

static void say_reload_refused(struct audit *audit)
{
        const struct complaint complaint = {
                .file = (char[]){ "/etc/a" },
                .line = 4,
                .text = (char[]){ "no" },
        };

        audit_complaint(audit, AUDIT_RELOAD_REFUSED, &complaint);
}

static void say_file_refused(struct audit *audit)
{
        audit_complaint(audit, AUDIT_RELOAD_REFUSED, &(struct complaint){ 0 });
}

static void say_reloaded(struct audit *audit)
{
        audit_note(audit, AUDIT_RELOADED, NULL);
}

static void say_stopped(struct audit *audit)
{
        audit_note(audit, AUDIT_STOPPED, "SIG\nTERM");
}

#define COMMAND_JSON                                                                      \
        "\"user\": \"cinder\", \"uid\": 64061, \"peer_pid\": 1234, \"filter\": \"lvs\", " \
        "\"inner_filter\": null, \"argv\": [\"/sbin/lvs\", \"cinder\\nvolumes\"], "       \
        "\"argv_cut\": false, \"run_as\": \"root\", \"pid\": 4711, \"status\": 5, "       \
        "\"duration_us\": 12034, \"stdin_bytes\": 1, \"stdout_bytes\": 3000000000, "      \
        "\"stderr_bytes\": 0}"
#define HEAD(level, event)         \
        TIME "\"level\": \"" level \
             "\", \"program\": \"cinder-rootwrap-daemon\", \"event\": \"" event "\", "

static struct {
        const char *name;
        void (*say)(struct audit *audit);
        const char *text;
        const char *json;
} event_rows[] = {
        { "a_command_is_logged_as_oslo_does_and_more", say_command,
          "(cinder > root) Executed ['/sbin/lvs', 'cinder\\nvolumes'] (filter match = lvs) "
          "pid=4711 status=5 duration=12.034ms in=1 out=3000000000 err=0 uid=64061 peer=1234",
          HEAD("info", "command") COMMAND_JSON },
        { "a_signal_is_a_negative_status", say_signalled,
          "(7 > root) Executed ['/bin/sleep'] (filter match = netns, inner = sl\"eep) status=-9 "
          "duration=0.000ms in=0 out=0 err=0 uid=7",
          HEAD("info",
               "command") "\"user\": null, \"uid\": 7, \"peer_pid\": null, \"filter\": "
                          "\"netns\", \"inner_filter\": \"sl\\\"eep\", \"argv\": [\"/bin/sleep\"], \"argv_cut\": "
                          "false, \"run_as\": \"root\", \"pid\": null, \"status\": -9, \"duration_us\": 0, "
                          "\"stdin_bytes\": 0, \"stdout_bytes\": 0, \"stderr_bytes\": 0}" },
        { "a_refusal_begins_as_that_of_oslo", say_unauthorized,
          "Unauthorized command: sh -c a\\nb (no filter matched) user=cinder uid=64061 peer=1234; "
          "D2: a\\nreason",
          HEAD("error",
               "refused") "\"user\": \"cinder\", \"uid\": 64061, \"peer_pid\": 1234, "
                          "\"verdict\": \"unauthorized\", \"filter\": null, \"path\": null, \"argv\": [\"sh\", "
                          "\"-c\", \"a\\nb\"], \"argv_cut\": false, \"reason\": \"D2: a\\nreason\"}" },
        { "a_missing_program_is_a_refusal", say_not_executable,
          "Executable not found: /sbin/lvs (filter match = lvs) user=?",
          HEAD("error",
               "refused") "\"user\": null, \"uid\": null, \"peer_pid\": null, "
                          "\"verdict\": \"not_executable\", \"filter\": \"lvs\", \"path\": \"/sbin/lvs\", "
                          "\"argv\": [\"lvs\"], \"argv_cut\": false, \"reason\": null}" },
        { "a_failed_start_has_its_step_and_error", say_not_started,
          "Cannot start /bin/x: execute it: Exec format error (filter match = x) user=cinder "
          "uid=64061 peer=1234",
          HEAD("error",
               "not_started") "\"user\": \"cinder\", \"uid\": 64061, \"peer_pid\": 1234, "
                              "\"filter\": \"x\", \"argv\": [\"/bin/x\", \"y\"], \"argv_cut\": false, \"run_as\": "
                              "\"root\", \"step\": \"execute it\", \"errno\": 8, \"error\": \"Exec format error\"}" },
        { "a_failed_authentication_names_the_peer", say_authentication,
          "Authentication failed: wrong\\x1b[2J digest user=1000 uid=1000 peer=99",
          HEAD("warning", "authentication_failed") "\"user\": null, \"uid\": 1000, \"peer_pid\": "
                                                   "99, \"reason\": \"wrong\\u001b[2J digest\"}" },
        { "a_refused_reload_names_file_and_line", say_reload_refused,
          "Reload refused, the old configuration stays: /etc/a:4: no",
          HEAD("error", "reload_refused") "\"file\": \"/etc/a\", \"line\": 4, \"text\": \"no\"}" },
        { "a_complaint_without_memory_is_one", say_file_refused,
          "Reload refused, the old configuration stays: out of memory",
          HEAD("error", "reload_refused") "\"file\": null, \"line\": null, \"text\": \"out of "
                                          "memory\"}" },
        { "a_note_may_have_nothing_to_add", say_reloaded, "Reloaded the configuration",
          HEAD("notice", "reloaded") "\"text\": null}" },
        { "a_note_says_its_text", say_stopped, "Stopped: SIG\\nTERM",
          HEAD("notice", "stopped") "\"text\": \"SIG\\nTERM\"}" },
};

static void run_text_row(void **state)
{
        const typeof(event_rows[0]) *row = *state;
        cleanup_text struct text want = { 0 };
        struct machine m;

        machine_init(&m, TO_STDERR);
        row->say(&m.audit);
        text_printf(&want, "cinder-rootwrap-daemon: %s\n", row->text);
        arrives(&m, text_get(&want));
        machine_deinit(&m);
}

static void run_json_row(void **state)
{
        const typeof(event_rows[0]) *row = *state;
        cleanup_text struct text want = { 0 };
        struct machine m;

        machine_init(&m, TO_STDERR);
        m.settings.log_format = SETTINGS_LOG_JSON;
        audit_configure(&m.audit, &m.settings);
        row->say(&m.audit);
        text_printf(&want, "%s\n", row->json);
        arrives(&m, text_get(&want));
        machine_deinit(&m);
}

static void journald_gets_fields_beside_the_line(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        say_command(&m.audit);
        arrives(&m,
                "PRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=cinder-rootwrap-daemon\n"
                "MESSAGE=(cinder > root) Executed ['/sbin/lvs', 'cinder\\nvolumes'] (filter match = "
                "lvs) pid=4711 status=5 duration=12.034ms in=1 out=3000000000 err=0 uid=64061 "
                "peer=1234\n"
                "ROOTWRAP_EVENT=command\nROOTWRAP_USER=cinder\nROOTWRAP_UID=64061\n"
                "ROOTWRAP_PEER_PID=1234\nROOTWRAP_FILTER=lvs\n"
                "ROOTWRAP_ARGV=[\"/sbin/lvs\", \"cinder\\nvolumes\"]\nROOTWRAP_RUN_AS=root\n"
                "ROOTWRAP_PID=4711\nROOTWRAP_STATUS=5\nROOTWRAP_DURATION_US=12034\n"
                "ROOTWRAP_STDIN_BYTES=1\nROOTWRAP_STDOUT_BYTES=3000000000\n"
                "ROOTWRAP_STDERR_BYTES=0\n");
        machine_deinit(&m);
}

static void journald_gets_objects_and_fields(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        m.settings.log_format = SETTINGS_LOG_JSON;
        audit_configure(&m.audit, &m.settings);
        say_reloaded(&m.audit);
        arrives(&m,
                "PRIORITY=5\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=cinder-rootwrap-daemon\n"
                "MESSAGE=" HEAD("notice", "reloaded") "\"text\": null}\nROOTWRAP_EVENT=reloaded\n");
        machine_deinit(&m);
}

static void a_newline_forges_no_field(void **state)
{
        static const char want[] = "ROOTWRAP_TEXT\n\x08\0\0\0\0\0\0\0SIG\nTERM\n";
        struct machine m;
        char got[1000];
        size_t n;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        say_stopped(&m.audit);
        n = take(&m, got, sizeof(got));
        assert_true(n > sizeof(want));
        assert_memory_equal(got + n - (sizeof(want) - 1), want, sizeof(want) - 1);
        assert_non_null(strstr(got, "MESSAGE=Stopped: SIG\\nTERM\n"));
        machine_deinit(&m);
}

static struct {
        const char *name;
        void (*say)(struct audit *audit);
        int level;
        bool use_syslog;
        bool want;
} syslog_rows[] = {
        { "without_use_syslog_commands_are_not_logged", say_command, LOG_INFO, false, false },
        { "below_its_level_commands_are_not_logged", say_command, LOG_ERR, true, false },
        { "at_its_level_commands_are_logged", say_command, LOG_INFO, true, true },
        { "refusals_are_always_logged", say_unauthorized, LOG_CRIT, false, true },
        { "failures_to_start_are_always_logged", say_not_started, LOG_CRIT, false, true },
        { "failed_authentications_are_always_logged", say_authentication, LOG_CRIT, true, true },
};

static void run_syslog_row(void **state)
{
        const typeof(syslog_rows[0]) *row = *state;
        struct machine m;
        char got[2000];

        machine_init(&m, TO_SYSLOG);
        m.settings.use_syslog = row->use_syslog;
        m.settings.syslog_priority_max = row->level;
        audit_configure(&m.audit, &m.settings);
        row->say(&m.audit);
        assert_int_equal(take(&m, got, sizeof(got)) > 0, row->want);
        /* for a line that nobody wants none is made */
        assert_int_equal(m.audit.entry.line.data || m.audit.held[0].line.data, row->want);
        assert_int_equal(m.audit.sink.n_lost, 0);
        machine_deinit(&m);
}

static void the_facility_is_that_of_the_configuration(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_SYSLOG);
        m.settings.syslog_facility = 16;
        audit_configure(&m.audit, &m.settings);
        audit_note(&m.audit, AUDIT_ERROR, "x");
        arrives(&m, "<131>cinder-rootwrap-daemon: Error: x");
        machine_deinit(&m);
}

static void a_name_that_could_forge_a_line_is_not_used(void **state)
{
        struct audit audit;

        (void)state;
        audit_init(&audit, "a\nb");
        assert_string_equal(audit.sink.name, "rootwrap-daemon");
        audit_init(&audit, "");
        assert_string_equal(audit.sink.name, "rootwrap-daemon");
}

/* Everything as long and as hostile as it can be; @fill is what it is made of. */
static struct {
        const char *name;
        const char *fill;
        size_t n_fill;
} hostile_rows[] = {
        { "newlines_stay_in_one_bounded_line", "\n", 1 },
        { "bytes_outside_utf8_stay_in_one_bounded_line", "\xff", 1 },
        { "controls_stay_in_one_bounded_line", "\x01", 1 },
        { "quotes_stay_in_one_bounded_line", "\"'\\", 3 },
        { "wide_characters_stay_in_one_bounded_line", "\xf0\x9f\x98\x80", 4 },
};

/* One object: each bracket and quote closed, nothing but printable ASCII. */
static void is_object(const char *line, size_t n)
{
        bool in_string = false;
        int depth = 0;
        size_t i;

        for (i = 0; i < n; i++) {
                assert_in_range(line[i], ' ', '~');
                if (in_string && line[i] == '\\')
                        i++;
                else if (line[i] == '"')
                        in_string = !in_string;
                else if (!in_string && strchr("{[", line[i]))
                        depth++;
                else if (!in_string && strchr("}]", line[i]))
                        assert_true(--depth > 0 || i == n - 1);
        }
        assert_int_equal(depth, 0);
        assert_false(in_string);
}

static void is_line(const char *line, size_t n)
{
        size_t i;

        assert_int_equal(line[n - 1], '\n');
        assert_in_range(n, 1000, LOG_LINE_BYTES_MAX);
        for (i = 0; i < n - 1; i++)
                assert_true((unsigned char)line[i] >= ' ' && line[i] != 0x7F);
}

static void say_hostile(struct audit *audit, char *word, unsigned int which)
{
        const char *argv[] = { word, word, word, NULL };
        const struct audit_peer peer = { .uid = 4294967294, .user = word, .pid = 4194304 };
        struct complaint complaint = { .file = word, .line = 1, .text = word };
        struct cmdline cmdline;

        cmdline_keep(&cmdline, argv);
        if (which == 0)
                audit_command(audit, &(struct audit_command){
                                             .peer = peer,
                                             .cmdline = cmdline,
                                             .filter = word,
                                             .inner = word,
                                             .run_as = word,
                                             .pid = 4194304,
                                             .status = 255 << 8,
                                             .duration_us = INT64_MAX,
                                             .has_bytes = true,
                                             .n_stdin_bytes = INT64_MAX,
                                             .n_stdout_bytes = INT64_MAX,
                                             .n_stderr_bytes = INT64_MAX,
                                     });
        else if (which == 1)
                audit_refusal(audit, &(struct audit_refusal){
                                             .peer = peer,
                                             .cmdline = cmdline,
                                             .verdict = VERDICT_UNAUTHORIZED,
                                             .filter = word,
                                             .path = word,
                                             .reason = word,
                                     });
        else if (which == 2)
                audit_failure(audit, &(struct audit_failure){
                                             .peer = peer,
                                             .cmdline = cmdline,
                                             .filter = word,
                                             .run_as = word,
                                             .step = "execute it",
                                             .error = ENOEXEC,
                                     });
        else if (which == 3)
                audit_authentication(audit, &peer, word);
        else if (which == 4)
                audit_complaint(audit, AUDIT_RELOAD_REFUSED, &complaint);
        else
                audit_note(audit, AUDIT_WARNING, word);
        audit_flush(audit);
        cmdline_deinit(&cmdline);
}

static void run_hostile_row(void **state)
{
        const typeof(hostile_rows[0]) *row = *state;
        cleanup_text struct text word = { 0 };
        struct machine m;
        char got[20000];
        unsigned int i;
        size_t n;

        for (i = 0; i < 5000; i++)
                text_put(&word, row->fill, row->n_fill);
        machine_init(&m, TO_STDERR);
        for (i = 0; i < 12; i++) {
                m.settings.log_format = i % 2 ? SETTINGS_LOG_JSON : SETTINGS_LOG_TEXT;
                audit_configure(&m.audit, &m.settings);
                say_hostile(&m.audit, word.data, i / 2);
                n = take(&m, got, sizeof(got));
                assert_true(n > 0);
                is_line(got, n);
                if (i % 2)
                        is_object(got, n - 1);
        }
        assert_int_equal(m.audit.sink.n_lost, 0);
        machine_deinit(&m);
}

static unsigned int count_lines(struct machine *m)
{
        char got[20000];
        unsigned int n_lines = 0;
        size_t n = take(m, got, sizeof(got));
        size_t i;

        for (i = 0; i < n; i++)
                n_lines += got[i] == '\n';
        return n_lines;
}

static void a_flood_of_strangers_is_cut_and_counted(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        for (i = 0; i < 100; i++) {
                say_authentication(&m.audit);
                now_ms += 9;
        }
        assert_int_equal(count_lines(&m), AUDIT_LINES_A_SECOND_MAX);
        assert_true(audit_tick(&m.audit));
        arrives(&m, "");
        now_ms += 100;
        say_authentication(&m.audit);
        arrives(&m, "cinder-rootwrap-daemon: Authentication failed: 90 more like this\n"
                    "cinder-rootwrap-daemon: Authentication failed: wrong\\x1b[2J digest user=1000 "
                    "uid=1000 peer=99\n");
        assert_false(audit_tick(&m.audit));
        machine_deinit(&m);
}

static void the_count_of_a_flood_comes_without_another_line(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        m.settings.log_format = SETTINGS_LOG_JSON;
        audit_configure(&m.audit, &m.settings);
        for (i = 0; i < AUDIT_LINES_A_SECOND_MAX; i++)
                say_authentication(&m.audit);
        assert_false(audit_is_holding(&m.audit));
        say_authentication(&m.audit);
        assert_true(audit_is_holding(&m.audit));
        assert_int_equal(count_lines(&m), AUDIT_LINES_A_SECOND_MAX);
        now_ms += AUDIT_FLOOD_MS - 1;
        assert_true(audit_tick(&m.audit));
        arrives(&m, "");
        assert_true(audit_is_holding(&m.audit));
        now_ms += 1;
        assert_false(audit_tick(&m.audit));
        arrives(&m,
                HEAD("warning", "suppressed") "\"of\": \"authentication_failed\", \"count\": 1}\n");
        assert_false(audit_is_holding(&m.audit));
        machine_deinit(&m);
}

static void the_count_of_a_flood_comes_at_the_end(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        for (i = 0; i < AUDIT_LINES_A_SECOND_MAX + 3; i++)
                say_authentication(&m.audit);
        assert_int_equal(count_lines(&m), AUDIT_LINES_A_SECOND_MAX);
        audit_deinit(&m.audit);
        arrives(&m, "cinder-rootwrap-daemon: Authentication failed: 3 more like this\n");
        machine_deinit(&m);
}

static void what_others_held_back_is_counted_as_well(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        audit_unsaid(&m.audit, AUDIT_AUTHENTICATION_FAILED, 7);
        assert_true(audit_is_holding(&m.audit));
        assert_false(audit_tick(&m.audit));
        arrives(&m, "cinder-rootwrap-daemon: Authentication failed: 7 more like this\n");
        machine_deinit(&m);
}

static void a_flood_holds_back_no_other_kind(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        for (i = 0; i < AUDIT_LINES_A_SECOND_MAX + 1; i++)
                say_authentication(&m.audit);
        audit_note(&m.audit, AUDIT_WARNING, "something else");
        assert_int_equal(count_lines(&m), AUDIT_LINES_A_SECOND_MAX + 1);
        machine_deinit(&m);
}

static void each_command_and_each_refusal_is_logged(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        for (i = 0; i < 30; i++) {
                say_command(&m.audit);
                say_unauthorized(&m.audit);
        }
        assert_int_equal(count_lines(&m), 60);
        machine_deinit(&m);
}

static void lines_that_were_lost_are_counted_and_reported(void **state)
{
        struct machine m;
        char got[20000];
        unsigned int n_said = 0;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        while (!m.audit.sink.n_lost) {
                say_reloaded(&m.audit);
                n_said++;
        }
        say_reloaded(&m.audit);
        say_reloaded(&m.audit);
        assert_true(audit_tick(&m.audit));        /* still full, and does not count itself */
        assert_false(audit_is_holding(&m.audit)); /* they were lost, not held back */
        assert_int_equal(m.audit.sink.n_lost, 3);
        for (i = 0; i < n_said - 1; i++)
                assert_true(take(&m, got, sizeof(got)) > 0);
        arrives(&m, "");
        say_reloaded(&m.audit);
        assert_int_equal(m.audit.sink.n_lost, 0);
        assert_true(take(&m, got, sizeof(got)) > 0);
        assert_non_null(strstr(got, "PRIORITY=4\n"));
        assert_non_null(strstr(got, "\nMESSAGE=3 log lines were lost\n"));
        assert_non_null(strstr(got, "\nROOTWRAP_EVENT=lost\nROOTWRAP_COUNT=3\n"));
        assert_true(take(&m, got, sizeof(got)) > 0);
        assert_non_null(strstr(got, "\nMESSAGE=Reloaded the configuration\n"));
        arrives(&m, "");
        machine_deinit(&m);
}

static void a_report_that_does_not_get_out_is_no_lost_line(void **state)
{
        struct machine m;
        unsigned int i;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        while (!m.audit.sink.n_lost)
                say_reloaded(&m.audit);
        for (i = 0; i < AUDIT_LINES_A_SECOND_MAX + 2; i++)
                say_authentication(&m.audit);
        assert_int_equal(m.audit.sink.n_lost, 1 + AUDIT_LINES_A_SECOND_MAX);
        now_ms += 1000;
        assert_true(audit_tick(&m.audit));
        assert_int_equal(m.audit.sink.n_lost, 1 + AUDIT_LINES_A_SECOND_MAX);
        machine_deinit(&m);
}

static void lines_without_a_destination_are_lost_and_reported(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        m.audit.sink.stderr_fd = -1;
        say_unauthorized(&m.audit);
        assert_true(audit_tick(&m.audit));
        m.audit.sink.stderr_fd = m.stderr;
        now_ms += SINK_RETRY_MS;
        assert_false(audit_tick(&m.audit));
        arrives(&m, "cinder-rootwrap-daemon: 1 log line was lost\n");
        machine_deinit(&m);
}

static void what_syslog_does_not_want_stays_out_when_journald_goes(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct machine m;
        int journal;

        (void)state;
        machine_init(&m, TO_SYSLOG);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal", m.directory);
        m.audit.sink.journal_path = address.sun_path;
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(journal, (struct sockaddr *)&address, sizeof(address)), 0);
        audit_configure(&m.audit, &m.settings);
        while (!m.audit.sink.n_lost)
                say_command(&m.audit);
        (void)close(journal);
        (void)unlink(address.sun_path);
        say_command(&m.audit);
        arrives(&m, "<28>cinder-rootwrap-daemon: 1 log line was lost");
        arrives(&m, "");
        machine_deinit(&m);
}

/* Held, not written. */
static void say_run(struct audit *audit, int pid)
{
        audit_command(audit, &(struct audit_command){
                                     .peer = { .uid = 7 },
                                     .cmdline = CMDLINE("/bin/true"),
                                     .filter = "true",
                                     .run_as = "root",
                                     .pid = pid,
                             });
}

#define RUN_LINE(pid)                                                                     \
        "cinder-rootwrap-daemon: (7 > root) Executed ['/bin/true'] (filter match = true)" \
        " pid=" #pid " status=0 duration=0.000ms uid=7\n"

static void commands_are_held_and_written_together(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        say_run(&m.audit, 1);
        say_run(&m.audit, 2);
        arrives(&m, "");
        assert_int_equal(m.audit.n_held, 2);
        audit_flush(&m.audit);
        arrives(&m, RUN_LINE(1) RUN_LINE(2));
        audit_flush(&m.audit);
        arrives(&m, "");
        machine_deinit(&m);
}

static void as_many_as_can_be_held_are_written(void **state)
{
        struct machine m;
        int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        for (i = 1; i < AUDIT_HELD_MAX; i++)
                say_run(&m.audit, i);
        assert_int_equal(count_lines(&m), 0);
        say_run(&m.audit, i);
        assert_int_equal(count_lines(&m), AUDIT_HELD_MAX);
        assert_int_equal(m.audit.n_held, 0);
        machine_deinit(&m);
}

static void another_line_comes_behind_what_is_held(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        say_run(&m.audit, 1);
        audit_note(&m.audit, AUDIT_ERROR, "x");
        arrives(&m, RUN_LINE(1) "cinder-rootwrap-daemon: Error: x\n");
        say_run(&m.audit, 2);
        (void)audit_tick(&m.audit);
        arrives(&m, RUN_LINE(2));
        machine_deinit(&m);
}

static void what_is_held_keeps_its_format(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        say_run(&m.audit, 1);
        m.settings.log_format = SETTINGS_LOG_JSON;
        audit_configure(&m.audit, &m.settings);
        arrives(&m, RUN_LINE(1));
        machine_deinit(&m);
}

static void the_end_writes_what_is_held(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_STDERR);
        say_run(&m.audit, 1);
        audit_deinit(&m.audit);
        arrives(&m, RUN_LINE(1));
        audit_init(&m.audit, "again");
        machine_deinit(&m);
}

static void what_is_not_taken_now_is_written_later(void **state)
{
        struct machine m;
        char got[20000];
        int i;

        (void)state;
        machine_init(&m, TO_STDERR);
        assert_int_equal(fcntl(m.stderr, F_SETFL, O_NONBLOCK), 0);
        while (write(m.stderr, "x", 1) == 1)
                ;
        for (i = 1; i < AUDIT_HELD_MAX + 3; i++)
                say_run(&m.audit, i);
        audit_flush(&m.audit);
        assert_int_equal(m.audit.n_held, AUDIT_HELD_MAX);
        assert_int_equal(m.audit.sink.n_lost, 2);
        while (take(&m, got, sizeof(got)))
                ;
        (void)audit_tick(&m.audit);
        assert_int_equal(m.audit.n_held, 0);
        assert_int_equal(m.audit.sink.n_lost, 0);
        assert_true(take(&m, got, sizeof(got)) > 0);
        assert_ptr_equal(strstr(got, RUN_LINE(1) RUN_LINE(2)), got);
        assert_non_null(strstr(got, RUN_LINE(8) "cinder-rootwrap-daemon: 2 log lines were lost\n"));
        machine_deinit(&m);
}

static void what_is_taken_one_by_one_keeps_its_order(void **state)
{
        struct machine m;
        char got[20000];
        int n_before = -1;
        int i;

        (void)state;
        machine_init(&m, TO_JOURNAL);
        for (; !m.audit.sink.n_lost; n_before++)
                say_reloaded(&m.audit);
        for (i = 1; i <= 3; i++)
                say_run(&m.audit, i);
        audit_flush(&m.audit);
        assert_int_equal(m.audit.n_held, 3);
        for (i = 1; i <= 3; i++) {
                assert_true(take(&m, got, sizeof(got)) > 0);
                audit_flush(&m.audit);
                assert_int_equal(m.audit.n_held, 3 - i);
        }
        for (i = 3; i < n_before; i++)
                assert_true(take(&m, got, sizeof(got)) > 0);
        for (i = 1; i <= 3; i++) {
                char wanted[40];

                (void)snprintf(wanted, sizeof(wanted), "\nROOTWRAP_PID=%d\n", i);
                assert_true(take(&m, got, sizeof(got)) > 0);
                assert_non_null(strstr(got, wanted));
        }
        machine_deinit(&m);
}

static void what_is_held_and_finds_no_destination_is_counted(void **state)
{
        struct machine m;

        (void)state;
        machine_init(&m, TO_SYSLOG);
        m.settings.use_syslog = true;
        m.settings.syslog_priority_max = LOG_INFO;
        audit_configure(&m.audit, &m.settings);
        say_run(&m.audit, 1);
        say_run(&m.audit, 2);
        (void)unlink(m.path);
        (void)shutdown(m.fd, SHUT_RDWR);
        audit_flush(&m.audit);
        assert_int_equal(m.audit.sink.n_lost, 2);
        machine_deinit(&m);
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        test_set_add_rows(&set, hostile_rows, run_hostile_row);
        test_set_add_test(&set, a_newline_forges_no_field);
        test_set_add_test(&set, a_name_that_could_forge_a_line_is_not_used);
        test_set_add_test(&set, a_flood_of_strangers_is_cut_and_counted);
        test_set_add_test(&set, the_count_of_a_flood_comes_without_another_line);
        test_set_add_test(&set, the_count_of_a_flood_comes_at_the_end);
        test_set_add_test(&set, what_others_held_back_is_counted_as_well);
        test_set_add_test(&set, a_flood_holds_back_no_other_kind);
        test_set_add_test(&set, each_command_and_each_refusal_is_logged);
        test_set_add_test(&set, commands_are_held_and_written_together);
        test_set_add_test(&set, as_many_as_can_be_held_are_written);
        test_set_add_test(&set, another_line_comes_behind_what_is_held);
        test_set_add_test(&set, what_is_held_keeps_its_format);
        test_set_add_test(&set, the_end_writes_what_is_held);
        test_set_add_test(&set, what_is_not_taken_now_is_written_later);
        test_set_add_test(&set, what_is_taken_one_by_one_keeps_its_order);
        test_set_add_test(&set, what_is_held_and_finds_no_destination_is_counted);
        test_set_add_test(&set, lines_that_were_lost_are_counted_and_reported);
        test_set_add_test(&set, a_report_that_does_not_get_out_is_no_lost_line);
        test_set_add_test(&set, what_syslog_does_not_want_stays_out_when_journald_goes);
        test_set_add_test(&set, lines_without_a_destination_are_lost_and_reported);
        test_set_add_rows(&set, syslog_rows, run_syslog_row);
        test_set_add_test(&set, the_facility_is_that_of_the_configuration);
        test_set_add_rows(&set, event_rows, run_text_row);
        for (i = 0; i < ARRAY_SIZE(event_rows); i++) {
                static char names[ARRAY_SIZE(event_rows)][80];

                (void)snprintf(names[i], sizeof(names[i]), "as_json_%s", event_rows[i].name);
                test_set_add(&set, names[i], run_json_row, &event_rows[i]);
        }
        test_set_add_test(&set, journald_gets_fields_beside_the_line);
        test_set_add_test(&set, journald_gets_objects_and_fields);
        return test_set_run(&set, "audit");
}
