/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other half of the daemon sent: no crash, nothing is read beyond it, and what is taken
 * for a record is the same bytes when it is formatted again, in exactly the room that it needs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "priv/record.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* As record.h says it, in other words than record.c's. */
static int has_tail(uint32_t type)
{
        switch (type) {
        case RECORD_REFUSED: /* a filter, a reason */
        case RECORD_FAILED:
        case RECORD_EXPLAINED: /* words */
        case RECORD_COMMAND:
        case RECORD_ADMIT: /* numbers of users and groups */
        case RECORD_ARGS:  /* bytes of words */
        case RECORD_START:
        case RECORD_EXPLAIN:
        case RECORD_DONE: /* what was carried */
                return 1;
        default:
                return 0;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static char again[RECORD_BYTES_MAX];
        struct record record;

        if (n_bytes > RECORD_BYTES_MAX || record_parse((const char *)bytes, n_bytes, &record))
                return 0;
        ORACLE(record.type >= RECORD_SETUP && record.type < RECORD_TYPES);
        ORACLE(record.n_tail <= n_bytes);
        ORACLE(record.tail + record.n_tail == (const char *)bytes + n_bytes);
        ORACLE(!record.n_tail || has_tail(record.type));
        ORACLE(record_format(&record, again, n_bytes) == n_bytes);
        ORACLE(memcmp(again, bytes, n_bytes) == 0);
        ORACLE(record_format(&record, again, n_bytes - 1) == 0);
        return 0;
}
