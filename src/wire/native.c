/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is its header and its fields. One table says which fields a type has and must have,
 * another which length each has, so that whoever reads a message that was parsed has nothing left
 * to check but what the values mean. Bytes in, structure out: no socket, no memory.
 *
 * The wire is little-endian; the bytes are put together one by one, which compilers make one load
 * of.
 */
#include "wire/native.h"

#include <assert.h>
#include <string.h>

#define HEAD_BYTES       8
#define FIELD_HEAD_BYTES 4

/* From here on what is unknown may be skipped. */
#define SKIPPED_FROM 0x8000u

#define BIT(tag)     (1u << NATIVE_TAG_##tag)

/* Which length a field's value has. */
static const struct length {
        uint16_t n_min;
        uint16_t n_max;
        uint16_t n_unit; /* 0: any; else a multiple of it */
} lengths[NATIVE_TAGS] = {
        [NATIVE_TAG_VERSION] = { 4, 4, 0 },
        [NATIVE_TAG_NONCE] = { NATIVE_NONCE_BYTES, NATIVE_NONCE_BYTES, 0 },
        [NATIVE_TAG_PROOF] = { NATIVE_PROOF_BYTES, NATIVE_PROOF_BYTES, 0 },
        [NATIVE_TAG_KEY] = { NATIVE_KEY_BYTES, NATIVE_KEY_BYTES, 0 },
        [NATIVE_TAG_ARGS] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_ENV] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_FDS] = { 1, 1, 0 },
        [NATIVE_TAG_FLAGS] = { 4, 4, 0 },
        [NATIVE_TAG_TIMEOUT] = { 8, 8, 0 },
        [NATIVE_TAG_UMASK] = { 4, 4, 0 },
        [NATIVE_TAG_NICE] = { 4, 4, 0 },
        [NATIVE_TAG_LIMITS] = { 0, NATIVE_LIMITS_MAX *NATIVE_LIMIT_BYTES, NATIVE_LIMIT_BYTES },
        [NATIVE_TAG_SIGNAL] = { 4, 4, 0 },
        [NATIVE_TAG_PID] = { 4, 4, 0 },
        [NATIVE_TAG_STATUS] = { 4, 4, 0 },
        [NATIVE_TAG_USAGE] = { 24, 24, 0 },
        [NATIVE_TAG_DURATION] = { 8, 8, 0 },
        [NATIVE_TAG_CODE] = { 4, 4, 0 },
        [NATIVE_TAG_ERROR] = { 4, 4, 0 },
        [NATIVE_TAG_FILTER] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_REASON] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_COMMANDS_MAX] = { 4, 4, 0 },
        [NATIVE_TAG_ARGS_MAX] = { 4, 4, 0 },
        [NATIVE_TAG_COUNTERS] = { 0, UINT16_MAX, 8 },
        [NATIVE_TAG_UID] = { 4, 4, 0 },
        [NATIVE_TAG_PEER] = { 4, 4, 0 },
        [NATIVE_TAG_FILE] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_RUN_AS] = { 0, UINT16_MAX, 0 },
        [NATIVE_TAG_TEXT] = { 0, UINT16_MAX, 0 },
};

