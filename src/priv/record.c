/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is its type, the number of a command, the type's structure, and for some types bytes
 * behind it. Both ends are programs of one build on one machine, so structures travel as they lie
 * in memory; but the receiver believes nothing else: the type must be known, the length must be
 * exactly the type's, and bytes behind are there only where the type has them. What the values
 * mean, and when a record may come, is for the receiver to check.
 */
#include "priv/record.h"

#include <string.h>

#include "util/signal-set.h"

#define HEAD_BYTES (2 * sizeof(uint32_t))

static const struct shape {
        size_t n_bytes;
        bool has_tail;
} shapes[RECORD_TYPES] = {
        [RECORD_SETUP] = { .n_bytes = sizeof(struct record_setup) },
        [RECORD_REFUSED] = { .n_bytes = sizeof(struct record_refused), .has_tail = true },
        [RECORD_FAILED] = { .n_bytes = sizeof(struct record_failed), .has_tail = true },
        [RECORD_STARTED] = { .n_bytes = sizeof(struct record_started) },
        [RECORD_EXITED] = { .n_bytes = sizeof(struct record_exited) },
        [RECORD_EXPLAINED] = { .n_bytes = sizeof(struct record_explained), .has_tail = true },
        [RECORD_TOTALS] = { .n_bytes = sizeof(struct record_totals) },
        [RECORD_COMMAND] = { .n_bytes = sizeof(struct record_command), .has_tail = true },
        [RECORD_END] = { .n_bytes = 0 },
        [RECORD_FINISH] = { .n_bytes = 0 },
        [RECORD_ADMIT] = { .n_bytes = sizeof(struct record_admit), .has_tail = true },
        [RECORD_PING] = { .n_bytes = 0 },
        [RECORD_READY] = { .n_bytes = sizeof(struct record_ready) },
        [RECORD_ARGS] = { .n_bytes = 0, .has_tail = true },
        [RECORD_START] = { .n_bytes = sizeof(struct record_start), .has_tail = true },
        [RECORD_SIGNAL] = { .n_bytes = sizeof(struct record_signal) },
        [RECORD_EXPLAIN] = { .n_bytes = sizeof(struct record_explain), .has_tail = true },
        [RECORD_STATUS] = { .n_bytes = sizeof(struct record_status) },
        [RECORD_DONE] = { .n_bytes = sizeof(struct record_done), .has_tail = true },
        [RECORD_PEER] = { .n_bytes = sizeof(struct record_peer_refused) },
        [RECORD_STOP] = { .n_bytes = sizeof(struct record_stop_wanted) },
        [RECORD_END_COMMAND] = { .n_bytes = 0 },
        [RECORD_PONG] = { .n_bytes = 0 },
};

/**
 * record_format() - as it travels
 * @record: of a known type
 * @buffer: where to
 * @n_room: its size; RECORD_BYTES_MAX is always enough
 *
 * Return: the bytes written; 0 when the record is longer than that
 */
size_t record_format(const struct record *record, char *buffer, size_t n_room)
{
        const struct shape *shape = &shapes[record->type];
        size_t n = HEAD_BYTES + shape->n_bytes;

        if (n > n_room || record->n_tail > n_room - n)
                return 0;
        memcpy(buffer, &record->type, sizeof(record->type));
        memcpy(buffer + sizeof(record->type), &record->id, sizeof(record->id));
        memcpy(buffer + HEAD_BYTES, &record->setup, shape->n_bytes);
        if (record->n_tail)
                memcpy(buffer + n, record->tail, record->n_tail);
        return n + record->n_tail;
}

/**
 * record_parse() - what was received
 * @bytes:      of the other program
 * @n_bytes:    their number
 * @ret_record: its tail is borrowed from @bytes
 *
 * Return: 0 or RECORD_E_BAD
 */
int record_parse(const char *bytes, size_t n_bytes, struct record *ret_record)
{
        struct record record = { 0 };
        const struct shape *shape;
        size_t n_left;

        if (n_bytes < HEAD_BYTES)
                return RECORD_E_BAD;
        memcpy(&record.type, bytes, sizeof(record.type));
        memcpy(&record.id, bytes + sizeof(record.type), sizeof(record.id));
        if (record.type < RECORD_SETUP || record.type >= RECORD_TYPES)
                return RECORD_E_BAD;
        shape = &shapes[record.type];
        n_left = n_bytes - HEAD_BYTES;
        if (shape->has_tail ? n_left < shape->n_bytes : n_left != shape->n_bytes)
                return RECORD_E_BAD;

        memcpy(&record.setup, bytes + HEAD_BYTES, shape->n_bytes);
        record.tail = bytes + HEAD_BYTES + shape->n_bytes;
        record.n_tail = n_left - shape->n_bytes;
        *ret_record = record;
        return 0;
}

/**
 * record_take_carried() - what a record begins its tail with
 * @record:      DONE or START; its tail is shorter afterwards
 * @n_done:      what it says how many there are
 * @ret_carried: they
 *
 * Return: @n_done, or SIZE_MAX where so many are not there, or are more than RECORD_DONES_MAX
 */
size_t record_take_carried(struct record *record,
                           uint32_t n_done,
                           struct record_carried ret_carried[static RECORD_DONES_MAX])
{
        size_t n_bytes = n_done * sizeof(struct record_carried);

        if (n_done > RECORD_DONES_MAX || n_bytes > record->n_tail)
                return SIZE_MAX;
        if (n_bytes)
                memcpy(ret_carried, record->tail, n_bytes);
        record->tail += n_bytes;
        record->n_tail -= n_bytes;
        return n_done;
}

/**
 * record_is_signal() - may it be sent to a command?
 * @signal: any number
 *
 * Return: is it one of those that a client may ask for (docs/protocol-native.md)?
 */
bool record_is_signal(int64_t signal)
{
        static const uint64_t signals =
                SIGNAL_SET_BIT(SIGHUP) | SIGNAL_SET_BIT(SIGINT) | SIGNAL_SET_BIT(SIGQUIT) |
                SIGNAL_SET_BIT(SIGKILL) | SIGNAL_SET_BIT(SIGUSR1) | SIGNAL_SET_BIT(SIGUSR2) |
                SIGNAL_SET_BIT(SIGTERM) | SIGNAL_SET_BIT(SIGCONT) | SIGNAL_SET_BIT(SIGTSTP);

        return signal >= 0 && signal < 64 && signals >> signal & 1;
}
