/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions compiled and matched by PCRE2; the only file that knows it. See pyre.c for what makes
 * them Python's.
 *
 * An argument comes from whoever may ask for commands, so a match must end in bounded time and
 * memory whatever the expression is:
 *   - PCRE2's match limit counts backtracking points, its heap limit bounds what they occupy;
 *   - between two of them the matcher may still read the whole argument (possessive repeats,
 *     look-around, back-references): the translation has callouts there, which draw on a budget of
 *     characters;
 *   - the compiled form is bounded by what the allocator grants.
 * A limit is never a match.
 *
 * REGEX_WHOLE must never match where REGEX_OSLO does not. By their meaning it can't: where the
 * expression alone reaches the argument's end, the same path meets the '$' there. And it takes no
 * more steps to get there, but the '$' is one more item: so all limits of REGEX_OSLO are somewhat
 * higher.
 */
#include "policy/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>

#include "policy/pyre.h"
#include "util/err.h"
#include "util/utf8.h"

/* Groups in the translation of the deepest expression: a set and the flags around it add some. */
#define PARENS_NEST_MAX (PYRE_NEST_MAX + 16)

/* NO_START_OPTIMIZE and NO_AUTO_POSSESS: each of these optimisations has given a wrong answer. */
#define OPTIONS (PCRE2_UCP | PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_POSSESS)

/* What WHOLE leaves free of PYRE_OUTPUT_MAX, for the '$'. */
#define OUTPUT_RESERVE 64

struct limits {
        size_t code_bytes;   /* of one allocation for the compiled form */
        uint32_t matches;    /* backtracking points in all; see matches_of() */
        uint32_t depth;      /* backtracking points at once */
        uint32_t heap_kib;   /* what those occupy; PCRE2 holds up to twice of it while it grows */
        uint64_t characters; /* read between them */
};

/* Measured on 10.42 and a machine of 2023: 50 million points take 0.4 to 0.8 s, 500 million
 * characters 0.6 s; three ".*" on 600 characters take 36 million, the filter "echo '((.|\n)*)' >
 * /.*" on 128 KiB takes 40 MiB. */
static const struct limits limits[] = {
        [REGEX_WHOLE] = { 8u << 20, 50000000, 1000000, 128u << 10, UINT64_C(500000000) },
        [REGEX_OSLO] = { 9u << 20, 55000000, 1100000, 140u << 10, UINT64_C(550000000) },
};

struct regex {
        pcre2_code *code;
        enum regex_mode mode;
        struct pyre pyre; /* without its text */
};

CLEANUP_DEFINE(pcre2_general_context, pcre2_general_context_free)
CLEANUP_DEFINE(pcre2_compile_context, pcre2_compile_context_free)
CLEANUP_DEFINE(pcre2_match_context, pcre2_match_context_free)
CLEANUP_DEFINE(pcre2_match_data, pcre2_match_data_free)

/* What a compilation may take at once, and whether there was less. */
struct memory {
        size_t max;
        bool is_short;
};

static void *memory_get(PCRE2_SIZE size, void *data)
{
        struct memory *memory = data;
        void *taken;

        if (size > memory->max)
                return NULL;
        taken = malloc(size);
        memory->is_short |= !taken;
        return taken;
}

static void memory_put(void *memory, void *data)
{
        (void)data; /* gone by the time that the compiled form is freed */
        free(memory);
}

