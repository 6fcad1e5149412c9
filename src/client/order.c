/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command holds copies of its words until the daemon has answered, since one that was refused
 * because the daemon stops is sent once more, to the next daemon. Its descriptors are the caller's
 * while the caller waits, and copies in an event loop.
 */
#include "client/order.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "client/link.h"
#include "util/err.h"

/* Nobody's daemon takes more. */
#define ORDER_WORDS_BYTES_MAX (64u * 1024 * 1024)
/* Of struct rootwrap_options, however late the header. */
#define OPTIONS_BYTES_MAX 4096u

/* Strings, one behind the other. Return: 0 or negative errno */
static int join(const char *const *strings, char **ret_bytes, size_t *ret_n_bytes)
{
        cleanup_free char *bytes = NULL;
        size_t n_bytes = 0;
        size_t n;
        size_t i;

        for (i = 0; strings && strings[i]; i++) {
                n = strlen(strings[i]) + 1;
                if (n > ORDER_WORDS_BYTES_MAX - n_bytes)
                        return -E2BIG;
                n_bytes += n;
        }
        bytes = malloc(n_bytes ? n_bytes : 1);
        if (!bytes)
                return err_origin(-ENOMEM);
        n_bytes = 0;
        for (i = 0; strings && strings[i]; i++) {
                n = strlen(strings[i]) + 1;
                memcpy(bytes + n_bytes, strings[i], n);
                n_bytes += n;
        }
        *ret_bytes = steal_ptr(&bytes);
        *ret_n_bytes = n_bytes;
        return 0;
}

/* A caller that was built with a later header has later members behind ours. They may be there as
 * long as they are zero, as for openat2(2). Return: 0 or negative errno */
static int check_size(const struct rootwrap_options *options)
{
        const unsigned char *bytes = (const unsigned char *)options;
        size_t i;

        if (options->size < sizeof(*options))
                return -EINVAL;
        if (options->size > OPTIONS_BYTES_MAX)
                return -E2BIG;
        for (i = sizeof(*options); i < options->size; i++)
                if (bytes[i])
                        return -E2BIG;
        return 0;
}

/* Return: 0 or negative errno */
static int take_options(struct order *command, const struct rootwrap_options *given)
{
        const struct rootwrap_options none = ROOTWRAP_OPTIONS_INIT;
        const struct rootwrap_options *options = given ? given : &none;
        const struct properties *ours = &command->handle->properties;
        size_t i;
        int r;

        r = check_size(options);
        if (r)
                return r;
        if (options->flags & ~ROOTWRAP_GO_ON || options->n_limits > ROOTWRAP_LIMITS_MAX)
                return -EINVAL;
        command->fds[0] = options->stdin_fd;
        command->fds[1] = options->stdout_fd;
        command->fds[2] = options->stderr_fd;
        command->fds[3] = options->cwd_fd;
        command->flags = options->flags & ROOTWRAP_GO_ON ? NATIVE_GO_ON : 0;
        command->timeout_ms = options->timeout_ms;
        command->umask =
                options->umask == ROOTWRAP_DEFAULT ? ours->umask : (unsigned int)options->umask;
        command->nice = options->nice == ROOTWRAP_DEFAULT ? ours->nice : options->nice;
        if (command->umask > NATIVE_UMASK_MAX || command->nice < -20 || command->nice > 19)
                return -EINVAL;
        if (!options->limits) {
                memcpy(command->limits, ours->limits, ours->n_limits * sizeof(*ours->limits));
                command->n_limits = ours->n_limits;
                return 0;
        }
        for (i = 0; i < options->n_limits; i++)
                command->limits[i] =
                        (struct native_limit){ options->limits[i].resource, options->limits[i].soft,
                                               options->limits[i].hard };
        command->n_limits = options->n_limits;
        return 0;
}

/**
 * order_new() - a command that nobody knows of yet
 * @handle:      whose
 * @kind:        what it is
 * @argv:        its words, ended by NULL; may be NULL; copied
 * @options:     how it is run; NULL: by default. Its descriptors are borrowed
 * @ret_command: it
 *
 * Return: 0 or negative errno
 */
int order_new(struct rootwrap *handle,
              enum order_kind kind,
              const char *const *argv,
              const struct rootwrap_options *options,
              struct order **ret_command)
{
        cleanup_with(order_free) struct order *command = NULL;
        int r;

