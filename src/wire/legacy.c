/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of Python's multiprocessing managers, as a state machine: an authentication in
 * both directions, one request, and, where that was accept_connection, calls of methods one after
 * the other. It knows no sockets, starts nothing and waits for nothing.
 *
 * What must hold: nobody gets a signature of ours who has not proved the key. The length that a
 * peer announces is only ever counted down. Between messages no memory is held but the struct. One
 * answer at a time: while it is not sent, or a command runs, nothing is taken. An error of a
 * request is an answer, never the end of the connection, since oslo's client restarts its daemon
 * for less.
 */
#include "wire/legacy.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/call-reader.h"

#define NULL_RESULT "[\"#RETURN\", null]"

/* As public_methods() of multiprocessing.managers lists RootwrapClass. */
#define METHODS                                                                       \
        "[\"cancel_timer\", \"handle_timeout\", \"prepare_timer\", \"reset_timer\", " \
        "\"run_one_command\", \"shutdown\"]"

/* How many debug_info tells about. */
#define DEBUG_OBJECTS_MAX 4

/**
 * legacy_shared_init() - what all connections of a daemon have in common
 * @shared:         set; must outlive all connections
 * @key:            copied
 * @digests:        those that are allowed, at least one
 * @n_message_max:  no longer request is read
 * @budget:         what all requests and results may hold together
 */
void legacy_shared_init(struct legacy_shared *shared,
                        const uint8_t key[static CHALLENGE_KEY_BYTES],
                        unsigned int digests,
                        uint64_t n_message_max,
                        struct queue_budget *budget)
{
        *shared = (struct legacy_shared){
                .digests = digests,
                .n_message_max = n_message_max,
                .budget = budget,
        };
        memcpy(shared->key, key, sizeof(shared->key));
}

/**
 * legacy_shared_deinit() - no connection is left
 * @shared: wiped
 */
void legacy_shared_deinit(struct legacy_shared *shared)
{
        objects_deinit(&shared->objects);
        explicit_bzero(shared, sizeof(*shared));
}

/**
 * legacy_init() - a client has connected
 * @legacy: set; the challenge is its output
 * @shared: borrowed
 * @nonce:  random bytes, of this connection only
 */
void legacy_init(struct legacy *legacy,
                 struct legacy_shared *shared,
                 const uint8_t nonce[static CHALLENGE_NONCE_BYTES])
{
        uint8_t message[CHALLENGE_MESSAGE_MAX];

        *legacy = (struct legacy){ .shared = shared };
        call_init(&legacy->call, shared->budget);
        answer_init(&legacy->answer, shared->budget);
        challenge_init(&legacy->challenge, shared->key, shared->digests, nonce);
        answer_set(&legacy->answer, message, challenge_ask(&legacy->challenge, message));
}

/**
 * legacy_deinit() - the connection is gone
 * @legacy: wiped; can be given here again
 */
void legacy_deinit(struct legacy *legacy)
{
        (void)call_reader_free(legacy->reader);
        call_deinit(&legacy->call);
        answer_deinit(&legacy->answer);
        explicit_bzero(legacy, sizeof(*legacy));
        legacy->state = LEGACY_CLOSED;
}

static bool is_handshake(const struct legacy *legacy)
{
        return legacy->state < LEGACY_FIRST;
}

static void fail(struct legacy *legacy, enum legacy_failure failure)
{
        if (legacy->state == LEGACY_ANSWER)
                answer_set_text(&legacy->answer, CHALLENGE_FAILURE);
        legacy->failure = failure;
        legacy->state = LEGACY_CLOSED;
}

static enum legacy_failure failure_of(int r)
{
        if (r == CHALLENGE_E_FORBIDDEN)
                return LEGACY_FAILURE_FORBIDDEN;
        return r == CHALLENGE_E_WRONG ? LEGACY_FAILURE_KEY : LEGACY_FAILURE_MESSAGE;
}

/* A message of the handshake is there. */
static void shake(struct legacy *legacy)
{
        uint8_t answer[CHALLENGE_MESSAGE_MAX];
        size_t n_answer = 0;
        int r = 0;

        switch (legacy->state) {
        case LEGACY_ANSWER:
                r = challenge_verify(&legacy->challenge, legacy->message, legacy->n_message);
                if (r)
                        break;
                answer_set_text(&legacy->answer, CHALLENGE_WELCOME);
                legacy->state = LEGACY_CHALLENGE;
                break;
        case LEGACY_CHALLENGE:
                r = challenge_answer(&legacy->challenge, legacy->message, legacy->n_message, answer,
                                     &n_answer);
                if (r)
                        break;
                answer_set(&legacy->answer, answer, n_answer);
                legacy->state = LEGACY_WELCOME;
                break;
        case LEGACY_WELCOME:
                challenge_deinit(&legacy->challenge);
                if (legacy->n_message == strlen(CHALLENGE_WELCOME) &&
                    memcmp(legacy->message, CHALLENGE_WELCOME, legacy->n_message) == 0)
                        legacy->state = LEGACY_FIRST;
                else
                        fail(legacy, LEGACY_FAILURE_REJECTED);
                break;
        case LEGACY_FIRST:
        case LEGACY_METHODS:
        case LEGACY_CLOSED:
                break;
        }
        if (r)
                fail(legacy, failure_of(r));
        legacy->n_message = 0;
}

