/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command prints is held as it came, and becomes JSON while it is sent: pure ASCII, and each
 * byte outside of valid UTF-8 as \udcXX, as Python's strict decoder with surrogateescape has it.
 * The length of a message goes before it, so the bytes are counted first, as they arrive, then
 * written: both by the same table, so that they cannot differ.
 *
 * The table is an automaton over classes of bytes. A sequence is held until it is whole; with the
 * first byte that does not fit, each byte held is written by itself, and that byte begins anew. So
 * Python resumes, too: what it skips besides the first byte of a bad sequence are continuation
 * bytes, and these are bad by themselves.
 */
#include "wire/json-escape.h"

#include "util/utf8.h"
#include "wire/json-plain.h"

enum class {
        PLAIN,
        SHORT,   /* a backslash and a letter */
        CONTROL, /* other controls and DEL */
        TAIL_8,  /* continuation bytes: 80..8F */
        TAIL_9,  /* 90..9F */
        TAIL_A,  /* A0..BF */
        LEAD_2,  /* of two bytes */
        LEAD_E0,
        LEAD_3,
        LEAD_ED,
        LEAD_F0,
        LEAD_4,
        LEAD_F4,
        NEVER,
        N_CLASSES,
};

static const uint8_t classes[256] = {
        [0x00 ... 0x07] = CONTROL,
        ['\b'] = SHORT,
        ['\t'] = SHORT,
        ['\n'] = SHORT,
        [0x0B] = CONTROL,
        ['\f'] = SHORT,
        ['\r'] = SHORT,
        [0x0E ... 0x1F] = CONTROL,
        [0x20 ... 0x21] = PLAIN,
        ['"'] = SHORT,
        [0x23 ... 0x5B] = PLAIN,
        ['\\'] = SHORT,
        [0x5D ... 0x7E] = PLAIN,
        [0x7F] = CONTROL,
        [0x80 ... 0x8F] = TAIL_8,
        [0x90 ... 0x9F] = TAIL_9,
        [0xA0 ... 0xBF] = TAIL_A,
        [0xC0 ... 0xC1] = NEVER,
        [0xC2 ... 0xDF] = LEAD_2,
        [0xE0] = LEAD_E0,
        [0xE1 ... 0xEC] = LEAD_3,
        [0xED] = LEAD_ED,
        [0xEE ... 0xEF] = LEAD_3,
        [0xF0] = LEAD_F0,
        [0xF1 ... 0xF3] = LEAD_4,
        [0xF4] = LEAD_F4,
        [0xF5 ... 0xFF] = NEVER,
};

/* What is held: nothing, the first byte of a sequence, or more of it. */
enum state {
        START,
        AT_2,
        AT_E0,
        AT_3,
        AT_ED,
        AT_F0,
        AT_4,
        AT_F4,
        AT_LAST_OF_3,
        AT_THIRD_OF_4,
        AT_LAST_OF_4,
};

static const uint8_t n_held_of[] = {
        [START] = 0,        [AT_2] = 1,          [AT_E0] = 1,        [AT_3] = 1,
        [AT_ED] = 1,        [AT_F0] = 1,         [AT_4] = 1,         [AT_F4] = 1,
        [AT_LAST_OF_3] = 2, [AT_THIRD_OF_4] = 2, [AT_LAST_OF_4] = 3,
};

enum action {
        PUT,  /* the byte by itself */
        HOLD, /* the first byte of a sequence */
        HOLD_TAIL,
        PUT_SEQUENCE,
};

struct step {
        uint8_t state;
        uint8_t n_out;
        uint8_t action;
};

/* What a block's sequences are found in: a last one may reach beyond it. */
#define BLOCK_ROOM (UTF8_BLOCK_BYTES + UTF8_SEQUENCE_MAX - 1)

/* So many ASCII bytes are counted at once. */
#define RUN_BYTES  48

#define DEL        0x7F
#define BYTES_BYTE 6u /* of \udcXX, and of any other \uXXXX */

