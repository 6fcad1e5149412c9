/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything in parentheses: groups, flags, look-around, conditions, named references, comments.
 *
 * Only groups that something refers to capture in the translation: the others cost the matcher
 * memory for each iteration of a repeat. So references go by new numbers.
 *
 * Flags: PCRE2 gets "i" and "s" as they are in effect ("i" not in ASCII mode); everything else is
 * resolved here.
 */
#include <string.h>

#include "policy/pyre-parser.h"
#include "policy/pyre-unicode.h"
#include "util/unicode.h"

/* int() refuses longer ones. */
#define DIGITS_MAX 4300

#define TYPE_FLAGS (PYRE_FLAG_ASCII | PYRE_FLAG_UNICODE)

/* Return: the flag of a letter, 0 if there is none; (?L) is for bytes */
static uint32_t flag_of(uint32_t token)
{
        switch (token) {
        case 'a':
                return PYRE_FLAG_ASCII;
        case 'i':
                return PYRE_FLAG_IGNORECASE;
        case 'm':
                return PYRE_FLAG_MULTILINE;
        case 's':
                return PYRE_FLAG_DOTALL;
        case 't':
                return PYRE_FLAG_TEMPLATE;
        case 'u':
                return PYRE_FLAG_UNICODE;
        case 'x':
                return PYRE_FLAG_VERBOSE;
        default:
                return 0;
        }
}

/* Opens a level; the parenthesis is in the output from @start on. */
static int push(struct pyre_parser *parser, enum pyre_level_kind kind, uint32_t flags, size_t start)
{
        if (parser->n_levels > PYRE_NEST_MAX)
                return pyre_raise(parser, "too many groups within groups");

        parser->levels[parser->n_levels++] = (struct pyre_level){
                .kind = kind,
                .flags = flags,
                .start = start,
                .body = parser->n_out,
        };
        if (parser->n_levels > parser->n_levels_most)
                parser->n_levels_most = parser->n_levels;
        return 0;
}

static int open_plain(struct pyre_parser *parser, enum pyre_level_kind kind, const char *text)
{
        size_t start = parser->n_out;

        pyre_put_text(parser, text);
        return push(parser, kind, pyre_level(parser)->flags, start);
}

/* A name or number in the pattern, up to its end character. */
struct name {
        size_t start;
        size_t n;
};

static int parse_name(struct pyre_parser *parser, uint32_t end, struct name *ret_name)
{
        uint32_t token;

        ret_name->start = parser->at;
        for (token = pyre_take(parser); token != end; token = pyre_take(parser)) {
                if (token == PYRE_END)
                        return pyre_bad(parser, "the name of a group has no end");
                if (token & PYRE_ESCAPE)
                        return pyre_bad(parser, "the name of a group has a backslash");
        }
        ret_name->n = parser->at - 1 - ret_name->start;
        return ret_name->n ? 0 : pyre_bad(parser, "the name of a group is missing");
}

static bool is_identifier(const struct pyre_parser *parser, const struct name *name)
{
        const uint32_t *codes = parser->codes + name->start;
        size_t i;

        if (codes[0] != '_' && !pyre_is_name_start(codes[0]))
                return false;
        for (i = 1; i < name->n; i++)
                if (!pyre_is_name(codes[i]))
                        return false;
        return true;
}

/* Return: the group of that name, 0 if there is none */
static size_t find_group(const struct pyre_parser *parser, const struct name *name)
{
        const struct pyre_group *group;
        size_t i;

        for (i = 1; i < parser->n_groups; i++) {
                group = &parser->groups[i];
                if (group->n_name == name->n &&
                    !memcmp(parser->codes + group->name, parser->codes + name->start,
                            name->n * sizeof(*parser->codes)))
                        return i;
        }
        return 0;
}

