/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootwrap-worker: the half of rootwrap-daemon that talks to clients. It is only ever started by
 * the other half, with its channel as descriptor 0.
 *
 * What it needs it takes from the monitor; then it gives up everything else, and only after that a
 * client's first byte is read. It can neither decide nor execute: nothing of that is linked.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "priv/record.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

#define CHANNEL_FD 0

/* Waits for the one record that the monitor begins with. Return: 0 or negative errno */
static int receive_setup(struct worker *worker, struct record_setup *ret_setup)
{
        struct pollfd pollfd = { .fd = CHANNEL_FD, .events = POLLIN };
        struct fd_list fds = { .n_fds = 0 };
        struct record record;
        size_t n;
        int r;

        if (poll(&pollfd, 1, -1) < 0)
                return err_origin(-errno);
        r = fd_receive(CHANNEL_FD, worker->input, RECORD_BYTES_MAX, &n, &fds);
        if (r)
                return r > 0 ? -EPIPE : err_trace(r);
        r = record_parse(worker->input, n, &record);
        explicit_bzero(worker->input, n);
        if (r || record.type != RECORD_SETUP || record.setup.version != RECORD_VERSION ||
            fds.n_fds != (record.setup.is_service ? 1 : 2)) {
                fd_list_close(&fds);
                return err_origin(-EPROTO);
        }
        worker->native_listener.fd = fd_list_take(&fds);
        if (!record.setup.is_service)
                worker->legacy_listener.fd = fd_list_take(&fds);
        *ret_setup = record.setup;
        explicit_bzero(&record, sizeof(record));
        return 0;
}

static int say_ready(uint32_t missing)
{
        struct record record = { .type = RECORD_READY,
                                 .ready = { .version = RECORD_VERSION, .missing = missing } };
        char buffer[64];
        size_t n;
        int r;

        n = record_format(&record, buffer, sizeof(buffer));
        r = fd_send(CHANNEL_FD, buffer, n, NULL, 0);
        return r > 0 ? -EPIPE : err_trace(r);
}

static int begin(struct worker *worker)
{
        struct record_setup setup;
        struct rlimit limit;
        unsigned int missing;
        int r;

        r = receive_setup(worker, &setup);
        if (r)
                return err_trace(r);
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return err_origin(-errno);
        r = worker_init(worker, &setup, limit.rlim_max);
        if (!r)
                r = worker_watch(worker);
        if (!r)
                r = sandbox_enter(&(struct sandbox){ .uid = setup.worker_uid,
                                                     .gid = setup.worker_gid,
                                                     .n_fds = (unsigned int)worker->loop.fd + 1 },
                                  &missing);
        explicit_bzero(&setup, sizeof(setup));
        if (r)
                return err_trace(r);
        return err_trace(say_ready(missing));
}

int main(void)
{
        static struct worker worker; /* zero, as it is large: the program's file has none of it */
        int r;

        /* A command may stop reading, and a client go, at any time: that is an error of the write.
         */
        (void)signal(SIGPIPE, SIG_IGN);
        worker.loop.fd = worker.legacy_listener.fd = worker.native_listener.fd = -1;
        worker.channel_fd = CHANNEL_FD;
        r = begin(&worker);
        if (!r) {
                (void)malloc_trim(0);
                r = loop_run(&worker.loop);
        }
        worker_deinit(&worker);
        return r ? 1 : 0;
}
