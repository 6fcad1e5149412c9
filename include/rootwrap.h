/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librootwrap: running commands through rootwrap's daemon. See librootwrap(3).
 *
 * Functions that return int return 0, a negative errno (this machine, this process), or one of
 * ROOTWRAP_E_*; rootwrap_strerror() has a sentence for each. Nothing is written through a ret_
 * pointer but with 0. No function raises SIGPIPE, changes a signal's disposition or lets a
 * descriptor pass to a program that this process executes.
 *
 * A handle may be used by many threads at once, unless its function says otherwise. It belongs to
 * the process that opened it: in a child of that process every function but rootwrap_close()
 * returns ROOTWRAP_E_FORKED.
 */
#ifndef ROOTWRAP_H
#define ROOTWRAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#        pragma GCC visibility push(default)
#endif

/* Errors that are no errno. Nothing was executed, but for ROOTWRAP_E_UNKNOWN. */
#define ROOTWRAP_E_UNKNOWN  1 /* the connection broke: the command may run, may have run, or not */
#define ROOTWRAP_E_START    2 /* no daemon: it could not be started, or none listens */
#define ROOTWRAP_E_PROTOCOL 3 /* what listens there is not the daemon, or has turned us away */
#define ROOTWRAP_E_NATIVE   4 /* the daemon is oslo.rootwrap's: it has no native.sock */
#define ROOTWRAP_E_CONFIG   5 /* the service's configuration can't be used */
#define ROOTWRAP_E_BUSY     6 /* too many at once; the same may be asked for again, later */
#define ROOTWRAP_E_FORKED   7 /* the handle is another process's */
#define ROOTWRAP_E_CLOSED   8 /* the handle was closed before the command ended */

/* Exit codes of a result that was refused (is_refused). */
#define ROOTWRAP_UNAUTHORIZED   99 /* no filter allows it */
#define ROOTWRAP_NO_COMMAND     98 /* there was no command */
#define ROOTWRAP_NOT_EXECUTABLE 96 /* a filter allows it, but it can't be started */

/* Limits, in commands that one connection may have unfinished, and in bytes of what execute keeps.
 */
#define ROOTWRAP_COMMANDS_MAX 2048

struct rootwrap;         /* a handle: a way to a daemon */
struct rootwrap_command; /* a command that was started and has not ended */

/* What became of a command. The library allocates it, and may add members at its end. */
struct rootwrap_result {
        int error;            /* 0, or why there is no exit code: negative errno, ROOTWRAP_E_* */
        int exit_code;        /* as a shell has it: 0 to 255, 128 + signal; if refused, see above */
        int wait_status;      /* wait(2)'s; -1: it was not started */
        int is_refused;       /* the daemon said no: exit_code says why, stderr says it in words */
        int is_timed_out;     /* it was ended after the timeout */
        int refused_errno;    /* if refused: the errno behind it, or 0 */
        const char *filter;   /* if refused, and a filter was found: its name; else NULL */
        const char *reason;   /* if refused: a sentence, else NULL */
        const char *out;      /* stdout of rootwrap_execute(); a NUL follows */
        size_t n_out;         /* bytes */
        const char *err;      /* stderr likewise; also the reason of a refusal */
        size_t n_err;         /* bytes */
        uint64_t duration_us; /* microseconds from its start to its end */
        uint64_t user_us;     /* microseconds in user mode; 0 where unknown, as the next two */
        uint64_t system_us;   /* microseconds in the kernel */
        uint64_t rss_max_kb;  /* largest resident set, kB */
};

/* A resource limit: RLIMIT_*, in its own unit; UINT64_MAX: none. */
struct rootwrap_limit {
        uint32_t resource;
        uint64_t soft;
        uint64_t hard;
};

/* The command goes on when this process, or its connection, ends. */
#define ROOTWRAP_GO_ON      1u

#define ROOTWRAP_LIMITS_MAX 16u
#define ROOTWRAP_DEFAULT    (-1000)

/* How a command is run. Begin with ROOTWRAP_OPTIONS_INIT; members are added at the end. All is
 * borrowed until the call returns. */
