/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrap-daemon CONFIG: commands that the filters allow, for one service. See rootwrap-daemon(8).
 *
 * The drop-in for oslo-rootwrap-daemon, and the half of the daemon that is root. It loads the
 * policy, makes the socket and the key, starts the worker, gives path and key to whoever started
 * it, and then does what the worker's records ask for and the filters allow. It never reads a byte
 * of a client but the arguments of a command, and never opens what a client names.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/activation.h"
#include "monitor/job.h"
#include "monitor/monitor.h"
#include "monitor/owner.h"
#include "monitor/ruleset.h"
#include "priv/protection.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/text.h"

/* oslo_rootwrap.cmd */
#define RC_NOCOMMAND 98
#define RC_BADCONFIG 97
#define RC_FAILED    1

static const char usage[] =
        "usage: rootwrap-daemon CONFIG\n"
        "\n"
        "Runs commands that the filters of CONFIG (a rootwrap.conf) allow, for the service that\n"
        "started it. Prints the path of its socket, a newline and a key of 32 bytes, and serves until\n"
        "the service ends, asks it to, or has been idle for daemon_timeout.\n"
        "See rootwrap-daemon(8).\n";

/* A daemon that is being started. */
struct start {
        const char *name; /* as we were called */
        struct monitor *monitor;
        uid_t owner;
        uint32_t missing; /* bits of enum protection */
        uint8_t key[RECORD_KEY_BYTES];
};

static int fail(const struct start *start, int exit_code, const char *what, int error)
{
        (void)fprintf(stderr, "%s: %s%s%s\n", start->name, what, error ? ": " : "",
                      error ? strerror(error) : "");
        return exit_code;
}

/* Descriptors 0 to 2 exist, and there are no others but sockets that we were handed. */
static int tidy_descriptors(void)
{
        unsigned int first = ACTIVATION_FD + (unsigned int)activation_find();
        int fd;

        for (fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
                        return -errno;
        return syscall(SYS_close_range, first, ~0u, 0u) < 0 ? -errno : 0;
}

/* Commands inherit what is ignored, so nothing is; what we do not take is blocked. */
static int take_signals(int *ret_fd)
{
        struct sigaction action = { .sa_handler = SIG_DFL };
        sigset_t blocked;
        sigset_t taken;
        int number;

        for (number = 1; number < NSIG; number++)
                (void)sigaction(number, &action, NULL); /* SIGKILL and SIGSTOP refuse */
        (void)sigemptyset(&taken);
        (void)sigaddset(&taken, SIGTERM);
        (void)sigaddset(&taken, SIGINT);
        (void)sigaddset(&taken, SIGHUP);
        blocked = taken;
        (void)sigaddset(&blocked, SIGPIPE);
        if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
                return -errno;
        *ret_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
        return *ret_fd < 0 ? -errno : 0;
}

/* Our own descriptors are limited by the hard limit only; commands get what we were started with.
 */
static int raise_n_files(struct monitor *monitor)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        monitor->n_files = limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        monitor->n_files_own = limit.rlim_cur;
        return 0;
}

