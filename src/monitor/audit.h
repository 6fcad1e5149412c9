/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon's log says. rootwrap-daemon(8) describes it for who reads it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/cmdline.h"
#include "monitor/entry.h"
#include "monitor/sink.h"
#include "policy/decision.h"

struct complaint;
struct settings;

/* Of a kind that a stranger can cause at will, at most so many lines a second are logged; how many
 * more there were is said afterwards. */
#define AUDIT_LINES_A_SECOND_MAX 10
#define AUDIT_FLOOD_MS           1000

/* The lines of commands that follow each other are written together, so that whoever reads the log
 * is woken once for all of them: so many at most, and none held longer than so. */
#define AUDIT_HELD_MAX 8
#define AUDIT_HELD_MS  20
/* What the destination does not take then is offered again after so long, and with each line. */
#define AUDIT_HELD_AGAIN_MS 1000

enum audit_kind {
        AUDIT_COMMAND,
        AUDIT_REFUSED,
        AUDIT_NOT_STARTED,
        AUDIT_AUTHENTICATION_FAILED,
        AUDIT_PROTECTION_MISSING, /* the worker runs without it */
        AUDIT_RELOADED,
        AUDIT_RELOAD_REFUSED,
        AUDIT_STARTED,
        AUDIT_STOPPED,
        AUDIT_WORKER_ENDED,
        AUDIT_WARNING,
        AUDIT_ERROR,
        AUDIT_SUPPRESSED, /* lines by AUDIT_LINES_A_SECOND_MAX */
        AUDIT_LOST,       /* lines that the destination did not take */
        AUDIT_KINDS,
};

/* Who is at the other end of a connection. */
struct audit_peer {
        uid_t uid;        /* (uid_t)-1: not known */
        const char *user; /* its name; NULL: not known */
        pid_t pid;        /* 0: not known */
};

/* A command that ended. */
struct audit_command {
        struct audit_peer peer;
        struct cmdline cmdline; /* as it was executed; borrowed */
        const char *filter;
        const char *inner; /* NULL: none */
        const char *run_as;
        pid_t pid;  /* 0: a KillFilter's, which starts no process */
        int status; /* as from waitpid(2) */
        int64_t duration_us;
        bool has_bytes; /* its streams passed through us */
        int64_t n_stdin_bytes;
        int64_t n_stdout_bytes;
        int64_t n_stderr_bytes;
};

/* A command that was not allowed. */
struct audit_refusal {
        struct audit_peer peer;
        struct cmdline cmdline; /* as it was asked for; borrowed */
        enum verdict verdict;
        const char *filter; /* for VERDICT_NOT_EXECUTABLE: that matched; else NULL */
        const char
                *path; /* for VERDICT_NOT_EXECUTABLE: of the program that is missing; else NULL */
        const char *reason; /* what else there is to say, one sentence; NULL: nothing */
};

/* A command that was allowed and could not be started. */
struct audit_failure {
        struct audit_peer peer;
        struct cmdline cmdline; /* as it was to be executed; borrowed */
        const char *filter;
        const char *run_as;
        const char *step; /* spawn_step_name() */
        int error;        /* errno, positive */
};

struct audit {
        struct sink sink;
        struct entry entry; /* that which is being made */
        struct entry held[AUDIT_HELD_MAX];
        size_t n_held;
        struct {
                int64_t since_ms;
                unsigned int n_lines;
                uint64_t n_more;
        } floods[AUDIT_KINDS];
};

void audit_init(struct audit *audit, const char *name);
void audit_configure(struct audit *audit, const struct settings *settings);
void audit_deinit(struct audit *audit);
bool audit_tick(struct audit *audit);
bool audit_is_holding(const struct audit *audit);

bool audit_wants_commands(struct audit *audit);
void audit_command(struct audit *audit, const struct audit_command *command);
void audit_flush(struct audit *audit);
void audit_refusal(struct audit *audit, const struct audit_refusal *refusal);
void audit_failure(struct audit *audit, const struct audit_failure *failure);
void audit_authentication(struct audit *audit, const struct audit_peer *peer, const char *reason);
void audit_complaint(struct audit *audit, enum audit_kind kind, const struct complaint *complaint);
void audit_note(struct audit *audit, enum audit_kind kind, const char *text);
void audit_unsaid(struct audit *audit, enum audit_kind kind, uint64_t n_more);