/* What is written for one byte at most, and a copy of eight bytes where it ends. */
#define PUT_BYTE_ROOM (JSON_ESCAPE_ROOM_BYTES + 8)
/* The same for a block, and what stands for itself before it. */
#define PUT_BLOCK_ROOM (JSON_PLAIN_BYTES + BLOCK_ROOM * BYTES_BYTE + PUT_BYTE_ROOM)

/* clang-format off */
#define LONE(n_held)   { START, ((n_held) + 1) * BYTES_BYTE, PUT }
#define TO(state)      { state, 0, HOLD_TAIL }
#define DONE(n_units)  { START, (n_units) * BYTES_BYTE, PUT_SEQUENCE }
#define BEGIN(state, n_held) { state, (n_held) * BYTES_BYTE, HOLD }
#define ROW(n_held, tail_8, tail_9, tail_a)                               \
        {                                                                 \
                [PLAIN]   = { START, (n_held) * BYTES_BYTE + 1, PUT },    \
                [SHORT]   = { START, (n_held) * BYTES_BYTE + 2, PUT },    \
                [CONTROL] = { START, ((n_held) + 1) * BYTES_BYTE, PUT }, \
                [TAIL_8]  = tail_8,                                       \
                [TAIL_9]  = tail_9,                                       \
                [TAIL_A]  = tail_a,                                       \
                [LEAD_2]  = BEGIN(AT_2, n_held),                          \
                [LEAD_E0] = BEGIN(AT_E0, n_held),                         \
                [LEAD_3]  = BEGIN(AT_3, n_held),                          \
                [LEAD_ED] = BEGIN(AT_ED, n_held),                         \
                [LEAD_F0] = BEGIN(AT_F0, n_held),                         \
                [LEAD_4]  = BEGIN(AT_4, n_held),                          \
                [LEAD_F4] = BEGIN(AT_F4, n_held),                         \
                [NEVER]   = LONE(n_held),                                 \
        }

static const struct step steps[][N_CLASSES] = {
        [START]         = ROW(0, LONE(0), LONE(0), LONE(0)),
        [AT_2]          = ROW(1, DONE(1), DONE(1), DONE(1)),
        [AT_E0]         = ROW(1, LONE(1), LONE(1), TO(AT_LAST_OF_3)),
        [AT_3]          = ROW(1, TO(AT_LAST_OF_3), TO(AT_LAST_OF_3), TO(AT_LAST_OF_3)),
        [AT_ED]         = ROW(1, TO(AT_LAST_OF_3), TO(AT_LAST_OF_3), LONE(1)),
        [AT_F0]         = ROW(1, LONE(1), TO(AT_THIRD_OF_4), TO(AT_THIRD_OF_4)),
        [AT_4]          = ROW(1, TO(AT_THIRD_OF_4), TO(AT_THIRD_OF_4), TO(AT_THIRD_OF_4)),
        [AT_F4]         = ROW(1, TO(AT_THIRD_OF_4), LONE(1), LONE(1)),
        [AT_LAST_OF_3]  = ROW(2, DONE(1), DONE(1), DONE(1)),
        [AT_THIRD_OF_4] = ROW(2, TO(AT_LAST_OF_4), TO(AT_LAST_OF_4), TO(AT_LAST_OF_4)),
        [AT_LAST_OF_4]  = ROW(3, DONE(2), DONE(2), DONE(2)),
};
/* clang-format on */

/* How a byte is written by itself: copied with eight bytes, of which the first ones count. */
struct alone {
        char text[7];
        uint8_t n;
};

/* clang-format off */
#define HEX(n)        ((n) < 10 ? '0' + (n) : 'a' + (n) - 10)
#define UNIT(d, c, b) { { '\\', 'u', d, c, HEX((b) / 16), HEX((b) % 16) }, BYTES_BYTE }
#define FOUR(of, b)   of(b), of((b) + 1), of((b) + 2), of((b) + 3)
#define SIXTEEN(of, b) FOUR(of, b), FOUR(of, (b) + 4), FOUR(of, (b) + 8), FOUR(of, (b) + 12)
#define CONTROL_OF(b) UNIT('0', '0', b)
#define LETTER_OF(c)  { { '\\', c }, 2 }
#define PLAIN_OF(b)   { { b }, 1 }
#define BYTE_OF(b)    UNIT('d', 'c', b)

