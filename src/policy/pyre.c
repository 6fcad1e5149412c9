/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Python's re to PCRE2.
 *
 * The parser reads tokens as Python's own parser does (Lib/re/_parser.py) and keeps its checks and
 * its counting of widths; it writes each item in the one form that PCRE2 understands alike. It does
 * not build a tree: open parentheses are levels on a stack of fixed size, and a repeat is applied
 * to the output of the last item. The translation is meant for PCRE2_UCP without PCRE2_UTF, newline
 * LF, no other option but those regex.c sets.
 *
 * It runs once, and once more if there are back-references or conditions: the first run finds out
 * which groups have to capture.
 */
#include "policy/pyre.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pyre-parser.h"
#include "policy/pyre-unicode.h"
#include "util/cleanup.h"
#include "util/err.h"

/**
 * pyre_bad() - note why Python refuses
 * @parser: the parser
 * @reason: why, a static string
 *
 * Return: PYRE_E_BAD
 */
int pyre_bad(struct pyre_parser *parser, const char *reason)
{
        parser->reason = reason;
        return PYRE_E_BAD;
}

/**
 * pyre_raise() - note that Python ends with another error than re.error, which nobody handles
 * @parser: the parser
 * @reason: why, a static string
 *
 * Return: PYRE_E_RAISE
 */
int pyre_raise(struct pyre_parser *parser, const char *reason)
{
        parser->reason = reason;
        return PYRE_E_RAISE;
}

/**
 * pyre_limit() - note why this is not translated
 * @parser: the parser
 * @reason: why, a static string
 *
 * Return: PYRE_E_LIMIT
 */
int pyre_limit(struct pyre_parser *parser, const char *reason)
{
        parser->reason = reason;
        return PYRE_E_LIMIT;
}

/**
 * pyre_peek() - look at the next token
 * @parser: the parser
 *
 * Return: the token
 */
uint32_t pyre_peek(const struct pyre_parser *parser)
{
        if (parser->at >= parser->n_codes)
                return PYRE_END;
        if (parser->codes[parser->at] == '\\')
                return PYRE_ESCAPE | parser->codes[parser->at + 1]; /* see has_stray_backslash() */
        return parser->codes[parser->at];
}

/**
 * pyre_take() - take the next token
 * @parser: the parser
 *
 * Return: the token; PYRE_END again and again at the end
 */
uint32_t pyre_take(struct pyre_parser *parser)
{
        uint32_t token = pyre_peek(parser);

        if (token != PYRE_END)
                parser->at += token & PYRE_ESCAPE ? 2 : 1;
        return token;
}

/**
 * pyre_accept() - take the next token if it is this
 * @parser: the parser
 * @token:  this
 *
 * Return: whether it was
 */
bool pyre_accept(struct pyre_parser *parser, uint32_t token)
{
        if (pyre_peek(parser) != token)
                return false;
        (void)pyre_take(parser);
        return true;
}

/**
 * pyre_level() - the innermost open group
 * @parser: the parser
 *
 * Return: its level
 */
struct pyre_level *pyre_level(struct pyre_parser *parser)
{
        return &parser->levels[parser->n_levels - 1];
}

/**
 * pyre_width_add() - the width of one after the other
 * @a: the one
 * @b: the other
 *
 * Return: the sum; the widths of a whole expression can't overflow it
 */
struct pyre_width pyre_width_add(struct pyre_width a, struct pyre_width b)
{
        return (struct pyre_width){ a.lo + b.lo, a.hi + b.hi };
}

/**
 * pyre_width_end() - the width of a sequence that is complete
 * @width: the sum of its items
 *
 * Return: the width, within Python's bounds
 */
struct pyre_width pyre_width_end(struct pyre_width width)
{
        if (width.lo > PYRE_REPEAT_INFINITE - 1)
                width.lo = PYRE_REPEAT_INFINITE - 1;
        if (width.hi > PYRE_REPEAT_INFINITE)
                width.hi = PYRE_REPEAT_INFINITE;
        return width;
}

/**
 * pyre_add_item() - note that an item was appended
 * @parser: the parser
 * @item:   its kind
 * @width:  its width
 * @start:  where it begins in the output
 */
