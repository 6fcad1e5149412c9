/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrap CONFIG COMMAND [ARG...]: one command, if the filters allow it. See rootwrap(1).
 *
 * The drop-in for oslo-rootwrap. It loads the policy, decides, starts the command as its only child
 * and then is nothing but that child's parent: it passes signals on, waits, and exits as the child
 * did. All that the policy took is given back before, since some commands run for months.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "config/settings.h"
#include "policy/decision.h"
#include "policy/policy.h"
#include "policy/refusal.h"
#include "policy/system.h"
#include "spawn/environment.h"
#include "spawn/identity.h"
#include "spawn/spawn.h"
#include "tools/variant.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/log.h"
#include "util/pystr.h"
#include "util/text.h"

/* oslo_rootwrap.cmd */
#define RC_UNAUTHORIZED 99
#define RC_NOCOMMAND    98
#define RC_BADCONFIG    97
#define RC_NOEXECFOUND  96
#define SIGNAL_BASE     128

/* How much of it a log line holds; what is cut ends in "...". */
#define LOG_WORDS_BYTES_MAX (LOG_LINE_BYTES_MAX - 1024)

struct rootwrap {
        const char *name; /* as we were called */
        struct settings settings;
        struct policy policy;
        struct system system;
        struct decision decision;
        struct log log;
        struct identity identity;
};

/* Says why on stderr, and in the log. Return: @exit_code */
static int fail(const struct rootwrap *rootwrap, int exit_code, const struct text *message)
{
        (void)fprintf(stderr, "%s: %s\n", rootwrap->name, text_get(message));
        log_line(&rootwrap->log, LOG_ERR, text_get(message));
        return exit_code;
}

/* os.getlogin(), or what the environment says. */
static const char *login_name(void)
{
        static const char *const variables[] = { "USER", "USERNAME", "LOGNAME" };
        const char *name = getlogin(); /* NOLINT(concurrency-mt-unsafe) */
        size_t i;

        for (i = 0; !name && i < 3; i++) {
                name = getenv(variables[i]); /* NOLINT(concurrency-mt-unsafe) */
                if (name && !*name)
                        name = NULL;
        }
        return name ? name : "None";
}

static void log_command(const struct rootwrap *rootwrap)
{
        const struct command *command = &rootwrap->decision.command;
        cleanup_text struct text text = { 0 };
        const struct passwd *user;
        const char *login;
        size_t i;

        if (rootwrap->log.fd < 0 || rootwrap->log.priority_max < LOG_INFO)
                return;
        login = login_name();
        user = getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe) */
        text_put_char(&text, '(');
        text_put_escaped(&text, login, strlen(login), 256);
        text_printf(&text, " > %s) Executing [", user ? user->pw_name : "?");
        for (i = 0; i < command->n_argv && text.n_bytes < LOG_WORDS_BYTES_MAX; i++) {
                if (i)
                        text_put_string(&text, ", ");
                pystr_repr(command->argv[i], strlen(command->argv[i]), &text);
        }
        if (i < command->n_argv || text.n_bytes > LOG_WORDS_BYTES_MAX)
                text_cut(&text, LOG_WORDS_BYTES_MAX, "...");
        text_printf(&text, "] (filter match = %s)", rootwrap->decision.filter->name);
        log_line(&rootwrap->log, LOG_INFO, text_get(&text));
}

static int fail_configuration(const struct rootwrap *rootwrap, const struct complaint *complaint)
{
        cleanup_text struct text message = { 0 };

        complaint_put(&message, complaint);
        return fail(rootwrap, RC_BADCONFIG, &message);
}

static int fail_internally(const struct rootwrap *rootwrap, int r)
{
        cleanup_text struct text message = { 0 };

        text_printf(&message, "Unauthorized command: it cannot be decided on: %s", strerror(-r));
        return fail(rootwrap, RC_UNAUTHORIZED, &message);
}

static int refuse(struct rootwrap *rootwrap, const char *const *argv)
{
        const struct decision *decision = &rootwrap->decision;
        cleanup_text struct text message = { 0 };
        cleanup_text struct text missing = { 0 };
        cleanup_text struct text limit = { 0 };
        cleanup_text struct text stricter = { 0 };
        int exit_code = verdict_exit_code(decision->verdict);

        refusal_put_verdict(&message, decision, argv);
        (void)fail(rootwrap, exit_code, &message);
        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                refusal_put_missing(&missing, decision, &rootwrap->policy);
                (void)fail(rootwrap, exit_code, &missing);
        }
        if (decision->limit) {
                text_put_string(&limit, "A regular expression reached its match limit");
                (void)fail(rootwrap, exit_code, &limit);
        }
        if (refusal_put_stricter(&stricter, decision, &rootwrap->policy, &rootwrap->system, argv))
                (void)fail(rootwrap, exit_code, &stricter);
        return exit_code;
}

