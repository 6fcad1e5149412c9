/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command through a daemon of our own, its output and its exit code:
 *
 *     execute CONFIG COMMAND [ARG...]
 */
#include <rootwrap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
        const char *daemon[] = { "sudo", "-n", "rootwrap-daemon", NULL, NULL };
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;
        int exit_code;

        if (argc < 3)
                return 64;
        daemon[3] = argv[1];
        if (rootwrap_open_command(daemon, &rootwrap) ||
            rootwrap_execute(rootwrap, (const char *const *)argv + 2, NULL, NULL, 0, &result)) {
                fprintf(stderr, "execute: %s\n", rootwrap_detail());
                return 70;
        }
        fwrite(result->out, 1, result->n_out, stdout);
        fwrite(result->err, 1, result->n_err, stderr);
        exit_code = result->exit_code;
        rootwrap_result_free(result);
        rootwrap_close(rootwrap);
        return exit_code;
}