static int open_capture(struct pyre_parser *parser, const struct name *name)
{
        size_t number = parser->n_groups;
        struct pyre_group *group = &parser->groups[number];
        int r;

        if (name && !is_identifier(parser, name))
                return pyre_bad(parser, "the name of a group is not an identifier");
        if (name && find_group(parser, name))
                return pyre_bad(parser, "two groups have one name");

        r = open_plain(parser, PYRE_LEVEL_CAPTURE,
                       group->is_used && parser->is_final ? "(" : "(?:");
        if (r)
                return r;

        parser->n_groups++;
        group->is_closed = false;
        group->name = name ? name->start : 0;
        group->n_name = name ? name->n : 0;
        pyre_level(parser)->group = (uint32_t)number;
        return 0;
}

/* (?P<name>...) and (?P=name) */
static int open_named(struct pyre_parser *parser)
{
        struct name name = { 0 };
        size_t group;
        int r;

        if (pyre_accept(parser, '<')) {
                r = parse_name(parser, '>', &name);
                return r ? r : open_capture(parser, &name);
        }
        if (!pyre_accept(parser, '='))
                return pyre_bad(parser, "an unknown extension (?P...)");

        r = parse_name(parser, ')', &name);
        if (r)
                return r;
        group = find_group(parser, &name);
        return group ? pyre_put_reference(parser, group)
                     : pyre_bad(parser, "a reference to a group that does not exist");
}

static bool is_blank(uint32_t code)
{
        if (code < 0x80)
                return code == ' ' || (code >= '\t' && code <= '\r');
        return unicode_is_space(code);
}

/* Reads a number as int() does. Return: the number, SIZE_MAX for a large one, 0 for none or 0 */
static size_t read_number(const struct pyre_parser *parser, const struct name *name)
{
        const uint32_t *codes = parser->codes + name->start;
        size_t n_digits = 0;
        size_t value = 0;
        size_t at = 0;
        size_t n = name->n;
        bool after_digit = false;
        int digit;

        while (at < n && is_blank(codes[at]))
                at++;
        while (at < n && is_blank(codes[n - 1]))
                n--;
        if (at < n && codes[at] == '+')
                at++;
        for (; at < n; at++) {
                digit = unicode_digit(codes[at]);
                if (digit < 0 && !(codes[at] == '_' && after_digit))
                        return 0;
                after_digit = digit >= 0;
                if (!after_digit)
                        continue;
                n_digits++;
                value = value > PYRE_PATTERN_MAX ? SIZE_MAX / 16 : value * 10 + (size_t)digit;
        }
        return after_digit && n_digits <= DIGITS_MAX ? value : 0;
}

/* (?(group)yes|no) */
static int open_condition(struct pyre_parser *parser)
{
        size_t start = parser->n_out;
        struct name name = { 0 };
        size_t group;
        int r;

        r = parse_name(parser, ')', &name);
        if (r)
                return r;
        group = is_identifier(parser, &name) ? find_group(parser, &name)
                                             : read_number(parser, &name);
        if (!group || group >= parser->n_groups_room)
                return pyre_bad(parser, "a condition on a group that does not exist");
        r = pyre_check_look_behind(parser, group);
        if (r)
                return r;
        /* While its group is matched again, Python may mix the ends of the two matches. */
        if (group < parser->n_groups && !parser->groups[group].is_closed)
                return pyre_limit(parser, "a condition within the group that it asks for");

        /* It may be a later group: whether that exists is known at the end. */
        if (group > parser->highest_condition)
                parser->highest_condition = group;
        parser->groups[group].is_used = true;
        parser->has_uses = true;

        pyre_put_text(parser, "(?(");
        pyre_put_number(parser, parser->groups[group].number);
        pyre_put(parser, ')');
        return push(parser, PYRE_LEVEL_YES, pyre_level(parser)->flags, start);
}