/* Which fields a message has. */
static const struct shape {
        uint32_t required;
        uint32_t optional;
} shapes[NATIVE_TYPES] = {
        [NATIVE_HELLO] = { BIT(VERSION) | BIT(NONCE), 0 },
        [NATIVE_PROVE] = { BIT(PROOF), 0 },
        [NATIVE_ARGS] = { BIT(ARGS), 0 },
        [NATIVE_START] = { 0, BIT(ARGS) | BIT(ENV) | BIT(FDS) | BIT(FLAGS) | BIT(TIMEOUT) |
                                      BIT(UMASK) | BIT(NICE) | BIT(LIMITS) },
        [NATIVE_SIGNAL] = { BIT(SIGNAL), 0 },
        [NATIVE_EXPLAIN] = { 0, BIT(ARGS) | BIT(ENV) },
        [NATIVE_STATUS] = { 0, 0 },
        [NATIVE_ATTACH] = { BIT(KEY), 0 },
        [NATIVE_ADOPT] = { 0, 0 },
        [NATIVE_WELCOME] = { BIT(VERSION) | BIT(NONCE) | BIT(FLAGS) | BIT(COMMANDS_MAX) |
                                     BIT(ARGS_MAX),
                             BIT(PROOF) },
        [NATIVE_ERROR] = { BIT(REASON), 0 },
        [NATIVE_STARTED] = { BIT(PID), 0 },
        [NATIVE_EXITED] = { BIT(STATUS) | BIT(USAGE) | BIT(DURATION) | BIT(FLAGS), 0 },
        [NATIVE_REFUSED] = { BIT(CODE) | BIT(ERROR) | BIT(REASON), BIT(FILTER) },
        [NATIVE_EXPLANATION] = { BIT(CODE), BIT(ARGS) | BIT(ENV) | BIT(FILTER) | BIT(REASON) |
                                                    BIT(FILE) | BIT(RUN_AS) },
        [NATIVE_TOTALS] = { BIT(COUNTERS), 0 },
        [NATIVE_COMMAND] = { BIT(ARGS) | BIT(PID) | BIT(DURATION) | BIT(FILTER) | BIT(UID) |
                                     BIT(PEER) | BIT(RUN_AS),
                             0 },
        [NATIVE_END] = { 0, 0 },
        [NATIVE_RELEASED] = { 0, 0 },
};

static_assert(NATIVE_TAGS <= 32, "a bit for each tag");

/* Numbers */

static uint64_t load(const char *bytes, size_t n_bytes)
{
        uint64_t value = 0;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                value |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
        return value;
}

static void store(char *bytes, uint64_t value, size_t n_bytes)
{
        size_t i;

        for (i = 0; i < n_bytes; i++)
                bytes[i] = (char)(uint8_t)(value >> (8 * i));
}

/* Reading */

static bool has_its_length(uint32_t tag, size_t n_bytes)
{
        const struct length *length = &lengths[tag];

        if (n_bytes < length->n_min || n_bytes > length->n_max)
                return false;
        return !length->n_unit || n_bytes % length->n_unit == 0;
}

static bool is_known_type(uint32_t type)
{
        return (type >= NATIVE_HELLO && type <= NATIVE_ADOPT) ||
               (type >= NATIVE_WELCOME && type < NATIVE_TYPES);
}

/* One field. Return: the bytes it takes, or 0 where it is bad */
static size_t parse_field(struct native_message *message, const char *bytes, size_t n_bytes)
{
        const struct shape *shape = &shapes[message->type];
        uint32_t tag;
        size_t n;

        if (n_bytes < FIELD_HEAD_BYTES)
                return 0;
        tag = (uint32_t)load(bytes, 2);
        n = (size_t)load(bytes + 2, 2);
        if (n > n_bytes - FIELD_HEAD_BYTES)
                return 0;
        if (tag >= SKIPPED_FROM)
                return FIELD_HEAD_BYTES + n;
        if (!tag || tag >= NATIVE_TAGS || !((shape->required | shape->optional) >> tag & 1u) ||
            !has_its_length(tag, n))
                return 0;
        message->fields[tag].bytes = bytes + FIELD_HEAD_BYTES;
        message->fields[tag].n_bytes = n;
        return FIELD_HEAD_BYTES + n;
}

static int parse_fields(struct native_message *message, const char *bytes, size_t n_bytes)
{
        uint32_t present = 0;
        uint32_t last = 0;
        uint32_t tag;
        size_t n;

        for (; n_bytes; bytes += n, n_bytes -= n) {
                n = parse_field(message, bytes, n_bytes);
                if (!n)
                        return NATIVE_E_BAD;
                tag = (uint32_t)load(bytes, 2);
                if (tag <= last)
                        return NATIVE_E_BAD;
                last = tag;
                if (tag < NATIVE_TAGS)
                        present |= 1u << tag;
        }
        return shapes[message->type].required & ~present ? NATIVE_E_BAD : 0;
}

