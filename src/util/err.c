/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error trace. Every negative code passes err_origin() where it appears and err_trace() or
 * err_fold() on its way up; a program that wants the path (the debug log) sets a sink. Without one
 * the cost is a comparison. The sink is process-wide: set it once, before any thread is started.
 */
#include "util/err.h"

#include <errno.h>
#include <stddef.h>

static err_sink_fn err_sink;

/**
 * err_set_sink() - where traces go
 * @sink: called for every negative code that passes; NULL (the start value): nowhere
 */
void err_set_sink(err_sink_fn sink)
{
        err_sink = sink;
}

/**
 * err_note() - report that @r passed a place in the source
 * @r:    the code
 * @file: file, @line: line, @func: function of that place
 *
 * Return: @r
 */
int err_note(int r, const char *file, int line, const char *func)
{
        if (r < 0 && err_sink)
                err_sink(r, file, line, func);
        return r;
}

/**
 * err_note_fold() - as err_note(), for callers that have handled every positive code
 * @r:    the code
 * @file: file, @line: line, @func: function of that place
 *
 * Return: @r, or -ENOTRECOVERABLE for a positive @r
 */
int err_note_fold(int r, const char *file, int line, const char *func)
{
        return err_note(r > 0 ? -ENOTRECOVERABLE : r, file, line, func);
}