/* What cannot be done, in one line, with a word of the peer. */
static void refuse(struct legacy *legacy, const char *what, const char *word)
{
        char sentence[CALL_SENTENCE_BYTES];

        (void)snprintf(sentence, sizeof(sentence), "%s '%s'", what, word);
        answer_set_error(&legacy->answer, sentence);
}

static void answer_counted(struct legacy *legacy, int r)
{
        if (!r)
                answer_set_text(&legacy->answer, NULL_RESULT);
        else if (r == OBJECTS_E_UNKNOWN)
                refuse(legacy, "there is no object", legacy->call.word);
        else
                answer_set_error(&legacy->answer, "the object has too many references");
}

static void create(struct legacy *legacy)
{
        char json[ANSWER_SMALL_BYTES - LEGACY_LENGTH_BYTES];
        char id[OBJECTS_ID_BYTES];
        int r;

        if (strcmp(legacy->call.word, "rootwrap") != 0) {
                refuse(legacy, "there is no type", legacy->call.word);
                return;
        }
        r = objects_create(&legacy->shared->objects, id);
        if (r) {
                answer_set_error(&legacy->answer, r == OBJECTS_E_FULL
                                                          ? "there are too many objects"
                                                          : "the daemon has no memory left");
                return;
        }
        (void)snprintf(json, sizeof(json), "[\"#RETURN\", [\"%s\", %s]]", id, METHODS);
        answer_set_text(&legacy->answer, json);
}

static void answer_number(struct legacy *legacy)
{
        char json[64];

        (void)snprintf(json, sizeof(json), "[\"#RETURN\", %zu]", legacy->shared->objects.n_items);
        answer_set_text(&legacy->answer, json);
}

/* The objects with their counts, as Server.debug_info() lists them; the first few. */
static void answer_debug_info(struct legacy *legacy)
{
        const struct objects *objects = &legacy->shared->objects;
        char json[ANSWER_SMALL_BYTES - LEGACY_LENGTH_BYTES];
        size_t n;
        size_t i;

        n = (size_t)snprintf(json, sizeof(json), "[\"#RETURN\", \"");
        for (i = 0; i < objects->n_items && i < DEBUG_OBJECTS_MAX; i++)
                n += (size_t)snprintf(json + n, sizeof(json) - n,
                                      "%s  %" PRIx64 ":       refcount=%" PRIu32 "\\n    rootwrap",
                                      i ? "\\n" : "", objects->items[i].id,
                                      objects->items[i].n_references);
        if (i < objects->n_items)
                n += (size_t)snprintf(json + n, sizeof(json) - n, "\\n  and %zu more",
                                      objects->n_items - i);
        (void)snprintf(json + n, sizeof(json) - n, "\"]");
        answer_set_text(&legacy->answer, json);
}

/* The first request of a connection. */
static int do_function(struct legacy *legacy)
{
        struct objects *objects = &legacy->shared->objects;
        const char *word = legacy->call.word;

        legacy->state = LEGACY_CLOSED;
        switch (legacy->call.function) {
        case CALL_ACCEPT_CONNECTION:
                legacy->state = LEGACY_METHODS;
                answer_set_text(&legacy->answer, NULL_RESULT);
                return 0;
        case CALL_CREATE:
                create(legacy);
                return 0;
        case CALL_INCREF:
                answer_counted(legacy, objects_ref(objects, word));
                return 0;
        case CALL_DECREF:
                answer_counted(legacy, objects_unref(objects, word));
                return 0;
        case CALL_NUMBER_OF_OBJECTS:
                answer_number(legacy);
                return 0;
        case CALL_DEBUG_INFO:
                answer_debug_info(legacy);
                return 0;
        case CALL_SHUTDOWN_MANAGER:
                answer_set_text(&legacy->answer, NULL_RESULT);
                return LEGACY_E_STOP;
        case CALL_DUMMY:
        case CALL_NONE:
        case CALL_RUN_ONE_COMMAND:
        case CALL_SHUTDOWN:
        case CALL_STRING:
        case CALL_TIMER:
                break;
        }
        answer_set_text(&legacy->answer, NULL_RESULT);
        return 0;
}

