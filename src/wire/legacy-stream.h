/* SPDX-License-Identifier: Apache-2.0 */
/* What a command prints: held once, as it is, and measured for its place in an answer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/queue.h"
#include "wire/json-escape.h"

struct legacy_stream {
        struct queue queue;
        struct json_escape escape;
        uint64_t n_escaped; /* bytes that it becomes in JSON, between the quotes */
};

void legacy_stream_init(struct legacy_stream *stream, struct queue_budget *budget);
void legacy_stream_deinit(struct legacy_stream *stream);
int legacy_stream_room(struct legacy_stream *stream, void **ret_room, size_t *ret_n_bytes);
void legacy_stream_commit(struct legacy_stream *stream, size_t n_bytes);