void pyre_add_item(struct pyre_parser *parser,
                   enum pyre_item item,
                   struct pyre_width width,
                   size_t start)
{
        struct pyre_level *level = pyre_level(parser);

        if (level->n_uncharged++ == PYRE_RUN_MAX) {
                level->n_uncharged = 0;
                start = pyre_put_callout(parser, start, PYRE_CALLOUT_RUN);
        }
        level->sequence = pyre_width_add(level->sequence, level->item_width);
        level->item = item;
        level->item_width = width;
        level->item_start = start;
        level->item_captures = false;
}

static void skip_line(struct pyre_parser *parser)
{
        uint32_t token;

        do
                token = pyre_take(parser);
        while (token != PYRE_END && token != '\n');
}

/* Under (?x): blanks and comments are nothing. */
static bool skip_verbose(struct pyre_parser *parser, uint32_t token)
{
        if (!(pyre_level(parser)->flags & PYRE_FLAG_VERBOSE))
                return false;
        if (token == ' ' || (token >= '\t' && token <= '\r'))
                return true;
        if (token != '#')
                return false;
        skip_line(parser);
        return true;
}

static void put_position(struct pyre_parser *parser, uint32_t token)
{
        bool is_multiline = pyre_level(parser)->flags & PYRE_FLAG_MULTILINE;
        size_t start = parser->n_out;

        if (token == '^')
                pyre_put_text(parser, is_multiline ? "(?m:^)" : "\\A");
        else
                pyre_put_text(parser, is_multiline ? "(?m:$)" : "\\Z");
        pyre_add_item(parser, PYRE_ITEM_POSITION, PYRE_WIDTH_NONE, start);
}

/* Reads what matches one character. */
static int parse_unit(struct pyre_parser *parser, uint32_t token)
{
        size_t start = parser->n_out;
        int r = 0;

        if (token == '.')
                pyre_put(parser, '.');
        else if (token == '[')
                r = pyre_parse_class(parser);
        else
                r = pyre_put_literal(parser, token);
        if (r)
                return r;

        pyre_add_item(parser, PYRE_ITEM_UNIT, PYRE_WIDTH_UNIT, start);
        return 0;
}

static int parse_token(struct pyre_parser *parser, uint32_t token)
{
        if (token & PYRE_ESCAPE)
                return pyre_parse_escape(parser, token & ~PYRE_ESCAPE);
        if (skip_verbose(parser, token))
                return 0;

        switch (token) {
        case '(':
                return pyre_open(parser);
        case ')':
                return pyre_close(parser);
        case '|':
                return pyre_branch(parser);
        case '?':
        case '*':
        case '+':
        case '{':
                return pyre_parse_repeat(parser, token);
        case '^':
        case '$':
                put_position(parser, token);
                return 0;
        default:
                return parse_unit(parser, token);
        }
}

static int parse(struct pyre_parser *parser)
{
        uint32_t token;
        int r;

        while ((token = pyre_take(parser)) != PYRE_END) {
                r = parse_token(parser, token);
                if (!r)
                        r = parser->out_error;
                if (r)
                        return r;
        }
        if (parser->n_levels > 1)
                return pyre_bad(parser, "a parenthesis is not closed");
        if (parser->highest_condition >= parser->n_groups)
                return pyre_bad(parser, "a condition on a group that does not exist");
        return 0;
}

/* Wraps the whole in its flags, so that it is one thing whatever it consists of. */
static int finish(struct pyre_parser *parser)
{
        uint32_t flags = parser->levels[0].flags;
        bool folds = (flags & PYRE_FLAG_IGNORECASE) && !(flags & PYRE_FLAG_ASCII);

        pyre_insert_text(parser, 0, ":");
        if (flags & PYRE_FLAG_DOTALL)
                pyre_insert_text(parser, 0, "s");
        if (folds)
                pyre_insert_text(parser, 0, "i");
        pyre_insert_text(parser, 0, "(?");
        pyre_put(parser, ')');
        return parser->out_error;
}

static int run(struct pyre_parser *parser)
{
        int r;

        parser->at = 0;
        parser->n_out = 0;
        parser->n_levels = 1;
        parser->levels[0] = (struct pyre_level){ .kind = PYRE_LEVEL_TOP };
        parser->n_groups = 1;
        parser->look_behind_groups = 0;
        parser->n_folded = 0;

        r = parse(parser);
        return r ? r : finish(parser);
}

