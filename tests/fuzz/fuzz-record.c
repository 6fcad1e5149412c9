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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static char again[RECORD_BYTES_MAX];
        struct record record;

        if (n_bytes > RECORD_BYTES_MAX || record_parse((const char *)bytes, n_bytes, &record))
                return 0;
        ORACLE(record.type >= RECORD_SETUP && record.type < RECORD_TYPES);
        ORACLE(record.n_tail <= n_bytes);
        ORACLE(record.tail + record.n_tail == (const char *)bytes + n_bytes);
        ORACLE(!record.n_tail || record.type == RECORD_ARGS || record.type == RECORD_START ||
               record.type == RECORD_FAILED || record.type == RECORD_DONE);
        ORACLE(record_format(&record, again, n_bytes) == n_bytes);
        ORACLE(memcmp(again, bytes, n_bytes) == 0);
        ORACLE(record_format(&record, again, n_bytes - 1) == 0);
        return 0;
}
