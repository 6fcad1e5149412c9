/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker is a program of its own, executed with an empty environment and three descriptors: the
 * channel to us as its first, /dev/null, and our stderr for a last word. What it may use besides it
 * is handed over the channel: the settings, the key, and the listening socket.
 */
#include "monitor/worker-process.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor/socket-dir.h"
#include "priv/record.h"
#include "spawn/spawn.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/fd.h"
#include "util/text.h"

/* The build says where it installs it, relative to our own folder; the build's own folder has both
 * programs side by side. */
#ifndef ROOTWRAP_WORKER
#        define ROOTWRAP_WORKER "../libexec/rootwrapd/rootwrap-worker"
#endif

static const char *const places[] = { ROOTWRAP_WORKER, "rootwrap-worker" };

/* Finds the worker beside our own program, whatever name and links that was called by. */
static int find_program(struct text *path)
{
        char exe[PATH_MAX];
        ssize_t n;
        size_t i;

        n = readlink("/proc/self/exe", exe, sizeof(exe));
        if (n < 0)
                return err_origin(-errno);
        while (n > 0 && exe[n - 1] != '/')
                n--;
        for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
                text_deinit(path);
                text_put(path, exe, (size_t)n);
                text_put_string(path, places[i]);
                if (path->broken)
                        return err_origin(-ENOMEM);
                if (access(path->data, X_OK) == 0)
                        return 0;
        }
        return err_origin(-ENOENT);
}

/**
 * worker_process_start() - execute the worker
 * @process: set; to be given to worker_process_end() also after a failure
 * @null_fd: /dev/null, borrowed
 *
 * Return: 0 or negative errno
 */
int worker_process_start(struct worker_process *process, int null_fd)
{
        const char *argv[] = { NULL, NULL };
        const char *envp[] = { NULL };
        cleanup_text struct text path = { 0 };
        cleanup_close int theirs = -1;
        enum spawn_step step;
        int channel[2];
        int streams[3];
        sigset_t mask;
        int r;

        *process = (struct worker_process){ .pid = -1, .pidfd = -1, .channel = -1 };
        r = find_program(&path);
        if (r)
                return err_trace(r);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
                return err_origin(-errno);
        process->channel = channel[0];
        theirs = channel[1];

        argv[0] = path.data;
        streams[0] = theirs;
        streams[1] = null_fd;
        streams[2] = STDERR_FILENO;
        (void)sigemptyset(&mask);
        r = spawn_start(&(struct spawn){ .argv = argv,
                                         .envp = envp,
                                         .mask = &mask,
                                         .streams = streams,
                                         .nofile = -1,
                                         .pidfd = -1 },
                        &process->pid, &step);
        if (r)
                return err_trace(r);
        process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0u);
        return process->pidfd < 0 ? err_origin(-errno) : 0;
}

/**
 * worker_process_set_up() - hand over what the worker needs, and wait until it is ready
 * @process:     was started
 * @setup:       its settings
 * @listeners:   the listening sockets, borrowed; of a host service only the native one
 * @ret_missing: bits of enum protection: how it could not be locked up
 *
 * Return: 0, WORKER_PROCESS_E_BAD, or negative errno
 */
int worker_process_set_up(const struct worker_process *process,
                          const struct record_setup *setup,
                          const struct socket_dir_listeners *listeners,
                          uint32_t *ret_missing)
{
        struct record record = { .type = RECORD_SETUP, .setup = *setup };
        struct pollfd pollfd = { .fd = process->channel, .events = POLLIN };
        char buffer[RECORD_KEY_BYTES + 256];
        const int fds[] = { listeners->native, listeners->legacy };
        struct fd_list list = { .n_fds = 0 };
        size_t n;
        int r;

        n = record_format(&record, buffer, sizeof(buffer));
        r = n ? fd_send(process->channel, buffer, n, fds, setup->is_service ? 1 : 2)
              : err_origin(-EMSGSIZE);
        explicit_bzero(&record, sizeof(record));
        explicit_bzero(buffer, sizeof(buffer));
        if (r)
                return r > 0 ? WORKER_PROCESS_E_BAD : err_trace(r);

        do
                r = poll(&pollfd, 1, WORKER_PROCESS_READY_MS);
        while (r < 0 && errno == EINTR);
        if (r <= 0)
                return r < 0 ? err_origin(-errno) : WORKER_PROCESS_E_BAD;
        r = fd_receive(process->channel, buffer, sizeof(buffer), &n, &list);
        if (r)
                return r > 0 ? WORKER_PROCESS_E_BAD : err_trace(r);
        if (list.n_fds || record_parse(buffer, n, &record) || record.type != RECORD_READY ||
            record.ready.version != RECORD_VERSION) {
                fd_list_close(&list);
                return WORKER_PROCESS_E_BAD;
        }
        *ret_missing = record.ready.missing;
        return 0;
}

/**
 * worker_process_end() - make sure that it is gone
 * @process: becomes empty
 *
 * Return: its status as wait(2) has it, or -1 where there was none
 */
int worker_process_end(struct worker_process *process)
{
        static char unread[RECORD_BYTES_MAX];
        int status = -1;

        if (process->pid > 0) {
                (void)kill(process->pid, SIGKILL);
                while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
                        ;
        }
        if (process->pidfd >= 0)
                (void)close(process->pidfd);
        if (process->channel >= 0) {
                fd_drain(process->channel, unread, sizeof(unread));
                (void)close(process->channel);
        }
        *process = (struct worker_process){ .pid = -1, .pidfd = -1, .channel = -1 };
        return status;
}
