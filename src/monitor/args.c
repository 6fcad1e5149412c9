/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's arguments may be longer than a record, so they come in pieces, and are a list only
 * when the last piece is there. They come from the worker, which is not trusted: their number and
 * their bytes have limits before a byte is stored, and what does not fit together is refused.
 */
#include "monitor/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "priv/record.h"
#include "util/cleanup.h"
#include "util/err.h"

/**
 * args_add() - keep one more piece
 * @args:    what arrived before; not changed by a failure
 * @bytes:   the piece; copied
 * @n_bytes: its length
 *
 * Return: 0, ARGS_E_BAD: more than RECORD_ARGS_BYTES_MAX in all, or -ENOMEM: the command can't be
 *         started then
 */
int args_add(struct args *args, const char *bytes, size_t n_bytes)
{
        size_t n_room = args->n_room ? args->n_room : 4096;
        char *grown;

        if (n_bytes > RECORD_ARGS_BYTES_MAX - args->n_bytes)
                return ARGS_E_BAD;
        while (n_room < args->n_bytes + n_bytes)
                n_room *= 2;
        if (n_room != args->n_room) {
                grown = realloc(args->bytes, n_room);
                if (!grown)
                        return err_origin(-ENOMEM);
                args->bytes = grown;
                args->n_room = n_room;
        }
        if (n_bytes)
                memcpy(args->bytes + args->n_bytes, bytes, n_bytes);
        args->n_bytes += n_bytes;
        return 0;
}

/**
 * args_split() - the list of what lies back to back
 * @args:     all pieces
 * @n_args:   how many arguments they are said to be
 * @ret_argv: the list, with a NULL at its end; to be freed, and its strings belong to @args
 *
 * Return: 0, ARGS_E_BAD: they are not so many, or too many, or the last one has no end; or -ENOMEM
 */
int args_split(const struct args *args, size_t n_args, const char ***ret_argv)
{
        cleanup_free const char **argv = NULL;
        const char *at = args->bytes;
        const char *end = args->bytes + args->n_bytes;
        size_t i;

        if (n_args > RECORD_ARGS_MAX || n_args > args->n_bytes)
                return ARGS_E_BAD;
        if (args->n_bytes && end[-1])
                return ARGS_E_BAD;
        argv = calloc(n_args + 1, sizeof(*argv));
        if (!argv)
                return err_origin(-ENOMEM);
        for (i = 0; i < n_args && at < end; i++, at += strlen(at) + 1)
                argv[i] = at;
        if (i < n_args || at != end)
                return ARGS_E_BAD;
        *ret_argv = steal_ptr(&argv);
        return 0;
}

/* What is asked for as `env NAME=VALUE... COMMAND`: what comes last goes first. */
static int put_env_first(const char ***argv, size_t n_args, size_t n_env)
{
        const char **words;

        words = calloc(1 + n_env + n_args + 1, sizeof(*words));
        if (!words)
                return err_origin(-ENOMEM);
        words[0] = "env";
        memcpy(words + 1, *argv + n_args, n_env * sizeof(*words));
        memcpy(words + 1 + n_env, *argv, n_args * sizeof(*words));
        free(*argv);
        *argv = words;
        return 0;
}

/**
 * args_take() - the last piece, and the list of all
 * @args:     what arrived before
 * @bytes:    the last piece
 * @n_bytes:  its length
 * @sizes:    what all of them are said to be
 * @ret_argv: the list, with a NULL at its end, additions to the environment as env(1) has them; to
 *            be freed, and its strings belong to @args
 *
 * Return: 0, ARGS_E_BAD: they are not that, or too many; or -ENOMEM, also for an earlier piece
 */
int args_take(struct args *args,
              const char *bytes,
              size_t n_bytes,
              const struct record_explain *sizes,
              const char ***ret_argv)
{
        int r;

        r = args->is_lost ? -ENOMEM : args_add(args, bytes, n_bytes);
        if (r)
                return r;
        if (args->n_bytes != sizes->n_args_bytes || sizes->n_args > RECORD_ARGS_MAX ||
            sizes->n_env > RECORD_ARGS_MAX)
                return ARGS_E_BAD;
        r = args_split(args, (size_t)sizes->n_args + sizes->n_env, ret_argv);
        if (!r && sizes->n_env)
                r = put_env_first(ret_argv, sizes->n_args, sizes->n_env);
        return r;
}

/**
 * args_forget() - the next command's arguments follow
 * @args: becomes empty; a large command's memory is given back, a usual one's kept
 */
void args_forget(struct args *args)
{
        args->n_bytes = 0;
        args->is_lost = false;
        if (args->n_room <= RECORD_BYTES_MAX)
                return;
        free(args->bytes);
        *args = (struct args){ 0 };
}
