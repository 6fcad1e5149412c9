/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The length of an answer stands before it, so what a command prints is measured as it arrives, in
 * its escaped form, while it is kept in its raw one.
 */
#include "wire/legacy-stream.h"

#include "util/err.h"

/**
 * legacy_stream_init() - nothing is printed yet
 * @stream: set
 * @budget: what its memory is charged to
 */
void legacy_stream_init(struct legacy_stream *stream, struct queue_budget *budget)
{
        *stream = (struct legacy_stream){ .n_escaped = 0 };
        queue_init(&stream->queue, budget);
        queue_use_huge_pages(&stream->queue);
}

/**
 * legacy_stream_deinit() - give its memory back
 * @stream: becomes empty, and can be used again
 */
void legacy_stream_deinit(struct legacy_stream *stream)
{
        queue_deinit(&stream->queue);
        legacy_stream_init(stream, stream->queue.budget);
}

/**
 * legacy_stream_room() - where the next bytes go
 * @stream:      the stream
 * @ret_room:    memory to write to, until the next call for @stream
 * @ret_n_bytes: at least 1
 *
 * Return: as queue_room()
 */
int legacy_stream_room(struct legacy_stream *stream, void **ret_room, size_t *ret_n_bytes)
{
        return err_trace(queue_room(&stream->queue, ret_room, ret_n_bytes));
}

/**
 * legacy_stream_commit() - bytes were written to what legacy_stream_room() gave
 * @stream:  the stream
 * @n_bytes: how many, at most what was given
 */
void legacy_stream_commit(struct legacy_stream *stream, size_t n_bytes)
{
        size_t n_room;
        void *room;

        /* The room that was given last is still there: nothing is allocated here. */
        if (!n_bytes || queue_room(&stream->queue, &room, &n_room))
                return;
        json_escape_count(&stream->escape, room, n_bytes, &stream->n_escaped);
        queue_commit(&stream->queue, n_bytes);
}
