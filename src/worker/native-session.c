/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A native session takes messages from a socket, one by one, and makes requests of them. Whatever a
 * client sends that the page (docs/protocol-native.md) does not allow ends its session with the
 * reason. Nothing piles up: while answers wait for the client to read, or enough of its requests
 * wait for the monitor, no further message is read.
 */
#include "worker/native-session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "priv/record.h"
#include "util/cleanup.h"
#include "util/err.h"
#include "util/fd.h"
#include "worker/attachment.h"
#include "worker/request.h"
#include "worker/worker.h"

/* How often a session reads before others get their turn. */
#define ROUNDS_AT_ONCE 8

/* A message that is kept until the socket takes it. */
struct unsent {
        struct list link;
        size_t n_bytes;
        char bytes[];
};

static struct native_session *native_session_free(struct native_session *session);

CLEANUP_DEFINE(struct native_session, native_session_free)

/* Output */

/* Return: 0, NATIVE_SESSION_E_GONE, NATIVE_SESSION_E_BLOCKED */
static int send_now(struct native_session *session, const void *bytes, size_t n_bytes)
{
        int r;

        r = fd_send(session->peer.fd, bytes, n_bytes, NULL, 0);
        if (r == -EAGAIN) {
                peer_blocked(&session->peer);
                return NATIVE_SESSION_E_BLOCKED;
        }
        peer_moved(&session->peer);
        return r ? NATIVE_SESSION_E_GONE : 0;
}

/* Its cost, charged to what all may hold. */
static size_t cost_of(const struct unsent *unsent)
{
        return sizeof(*unsent) + unsent->n_bytes;
}

/* Return: 0 or negative errno */
static int keep(struct native_session *session, const void *bytes, size_t n_bytes)
{
        struct queue_budget *budget = &session->peer.worker->budget;
        struct unsent *unsent;

        if (!queue_budget_take(budget, sizeof(*unsent) + n_bytes))
                return err_origin(-ENOBUFS);
        unsent = malloc(sizeof(*unsent) + n_bytes);
        if (!unsent) {
                queue_budget_give(budget, sizeof(*unsent) + n_bytes);
                return err_origin(-ENOMEM);
        }
        *unsent = (struct unsent){ .n_bytes = n_bytes };
        memcpy(unsent->bytes, bytes, n_bytes);
        list_append(&session->unsent, &unsent->link);
        return err_trace(loop_io_set(&session->peer.io, EPOLLOUT));
}

static void drop(struct native_session *session, struct unsent *unsent)
{
        queue_budget_give(&session->peer.worker->budget, cost_of(unsent));
        list_remove(&unsent->link);
        free(unsent);
}

/**
 * native_session_send() - one message to the client
 * @session: the session
 * @writer:  the message
 *
 * A client that can't be told what became of a command is told nothing more, and goes.
 */
void native_session_send(struct native_session *session, const struct native_writer *writer)
{
        size_t n_bytes = native_end(writer);
        int r = NATIVE_SESSION_E_BLOCKED;

        if (session->is_lost)
                return;
        if (n_bytes && list_is_empty(&session->unsent))
                r = send_now(session, writer->bytes, n_bytes);
        if (r == NATIVE_SESSION_E_BLOCKED)
                r = n_bytes ? keep(session, writer->bytes, n_bytes) : -EMSGSIZE;
        if (r) {
                session->is_lost = true;
                peer_set_deadline(&session->peer, 0);
        }
}

/* Sends what is kept. Return: 0 when that was all, NATIVE_SESSION_E_* */
static int flush(struct native_session *session)
{
        struct unsent *unsent;
        int r;

        while ((unsent = list_first(&session->unsent, struct unsent, link))) {
                r = send_now(session, unsent->bytes, unsent->n_bytes);
                if (r)
                        return r;
                drop(session, unsent);
        }
        return 0;
}

static int complain(struct native_session *session, const char *reason)
{
        struct native_writer writer;

        native_begin(&writer, session->peer.worker->output, NATIVE_ERROR, 0);
        native_put_text(&writer, NATIVE_TAG_REASON, reason);
        native_session_send(session, &writer);
        return NATIVE_SESSION_E_GONE;
}

/* The beginning */

static bool wants_proof(const struct native_session *session)
{
        return !session->peer.worker->is_service;
}

