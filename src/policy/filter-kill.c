/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KillFilter: a signal for a process that runs a given program.
 *
 * Which program that is says /proc/PID/exe, and a package upgrade changes its name under a running
 * process: " (deleted)" behind it, or a suffix of the package manager. By default the process is
 * held by a pidfd before it is looked at, and it is that pidfd that gets the signal: a process
 * which takes the number over in between gets nothing. The signal must therefore be one that we
 * know by name.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy/filter.h"
#include "policy/signal-name.h"
#include "policy/system.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/pystr.h"

#define DELETED       " (deleted)"
#define PROC_PATH_MAX 64

static void kill_prepare(struct filter *filter)
{
        filter->exec_path = "/bin/kill";
        filter->run_as = filter->args[0];
        filter->args++;
        filter->n_args--;
}

static int kill_name(const struct filter *filter, int (*add)(void *to, const char *key), void *to)
{
        (void)filter;
        return add(to, "kill");
}

/* Return: the signal's word, NULL for two words; or FILTER_NO through @ret_answer */
static enum filter_answer check_words(const struct filter *filter,
                                      struct query *query,
                                      struct words words)
{
        size_t i;

        if (!words.n || !word_is(&words.v[0], "kill"))
                return filter_no(query, "the command is not \"kill\"");
        if (words.n != 2 && words.n != 3)
                return filter_no(query, "it takes one signal at most and one process");
        if (words.n == 2 && filter->n_args > 1)
                return filter_no(query, "the filter wants a signal to be named");
        if (words.n == 2)
                return FILTER_YES;
        for (i = 1; i < filter->n_args; i++)
                if (word_is(&words.v[1], filter->args[i]))
                        return FILTER_YES;
        return filter_no(query, "\"%s\" is not a signal of the filter", words.v[1].text);
}

/* int(): Return: a process number, or 0 where there can be none */
static pid_t parse_pid(const struct word *word)
{
        int64_t number;

        if (pystr_int(word->text, word->n_text, &number) || number <= 0 || number > INT_MAX)
                return 0;
        return (pid_t)number;
}

