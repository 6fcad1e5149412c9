/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read is written as `[SECTION]NAME=VALUE;...`, with `|` for a newline in a value; what
 * was not, as `LINE: REASON`. The wanted readings are those of CPython 3.11's configparser.
 */
#include <errno.h>

#include "config/ini.h"
#include "util/arena.h"
#include "util/complaint.h"
#include "util/test.h"
#include "util/text.h"

static struct {
        const char *name;
        const char *text;
        const char *strict;
        const char *tolerant; /* NULL: the same */
} rows[] = {
        /* what is no file of this kind */
        { "text_before_a_section_is_refused", "a=1\n[x]\n",
          "1: text before the first \"[section]\"", NULL },
        { "a_line_without_a_delimiter_is_refused", "[x]\n\nab\n",
          "3: neither \"name = value\" nor \"[section]\"", NULL },
        { "a_header_without_an_end_is_refused", "[x\n", "1: text before the first \"[section]\"",
          NULL },
        { "an_empty_header_is_no_header", "[x]\n[]\n",
          "2: neither \"name = value\" nor \"[section]\"", NULL },
        { "an_empty_name_is_refused", "[x]\n = 1\n", "2: no name before the delimiter", NULL },
        { "bytes_that_are_not_utf8_are_refused", "[x]\na=1\r\rb=\xff\n", "4: not UTF-8", NULL },
        { "a_byte_order_mark_is_text", "\xef\xbb\xbf[x]\n",
          "1: text before the first \"[section]\"", NULL },
        { "a_section_twice_is_refused_when_strict", "[x]\na=1\n[x]\nb=2\n",
          "3: the section was already there", "[x]a=1;b=2;" },
        { "an_option_twice_is_refused_when_strict", "[x]\na=1\nb=2\nA=3\n",
          "4: the option was already there", "[x]a=3;b=2;" },
        { "names_are_compared_in_lower_case", "[x]\n\xc3\x84=1\n\xc3\xa4=2\n",
          "3: the option was already there", "[x]\xc3\xa4=2;" },

        /* names, delimiters, values */
        { "an_empty_file_is_empty", "", "", NULL },
        { "a_final_newline_may_be_missing", "[x]\na=1", "[x]a=1;", NULL },
        { "an_equal_sign_delimits", "[x]\na=1", "[x]a=1;", NULL },
        { "a_colon_delimits", "[x]\na:1", "[x]a=1;", NULL },
        { "the_first_delimiter_counts", "[x]\na:b=c:d", "[x]a=b=c:d;", NULL },
        { "a_value_may_be_empty", "[x]\na=\nb:\n", "[x]a=;b=;", NULL },
        { "blanks_around_name_and_value_go", "[x]\na b \t= \xe3\x80\x80 1 2 \x1c\n", "[x]a b=1 2;",
          NULL },
        { "a_name_is_lowered_as_in_python", "[x]\n\xc4\xb0\xce\xa3=\xc3\x84\n",
          "[x]i\xcc\x87\xcf\x82=\xc3\x84;", NULL },
        { "a_percent_sign_is_plain", "[x]\na=%(b)s\n", "[x]a=%(b)s;", NULL },
        { "a_name_may_look_like_a_header", "[x]\n[]: 1\n", "[x][]=1;", NULL },

        /* sections */
        { "the_case_of_a_section_counts", "[x]\na=1\n[X]\na=2\n", "[x]a=1;[X]a=2;", NULL },
        { "a_section_keeps_its_blanks", "[ x ]\na=1\n", "[ x ]a=1;", NULL },
        { "text_behind_a_header_is_ignored", "[x] y\na=1\n", "[x]a=1;", NULL },
        { "a_header_ends_at_the_last_bracket", "[x] y]\na=1\n", "[x] y]a=1;", NULL },
        { "a_header_may_be_indented", "  [x]\na=1\n", "[x]a=1;", NULL },
        { "a_header_indented_below_an_option_is_its_value", "[x]\na=1\n [y]\nb=2\n",
          "[x]a=1|[y];b=2;", NULL },
        { "the_defaults_may_come_again", "[DEFAULT]\na=1\n[x]\n[DEFAULT]\nb=2\n",
          "[DEFAULT]a=1;b=2;[x]", NULL },

        /* comments */
        { "a_hash_and_a_semicolon_begin_a_comment", "# a\n[x]\n ; b=1\na=1\n", "[x]a=1;", NULL },
        { "a_comment_does_not_follow_text", "[x]\na=1 # b ; c\n", "[x]a=1 # b ; c;", NULL },
        { "a_comment_in_a_value_adds_nothing", "[x]\na=1\n #\n 2\n", "[x]a=1|2;", NULL },

        /* values of several lines */
        { "a_deeper_line_goes_on", "[x]\na=1\n 2\n\t3\nb=4\n", "[x]a=1|2|3;b=4;", NULL },
        { "a_value_may_begin_on_the_next_line", "[x]\na=\n 1\n", "[x]a=|1;", NULL },
        { "a_line_as_deep_is_an_option", "[x]\n  a=1\n  b=2\n   c=3\n", "[x]a=1;b=2|c=3;", NULL },
        { "depth_is_counted_in_characters",
          "[x]\n\xe3\x80\x80"
          "a=1\n b=2\n",
          "[x]a=1;b=2;", NULL },
        { "blank_lines_count_where_the_value_goes_on", "[x]\na=1\n\n \n 2\n\n\nb=3\n",
          "[x]a=1|||2;b=3;", NULL },
        { "blank_lines_at_the_end_do_not", "[x]\na=1\n 2\n\n", "[x]a=1|2;", NULL },
        { "a_further_line_may_hold_a_delimiter", "[x]\na=1\n b=2\n", "[x]a=1|b=2;", NULL },
        { "a_repeated_option_drops_all_its_lines", "[x]\na=1\n 2\na=3\n",
          "4: the option was already there", "[x]a=3;" },

        /* ends of lines */
        { "a_return_and_a_newline_end_one_line", "[x]\r\na=1\r\n 2\r\n", "[x]a=1|2;", NULL },
        { "a_return_ends_a_line", "[x]\ra=1\rb=2\r", "[x]a=1;b=2;", NULL },
        { "other_separators_end_none", "[x]\na=1\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8 2\n",
          "[x]a=1\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8 2;", NULL },
};

