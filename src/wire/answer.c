/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer is a frame: the length of what follows, 8 bytes, big-endian, and what follows. All but
 * results are small and stand ready. A result is written as it is sent, straight from the raw bytes
 * that the command printed, which are given back on the way: so it costs what it has in it, once,
 * and its length is known before it begins, since the streams were measured as they came.
 *
 * All is ASCII, as json.dumps() writes it.
 */
#include "wire/answer.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_BYTES 8

#define ERROR_BEFORE "[\"#TRACEBACK\", \""
/* The text ends its line: Python's RemoteError puts a line of dashes behind it. */
#define ERROR_BEHIND   "\\n\"]"
#define ERROR_CUT      "..."

#define RESULT_BEGIN   "[\"#RETURN\", [%d, \""
#define RESULT_BETWEEN "\", \""
#define RESULT_END     "\"]]"

/**
 * answer_init() - nothing to send
 * @answer: set
 * @budget: what its streams are charged to
 */
void answer_init(struct answer *answer, struct queue_budget *budget)
{
        *answer = (struct answer){ .part = ANSWER_NOTHING };
        legacy_stream_init(&answer->out, budget);
        legacy_stream_init(&answer->err, budget);
}

/**
 * answer_deinit() - nothing is sent any more
 * @answer: can be used again
 */
void answer_deinit(struct answer *answer)
{
        legacy_stream_deinit(&answer->out);
        legacy_stream_deinit(&answer->err);
        explicit_bzero(answer->small, sizeof(answer->small));
        answer->part = ANSWER_NOTHING;
}

static void start(struct answer *answer, size_t n_small, uint64_t n_streams)
{
        uint64_t n_frame = htobe64(n_small + n_streams);

        memcpy(answer->small, &n_frame, LENGTH_BYTES);
        answer->n_small = (uint16_t)(LENGTH_BYTES + n_small);
        answer->n_sent = 0;
        answer->part = ANSWER_SMALL;
        answer->is_result = false;
}

/**
 * answer_set() - send bytes
 * @answer:    empty
 * @payload:   what
 * @n_payload: how many, at most ANSWER_SMALL_BYTES - 8
 */
void answer_set(struct answer *answer, const void *payload, size_t n_payload)
{
        memcpy(answer->small + LENGTH_BYTES, payload, n_payload);
        start(answer, n_payload, 0);
}

/**
 * answer_set_text() - send what is JSON already
 * @answer: empty
 * @json:   at most ANSWER_SMALL_BYTES - 8 bytes
 */
void answer_set_text(struct answer *answer, const char *json)
{
        answer_set(answer, json, strlen(json));
}

/* Writes a byte as JSON that decodes to readable ASCII. Return: the length */
static size_t put_readable(char out[static 8], char c)
{
        static const char digits[] = "0123456789abcdef";

        if (c == '"' || c == '\\') {
                out[0] = '\\';
                out[1] = c;
                return 2;
        }
        if (c >= 0x20 && c < 0x7F) {
                out[0] = c;
                return 1;
        }
        out[0] = '\\';
        out[1] = '\\';
        out[2] = 'x';
        out[3] = digits[(unsigned char)c >> 4];
        out[4] = digits[(unsigned char)c & 0xF];
        return 5;
}

/**
 * answer_set_error() - send an error that the client raises
 * @answer:   empty
 * @sentence: any bytes; what is no readable ASCII is shown as \xNN, what is too long is cut
 */
void answer_set_error(struct answer *answer, const char *sentence)
{
        char json[ANSWER_SMALL_BYTES - LENGTH_BYTES + 1];
        size_t n_max = sizeof(json) - sizeof(ERROR_CUT ERROR_BEHIND);
        size_t n = sizeof(ERROR_BEFORE) - 1;
        char escaped[8];
        size_t n_escaped;

        memcpy(json, ERROR_BEFORE, sizeof(ERROR_BEFORE));
        for (; *sentence; sentence++) {
                n_escaped = put_readable(escaped, *sentence);
                if (n_escaped > n_max - n)
                        break;
                memcpy(json + n, escaped, n_escaped);
                n += n_escaped;
        }
        (void)snprintf(json + n, sizeof(json) - n, "%s%s", *sentence ? ERROR_CUT : "",
                       ERROR_BEHIND);
        answer_set_text(answer, json);
}

