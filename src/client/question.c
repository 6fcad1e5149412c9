/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions: what would become of a command, and what runs. An answer is one block of memory, in
 * which the strings stand behind what points to them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/handle.h"
#include "client/order.h"
#include "util/arena.h"
#include "util/cleanup.h"

struct explanation {
        struct rootwrap_explanation public; /* first: its address is the explanation's */
        struct arena arena;
};

struct status {
        struct rootwrap_status public; /* first likewise */
        struct arena arena;
};

/* The next message that order_take() kept. Return: where the one after it begins */
static const char *unpack(const char *at, struct native_message *message)
{
        uint32_t tag;
        uint32_t n;

        *message = (struct native_message){ 0 };
        for (tag = 0; tag < NATIVE_TAGS; tag++) {
                memcpy(&n, at, sizeof(n));
                at += sizeof(n);
                if (n == UINT32_MAX)
                        continue;
                message->fields[tag] = (struct native_field){ at, n };
                at += n;
        }
        return at;
}

/* Return: NULL: it is not there, or there is no memory */
static const char *copy_text(struct arena *arena,
                             const struct native_message *message,
                             enum native_tag tag)
{
        const struct native_field *field = &message->fields[tag];

        return field->bytes ? arena_copy(arena, field->bytes, field->n_bytes) : NULL;
}

/* Strings, the last of which may have been cut. Return: NULL: not there, or no memory */
static const char *const *copy_strings(struct arena *arena,
                                       const struct native_message *message,
                                       enum native_tag tag)
{
        const struct native_field *field = &message->fields[tag];
        const char *bytes = copy_text(arena, message, tag);
        const char **strings;
        size_t n = 0;
        size_t at;

        if (!bytes)
                return NULL;
        strings = arena_take_array(arena, field->n_bytes + 2, sizeof(*strings));
        if (!strings)
                return NULL;
        for (at = 0; at < field->n_bytes; at += strlen(bytes + at) + 1)
                strings[n++] = bytes + at;
        strings[n] = NULL;
        return strings;
}

/**
 * rootwrap_explain() - see librootwrap(3)
 * @handle:          the handle
 * @argv:            command and arguments
 * @env:             variables, or NULL
 * @ret_explanation: the answer, the caller's
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int rootwrap_explain(struct rootwrap *handle,
                     const char *const *argv,
                     const char *const *env,
                     struct rootwrap_explanation **ret_explanation)
{
        cleanup_with(order_free) struct order *command = NULL;
        struct explanation *explanation;
        struct native_message message;
        struct arena *arena;
        int r;

        r = handle_ask(handle, ORDER_EXPLAIN, argv, env, &command);
        if (r)
                return r;
        explanation = calloc(1, sizeof(*explanation));
        if (!explanation)
                return -ENOMEM;
        arena = &explanation->arena;
        (void)unpack(text_get(&command->texts), &message);
        explanation->public = (struct rootwrap_explanation){
                .exit_code = (int)native_get_u32(&message, NATIVE_TAG_CODE),
                .argv = copy_strings(arena, &message, NATIVE_TAG_ARGS),
                .env = copy_strings(arena, &message, NATIVE_TAG_ENV),
                .filter = copy_text(arena, &message, NATIVE_TAG_FILTER),
                .file = copy_text(arena, &message, NATIVE_TAG_FILE),
                .run_as = copy_text(arena, &message, NATIVE_TAG_RUN_AS),
                .reason = copy_text(arena, &message, NATIVE_TAG_REASON),
        };
        *ret_explanation = &explanation->public;
        return 0;
}

/**
 * rootwrap_explanation_free() - see librootwrap(3)
 * @explanation: of rootwrap_explain(), or NULL
 */
void rootwrap_explanation_free(struct rootwrap_explanation *explanation)
{
        struct explanation *owner = (struct explanation *)(void *)explanation;

        if (owner)
                arena_deinit(&owner->arena);
        free(owner);
}

static void take_running(struct arena *arena,
                         const struct native_message *message,
                         struct rootwrap_running *ret_running)
{
        *ret_running = (struct rootwrap_running){
                .argv = copy_strings(arena, message, NATIVE_TAG_ARGS),
                .pid = (int)native_get_u32(message, NATIVE_TAG_PID),
                .duration_us = native_get_u64(message, NATIVE_TAG_DURATION),
                .filter = copy_text(arena, message, NATIVE_TAG_FILTER),
                .run_as = copy_text(arena, message, NATIVE_TAG_RUN_AS),
                .uid = native_get_u32(message, NATIVE_TAG_UID),
                .client_pid = (int)native_get_u32(message, NATIVE_TAG_PEER),
        };
}

/* Return: 0 or -ENOMEM */
static int take_status(const struct order *command, struct status *status)
{
        const uint64_t *counters = command->counters;
        const char *at = text_get(&command->texts);
        struct rootwrap_running *running;
        struct native_message message;
        size_t i;

        running = arena_take_array(&status->arena, command->n_running + 1, sizeof(*running));
        if (!running)
                return -ENOMEM;
        for (i = 0; i < command->n_running; i++) {
                at = unpack(at, &message);
                take_running(&status->arena, &message, &running[i]);
                if (!running[i].argv || !running[i].filter || !running[i].run_as)
                        return -ENOMEM;
        }
        status->public = (struct rootwrap_status){
                .uptime_s = counters[0],
                .n_started = counters[1],
                .n_refused = counters[2],
                .n_failed = counters[3],
                .n_running = counters[4],
                .n_connections = counters[5],
                .total_us = counters[6],
                .commands = running,
                .n_commands = command->n_running,
        };
        memcpy(status->public.n_took, counters + 7, sizeof(status->public.n_took));
        return 0;
}

/**
 * rootwrap_status() - see librootwrap(3)
 * @handle:     the handle
 * @ret_status: the answer, the caller's
 *
 * Return: 0, negative errno, or ROOTWRAP_E_*
 */
int rootwrap_status(struct rootwrap *handle, struct rootwrap_status **ret_status)
{
        cleanup_with(order_free) struct order *command = NULL;
        struct status *status;
        int r;

        r = handle_ask(handle, ORDER_STATUS, NULL, NULL, &command);
        if (r)
                return r;
        status = calloc(1, sizeof(*status));
        if (!status)
                return -ENOMEM;
        r = take_status(command, status);
        if (r) {
                rootwrap_status_free(&status->public);
                return r;
        }
        *ret_status = &status->public;
        return 0;
}

/**
 * rootwrap_status_free() - see librootwrap(3)
 * @status: of rootwrap_status(), or NULL
 */
void rootwrap_status_free(struct rootwrap_status *status)
{
        struct status *owner = (struct status *)(void *)status;

        if (owner)
                arena_deinit(&owner->arena);
        free(owner);
}