static int parse(struct ini *ini,
                 struct arena *arena,
                 enum ini_mode mode,
                 const char *text,
                 size_t n_text,
                 struct complaint *complaint)
{
        struct ini_input input = {
                .file = "f",
                .text = arena_copy(arena, text, n_text),
                .n_bytes = n_text,
                .mode = mode,
        };

        assert_non_null(input.text);
        return ini_parse(ini, arena, &input, complaint);
}

static void put_section(struct text *out, const struct ini_section *section)
{
        const char *c;
        size_t i;

        if (strcmp(section->name, INI_DEFAULT_SECTION) == 0 && !section->n_options)
                return;
        text_printf(out, "[%s]", section->name);
        for (i = 0; i < section->n_options; i++) {
                text_printf(out, "%s=", section->options[i].name);
                for (c = section->options[i].value; *c; c++)
                        text_put_char(out, (char)(*c == '\n' ? '|' : *c));
                assert_int_equal(c - section->options[i].value, section->options[i].n_value);
                text_put_char(out, ';');
        }
}

static void expect(enum ini_mode mode, const char *text, const char *want)
{
        struct complaint complaint = { 0 };
        cleanup_text struct text out = { 0 };
        struct arena arena = { 0 };
        struct ini ini;
        size_t i;
        int r;

        r = parse(&ini, &arena, mode, text, strlen(text), &complaint);
        if (r) {
                assert_int_equal(r, INI_E_BAD);
                assert_string_equal(complaint.file, "f");
                text_printf(&out, "%u: %s", complaint.line, complaint.text);
        }
        for (i = 0; !r && i < ini.n_sections; i++)
                put_section(&out, &ini.sections[i]);
        assert_string_equal(text_get(&out), want);
        complaint_deinit(&complaint);
        arena_deinit(&arena);
}

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;

        expect(INI_STRICT, row->text, row->strict);
        expect(INI_TOLERANT, row->text, row->tolerant ? row->tolerant : row->strict);
}