static const struct alone alone[256] = {
        FOUR(CONTROL_OF, 0x00), FOUR(CONTROL_OF, 0x04), LETTER_OF('b'), LETTER_OF('t'),
        LETTER_OF('n'), CONTROL_OF(0x0B), LETTER_OF('f'), LETTER_OF('r'), CONTROL_OF(0x0E),
        CONTROL_OF(0x0F), SIXTEEN(CONTROL_OF, 0x10),
        PLAIN_OF(' '), PLAIN_OF('!'), LETTER_OF('"'), PLAIN_OF('#'), FOUR(PLAIN_OF, 0x24),
        FOUR(PLAIN_OF, 0x28), FOUR(PLAIN_OF, 0x2C), SIXTEEN(PLAIN_OF, 0x30),
        SIXTEEN(PLAIN_OF, 0x40),
        FOUR(PLAIN_OF, 0x50), FOUR(PLAIN_OF, 0x54), FOUR(PLAIN_OF, 0x58), LETTER_OF('\\'),
        PLAIN_OF(']'), PLAIN_OF('^'), PLAIN_OF('_'), SIXTEEN(PLAIN_OF, 0x60),
        FOUR(PLAIN_OF, 0x70), FOUR(PLAIN_OF, 0x74), FOUR(PLAIN_OF, 0x78), PLAIN_OF('|'),
        PLAIN_OF('}'), PLAIN_OF('~'), CONTROL_OF(0x7F),
        SIXTEEN(BYTE_OF, 0x80), SIXTEEN(BYTE_OF, 0x90), SIXTEEN(BYTE_OF, 0xA0),
        SIXTEEN(BYTE_OF, 0xB0), SIXTEEN(BYTE_OF, 0xC0), SIXTEEN(BYTE_OF, 0xD0),
        SIXTEEN(BYTE_OF, 0xE0), SIXTEEN(BYTE_OF, 0xF0),
};
/* clang-format on */

static bool is_ascii(char byte)
{
        return (unsigned char)byte < 0x80;
}

static const struct alone *alone_of(char byte)
{
        return &alone[(unsigned char)byte];
}

/* How much longer than itself a piece of ASCII is, written. Without a jump, as the compiler wants
 * it for many bytes at once, and in a byte, since it is at most RUN_BYTES * 5. */
static size_t run_growth(const char run[static RUN_BYTES])
{
        uint8_t n = 0;
        size_t i;

        for (i = 0; i < RUN_BYTES; i++) {
                uint8_t byte = (uint8_t)run[i];
                bool is_control = (byte < 0x20) | (byte == 0x7F);
                bool is_short = (byte == '"') | (byte == '\\');
                bool has_letter = ((uint8_t)(byte - '\b') <= '\r' - '\b') & (byte != 0x0B);

                n = (uint8_t)(n + (is_control ? 5 : 0) + (is_short ? 1 : 0) - (has_letter ? 4 : 0));
        }
        return n;
}

static bool run_is_ascii(const char run[static RUN_BYTES])
{
        uint64_t words[RUN_BYTES / sizeof(uint64_t)];
        uint64_t all = 0;
        size_t i;

        memcpy(words, run, sizeof(words));
        for (i = 0; i < RUN_BYTES / sizeof(uint64_t); i++)
                all |= words[i];
        return !(all & 0x8080808080808080);
}

/* A block of which the sequences are known, and so need no automaton. */
struct block {
        const char *bytes;
        uint8_t lengths[UTF8_BLOCK_BYTES];
        size_t n_bytes; /* with all of its last sequence */
};

static void block_init(struct block *block, const char *bytes)
{
        size_t i;

        block->bytes = bytes;
        block->n_bytes = UTF8_BLOCK_BYTES;
        utf8_find_sequences(bytes, block->lengths);
        for (i = UTF8_BLOCK_BYTES - UTF8_SEQUENCE_MAX + 1; i < UTF8_BLOCK_BYTES; i++)
                if (i + block->lengths[i] > UTF8_BLOCK_BYTES)
                        block->n_bytes = i + block->lengths[i];
}

