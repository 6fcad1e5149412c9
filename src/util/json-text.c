/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For lines of a log and answers of a tool: a byte string is written as
 * json.dumps(os.fsdecode(bytes)) writes it, pure ASCII, and what is not UTF-8 as \udcXX. There is
 * nothing here that reads JSON, so that programs that must not read any can still write it.
 */
#include "util/json-text.h"

#include <stdint.h>
#include <string.h>

#include "util/text.h"
#include "util/utf8.h"

/**
 * text_put_json() - append a string, quoted
 * @text:    where to
 * @bytes:   any bytes
 * @n_bytes: how many
 */
void text_put_json(struct text *text, const char *bytes, size_t n_bytes)
{
        static const char plain[] = "\b\f\n\r\t\"\\";
        static const char escapes[] = "bfnrt\"\\";
        const char *found;
        uint32_t code;
        size_t at = 0;

        text_put_char(text, '"');
        while (at < n_bytes) {
                at += utf8_next(bytes + at, n_bytes - at, &code);
                found = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
                if (found)
                        text_printf(text, "\\%c", escapes[found - plain]);
                else if (code >= 0x20 && code < 0x7F)
                        text_put_char(text, (char)code);
                else if (code < 0x10000)
                        text_printf(text, "\\u%04x", (unsigned int)code);
                else
                        text_printf(text, "\\u%04x\\u%04x",
                                    0xD800u + (unsigned int)((code - 0x10000) >> 10),
                                    0xDC00u + (unsigned int)((code - 0x10000) & 0x3FFu));
        }
        text_put_char(text, '"');
}

/**
 * text_put_json_or_null() - append a string, or null
 * @text:   where to
 * @string: NUL-terminated, or NULL
 */
void text_put_json_or_null(struct text *text, const char *string)
{
        if (string)
                text_put_json(text, string, strlen(string));
        else
                text_put_string(text, "null");
}

/**
 * text_put_json_strings() - append an array of strings, or null
 * @text:    where to
 * @strings: NULL-terminated, or NULL
 */
void text_put_json_strings(struct text *text, const char *const *strings)
{
        size_t i;

        if (!strings) {
                text_put_string(text, "null");
                return;
        }
        text_put_char(text, '[');
        for (i = 0; strings[i]; i++) {
                if (i)
                        text_put_string(text, ", ");
                text_put_json(text, strings[i], strlen(strings[i]));
        }
        text_put_char(text, ']');
}
