/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of configparser's syntax, in both modes: it is read, or a complaint says why not; names
 * are lower case and strings whole; and what was read, written out again, reads as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/ini.h"
#include "util/arena.h"
#include "util/complaint.h"
#include "util/pystr.h"
#include "util/text.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static int parse(struct ini *ini,
                 struct arena *arena,
                 enum ini_mode mode,
                 const char *text,
                 size_t n_text)
{
        struct complaint complaint = { 0 };
        struct ini_input input = { .file = "fuzz", .n_bytes = n_text, .mode = mode };
        int r;

        input.text = arena_copy(arena, text, n_text);
        ORACLE(input.text);
        r = ini_parse(ini, arena, &input, &complaint);
        ORACLE(r == 0 || (r == INI_E_BAD && complaint.text && complaint.line));
        complaint_deinit(&complaint);
        return r;
}

static void check_option(const struct ini_option *option)
{
        cleanup_text struct text lower = { 0 };
        const char *value = option->value;

        pystr_lower(option->name, strlen(option->name), &lower);
        ORACLE(lower.n_bytes && strcmp(text_get(&lower), option->name) == 0);
        ORACLE(option->line);
        ORACLE(strlen(option->value) == option->n_value);
        ORACLE(pystr_rstrip(value, option->n_value) == option->n_value);
}

static void write_option(struct text *out, const struct ini_option *option)
{
        const char *c;

        text_printf(out, "%s = ", option->name);
        for (c = option->value; *c; c++) {
                text_put_char(out, *c);
                if (*c == '\n')
                        text_put_char(out, ' ');
        }
        text_put_char(out, '\n');
}

static void write_ini(struct text *out, const struct ini *ini)
{
        size_t i;
        size_t k;

        for (i = 0; i < ini->n_sections; i++) {
                text_printf(out, "[%s]\n", ini->sections[i].name);
                for (k = 0; k < ini->sections[i].n_options; k++) {
                        check_option(&ini->sections[i].options[k]);
                        write_option(out, &ini->sections[i].options[k]);
                }
        }
}

static void check_same(const struct ini *a, const struct ini *b)
{
        size_t i;
        size_t k;

        ORACLE(a->n_sections == b->n_sections);
        for (i = 0; i < a->n_sections; i++) {
                const struct ini_section *x = &a->sections[i];
                const struct ini_section *y = &b->sections[i];

                ORACLE(strcmp(x->name, y->name) == 0 && x->n_options == y->n_options);
                for (k = 0; k < x->n_options; k++) {
                        ORACLE(strcmp(x->options[k].name, y->options[k].name) == 0);
                        ORACLE(strcmp(x->options[k].value, y->options[k].value) == 0);
                        ORACLE(ini_get(a, x->name, x->options[k].name) == &x->options[k]);
                }
        }
}

static bool check(enum ini_mode mode, const char *text, size_t n_text)
{
        struct arena arena = { 0 };
        cleanup_text struct text out = { 0 };
        struct ini again;
        struct ini ini;
        bool is_good;

        is_good = parse(&ini, &arena, mode, text, n_text) == 0;
        if (is_good) {
                write_ini(&out, &ini);
                ORACLE(parse(&again, &arena, INI_STRICT, text_get(&out), out.n_bytes) == 0);
                check_same(&ini, &again);
        }
        arena_deinit(&arena);
        return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        bool is_strict_good = check(INI_STRICT, (const char *)bytes, n_bytes);

        ORACLE(check(INI_TOLERANT, (const char *)bytes, n_bytes) || !is_strict_good);
        return 0;
}
