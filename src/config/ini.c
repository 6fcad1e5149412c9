/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INI dialect of Python's configparser, of which RawConfigParser._read() in CPython 3.11 is the
 * specification: what a line is, how deep it is indented and whether it goes on with the value
 * above decide which filter an administrator has written, so they are taken over to the letter.
 *
 * The reader is one pass over the text, line by line, without recursion. The text is the caller's
 * and is cut up in place (line ends become '\n', names and values are copied to the arena). A file
 * is taken whole or not at all: after an error nothing of it may be used.
 *
 * One thing is refused that Python takes: a NUL byte, which no command line can contain.
 */
#include "config/ini.h"

#include <errno.h>
#include <string.h>

#include "util/arena.h"
#include "util/complaint.h"
#include "util/err.h"
#include "util/pystr.h"
#include "util/text.h"
#include "util/utf8.h"

/* Where the reader stands. */
struct ini_reader {
        struct ini *ini;
        struct arena *arena;
        const struct ini_input *input;
        struct complaint *reterr;
        size_t section;    /* number of the current one, SIZE_MAX before the first header */
        size_t option;     /* number of the current option in it, SIZE_MAX: none */
        size_t indent;     /* of the line that began the current option, in characters */
        unsigned int line; /* from 1 */
        const char *value; /* of the current option; NULL: it has several lines, in @lines */
        size_t n_value;
        struct text lines;
        size_t n_blank; /* blank lines since its last line, which count if it goes on */
};

static int complain(struct ini_reader *reader, const char *what)
{
        complaint_set(reader->reterr, reader->input->file, reader->line, "%s", what);
        return INI_E_BAD;
}

static int section_find(const struct ini *ini, const char *name, size_t *ret_number)
{
        size_t i;

        for (i = 0; i < ini->n_sections; i++) {
                if (strcmp(ini->sections[i].name, name) == 0) {
                        *ret_number = i;
                        return 0;
                }
        }
        return INI_E_NO_SECTION;
}

static int section_add(struct ini_reader *reader, const char *name, size_t n_name)
{
        struct ini *ini = reader->ini;
        struct ini_section *sections;
        char *copy;

        copy = arena_copy(reader->arena, name, n_name);
        if (!copy)
                return err_origin(-ENOMEM);
        sections = ini->sections;
        if ((ini->n_sections & (ini->n_sections - 1)) == 0) /* full: 0, 1, 2, 4, 8, ... */
                sections =
                        arena_grow_array(reader->arena, sections, ini->n_sections,
                                         ini->n_sections ? ini->n_sections : 1, sizeof(*sections));
        if (!sections)
                return err_origin(-ENOMEM);

        ini->sections = sections;
        sections[ini->n_sections] =
                (struct ini_section){ .name = copy, .index = { .arena = reader->arena } };
        reader->section = ini->n_sections++;
        return 0;
}

/* The value of the current option is complete: the option gets it. */
static int finish_option(struct ini_reader *reader)
{
        struct ini_option *option;
        const char *value = reader->value;
        size_t n_value = reader->n_value;

        reader->n_blank = 0;
        if (reader->option == SIZE_MAX)
                return 0;
        if (reader->lines.broken)
                return err_origin(-ENOMEM);
        if (!value) {
                value = text_get(&reader->lines);
                n_value = pystr_rstrip(value, reader->lines.n_bytes);
        }
        option = &reader->ini->sections[reader->section].options[reader->option];
        option->value = arena_copy(reader->arena, value, n_value);
        if (!option->value)
                return err_origin(-ENOMEM);
        option->n_value = n_value;
        reader->option = SIZE_MAX;
        return 0;
}

/* `[name]`, and whatever follows the last `]`. */
static int read_header(struct ini_reader *reader, const char *name, size_t n_name)
{
        size_t number;
        char *copy;
        int r;

        r = finish_option(reader);
        if (r)
                return err_trace(r);
        copy = arena_copy(reader->arena, name, n_name);
        if (!copy)
                return err_origin(-ENOMEM);

        r = section_find(reader->ini, copy, &number);
        if (r)
                return err_trace(section_add(reader, name, n_name));
        if (reader->input->mode == INI_STRICT && number != 0)
                return complain(reader, "the section was already there");
        reader->section = number;
        return 0;
}

