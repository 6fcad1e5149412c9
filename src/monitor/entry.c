/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same members, in one order, become an object of JSON and fields of journald, whose names are
 * in capitals behind ROOTWRAP_. A string goes into JSON escaped and to journald as it is; one with
 * a newline in the protocol's binary form (the name, a newline, its length as 64 bits
 * little-endian, the bytes), so that no value forges a field. Text lines are made by who knows the
 * event.
 *
 * An entry keeps its memory for the next one.
 */
#include "monitor/entry.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "monitor/cmdline.h"
#include "util/json-text.h"
#include "util/utf8.h"

/**
 * entry_deinit() - give the memory back
 * @entry: becomes empty
 */
void entry_deinit(struct entry *entry)
{
        text_deinit(&entry->line);
        text_deinit(&entry->fields);
}

static void text_restart(struct text *text)
{
        text->n_bytes = 0;
        text->broken = false;
}

/**
 * entry_begin() - begin a new entry
 * @entry:      what was in it is gone
 * @is_json:    the line is to be an object
 * @has_fields: there are to be fields for journald
 */
void entry_begin(struct entry *entry, bool is_json, bool has_fields)
{
        entry->is_json = is_json;
        entry->has_fields = has_fields;
        text_restart(&entry->line);
        text_restart(&entry->fields);
}

/**
 * entry_end() - end an entry
 * @entry: its line and fields can be sent then
 *
 * Return: is it whole? Memory may have been short.
 */
bool entry_end(struct entry *entry)
{
        if (entry->is_json)
                text_put_char(&entry->line, '}');
        return !entry->line.broken && !entry->fields.broken;
}

static void put_json_key(struct entry *entry, const char *key)
{
        text_put_string(&entry->line, entry->line.n_bytes ? ", \"" : "{\"");
        text_put_string(&entry->line, key);
        text_put_string(&entry->line, "\": ");
}

static void put_field_key(struct entry *entry, const char *key)
{
        text_put_string(&entry->fields, "ROOTWRAP_");
        for (; *key; key++)
                text_put_char(&entry->fields,
                              (char)(*key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key));
}

static void put_field(struct entry *entry, const char *key, const char *bytes, size_t n_bytes)
{
        uint64_t n_sent = htole64(n_bytes);

        put_field_key(entry, key);
        if (memchr(bytes, '\n', n_bytes)) {
                text_put_char(&entry->fields, '\n');
                text_put(&entry->fields, (const char *)&n_sent, sizeof(n_sent));
        } else {
                text_put_char(&entry->fields, '=');
        }
        text_put(&entry->fields, bytes, n_bytes);
        text_put_char(&entry->fields, '\n');
}

/**
 * entry_put_null() - put in what is not known
 * @entry: the entry; journald gets no field
 * @key:   in lower case
 */
void entry_put_null(struct entry *entry, const char *key)
{
        if (!entry->is_json)
                return;
        put_json_key(entry, key);
        text_put_string(&entry->line, "null");
}

/**
 * entry_put_number() - put in a number
 * @entry:  the entry
 * @key:    in lower case
 * @number: the number
 */
void entry_put_number(struct entry *entry, const char *key, int64_t number)
{
        char digits[24];
        int n;

        if (!entry->is_json && !entry->has_fields)
                return;
        n = snprintf(digits, sizeof(digits), "%lld", (long long)number);
        if (entry->is_json) {
                put_json_key(entry, key);
                text_put(&entry->line, digits, (size_t)n);
        }
        if (entry->has_fields)
                put_field(entry, key, digits, (size_t)n);
}

/* @string and what shows that it was cut, in a place that holds @n_fit bytes and that. */
static void put_json_cut(struct text *text, const char *string, size_t n_fit)
{
        static const char mark[] = { '.', '.', '.' };
        char cut[ENTRY_STRING_MAX + sizeof(mark)];

        memcpy(cut, string, n_fit);
        memcpy(cut + n_fit, mark, sizeof(mark));
        text_put_json(text, cut, n_fit + sizeof(mark));
}

/**
 * entry_put_string() - put in a string
 * @entry:  the entry
 * @key:    in lower case
 * @string: any bytes; NULL: as entry_put_null()
 * @n_max:  at most ENTRY_STRING_MAX; what is longer is cut, which "..." shows
 */
void entry_put_string(struct entry *entry, const char *key, const char *string, size_t n_max)
{
        size_t n = string ? strlen(string) : 0;
        size_t n_fit;

        if (!string) {
                entry_put_null(entry, key);
                return;
        }
        if (entry->is_json) {
                put_json_key(entry, key);
                n_fit = cmdline_fit_json(string, n, n_max);
                if (n_fit < n)
                        put_json_cut(&entry->line, string, n_fit);
                else
                        text_put_json(&entry->line, string, n);
        }
        if (entry->has_fields)
                put_field(entry, key, string, n < n_max ? n : n_max);
}

/**
 * entry_put_cmdline() - put in the words of a command, and whether that is all of them
 * @entry:   the entry; its members "argv" and "argv_cut"; journald gets both as JSON
 * @cmdline: the words
 */
void entry_put_cmdline(struct entry *entry, const struct cmdline *cmdline)
{
        bool is_whole = true;

        if (entry->is_json) {
                put_json_key(entry, "argv");
                is_whole = cmdline_put_json(cmdline, &entry->line);
                put_json_key(entry, "argv_cut");
                text_put_string(&entry->line, is_whole ? "false" : "true");
        }
        if (entry->has_fields) {
                text_put_string(&entry->fields, "ROOTWRAP_ARGV=");
                is_whole = cmdline_put_json(cmdline, &entry->fields);
                text_put_char(&entry->fields, '\n');
                if (!is_whole)
                        text_put_string(&entry->fields, "ROOTWRAP_ARGV_CUT=true\n");
        }
}