static void number_groups(struct pyre_parser *parser)
{
        size_t i;

        for (i = 1; i < parser->n_groups; i++)
                if (parser->groups[i].is_used)
                        parser->groups[i].number = ++parser->n_captures;
        parser->is_final = true;
}

/* Does it end in a backslash that escapes nothing? */
static bool has_stray_backslash(const uint32_t *codes, size_t n_codes)
{
        size_t n = n_codes;

        while (n && codes[n - 1] == '\\')
                n--;
        return (n_codes - n) % 2;
}

static struct pyre_parser *parser_free(struct pyre_parser *parser)
{
        if (!parser)
                return NULL;
        free(parser->out);
        free(parser->groups);
        free(parser);
        return NULL;
}

CLEANUP_DEFINE(struct pyre_parser, parser_free)

/* Return: the parser, NULL without memory */
static struct pyre_parser *parser_new(const uint32_t *codes, size_t n_codes)
{
        struct pyre_parser *parser;
        size_t i;

        parser = calloc(1, sizeof(*parser));
        if (!parser)
                return NULL;

        parser->codes = codes;
        parser->n_codes = n_codes;
        parser->n_groups_room = 1;
        for (i = 0; i < n_codes; i++)
                parser->n_groups_room += codes[i] == '(';
        parser->groups = calloc(parser->n_groups_room, sizeof(*parser->groups));
        if (!parser->groups)
                return parser_free(parser);
        return parser;
}

/**
 * pyre_translate() - translate an expression
 * @ret_pyre:      the translation; give it to pyre_deinit()
 * @codes:         the expression, code points up to U+10FFFF, surrogates too
 * @n_codes:       how many
 * @reterr_reason: why it is refused, a static string; set with PYRE_E_BAD and PYRE_E_LIMIT
 *
 * Return: 0             done
 *         PYRE_E_BAD    Python's re.compile() raises
 *         PYRE_E_LIMIT  it may not raise, but see the header
 *         -ENOMEM       no memory
 */
int pyre_translate(struct pyre *ret_pyre,
                   const uint32_t *codes,
                   size_t n_codes,
                   const char **reterr_reason)
{
        cleanup_with(parser_free) struct pyre_parser *parser = NULL;
        int r;

        if (n_codes > PYRE_PATTERN_MAX) {
                *reterr_reason = "the expression is too long";
                return PYRE_E_LIMIT;
        }
        if (has_stray_backslash(codes, n_codes)) {
                *reterr_reason = "a backslash at the end";
                return PYRE_E_BAD;
        }

        parser = parser_new(codes, n_codes);
        if (!parser)
                return err_origin(-ENOMEM);

        r = run(parser);
        if (!r && parser->has_uses) {
                number_groups(parser);
                r = run(parser);
        }
        if (r) {
                if (r > 0)
                        *reterr_reason = parser->reason;
                return r;
        }

        *ret_pyre = (struct pyre){
                .codes = parser->out,
                .n_codes = parser->n_out,
                .folds_unicode = parser->folds_unicode,
                .folds_ascii = parser->folds_ascii,
                .n_nested = (uint32_t)(parser->n_levels_most ? parser->n_levels_most - 1 : 0),
                .n_captures = parser->n_captures,
        };
        parser->out = NULL;
        return 0;
}

/**
 * pyre_deinit() - free a translation
 * @pyre: the translation, or one of zeros
 */
void pyre_deinit(struct pyre *pyre)
{
        free(pyre->codes);
        *pyre = (struct pyre){ 0 };
}

/**
 * pyre_fold_is_exact() - may the argument contain this character?
 * @pyre: a translation
 * @code: the character
 *
 * Return: false if, with it, a case-insensitive back-reference could mean something else than in
 *         Python; then the expression must not match
 */
bool pyre_fold_is_exact(const struct pyre *pyre, uint32_t code)
{
        if (code < 0x80)
                return true;
        return !pyre->folds_ascii && !(pyre->folds_unicode && pyre_has_odd_fold(code));
}