static int do_method(struct legacy *legacy)
{
        struct call *call = &legacy->call;
        char json[96];

        if (!objects_find(&legacy->shared->objects, call->id)) {
                refuse(legacy, "there is no object", call->id);
                call_deinit(call);
                return 0;
        }
        if (call->function == CALL_RUN_ONE_COMMAND) {
                legacy->is_running = true;
                return LEGACY_E_RUN;
        }
        if (call->function == CALL_STRING) {
                (void)snprintf(json, sizeof(json), "[\"#RETURN\", \"<rootwrap %s>\"]", call->id);
                answer_set_text(&legacy->answer, json);
                return 0;
        }
        answer_set_text(&legacy->answer, NULL_RESULT);
        return call->function == CALL_SHUTDOWN ? LEGACY_E_STOP : 0;
}

static int end_request(struct legacy *legacy)
{
        char sentence[CALL_SENTENCE_BYTES];
        bool is_first = legacy->state == LEGACY_FIRST;
        int r;

        if (legacy->is_discarding) {
                legacy->is_discarding = false;
                r = CALL_E_BAD;
        } else {
                r = call_reader_finish(legacy->reader, &legacy->call, sentence);
                legacy->reader = call_reader_free(legacy->reader);
                if (r)
                        answer_set_error(&legacy->answer, sentence);
        }
        if (!r)
                return is_first ? do_function(legacy) : do_method(legacy);
        if (is_first)
                legacy->state = LEGACY_CLOSED;
        return 0;
}

static int end_message(struct legacy *legacy)
{
        legacy->n_length = 0;
        if (!is_handshake(legacy))
                return end_request(legacy);
        shake(legacy);
        return 0;
}

/* The length of a message is there. */
static void start_message(struct legacy *legacy)
{
        char sentence[CALL_SENTENCE_BYTES];

        if (is_handshake(legacy)) {
                if (legacy->n_left > CHALLENGE_MESSAGE_MAX)
                        fail(legacy, LEGACY_FAILURE_TOO_LONG);
                return;
        }
        if (legacy->n_left > legacy->shared->n_message_max) {
                (void)snprintf(sentence, sizeof(sentence),
                               "the request has %" PRIu64 " bytes, at most %" PRIu64 " are taken",
                               legacy->n_left, legacy->shared->n_message_max);
                answer_set_error(&legacy->answer, sentence);
                legacy->is_discarding = true;
        } else if (call_reader_new(&legacy->reader, legacy->shared->budget,
                                   legacy->state == LEGACY_METHODS)) {
                answer_set_error(&legacy->answer, "the daemon has no memory left");
                legacy->is_discarding = true;
        }
}

static size_t take_length(struct legacy *legacy, const char *bytes, size_t n_bytes)
{
        size_t n;

        for (n = 0; n < n_bytes && legacy->n_length < LEGACY_LENGTH_BYTES; n++) {
                legacy->n_left = legacy->n_left << 8 | (unsigned char)bytes[n];
                legacy->n_length++;
        }
        if (legacy->n_length == LEGACY_LENGTH_BYTES)
                start_message(legacy);
        return n;
}

static size_t take_message(struct legacy *legacy, const char *bytes, size_t n_bytes)
{
        size_t n = legacy->n_left < n_bytes ? (size_t)legacy->n_left : n_bytes;

        if (is_handshake(legacy)) {
                memcpy(legacy->message + legacy->n_message, bytes, n);
                legacy->n_message = (uint16_t)(legacy->n_message + n);
        } else if (!legacy->is_discarding) {
                call_reader_put(legacy->reader, bytes, n);
        }
        legacy->n_left -= n;
        return n;
}

static bool is_taking(const struct legacy *legacy)
{
        return legacy->state != LEGACY_CLOSED && !legacy->is_running &&
               answer_is_empty(&legacy->answer);
}

/**
 * legacy_feed() - bytes of the peer
 * @legacy:      the connection
 * @bytes:       what came
 * @n_bytes:     how many; 0 is allowed
 * @ret_n_taken: so many are done with; set whatever is returned
 *
 * Takes nothing while there is output or a command runs, and stops where one of these begins.
 *
 * Return: 0: all is taken, or the output has to be sent first
 *         LEGACY_E_RUN: legacy->call is a command (which may be empty: .n_args 0); nothing is taken
 *         until legacy_result(), legacy_error() or legacy_null() was called. The queues of the call
 *         can be taken over with queue_move(); what is left in them is given back then
 *         LEGACY_E_STOP: the daemon is to be stopped; the answer is in the output
 *         LEGACY_E_CLOSE: send the output, then close
 */
