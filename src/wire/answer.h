/* SPDX-License-Identifier: Apache-2.0 */
/* One frame on its way to a client, written piece by piece. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/legacy-stream.h"

/* The longest frame but that of a result, its 8 bytes of length included. */
#define ANSWER_SMALL_BYTES 384

enum answer_part {
        ANSWER_NOTHING, /* all is sent */
        ANSWER_SMALL,
        ANSWER_OUT, /* from here on only of a result */
        ANSWER_BETWEEN,
        ANSWER_ERR,
        ANSWER_END,
};

struct answer {
        enum answer_part part; /* that is sent next */
        bool is_result;
        uint16_t n_small;
        uint16_t n_sent; /* of the part, where that is text */
        char small[ANSWER_SMALL_BYTES];
        struct legacy_stream out;
        struct legacy_stream err;
};

void answer_init(struct answer *answer, struct queue_budget *budget);
void answer_deinit(struct answer *answer);
void answer_set(struct answer *answer, const void *payload, size_t n_payload);
void answer_set_text(struct answer *answer, const char *json);
void answer_set_error(struct answer *answer, const char *sentence);
void answer_set_result(struct answer *answer,
                       int returncode,
                       struct legacy_stream *out,
                       struct legacy_stream *err);
uint64_t answer_result_bytes(int returncode,
                             const struct legacy_stream *out,
                             const struct legacy_stream *err);
size_t answer_take(struct answer *answer, char *out, size_t n_room);
bool answer_is_empty(const struct answer *answer);