static int prepare(struct start *start)
{
        struct monitor *monitor = start->monitor;
        int r;

        if (prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail(start, RC_FAILED, "Cannot forbid core dumps", errno);
        r = take_signals(&monitor->signal_fd);
        if (r)
                return fail(start, RC_FAILED, "Cannot take signals", -r);
        r = raise_n_files(monitor);
        if (r)
                return fail(start, RC_FAILED, "Cannot raise the limit of descriptors", -r);
        monitor->cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (monitor->cwd_fd < 0)
                return fail(start, RC_FAILED, "Cannot open the working directory", errno);
        monitor->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (monitor->null_fd < 0)
                return fail(start, RC_FAILED, "Cannot open /dev/null", errno);
        monitor->status.started_us = job_clock_us();
        r = loop_init(&monitor->loop);
        if (r)
                return fail(start, RC_FAILED, "Cannot make an epoll set", -r);
        remains_init(&monitor->remains, &monitor->loop);
        return 0;
}

static int load(struct start *start)
{
        struct monitor *monitor = start->monitor;
        struct complaint complaint = { 0 };
        cleanup_text struct text message = { 0 };
        int r;

        r = ruleset_load(&monitor->ruleset, monitor->config, monitor->is_service, &complaint);
        if (r) {
                if (r > 0)
                        complaint_put(&message, &complaint);
                else
                        text_printf(&message, "Incorrect configuration file: %s: %s",
                                    monitor->config, strerror(-r));
                r = fail(start, RC_BADCONFIG, text_get(&message), 0);
        }
        complaint_deinit(&complaint);
        return r;
}

static int open_sockets(struct start *start, struct socket_dir_listeners *ret_listeners)
{
        struct monitor *monitor = start->monitor;
        cleanup_text struct text text = { 0 };
        unsigned int n_swept;
        int r;

        r = owner_find(&monitor->owner, &monitor->owner_name);
        if (r)
                return fail(start, RC_FAILED,
                            "Cannot tell who started it: neither SUDO_UID, DOAS_USER nor the "
                            "parent process names a user",
                            0);
        n_swept = socket_dir_sweep(monitor->owner);
        r = socket_dir_make(&monitor->dir, monitor->owner, ret_listeners);
        if (r)
                return fail(start, RC_FAILED, "Cannot make the sockets", -r);
        text_printf(&text, "for user %s (uid %u) at %s",
                    monitor->owner_name ? monitor->owner_name : "?", monitor->owner,
                    monitor->dir.socket_path);
        if (n_swept)
                text_printf(&text, "; removed what %u killed daemons had left", n_swept);
        audit_note(&monitor->audit, AUDIT_STARTED, text_get(&text));
        return 0;
}

/* What the worker could not be locked up with. */
static void log_missing(const struct start *start)
{
        unsigned int i;

        for (i = 0; i < PROTECTION_N_BITS; i++)
                if (start->missing >> i & 1u)
                        audit_note(&start->monitor->audit, AUDIT_PROTECTION_MISSING,
                                   protection_name(1u << i));
}

static int start_worker(struct start *start, const struct socket_dir_listeners *listeners)
{
        struct monitor *monitor = start->monitor;
        const struct settings *settings = &monitor->ruleset->settings;
        struct record_setup setup = {
                .version = RECORD_VERSION,
                .is_service = monitor->is_service,
                .client_uid = monitor->owner,
                .digests = settings->auth_digests, /* NOLINT: load() was there before */
                .daemon_timeout_s = settings->daemon_timeout_s,
                .drain_timeout_s = settings->drain_timeout_s,
                .n_message_max_bytes = (uint64_t)settings->max_message_bytes,
        };
        int r;

        if (owner_find_worker(&setup.worker_uid, &setup.worker_gid))
                return fail(start, RC_FAILED,
                            "Neither the user rootwrapd nor nobody is in /etc/passwd", 0);
        r = worker_process_start(&monitor->worker, monitor->null_fd);
        if (r)
                return fail(start, RC_FAILED,
                            "Cannot start rootwrap-worker, which belongs to this "
                            "program",
                            -r);
        memcpy(setup.key, start->key, sizeof(setup.key));
        r = worker_process_set_up(&monitor->worker, &setup, listeners, &start->missing);
        explicit_bzero(setup.key, sizeof(setup.key));
        if (r)
                return fail(start, RC_FAILED, "rootwrap-worker does not get ready", r < 0 ? -r : 0);
        log_missing(start);
        return 0;
}

/* One write, so that nobody reads half of it. */
static int hand_over(struct start *start)
{
        const char *path = start->monitor->dir.socket_path;
        cleanup_text struct text text = { 0 };
        ssize_t n = -1;

        text_put_string(&text, path);
        text_put_char(&text, '\n');
        text_put(&text, (const char *)start->key, sizeof(start->key));
        if (!text.broken) {
                do
                        n = write(STDOUT_FILENO, text.data, text.n_bytes);
                while (n < 0 && errno == EINTR);
                explicit_bzero(text.data, text.n_bytes);
        }
        explicit_bzero(start->key, sizeof(start->key));
        if (n < 0 || (size_t)n != text.n_bytes)
                return fail(start, RC_FAILED, "Cannot write the path and the key to stdout",
                            n < 0 ? errno : 0);
        if (dup2(start->monitor->null_fd, STDOUT_FILENO) < 0)
                return fail(start, RC_FAILED, "Cannot close stdout", errno);
        return 0;
}

static int serve_owner(struct start *start)
{
        struct socket_dir_listeners listeners = { -1, -1 };
        int r;

        r = open_sockets(start, &listeners);
        if (r)
                return r;
        if (getrandom(start->key, sizeof(start->key), 0) != (ssize_t)sizeof(start->key))
                r = fail(start, RC_FAILED, "Cannot make a key", errno);
        if (!r)
                r = start_worker(start, &listeners);
        (void)close(listeners.legacy);
        (void)close(listeners.native);
        return r;
}

/* For whoever allowed_users and allowed_groups name, at a socket that somebody else made. */
static int serve_host(struct start *start, int listener)
{
        struct monitor *monitor = start->monitor;
        struct socket_dir_listeners listeners = { .legacy = -1, .native = listener };
        int r;

        r = namespace_init(&monitor->namespace);
        if (r)
                return fail(start, RC_FAILED, "Cannot look at namespaces", -r);
        monitor->owner = 0;
        monitor->must_admit = true;
        audit_note(&monitor->audit, AUDIT_STARTED, "as a host service");
        r = start_worker(start, &listeners);
        (void)close(listener);
        return r;
}

static int begin(struct start *start)
{
        int listener = -1;
        int r;

        r = activation_take(&listener);
        if (r && r != ACTIVATION_E_NONE)
                return fail(start, RC_FAILED,
                            "What LISTEN_FDS names is not one listening AF_UNIX socket of type "
                            "SOCK_SEQPACKET",
                            r < 0 ? -r : 0);
        start->monitor->is_service = !r;

        r = load(start);
        if (r)
                return r;
        if (listener < 0 && isatty(STDOUT_FILENO))
                return fail(start, RC_FAILED,
                            "It is started by its service, which reads a key from stdout, and "
                            "not on a terminal; try rootwrapctl run --daemon-command",
                            0);
        monitor_put_in_force(start->monitor);
        r = listener >= 0 ? serve_host(start, listener) : serve_owner(start);
        if (r)
                return r;
        r = monitor_watch(start->monitor);
        if (r)
                return fail(start, RC_FAILED, "Cannot watch the worker", -r);
        if (listener < 0)
                return hand_over(start);
        notify_send(&start->monitor->notify, "READY=1");
        return 0;
}

static int serve(struct monitor *monitor)
{
        int r;

        (void)malloc_trim(0);
        r = loop_run(&monitor->loop);
        if (r)
                audit_note(&monitor->audit, AUDIT_ERROR, strerror(-r));
        return r ? RC_FAILED : monitor->exit_code;
}

static void have_nothing(struct monitor *monitor)
{
        monitor->loop.fd = monitor->dir.fd = monitor->signal_fd = monitor->cwd_fd = -1;
        monitor->notify.fd = monitor->null_fd = -1;
        monitor->worker.pid = monitor->worker.pidfd = monitor->worker.channel = -1;
        monitor->namespace.own_fd = monitor->namespace.user_fd = -1;
        monitor->namespace.entered_fd = monitor->namespace.seen_fd = -1;
        monitor->namespace.root_fd = -1;
}

int main(int argc, char **argv)
{
        static struct monitor monitor; /* zero, as it is large: the program's file has none of it */
        struct start start = { .name = argc > 0 ? argv[0] : "rootwrap-daemon",
                               .monitor = &monitor };
        int r;

        have_nothing(&monitor);
        r = tidy_descriptors();
        if (r)
                return fail(&start, RC_FAILED, "Cannot close descriptors", -r);
        if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
                return fputs(usage, stdout) < 0 ? RC_FAILED : 0;
        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return puts("rootwrap-daemon " ROOTWRAP_VERSION) < 0 ? RC_FAILED : 0;
        if (argc != 2)
                return fail(&start, RC_NOCOMMAND,
                            argc > 2 ? "Extra arguments to daemon"
                                     : "No configuration file specified",
                            0);
        monitor.config = argv[1];
        audit_init(&monitor.audit, word_basename(start.name));
        notify_init(&monitor.notify);

        r = prepare(&start);
        if (!r)
                r = begin(&start);
        explicit_bzero(start.key, sizeof(start.key));
        if (!r)
                r = serve(&monitor);
        monitor_deinit(&monitor);
        return r;
}
