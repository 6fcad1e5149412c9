/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CPython's multiprocessing managers say to each other before version 3.12, with oslo's JSON:
 * frames with a length before them, and a handshake in which each side proves by HMAC-MD5 that it
 * knows the key. Written for speed of measuring, not for hostile peers: everything blocks, and
 * whatever is not as expected is an error.
 */
#include "legacy.h"

#include <endian.h>
#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define CHALLENGE       "#CHALLENGE#"
#define WELCOME         "#WELCOME#"
#define CHALLENGE_BYTES 20

/**
 * legacy_put_header() - write what comes before a body
 * @header:  to be filled
 * @n_body:  the body's length
 */
void legacy_put_header(uint8_t header[LEGACY_HEADER_BYTES], uint64_t n_body)
{
        uint64_t big_endian = htobe64(n_body);

        memcpy(header, &big_endian, sizeof(big_endian));
}

/**
 * legacy_take_header() - read what comes before a body
 * @header:  as it came
 *
 * Return: the body's length, as the peer announces it
 */
uint64_t legacy_take_header(const uint8_t header[LEGACY_HEADER_BYTES])
{
        uint64_t big_endian;

        memcpy(&big_endian, header, sizeof(big_endian));
        return be64toh(big_endian);
}

/* What of @from is behind the first @n_sent bytes. An iovec is for reading too, hence the union. */
static struct iovec rest_of(const void *from, size_t n_bytes, size_t n_sent)
{
        size_t n_skipped = n_sent < n_bytes ? n_sent : n_bytes;
        const union {
                const char *in;
                char *out;
        } base = { .in = (const char *)from + n_skipped };

        return (struct iovec){ .iov_base = base.out, .iov_len = n_bytes - n_skipped };
}

/**
 * legacy_send() - send a frame
 * @fd:      blocking socket
 * @body:    what is in it
 * @n_body:  its length
 *
 * Return: 0, or -1 and errno
 */
int legacy_send(int fd, const void *body, size_t n_body)
{
        uint8_t header[LEGACY_HEADER_BYTES];
        struct iovec parts[2];
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        size_t n_sent = 0;
        ssize_t n;

        legacy_put_header(header, n_body);
        while (n_sent < sizeof(header) + n_body) {
                parts[0] = rest_of(header, sizeof(header), n_sent);
                parts[1] = rest_of(body, n_body, n_sent - (sizeof(header) - parts[0].iov_len));
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
                if (n < 0 && errno != EINTR)
                        return -1;
                n_sent += n < 0 ? 0 : (size_t)n;
        }
        return 0;
}

static int receive_all(int fd, void *to, size_t n_bytes)
{
        size_t n_got = 0;
        ssize_t n;

        while (n_got < n_bytes) {
                n = read(fd, (char *)to + n_got, n_bytes - n_got);
                if (n == 0)
                        errno = ECONNRESET;
                if (n == 0 || (n < 0 && errno != EINTR))
                        return -1;
                n_got += n < 0 ? 0 : (size_t)n;
        }
        return 0;
}

/**
 * legacy_receive() - wait for a small frame
 * @fd:          blocking socket
 * @body:        to be filled; a NUL is put behind it
 * @ret_n_body:  its length
 *
 * Return: 0, or -1 and errno, EMSGSIZE where it does not fit
 */
int legacy_receive(int fd, char body[LEGACY_BODY_MAX + 1], size_t *ret_n_body)
{
        uint8_t header[LEGACY_HEADER_BYTES];
        uint64_t n_body;

        if (receive_all(fd, header, sizeof(header)) < 0)
                return -1;
        n_body = legacy_take_header(header);
        if (n_body > LEGACY_BODY_MAX) {
                errno = EMSGSIZE;
                return -1;
        }
        if (receive_all(fd, body, n_body) < 0)
                return -1;
        body[n_body] = '\0';
        *ret_n_body = n_body;
        return 0;
}