int legacy_feed(struct legacy *legacy, const char *bytes, size_t n_bytes, size_t *ret_n_taken)
{
        size_t at = 0;
        int r = 0;

        while (!r && is_taking(legacy)) {
                if (legacy->n_length == LEGACY_LENGTH_BYTES && legacy->n_left == 0)
                        r = end_message(legacy);
                else if (at == n_bytes)
                        break;
                else if (legacy->n_length < LEGACY_LENGTH_BYTES)
                        at += take_length(legacy, bytes + at, n_bytes - at);
                else
                        at += take_message(legacy, bytes + at, n_bytes - at);
        }
        *ret_n_taken = at;
        return !r && legacy->state == LEGACY_CLOSED ? LEGACY_E_CLOSE : r;
}

/**
 * legacy_output() - the next bytes for the peer
 * @legacy: forgets them: the caller keeps what is not sent
 * @buffer: the bytes
 * @n_room: how many there can be, at least LEGACY_ROOM_MIN
 *
 * Return: how many; 0: there is nothing to send, and legacy_feed() takes again
 */
size_t legacy_output(struct legacy *legacy, char *buffer, size_t n_room)
{
        return answer_take(&legacy->answer, buffer, n_room);
}

static void end_command(struct legacy *legacy)
{
        call_deinit(&legacy->call);
        legacy->is_running = false;
}

/**
 * legacy_result() - the command of LEGACY_E_RUN has ended, or was refused
 * @legacy:     the connection; what is left of its call is given back
 * @returncode: the exit code, minus the signal that killed it, or 99 or 96
 * @out:        what it printed; taken over, empty afterwards
 * @err:        the same, of stderr
 */
void legacy_result(struct legacy *legacy,
                   int returncode,
                   struct legacy_stream *out,
                   struct legacy_stream *err)
{
        end_command(legacy);
        answer_set_result(&legacy->answer, returncode, out, err);
}

/**
 * legacy_error() - the command of LEGACY_E_RUN could not be run
 * @legacy:   the connection
 * @sentence: what the client raises; shown as one line of readable ASCII, cut when it is long
 */
void legacy_error(struct legacy *legacy, const char *sentence)
{
        end_command(legacy);
        answer_set_error(&legacy->answer, sentence);
}

/**
 * legacy_null() - the command of LEGACY_E_RUN was not started, since the daemon stops
 * @legacy: the connection
 *
 * The client starts another daemon then, and tries again there: never for one that was started.
 */
void legacy_null(struct legacy *legacy)
{
        end_command(legacy);
        answer_set_text(&legacy->answer, NULL_RESULT);
}

/**
 * legacy_has_output() - is there something to send?
 * @legacy: the connection
 *
 * Return: will legacy_output() give something?
 */
bool legacy_has_output(const struct legacy *legacy)
{
        return !answer_is_empty(&legacy->answer);
}

/**
 * legacy_is_authenticated() - has the handshake come to its end?
 * @legacy: the connection
 *
 * Return: do both ends know the key?
 */
bool legacy_is_authenticated(const struct legacy *legacy)
{
        return !is_handshake(legacy) && legacy->failure == LEGACY_FAILURE_NONE;
}

/**
 * legacy_is_idle() - does nobody wait for anything?
 * @legacy: the connection
 *
 * Return: true: no command runs, all output is taken, and of a next message nothing has come
 */
bool legacy_is_idle(const struct legacy *legacy)
{
        return !legacy->is_running && legacy->n_length == 0 && answer_is_empty(&legacy->answer);
}

/**
 * legacy_is_closing() - is the connection to be closed once its output is sent?
 * @legacy: the connection
 *
 * Return: is it?
 */
bool legacy_is_closing(const struct legacy *legacy)
{
        return legacy->state == LEGACY_CLOSED;
}

/**
 * legacy_failure() - why did the handshake fail?
 * @legacy: the connection
 *
 * Return: LEGACY_FAILURE_NONE: it did not
 */
enum legacy_failure legacy_failure(const struct legacy *legacy)
{
        return legacy->failure;
}

/**
 * legacy_failure_text() - a failure in words, for the log
 * @failure: which
 *
 * Return: what the client has done, a static string
 */
const char *legacy_failure_text(enum legacy_failure failure)
{
        static const char *const texts[] = {
                [LEGACY_FAILURE_NONE] = "nothing wrong",
                [LEGACY_FAILURE_TOO_LONG] = "announced a message too long for a handshake",
                [LEGACY_FAILURE_MESSAGE] = "sent what is no message of a handshake",
                [LEGACY_FAILURE_FORBIDDEN] = "used a digest that auth_digests does not allow",
                [LEGACY_FAILURE_KEY] = "does not know the key",
                [LEGACY_FAILURE_REJECTED] = "did not accept the daemon's proof of the key",
        };

        return texts[failure];
}
