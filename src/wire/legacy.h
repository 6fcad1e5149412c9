/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a client that speaks as Python's multiprocessing managers do: bytes in,
 * commands out; answers in, bytes out.
 *
 *     legacy_init();                      the challenge is ready to be sent
 *     while there is output:              n = legacy_output(buffer); send all n bytes
 *     what the peer sends:                r = legacy_feed(bytes, &n_taken)
 *
 * legacy_feed() takes nothing while output waits or a command runs: it returns 0 with less taken
 * than given. Send, and feed the rest. It returns as soon as something is to be done:
 *
 *     LEGACY_E_RUN    run legacy->call; call legacy_result(), legacy_error() or legacy_null()
 *     LEGACY_E_STOP   send the output; stop the daemon; legacy_is_closing() is the connection's end
 *     LEGACY_E_CLOSE  send the output; close (legacy_is_closing() is true from now on)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/queue.h"
#include "wire/answer.h"
#include "wire/call.h"
#include "wire/challenge.h"
#include "wire/legacy-stream.h"
#include "wire/objects.h"

struct call_reader;

/* A message is its length, big-endian, and so many bytes. */
#define LEGACY_LENGTH_BYTES 8

/* legacy_output() is given at least so much room. */
#define LEGACY_ROOM_MIN (64u * 1024)

enum {
        LEGACY_E_RUN =
                1,      /* legacy->call is a command; wants legacy_result(), _error() or _null() */
        LEGACY_E_STOP,  /* the daemon shall stop; the answer is in the output */
        LEGACY_E_CLOSE, /* send the output, then close */
};

/* Why a handshake came to nothing. */
enum legacy_failure {
        LEGACY_FAILURE_NONE,
        LEGACY_FAILURE_TOO_LONG,  /* more than CHALLENGE_MESSAGE_MAX bytes were announced */
        LEGACY_FAILURE_MESSAGE,   /* neither an answer nor a challenge, where one had to be */
        LEGACY_FAILURE_FORBIDDEN, /* a digest that auth_digests does not allow */
        LEGACY_FAILURE_KEY,       /* the client doesn't know the key */
        LEGACY_FAILURE_REJECTED,  /* the client did not like our answer */
};

/* What all connections of one daemon have in common. */
struct legacy_shared {
        uint8_t key[CHALLENGE_KEY_BYTES];
        unsigned int digests; /* CHALLENGE_BIT() of those that are allowed */
        uint64_t n_message_max;
        struct queue_budget *budget; /* what all requests and results may hold together; borrowed */
        struct objects objects;
};

enum legacy_state {
        LEGACY_ANSWER,    /* the client's answer to our challenge is to come, */
        LEGACY_CHALLENGE, /* its own challenge, */
        LEGACY_WELCOME,   /* its opinion of our answer, */
        LEGACY_FIRST,     /* the first request, */
        LEGACY_METHODS,   /* calls of methods */
        LEGACY_CLOSED,    /* nothing more */
};

struct legacy {
        struct legacy_shared *shared;
        enum legacy_state state;
        enum legacy_failure failure;
        bool is_running;    /* a command is with the caller */
        bool is_discarding; /* the rest of the message is of no use */
        uint8_t n_length;   /* bytes of the length that have come; LEGACY_LENGTH_BYTES: in a message
                             */
        uint64_t n_left;    /* the length; then, of the message, what has not come */
        struct call_reader *reader; /* while a request arrives, else NULL */
        struct call call;           /* after LEGACY_E_RUN: .args .n_args .input .has_input */
        struct answer answer;
        struct challenge challenge;
        uint16_t n_message;
        uint8_t message[CHALLENGE_MESSAGE_MAX]; /* of the handshake */
};

void legacy_shared_init(struct legacy_shared *shared,
                        const uint8_t key[static CHALLENGE_KEY_BYTES],
                        unsigned int digests,
                        uint64_t n_message_max,
                        struct queue_budget *budget);
void legacy_shared_deinit(struct legacy_shared *shared);

void legacy_init(struct legacy *legacy,
                 struct legacy_shared *shared,
                 const uint8_t nonce[static CHALLENGE_NONCE_BYTES]);
void legacy_deinit(struct legacy *legacy);

int legacy_feed(struct legacy *legacy, const char *bytes, size_t n_bytes, size_t *ret_n_taken);
size_t legacy_output(struct legacy *legacy, char *buffer, size_t n_room);

void legacy_result(struct legacy *legacy,
                   int returncode,
                   struct legacy_stream *out,
                   struct legacy_stream *err);
void legacy_error(struct legacy *legacy, const char *sentence);
void legacy_null(struct legacy *legacy);

bool legacy_has_output(const struct legacy *legacy);
bool legacy_is_authenticated(const struct legacy *legacy);
bool legacy_is_idle(const struct legacy *legacy);
bool legacy_is_closing(const struct legacy *legacy);
enum legacy_failure legacy_failure(const struct legacy *legacy);
const char *legacy_failure_text(enum legacy_failure failure);