static int open_look(struct pyre_parser *parser, uint32_t token)
{
        bool is_behind = token == '<';
        int r;

        if (is_behind)
                token = pyre_take(parser);
        if (token != '=' && token != '!')
                return pyre_bad(parser, "an unknown extension (?<...)");

        if (!is_behind)
                return open_plain(parser, PYRE_LEVEL_AHEAD, token == '=' ? "(?=" : "(?!");
        r = open_plain(parser, PYRE_LEVEL_BEHIND, token == '=' ? "(?<=" : "(?<!");
        if (r)
                return r;
        if (!parser->look_behind_groups) {
                parser->look_behind_groups = parser->n_groups;
                pyre_level(parser)->ends_look_behind = true;
        }
        return 0;
}

static int skip_comment(struct pyre_parser *parser)
{
        uint32_t token;

        do {
                token = pyre_take(parser);
                if (token == PYRE_END)
                        return pyre_bad(parser, "a comment is not closed");
        } while (token != ')');
        return 0;
}

/* Flags for the whole expression: only before its first item. */
static int set_global_flags(struct pyre_parser *parser, uint32_t flags)
{
        struct pyre_level *level = pyre_level(parser);

        if (parser->n_levels > 1 || level->has_branches || level->item != PYRE_ITEM_NONE)
                return pyre_bad(parser, "global flags that are not at the start");

        level->flags |= flags;
        if ((level->flags & TYPE_FLAGS) == TYPE_FLAGS)
                return pyre_raise(parser, "the flags a and u together");
        return 0;
}

/* Reads flags up to another character, which is taken. */
static int parse_flag_letters(struct pyre_parser *parser,
                              uint32_t first,
                              uint32_t *ret_flags,
                              uint32_t *ret_end)
{
        uint32_t flags = 0;
        uint32_t token = first;

        do {
                if (!flag_of(token))
                        return pyre_bad(parser, "an unknown extension (?...)");
                flags |= flag_of(token);
                token = pyre_take(parser);
        } while (token != ')' && token != '-' && token != ':');

        *ret_flags = flags;
        *ret_end = token;
        return 0;
}

static void put_flags_open(struct pyre_parser *parser, uint32_t flags)
{
        bool folds = (flags & PYRE_FLAG_IGNORECASE) && !(flags & PYRE_FLAG_ASCII);
        bool is_dotall = flags & PYRE_FLAG_DOTALL;

        if (folds)
                pyre_put_text(parser, is_dotall ? "(?is:" : "(?i-s:");
        else
                pyre_put_text(parser, is_dotall ? "(?s-i:" : "(?-is:");
}

/* (?aimsux) and (?aimsux-imsx:...) */
static int open_flags(struct pyre_parser *parser, uint32_t token)
{
        uint32_t flags = pyre_level(parser)->flags;
        size_t start = parser->n_out;
        uint32_t add = 0;
        uint32_t del = 0;
        int r;

        if (token != '-') {
                r = parse_flag_letters(parser, token, &add, &token);
                if (r)
                        return r;
                if ((add & TYPE_FLAGS) == TYPE_FLAGS)
                        return pyre_bad(parser, "the flags a and u together");
                if (token == ')')
                        return set_global_flags(parser, add);
        }
        if (token == '-') {
                r = parse_flag_letters(parser, pyre_take(parser), &del, &token);
                if (r)
                        return r;
                if (token != ':')
                        return pyre_bad(parser, "flags that are turned off without a group");
        }
        if ((add & del) || (del & TYPE_FLAGS) || ((add | del) & PYRE_FLAG_TEMPLATE))
                return pyre_bad(parser, "a flag that can't be turned on or off here");

        if (add & TYPE_FLAGS)
                flags &= ~TYPE_FLAGS;
        flags = (flags | add) & ~del;
        put_flags_open(parser, flags);
        return push(parser, PYRE_LEVEL_GROUP, flags, start);
}

