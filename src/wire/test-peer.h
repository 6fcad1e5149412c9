/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a legacy connection, on the other side of no socket: what it sends is cut into
 * chunks, what it gets is collected. For unit tests and fuzz targets only. */
#pragma once

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"
#include "wire/legacy.h"

struct peer {
        struct legacy_shared shared;
        struct queue_budget budget;
        struct legacy legacy;
        struct challenge challenge; /* its own */
        size_t n_chunk;             /* so many bytes are fed at once; 0: all */
        struct text got;            /* what came and was not looked at */
};

static inline void peer_collect(struct peer *peer)
{
        static char buffer[LEGACY_ROOM_MIN];
        size_t n;

        while ((n = legacy_output(&peer->legacy, buffer, sizeof(buffer))) > 0)
                text_put(&peer->got, buffer, n);
}

static inline void peer_init(struct peer *peer, unsigned int digests, size_t n_budget)
{
        static const uint8_t key[CHALLENGE_KEY_BYTES] = "the key of this test is 32 bytes";
        static const uint8_t nonce[CHALLENGE_NONCE_BYTES] = "server";
        static const uint8_t other[CHALLENGE_NONCE_BYTES] = "client";

        *peer = (struct peer){ .budget.n_max_bytes = n_budget };
        legacy_shared_init(&peer->shared, key, digests, 64u * 1024 * 1024, &peer->budget);
        challenge_init(&peer->challenge, peer->shared.key, digests, other);
        legacy_init(&peer->legacy, &peer->shared, nonce);
}

static inline void peer_deinit(struct peer *peer)
{
        legacy_deinit(&peer->legacy);
        if (peer->budget.n_used_bytes)
                abort();
        legacy_shared_deinit(&peer->shared);
        text_deinit(&peer->got);
}

/* Return: as legacy_feed(); stops where something is to be done */
static inline int peer_feed(struct peer *peer, const char *bytes, size_t n_bytes, size_t *ret_n)
{
        size_t at = 0;
        size_t n;
        int r = 0;

        while (!r && at < n_bytes) {
                n = n_bytes - at;
                if (peer->n_chunk && n > peer->n_chunk)
                        n = peer->n_chunk;
                r = legacy_feed(&peer->legacy, bytes + at, n, &n);
                at += n;
                peer_collect(peer);
        }
        *ret_n = at;
        return r;
}

/* Return: as peer_feed(), for one message, all of which is taken */
static inline int peer_send(struct peer *peer, const void *payload, size_t n_payload)
{
        uint64_t length = htobe64(n_payload);
        char *frame = malloc(sizeof(length) + n_payload);
        size_t n;
        int r;

        if (!frame)
                abort();
        memcpy(frame, &length, sizeof(length));
        if (n_payload)
                memcpy(frame + sizeof(length), payload, n_payload);
        r = peer_feed(peer, frame, sizeof(length) + n_payload, &n);
        if (!r && n != sizeof(length) + n_payload)
                abort();
        free(frame);
        return r;
}

static inline int peer_say(struct peer *peer, const char *text)
{
        return peer_send(peer, text, strlen(text));
}

/* Takes the first frame out of what came. Return: false: there is no whole one */
static inline bool peer_take(struct peer *peer, struct text *payload)
{
        struct text *got = &peer->got;
        uint64_t length;

        peer_collect(peer);
        if (got->n_bytes < sizeof(length))
                return false;
        memcpy(&length, got->data, sizeof(length));
        length = be64toh(length);
        if (length > got->n_bytes - sizeof(length))
                return false;
        payload->n_bytes = 0;
        text_put(payload, got->data + sizeof(length), (size_t)length);
        got->n_bytes -= sizeof(length) + (size_t)length;
        memmove(got->data, got->data + sizeof(length) + length, got->n_bytes);
        return true;
}

/* Goes through the handshake as Python does. Return: has the server proved the key, too? */
static inline bool peer_shake_hands(struct peer *peer)
{
        cleanup_text struct text frame = { 0 };
        uint8_t message[CHALLENGE_MESSAGE_MAX];
        size_t n;

        if (!peer_take(peer, &frame) ||
            challenge_answer(&peer->challenge, (const uint8_t *)frame.data, frame.n_bytes, message,
                             &n) ||
            peer_send(peer, message, n) || !peer_take(peer, &frame) ||
            strcmp(text_get(&frame), CHALLENGE_WELCOME) != 0)
                return false;
        n = challenge_ask(&peer->challenge, message);
        if (peer_send(peer, message, n) || !peer_take(peer, &frame) ||
            challenge_verify(&peer->challenge, (const uint8_t *)frame.data, frame.n_bytes))
                return false;
        return !peer_say(peer, CHALLENGE_WELCOME) && legacy_is_authenticated(&peer->legacy);
}