static void take_stream(struct legacy_stream *to, struct legacy_stream *from)
{
        json_escape_count_end(&from->escape, &from->n_escaped);
        queue_move(&to->queue, &from->queue);
        to->n_escaped = from->n_escaped;
        legacy_stream_deinit(from);
}

/**
 * answer_result_bytes() - how long the answer with a result will be
 * @returncode: the exit code, or minus the signal
 * @out:        what was printed so far
 * @err:        the same, of stderr
 *
 * Return: bytes, at most 12 fewer for each stream that ends in the middle of a UTF-8 sequence
 */
uint64_t answer_result_bytes(int returncode,
                             const struct legacy_stream *out,
                             const struct legacy_stream *err)
{
        char head[64];
        int n;

        n = snprintf(head, sizeof(head), RESULT_BEGIN, returncode);
        return (uint64_t)n + out->n_escaped + strlen(RESULT_BETWEEN) + err->n_escaped +
               strlen(RESULT_END);
}

/**
 * answer_set_result() - send what a command has come to
 * @answer:     empty
 * @returncode: its exit code, or minus the signal that killed it
 * @out:        what it printed; taken over, empty afterwards
 * @err:        the same, of stderr
 */
void answer_set_result(struct answer *answer,
                       int returncode,
                       struct legacy_stream *out,
                       struct legacy_stream *err)
{
        int n;

        take_stream(&answer->out, out);
        take_stream(&answer->err, err);
        n = snprintf(answer->small + LENGTH_BYTES, sizeof(answer->small) - LENGTH_BYTES,
                     RESULT_BEGIN, returncode);
        start(answer, (size_t)n,
              answer->out.n_escaped + strlen(RESULT_BETWEEN) + answer->err.n_escaped +
                      strlen(RESULT_END));
        answer->is_result = true;
}

static void next_part(struct answer *answer)
{
        answer->n_sent = 0;
        if (answer->part == ANSWER_END || !answer->is_result)
                answer->part = ANSWER_NOTHING;
        else
                answer->part++;
}

static size_t take_text(struct answer *answer,
                        const char *text,
                        size_t n_text,
                        char *out,
                        size_t n_room)
{
        size_t n = n_text - answer->n_sent;

        if (n > n_room)
                n = n_room;
        memcpy(out, text + answer->n_sent, n);
        answer->n_sent = (uint16_t)(answer->n_sent + n);
        if (answer->n_sent == n_text)
                next_part(answer);
        return n;
}

/* @n_room: at least JSON_ESCAPE_ROOM_BYTES */
static size_t take_escaped(struct answer *answer,
                           struct legacy_stream *stream,
                           char *out,
                           size_t n_room)
{
        const void *bytes;
        size_t n_taken;
        size_t n;

        if (queue_peek(&stream->queue, &bytes, &n)) {
                n = json_escape_put(&stream->escape, bytes, n, &n_taken, out, n_room);
                queue_drop(&stream->queue, n_taken);
                return n;
        }
        n = json_escape_end(&stream->escape, out, n_room);
        next_part(answer);
        return n;
}

static size_t take_part(struct answer *answer, char *out, size_t n_room)
{
        switch (answer->part) {
        case ANSWER_SMALL:
                return take_text(answer, answer->small, answer->n_small, out, n_room);
        case ANSWER_OUT:
                return take_escaped(answer, &answer->out, out, n_room);
        case ANSWER_BETWEEN:
                return take_text(answer, RESULT_BETWEEN, strlen(RESULT_BETWEEN), out, n_room);
        case ANSWER_ERR:
                return take_escaped(answer, &answer->err, out, n_room);
        case ANSWER_END:
                return take_text(answer, RESULT_END, strlen(RESULT_END), out, n_room);
        case ANSWER_NOTHING:
                break;
        }
        return 0;
}

/**
 * answer_take() - the next bytes to send
 * @answer: forgets them
 * @out:    the bytes
 * @n_room: how many there can be, at least JSON_ESCAPE_ROOM_BYTES
 *
 * Return: how many; 0: the answer is empty
 */
size_t answer_take(struct answer *answer, char *out, size_t n_room)
{
        size_t n = 0;

        while (answer->part != ANSWER_NOTHING && n_room - n >= JSON_ESCAPE_ROOM_BYTES)
                n += take_part(answer, out + n, n_room - n);
        return n;
}

/**
 * answer_is_empty() - is there nothing to send?
 * @answer: the answer
 *
 * Return: is all of it taken?
 */
bool answer_is_empty(const struct answer *answer)
{
        return answer->part == ANSWER_NOTHING;
}
