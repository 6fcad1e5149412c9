/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy-timer load ROUNDS CONFIG...
 * policy-timer decide ROUNDS CONFIG -- COMMAND [ARG...] [-- COMMAND [ARG...]]...
 *
 * load: how long it takes to read a configuration with all its filter files, each time in a process
 * that has not touched its memory yet, as in a one-shot run. The configurations take turns.
 * decide: how long a decision takes in a process that keeps the policy, its expressions compiled,
 * as in a daemon. A round asks each command once and counts as one measurement of their mean.
 *
 * Prints {"ns": [[...], ...]}, one array a configuration; with decide also "verdicts", one a
 * command.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/settings.h"
#include "policy/decision.h"
#include "policy/policy.h"
#include "policy/system.h"
#include "util/complaint.h"

#define COMMANDS_MAX 64
#define ROUNDS_MAX   1000000
#define WARM_UPS     20

struct loaded {
        struct settings settings;
        struct policy policy;
};

struct commands {
        const char *const *argv[COMMANDS_MAX];
        enum verdict verdicts[COMMANDS_MAX];
        size_t n;
};

static int64_t now_ns(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int load(struct loaded *loaded, const char *config)
{
        struct complaint complaint = { 0 };
        int r;

        r = settings_load(&loaded->settings, config, "/usr/bin", &complaint);
        if (!r)
                r = policy_load(&loaded->policy, &loaded->settings, &complaint);
        if (r)
                (void)fprintf(stderr, "policy-timer: %s: %s\n",
                              complaint.file ? complaint.file : config,
                              complaint.text ? complaint.text : strerror(-r));
        complaint_deinit(&complaint);
        return r;
}

/* Loads in a child of its own, which says through @ns how long it took. */
static int load_once(const char *config, volatile int64_t *ns)
{
        struct loaded loaded = { 0 };
        int64_t start;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                start = now_ns();
                if (load(&loaded, config))
                        _exit(1);
                *ns = now_ns() - start;
                _exit(0);
        }
        return pid < 0 || waitpid(pid, &status, 0) != pid || status ? -1 : 0;
}

static void print_numbers(const int64_t *numbers, size_t n)
{
        size_t i;

        for (i = 0; i < n; i++)
                (void)printf("%s%lld", i ? ", " : "[", (long long)numbers[i]);
        (void)printf("]");
}

static int time_load(size_t n_rounds, size_t n_configs, char **configs)
{
        size_t n_bytes = n_rounds * n_configs * sizeof(int64_t);
        int64_t *ns;
        size_t i;
        size_t k;

        ns = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (ns == MAP_FAILED)
                return -1;
        memset(ns, 0, n_bytes); /* no page of it is touched first while the clock runs */
        for (i = 0; i < n_rounds; i++)
                for (k = 0; k < n_configs; k++) {
                        int64_t *to = &ns[k * n_rounds + i];

                        /* The second time counts: a small one must not pay for a big one before. */
                        if (load_once(configs[k], to) < 0 || load_once(configs[k], to) < 0)
                                return -1;
                }
        (void)printf("{\"ns\": [");
        for (k = 0; k < n_configs; k++) {
                (void)printf("%s", k ? ", " : "");
                print_numbers(&ns[k * n_rounds], n_rounds);
        }
        (void)printf("]}\n");
        return 0;
}

/* Takes the words apart at each "--", which comes before each command. */
static int parse_commands(struct commands *commands, char **words)
{
        for (; *words; words++) {
                if (strcmp(*words, "--") != 0)
                        continue;
                *words = NULL;
                if (!words[1] || commands->n == COMMANDS_MAX)
                        return -1;
                commands->argv[commands->n++] = (const char *const *)words + 1;
        }
        return commands->n ? 0 : -1;
}

/* Asks for each command once. */
static int decide_all(struct commands *commands, const struct policy *policy)
{
        struct decision decision;
        size_t i;
        int r;

        for (i = 0; i < commands->n; i++) {
                r = decision_make(&decision, policy, &system_real, commands->argv[i], 0);
                commands->verdicts[i] = decision.verdict;
                decision_deinit(&decision);
                if (r)
                        return r;
        }
        return 0;
}

static int time_decide(size_t n_rounds, const char *config, char **words)
{
        struct loaded loaded = { 0 };
        struct commands commands = { .n = 0 };
        int64_t *ns = calloc(n_rounds, sizeof(*ns));
        int64_t start;
        size_t i;

        if (!ns || parse_commands(&commands, words) < 0 || load(&loaded, config) ||
            policy_compile(&loaded.policy))
                return -1;
        for (i = 0; i < n_rounds + WARM_UPS; i++) {
                start = now_ns();
                if (decide_all(&commands, &loaded.policy))
                        return -1;
                if (i >= WARM_UPS)
                        ns[i - WARM_UPS] = (now_ns() - start) / (int64_t)commands.n;
        }
        (void)printf("{\"verdicts\": [");
        for (i = 0; i < commands.n; i++)
                (void)printf("%s\"%s\"", i ? ", " : "", verdict_name(commands.verdicts[i]));
        (void)printf("], \"ns\": [");
        print_numbers(ns, n_rounds);
        (void)printf("]}\n");
        policy_deinit(&loaded.policy);
        settings_deinit(&loaded.settings);
        free(ns);
        return 0;
}

int main(int argc, char **argv)
{
        long n_rounds = argc > 3 ? strtol(argv[2], NULL, 10) : 0;

        if (n_rounds > 0 && n_rounds <= ROUNDS_MAX && strcmp(argv[1], "load") == 0)
                return time_load((size_t)n_rounds, (size_t)argc - 3, argv + 3) < 0 ? 1 : 0;
        if (n_rounds > 0 && n_rounds <= ROUNDS_MAX && strcmp(argv[1], "decide") == 0)
                return time_decide((size_t)n_rounds, argv[3], argv + 4) < 0 ? 1 : 0;
        (void)fprintf(stderr, "usage: policy-timer load ROUNDS CONFIG...\n"
                              "       policy-timer decide ROUNDS CONFIG -- COMMAND...\n");
        return 2;
}