static int fail_to_start(const struct rootwrap *rootwrap, enum spawn_step step, int r)
{
        cleanup_text struct text message = { 0 };

        if (step == SPAWN_KILL) { /* in kill(1)'s words, and with its status */
                text_printf(&message, "kill: (%s): %s",
                            rootwrap->decision.command.argv[rootwrap->decision.command.n_argv - 1],
                            strerror(-r));
                return fail(rootwrap, 1, &message);
        }
        text_put_string(&message, "Cannot start ");
        text_put_escaped(&message, rootwrap->decision.command.argv[0],
                         strlen(rootwrap->decision.command.argv[0]), REFUSAL_WORDS_BYTES_MAX);
        text_printf(&message, ": %s: %s (filter match = %s)", spawn_step_name(step), strerror(-r),
                    rootwrap->decision.filter->name);
        return fail(rootwrap, RC_NOEXECFOUND, &message);
}

static int look_up_user(struct rootwrap *rootwrap, const struct identity **ret_identity)
{
        const struct filter *filter = rootwrap->decision.filter;
        struct complaint complaint = { 0 };
        int r;

        *ret_identity = NULL;
        if (strcmp(filter->run_as, "root") == 0)
                return 0;
        r = identity_look_up(&rootwrap->identity, filter->run_as, rootwrap->settings.oslo_compat);
        *ret_identity = &rootwrap->identity;
        if (!r)
                return 0;
        complaint_set(&complaint, filter->file, filter->line, "filter \"%s\": user \"%s\": %s",
                      filter->name, filter->run_as, r > 0 ? "there is no such user" : strerror(-r));
        r = fail_configuration(rootwrap, &complaint);
        complaint_deinit(&complaint);
        return r;
}