struct rootwrap_options {
        size_t size;        /* sizeof(struct rootwrap_options) */
        unsigned int flags; /* ROOTWRAP_GO_ON */
        int stdin_fd;       /* become the command's; -1: /dev/null */
        int stdout_fd;
        int stderr_fd;
        int cwd_fd;                          /* a directory, also with O_PATH; -1: the daemon's */
        const char *const *env;              /* NAME=VALUE..., NULL; a filter must allow it */
        uint64_t timeout_ms;                 /* milliseconds from its start; 0: none */
        int umask;                           /* ROOTWRAP_DEFAULT: this process's */
        int nice;                            /* -20 to 19; ROOTWRAP_DEFAULT: this process's */
        const struct rootwrap_limit *limits; /* NULL: this process's */
        size_t n_limits;                     /* at most ROOTWRAP_LIMITS_MAX */
};

/* clang-format off */
#define ROOTWRAP_OPTIONS_INIT                                                        \
        { sizeof(struct rootwrap_options), 0u, -1, -1, -1, -1, NULL, 0,              \
          ROOTWRAP_DEFAULT, ROOTWRAP_DEFAULT, NULL, 0 }
/* clang-format on */

/* Handles */

int rootwrap_open_command(const char *const *argv, struct rootwrap **ret_rootwrap);
int rootwrap_open_socket(const char *path, struct rootwrap **ret_rootwrap);
int rootwrap_open_config(const char *file, const char *service, struct rootwrap **ret_rootwrap);
void rootwrap_close(struct rootwrap *rootwrap);

const char *rootwrap_strerror(int error);
const char *rootwrap_detail(void);

/* Running a command and waiting for it */

int rootwrap_execute(struct rootwrap *rootwrap,
                     const char *const *argv,
                     const struct rootwrap_options *options,
                     const void *input,
                     size_t n_input,
                     struct rootwrap_result **ret_result);
int rootwrap_run(struct rootwrap *rootwrap,
                 const char *const *argv,
                 const struct rootwrap_options *options,
                 struct rootwrap_result **ret_result);
void rootwrap_result_free(struct rootwrap_result *result);

/* Many commands in an event loop */

/* @result is the library's, and goes with the callback. So does @command. */
typedef void (*rootwrap_done_fn)(struct rootwrap_command *command,
                                 const struct rootwrap_result *result,
                                 void *userdata);

int rootwrap_fd(struct rootwrap *rootwrap);
int rootwrap_dispatch(struct rootwrap *rootwrap);
int rootwrap_start(struct rootwrap *rootwrap,
                   const char *const *argv,
                   const struct rootwrap_options *options,
                   rootwrap_done_fn done,
                   void *userdata,
                   struct rootwrap_command **ret_command);
int rootwrap_signal(struct rootwrap_command *command, int number);
int rootwrap_pid(const struct rootwrap_command *command);

/* Questions */

/* What would become of a command. */
struct rootwrap_explanation {
        int exit_code;           /* 0: it would be executed; else as of a refusal */
        const char *const *argv; /* what would be executed; NULL: nothing. Cut to 16,384 bytes */
        const char *const *env;  /* variables that are added */
        const char *filter;      /* NULL: none */
        const char *file;        /* FILE:LINE of that filter, or NULL */
        const char *run_as;      /* a user, or NULL */
        const char *reason;      /* a sentence, or NULL */
};

/* A command that runs. */
struct rootwrap_running {
        const char *const *argv; /* cut to 1,024 bytes */
        int pid;
        uint64_t duration_us; /* microseconds since its start */
        const char *filter;
        const char *run_as;
        unsigned int uid; /* of the client */
        int client_pid;
};

#define ROOTWRAP_BUCKETS 14

/* What a daemon has done, and does. */
struct rootwrap_status {
        uint64_t uptime_s; /* seconds */
        uint64_t n_started;
        uint64_t n_refused;
        uint64_t n_failed; /* allowed, and not started */
        uint64_t n_running;
        uint64_t n_connections;
        uint64_t total_us;                 /* microseconds that commands ran, in total */
        uint64_t n_took[ROOTWRAP_BUCKETS]; /* commands that took at most 1, 2, 5, 10, 20, 50, 100,
                                              200, 500, 1,000, 2,000, 5,000, 10,000 ms, longer */
        const struct rootwrap_running *commands; /* other users' only for root */
        size_t n_commands;
};

int rootwrap_explain(struct rootwrap *rootwrap,
                     const char *const *argv,
                     const char *const *env,
                     struct rootwrap_explanation **ret_explanation);
void rootwrap_explanation_free(struct rootwrap_explanation *explanation);
int rootwrap_status(struct rootwrap *rootwrap, struct rootwrap_status **ret_status);
void rootwrap_status_free(struct rootwrap_status *status);

#if defined(__GNUC__)
#        pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
