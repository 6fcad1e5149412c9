/* SPDX-License-Identifier: Apache-2.0 */
/* One frame on its way to a client, written piece by piece. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/legacy-stream.h"

/* The longest frame but that of a result, its 8 bytes of length included. */
#define ANSWER_SMALL_BYTES 384

/* legacy_output() wants at least so much room. */
#define ANSWER_ROOM_MIN 1024

enum answer_part {
        ANSWER_IDLE, /* nothing to send */
        ANSWER_SMALL,
        ANSWER_OUT,
        ANSWER_BETWEEN,
        ANSWER_ERR,
        ANSWER_END,
};

struct answer {
        enum answer_part part;
        bool is_result; /* the streams follow the small part */
        uint16_t n_small;
        uint16_t n_sent; /* of the part, where that is text */
        char small[ANSWER_SMALL_BYTES];
        struct legacy_stream out;
        struct legacy_stream err;
};
