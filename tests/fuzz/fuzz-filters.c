/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter file: it loads, or a complaint says why it does not; then a few commands are decided by
 * it, of which all must hold that holds with real files.
 */
#include "oracle.h"
#include "policy/test-policy.h"

/* More makes expressions slow, and nothing else possible. */
#define BYTES_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char *const commands[][8] = {
        { NULL },
        { "ls", "-l", NULL },
        { "/bin/ls", NULL },
        { "cat", "/etc/link", NULL },
        { "chown", "nova", "/home/link/x", NULL },
        { "chown", "nova", "/etc/up", NULL },
        { "env", NULL },
        { "env", "LC_ALL=C", "ls", NULL },
        { "env", "env", "A=", "B=1", "ls", "-l", NULL },
        { "LC_ALL=C", "ls", NULL },
        { "ip", "-b", "/x", NULL },
        { "ip", "netns", "exec", "n", "ls", "-l", NULL },
        { "ip", "netns", "exec", "n", "/bin/ls", NULL },
        { "ip", "netns", "exec", "n", "env", "LC_ALL=C", "ls", NULL },
        { "ip", "netns", "exec", "n", NULL },
        { "ionice", "-c3", "ls", NULL },
        { "kill", "-9", "12", NULL },
        { "kill", "-HUP", "13", NULL },
        { "kill", "14", NULL },
        { "privsep-helper", "--x", NULL },
};

static struct test_policy test;

static void unload(void)
{
        test_policy_close(&test);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        struct machine machine;
        size_t i;
        int r;

        if (n_bytes > BYTES_MAX)
                return 0;
        if (!test.directory[0]) {
                test_policy_open(&test, false);
                (void)atexit(unload);
        }
        test_policy_write(&test, "fuzz.filters", (const char *)bytes, n_bytes);
        r = test_policy_load(&test);
        ORACLE(r == 0 || r == POLICY_E_BAD);
        ORACLE(r == 0 || (test.complaint.text && test.complaint.file));

        machine_init(&machine, oracle_files, oracle_processes);
        for (i = 0; i < sizeof(commands) / sizeof(commands[0]) && !r; i++)
                oracle_check(&test.policy, &test.settings, &machine.system, commands[i]);
        if (!r)
                ORACLE(policy_compile(&test.policy) == 0);
        test_policy_unload(&test);
        return 0;
}