/* Return: how much it is, written */
static size_t block_count(const struct block *block)
{
        /* By the length of a sequence: of two or three bytes one unit, of four two units. */
        static const uint8_t saved[UTF8_SEQUENCE_MAX + 1] = {
                [2] = BYTES_BYTE, [3] = 2 * BYTES_BYTE, [4] = 2 * BYTES_BYTE
        };
        size_t n = 0;
        size_t i;

        for (i = 0; i < UTF8_BLOCK_BYTES; i++)
                n += alone_of(block->bytes[i])->n - saved[block->lengths[i]];
        return n + (block->n_bytes - UTF8_BLOCK_BYTES) * BYTES_BYTE;
}

/* Counts all but the last bytes, from where nothing is held. Return: how far it came */
static const char *count_blocks(const char *bytes, const char *end, uint64_t *n)
{
        struct block block;

        while (end - bytes >= BLOCK_ROOM) {
                if (run_is_ascii(bytes)) {
                        *n += RUN_BYTES + run_growth(bytes);
                        bytes += RUN_BYTES;
                        continue;
                }
                block_init(&block, bytes);
                bytes += block.n_bytes;
                *n += block_count(&block);
        }
        return bytes;
}

/**
 * json_escape_count() - how much would it be, written?
 * @escape:  what the pieces before have left; not for writing at the same time
 * @bytes:   a piece, cut anywhere
 * @n_bytes: its length
 * @n_out:   added to
 */
void json_escape_count(struct json_escape *escape,
                       const char *bytes,
                       size_t n_bytes,
                       uint64_t *n_out)
{
        const char *end = bytes + n_bytes;
        unsigned int state = escape->state;
        uint64_t n = 0;

        while (bytes < end) {
                const struct step *step;

                if (state == START && end - bytes >= BLOCK_ROOM) {
                        bytes = count_blocks(bytes, end, &n);
                        continue;
                }
                step = &steps[state][classes[(unsigned char)*bytes++]];
                state = step->state;
                n += step->n_out;
        }
        escape->state = (uint8_t)state;
        *n_out += n;
}

/**
 * json_escape_count_end() - there are no more pieces
 * @escape: what they have left; fit for the next string then
 * @n_out:  added to
 */
void json_escape_count_end(struct json_escape *escape, uint64_t *n_out)
{
        *n_out += n_held_of[escape->state] * BYTES_BYTE;
        escape->state = START;
}

static char *put_unit(char *out, uint32_t unit)
{
        static const char hex[] = "0123456789abcdef";

        out[0] = '\\';
        out[1] = 'u';
        out[2] = hex[unit >> 12 & 0xF];
        out[3] = hex[unit >> 8 & 0xF];
        out[4] = hex[unit >> 4 & 0xF];
        out[5] = hex[unit & 0xF];
        return out + BYTES_BYTE;
}

static char *put_alone(char byte, char *out)
{
        memcpy(out, alone_of(byte), sizeof(struct alone));
        return out + alone_of(byte)->n;
}

