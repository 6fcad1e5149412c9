/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole conversation: the first byte says how the input is cut, the second what limits there are
 * and where the conversation begins, the rest is what the client sends, each line one message. A
 * line that begins with "!" is sent without a frame of its own, as it is.
 *
 * No crash, no leak; the frames that come back are whole and JSON; cut in another way, the same
 * bytes get the same answers; no memory of the budget is held between requests or at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "wire/json-reader.h"
#include "wire/test-peer.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define BYTES_MAX          (64u * 1024)
#define SMALL_BUDGET_BYTES 8192u

/* Bits of the second byte. */
#define SMALL_BUDGET  1u
#define SMALL_MESSAGE 2u
#define METHODS       4u
#define HANDSHAKE     8u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void check_json(const char *text, size_t n_text)
{
        const char *end = text + n_text;
        struct json_reader reader;
        struct json_token token;
        size_t i;
        int r;

        for (i = 0; i < n_text; i++)
                ORACLE(text[i] >= 0x20 && text[i] < 0x7F);
        json_reader_init(&reader);
        do
                r = json_reader_next(&reader, &text, end, &token);
        while (!r);
        ORACLE(r == JSON_E_MORE && json_reader_finish(&reader) == 0);
}

/* Takes all frames out of what came, which is cut nowhere in one. */
static void check_output(struct peer *peer, struct text *log)
{
        static const char error[] = "[\"#TRACEBACK\"";
        cleanup_text struct text frame = { 0 };

        while (peer_take(peer, &frame)) {
                if (legacy_is_authenticated(&peer->legacy))
                        check_json(frame.data, frame.n_bytes);
                /* What is broken and too large, too, may be either, as it is cut. */
                if (peer->shared.budget->n_max_bytes == SMALL_BUDGET_BYTES &&
                    strncmp(frame.data, error, strlen(error)) == 0)
                        frame.n_bytes = strlen(error);
                text_put(log, frame.data, frame.n_bytes);
                text_put_char(log, '\n');
        }
        ORACLE(peer->got.n_bytes == 0);
}

/* The arguments are strings, and as many as are told. */
static void check_call(const struct call *call)
{
        struct queue copy = call->args;
        const void *bytes;
        size_t n_args = 0;
        size_t n;
        size_t i;

        ORACLE(call->function == CALL_RUN_ONE_COMMAND);
        ORACLE(call->has_input || call->input.n_bytes == 0);
        if (!queue_peek(&copy, &bytes, &n)) {
                ORACLE(call->n_args == 0);
                return;
        }
        if (n < copy.n_bytes) /* more than one piece */
                return;
        for (i = 0; i < n; i++)
                n_args += ((const char *)bytes)[i] == '\0';
        ORACLE(((const char *)bytes)[n - 1] == '\0');
        ORACLE(n_args == call->n_args);
}

/* Runs "cat": what goes in comes out, the arguments as errors. */
static void run(struct peer *peer)
{
        struct call *call = &peer->legacy.call;
        struct legacy_stream out;
        struct legacy_stream err;
        struct queue *from[] = { &call->input, &call->args };
        struct legacy_stream *to[] = { &out, &err };
        const void *bytes;
        size_t n_room;
        size_t n;
        size_t i;
        void *room;
        int r = 0;

        check_call(call);
        for (i = 0; i < 2; i++) {
                legacy_stream_init(to[i], peer->shared.budget);
                while (!r && queue_peek(from[i], &bytes, &n)) {
                        r = legacy_stream_room(to[i], &room, &n_room);
                        if (r)
                                break;
                        n = n < n_room ? n : n_room;
                        memcpy(room, bytes, n);
                        legacy_stream_commit(to[i], n);
                        queue_drop(from[i], n);
                }
        }
        if (r)
                legacy_error(&peer->legacy, "the budget\n is \"used\" up");
        else if (call->n_args == 2)
                legacy_null(&peer->legacy);
        else
                legacy_result(&peer->legacy, -9, &out, &err);
        legacy_stream_deinit(&out);
        legacy_stream_deinit(&err);
}

/* Return: false: the connection is at its end */
static bool send_bytes(struct peer *peer, const char *bytes, size_t n_bytes, struct text *log)
{
        size_t n;
        int r;

        while (n_bytes) {
                r = peer_feed(peer, bytes, n_bytes, &n);
                check_output(peer, log);
                bytes += n;
                n_bytes -= n;
                if (r == LEGACY_E_RUN)
                        run(peer);
                check_output(peer, log);
                if (legacy_is_idle(&peer->legacy))
                        ORACLE(peer->shared.budget->n_used_bytes == 0);
                ORACLE((r == LEGACY_E_CLOSE) <= legacy_is_closing(&peer->legacy));
                if (legacy_is_closing(&peer->legacy))
                        return false;
        }
        return true;
}

static void start(struct peer *peer, uint8_t limits, size_t n_chunk)
{
        char id[OBJECTS_ID_BYTES];

        peer_init(peer, CHALLENGE_DIGESTS_ALL,
                  limits & SMALL_BUDGET ? SMALL_BUDGET_BYTES : 1024u * 1024);
        peer->shared.n_message_max = limits & SMALL_MESSAGE ? 64 : BYTES_MAX;
        peer->n_chunk = n_chunk;
        ORACLE(objects_create(&peer->shared.objects, id) == 0);
        if (limits & HANDSHAKE)
                return;
        ORACLE(peer_shake_hands(peer));
        if (limits & METHODS)
                ORACLE(peer_say(peer, "[0, \"accept_connection\", [0], {}]") == 0);
}

static void converse(const char *bytes,
                     size_t n_bytes,
                     uint8_t limits,
                     size_t n_chunk,
                     struct text *log)
{
        const char *end = bytes + n_bytes;
        const char *newline;
        struct peer peer;
        uint64_t length;
        size_t n;
        bool goes_on = true;

        start(&peer, limits, n_chunk);
        check_output(&peer, log);
        while (goes_on && bytes < end) {
                newline = memchr(bytes, '\n', (size_t)(end - bytes));
                n = newline ? (size_t)(newline - bytes) : (size_t)(end - bytes);
                length = htobe64(n);
                if (*bytes == '!')
                        goes_on = send_bytes(&peer, bytes + 1, n - 1, log);
                else
                        goes_on = send_bytes(&peer, (const char *)&length, sizeof(length), log) &&
                                  send_bytes(&peer, bytes, n, log);
                bytes += n + (newline ? 1 : 0);
        }
        ORACLE(!(limits & HANDSHAKE) || !legacy_is_authenticated(&peer.legacy));
        peer_deinit(&peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        cleanup_text struct text whole = { 0 };
        cleanup_text struct text cut = { 0 };

        if (n_bytes < 2 || n_bytes > BYTES_MAX)
                return 0;
        converse((const char *)bytes + 2, n_bytes - 2, bytes[1], 0, &whole);
        converse((const char *)bytes + 2, n_bytes - 2, bytes[1], 1u + bytes[0] % 32, &cut);
        ORACLE(whole.n_bytes == cut.n_bytes);
        ORACLE(!whole.n_bytes || memcmp(whole.data, cut.data, whole.n_bytes) == 0);
        return 0;
}
