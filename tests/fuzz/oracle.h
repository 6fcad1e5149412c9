/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of every decision, whatever the policy and the command. Each function aborts where
 * it does not.
 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"
#include "policy/decision.h"
#include "policy/index.h"
#include "policy/policy.h"
#include "policy/test-machine.h"

static const struct machine_file oracle_files[] = {
        { "/bin/cat", MACHINE_PROGRAM, NULL },
        { "/bin/chown", MACHINE_PROGRAM, NULL },
        { "/bin/dd", MACHINE_PROGRAM, NULL },
        { "/bin/kill", MACHINE_PROGRAM, NULL },
        { "/bin/ls", MACHINE_PROGRAM, NULL },
        { "/bin/mount", MACHINE_PROGRAM, NULL },
        { "/bin/data", MACHINE_DATA, NULL },
        { "/dev/sda", MACHINE_DATA, NULL },
        { "/etc/link", MACHINE_LINK, "/etc/secret" },
        { "/etc/loop", MACHINE_LINK, "loop" },
        { "/etc/up", MACHINE_LINK, "../var/../etc/link" },
        { "/home/link", MACHINE_LINK, "/var/lib/nova" },
        { "/proc/12/exe", MACHINE_LINK, "/usr/bin/dnsmasq" },
        { "/proc/13/exe", MACHINE_LINK, "/usr/bin/gone (deleted)" },
        { "/proc/14/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/proc/15/exe", MACHINE_LINK, "/usr/bin/gone" },
        { "/sbin/ip", MACHINE_PROGRAM, NULL },
        { "/sbin/lvs", MACHINE_PROGRAM, NULL },
        { "/usr/bin/dnsmasq", MACHINE_PROGRAM, NULL },
        { "/usr/bin/env", MACHINE_PROGRAM, NULL },
        { "/usr/bin/ionice", MACHINE_PROGRAM, NULL },
        { "/usr/bin/privsep-helper", MACHINE_PROGRAM, NULL },
        { "/usr/bin/python3", MACHINE_PROGRAM, NULL },
        { "/var/lib/nova", MACHINE_DIRECTORY, NULL },
        { NULL, 0, NULL },
};

static const struct machine_process oracle_processes[] = {
        { "dnsmasq", 12, 0 },  { "dnsmasq", 13, 0 }, { NULL, 14, -EILSEQ },
        { NULL, 15, -ENOENT }, { NULL, 0, 0 },
};

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

/* Return: the lowest descriptor that is free */
static inline int oracle_free_fd(void)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        ORACLE(fd >= 0 && close(fd) == 0);
        return fd;
}

/* Does the filter say yes when it is asked by itself? */
static inline bool oracle_matches(const struct filter *filter,
                                  const struct system *system,
                                  const char *const *argv,
                                  bool oslo_compat,
                                  bool hypothetical)
{
        struct arena arena = { 0 };
        struct query query = {
                .system = system,
                .arena = &arena,
                .oslo_compat = oslo_compat || hypothetical,
                .hypothetical = hypothetical,
                .pidfd = -1,
        };
        enum filter_answer answer;
        struct words words;
        size_t n_shift = 0;
        size_t n = 0;

        while (argv[n])
                n++;
        ORACLE(words_init(&words, &arena, argv, n) == 0);
        if (query.oslo_compat)
                n_shift = index_count_env(words);
        if (n_shift > filter->n_env_before)
                n_shift = filter->n_env_before;
        answer = filter->class->match(filter, &query, words_from(words, n_shift));
        if (query.pidfd >= 0)
                (void)close(query.pidfd);
        arena_deinit(&arena);
        return answer == FILTER_YES;
}

/* What is true of one decision. */
static inline void oracle_check_one(const struct decision *decision,
                                    const struct policy *policy,
                                    const struct system *system,
                                    const char *const *argv,
                                    bool hypothetical)
{
        size_t n = 0;

        if (decision->verdict == VERDICT_UNAUTHORIZED) {
                ORACLE(!decision->filter && !decision->command.argv && decision->pidfd < 0);
                return;
        }
        ORACLE(decision->filter >= policy->filters &&
               decision->filter < policy->filters + policy->n_filters);
        ORACLE(oracle_matches(decision->filter, system, argv, policy->settings->oslo_compat,
                              hypothetical));
        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                ORACLE(!decision->command.argv && decision->pidfd < 0);
                return;
        }
        ORACLE(decision->verdict == VERDICT_ALLOW);
        while (decision->command.argv[n])
                n++;
        ORACLE(n == decision->command.n_argv && n > 0);
        ORACLE(system->is_executable(system, decision->command.argv[0]));
        ORACLE(!decision->filter->class->is_chaining == !decision->inner);
        if (decision->inner)
                ORACLE(!decision->inner->class->is_chaining &&
                       strcmp(decision->inner->run_as, decision->filter->run_as) == 0);
}

/* Return: the verdict */
static inline enum verdict oracle_decide(const struct policy *policy,
                                         const struct system *system,
                                         const char *const *argv,
                                         unsigned int flags)
{
        struct decision decision;
        enum verdict verdict;
        int fd = oracle_free_fd();

        ORACLE(decision_make(&decision, policy, system, argv, flags) == 0);
        oracle_check_one(&decision, policy, system, argv, flags & DECISION_HYPOTHETICAL);
        verdict = decision.verdict;
        decision_deinit(&decision);
        ORACLE(oracle_free_fd() == fd);
        return verdict;
}

/* The implicit filter is not what it would have been loaded as with oslo_compat. */
static inline bool oracle_is_privsep(const char *const *argv)
{
        for (; *argv; argv++)
                if (strstr(*argv, "privsep-helper"))
                        return true;
        return false;
}

/* @settings are the policy's own, by default: all that holds between the ways of asking. */
static inline void oracle_check(const struct policy *policy,
                                struct settings *settings,
                                const struct system *system,
                                const char *const *argv)
{
        enum verdict verdict = oracle_decide(policy, system, argv, 0);
        enum verdict hypothetical = oracle_decide(policy, system, argv, DECISION_HYPOTHETICAL);
        enum verdict oslo;

        ORACLE(oracle_decide(policy, system, argv, DECISION_DIAGNOSE) == verdict);
        if (verdict == VERDICT_ALLOW)
                ORACLE(hypothetical == VERDICT_ALLOW);
        if (verdict == VERDICT_NOT_EXECUTABLE)
                ORACLE(hypothetical != VERDICT_UNAUTHORIZED);

        settings->oslo_compat = true;
        oslo = oracle_decide(policy, system, argv, 0);
        ORACLE(oracle_decide(policy, system, argv, DECISION_DIAGNOSE) == oslo);
        settings->oslo_compat = false;
        ORACLE(oslo == hypothetical || oracle_is_privsep(argv));
}
