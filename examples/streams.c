/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command whose output goes straight into a file, of any size, and which may take a minute:
 *
 *     streams CONFIG FILE COMMAND [ARG...]
 */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC, also with -std=c99 */
#include <fcntl.h>
#include <rootwrap.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        const char *daemon[] = { "sudo", "-n", "rootwrap-daemon", NULL, NULL };
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;
        int exit_code;

        if (argc < 4)
                return 64;
        daemon[3] = argv[1];
        options.stdin_fd = STDIN_FILENO;
        options.stdout_fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        options.stderr_fd = STDERR_FILENO;
        options.timeout_ms = 60 * 1000;
        if (options.stdout_fd < 0) {
                perror(argv[2]);
                return 70;
        }
        if (rootwrap_open_command(daemon, &rootwrap) ||
            rootwrap_run(rootwrap, (const char *const *)argv + 3, &options, &result)) {
                fprintf(stderr, "streams: %s\n", rootwrap_detail());
                return 70;
        }
        if (result->is_refused)
                fprintf(stderr, "streams: %s\n", result->reason);
        if (result->is_timed_out)
                fprintf(stderr, "streams: it took more than a minute\n");
        exit_code = result->exit_code;
        rootwrap_result_free(result);
        rootwrap_close(rootwrap);
        close(options.stdout_fd);
        return exit_code;
}