/**
 * native_parse() - what was received
 * @bytes:       one message
 * @n_bytes:     its length
 * @ret_message: its fields are borrowed from @bytes; the required ones are there, each has its
 *               length
 *
 * Return: 0, NATIVE_E_BAD, or NATIVE_E_SKIP
 */
int native_parse(const char *bytes, size_t n_bytes, struct native_message *ret_message)
{
        uint32_t type;

        if (n_bytes < HEAD_BYTES || n_bytes > NATIVE_MESSAGE_BYTES || load(bytes + 2, 2))
                return NATIVE_E_BAD;
        type = (uint32_t)load(bytes, 2);
        if (type >= SKIPPED_FROM)
                return NATIVE_E_SKIP;
        if (!is_known_type(type))
                return NATIVE_E_BAD;
        *ret_message = (struct native_message){ .type = type, .id = (uint32_t)load(bytes + 4, 4) };
        return parse_fields(ret_message, bytes + HEAD_BYTES, n_bytes - HEAD_BYTES);
}

/**
 * native_has() - is a field there?
 * @message: was parsed
 * @tag:     the field
 */
bool native_has(const struct native_message *message, enum native_tag tag)
{
        return message->fields[tag].bytes;
}

/**
 * native_get_u32() - a number
 * @message: was parsed
 * @tag:     a field of at most 4 bytes
 *
 * Return: it; 0 where it is not there
 */
uint32_t native_get_u32(const struct native_message *message, enum native_tag tag)
{
        return (uint32_t)native_get_u64(message, tag);
}

/**
 * native_get_u64() - a number
 * @message: was parsed
 * @tag:     a field of at most 8 bytes
 *
 * Return: it; 0 where it is not there
 */
uint64_t native_get_u64(const struct native_message *message, enum native_tag tag)
{
        const struct native_field *field = &message->fields[tag];

        return field->bytes ? load(field->bytes, field->n_bytes) : 0;
}

/**
 * native_get_usage() - what a command used
 * @message: EXITED
 */
struct native_usage native_get_usage(const struct native_message *message)
{
        const char *bytes = message->fields[NATIVE_TAG_USAGE].bytes;

        return (struct native_usage){
                .user_us = load(bytes, 8),
                .system_us = load(bytes + 8, 8),
                .rss_max_kb = load(bytes + 16, 8),
        };
}

/**
 * native_get_limits() - the limits of a START
 * @message:    START
 * @ret_limits: they
 *
 * Return: their number
 */
size_t native_get_limits(const struct native_message *message,
                         struct native_limit ret_limits[static NATIVE_LIMITS_MAX])
{
        const struct native_field *field = &message->fields[NATIVE_TAG_LIMITS];
        size_t n = field->n_bytes / NATIVE_LIMIT_BYTES;
        size_t i;

        for (i = 0; i < n; i++) {
                const char *bytes = field->bytes + i * NATIVE_LIMIT_BYTES;

                ret_limits[i] = (struct native_limit){
                        .resource = (uint32_t)load(bytes, 4),
                        .soft = load(bytes + 4, 8),
                        .hard = load(bytes + 12, 8),
                };
        }
        return n;
}

/**
 * native_get_counters() - the numbers of a TOTALS
 * @message:      TOTALS
 * @ret_counters: they; those beyond @n_room, of a newer daemon, are left out
 * @n_room:       how many are known here
 *
 * Return: their number
 */
size_t native_get_counters(const struct native_message *message,
                           uint64_t *ret_counters,
                           size_t n_room)
{
        const struct native_field *field = &message->fields[NATIVE_TAG_COUNTERS];
        size_t n = field->n_bytes / 8;
        size_t i;

        if (n > n_room)
                n = n_room;
        for (i = 0; i < n; i++)
                ret_counters[i] = load(field->bytes + i * 8, 8);
        return n;
}

/* Writing */

/**
 * native_begin() - begin a message
 * @writer: becomes that message
 * @bytes:  where it is written to, NATIVE_MESSAGE_BYTES; borrowed
 * @type:   its type
 * @id:     its id
 */
