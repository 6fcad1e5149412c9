/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each event is said in three ways: a line of text that begins as oslo.rootwrap's does, an object
 * of JSON with the same keys whatever happened, fields of journald. What goes where, sink.c knows.
 *
 * Strings are somebody else's: escaped, bounded, and never part of a format. A key, standard input
 * or output never gets here. Nothing fails and nothing waits. The lines of commands are held for a
 * moment, and while they are not taken, as long as there is room; whatever else does not get out is
 * counted, and the number is logged when lines get out again. For a line that nobody wants nothing
 * is made.
 */
#include "monitor/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "config/settings.h"
#include "util/complaint.h"

#define AUDIT_NAME "rootwrap-daemon"

static const struct {
        const char *name;
        const char *head; /* of the line of text, for those that are a note */
        int priority;
        bool is_limited; /* a stranger can cause it at will */
} kinds[] = {
        [AUDIT_COMMAND] = { "command", "", LOG_INFO, false },
        [AUDIT_REFUSED] = { "refused", "", LOG_ERR, false },
        [AUDIT_NOT_STARTED] = { "not_started", "", LOG_ERR, false },
        [AUDIT_AUTHENTICATION_FAILED] = { "authentication_failed", "Authentication failed",
                                          LOG_WARNING, true },
        [AUDIT_PROTECTION_MISSING] = { "protection_missing", "The worker runs without a protection",
                                       LOG_WARNING, false },
        [AUDIT_RELOADED] = { "reloaded", "Reloaded the configuration", LOG_NOTICE, false },
        [AUDIT_RELOAD_REFUSED] = { "reload_refused", "Reload refused, the old configuration stays",
                                   LOG_ERR, false },
        [AUDIT_STARTED] = { "started", "Started", LOG_NOTICE, false },
        [AUDIT_STOPPED] = { "stopped", "Stopped", LOG_NOTICE, false },
        [AUDIT_WORKER_ENDED] = { "worker_ended", "The worker ended", LOG_ERR, false },
        [AUDIT_WARNING] = { "warning", "Warning", LOG_WARNING, false },
        [AUDIT_ERROR] = { "error", "Error", LOG_ERR, false },
        [AUDIT_SUPPRESSED] = { "suppressed", "", LOG_WARNING, false },
        [AUDIT_LOST] = { "lost", "", LOG_WARNING, false },
};

/* Those that occur. */
static const char *priority_name(int priority)
{
        switch (priority) {
        case LOG_ERR:
                return "error";
        case LOG_WARNING:
                return "warning";
        case LOG_NOTICE:
                return "notice";
        default:
                return "info";
        }
}

/**
 * audit_init() - begin a log
 * @audit: set; a test may set paths of its sink before it calls audit_configure()
 * @name:  of the program, as it was called; borrowed
 */
void audit_init(struct audit *audit, const char *name)
{
        const char *c;

        for (c = name; *c > ' ' && *c < 0x7F;)
                c++;
        *audit = (struct audit){
                .sink = {
                        .name = *c || c == name ? AUDIT_NAME : name,
                        .journal_path = SINK_JOURNAL_PATH,
                        .syslog_path = LOG_PATH,
                        .stderr_fd = 2,
                        .facility = LOG_DAEMON >> 3,
                        .syslog_priority_max = LOG_WARNING,
                        .fd = -1,
                },
        };
}

/* What is held can't be held any more. */
static void flush_or_lose(struct audit *audit)
{
        audit_flush(audit);
        audit->sink.n_lost += audit->n_held;
        audit->n_held = 0;
}

/**
 * audit_configure() - log as rootwrap.conf says, from now on
 * @audit:    the log
 * @settings: what it says; not needed any more afterwards
 */
void audit_configure(struct audit *audit, const struct settings *settings)
{
        struct sink *sink = &audit->sink;

        flush_or_lose(audit);
        sink->is_json = settings->log_format == SETTINGS_LOG_JSON;
        sink->facility = settings->syslog_facility;
        sink->syslog_priority_max =
                settings->use_syslog ? settings->syslog_priority_max : LOG_WARNING;
}