static int take_hello(struct native_session *session, const struct native_message *message)
{
        struct worker *worker = session->peer.worker;
        uint8_t proof[NATIVE_PROOF_BYTES];
        struct native_writer writer;

        if (session->refusal)
                return complain(session, session->refusal);
        if (!native_get_u32(message, NATIVE_TAG_VERSION))
                return complain(session, "There is no version 0");
        memcpy(session->nonces.client, message->fields[NATIVE_TAG_NONCE].bytes, NATIVE_NONCE_BYTES);
        if (getrandom(session->nonces.daemon, NATIVE_NONCE_BYTES, 0) != NATIVE_NONCE_BYTES)
                return NATIVE_SESSION_E_GONE;

        native_begin(&writer, worker->output, NATIVE_WELCOME, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, NATIVE_VERSION);
        native_put(&writer, NATIVE_TAG_NONCE, session->nonces.daemon, NATIVE_NONCE_BYTES);
        if (wants_proof(session)) {
                native_prove(NATIVE_ROLE_DAEMON, worker->legacy.key, &session->nonces, proof);
                native_put(&writer, NATIVE_TAG_PROOF, proof, sizeof(proof));
        }
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(&writer, NATIVE_TAG_COMMANDS_MAX, NATIVE_COMMANDS_MAX);
        native_put_u32(&writer, NATIVE_TAG_ARGS_MAX, RECORD_ARGS_BYTES_MAX);
        native_session_send(session, &writer);

        session->state = wants_proof(session) ? NATIVE_STATE_PROVE : NATIVE_STATE_OPEN;
        if (!wants_proof(session))
                peer_become_known(&session->peer);
        return 0;
}

static int take_proof(struct native_session *session, const struct native_message *message)
{
        struct worker *worker = session->peer.worker;

        if (!native_is_proof(NATIVE_ROLE_CLIENT, worker->legacy.key, &session->nonces,
                             message->fields[NATIVE_TAG_PROOF].bytes)) {
                channel_tell_refused(worker, RECORD_PEER_KEY, session->peer.uid, session->peer.pid);
                session->peer.is_told = true;
                return complain(session, "The proof is wrong");
        }
        session->state = NATIVE_STATE_OPEN;
        peer_become_known(&session->peer);
        return 0;
}

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
                return complain(session, "The arguments are longer than ARGS_MAX");
        if (session->n_args > RECORD_ARGS_MAX)
                return complain(session, "There are too many arguments");
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

static int take_args(struct native_session *session, const struct native_message *message)
{
        const struct native_field *args = &message->fields[NATIVE_TAG_ARGS];
        int r;

        if (request_find(session, message->id))
                return complain(session, "The id is in use");
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
                return complain(session, "The last argument has no end");
        if (!is_environment(env))
                return complain(session, "ENV is no list of NAME=VALUE");
        r = add_args(session, args);
        if (r)
                return r;
        task->n_args = session->n_args;
        task->n_env = (uint32_t)count_strings(env);
        return add_args(session, env);
}

/* Commands */

static int refuse_for_now(struct native_session *session, uint32_t id, int error)
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

static int take_command(struct native_session *session,
                        const struct native_message *message,
                        struct fd_list *fds)
{
        const char *fault = find_fault(message, fds);
        int r;

        if (request_find(session, message->id))
                return complain(session, "The id is in use");
        if (fault)
                return complain(session, fault);
        if (message->type == NATIVE_START && !session->has_args &&
            !message->fields[NATIVE_TAG_ARGS].n_bytes) {
                forget_args(session);
                request_refuse(session, message->id, 98, 0, "There is no command");
                return 0;
        }
        r = try_command(session, message, fds);
        return r < 0 ? refuse_for_now(session, message->id, -r) : r;
}

static int take_status(struct native_session *session, const struct native_message *message)
{
        struct request *request;
        int r;

        if (request_find(session, message->id))
                return complain(session, "The id is in use");
        r = session->peer.worker->is_stopping ? -ESHUTDOWN : 0;
        if (!r && session->peer.uid && has_too_many(session))
                r = -EAGAIN;
        if (!r)
                r = request_new(&request, session, RECORD_STATUS, message->id);
        if (r)
                return refuse_for_now(session, message->id, -r);
        request_ask(request, NULL);
        return 0;
}

static int take_signal(struct native_session *session, const struct native_message *message)
{
        static const int allowed[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGKILL, SIGUSR1,
                                       SIGUSR2, SIGTERM, SIGCONT, SIGTSTP };
        uint32_t signal = native_get_u32(message, NATIVE_TAG_SIGNAL);
        struct request *request = request_find(session, message->id);
        size_t i;

        for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
                if ((uint32_t)allowed[i] != signal)
                        continue;
                if (request)
                        request_signal(request, allowed[i]);
                return 0;
        }
        return complain(session, "This signal can't be sent");
}

/* A service of the manager protocol */

static int take_attach(struct native_session *session, const struct native_message *message)
{
        const void *key = message->fields[NATIVE_TAG_KEY].bytes;

        if (session->attachment)
                return complain(session, "The connection is attached already");
        if (attachment_new(&session->attachment, session, key))
                return complain(session, "There is no memory for it");
        return 0;
}