void native_begin(struct native_writer *writer, char *bytes, enum native_type type, uint32_t id)
{
        *writer = (struct native_writer){ .bytes = bytes, .n_bytes = HEAD_BYTES };
        store(bytes, type, 2);
        store(bytes + 2, 0, 2);
        store(bytes + 4, id, 4);
}

/* Return: where a field's value of @n bytes goes; NULL: there is no room */
static char *begin_field(struct native_writer *writer, enum native_tag tag, size_t n)
{
        char *bytes = writer->bytes + writer->n_bytes;

        if (writer->is_full || n > native_room(writer) || n > UINT16_MAX || tag <= writer->tag) {
                writer->is_full = true;
                return NULL;
        }
        store(bytes, tag, 2);
        store(bytes + 2, n, 2);
        writer->tag = tag;
        writer->n_bytes += FIELD_HEAD_BYTES + n;
        return bytes + FIELD_HEAD_BYTES;
}

/**
 * native_room() - the length that one more field's value may have
 * @writer: the message
 */
size_t native_room(const struct native_writer *writer)
{
        size_t n_left = NATIVE_MESSAGE_BYTES - writer->n_bytes;

        return n_left > FIELD_HEAD_BYTES ? n_left - FIELD_HEAD_BYTES : 0;
}

/**
 * native_put() - one more field
 * @writer: the message
 * @tag:    larger than those that are there
 * @bytes:  its value
 * @n:      its length
 */
void native_put(struct native_writer *writer, enum native_tag tag, const void *bytes, size_t n)
{
        char *value = begin_field(writer, tag, n);

        if (value && n)
                memcpy(value, bytes, n);
}

/**
 * native_put_text() - one more field
 * @writer: the message
 * @tag:    larger than those that are there
 * @text:   its value; NULL: no field
 */
void native_put_text(struct native_writer *writer, enum native_tag tag, const char *text)
{
        if (text)
                native_put(writer, tag, text, strlen(text));
}

/**
 * native_put_u32() - one more field, of 4 bytes
 * @writer: the message
 * @tag:    larger than those that are there
 * @value:  its value
 */
void native_put_u32(struct native_writer *writer, enum native_tag tag, uint32_t value)
{
        char *bytes = begin_field(writer, tag, 4);

        if (bytes)
                store(bytes, value, 4);
}

/**
 * native_put_u64() - one more field, of 8 bytes
 * @writer: the message
 * @tag:    larger than those that are there
 * @value:  its value
 */
void native_put_u64(struct native_writer *writer, enum native_tag tag, uint64_t value)
{
        native_put_u64s(writer, tag, &value, 1);
}

/**
 * native_put_u64s() - one more field, of 8 bytes each
 * @writer:   the message
 * @tag:      larger than those that are there
 * @values:   the numbers
 * @n_values: how many
 */
void native_put_u64s(struct native_writer *writer,
                     enum native_tag tag,
                     const uint64_t *values,
                     size_t n_values)
{
        char *bytes = begin_field(writer, tag, n_values * 8);
        size_t i;

        for (i = 0; bytes && i < n_values; i++)
                store(bytes + i * 8, values[i], 8);
}

/**
 * native_put_limits() - the field LIMITS
 * @writer:   a START
 * @limits:   at most NATIVE_LIMITS_MAX
 * @n_limits: how many; 0: no field
 */
void native_put_limits(struct native_writer *writer,
                       const struct native_limit *limits,
                       size_t n_limits)
{
        char *bytes;
        size_t i;

        if (!n_limits)
                return;
        bytes = begin_field(writer, NATIVE_TAG_LIMITS, n_limits * NATIVE_LIMIT_BYTES);
        for (i = 0; bytes && i < n_limits; i++, bytes += NATIVE_LIMIT_BYTES) {
                store(bytes, limits[i].resource, 4);
                store(bytes + 4, limits[i].soft, 8);
                store(bytes + 12, limits[i].hard, 8);
        }
}

/**
 * native_end() - the message is whole
 * @writer: the message
 *
 * Return: its length; 0 where something had no room
 */
size_t native_end(const struct native_writer *writer)
{
        return writer->is_full ? 0 : writer->n_bytes;
}