static void swap_entries(struct entry *a, struct entry *b)
{
        struct entry other = *a;

        *a = *b;
        *b = other;
}

static void put_time(struct entry *entry)
{
        char time[48];
        struct timespec now = { 0 };
        struct tm tm = { 0 };
        size_t n;

        if (!entry->is_json)
                return;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)gmtime_r(&now.tv_sec, &tm);
        n = strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(time + n, sizeof(time) - n, ".%06ldZ", now.tv_nsec / 1000);
        entry_put_string(entry, "time", time, ENTRY_NAME_MAX);
}

/* What each entry begins with. Of that, journald has fields of its own for all but the event. */
static void begin_entry(struct audit *audit, enum audit_kind kind)
{
        struct entry *entry = &audit->entry;

        entry_begin(entry, audit->sink.is_json, false);
        put_time(entry);
        entry_put_string(entry, "level", priority_name(kinds[kind].priority), ENTRY_NAME_MAX);
        entry_put_string(entry, "program", audit->sink.name, ENTRY_NAME_MAX);
        entry->has_fields = audit->sink.kind == SINK_JOURNAL;
        entry_put_string(entry, "event", kinds[kind].name, ENTRY_NAME_MAX);
}

/* Return: is it out? */
static bool send_entry(struct audit *audit, enum audit_kind kind)
{
        struct entry *entry = &audit->entry;

        if (!entry_end(entry)) {
                audit->sink.n_lost++;
                return false;
        }
        return sink_write(&audit->sink, kinds[kind].priority, &entry->line,
                          entry->has_fields ? &entry->fields : NULL);
}

/* Says how many lines were lost, if any were and it gets out. */
static void report_lost(struct audit *audit)
{
        uint64_t n_lost = audit->sink.n_lost;

        if (!n_lost || !sink_allows(&audit->sink, kinds[AUDIT_LOST].priority))
                return;
        begin_entry(audit, AUDIT_LOST);
        if (!audit->entry.is_json)
                text_printf(&audit->entry.line, "%" PRIu64 " log line%s lost", n_lost,
                            n_lost == 1 ? " was" : "s were");
        entry_put_number(&audit->entry, "count", (int64_t)n_lost);
        audit->sink.n_lost = send_entry(audit, AUDIT_LOST) ? 0 : n_lost;
}

/* Says how many lines of a kind were held back, if any were and it gets out. */
static void report_more(struct audit *audit, enum audit_kind kind)
{
        uint64_t n_more = audit->floods[kind].n_more;
        uint64_t n_lost;

        if (!n_more || !sink_allows(&audit->sink, kinds[AUDIT_SUPPRESSED].priority))
                return;
        n_lost = audit->sink.n_lost;
        begin_entry(audit, AUDIT_SUPPRESSED);
        if (!audit->entry.is_json)
                text_printf(&audit->entry.line, "%s: %" PRIu64 " more like this", kinds[kind].head,
                            n_more);
        entry_put_string(&audit->entry, "of", kinds[kind].name, ENTRY_NAME_MAX);
        entry_put_number(&audit->entry, "count", (int64_t)n_more);
        if (send_entry(audit, AUDIT_SUPPRESSED))
                audit->floods[kind].n_more = 0;
        else
                audit->sink.n_lost = n_lost; /* it is said later */
}

/* Is this line one too many of its kind? */
static bool is_flood(struct audit *audit, enum audit_kind kind)
{
        typeof(&audit->floods[kind]) flood = &audit->floods[kind];
        int64_t now_ms;

        if (!kinds[kind].is_limited)
                return false;
        now_ms = sink_now_ms();
        if (!flood->n_lines || now_ms - flood->since_ms >= AUDIT_FLOOD_MS) {
                report_more(audit, kind);
                flood->since_ms = now_ms;
                flood->n_lines = 0;
        }
        if (flood->n_lines == AUDIT_LINES_A_SECOND_MAX) {
                flood->n_more++;
                return true;
        }
        flood->n_lines++;
        return false;
}