/* The signals that are passed on: those that are not ignored, as nohup(1) leaves them. */
static void take_signals(sigset_t *taken, sigset_t *ret_mask)
{
        static const int passed[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
        struct sigaction action = { .sa_handler = SIG_DFL };
        size_t i;

        (void)sigaction(SIGCHLD, &action, NULL);
        (void)sigemptyset(taken);
        (void)sigaddset(taken, SIGCHLD);
        for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
                if (sigaction(passed[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        (void)sigaddset(taken, passed[i]);
        (void)sigprocmask(SIG_BLOCK, taken, ret_mask);
}

/* What the terminal sends, it sends to the command as well, but for a hangup, which only the leader
 * of the session gets. And what the command sends us, it need not get back. */
static bool is_for_command(const siginfo_t *info, pid_t pid)
{
        if (info->si_code == SI_KERNEL)
                return info->si_signo == SIGHUP && getsid(0) == getpid();
        return info->si_pid != pid;
}

/* Waits for the command and passes signals on. Return: wait(2)'s status */
static int wait_for(pid_t pid, const sigset_t *taken)
{
        siginfo_t info;
        int status;
        pid_t r;

        for (;;) {
                r = waitpid(pid, &status, WNOHANG);
                if (r == pid)
                        return status;
                if (r < 0) /* can't be: it is our child, and nobody else waits for it */
                        return RC_NOEXECFOUND << 8;
                if (sigwaitinfo(taken, &info) < 0 || info.si_signo == SIGCHLD)
                        continue;
                if (is_for_command(&info, pid))
                        (void)kill(pid, info.si_signo);
        }
}

static void forget(struct rootwrap *rootwrap)
{
        decision_deinit(&rootwrap->decision);
        policy_deinit(&rootwrap->policy);
        settings_deinit(&rootwrap->settings);
        identity_deinit(&rootwrap->identity);
        log_close(&rootwrap->log);
}

static int run(struct rootwrap *rootwrap)
{
        struct decision *decision = &rootwrap->decision;
        enum spawn_step step = SPAWN_FORK;
        sigset_t taken;
        sigset_t mask;
        struct spawn spawn = {
                .argv = decision->command.argv,
                .mask = &mask,
                .nofile = rootwrap->settings.rlimit_nofile,
                .pidfd = decision->pidfd,
                .signal = decision->signal,
        };
        pid_t pid;
        int status;
        int r;

        r = look_up_user(rootwrap, &spawn.identity);
        if (r)
                return r;
        spawn.envp = environment_merge(&decision->arena, (const char *const *)environ,
                                       decision->command.env);
        if (!spawn.envp)
                return fail_internally(rootwrap, -ENOMEM);
        if (decision->warning.n_bytes)
                log_line(&rootwrap->log, LOG_WARNING, text_get(&decision->warning));
        log_command(rootwrap);

        take_signals(&taken, &mask);
        r = spawn_start(&spawn, &pid, &step);
        if (r)
                return fail_to_start(rootwrap, step, r);

        forget(rootwrap);
        variant_rest();
        status = wait_for(pid, &taken);
        return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static void log_notes(const struct rootwrap *rootwrap)
{
        size_t i;

        for (i = 0; i < rootwrap->policy.n_notes; i++) {
                const struct policy_note *note = &rootwrap->policy.notes[i];
                cleanup_text struct text text = { 0 };

                text_printf(&text, "%s", note->file);
                if (note->line)
                        text_printf(&text, ":%u", note->line);
                text_printf(&text, ": %s", note->text);
                log_line(&rootwrap->log, LOG_WARNING, text_get(&text));
        }
}

/* Return: 0, an exit code, or -ENOSYS where the full program is to say what is wrong */
static int load(struct rootwrap *rootwrap, const char *file)
{
        struct complaint complaint = { 0 };
        int r;

        rootwrap->system = system_real;
        rootwrap->system.path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
        r = settings_load(&rootwrap->settings, file, rootwrap->system.path, &complaint);
        if (!r && rootwrap->settings.use_syslog) {
                rootwrap->log.facility = rootwrap->settings.syslog_facility;
                rootwrap->log.priority_max = rootwrap->settings.syslog_priority_max;
                log_open(&rootwrap->log);
        }
        if (!r)
                r = policy_load(&rootwrap->policy, &rootwrap->settings, &complaint);
        if (r && variant_is_lean()) {
                complaint_deinit(&complaint);
                return -ENOSYS;
        }
        if (r < 0)
                complaint_set(&complaint, file, 0, "%s", strerror(-r));
        if (r)
                r = fail_configuration(rootwrap, &complaint);
        complaint_deinit(&complaint);
        return r;
}

/* Descriptors 0 to 2 exist, and there are no others. */
static int tidy_descriptors(void)
{
        int fd;

        for (fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
                        return -1;
        return syscall(SYS_close_range, 3u, ~0u, 0u) < 0 ? -1 : 0;
}

/* Can this program go on by itself, or must the full one? */
static bool is_for_full(const struct rootwrap *rootwrap)
{
        return variant_is_lean() &&
               (rootwrap->decision.verdict != VERDICT_ALLOW ||
                strcmp(rootwrap->decision.filter->run_as, "root") != 0 ||
                (rootwrap->settings.use_syslog && rootwrap->log.priority_max >= LOG_INFO));
}

static int decide(struct rootwrap *rootwrap, char **argv)
{
        const char *const *words = (const char *const *)argv + 2;
        int r;

        r = decision_make(&rootwrap->decision, &rootwrap->policy, &rootwrap->system, words, 0);
        if (is_for_full(rootwrap))
                return variant_continue(rootwrap->name, argv);
        log_notes(rootwrap);
        if (r)
                return fail_internally(rootwrap, r);
        if (rootwrap->decision.verdict == VERDICT_ALLOW)
                return run(rootwrap);
        return refuse(rootwrap, words);
}

/* Is nothing wanted but to know what this is? `rootwrap CONFIG` alone is an error as ever. */
static bool is_asked_for_help(int argc, char **argv)
{
        return argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                             strcmp(argv[1], "--version") == 0);
}

int main(int argc, char **argv)
{
        struct rootwrap rootwrap = {
                .name = argc > 0 ? argv[0] : "rootwrap",
                .log = { .fd = -1 },
                .decision = { .verdict = VERDICT_UNAUTHORIZED, .pidfd = -1 },
        };
        int r;

        if (tidy_descriptors() < 0) {
                (void)fprintf(stderr, "%s: Cannot close descriptors: %s\n", rootwrap.name,
                              strerror(errno));
                return RC_BADCONFIG;
        }
        if (is_asked_for_help(argc, argv))
                return variant_help(rootwrap.name, argv);
        if (argc < 3) {
                (void)fprintf(stderr, "%s: No command specified\n", rootwrap.name);
                return RC_NOCOMMAND;
        }
        rootwrap.log.name = word_basename(rootwrap.name);

        r = load(&rootwrap, argv[1]);
        if (r < 0)
                return variant_continue(rootwrap.name, argv);
        if (!r)
                r = decide(&rootwrap, argv);
        forget(&rootwrap);
        return r;
}
