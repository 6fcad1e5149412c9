/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What matches one character: literals, categories (\w) and sets ([a-z\d]).
 *
 * PCRE2's own \w \d \s and \b are not used: they differ from Python's, or from one version to the
 * next. Each category is written as the set it is; where a set contains the complement of one
 * ([a\W]), the set becomes an alternation.
 *
 * Case: in Unicode mode PCRE2 folds, and the few letters that it folds otherwise are added. In
 * ASCII mode PCRE2 never folds, and the other case is written out. (PYRE_FLAG_IGNORECASE is PCRE2's
 * "i" only without PYRE_FLAG_ASCII; see pyre-group.c.)
 */
#include "policy/pyre-parser.h"
#include "util/unicode.h"

#define CATEGORIES      "dsw"

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Letters that Python takes for equal without regard to case and PCRE2 does not. */
static const uint32_t equals[][4] = {
        { 'I', 'i', 0x130, 0x131 },
        { 0x390, 0x1FD3 },
        { 0x3B0, 0x1FE3 },
        { 0xFB05, 0xFB06 },
};

/* The letters above U+FFFF that have a case lie in here. */
#define HIGH_CASED_FIRST 0x10400u
#define HIGH_CASED_LAST  0x1E943u

/* A set while it is read. */
struct set {
        size_t start; /* in the output */
        bool is_negated;
        size_t n_members;         /* literals, ranges, categories */
        unsigned int complements; /* bit i: has the complement of CATEGORIES[i] */
};

/* One end of a range, or a category. */
struct member {
        uint32_t code;
        char category; /* d D s S w W, or 0 */
};

static bool folds(const struct pyre_level *level, bool *ret_is_ascii)
{
        *ret_is_ascii = level->flags & PYRE_FLAG_ASCII;
        return level->flags & PYRE_FLAG_IGNORECASE;
}

/* Appends what equals a member of the range, if PCRE2 does not know. */
static void put_equals(struct pyre_parser *parser, uint32_t lo, uint32_t hi)
{
        bool is_hit;
        size_t i;
        size_t j;

        for (i = 0; i < ARRAY_LENGTH(equals); i++) {
                is_hit = false;
                for (j = 0; j < ARRAY_LENGTH(equals[i]); j++)
                        is_hit |= equals[i][j] && equals[i][j] >= lo && equals[i][j] <= hi;
                for (j = 0; is_hit && j < ARRAY_LENGTH(equals[i]) && equals[i][j]; j++)
                        pyre_put_code(parser, equals[i][j]);
        }
}

/* Appends the letters @first..@last that are in the range, in their other case. */
static void put_other_case(struct pyre_parser *parser,
                           uint32_t lo,
                           uint32_t hi,
                           uint32_t first,
                           uint32_t last)
{
        if (lo < first)
                lo = first;
        if (hi > last)
                hi = last;
        if (lo <= hi)
                pyre_put_range(parser, lo ^ 0x20u, hi ^ 0x20u);
}

static int put_set_range(struct pyre_parser *parser, uint32_t lo, uint32_t hi, bool is_literal)
{
        bool is_ascii;

        pyre_put_range(parser, lo, hi);
        if (!folds(pyre_level(parser), &is_ascii))
                return 0;

        if (is_ascii) {
                if (hi > 0xFFFF && !is_literal)
                        return pyre_limit(parser, "(?ai) with a range above U+FFFF");
                put_other_case(parser, lo, hi, 'A', 'Z');
                put_other_case(parser, lo, hi, 'a', 'z');
                return 0;
        }

        if (is_literal && lo >= HIGH_CASED_FIRST && lo <= HIGH_CASED_LAST)
                return pyre_limit(parser, "(?i) with a letter above U+FFFF");
        if (hi - lo >= PYRE_FOLD_MAX - parser->n_folded)
                return pyre_limit(parser, "(?i) with too large ranges");
        parser->n_folded += hi - lo + 1;
        put_equals(parser, lo, hi);
        return 0;
}

/* Appends the members of a category, lower-case letter, for use in a set. */
static void put_category_members(struct pyre_parser *parser, char category)
{
        bool is_ascii = pyre_level(parser)->flags & PYRE_FLAG_ASCII;
        const struct unicode_range *spaces;
        size_t n_spaces;
        size_t i;

        if (category == 'd') {
                pyre_put_text(parser, is_ascii ? "0-9" : "\\p{Nd}");
        } else if (category == 'w') {
                pyre_put_text(parser, is_ascii ? "0-9A-Z_a-z" : "\\p{Xan}_");
        } else if (is_ascii) {
                pyre_put_text(parser, "\\x{9}-\\x{d}\\x{20}");
        } else {
                spaces = unicode_space_ranges(&n_spaces);
                for (i = 0; i < n_spaces; i++)
                        pyre_put_range(parser, spaces[i].first, spaces[i].last);
        }
}

/**
 * pyre_put_category() - append a category, as an item
 * @parser:   the parser
 * @category: d D s S w W
 */
void pyre_put_category(struct pyre_parser *parser, char category)
{
        bool is_complement = category < 'a';

        pyre_put_text(parser, is_complement ? "[^" : "[");
        put_category_members(parser, (char)(category | 0x20));
        pyre_put(parser, ']');
}