/* Return: place of a new or replaced option of the current section, or negative errno */
static int option_put(struct ini_reader *reader, const char *name, size_t *ret_number)
{
        struct ini_section *section = &reader->ini->sections[reader->section];
        unsigned int line_replaced = 0;
        uint32_t old;
        int r;

        if (section->n_options == section->n_room) {
                size_t n_more = section->n_room ? section->n_room : 64;
                struct ini_option *options;

                options = arena_grow_array(reader->arena, section->options, section->n_room, n_more,
                                           sizeof(*options));
                if (!options)
                        return err_origin(-ENOMEM);
                section->options = options;
                section->n_room += n_more;
        }
        old = table_find(&section->index, name, strlen(name));
        if (old != TABLE_NONE) {
                if (reader->input->mode == INI_STRICT)
                        return complain(reader, "the option was already there");
                *ret_number = old;
                line_replaced = section->options[old].line;
        } else {
                r = table_put(&section->index, name, (uint32_t)section->n_options, &old);
                if (r)
                        return err_trace(r);
                *ret_number = section->n_options++;
        }
        section->options[*ret_number] = (struct ini_option){
                .name = name,
                .line = reader->line,
                .line_replaced = line_replaced,
        };
        return 0;
}

/* Return: the name in lower case, NULL without memory */
static const char *copy_lower(struct ini_reader *reader, const char *name, size_t n_name)
{
        cleanup_text struct text lower = { 0 };
        char *copy;
        size_t i;

        copy = arena_copy(reader->arena, name, n_name);
        for (i = 0; copy && i < n_name; i++) {
                if ((unsigned char)copy[i] >= 0x80) {
                        pystr_lower(name, n_name, &lower);
                        return lower.broken ? NULL
                                            : arena_copy(reader->arena, lower.data, lower.n_bytes);
                }
                copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + 32 : copy[i]);
        }
        return copy;
}

/* A further line of the current option. */
static void continue_value(struct ini_reader *reader, const char *text, size_t n_bytes)
{
        if (reader->value) {
                reader->lines.n_bytes = 0;
                text_put(&reader->lines, reader->value, reader->n_value);
                reader->value = NULL;
        }
        for (; reader->n_blank; reader->n_blank--)
                text_put_char(&reader->lines, '\n');
        text_put_char(&reader->lines, '\n');
        text_put(&reader->lines, text, n_bytes);
}

/* `name = value` or `name: value`, whichever delimiter comes first. */
static int read_option(struct ini_reader *reader, const char *text, size_t n_bytes)
{
        const char *value;
        const char *name;
        size_t n_name = 0;
        size_t n_value;
        int r;

        r = finish_option(reader);
        if (r)
                return err_trace(r);
        while (n_name < n_bytes && text[n_name] != '=' && text[n_name] != ':')
                n_name++;
        if (n_name == n_bytes)
                return complain(reader, "neither \"name = value\" nor \"[section]\"");

        value = text + n_name + 1;
        n_value = pystr_strip(&value, n_bytes - n_name - 1);
        n_name = pystr_rstrip(text, n_name);
        if (!n_name)
                return complain(reader, "no name before the delimiter");

        name = copy_lower(reader, text, n_name);
        if (!name)
                return err_origin(-ENOMEM);
        r = option_put(reader, name, &reader->option);
        if (r)
                return err_trace(r);

        reader->value = value;
        reader->n_value = n_value;
        return 0;
}

/* One line without its end. */
static int read_line(struct ini_reader *reader, const char *line, size_t n_line)
{
        const char *text = line;
        size_t n_indent_bytes;
        size_t n_bytes;
        size_t indent;
        const char *end;

        indent = pystr_indent(line, n_line, &n_indent_bytes);
        text += n_indent_bytes;
        n_bytes = pystr_rstrip(text, n_line - n_indent_bytes);

        if (!n_bytes) {
                reader->n_blank++;
                return 0;
        }
        if (text[0] == '#' || text[0] == ';')
                return 0;

        if (reader->option != SIZE_MAX && indent > reader->indent) {
                continue_value(reader, text, n_bytes);
                return 0;
        }

        reader->indent = indent;
        end = text[0] == '[' ? memrchr(text, ']', n_bytes) : NULL;
        if (end && end - text >= 2)
                return read_header(reader, text + 1, (size_t)(end - text) - 1);
        if (reader->section == SIZE_MAX)
                return complain(reader, "text before the first \"[section]\"");
        return read_option(reader, text, n_bytes);
}

/* Universal newlines, in place: "\r\n" and a lone "\r" end a line as "\n" does. */
static size_t normalize_newlines(char *text, size_t n_bytes)
{
        size_t from;
        size_t to = 0;

        if (!memchr(text, '\r', n_bytes))
                return n_bytes;
        for (from = 0; from < n_bytes; from++) {
                char c = text[from];

                if (c == '\r') {
                        c = '\n';
                        if (from + 1 < n_bytes && text[from + 1] == '\n')
                                from++;
                }
                text[to++] = c;
        }
        return to;
}

