/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the inside of a JSON string, as json.dumps(os.fsdecode(bytes)) writes it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* With so much room, json_escape_put() always takes something; all that json_escape_end() needs. */
#define JSON_ESCAPE_ROOM_BYTES 24u

/* A UTF-8 sequence that the input has not ended yet. All zero: none. */
struct json_escape {
        uint8_t state;
        uint8_t held[3]; /* its bytes; not kept where they are only counted */
};

void json_escape_count(struct json_escape *escape,
                       const char *bytes,
                       size_t n_bytes,
                       uint64_t *n_out);
void json_escape_count_end(struct json_escape *escape, uint64_t *n_out);
size_t json_escape_put(struct json_escape *escape,
                       const char *in,
                       size_t n_in,
                       size_t *ret_n_taken,
                       char *out,
                       size_t n_room);
size_t json_escape_end(struct json_escape *escape, char *out, size_t n_room);