/**
 * pyre_put_literal() - append a character, as an item, in all of its cases if these are ignored
 * @parser: the parser
 * @code:   the character
 *
 * Return: 0 or PYRE_E_LIMIT
 */
int pyre_put_literal(struct pyre_parser *parser, uint32_t code)
{
        size_t start = parser->n_out;
        size_t n_plain;
        bool is_ascii;
        int r;

        if (!folds(pyre_level(parser), &is_ascii)) {
                pyre_put_code(parser, code);
                return 0;
        }

        pyre_put_code(parser, code);
        n_plain = parser->n_out - start;
        if (!parser->out_error)
                parser->n_out = start;

        r = put_set_range(parser, code, code, true);
        if (r)
                return r;

        if (!parser->out_error && parser->n_out - start > n_plain) {
                pyre_insert_text(parser, start, "[");
                pyre_put(parser, ']');
        }
        return 0;
}

static int parse_member_escape(struct pyre_parser *parser, uint32_t letter, struct member *ret)
{
        static const char categories[] = "dDsSwW";
        size_t i;

        *ret = (struct member){ 0 };
        for (i = 0; categories[i]; i++)
                if (letter == (unsigned char)categories[i])
                        ret->category = categories[i];
        if (ret->category)
                return 0;
        if (letter == 'b') {
                ret->code = '\b';
                return 0;
        }
        if (letter >= '0' && letter <= '7')
                return pyre_parse_octal(parser, letter, &ret->code);
        return pyre_parse_code_escape(parser, letter, &ret->code);
}

static int parse_member(struct pyre_parser *parser, uint32_t token, struct member *ret)
{
        if (token == PYRE_END)
                return pyre_bad(parser, "a set is not closed");
        if (token & PYRE_ESCAPE)
                return parse_member_escape(parser, token & ~PYRE_ESCAPE, ret);

        *ret = (struct member){ .code = token };
        return 0;
}

static int put_member(struct pyre_parser *parser, struct set *set, const struct member *member)
{
        size_t i;

        set->n_members++;
        if (!member->category)
                return put_set_range(parser, member->code, member->code, true);

        if (member->category >= 'a') {
                put_category_members(parser, member->category);
                return 0;
        }
        for (i = 0; CATEGORIES[i]; i++)
                if (CATEGORIES[i] == (member->category | 0x20))
                        set->complements |= 1u << i;
        return 0;
}

/* Reads a member or a range, of which the first token was taken. @ret_is_end: the set's ] too. */
static int parse_range(struct pyre_parser *parser,
                       struct set *set,
                       uint32_t token,
                       bool *ret_is_end)
{
        struct member lo = { 0 };
        struct member hi = { 0 };
        int r;

        *ret_is_end = false;
        r = parse_member(parser, token, &lo);
        if (r)
                return r;
        if (!pyre_accept(parser, '-'))
                return put_member(parser, set, &lo);

        token = pyre_take(parser);
        if (token == ']') {
                *ret_is_end = true;
                r = put_member(parser, set, &lo);
                return r ? r : put_member(parser, set, &(struct member){ .code = '-' });
        }

        r = parse_member(parser, token, &hi);
        if (r)
                return r;
        if (lo.category || hi.category || hi.code < lo.code)
                return pyre_bad(parser, "a bad range in a set");

        set->n_members++;
        return put_set_range(parser, lo.code, hi.code, false);
}

/* Rewrites [members, complements] as (?:[members]|[^...]), or its negation. */
static void put_complements(struct pyre_parser *parser, const struct set *set, bool has_plain)
{
        bool is_first = !has_plain;
        size_t i;

        pyre_insert_text(parser, set->start, set->is_negated ? "(?:(?!" : "(?:");
        for (i = 0; CATEGORIES[i]; i++) {
                if (!(set->complements & 1u << i))
                        continue;
                if (!is_first)
                        pyre_put(parser, '|');
                is_first = false;
                pyre_put_category(parser, (char)(CATEGORIES[i] & ~0x20));
        }
        pyre_put_text(parser, set->is_negated ? ")(?s:.))" : ")");
}

static void close_set(struct pyre_parser *parser, const struct set *set)
{
        bool has_plain = parser->n_out > set->start + 1;
        size_t i;

        if (parser->out_error)
                return;

        if (has_plain) {
                pyre_put(parser, ']');
                if (set->complements)
                        put_complements(parser, set, true);
                else if (set->is_negated)
                        pyre_insert_text(parser, set->start + 1, "^");
                return;
        }

        parser->n_out = set->start;
        for (i = 0; CATEGORIES[i]; i++)
                if (set->complements == 1u << i) {
                        pyre_put_category(parser, (char)(set->is_negated ? CATEGORIES[i]
                                                                         : CATEGORIES[i] & ~0x20));
                        return;
                }
        put_complements(parser, set, false);
}

/**
 * pyre_parse_class() - read a set and append it, as an item
 * @parser: the parser; the [ was taken
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_parse_class(struct pyre_parser *parser)
{
        struct set set = { .start = parser->n_out };
        bool is_end = false;
        uint32_t token;
        int r;

        pyre_put(parser, '[');
        set.is_negated = pyre_accept(parser, '^');
        while (!is_end) {
                token = pyre_take(parser);
                if (token == ']' && set.n_members)
                        break;

                r = parse_range(parser, &set, token, &is_end);
                if (r)
                        return r;
        }
        close_set(parser, &set);
        return 0;
}