/* Begins an entry, if it is wanted; before any but a command's, what is held is written. Return: is
 * it? */
static bool begin(struct audit *audit, enum audit_kind kind)
{
        if (kind != AUDIT_COMMAND || audit->sink.n_lost)
                audit_flush(audit);
        if (is_flood(audit, kind))
                return false;
        report_lost(audit); /* may end up with another destination */
        if (!sink_allows(&audit->sink, kinds[kind].priority)) {
                audit->sink.n_lost += audit->sink.kind == SINK_NONE;
                return false;
        }
        begin_entry(audit, kind);
        return true;
}

/**
 * audit_tick() - say what there is to say about lines that did not get out
 * @audit: the log
 *
 * Each line does this as well, before itself; so it is for the time when there are none.
 *
 * Return: is there something left to be said, a second from now or later?
 */
bool audit_tick(struct audit *audit)
{
        int64_t now_ms = sink_now_ms();
        bool is_left = false;
        size_t kind;

        audit_flush(audit);
        for (kind = 0; kind < AUDIT_KINDS; kind++) {
                if (!audit->floods[kind].n_more)
                        continue;
                if (now_ms - audit->floods[kind].since_ms >= AUDIT_FLOOD_MS)
                        report_more(audit, (enum audit_kind)kind);
                is_left = is_left || audit->floods[kind].n_more;
        }
        report_lost(audit);
        return is_left || audit->sink.n_lost;
}

/**
 * audit_is_holding() - are there lines of a flood that nothing was said of yet?
 * @audit: the log
 *
 * Return: whether audit_tick() is to be called, AUDIT_FLOOD_MS from now
 */
bool audit_is_holding(const struct audit *audit)
{
        size_t kind;

        for (kind = 0; kind < AUDIT_KINDS; kind++)
                if (audit->floods[kind].n_more)
                        return true;
        return false;
}

/**
 * audit_deinit() - say what there is left to say, and end a log
 * @audit: becomes empty
 */
void audit_deinit(struct audit *audit)
{
        size_t kind;
        size_t i;

        flush_or_lose(audit);
        for (kind = 0; kind < AUDIT_KINDS; kind++)
                report_more(audit, (enum audit_kind)kind);
        report_lost(audit);
        sink_close(&audit->sink);
        entry_deinit(&audit->entry);
        for (i = 0; i < AUDIT_HELD_MAX; i++)
                entry_deinit(&audit->held[i]);
}

/* Escaped, and of bounded length however it is escaped. */
static void put_bytes(struct text *text, const char *bytes, size_t n_bytes, size_t n_max)
{
        size_t start = text->n_bytes;

        text_put_escaped(text, bytes, n_bytes, n_max);
        if (text->n_bytes - start > n_max + 3)
                text_cut(text, start + n_max, "...");
}

static void put_string(struct text *text, const char *string, size_t n_max)
{
        put_bytes(text, string, strlen(string), n_max);
}

static void put_peer(struct text *text, const struct audit_peer *peer)
{
        if (peer->uid != (uid_t)-1)
                text_printf(text, " uid=%u", peer->uid);
        if (peer->pid)
                text_printf(text, " peer=%d", peer->pid);
}

static void put_user(struct text *text, const struct audit_peer *peer)
{
        if (peer->user)
                put_string(text, peer->user, ENTRY_NAME_MAX);
        else if (peer->uid != (uid_t)-1)
                text_printf(text, "%u", peer->uid);
        else
                text_put_char(text, '?');
}

static void put_number_or_null(struct entry *entry, const char *key, int64_t number, bool is_known)
{
        if (is_known)
                entry_put_number(entry, key, number);
        else
                entry_put_null(entry, key);
}