static char *put_code(char *out, uint32_t code)
{
        if (code >= 0x10000) {
                out = put_unit(out, 0xD800 + ((code - 0x10000) >> 10));
                code = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        return put_unit(out, code);
}

static char *block_put(const struct block *block, char *out)
{
        uint32_t code;
        size_t i;

        for (i = 0; i < UTF8_BLOCK_BYTES;) {
                if (!block->lengths[i]) {
                        out = put_alone(block->bytes[i++], out);
                        continue;
                }
                (void)utf8_next(block->bytes + i, UTF8_SEQUENCE_MAX, &code);
                out = put_code(out, code);
                i += block->lengths[i];
        }
        return out;
}

/* Writes the bytes held, each by itself. */
static char *put_held(const struct json_escape *escape, char *out)
{
        unsigned int n_held = n_held_of[escape->state];
        unsigned int i;

        for (i = 0; i < n_held; i++)
                out = put_unit(out, UTF8_ESCAPE_BASE + escape->held[i]);
        return out;
}

/* Writes the sequence that @byte ends. */
static void put_sequence(const struct json_escape *escape, unsigned char byte, char *out)
{
        char sequence[UTF8_SEQUENCE_MAX];
        size_t n_held = n_held_of[escape->state];
        uint32_t code;

        memcpy(sequence, escape->held, sizeof(escape->held));
        sequence[n_held] = (char)byte;
        (void)utf8_next(sequence, n_held + 1, &code);
        (void)put_code(out, code);
}

/* Takes one byte; may use all of PUT_BYTE_ROOM. Return: how much was written, @step->n_out */
static size_t put_byte(struct json_escape *escape,
                       const struct step *step,
                       unsigned char byte,
                       char *out)
{
        switch ((enum action)step->action) {
        case PUT:
                if (escape->state != START)
                        out = put_held(escape, out);
                memcpy(out, &alone[byte], sizeof(alone[byte]));
                break;
        case HOLD:
                if (escape->state != START)
                        (void)put_held(escape, out);
                escape->held[0] = byte;
                break;
        case HOLD_TAIL:
                escape->held[n_held_of[escape->state]] = byte;
                break;
        case PUT_SEQUENCE:
                put_sequence(escape, byte, out);
                break;
        }
        escape->state = step->state;
        return step->n_out;
}

static const struct step *step_of(const struct json_escape *escape, unsigned char byte)
{
        return &steps[escape->state][classes[byte]];
}

/* Writes from where nothing is held, while there are bytes and room for one more block. Return: how
 * far it came; further than before if it was so at first */
static const char *put_blocks(const char *in, const char *end, char **out, const char *limit)
{
        struct block block;
        char *to = *out;
        size_t n_plain;

        while (end - in >= BLOCK_ROOM && limit - to >= PUT_BLOCK_ROOM) {
                n_plain = json_n_plain(in, DEL);
                memcpy(to, in, JSON_PLAIN_BYTES);
                in += n_plain;
                to += n_plain;
                if (n_plain == JSON_PLAIN_BYTES)
                        continue;
                if (is_ascii(*in)) {
                        to = put_alone(*in++, to);
                } else if (end - in >= BLOCK_ROOM) {
                        block_init(&block, in);
                        in += block.n_bytes;
                        to = block_put(&block, to);
                }
        }
        *out = to;
        return in;
}

/**
 * json_escape_put() - write as much as there is room for
 * @escape:      what the pieces before have left
 * @in:          a piece, cut anywhere
 * @n_in:        its length
 * @ret_n_taken: how much of it was taken; less than @n_in only for want of room
 * @out:         where to
 * @n_room:      how much may be written; all of it may be used
 *
 * Return: how much was written
 */
size_t json_escape_put(struct json_escape *escape,
                       const char *in,
                       size_t n_in,
                       size_t *ret_n_taken,
                       char *out,
                       size_t n_room)
{
        const char *limit = out + n_room;
        const char *end = in + n_in;
        const char *at = in;
        char *to = out;
        char bytes[PUT_BYTE_ROOM];
        const struct step *step;

        while (at < end) {
                if (escape->state == START && end - at >= BLOCK_ROOM &&
                    limit - to >= PUT_BLOCK_ROOM) {
                        at = put_blocks(at, end, &to, limit);
                        continue;
                }
                step = step_of(escape, (unsigned char)*at);
                if (step->n_out > limit - to)
                        break;
                (void)put_byte(escape, step, (unsigned char)*at++, bytes);
                memcpy(to, bytes, step->n_out);
                to += step->n_out;
        }
        *ret_n_taken = (size_t)(at - in);
        return (size_t)(to - out);
}

/**
 * json_escape_end() - there are no more pieces
 * @escape: what they have left; fit for the next string then
 * @out:    where to
 * @n_room: at least JSON_ESCAPE_ROOM_BYTES
 *
 * Return: how much was written
 */
size_t json_escape_end(struct json_escape *escape, char *out, size_t n_room)
{
        size_t n_out = n_held_of[escape->state] * BYTES_BYTE;

        if (n_out > n_room)
                return 0;
        (void)put_held(escape, out);
        escape->state = START;
        return n_out;
}