/**
 * legacy_ask() - send a request, wait for its answer
 * @fd:       blocking socket, behind the handshake
 * @request:  JSON
 * @answer:   to be filled with JSON
 *
 * Return: 0, or -1 and errno
 */
int legacy_ask(int fd, const char *request, char answer[LEGACY_BODY_MAX + 1])
{
        size_t n_answer;

        if (legacy_send(fd, request, strlen(request)) < 0)
                return -1;
        return legacy_receive(fd, answer, &n_answer);
}

static void digest_of(const uint8_t *key,
                      const char *challenge,
                      size_t n_challenge,
                      uint8_t digest[MD5_DIGEST_SIZE])
{
        struct hmac_md5_ctx hmac;

        hmac_md5_set_key(&hmac, LEGACY_KEY_BYTES, key);
        hmac_md5_update(&hmac, n_challenge, (const uint8_t *)challenge);
        hmac_md5_digest(&hmac, MD5_DIGEST_SIZE, digest);
}

/* The half of the handshake in which this side proves that it knows the key. */
static int answer_challenge(int fd, const uint8_t *key)
{
        const size_t n_prefix = strlen(CHALLENGE);
        char body[LEGACY_BODY_MAX + 1];
        uint8_t digest[MD5_DIGEST_SIZE];
        size_t n_body;

        if (legacy_receive(fd, body, &n_body) < 0)
                return -1;
        if (n_body < n_prefix || memcmp(body, CHALLENGE, n_prefix) != 0)
                goto wrong;
        digest_of(key, body + n_prefix, n_body - n_prefix, digest);
        if (legacy_send(fd, digest, sizeof(digest)) < 0 || legacy_receive(fd, body, &n_body) < 0)
                return -1;
        if (strcmp(body, WELCOME) == 0)
                return 0;
wrong:
        errno = EPROTO;
        return -1;
}

/* The half in which the other side has to. */
static int deliver_challenge(int fd, const uint8_t *key)
{
        const size_t n_prefix = strlen(CHALLENGE);
        char challenge[sizeof(CHALLENGE) - 1 + CHALLENGE_BYTES] = CHALLENGE;
        char body[LEGACY_BODY_MAX + 1];
        uint8_t digest[MD5_DIGEST_SIZE];
        size_t n_body;

        if (getrandom(challenge + n_prefix, CHALLENGE_BYTES, 0) != CHALLENGE_BYTES ||
            legacy_send(fd, challenge, sizeof(challenge)) < 0 ||
            legacy_receive(fd, body, &n_body) < 0)
                return -1;
        digest_of(key, challenge + n_prefix, CHALLENGE_BYTES, digest);
        if (n_body != sizeof(digest) || !memeql_sec(body, digest, sizeof(digest))) {
                errno = EPROTO;
                return -1;
        }
        return legacy_send(fd, WELCOME, strlen(WELCOME));
}

/**
 * legacy_connect() - connect to a daemon, as its client
 * @path:  of its socket
 * @key:   that it printed
 *
 * Return: a blocking socket behind the handshake, or -1 and errno
 */
int legacy_connect(const char *path, const uint8_t key[LEGACY_KEY_BYTES])
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(address.sun_path)) {
                errno = ENAMETOOLONG;
                return -1;
        }
        memcpy(address.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            answer_challenge(fd, key) < 0 || deliver_challenge(fd, key) < 0) {
                (void)close(fd);
                return -1;
        }
        return fd;
}

/**
 * legacy_welcome() - the handshake as the daemon does it
 * @fd:   of a client that has connected; not consumed
 * @key:  that the client should know
 *
 * Return: 0, or -1 and errno
 */
int legacy_welcome(int fd, const uint8_t key[LEGACY_KEY_BYTES])
{
        return deliver_challenge(fd, key) < 0 || answer_challenge(fd, key) < 0 ? -1 : 0;
}
