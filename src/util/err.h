/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes: 0 is done, negative errno is ours or the kernel's, positive is the peer's or
 * admin's. */
#pragma once

#include <errno.h>

typedef void (*err_sink_fn)(int r, const char *file, int line, const char *func);

/* Marks the place where the negative code @r first appears. Return: @r */
#define err_origin(r) err_note((r), __FILE__, __LINE__, __func__)
/* Marks a place that forwards @r, of either sign. Return: @r */
#define err_trace(r) err_note((r), __FILE__, __LINE__, __func__)
/* As err_trace(), but a positive @r, which no caller here should let through, becomes
 * -ENOTRECOVERABLE. */
#define err_fold(r) err_note_fold((r), __FILE__, __LINE__, __func__)

void err_set_sink(err_sink_fn sink);
void err_report(int r, const char *file, int line, const char *func);

static inline int err_note(int r, const char *file, int line, const char *func)
{
        if (r < 0)
                err_report(r, file, line, func);
        return r;
}

static inline int err_note_fold(int r, const char *file, int line, const char *func)
{
        return err_note(r > 0 ? -ENOTRECOVERABLE : r, file, line, func);
}
