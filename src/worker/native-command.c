/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command comes in parts: its first words by as many ARGS as that takes, the last ones and all
 * else by START or EXPLAIN. It is checked as a whole before it becomes a request. One that the page
 * (docs/protocol-native.md) does not allow ends its session; one that there is no room for now is
 * refused, and the session goes on. Whether it may be executed is never decided here.
 */
#include "worker/native-command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "priv/record.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/native-session.h"
#include "worker/request.h"
#include "worker/worker.h"

/* Arguments */

static size_t count_strings(const struct native_field *field)
{
        const char *at = field->bytes;
        const char *end;
        size_t n = 0;

        if (!at)
                return 0;
        end = at + field->n_bytes;
        for (; at < end && (at = memchr(at, '\0', (size_t)(end - at))); at++)
                n++;
        return n;
}

/* Return: 0, -ENOBUFS or -ENOMEM, or NATIVE_SESSION_E_GONE */
static int add_args(struct native_session *session, const struct native_field *field)
{
        session->n_args += (uint32_t)count_strings(field);
        if (field->n_bytes > RECORD_ARGS_BYTES_MAX - session->args.n_bytes)
                return native_session_complain(session, "The arguments are longer than ARGS_MAX");
        if (session->n_args > RECORD_ARGS_MAX)
                return native_session_complain(session, "There are too many arguments");
        return field->n_bytes ? queue_put(&session->args, field->bytes, field->n_bytes) : 0;
}

static void forget_args(struct native_session *session)
{
        if (session->has_args && session->peer.is_known)
                loop_timer_stop(&session->peer.deadline);
        queue_deinit(&session->args);
        session->n_args = 0;
        session->has_args = false;
        session->has_lost_args = false;
}

/**
 * native_command_take_args() - words that come ahead of a START or an EXPLAIN
 * @session: the session; with the first of them its peer gets NATIVE_ARGS_MS for the others
 * @message: an ARGS; its words are copied
 *
 * Where there is no memory for them, that is what their START is refused for.
 *
 * Return: 0 or NATIVE_SESSION_E_GONE
 */
int native_command_take_args(struct native_session *session, const struct native_message *message)
{
        const struct native_field *args = &message->fields[NATIVE_TAG_ARGS];
        int r;

        if (request_find(session, message->id))
                return native_session_complain(session, "The id is in use");
        if (!session->has_args && session->peer.is_known)
                peer_set_deadline(&session->peer, NATIVE_ARGS_MS);
        session->has_args = true;
        session->args_id = message->id;
        if (session->has_lost_args)
                return 0;
        if (args->n_bytes)
                session->args_end_with_nul = !args->bytes[args->n_bytes - 1];
        r = add_args(session, args);
        if (r < 0) {
                session->has_lost_args = true; /* which its START is told */
                queue_deinit(&session->args);
        }
        return r > 0 ? r : 0;
}

/* Is each a NAME=VALUE that env(1) takes for one? */
static bool is_environment(const struct native_field *field)
{
        const char *at = field->bytes;
        const char *end;
        const char *next;
        const char *equal;

        if (!at)
                return true;
        end = at + field->n_bytes;
        for (; at < end; at = next + 1) {
                next = memchr(at, '\0', (size_t)(end - at));
                if (!next || *at == '-')
                        return false;
                equal = memchr(at, '=', (size_t)(next - at));
                if (!equal || equal == at)
                        return false;
        }
        return true;
}

/* The last bytes of all arguments: is what is there now whole? */
static bool ends_with_nul(const struct native_session *session, const struct native_field *field)
{
        if (field->n_bytes)
                return !field->bytes[field->n_bytes - 1];
        return !session->args.n_bytes || session->args_end_with_nul;
}

/* All of a command's strings. Return: 0, NATIVE_SESSION_E_GONE, or negative errno: not now */
static int collect(struct native_session *session,
                   const struct native_message *message,
                   struct task *task)
{
        const struct native_field *args = &message->fields[NATIVE_TAG_ARGS];
        const struct native_field *env = &message->fields[NATIVE_TAG_ENV];
        int r = 0;

