/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that leaves it to its configuration whether there is a daemon:
 *
 *     service FILE NAME COMMAND [ARG...]
 */
#include <rootwrap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
        struct rootwrap_result *result;
        struct rootwrap *rootwrap;
        int exit_code;

        if (argc < 4)
                return 64;
        if (rootwrap_open_config(argv[1], argv[2], &rootwrap) ||
            rootwrap_execute(rootwrap, (const char *const *)argv + 3, NULL, NULL, 0, &result)) {
                fprintf(stderr, "service: %s\n", rootwrap_detail());
                return 70;
        }
        printf("%s", result->out);
        fprintf(stderr, "%s", result->err);
        exit_code = result->exit_code;
        rootwrap_result_free(result);
        rootwrap_close(rootwrap);
        return exit_code;
}