        command = calloc(1, sizeof(*command));
        if (!command)
                return err_origin(-ENOMEM);
        *command = (struct order){ .source.kind = SOURCE_PROCESS,
                                   .handle = handle,
                                   .kind = kind,
                                   .fds = { -1, -1, -1, -1 },
                                   .pidfd = -1 };
        r = take_options(command, options);
        if (!r)
                r = join(argv, &command->args, &command->n_args);
        if (!r)
                r = join(options ? options->env : NULL, &command->env, &command->n_env);
        if (!r)
                r = answer_new(&command->answer);
        if (r)
                return r;
        *ret_command = steal_ptr(&command);
        return 0;
}

/**
 * order_free() - forget a command
 * @command: in no list; or NULL
 *
 * Return: NULL
 */
struct order *order_free(struct order *command)
{
        if (!command)
                return NULL;
        order_close_fds(command);
        if (command->pidfd >= 0)
                (void)close(command->pidfd);
        free(command->args);
        free(command->env);
        text_deinit(&command->texts);
        (void)answer_free(command->answer);
        free(command);
        return NULL;
}

/**
 * order_own_fds() - make descriptors its own, as the caller will not wait
 * @command: was just made
 *
 * Return: 0 or negative errno
 */
int order_own_fds(struct order *command)
{
        int fds[4] = { -1, -1, -1, -1 };
        int r = 0;
        size_t i;

        for (i = 0; i < 4 && !r; i++) {
                if (command->fds[i] < 0)
                        continue;
                fds[i] = fcntl(command->fds[i], F_DUPFD_CLOEXEC, 3);
                if (fds[i] < 0)
                        r = -errno;
        }
        memcpy(command->fds, fds, sizeof(fds));
        command->owns_fds = true;
        return r;
}

/**
 * order_close_fds() - the daemon has them, or nobody will
 * @command: has none of its own afterwards
 */
void order_close_fds(struct order *command)
{
        size_t i;

        for (i = 0; i < 4; i++) {
                if (command->owns_fds && command->fds[i] >= 0)
                        (void)close(command->fds[i]);
                if (command->owns_fds)
                        command->fds[i] = -1;
        }
}

static void put_start(const struct order *command, struct native_writer *writer)
{
        uint32_t flags = command->flags;
        uint8_t fds = 0;
        size_t i;

        for (i = 0; i < 4; i++)
                if (command->fds[i] >= 0)
                        fds |= (uint8_t)(1u << i);
        if (fds)
                native_put(writer, NATIVE_TAG_FDS, &fds, 1);
        if (command->is_late)
                flags |= NATIVE_LATE;
        if (flags)
                native_put_u32(writer, NATIVE_TAG_FLAGS, flags);
        if (command->timeout_ms)
                native_put_u64(writer, NATIVE_TAG_TIMEOUT, command->timeout_ms);
        native_put_u32(writer, NATIVE_TAG_UMASK, command->umask);
        native_put_u32(writer, NATIVE_TAG_NICE, (uint32_t)command->nice);
        native_put_limits(writer, command->limits, command->n_limits);
}

/* What a START or EXPLAIN has behind its arguments. Return: room for them; SIZE_MAX: none at all */
static size_t room_for_args(const struct order *command, char *bytes)
{
        struct native_writer writer;

        native_begin(&writer, bytes, NATIVE_START, 0);
        if (command->n_env)
                native_put(&writer, NATIVE_TAG_ENV, command->env, command->n_env);
        if (command->kind == ORDER_START)
                put_start(command, &writer);
        return native_end(&writer) ? native_room(&writer) : SIZE_MAX;
}

/**
 * order_format() - its next message
 * @command:    it
 * @bytes:      where to, NATIVE_MESSAGE_BYTES
 * @ret_n_args: how many bytes of the arguments are in it; SIZE_MAX: it is the last message
 *
 * Return: the message's length; 0: the environment is too long for any
 */
size_t order_format(const struct order *command, char *bytes, size_t *ret_n_args)
{
        static const enum native_type types[] = {
                [ORDER_START] = NATIVE_START,
                [ORDER_EXPLAIN] = NATIVE_EXPLAIN,
                [ORDER_STATUS] = NATIVE_STATUS,
        };
        const char *args = command->args + command->n_args_sent;
        size_t n_args = command->n_args - command->n_args_sent;
        size_t n_room = room_for_args(command, bytes);
        struct native_writer writer;

        if (n_room == SIZE_MAX)
                return 0;
        if (n_args > n_room) {
                if (n_args > NATIVE_FIELD_BYTES_MAX)
                        n_args = NATIVE_FIELD_BYTES_MAX;
                native_begin(&writer, bytes, NATIVE_ARGS, command->id);
                native_put(&writer, NATIVE_TAG_ARGS, args, n_args);
                *ret_n_args = n_args;
                return native_end(&writer);
        }
        native_begin(&writer, bytes, types[command->kind], command->id);
        if (n_args)
                native_put(&writer, NATIVE_TAG_ARGS, args, n_args);
        if (command->n_env)
                native_put(&writer, NATIVE_TAG_ENV, command->env, command->n_env);
        if (command->kind == ORDER_START)
                put_start(command, &writer);
        *ret_n_args = SIZE_MAX;
        return native_end(&writer);
}

