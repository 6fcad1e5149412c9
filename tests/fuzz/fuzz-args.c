/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of commands' arguments, one command after the other, as a worker that was taken over may
 * send them. What is kept is what was sent, up to the limit and not a byte beyond; a list comes out
 * exactly where the bytes are so many strings as it was said, and its strings are these.
 *
 * Each piece begins with its kind: the next bytes, a block of one byte, or none: the command ends,
 * with what it is said to consist of.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/args.h"
#include "priv/record.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define BLOCK_BYTES (8u * 1024)
/* Of one input: enough to get beyond the limit, and not often, so that it takes no time. */
#define BLOCKS_MAX 1024u

struct input {
        const uint8_t *bytes;
        size_t n_bytes;
        unsigned int n_blocks; /* that were added so far */
};

/* What has to be kept. */
static char sent[RECORD_ARGS_BYTES_MAX];
static size_t n_sent;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static unsigned int take_byte(struct input *input)
{
        if (!input->n_bytes)
                return 0;
        input->n_bytes--;
        return *input->bytes++;
}

/* In memory of its own, so that what is read beyond it is found. */
static void add(struct args *args, const uint8_t *bytes, size_t n_bytes)
{
        char *piece = malloc(n_bytes);

        ORACLE(piece || !n_bytes);
        if (n_bytes)
                memcpy(piece, bytes, n_bytes);
        if (n_bytes > sizeof(sent) - n_sent) {
                ORACLE(args_add(args, piece, n_bytes) == ARGS_E_BAD);
        } else {
                ORACLE(args_add(args, piece, n_bytes) == 0);
                if (n_bytes)
                        memcpy(sent + n_sent, piece, n_bytes);
                n_sent += n_bytes;
        }
        free(piece);
        ORACLE(args->n_bytes == n_sent && args->n_room >= n_sent);
}

static void add_next(struct args *args, struct input *input)
{
        size_t n = take_byte(input);

        if (n > input->n_bytes)
                n = input->n_bytes;
        add(args, input->bytes, n);
        input->bytes += n;
        input->n_bytes -= n;
}

static void add_blocks(struct args *args, struct input *input)
{
        uint8_t block[BLOCK_BYTES];
        unsigned int n = take_byte(input);

        memset(block, (int)take_byte(input), sizeof(block));
        for (; n && input->n_blocks < BLOCKS_MAX; n--, input->n_blocks++)
                add(args, block, sizeof(block));
}

static void check_list(const char **argv, size_t n_args)
{
        size_t at = 0;
        size_t i;

        for (i = 0; i < n_args; i++) {
                ORACLE(strcmp(argv[i], sent + at) == 0);
                at += strlen(argv[i]) + 1;
        }
        ORACLE(!argv[n_args] && at == n_sent);
        free(argv);
}

/* Said to be what they are, or that and some more or less. */
static void end(struct args *args, struct input *input)
{
        const char **argv = NULL;
        bool is_list = !n_sent || !sent[n_sent - 1];
        size_t n_args = 0;
        size_t n_said;
        size_t i;

        for (i = 0; i < n_sent; i++)
                n_args += !sent[i];
        n_said = n_args + take_byte(input) - take_byte(input); /* which may wrap */
        ORACLE(n_sent == 0 || memcmp(args->bytes, sent, n_sent) == 0);
        if (args->bytes && is_list && n_said == n_args && n_args <= RECORD_ARGS_MAX) {
                ORACLE(args_split(args, n_said, &argv) == 0);
                check_list(argv, n_args);
        } else if (args->bytes) {
                ORACLE(args_split(args, n_said, &argv) == ARGS_E_BAD && !argv);
        }
        args_forget(args);
        ORACLE(!args->n_bytes && !args->is_lost && args->n_room <= RECORD_BYTES_MAX);
        n_sent = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        struct input input = { .bytes = bytes, .n_bytes = n_bytes };
        struct args args = { 0 };

        n_sent = 0;
        while (input.n_bytes) {
                switch (take_byte(&input) % 4) {
                case 0:
                        end(&args, &input);
                        break;
                case 1:
                        add_blocks(&args, &input);
                        break;
                default:
                        add_next(&args, &input);
                }
        }
        free(args.bytes);
        return 0;
}