static void a_nul_is_refused(void **state)
{
        static const char text[] = "[x]\na=1\0\n";
        struct complaint complaint = { 0 };
        struct arena arena = { 0 };
        struct ini ini;

        (void)state;
        assert_int_equal(parse(&ini, &arena, INI_TOLERANT, text, sizeof(text) - 1, &complaint),
                         INI_E_BAD);
        assert_int_equal(complaint.line, 2);
        assert_string_equal(complaint.text, "a NUL byte");
        complaint_deinit(&complaint);
        arena_deinit(&arena);
}

static void without_memory_nothing_is_read(void **state)
{
        static char name[] = "[x]\na=1\n";
        struct arena arena = { .n_total = ARENA_BYTES_MAX };
        struct complaint complaint = { 0 };
        struct ini_input input = { .file = "f", .text = name, .n_bytes = sizeof(name) - 1 };
        struct ini ini;

        (void)state;
        assert_int_equal(ini_parse(&ini, &arena, &input, &complaint), -ENOMEM);
        assert_null(complaint.text);
}

static void the_lines_of_options_are_those_of_the_file(void **state)
{
        static const char text[] = "\n[x]\na=1\n 2\n\nb=3\na=4\n";
        struct complaint complaint = { 0 };
        struct arena arena = { 0 };
        struct ini ini;

        (void)state;
        assert_int_equal(parse(&ini, &arena, INI_TOLERANT, text, sizeof(text) - 1, &complaint), 0);
        assert_int_equal(ini_get(&ini, "x", "b")->line, 6);
        assert_int_equal(ini_get(&ini, "x", "a")->line, 7);
        arena_deinit(&arena);
}

#define LAYERS "[DEFAULT]\na=1\nb=2\n[x]\nc=3\na=4\n[y]\n"

static struct {
        const char *name;
        const char *section;
        const char *option;
        const char *want; /* NULL: there is none */
} get_rows[] = {
        { "no_section_has_no_options", "z", "a", NULL },
        { "an_option_that_is_nowhere_is_not_there", "x", "d", NULL },
        { "names_are_asked_for_in_lower_case", "x", "C", NULL },
        { "the_sections_own_value_comes_first", "x", "a", "4" },
        { "a_default_appears_in_every_section", "y", "a", "1" },
        { "the_defaults_are_a_section", "DEFAULT", "b", "2" },
        { "options_of_a_section_are_no_defaults", "y", "c", NULL },
};

static void run_get_row(void **state)
{
        const typeof(get_rows[0]) *row = *state;
        struct complaint complaint = { 0 };
        const struct ini_option *option;
        struct arena arena = { 0 };
        struct ini ini;

        assert_int_equal(parse(&ini, &arena, INI_STRICT, LAYERS, strlen(LAYERS), &complaint), 0);
        option = ini_get(&ini, row->section, row->option);
        if (row->want)
                assert_string_equal(option->value, row->want);
        else
                assert_null(option);
        arena_deinit(&arena);
}

static struct {
        const char *name;
        const char *section;
        int r;
        const char *want;
} items_rows[] = {
        { "no_section_has_no_items", "z", INI_E_NO_SECTION, "" },
        { "defaults_come_first_with_the_sections_values", "x", 0, "a=4;b=2;c=3;" },
        { "a_section_of_its_own_has_the_defaults", "y", 0, "a=1;b=2;" },
        { "the_defaults_have_themselves_once", "DEFAULT", 0, "a=1;b=2;" },
};

static void run_items_row(void **state)
{
        const typeof(items_rows[0]) *row = *state;
        struct complaint complaint = { 0 };
        cleanup_text struct text out = { 0 };
        const struct ini_option **items;
        struct arena arena = { 0 };
        size_t n_items = 0;
        struct ini ini;
        size_t i;

        assert_int_equal(parse(&ini, &arena, INI_STRICT, LAYERS, strlen(LAYERS), &complaint), 0);
        assert_int_equal(ini_items(&ini, &arena, row->section, &items, &n_items), row->r);
        for (i = 0; i < n_items; i++)
                text_printf(&out, "%s=%s;", items[i]->name, items[i]->value);
        assert_string_equal(text_get(&out), row->want);
        arena_deinit(&arena);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, a_nul_is_refused);
        test_set_add_test(&set, without_memory_nothing_is_read);
        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, the_lines_of_options_are_those_of_the_file);
        test_set_add_rows(&set, get_rows, run_get_row);
        test_set_add_rows(&set, items_rows, run_items_row);
        return test_set_run(&set, "ini");
}