static void put_peer_fields(struct entry *entry, const struct audit_peer *peer)
{
        entry_put_string(entry, "user", peer->user, ENTRY_NAME_MAX);
        put_number_or_null(entry, "uid", peer->uid, peer->uid != (uid_t)-1);
        put_number_or_null(entry, "peer_pid", peer->pid, peer->pid != 0);
}

/* As Popen.returncode has it, and as clients get it. */
static int return_code(int status)
{
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void put_command(struct text *text, const struct audit_command *command)
{
        text_put_char(text, '(');
        put_user(text, &command->peer);
        text_put_string(text, " > ");
        put_string(text, command->run_as, ENTRY_NAME_MAX);
        text_put_string(text, ") Executed ");
        cmdline_put_repr(&command->cmdline, text);
        text_put_string(text, " (filter match = ");
        put_string(text, command->filter, ENTRY_NAME_MAX);
        if (command->inner) {
                text_put_string(text, ", inner = ");
                put_string(text, command->inner, ENTRY_NAME_MAX);
        }
        text_put_char(text, ')');
        if (command->pid)
                text_printf(text, " pid=%d", command->pid);
        text_printf(text, " status=%d duration=%" PRId64 ".%03dms", return_code(command->status),
                    command->duration_us / 1000, (int)(command->duration_us % 1000));
        if (command->has_bytes)
                text_printf(text, " in=%" PRId64 " out=%" PRId64 " err=%" PRId64,
                            command->n_stdin_bytes, command->n_stdout_bytes,
                            command->n_stderr_bytes);
        put_peer(text, &command->peer);
}

/**
 * audit_wants_commands() - is a line about a command that ran wanted where lines go now?
 * @audit: the log
 *
 * Return: whether to gather what audit_command() takes
 */
bool audit_wants_commands(struct audit *audit)
{
        return sink_allows(&audit->sink, kinds[AUDIT_COMMAND].priority);
}

/* Holds the entry that was made. */
static void hold_entry(struct audit *audit)
{
        if (audit->n_held == AUDIT_HELD_MAX)
                audit_flush(audit);
        if (!entry_end(&audit->entry) || audit->n_held == AUDIT_HELD_MAX) {
                audit->sink.n_lost++;
                return;
        }
        swap_entries(&audit->entry, &audit->held[audit->n_held++]);
        if (audit->n_held == AUDIT_HELD_MAX)
                audit_flush(audit);
}

/* Return: as sink_offer() */
static int offer_held(struct audit *audit, const struct entry *entry)
{
        const int priority = kinds[AUDIT_COMMAND].priority;

        if (!sink_allows(&audit->sink, priority))
                return audit->sink.kind == SINK_NONE ? -ENOTCONN : 0;
        return sink_offer(&audit->sink, priority, &entry->line,
                          entry->has_fields ? &entry->fields : NULL);
}

/**
 * audit_flush() - write what is held of commands
 * @audit: the log; n_held is 0 then, unless the destination takes no more now
 *
 * Each other line does this as well, before itself, so that all stand in their order.
 */
void audit_flush(struct audit *audit)
{
        size_t n_done;
        size_t i;
        int r;

        for (n_done = 0; n_done < audit->n_held; n_done++) {
                r = offer_held(audit, &audit->held[n_done]);
                if (r == -EAGAIN)
                        break;
                audit->sink.n_lost += r != 0;
        }
        for (i = n_done; n_done && i < audit->n_held; i++)
                swap_entries(&audit->held[i - n_done], &audit->held[i]);
        audit->n_held -= n_done;
}

/**
 * audit_command() - a command ran and ended
 * @audit:   the log
 * @command: all about it
 *
 * The line is held until there are AUDIT_HELD_MAX or something else is said. Where n_held is not 0
 * afterwards, the caller has audit_flush() called after AUDIT_HELD_MS, and again if it is not 0
 * then.
 */
void audit_command(struct audit *audit, const struct audit_command *command)
{
        struct entry *entry = &audit->entry;

        if (!begin(audit, AUDIT_COMMAND))
                return;
        if (!entry->is_json)
                put_command(&entry->line, command);
        put_peer_fields(entry, &command->peer);
        entry_put_string(entry, "filter", command->filter, ENTRY_NAME_MAX);
        entry_put_string(entry, "inner_filter", command->inner, ENTRY_NAME_MAX);
        entry_put_cmdline(entry, &command->cmdline);
        entry_put_string(entry, "run_as", command->run_as, ENTRY_NAME_MAX);
        put_number_or_null(entry, "pid", command->pid, command->pid != 0);
        entry_put_number(entry, "status", return_code(command->status));
        entry_put_number(entry, "duration_us", command->duration_us);
        put_number_or_null(entry, "stdin_bytes", command->n_stdin_bytes, command->has_bytes);
        put_number_or_null(entry, "stdout_bytes", command->n_stdout_bytes, command->has_bytes);
        put_number_or_null(entry, "stderr_bytes", command->n_stderr_bytes, command->has_bytes);
        hold_entry(audit);
}

static void put_refusal(struct text *text, const struct audit_refusal *refusal)
{
        if (refusal->verdict == VERDICT_NOT_EXECUTABLE) {
                text_put_string(text, "Executable not found: ");
                put_string(text, refusal->path ? refusal->path : "?", ENTRY_STRING_MAX);
                text_put_string(text, " (filter match = ");
                put_string(text, refusal->filter ? refusal->filter : "?", ENTRY_NAME_MAX);
                text_put_char(text, ')');
        } else {
                text_put_string(text, "Unauthorized command: ");
                cmdline_put_plain(&refusal->cmdline, text);
                text_put_string(text, " (no filter matched)");
        }
        text_put_string(text, " user=");
        put_user(text, &refusal->peer);
        put_peer(text, &refusal->peer);
        if (refusal->reason) {
                text_put_string(text, "; ");
                put_string(text, refusal->reason, ENTRY_STRING_MAX);
        }
}

/**
 * audit_refusal() - a command was not allowed
 * @audit:   the log
 * @refusal: all about it
 */
void audit_refusal(struct audit *audit, const struct audit_refusal *refusal)
{
        struct entry *entry = &audit->entry;

        if (!begin(audit, AUDIT_REFUSED))
                return;
        if (!entry->is_json)
                put_refusal(&entry->line, refusal);
        put_peer_fields(entry, &refusal->peer);
        entry_put_string(entry, "verdict", verdict_name(refusal->verdict), ENTRY_NAME_MAX);
        entry_put_string(entry, "filter", refusal->filter, ENTRY_NAME_MAX);
        entry_put_string(entry, "path", refusal->path, ENTRY_NAME_MAX);
        entry_put_cmdline(entry, &refusal->cmdline);
        entry_put_string(entry, "reason", refusal->reason, ENTRY_STRING_MAX);
        (void)send_entry(audit, AUDIT_REFUSED);
}

static void put_failure(struct text *text, const struct audit_failure *failure)
{
        const struct cmdline *cmdline = &failure->cmdline;

        text_put_string(text, "Cannot start ");
        put_bytes(text, cmdline->bytes,
                  cmdline->n_bytes ? strnlen(cmdline->bytes, cmdline->n_bytes) : 0,
                  ENTRY_STRING_MAX);
        text_printf(text, ": %s", failure->step);
        if (failure->error)
                text_printf(text, ": %s", strerror(failure->error));
        if (failure->filter) {
                text_put_string(text, " (filter match = ");
                put_string(text, failure->filter, ENTRY_NAME_MAX);
                text_put_char(text, ')');
        }
        text_put_string(text, " user=");
        put_user(text, &failure->peer);
        put_peer(text, &failure->peer);
}

/**
 * audit_failure() - a command was allowed, and could not be started
 * @audit:   the log
 * @failure: all about it
 */
void audit_failure(struct audit *audit, const struct audit_failure *failure)
{
        struct entry *entry = &audit->entry;

        if (!begin(audit, AUDIT_NOT_STARTED))
                return;
        if (!entry->is_json)
                put_failure(&entry->line, failure);
        put_peer_fields(entry, &failure->peer);
        entry_put_string(entry, "filter", failure->filter, ENTRY_NAME_MAX);
        entry_put_cmdline(entry, &failure->cmdline);
        entry_put_string(entry, "run_as", failure->run_as, ENTRY_NAME_MAX);
        entry_put_string(entry, "step", failure->step, ENTRY_NAME_MAX);
        entry_put_number(entry, "errno", failure->error);
        entry_put_string(entry, "error", strerror(failure->error), ENTRY_NAME_MAX);
        (void)send_entry(audit, AUDIT_NOT_STARTED);
}

/**
 * audit_authentication() - somebody could not prove who he is
 * @audit:  the log
 * @peer:   as the kernel knows him
 * @reason: what was wrong
 */
void audit_authentication(struct audit *audit, const struct audit_peer *peer, const char *reason)
{
        struct entry *entry = &audit->entry;
        struct text *line = &entry->line;

        if (!begin(audit, AUDIT_AUTHENTICATION_FAILED))
                return;
        if (!entry->is_json) {
                text_put_string(line, kinds[AUDIT_AUTHENTICATION_FAILED].head);
                text_put_string(line, ": ");
                put_string(line, reason, ENTRY_STRING_MAX);
                text_put_string(line, " user=");
                put_user(line, peer);
                put_peer(line, peer);
        }
        put_peer_fields(entry, peer);
        entry_put_string(entry, "reason", reason, ENTRY_STRING_MAX);
        (void)send_entry(audit, AUDIT_AUTHENTICATION_FAILED);
}

/**
 * audit_complaint() - a file of the administrator can't be used
 * @audit:     the log
 * @kind:      what follows from it
 * @complaint: the file, and what is wrong
 */
void audit_complaint(struct audit *audit, enum audit_kind kind, const struct complaint *complaint)
{
        const char *text = complaint->text ? complaint->text : "out of memory";
        struct entry *entry = &audit->entry;

        if (!begin(audit, kind))
                return;
        if (!entry->is_json) {
                text_put_string(&entry->line, kinds[kind].head);
                if (complaint->file) {
                        text_put_string(&entry->line, ": ");
                        put_string(&entry->line, complaint->file, ENTRY_STRING_MAX);
                }
                if (complaint->line)
                        text_printf(&entry->line, ":%u", complaint->line);
                text_put_string(&entry->line, ": ");
                put_string(&entry->line, text, ENTRY_STRING_MAX);
        }
        entry_put_string(entry, "file", complaint->file, ENTRY_STRING_MAX);
        put_number_or_null(entry, "line", complaint->line, complaint->line != 0);
        entry_put_string(entry, "text", text, ENTRY_STRING_MAX);
        (void)send_entry(audit, kind);
}

/**
 * audit_note() - anything else
 * @audit: the log
 * @kind:  what happened
 * @text:  more about it; NULL: nothing
 */
void audit_note(struct audit *audit, enum audit_kind kind, const char *text)
{
        struct entry *entry = &audit->entry;

        if (!begin(audit, kind))
                return;
        if (!entry->is_json) {
                text_put_string(&entry->line, kinds[kind].head);
                if (text) {
                        text_put_string(&entry->line, ": ");
                        put_string(&entry->line, text, ENTRY_STRING_MAX);
                }
        }
        entry_put_string(entry, "text", text, ENTRY_STRING_MAX);
        (void)send_entry(audit, kind);
}

/**
 * audit_unsaid() - there were more of a kind than somebody else could tell
 * @audit:  the log
 * @kind:   of which AUDIT_LINES_A_SECOND_MAX lines are logged: they are counted with those that
 *          this held back
 * @n_more: so many
 */
void audit_unsaid(struct audit *audit, enum audit_kind kind, uint64_t n_more)
{
        audit->floods[kind].n_more += n_more;
}
