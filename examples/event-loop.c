/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same command many times at once, in a loop that could wait for other things too:
 *
 *     event-loop CONFIG N COMMAND [ARG...]
 */
#include <poll.h>
#include <rootwrap.h>
#include <stdio.h>
#include <stdlib.h>

struct tally {
        int n_left;
        int n_failed;
};

static void done(struct rootwrap_command *command,
                 const struct rootwrap_result *result,
                 void *userdata)
{
        struct tally *tally = userdata;

        (void)command;
        tally->n_left--;
        if (result->error || result->exit_code) {
                tally->n_failed++;
                fprintf(stderr, "event-loop: %s\n", result->reason ? result->reason : "it failed");
        }
}

int main(int argc, char **argv)
{
        const char *daemon[] = { "sudo", "-n", "rootwrap-daemon", NULL, NULL };
        struct tally tally = { 0, 0 };
        struct rootwrap *rootwrap;
        struct pollfd poller;
        int n_to_start;
        int r;

        if (argc < 4)
                return 64;
        daemon[3] = argv[1];
        n_to_start = atoi(argv[2]);
        if (rootwrap_open_command(daemon, &rootwrap)) {
                fprintf(stderr, "event-loop: %s\n", rootwrap_detail());
                return 70;
        }
        poller.fd = rootwrap_fd(rootwrap);
        poller.events = POLLIN;
        while (n_to_start || tally.n_left) {
                for (r = 0; n_to_start && !r;) {
                        r = rootwrap_start(rootwrap, (const char *const *)argv + 3, NULL, done,
                                           &tally, NULL);
                        if (!r) {
                                n_to_start--;
                                tally.n_left++;
                        }
                }
                if (r && r != ROOTWRAP_E_BUSY) { /* busy: the rest when some are done */
                        fprintf(stderr, "event-loop: %s\n", rootwrap_strerror(r));
                        return 70;
                }
                poll(&poller, 1, -1);
                rootwrap_dispatch(rootwrap);
        }
        rootwrap_close(rootwrap);
        printf("%d failed\n", tally.n_failed);
        return tally.n_failed != 0;
}