/* Taking what is told about it */

static char *copy_field(const struct native_message *message, enum native_tag tag)
{
        const struct native_field *field = &message->fields[tag];

        return field->bytes ? strndup(field->bytes, field->n_bytes) : NULL;
}

static void take_refused(struct order *command, const struct native_message *message)
{
        struct answer *answer = command->answer;
        uint32_t code = native_get_u32(message, NATIVE_TAG_CODE);

        answer->result.refused_errno = (int)native_get_u32(message, NATIVE_TAG_ERROR);
        answer->filter = copy_field(message, NATIVE_TAG_FILTER);
        answer->reason = copy_field(message, NATIVE_TAG_REASON);
        if (code == NATIVE_CODE_NOT_NOW) {
                answer->result.error = ROOTWRAP_E_BUSY;
                return;
        }
        answer->result.is_refused = 1;
        answer->result.exit_code = (int)(code & 0xff);
}

static void take_exited(struct order *command, const struct native_message *message)
{
        struct native_usage usage = native_get_usage(message);
        struct rootwrap_result *result = &command->answer->result;

        answer_set_status(command->answer, (int)native_get_u32(message, NATIVE_TAG_STATUS));
        result->is_timed_out = (native_get_u32(message, NATIVE_TAG_FLAGS) & NATIVE_TIMED_OUT) != 0;
        result->duration_us = native_get_u64(message, NATIVE_TAG_DURATION);
        result->user_us = usage.user_us;
        result->system_us = usage.system_us;
        result->rss_max_kb = usage.rss_max_kb;
}

/* The whole message is kept, for whoever asked to take it apart. */
static void keep_message(struct order *command, const struct native_message *message)
{
        uint32_t tag;
        uint32_t n;

        for (tag = 0; tag < NATIVE_TAGS; tag++) {
                const struct native_field *field = &message->fields[tag];

                n = field->bytes ? (uint32_t)field->n_bytes : UINT32_MAX;
                text_put(&command->texts, (const char *)&n, sizeof(n));
                if (field->bytes)
                        text_put(&command->texts, field->bytes, field->n_bytes);
        }
}

/* Can it have exited, for all that we know? */
static bool is_running(const struct order *command)
{
        return command->state == ORDER_STARTED ||
               (command->state == ORDER_SENT && command->is_late);
}

/**
 * order_take() - something was told about it
 * @command: it; its state follows
 * @message: was parsed, and is about this id
 */
void order_take(struct order *command, const struct native_message *message)
{
        bool is_start = command->kind == ORDER_START;

        if (message->type == NATIVE_STARTED && is_start) {
                command->pid = (pid_t)native_get_u32(message, NATIVE_TAG_PID);
                command->state = ORDER_STARTED;
                order_close_fds(command);
                return;
        }
        if (message->type == NATIVE_TOTALS && command->kind == ORDER_STATUS) {
                (void)native_get_counters(message, command->counters, 7 + ROOTWRAP_BUCKETS);
                return;
        }
        if (message->type == NATIVE_COMMAND && command->kind == ORDER_STATUS) {
                keep_message(command, message);
                command->n_running++;
                return;
        }
        if (message->type == NATIVE_EXITED && is_running(command))
                take_exited(command, message);
        else if (message->type == NATIVE_REFUSED && command->state == ORDER_SENT)
                take_refused(command, message);
        else if (message->type == NATIVE_EXPLANATION && command->kind == ORDER_EXPLAIN)
                keep_message(command, message);
        else if (message->type != NATIVE_END || command->kind != ORDER_STATUS)
                answer_set_error(command->answer, ROOTWRAP_E_UNKNOWN,
                                 "The daemon sent what is no answer to this");
        command->state = ORDER_DONE;
        order_close_fds(command);
}

/**
 * order_fail() - nothing will be told about it
 * @command: it; is done afterwards
 * @error:   why: negative errno or ROOTWRAP_E_*
 * @reason:  a sentence, or NULL
 */
void order_fail(struct order *command, int error, const char *reason)
{
        answer_set_error(command->answer, error, reason);
        command->state = ORDER_DONE;
        order_close_fds(command);
}