static int take_adopt(struct native_session *session, struct fd_list *fds)
{
        if (!session->attachment || fds->n_fds != 1)
                return complain(session, "ADOPT wants ATTACH before, and one descriptor");
        if (session->peer.worker->is_stopping)
                return 0; /* whoever is there sees its end */
        if (attachment_adopt(session->attachment, fd_list_take(fds)) == ATTACHMENT_E_FOREIGN)
                return complain(session, "ADOPT wants a connection of the same user");
        return 0;
}

/**
 * native_session_released() - a peer of its attachment has called shutdown
 * @session: the session
 */
void native_session_released(struct native_session *session)
{
        struct native_writer writer;
        char bytes[64];

        native_begin(&writer, bytes, NATIVE_RELEASED, 0);
        native_session_send(session, &writer);
}

/* Input */

/* Which messages a session takes. */
static bool is_expected(const struct native_session *session, uint32_t type)
{
        bool is_question = type == NATIVE_EXPLAIN || type == NATIVE_STATUS || type == NATIVE_ARGS;

        if (session->state == NATIVE_STATE_HELLO)
                return type == NATIVE_HELLO;
        if (session->state == NATIVE_STATE_PROVE)
                return type == NATIVE_PROVE || (is_question && session->peer.uid == 0);
        return type >= NATIVE_ARGS && type <= NATIVE_ADOPT;
}

/* Return: what is wrong with its place among others, or NULL */
static const char *find_misplaced(const struct native_session *session,
                                  const struct native_message *message)
{
        if (session->has_args && (message->id != session->args_id ||
                                  (message->type != NATIVE_ARGS && message->type != NATIVE_START &&
                                   message->type != NATIVE_EXPLAIN)))
                return "A message came between the arguments of another";
        return NULL;
}

static int take_message(struct native_session *session,
                        const struct native_message *message,
                        struct fd_list *fds)
{
        const char *fault = find_misplaced(session, message);

        if (!is_expected(session, message->type))
                return complain(session, "This message has no place here");
        if (fds->n_fds && message->type != NATIVE_START && message->type != NATIVE_ADOPT)
                return complain(session, "Descriptors came with a message that takes none");
        if (fault)
                return complain(session, fault);
        switch (message->type) {
        case NATIVE_HELLO:
                return take_hello(session, message);
        case NATIVE_PROVE:
                return take_proof(session, message);
        case NATIVE_ARGS:
                return take_args(session, message);
        case NATIVE_START:
        case NATIVE_EXPLAIN:
                return take_command(session, message, fds);
        case NATIVE_SIGNAL:
                return take_signal(session, message);
        case NATIVE_STATUS:
                return take_status(session, message);
        case NATIVE_ATTACH:
                return take_attach(session, message);
        default:
                return take_adopt(session, fds);
        }
}

/* What came without all of its descriptors: there was no room for them here. */
static int take_short(struct native_session *session, const struct native_message *message)
{
        const char *fault = find_misplaced(session, message);

        if (fault)
                return complain(session, fault);
        if (message->type == NATIVE_ADOPT && session->attachment)
                return 0; /* its peer sees the end */
        if (session->state != NATIVE_STATE_OPEN || message->type != NATIVE_START)
                return complain(session, "Descriptors are missing");
        if (request_find(session, message->id))
                return complain(session, "The id is in use");
        return refuse_for_now(session, message->id, EMFILE);
}

/* Return: 0, NATIVE_SESSION_E_GONE, or NATIVE_SESSION_E_BLOCKED when there is nothing now */
static int receive(struct native_session *session)
{
        char *bytes = session->peer.worker->input;
        struct fd_list fds = { .n_fds = 0 };
        struct native_message message;
        bool is_short;
        size_t n;
        int r;

        r = fd_receive(session->peer.fd, bytes, NATIVE_MESSAGE_BYTES, &n, &fds);
        if (r == -EAGAIN)
                return NATIVE_SESSION_E_BLOCKED;
        if (r == FD_E_VIOLATION)
                return complain(session, "The message, or what came with it, is too large");
        if (r && r != FD_E_SHORT)
                return NATIVE_SESSION_E_GONE;
        is_short = r == FD_E_SHORT;
        if (session->peer.is_known)
                worker_touch(session->peer.worker);
        r = native_parse(bytes, n, &message);
        if (r == NATIVE_E_SKIP)
                r = 0;
        else if (r)
                r = complain(session, "The message is no message of this protocol");
        else
                r = is_short ? take_short(session, &message)
                             : take_message(session, &message, &fds);
        fd_list_close(&fds);
        return r;
}

/* Turns */

static bool may_read(const struct native_session *session)
{
        return list_is_empty(&session->unsent) && session->n_waiting < NATIVE_WAITING_MAX &&
               !session->n_statuses;
}

