/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer of the native protocol sent: no crash, nothing is read beyond it, every value lies
 * within it and has its length, and a message of which nothing was skipped is the same bytes when
 * it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/native.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Return: how many bytes the fields that were taken have, with their heads */
static size_t check_fields(const struct native_message *message, const char *bytes, size_t n_bytes)
{
        size_t n = 0;
        uint32_t tag;

        for (tag = 0; tag < NATIVE_TAGS; tag++) {
                const struct native_field *field = &message->fields[tag];

                ORACLE(native_has(message, tag) == (field->bytes != NULL));
                if (!field->bytes)
                        continue;
                ORACLE(field->bytes >= bytes + 12 && field->bytes <= bytes + n_bytes);
                ORACLE(field->n_bytes <= (size_t)(bytes + n_bytes - field->bytes));
                n += 4 + field->n_bytes;
        }
        return n;
}

static void check_values(const struct native_message *message)
{
        struct native_limit limits[NATIVE_LIMITS_MAX];
        uint64_t counters[4];

        ORACLE(native_get_limits(message, limits) <= NATIVE_LIMITS_MAX);
        ORACLE(native_get_counters(message, counters, 4) <= 4);
        if (message->type == NATIVE_EXITED)
                (void)native_get_usage(message);
        (void)native_get_u64(message, NATIVE_TAG_TIMEOUT);
        (void)native_get_u32(message, NATIVE_TAG_FDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static char again[NATIVE_MESSAGE_BYTES];
        struct native_message message;
        struct native_writer writer;
        uint32_t tag;
        size_t n;

        if (native_parse((const char *)bytes, n_bytes, &message))
                return 0;
        ORACLE(n_bytes <= NATIVE_MESSAGE_BYTES);
        n = 8 + check_fields(&message, (const char *)bytes, n_bytes);
        ORACLE(n <= n_bytes);
        check_values(&message);

        native_begin(&writer, again, message.type, message.id);
        for (tag = 0; tag < NATIVE_TAGS; tag++)
                if (native_has(&message, tag))
                        native_put(&writer, tag, message.fields[tag].bytes,
                                   message.fields[tag].n_bytes);
        ORACLE(native_end(&writer) == n);
        if (n == n_bytes)
                ORACLE(memcmp(again, bytes, n) == 0);
        else /* what was skipped stands at the end, as its tags are the largest */
                ORACLE(memcmp(again, bytes, n) == 0 && n_bytes - n >= 4);
        return 0;
}
