/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The protocol of oslo.rootwrap's daemon, as little of it as a benchmark needs: both its sides. */

#include <stddef.h>
#include <stdint.h>

#define LEGACY_KEY_BYTES    32
#define LEGACY_HEADER_BYTES 8
/* Of a message in the handshake, and of an answer that is waited for. */
#define LEGACY_BODY_MAX 4096

void legacy_put_header(uint8_t header[LEGACY_HEADER_BYTES], uint64_t n_body);
uint64_t legacy_take_header(const uint8_t header[LEGACY_HEADER_BYTES]);

int legacy_send(int fd, const void *body, size_t n_body);
int legacy_receive(int fd, char body[LEGACY_BODY_MAX + 1], size_t *ret_n_body);
int legacy_ask(int fd, const char *request, char answer[LEGACY_BODY_MAX + 1]);

int legacy_connect(const char *path, const uint8_t key[LEGACY_KEY_BYTES]);
int legacy_welcome(int fd, const uint8_t key[LEGACY_KEY_BYTES]);