static bool is_file(const struct query *query, const char *path)
{
        struct stat st;

        return query->system->stat(query->system, path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Does shutil.which() take it? */
static bool is_program(const struct query *query, const char *path)
{
        struct stat st;

        return query->system->stat(query->system, path, &st) == 0 && !S_ISDIR(st.st_mode) &&
               query->system->is_executable(query->system, path);
}

/* shutil.which(name). Return: NULL if nothing is found */
static const char *which(const struct query *query, const char *name)
{
        const char *path = query->system->path;
        const char *at;
        const char *end;

        if (strchr(name, '/'))
                return is_program(query, name) ? name : NULL;
        if (!path)
                path = "/bin:/usr/bin"; /* os.defpath, CS_PATH */
        for (at = path; *path; at = end + 1) {
                const char *directory;
                const char *program;

                end = strchrnul(at, ':');
                directory = arena_copy(query->arena, at, (size_t)(end - at));
                program = directory ? system_join(query->arena, directory, name) : NULL;
                if (!program)
                        return NULL;
                if (is_program(query, program))
                        return program;
                if (!*end)
                        break;
        }
        return NULL;
}

/* Where the program's own file is gone, argv[0] may name its successor, which the process chooses.
 * So by our rule it must be the very file, or stand in the same directory under the name that the
 * running one's begins with, which is what package managers leave. */
static bool is_successor(const struct query *query,
                         const char *proc_exe,
                         const char *exe,
                         const char *program)
{
        const char *base = word_basename(program);
        struct stat running;
        struct stat st;

        if (query->system->stat(query->system, proc_exe, &running) == 0 &&
            query->system->stat(query->system, program, &st) == 0 && running.st_dev == st.st_dev &&
            running.st_ino == st.st_ino)
                return true;
        return strncmp(exe, program, (size_t)(base - program)) == 0 &&
               strchr(exe + (base - program), '/') == NULL &&
               strncmp(exe + (base - program), base, strlen(base)) == 0;
}

/* KillFilter._program(). Return: FILTER_YES and the program */
static enum filter_answer find_program(struct query *query, pid_t pid, const char **ret_program)
{
        const char *program;
        char *argv0;
        char *exe;
        char proc_exe[PROC_PATH_MAX];
        size_t n;
        int r;

        (void)snprintf(proc_exe, sizeof(proc_exe), "/proc/%d/exe", (int)pid);
        if (query->system->readlink(query->system, query->arena, proc_exe, &exe))
                return filter_no(query, "there is no process %d with a program", (int)pid);
        n = strlen(exe);
        if (n >= strlen(DELETED) && strcmp(exe + n - strlen(DELETED), DELETED) == 0)
                exe[n - strlen(DELETED)] = '\0';
        if (is_file(query, exe)) {
                *ret_program = exe;
                return FILTER_YES;
        }
        r = query->system->argv0(query->system, query->arena, pid, &argv0);
        if (r == -EILSEQ || r == -E2BIG) /* Python raises an error that nobody handles */
                return filter_stop(query, "the command line of process %d is not text", (int)pid);
        if (r == -ENOMEM)
                return filter_fail(query, r);
        if (r)
                return filter_no(query, "the program of process %d is gone", (int)pid);
        program = which(query, argv0);
        if (!program)
                return filter_no(query, "the program of process %d is gone", (int)pid);
        if (!is_file(query, program)) {
                *ret_program = exe;
                return FILTER_YES;
        }
        if (!query->oslo_compat && !is_successor(query, proc_exe, exe, program))
                return filter_refuse(query, RULE_KILL,
                                     "process %d runs \"%s\", which is gone, and only calls "
                                     "itself \"%s\"",
                                     (int)pid, exe, program);
        *ret_program = program;
        return FILTER_YES;
}

static bool is_on_path(const struct query *query, const char *directory, size_t n_directory)
{
        const char *at = query->system->path ? query->system->path : "";
        const char *end;

        for (;; at = end + 1) {
                end = strchrnul(at, ':');
                if ((size_t)(end - at) == n_directory && memcmp(at, directory, n_directory) == 0)
                        return true;
                if (!*end)
                        return false;
        }
}

static bool is_wanted(const struct filter *filter, const struct query *query, const char *program)
{
        const char *wanted = filter->args[0];
        const char *base = word_basename(program);
        size_t n_directory = (size_t)(base - program);

        if (wanted[0] == '/')
                return strcmp(wanted, program) == 0;
        if (program[0] != '/' || strcmp(wanted, base) != 0)
                return false;
        while (n_directory > 1 && program[n_directory - 1] == '/')
                n_directory--;
        return is_on_path(query, program, n_directory);
}

/* What only our rule asks: a plain number, a signal we know, no chain in between. */
static enum filter_answer check_rule(struct query *query, struct words words)
{
        const struct word *pid = &words.v[words.n - 1];
        const char *name = words.n == 3 ? words.v[1].text : "-TERM";

        if (query->inner)
                return filter_refuse(query, RULE_KILL, "it would run inside another command");
        if (pid->text[strspn(pid->text, "0123456789")] != '\0')
                return filter_refuse(query, RULE_KILL, "\"%s\" is not a plain number", pid->text);
        query->signal = signal_name_parse(name);
        if (query->signal < 0)
                return filter_refuse(query, RULE_KILL, "\"%s\" is not a signal", name);
        return FILTER_YES;
}

static enum filter_answer check_process(const struct filter *filter, struct query *query, pid_t pid)
{
        enum filter_answer answer;
        const char *program = "";

        answer = find_program(query, pid, &program);
        if (answer != FILTER_YES)
                return answer;
        if (!filter->n_args) /* oslo.rootwrap looks for it here, and raises an error */
                return filter_stop(query, "the filter names no program");
        if (!is_wanted(filter, query, program))
                return filter_no(query, "process %d runs \"%s\", not \"%s\"", (int)pid, program,
                                 filter->args[0]);
        return FILTER_YES;
}

static enum filter_answer kill_match(const struct filter *filter,
                                     struct query *query,
                                     struct words words)
{
        enum filter_answer answer;
        cleanup_close int pidfd = -1;
        pid_t pid;

        if (check_words(filter, query, words) != FILTER_YES)
                return FILTER_NO;
        pid = parse_pid(&words.v[words.n - 1]);
        if (!pid)
                return filter_no(query, "\"%s\" is not a process", words.v[words.n - 1].text);
        if (query->oslo_compat)
                return check_process(filter, query, pid);

        pidfd = query->system->pidfd_open(query->system, pid);
        if (pidfd < 0)
                return filter_no(query, "there is no process %d: %s", (int)pid, strerror(-pidfd));
        answer = check_process(filter, query, pid);
        if (answer == FILTER_YES)
                answer = check_rule(query, words);
        if (answer != FILTER_YES)
                return answer;
        if (query->pidfd >= 0)
                (void)close(query->pidfd);
        query->pidfd = steal_fd(&pidfd);
        return FILTER_YES;
}

const struct filter_class filter_kill = {
        .name = "KillFilter",
        .n_args_min = 1,
        .prepare = kill_prepare,
        .name_commands = kill_name,
        .match = kill_match,
        .command = filter_command_default,
};