static unsigned int count_lines(const char *text, size_t n_bytes)
{
        unsigned int n = 1;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                n += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
        return n;
}

static int check_bytes(struct ini_reader *reader, const char *text, size_t n_bytes)
{
        const char *nul;
        size_t offset;

        if (!utf8_is_valid(text, n_bytes, &offset)) {
                reader->line = count_lines(text, offset);
                return complain(reader, "not UTF-8");
        }
        nul = memchr(text, '\0', n_bytes);
        if (nul) {
                reader->line = count_lines(text, (size_t)(nul - text));
                return complain(reader, "a NUL byte");
        }
        return 0;
}

static int read_lines(struct ini_reader *reader, const char *text, size_t n_bytes)
{
        size_t at = 0;
        int r;

        while (at < n_bytes) {
                const char *line = text + at;
                const char *end = memchr(line, '\n', n_bytes - at);
                size_t n_line = end ? (size_t)(end - line) : n_bytes - at;

                reader->line++;
                r = read_line(reader, line, n_line);
                if (r)
                        return err_trace(r);
                at += n_line + 1;
        }
        return err_trace(finish_option(reader));
}

/**
 * ini_parse() - read a file's text
 * @ini:    set to what was read; lives in @arena
 * @arena:  where it all goes
 * @input:  the text
 * @reterr: for INI_E_BAD: what is wrong, and where
 *
 * Return: 0, INI_E_BAD or -ENOMEM
 */
int ini_parse(struct ini *ini,
              struct arena *arena,
              const struct ini_input *input,
              struct complaint *reterr)
{
        struct ini_reader reader = {
                .ini = ini,
                .arena = arena,
                .input = input,
                .reterr = reterr,
                .option = SIZE_MAX,
        };
        size_t n_bytes;
        int r;

        *ini = (struct ini){ 0 };
        r = check_bytes(&reader, input->text, input->n_bytes);
        if (r)
                return r;
        r = section_add(&reader, INI_DEFAULT_SECTION, strlen(INI_DEFAULT_SECTION));
        if (r)
                return err_trace(r);

        reader.section = SIZE_MAX;
        n_bytes = normalize_newlines(input->text, input->n_bytes);
        r = read_lines(&reader, input->text, n_bytes);
        text_deinit(&reader.lines);
        return err_trace(r);
}

/**
 * ini_get() - one option, as RawConfigParser.get()
 * @ini:     what was read
 * @section: the section; its own options come before those of INI_DEFAULT_SECTION
 * @name:    the option, lower case
 *
 * Return: the option, borrowed from @ini; NULL if it is in neither section
 */
const struct ini_option *ini_get(const struct ini *ini, const char *section, const char *name)
{
        uint32_t place;
        size_t number;

        if (section_find(ini, section, &number))
                return NULL;
        place = table_find(&ini->sections[number].index, name, strlen(name));
        if (place == TABLE_NONE && number != 0) {
                number = 0;
                place = table_find(&ini->sections[0].index, name, strlen(name));
        }
        return place == TABLE_NONE ? NULL : &ini->sections[number].options[place];
}

/**
 * ini_items() - all options of a section, as RawConfigParser.items(): first those of
 *               INI_DEFAULT_SECTION, in their order but with the section's own values
 * @ini:         what was read
 * @section:     the section
 * @arena:       where the array goes
 * @ret_items:   array of options borrowed from @ini
 * @ret_n_items: how many
 *
 * Return: 0, INI_E_NO_SECTION or -ENOMEM
 */
int ini_items(const struct ini *ini,
              struct arena *arena,
              const char *section,
              const struct ini_option ***ret_items,
              size_t *ret_n_items)
{
        const struct ini_section *defaults = &ini->sections[0];
        const struct ini_section *own;
        const struct ini_option **items;
        size_t n_items = 0;
        size_t number;
        size_t i;
        int r;

        r = section_find(ini, section, &number);
        if (r)
                return r;
        own = &ini->sections[number];
        items = arena_take_array(arena, defaults->n_options + own->n_options,
                                 sizeof(struct ini_option *));
        if (!items)
                return err_origin(-ENOMEM);

        for (i = 0; i < defaults->n_options; i++) {
                const char *name = defaults->options[i].name;
                uint32_t place = table_find(&own->index, name, strlen(name));

                items[n_items++] =
                        place == TABLE_NONE ? &defaults->options[i] : &own->options[place];
        }
        for (i = 0; i < own->n_options && number != 0; i++) {
                const char *name = own->options[i].name;

                if (table_find(&defaults->index, name, strlen(name)) == TABLE_NONE)
                        items[n_items++] = &own->options[i];
        }
        *ret_items = items;
        *ret_n_items = n_items;
        return 0;
}