        if (session->has_lost_args)
                return err_origin(-ENOMEM);
        if (!ends_with_nul(session, args))
                return native_session_complain(session, "The last argument has no end");
        if (!is_environment(env))
                return native_session_complain(session, "ENV is no list of NAME=VALUE");
        r = add_args(session, args);
        if (r)
                return r;
        task->n_args = session->n_args;
        task->n_env = (uint32_t)count_strings(env);
        return add_args(session, env);
}

/* Commands */

/**
 * native_command_refuse_for_now() - what a client asks for can't be had now
 * @session: the session; the words that came ahead are forgotten
 * @id:      the client's id
 * @error:   why, a positive errno
 *
 * Return: 0
 */
int native_command_refuse_for_now(struct native_session *session, uint32_t id, int error)
{
        const char *reason = error == EAGAIN      ? "Too many commands at once"
                             : error == ESHUTDOWN ? "The daemon stops"
                                                  : strerror(error); /* NOLINT(concurrency-*) */

        forget_args(session);
        request_refuse(session, id, NATIVE_CODE_NOT_NOW, error, reason);
        return 0;
}

static int take_limits(struct task *task, const struct native_message *message)
{
        struct native_limit limits[NATIVE_LIMITS_MAX];
        size_t n;
        size_t i;

        n = native_get_limits(message, limits);
        if (!n)
                return 0;
        task->limits = calloc(n, sizeof(*task->limits));
        if (!task->limits)
                return err_origin(-ENOMEM);
        task->n_limits = (uint32_t)n;
        for (i = 0; i < n; i++)
                task->limits[i] = (struct record_limit){
                        .resource = limits[i].resource,
                        .soft = limits[i].soft,
                        .hard = limits[i].hard,
                };
        return 0;
}

static bool has_good_limits(const struct native_message *message)
{
        struct native_limit limits[NATIVE_LIMITS_MAX];
        size_t n = native_get_limits(message, limits);
        size_t i;

        for (i = 0; i < n; i++)
                if (limits[i].resource >= RLIM_NLIMITS || limits[i].soft > limits[i].hard)
                        return false;
        return true;
}

/* Return: what is wrong with what a START says, or NULL */
static const char *find_fault(const struct native_message *message, const struct fd_list *fds)
{
        uint32_t bits = native_get_u32(message, NATIVE_TAG_FDS);
        int32_t nice = (int32_t)native_get_u32(message, NATIVE_TAG_NICE);

        if (bits & ~(uint32_t)NATIVE_FDS_ALL || (size_t)__builtin_popcount(bits) != fds->n_fds)
                return "The descriptors are not those of FDS";
        if (native_get_u32(message, NATIVE_TAG_FLAGS) & ~NATIVE_START_FLAGS)
                return "There is a flag that is not known";
        if (native_has(message, NATIVE_TAG_TIMEOUT) &&
            (!native_get_u64(message, NATIVE_TAG_TIMEOUT) ||
             native_get_u64(message, NATIVE_TAG_TIMEOUT) > REQUEST_TIMEOUT_MAX_MS))
                return "The timeout is 0, or too long";
        if (native_get_u32(message, NATIVE_TAG_UMASK) > NATIVE_UMASK_MAX)
                return "There is no such umask";
        if (nice < -20 || nice > 19)
                return "There is no such nice level";
        if (!has_good_limits(message))
                return "There is no such limit";
        return NULL;
}

/* What a START says beside its arguments. */
static int take_properties(struct request *request,
                           const struct native_message *message,
                           struct fd_list *fds)
{
        uint32_t bits = native_get_u32(message, NATIVE_TAG_FDS);
        uint32_t flags = native_get_u32(message, NATIVE_TAG_FLAGS);
        struct task *task = &request->task;
        size_t n = 0;
        size_t i;

