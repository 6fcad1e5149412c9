/* SPDX-License-Identifier: Apache-2.0 */
/* Findings are collected, put in the order of files and lines, and printed for people or as JSON.
 */
#include "tools/finding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/json-text.h"
#include "util/text.h"

/* A finding repeats so much of what somebody wrote. */
#define FINDING_BYTES_MAX 2000

static const char *const severity_names[N_SEVERITIES] = {
        [SEVERITY_NOTE] = "note",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_ERROR] = "error",
};

/**
 * findings_deinit() - give the memory back
 * @findings: becomes empty
 */
void findings_deinit(struct findings *findings)
{
        arena_deinit(&findings->arena);
        *findings = (struct findings){ 0 };
}

static const char *copy(struct findings *findings, const char *text)
{
        return text ? arena_copy_string(&findings->arena, text) : NULL;
}

/**
 * findings_add() - note a finding
 * @findings: where
 * @severity: how bad it is
 * @code:     its name, a static string
 * @place:    where it was found; copied
 * @rule:     the row of rootwrap.filters(5) it is about, a static string; NULL: none
 * @format:   a sentence; what somebody wrote is escaped in it
 */
void findings_add(struct findings *findings,
                  enum severity severity,
                  const char *code,
                  const struct place *place,
                  const char *rule,
                  const char *format,
                  ...)
{
        cleanup_text struct text escaped = { 0 };
        cleanup_text struct text text = { 0 };
        va_list ap;

        va_start(ap, format);
        text_vprintf(&text, format, ap);
        va_end(ap);
        text_put_escaped(&escaped, text_get(&text), text.n_bytes, FINDING_BYTES_MAX);

        findings->n_of[severity]++;
        if (findings->n == findings->n_room) {
                size_t n_more = findings->n_room ? findings->n_room : 64;
                void *v = arena_grow_array(&findings->arena, findings->v, findings->n, n_more,
                                           sizeof(*findings->v));

                if (!v) {
                        findings->is_incomplete = true;
                        return;
                }
                findings->v = v;
                findings->n_room += n_more;
        }
        findings->v[findings->n] = (struct finding){
                .severity = severity,
                .code = code,
                .place = { .file = copy(findings, place->file),
                           .line = place->line,
                           .filter = copy(findings, place->filter) },
                .rule = rule,
                .text = copy(findings, text_get(&escaped)),
                .number = findings->n,
        };
        findings->is_incomplete |= text.broken || escaped.broken ||
                                   !findings->v[findings->n].text ||
                                   !findings->v[findings->n].place.file;
        findings->n += !findings->is_incomplete;
}

/**
 * findings_have() - is something known already?
 * @findings: the findings
 * @code:     its name
 * @file:     its file
 */
bool findings_have(const struct findings *findings, const char *code, const char *file)
{
        size_t i;

        for (i = 0; i < findings->n; i++)
                if (strcmp(findings->v[i].code, code) == 0 &&
                    strcmp(findings->v[i].place.file, file) == 0)
                        return true;
        return false;
}

static int compare(const void *a, const void *b)
{
        const struct finding *x = a;
        const struct finding *y = b;
        int order = strcmp(x->place.file, y->place.file);

        if (order)
                return order;
        if (x->place.line != y->place.line)
                return x->place.line < y->place.line ? -1 : 1;
        return x->number < y->number ? -1 : 1;
}

/**
 * findings_sort() - put them in the order of files, lines and discovery
 * @findings: the findings
 */
void findings_sort(struct findings *findings)
{
        if (findings->n)
                qsort(findings->v, findings->n, sizeof(*findings->v), compare);
}

static void print_count(const struct findings *findings, enum severity severity, const char *end)
{
        size_t n = findings->n_of[severity];

        (void)printf("%zu %s%s%s", n, severity_names[severity], n == 1 ? "" : "s", end);
}

/**
 * findings_print() - a line each, and a summary
 * @findings: the findings
 */
void findings_print(const struct findings *findings)
{
        size_t i;

        for (i = 0; i < findings->n; i++) {
                const struct finding *finding = &findings->v[i];

                (void)printf("%s", finding->place.file);
                if (finding->place.line)
                        (void)printf(":%u", finding->place.line);
                (void)printf(": %s: ", severity_names[finding->severity]);
                if (finding->place.filter)
                        (void)printf("%s: ", finding->place.filter);
                (void)printf("%s [%s%s%s]\n", finding->text, finding->code,
                             finding->rule ? ", " : "", finding->rule ? finding->rule : "");
        }
        print_count(findings, SEVERITY_ERROR, ", ");
        print_count(findings, SEVERITY_WARNING, ", ");
        print_count(findings, SEVERITY_NOTE, "\n");
}

static void put_finding(struct text *text, const struct finding *finding)
{
        text_printf(text, "{\"severity\": \"%s\", \"code\": \"%s\", \"file\": ",
                    severity_names[finding->severity], finding->code);
        text_put_json_or_null(text, finding->place.file);
        if (finding->place.line)
                text_printf(text, ", \"line\": %u", finding->place.line);
        else
                text_put_string(text, ", \"line\": null");
        text_put_string(text, ", \"filter\": ");
        text_put_json_or_null(text, finding->place.filter);
        text_put_string(text, ", \"rule\": ");
        text_put_json_or_null(text, finding->rule);
        text_put_string(text, ", \"text\": ");
        text_put_json_or_null(text, finding->text);
        text_put_char(text, '}');
}

/**
 * findings_print_json() - one object
 * @findings: the findings
 */
void findings_print_json(const struct findings *findings)
{
        size_t i;

        (void)fputs("{\"findings\": [", stdout);
        for (i = 0; i < findings->n; i++) {
                cleanup_text struct text text = { 0 };

                put_finding(&text, &findings->v[i]);
                (void)printf("%s%s", i ? ",\n " : "", text_get(&text));
        }
        (void)printf("], \"summary\": {\"errors\": %zu, \"warnings\": %zu, \"notes\": %zu}}\n",
                     findings->n_of[SEVERITY_ERROR], findings->n_of[SEVERITY_WARNING],
                     findings->n_of[SEVERITY_NOTE]);
}