/* With one request under way, asking for a second message is a call in vain. */
static bool is_more_likely(const struct native_session *session, int n_taken)
{
        return !n_taken || session->n_requests != 1;
}

/* Is there nothing left to do for it while the daemon stops? */
static bool is_over(const struct native_session *session)
{
        const struct attachment *attachment = session->attachment;

        return session->peer.worker->is_stopping && !session->n_requests &&
               list_is_empty(&session->unsent) &&
               (!attachment || list_is_empty(&attachment->sessions));
}

/* Goes on as far as it can without waiting. Return: 0, NATIVE_SESSION_E_GONE, or negative errno */
static int step(struct native_session *session)
{
        uint32_t events = 0;
        int i;
        int r;

        r = flush(session);
        if (r == NATIVE_SESSION_E_GONE)
                return r;
        r = 0;
        for (i = 0; !r && i < ROUNDS_AT_ONCE && may_read(session) && is_more_likely(session, i);
             i++)
                r = receive(session);
        if (r && r != NATIVE_SESSION_E_BLOCKED)
                return r;
        if (is_over(session))
                return NATIVE_SESSION_E_GONE;
        if (!list_is_empty(&session->unsent))
                events = EPOLLOUT;
        else if (may_read(session))
                events = EPOLLIN;
        if (session->peer.worker->is_stopping && events == EPOLLOUT && !session->peer.deadline.loop)
                peer_set_deadline(&session->peer, WORKER_STOP_MS);
        return session->peer.io.events == events
                       ? 0
                       : err_trace(loop_io_set(&session->peer.io, events));
}

static int dispatch(struct loop_io *io, uint32_t events)
{
        struct native_session *session = container_of(io, struct native_session, peer.io);
        struct worker *worker = session->peer.worker;
        int r;

        /* With nothing to be read, only that it is gone is reported. */
        r = !io->events && (events & (EPOLLHUP | EPOLLERR)) ? NATIVE_SESSION_E_GONE : step(session);
        if (r > 0) {
                (void)native_session_free(session);
                r = 0;
        }
        return r ? err_trace(r) : worker_turn(worker);
}

/**
 * native_session_answered() - one of its requests waits no more
 * @session: goes on reading with its next turn
 */
void native_session_answered(struct native_session *session)
{
        uint32_t events = list_is_empty(&session->unsent) ? EPOLLIN : EPOLLOUT;

        /* One that could not be watched would never be read again. */
        if (is_over(session) || (may_read(session) && session->peer.io.events != events &&
                                 loop_io_set(&session->peer.io, events)))
                peer_set_deadline(&session->peer, 0);
}

static struct native_session *native_session_free(struct native_session *session)
{
        struct unsent *unsent;
        size_t i;

        if (!session)
                return NULL;
        for (i = 0; i < NATIVE_BUCKETS; i++)
                while (session->requests[i])
                        request_abandon(session->requests[i]);
        if (session->refusal)
                session->peer.worker->n_foreign--;
        session->attachment = attachment_free(session->attachment);
        peer_deinit(&session->peer);
        queue_deinit(&session->args);
        while ((unsent = list_first(&session->unsent, struct unsent, link)))
                drop(session, unsent);
        free(session);
        return NULL;
}

static void free_peer(struct peer *peer)
{
        (void)native_session_free(container_of(peer, struct native_session, peer));
}

static void finish_peer(struct peer *peer)
{
        struct native_session *session = container_of(peer, struct native_session, peer);

        if (!peer->is_known || step(session))
                (void)native_session_free(session);
}

static const struct peer_ops ops = {
        .free = free_peer,
        .finish = finish_peer,
};

/**
 * native_session_new() - begin with a peer
 * @worker:  the worker; has one session more
 * @fd:      the connection; consumed on success
 * @uid:     the peer's uid and
 * @pid:     pid
 * @refusal: it may not connect, and is told this when it says hello; borrowed; NULL: it may
 *
 * Return: 0 or negative errno
 */
int native_session_new(struct worker *worker, int fd, uid_t uid, pid_t pid, const char *refusal)
{
        cleanup_with(native_session_free) struct native_session *session = NULL;
        int r;

        session = calloc(1, sizeof(*session));
        if (!session)
                return err_origin(-ENOMEM);
        session->peer = (struct peer){ .worker = worker, .uid = uid, .pid = pid };
        session->peer.is_told = refusal;
        session->refusal = refusal;
        worker->n_foreign += refusal ? 1 : 0;
        list_init(&session->unsent);
        queue_init(&session->args, &worker->budget);
        r = peer_init(&session->peer, &ops, fd, dispatch);
        if (r)
                return err_trace(r);
        (void)steal_ptr(&session);
        return 0;
}