        for (i = 0; i < RECORD_STREAMS; i++)
                if (bits >> i & 1u)
                        task->fds[i] = fds->fds[n++];
        fds->n_fds = 0;
        task->flags = RECORD_START_APART;
        if (flags & NATIVE_GO_ON)
                task->flags |= RECORD_START_GO_ON;
        if (flags & NATIVE_LATE && !native_has(message, NATIVE_TAG_TIMEOUT))
                task->flags |= RECORD_START_LATE;
        if (native_has(message, NATIVE_TAG_UMASK))
                task->umask = native_get_u32(message, NATIVE_TAG_UMASK);
        if (native_has(message, NATIVE_TAG_NICE))
                task->nice = (int32_t)native_get_u32(message, NATIVE_TAG_NICE);
        request->timeout_ms = (int64_t)native_get_u64(message, NATIVE_TAG_TIMEOUT);
        return err_trace(take_limits(task, message));
}

/* Of the connection, of its user, or in all; what has exited is finished, though its number is not
 * free before the monitor knows. */
static bool has_too_many(const struct native_session *session)
{
        const struct worker *worker = session->peer.worker;
        size_t n = worker_count_tasks(worker) - worker->n_carried;
        size_t n_own = 0;
        size_t i;

        if (session->n_requests >= NATIVE_COMMANDS_MAX || n >= NATIVE_TOTAL_COMMANDS_MAX)
                return true;
        if (n < NATIVE_USER_COMMANDS_MAX)
                return false;
        for (i = 0; i < RECORD_IDS_MAX; i++)
                if (worker->tasks[i] && worker->tasks[i]->peer_uid == session->peer.uid)
                        n_own++;
        return n_own >= NATIVE_USER_COMMANDS_MAX;
}

/* Makes and asks. Return: 0, NATIVE_SESSION_E_GONE, or negative errno: not now */
static int ask(struct native_session *session,
               const struct native_message *message,
               struct fd_list *fds)
{
        uint32_t type = message->type == NATIVE_START ? RECORD_START : RECORD_EXPLAIN;
        struct request *request;
        int r;

        r = request_new(&request, session, type, message->id);
        if (r)
                return r;
        r = collect(session, message, &request->task);
        if (!r && type == RECORD_START)
                r = take_properties(request, message, fds);
        if (r) {
                (void)request_free(request);
                return r;
        }
        request_ask(request, &session->args);
        forget_args(session);
        return 0;
}

/* Return: 0, NATIVE_SESSION_E_GONE, or negative errno: not now */
static int try_command(struct native_session *session,
                       const struct native_message *message,
                       struct fd_list *fds)
{
        if (session->peer.worker->is_stopping)
                return -ESHUTDOWN;
        if (has_too_many(session))
                return -EAGAIN;
        return ask(session, message, fds);
}

/**
 * native_command_take() - have the monitor asked to start a command, or to explain it
 * @session: the session
 * @message: a START or an EXPLAIN
 * @fds:     came with it; empty when they were taken, otherwise still the caller's
 *
 * Return: 0, also when it is refused; or NATIVE_SESSION_E_GONE
 */
int native_command_take(struct native_session *session,
                        const struct native_message *message,
                        struct fd_list *fds)
{
        const char *fault = find_fault(message, fds);
        int r;

        if (request_find(session, message->id))
                return native_session_complain(session, "The id is in use");
        if (fault)
                return native_session_complain(session, fault);
        if (message->type == NATIVE_START && !session->has_args &&
            !message->fields[NATIVE_TAG_ARGS].n_bytes) {
                forget_args(session);
                request_refuse(session, message->id, 98, 0, "There is no command");
                return 0;
        }
        r = try_command(session, message, fds);
        return r < 0 ? native_command_refuse_for_now(session, message->id, -r) : r;
}

/**
 * native_command_take_status() - have the monitor asked what was done, and what runs
 * @session: the session
 * @message: a STATUS
 *
 * Return: 0, also when it is refused; or NATIVE_SESSION_E_GONE
 */
int native_command_take_status(struct native_session *session, const struct native_message *message)
{
        struct request *request;
        int r;

        if (request_find(session, message->id))
                return native_session_complain(session, "The id is in use");
        r = session->peer.worker->is_stopping ? -ESHUTDOWN : 0;
        if (!r && session->peer.uid && has_too_many(session))
                r = -EAGAIN;
        if (!r)
                r = request_new(&request, session, RECORD_STATUS, message->id);
        if (r)
                return native_command_refuse_for_now(session, message->id, -r);
        request_ask(request, NULL);
        return 0;
}
