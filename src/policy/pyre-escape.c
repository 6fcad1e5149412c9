/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backslash begins: characters by number, categories, positions, back-references. Python
 * refuses every ASCII letter that it has no meaning for; every other character stands for itself.
 */
#include "policy/pyre-parser.h"

/* A character of a word, and none, as sets; Unicode and ASCII. */
#define WORD       "[\\p{Xan}_]"
#define WORD_ASCII "[0-9A-Z_a-z]"
#define EDGE(word) "(?:(?<=" word ")(?!" word ")|(?<!" word ")(?=" word "))"
/* Python: an empty argument has no edge and no place that is not one. */
#define NO_EDGE(word) "(?:(?<=" word ")(?=" word ")|(?<!" word ")(?!" word ")(?!\\A\\z))"

static bool is_ascii_letter(uint32_t code)
{
        return (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
}

static int digit_value(uint32_t token, unsigned int base)
{
        unsigned int value;

        if (token >= '0' && token <= '9')
                value = token - '0';
        else if (token >= 'a' && token <= 'f')
                value = token - 'a' + 10;
        else if (token >= 'A' && token <= 'F')
                value = token - 'A' + 10;
        else
                return -1;
        return value < base ? (int)value : -1;
}

static int parse_hex(struct pyre_parser *parser, int n_digits, uint32_t *ret_code)
{
        uint32_t code = 0;
        int value;
        int i;

        for (i = 0; i < n_digits; i++) {
                value = digit_value(pyre_peek(parser), 16);
                if (value < 0)
                        return pyre_bad(parser, "an incomplete escape");
                (void)pyre_take(parser);
                code = code << 4 | (uint32_t)value;
        }
        if (code > PYRE_CODE_MAX)
                return pyre_bad(parser, "an escape above U+10FFFF");

        *ret_code = code;
        return 0;
}

/**
 * pyre_parse_octal() - read the rest of an octal escape
 * @parser:   the parser
 * @first:    its first digit, taken
 * @ret_code: the character
 *
 * Return: 0, or PYRE_E_BAD above 0o377
 */
int pyre_parse_octal(struct pyre_parser *parser, uint32_t first, uint32_t *ret_code)
{
        uint32_t code = first - '0';
        int value;
        int i;

        for (i = 0; i < 2; i++) {
                value = digit_value(pyre_peek(parser), 8);
                if (value < 0)
                        break;
                (void)pyre_take(parser);
                code = code << 3 | (uint32_t)value;
        }
        if (code > 0377)
                return pyre_bad(parser, "an octal escape above 0o377");

        *ret_code = code;
        return 0;
}

/**
 * pyre_parse_code_escape() - read the rest of an escape that is a character, in a set or outside
 * @parser:   the parser
 * @letter:   what follows the backslash, taken
 * @ret_code: the character
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_parse_code_escape(struct pyre_parser *parser, uint32_t letter, uint32_t *ret_code)
{
        static const char letters[] = "afnrtv";
        static const char codes[] = "\a\f\n\r\t\v";
        size_t i;

        for (i = 0; letters[i]; i++)
                if (letter == (unsigned char)letters[i]) {
                        *ret_code = (unsigned char)codes[i];
                        return 0;
                }
        if (letter == 'x')
                return parse_hex(parser, 2, ret_code);
        if (letter == 'u')
                return parse_hex(parser, 4, ret_code);
        if (letter == 'U')
                return parse_hex(parser, 8, ret_code);
        if (letter == 'N')
                return pyre_limit(parser, "\\N{...}: write \\uXXXX");
        if (is_ascii_letter(letter) || (letter >= '0' && letter <= '9'))
                return pyre_bad(parser, "an unknown escape");

        *ret_code = letter;
        return 0;
}

/**
 * pyre_check_look_behind() - may a look-behind that is open refer to a group?
 * @parser: the parser
 * @group:  the group
 *
 * Return: 0 or PYRE_E_BAD
 */
int pyre_check_look_behind(struct pyre_parser *parser, size_t group)
{
        if (!parser->look_behind_groups)
                return 0;
        if (group >= parser->n_groups || !parser->groups[group].is_closed)
                return pyre_bad(parser, "a reference to an open group");
        if (group >= parser->look_behind_groups)
                return pyre_bad(parser, "a reference to a group of the same look-behind");
        return 0;
}

/**
 * pyre_put_reference() - append a back-reference, as an item
 * @parser: the parser
 * @group:  the group
 *
 * Return: 0 or PYRE_E_BAD
 */
int pyre_put_reference(struct pyre_parser *parser, size_t group)
{
        const struct pyre_level *level = pyre_level(parser);
        bool is_ascii = level->flags & PYRE_FLAG_ASCII;
        bool folds = level->flags & PYRE_FLAG_IGNORECASE;
        size_t start = parser->n_out;
        int r;

        if (group >= parser->n_groups || !parser->groups[group].is_closed)
                return pyre_bad(parser, "a reference to a group that is open or does not exist");
        r = pyre_check_look_behind(parser, group);
        if (r)
                return r;

        parser->groups[group].is_used = true;
        parser->has_uses = true;
        parser->folds_ascii |= folds && is_ascii;
        parser->folds_unicode |= folds && !is_ascii;

        /* In ASCII mode PCRE2's "i" is off; pyre_fold_is_exact() keeps it within ASCII. */
        pyre_put_text(parser, folds && is_ascii ? "(?i:\\g{" : "\\g{");
        pyre_put_number(parser, parser->groups[group].number);
        pyre_put_text(parser, folds && is_ascii ? "})" : "}");
        if (parser->groups[group].width.hi > PYRE_UNCHARGED_MAX)
                start = pyre_put_callout(parser, start, PYRE_CALLOUT_REST);
        pyre_add_item(parser, PYRE_ITEM_OTHER, parser->groups[group].width, start);
        return 0;
}

/* \1 to \99, or \100 to \377 octal */
static int parse_number(struct pyre_parser *parser, uint32_t first)
{
        uint32_t number = first - '0';
        uint32_t second;
        size_t start = parser->n_out;
        int value;
        int r;

        if (digit_value(pyre_peek(parser), 10) >= 0) {
                second = pyre_take(parser);
                value = digit_value(pyre_peek(parser), 8);
                if (first <= '7' && second <= '7' && value >= 0) {
                        (void)pyre_take(parser);
                        number = number << 6 | (second - '0') << 3 | (uint32_t)value;
                        if (number > 0377)
                                return pyre_bad(parser, "an octal escape above 0o377");
                        r = pyre_put_literal(parser, number);
                        if (r)
                                return r;
                        pyre_add_item(parser, PYRE_ITEM_UNIT, PYRE_WIDTH_UNIT, start);
                        return 0;
                }
                number = number * 10 + (second - '0');
        }
        return pyre_put_reference(parser, number);
}

static bool put_position(struct pyre_parser *parser, uint32_t letter)
{
        bool is_ascii = pyre_level(parser)->flags & PYRE_FLAG_ASCII;

        if (letter == 'A')
                pyre_put_text(parser, "\\A");
        else if (letter == 'Z')
                pyre_put_text(parser, "\\z");
        else if (letter == 'b')
                pyre_put_text(parser, is_ascii ? EDGE(WORD_ASCII) : EDGE(WORD));
        else if (letter == 'B')
                pyre_put_text(parser, is_ascii ? NO_EDGE(WORD_ASCII) : NO_EDGE(WORD));
        else
                return false;
        return true;
}

/**
 * pyre_parse_escape() - read the rest of an escape outside a set and append it
 * @parser: the parser
 * @letter: what follows the backslash, taken
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_parse_escape(struct pyre_parser *parser, uint32_t letter)
{
        size_t start = parser->n_out;
        uint32_t code = 0;
        int r;

        if (put_position(parser, letter)) {
                pyre_add_item(parser, PYRE_ITEM_POSITION, PYRE_WIDTH_NONE, start);
                return 0;
        }
        if (letter >= '1' && letter <= '9')
                return parse_number(parser, letter);

        if (letter == 'd' || letter == 'D' || letter == 's' || letter == 'S' || letter == 'w' ||
            letter == 'W') {
                pyre_put_category(parser, (char)letter);
        } else {
                r = letter == '0' ? pyre_parse_octal(parser, letter, &code)
                                  : pyre_parse_code_escape(parser, letter, &code);
                if (!r)
                        r = pyre_put_literal(parser, code);
                if (r)
                        return r;
        }
        pyre_add_item(parser, PYRE_ITEM_UNIT, PYRE_WIDTH_UNIT, start);
        return 0;
}
