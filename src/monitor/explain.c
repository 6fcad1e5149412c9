/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would become of a command: the decision, and nothing of what follows from it. Nothing is
 * logged either: asking is not trying.
 */
#include "monitor/explain.h"

#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"
#include "monitor/ruleset.h"
#include "policy/decision.h"
#include "policy/refusal.h"
#include "util/err.h"
#include "util/text.h"

/* Of each kind, so many bytes are told. All together are less than a record has room for. */
#define ARGS_BYTES_MAX   (16u * 1024)
#define ENV_BYTES_MAX    4096u
#define REASON_BYTES_MAX 4096u
#define NAME_BYTES_MAX   1024u

/* Return: the bytes that were appended */
static uint32_t put_part(struct text *tail, const char *bytes, size_t n_bytes, size_t n_max)
{
        size_t n = n_bytes < n_max ? n_bytes : n_max;

        text_put(tail, bytes, n);
        return (uint32_t)n;
}

static uint32_t put_name(struct text *tail, const char *name)
{
        return name ? put_part(tail, name, strlen(name), NAME_BYTES_MAX) : 0;
}

/* Strings, each with its NUL; what has no room is left out. */
static uint32_t put_strings(struct text *tail, const char *const *strings, size_t n_max)
{
        size_t n_bytes = 0;
        size_t n;

        for (; strings && *strings; strings++, n_bytes += n) {
                n = strlen(*strings) + 1;
                if (n > n_max - n_bytes)
                        break;
                text_put(tail, *strings, n);
        }
        return (uint32_t)n_bytes;
}

static uint32_t put_file(struct text *tail, const struct filter *filter)
{
        char line[16];
        int n;

        if (!filter || !filter->file)
                return 0;
        n = snprintf(line, sizeof(line), ":%u", filter->line);
        return put_name(tail, filter->file) + put_part(tail, line, (size_t)n, sizeof(line));
}

/* In people's words, and per filter that was tried. */
static void put_reason(struct text *reason,
                       const struct decision *decision,
                       const struct ruleset *ruleset,
                       const char *const *argv)
{
        size_t i;

        if (decision->verdict == VERDICT_ALLOW)
                return;
        refusal_put_verdict(reason, decision, argv);
        if (decision->verdict == VERDICT_NOT_EXECUTABLE) {
                text_put_string(reason, ". ");
                refusal_put_missing(reason, decision, &ruleset->policy);
        }
        for (i = 0; i < decision->n_reasons; i++)
                text_printf(reason, "; filter %s: %s", decision->reasons[i].filter->name,
                            decision->reasons[i].text);
}

/**
 * explain_put() - an answer
 * @decision: made with DECISION_DIAGNOSE
 * @ruleset:  by which
 * @argv:     about what
 * @record:   becomes EXPLAINED; its tail is borrowed from @tail
 * @tail:     empty
 */
void explain_put(const struct decision *decision,
                 const struct ruleset *ruleset,
                 const char *const *argv,
                 struct record *record,
                 struct text *tail)
{
        const struct filter *filter = decision->filter;
        bool is_allowed = decision->verdict == VERDICT_ALLOW;
        struct record_explained *explained = &record->explained;
        struct text reason = { 0 };

        put_reason(&reason, decision, ruleset, argv);
        record->type = RECORD_EXPLAINED;
        explained->exit_code = is_allowed ? 0 : verdict_exit_code(decision->verdict);
        explained->n_filter_bytes = put_name(tail, filter ? filter->name : NULL);
        explained->n_run_as_bytes = put_name(tail, filter ? filter->run_as : NULL);
        explained->n_file_bytes = put_file(tail, filter);
        explained->n_reason_bytes =
                put_part(tail, text_get(&reason), reason.n_bytes, REASON_BYTES_MAX);
        explained->n_env_bytes =
                put_strings(tail, is_allowed ? decision->command.env : NULL, ENV_BYTES_MAX);
        (void)put_strings(tail, is_allowed ? decision->command.argv : NULL, ARGS_BYTES_MAX);
        record->tail = text_get(tail);
        record->n_tail = tail->n_bytes;
        text_deinit(&reason);
}
