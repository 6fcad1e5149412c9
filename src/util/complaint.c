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

/* Return: a copy that is fit for a message, NULL without memory */
static char *copy_escaped(const char *text)
{
        struct text escaped = { 0 };

        text_put_escaped(&escaped, text, strlen(text), COMPLAINT_BYTES_MAX);
        return escaped.data;
}

/**
 * complaint_set() - say what is wrong; an earlier complaint is replaced, the kind stays
 * @complaint: what is filled
 * @file:      the file
 * @line:      the line, from 1; 0 for the file as a whole
 * @format:    one sentence
 *
 * Control characters in file and sentence are escaped. Without memory for it the text is left NULL:
 * readers show "out of memory" then.
 */
void complaint_set(struct complaint *complaint,
                   const char *file,
                   unsigned int line,
                   const char *format,
                   ...)
{
        enum complaint_kind kind = complaint->kind;
        cleanup_text struct text text = { 0 };
        va_list ap;

        va_start(ap, format);
        text_vprintf(&text, format, ap);
        va_end(ap);

        complaint_deinit(complaint);
        complaint->kind = kind;
        complaint->file = copy_escaped(file);
        complaint->line = line;
        complaint->text = text.broken ? NULL : copy_escaped(text_get(&text));
}

/**
 * complaint_put() - append it as a message: oslo.rootwrap's words, then where and why
 * @text:      where to
 * @complaint: what is wrong
 */
void complaint_put(struct text *text, const struct complaint *complaint)
{
        text_put_string(text, complaint->kind == COMPLAINT_VALUE
                                      ? "Incorrect value in "
                                      : "Incorrect configuration file: ");
        text_put_string(text, complaint->file ? complaint->file : "?");
        if (complaint->line)
                text_printf(text, ":%u", complaint->line);
        text_printf(text, ": %s", complaint->text ? complaint->text : "out of memory");
}