static int compile(struct regex *regex, const char **reterr_reason)
{
        cleanup_with(pcre2_general_context_free) pcre2_general_context *general = NULL;
        cleanup_with(pcre2_compile_context_free) pcre2_compile_context *context = NULL;
        struct memory memory = { .max = limits[regex->mode].code_bytes };
        PCRE2_SIZE offset;
        int error;

        general = pcre2_general_context_create(memory_get, memory_put, &memory);
        if (!general)
                return err_origin(-ENOMEM);
        context = pcre2_compile_context_create(general);
        if (!context)
                return err_origin(-ENOMEM);

        (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        (void)pcre2_set_parens_nest_limit(context, PARENS_NEST_MAX);
        regex->code = pcre2_compile(regex->pyre.codes, regex->pyre.n_codes, OPTIONS, &error,
                                    &offset, context);
        if (!regex->code && memory.is_short)
                return err_origin(-ENOMEM);
        if (!regex->code) {
                *reterr_reason = "the expression is too large or not supported";
                return REGEX_E_LIMIT;
        }
        return 0;
}

static int translate_error(int r)
{
        if (r == PYRE_E_RAISE)
                return REGEX_E_RAISE;
        return r == PYRE_E_BAD ? REGEX_E_BAD : REGEX_E_LIMIT;
}

static int translate(struct regex *regex,
                     const char *pattern,
                     size_t n_pattern,
                     const char **reterr_reason)
{
        cleanup_free uint32_t *codes = NULL;
        size_t n_codes;
        int r;

        codes = calloc(n_pattern + 1, sizeof(*codes));
        if (!codes)
                return err_origin(-ENOMEM);
        n_codes = utf8_decode(pattern, n_pattern, codes);
        if (regex->mode == REGEX_OSLO)
                codes[n_codes++] = '$';

        r = pyre_translate(&regex->pyre, codes, n_codes, reterr_reason);
        if (r < 0)
                return err_trace(r);
        if (r)
                return translate_error(r);

        if (regex->mode == REGEX_WHOLE && regex->pyre.n_codes > PYRE_OUTPUT_MAX - OUTPUT_RESERVE) {
                *reterr_reason = "the expression is too long";
                return REGEX_E_LIMIT;
        }
        return 0;
}

/**
 * regex_new() - compile an expression
 * @ret_regex:     the expression
 * @pattern:       its text, valid UTF-8
 * @n_pattern:     bytes
 * @mode:          how it is tied to the argument
 * @reterr_reason: why it is refused, a static string; set with positive codes
 *
 * Return: 0              compiled
 *         REGEX_E_BAD    Python's re.compile() raises: the filter matches nothing
 *         REGEX_E_LIMIT  Python may compile it, but it is too large or not supported (see
 *                        policy/pyre.h): the filter matches nothing
 *         -ENOMEM        no memory
 */
int regex_new(struct regex **ret_regex,
              const char *pattern,
              size_t n_pattern,
              enum regex_mode mode,
              const char **reterr_reason)
{
        cleanup_with(regex_free) struct regex *regex = NULL;
        int r;

        _Static_assert(REGEX_PATTERN_MAX < PYRE_PATTERN_MAX, "room for the '$'");
        _Static_assert(REGEX_ARGUMENT_MAX == PYRE_ARGUMENT_MAX, "what pyre.h says of repeats");

        if (n_pattern > REGEX_PATTERN_MAX) {
                *reterr_reason = "the expression is too long";
                return REGEX_E_LIMIT;
        }

        regex = calloc(1, sizeof(*regex));
        if (!regex)
                return err_origin(-ENOMEM);

        regex->mode = mode;
        r = translate(regex, pattern, n_pattern, reterr_reason);
        if (r)
                return err_trace(r); /* NOLINT(clang-analyzer-unix.Malloc): freed by scope */
        r = compile(regex, reterr_reason);
        if (r)
                return err_trace(r);

        free(regex->pyre.codes);
        regex->pyre.codes = NULL;
        *ret_regex = steal_ptr(&regex);
        return 0;
}

/**
 * regex_free() - free an expression
 * @regex: the expression or NULL
 *
 * Return: NULL
 */
struct regex *regex_free(struct regex *regex)
{
        if (!regex)
                return NULL;
        pcre2_code_free(regex->code);
        pyre_deinit(&regex->pyre);
        free(regex);
        return NULL;
}

/* Called by the matcher before it may read characters that it doesn't count. */
static int charge(pcre2_callout_block *block, void *data)
{
        uint64_t *budget = data;
        uint64_t cost = PYRE_UNCHARGED_MAX;

        if (block->callout_number == PYRE_CALLOUT_REST)
                cost += block->subject_length - block->current_position;
        if (cost > *budget)
                return PCRE2_ERROR_MATCHLIMIT;
        *budget -= cost;
        return 0;
}

/* Nested groups and captures make each backtracking point dearer: by as much the fewer are allowed.
 */
static uint32_t matches_of(const struct regex *regex)
{
        uint64_t cost = 16 + regex->pyre.n_nested + UINT64_C(2) * regex->pyre.n_captures;

        return (uint32_t)(limits[regex->mode].matches * UINT64_C(16) / cost);
}

static int match(const struct regex *regex, const uint32_t *codes, size_t n_codes)
{
        cleanup_with(pcre2_match_context_free) pcre2_match_context *context = NULL;
        cleanup_with(pcre2_match_data_free) pcre2_match_data *data = NULL;
        const struct limits *most = &limits[regex->mode];
        uint64_t budget = most->characters;
        uint32_t options = PCRE2_ANCHORED;

        context = pcre2_match_context_create(NULL);
        if (!context)
                return PCRE2_ERROR_NOMEMORY;
        data = pcre2_match_data_create(1, NULL);
        if (!data)
                return PCRE2_ERROR_NOMEMORY;

        (void)pcre2_set_match_limit(context, matches_of(regex));
        (void)pcre2_set_depth_limit(context, most->depth);
        (void)pcre2_set_heap_limit(context, most->heap_kib);
        (void)pcre2_set_callout(context, charge, &budget);
        if (regex->mode == REGEX_WHOLE)
                options |= PCRE2_ENDANCHORED;
        return pcre2_match(regex->code, codes, n_codes, 0, options, data, context);
}

/**
 * regex_match() - does the argument match?
 * @regex:   the expression
 * @codes:   the argument, as utf8_decode() has it
 * @n_codes: how many code points
 *
 * Return: 0                 it matches
 *         REGEX_E_NO_MATCH  it does not
 *         REGEX_E_LIMIT     not decided: too long, too many steps, too much memory, or letters that
 *                           a case-insensitive back-reference is not exact for
 *         -ENOMEM           no memory
 */
int regex_match(const struct regex *regex, const uint32_t *codes, size_t n_codes)
{
        static const uint32_t nothing[1];
        size_t i;
        int r;

        if (n_codes > REGEX_ARGUMENT_MAX)
                return REGEX_E_LIMIT;
        if (regex->pyre.folds_ascii || regex->pyre.folds_unicode)
                for (i = 0; i < n_codes; i++)
                        if (!pyre_fold_is_exact(&regex->pyre, codes[i]))
                                return REGEX_E_LIMIT;

        r = match(regex, n_codes ? codes : nothing, n_codes);
        if (r >= 0)
                return 0;
        switch (r) {
        case PCRE2_ERROR_NOMATCH:
                return REGEX_E_NO_MATCH;
        case PCRE2_ERROR_MATCHLIMIT:
        case PCRE2_ERROR_DEPTHLIMIT:
        case PCRE2_ERROR_HEAPLIMIT:
                return REGEX_E_LIMIT;
        case PCRE2_ERROR_NOMEMORY:
                return err_origin(-ENOMEM);
        default:
                return err_origin(-ENOTRECOVERABLE);
        }
}
