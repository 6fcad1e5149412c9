/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The error trace. Every negative code passes err_origin() where it appears and err_trace() or
 * err_fold() on its way up; a program that wants the path (the debug log) sets a sink. Without one
 * the cost is a comparison. The sink is process-wide: set it once, before any thread is started.
 */
#include "util/err.h"

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
 * err_report() - tell the sink, if there is one
 * @r:    a negative code
 * @file: file, @line: line, @func: function that it passed
 */
void err_report(int r, const char *file, int line, const char *func)
{
        if (err_sink)
                err_sink(r, file, line, func);
}
