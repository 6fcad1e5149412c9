/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsers and checks don't log: they fill a complaint, which the program shows as `FILE:LINE:
 * TEXT`. A zeroed struct complaint is a valid, empty one.
 */
#include "util/complaint.h"

#include <stdlib.h>
#include <string.h>

#include "util/text.h"

/**
 * complaint_deinit() - give the memory back
 * @complaint: becomes empty
 */
void complaint_deinit(struct complaint *complaint)
{
        free(complaint->file);
        free(complaint->text);
        *complaint = (struct complaint){ 0 };
}

/**
 * complaint_set() - say what is wrong; an earlier text is replaced, the kind stays
 * @complaint: what is filled
 * @file:      the file, copied; NULL: the one that the complaint already names
 * @line:      the line, from 1; 0 for the file as a whole
 * @format:    one sentence; control characters in the result are escaped
 *
 * Without memory for it the text is left NULL: readers show "out of memory" then.
 */
void complaint_set(struct complaint *complaint,
                   const char *file,
                   unsigned int line,
                   const char *format,
                   ...)
{
        char *name = file ? strdup(file) : complaint->file;
        cleanup_text struct text plain = { 0 };
        struct text escaped = { 0 };
        va_list ap;

        va_start(ap, format);
        text_vprintf(&plain, format, ap);
        va_end(ap);
        text_put_escaped(&escaped, text_get(&plain), plain.n_bytes, 1000);

        if (file)
                free(complaint->file);
        free(complaint->text);
        complaint->file = name;
        complaint->line = line;
        complaint->text = escaped.data;
}