/**
 * pyre_open() - read what follows an opening parenthesis, up to its contents
 * @parser: the parser; the ( was taken
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_open(struct pyre_parser *parser)
{
        uint32_t token;

        if (!pyre_accept(parser, '?'))
                return open_capture(parser, NULL);

        token = pyre_take(parser);
        switch (token) {
        case 'P':
                return open_named(parser);
        case ':':
                return open_plain(parser, PYRE_LEVEL_GROUP, "(?:");
        case '>':
                return open_plain(parser, PYRE_LEVEL_ATOMIC, "(?>");
        case '#':
                return skip_comment(parser);
        case '(':
                return open_condition(parser);
        case '=':
        case '!':
        case '<':
                return open_look(parser, token);
        default:
                return open_flags(parser, token);
        }
}

/* Ends the sequence of a level. Return: the width of all its branches so far */
static struct pyre_width end_branch(struct pyre_level *level)
{
        struct pyre_width width;

        width = pyre_width_end(pyre_width_add(level->sequence, level->item_width));
        if (level->has_branches) {
                if (level->branches.lo < width.lo)
                        width.lo = level->branches.lo;
                if (level->branches.hi > width.hi)
                        width.hi = level->branches.hi;
        }
        level->branches = width;
        level->sequence = PYRE_WIDTH_NONE;
        level->item_width = PYRE_WIDTH_NONE;
        level->item = PYRE_ITEM_NONE;
        level->n_uncharged = 0;
        return width;
}

/**
 * pyre_branch() - begin another alternative
 * @parser: the parser; the | was taken
 *
 * Return: 0 or PYRE_E_BAD
 */
int pyre_branch(struct pyre_parser *parser)
{
        struct pyre_level *level = pyre_level(parser);

        if (level->kind == PYRE_LEVEL_NO)
                return pyre_bad(parser, "a condition has more than two branches");
        if (level->kind == PYRE_LEVEL_YES)
                level->kind = PYRE_LEVEL_NO;

        (void)end_branch(level);
        level->has_branches = true;
        pyre_put(parser, '|');
        return 0;
}

/* What a look-around or an atomic group may read is charged where it begins. */
static void charge(struct pyre_parser *parser, const struct pyre_level *level, uint64_t width)
{
        bool is_atomic = level->kind == PYRE_LEVEL_AHEAD || level->kind == PYRE_LEVEL_BEHIND ||
                         level->kind == PYRE_LEVEL_ATOMIC;

        if (is_atomic && width > PYRE_UNCHARGED_MAX)
                (void)pyre_put_callout(parser, level->body, PYRE_CALLOUT_REST);
}

/**
 * pyre_close() - end a group and make it an item of the sequence around it
 * @parser: the parser; the ) was taken
 *
 * Return: 0, PYRE_E_BAD, PYRE_E_LIMIT
 */
int pyre_close(struct pyre_parser *parser)
{
        struct pyre_level *level = pyre_level(parser);
        struct pyre_group *group = &parser->groups[level->group];
        struct pyre_width width;

        if (level->kind == PYRE_LEVEL_TOP)
                return pyre_bad(parser, "a parenthesis that nothing opened");

        width = end_branch(level);
        pyre_put(parser, ')');
        charge(parser, level, width.hi);
        parser->n_levels--;

        if (level->kind == PYRE_LEVEL_BEHIND) {
                if (width.lo != width.hi)
                        return pyre_bad(parser, "a look-behind has no fixed width");
                if (width.lo > PYRE_REPEAT_MAX)
                        return pyre_limit(parser, "a look-behind is too wide");
        }
        if (level->ends_look_behind)
                parser->look_behind_groups = 0;
        if (level->kind == PYRE_LEVEL_BEHIND || level->kind == PYRE_LEVEL_AHEAD)
                width = PYRE_WIDTH_NONE;
        if (level->kind == PYRE_LEVEL_YES)
                width.lo = 0;
        if (level->kind == PYRE_LEVEL_CAPTURE) {
                group->is_closed = true;
                group->width = width;
                level->captures |= group->is_used;
        }

        pyre_add_item(parser, PYRE_ITEM_OTHER, width, level->start);
        pyre_level(parser)->item_captures = level->captures;
        pyre_level(parser)->captures |= level->captures;
        return 0;
}
