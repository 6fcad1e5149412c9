/* SPDX-License-Identifier: Apache-2.0 */
/* A command as a native session's client describes it, and the question which ones run. */
#pragma once

#include <stdint.h>

struct fd_list;
struct native_message;
struct native_session;

/* Commands that a connection may have unfinished; all of one user; and all native ones, so that the
 * manager protocol keeps some numbers. */
#define NATIVE_COMMANDS_MAX       2048u
#define NATIVE_USER_COMMANDS_MAX  3072u
#define NATIVE_TOTAL_COMMANDS_MAX 4000u

/* How long arguments may wait for their START, in milliseconds. */
#define NATIVE_ARGS_MS 10000

int native_command_take_args(struct native_session *session, const struct native_message *message);
int native_command_take(struct native_session *session,
                        const struct native_message *message,
                        struct fd_list *fds);
int native_command_take_status(struct native_session *session,
                               const struct native_message *message);
int native_command_refuse_for_now(struct native_session *session, uint32_t id, int error);
