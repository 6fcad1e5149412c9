/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads expressions as people do, by their marks, to tell where they are looser than they look. It
 * is no parser of Python's syntax, which the compiler has: a wrong guess here is a finding too many
 * or too few, and never a decision. One pass, no recursion.
 */
#include "tools/expression.h"

#include <string.h>

#include "util/text.h"

/* What something that is repeated can take, for all we need to know. */
enum taken {
        TAKES_SLASH = 1 << 0,
        TAKES_DOT = 1 << 1,
        TAKES_MANY = 1 << 2, /* more than one character */
};

#define TAKES_ALL (TAKES_SLASH | TAKES_DOT | TAKES_MANY)

enum token_kind {
        TOKEN_CHAR, /* stands for itself */
        TOKEN_SET,  /* one character of several */
        TOKEN_OPEN,
        TOKEN_CLOSE,
        TOKEN_BAR,
        TOKEN_REPEAT,
        TOKEN_ANCHOR,
};

struct token {
        enum token_kind kind;
        size_t n; /* bytes */
        char c;   /* of TOKEN_CHAR */
        unsigned int takes;
};

struct reader {
        struct expression *expression;
        const char *text;
        unsigned int takes[EXPRESSION_DEPTH_MAX]; /* by what stands in each open group so far */
        unsigned int last;                        /* taken by what a repeat would repeat */
        size_t at_last;                           /* where that begins */
        size_t depth;
        size_t n_curly;  /* braces that are open */
        bool in_literal; /* all so far stands for itself */
};

static bool is_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
}

/* `\S` and its like, and escaped characters. */
static struct token read_escape(const char *text)
{
        struct token token = { .kind = TOKEN_CHAR, .n = text[1] ? 2 : 1, .c = text[1] };

        if (text[1] == 'S' || text[1] == 'D' || text[1] == 'W')
                token = (struct token){ .kind = TOKEN_SET, .n = 2, .takes = TAKES_ALL };
        else if (text[1] == 's' || text[1] == 'd' || text[1] == 'w')
                token = (struct token){ .kind = TOKEN_SET, .n = 2, .takes = TAKES_MANY };
        else if (text[1] == 'b' || text[1] == 'B' || text[1] == 'A' || text[1] == 'Z')
                token.kind = TOKEN_ANCHOR;
        else if (is_word(text[1]))
                token.kind = TOKEN_SET; /* \n, \x2f, \1: one character, never mind which */
        return token;
}

/* Is @c among the members of a set, which begin at @from? */
static bool set_has(const char *from, const char *end, char c)
{
        const char *at;

        for (at = from; at < end; at++) {
                if (*at == '\\' && at + 1 < end) {
                        at++;
                        if (*at == c || *at == 'S' || *at == 'D' || *at == 'W')
                                return true;
                        continue;
                }
                if (at + 2 < end && at[1] == '-') {
                        if (*at <= c && c <= at[2])
                                return true;
                        at += 2;
                        continue;
                }
                if (*at == c)
                        return true;
        }
        return false;
}

static struct token read_set(struct expression *expression, const char *text)
{
        struct token token = { .kind = TOKEN_SET, .takes = TAKES_MANY };
        bool is_negated = text[1] == '^';
        const char *from = text + 1 + is_negated;
        const char *end = from;

        if (*end == ']')
                end++;
        while (*end && *end != ']')
                end += *end == '\\' && end[1] ? 2 : 1;
        if (set_has(from, end, '/') != is_negated)
                token.takes |= TAKES_SLASH;
        if (set_has(from, end, '.') != is_negated)
                token.takes |= TAKES_DOT;
        if (end == from + 1 && !is_negated)
                token.takes &= ~(unsigned int)TAKES_MANY;
        expression->is_open |= !*end;
        token.n = (size_t)(end - text) + (*end ? 1 : 0);
        return token;
}

/* `(`, with what makes it a special group. */
static struct token read_open(struct expression *expression, const char *text)
{
        struct token token = { .kind = TOKEN_OPEN, .n = 1 };
        size_t n;

        if (text[1] != '?')
                return token;
        n = 2 + strspn(text + 2, "aiLmsux");
        if (text[n] == ')' && n > 2) {
                expression->has_end_flag |= memchr(text, 'm', n) || memchr(text, 'x', n);
                return (struct token){ .kind = TOKEN_ANCHOR, .n = n + 1 };
        }
        n = 2 + strspn(text + 2, "aiLmsux-<=!:>");
        expression->has_look |= memchr(text, '=', n) || memchr(text, '!', n);
        if (text[2] == 'P')
                n = 2 + strcspn(text + 2, ">)=");
        token.n = n + (text[2] == 'P' && text[n] == '>');
        return token;
}

static struct token read_token(struct reader *reader, const char *text)
{
        size_t n;

        switch (*text) {
        case '\\':
                return read_escape(text);
        case '[':
                return read_set(reader->expression, text);
        case '(':
                return read_open(reader->expression, text);
        case ')':
                return (struct token){ .kind = TOKEN_CLOSE, .n = 1 };
        case '|':
                return (struct token){ .kind = TOKEN_BAR, .n = 1 };
        case '^':
        case '$':
                return (struct token){ .kind = TOKEN_ANCHOR, .n = 1 };
        case '.':
                return (struct token){ .kind = TOKEN_SET, .n = 1, .takes = TAKES_ALL };
        case '*':
        case '+':
        case '?':
                return (struct token){ .kind = TOKEN_REPEAT, .n = 1 };
        case '{':
                n = 1 + strspn(text + 1, "0123456789,");
                if (n > 1 && text[n] == '}')
                        return (struct token){ .kind = TOKEN_REPEAT, .n = n + 1 };
                reader->n_curly++;
                break;
        case '}':
                reader->n_curly -= reader->n_curly ? 1 : 0;
                break;
        default:
                break;
        }
        return (struct token){ .kind = TOKEN_CHAR, .n = 1, .c = *text };
}

/* Opens or closes a group. */
static void read_group(struct reader *reader, enum token_kind kind)
{
        unsigned int takes;

        if (kind == TOKEN_OPEN) {
                if (reader->depth < EXPRESSION_DEPTH_MAX - 1)
                        reader->takes[++reader->depth] = 0;
                reader->last = 0;
        } else if (reader->depth) {
                takes = reader->takes[reader->depth--];
                reader->takes[reader->depth] |= takes;
                reader->last = takes;
        }
}

/* Something that takes a character. */
static void read_taker(struct reader *reader, const struct token *token, size_t at)
{
        const char *text = reader->text;

        reader->last = token->takes;
        if (token->kind == TOKEN_CHAR) {
                reader->last |= token->c == '/' ? TAKES_SLASH : 0;
                reader->last |= token->c == '.' ? TAKES_DOT : 0;
        }
        reader->takes[reader->depth] |= reader->last;
        if (text[at] == '.' && at && is_word(text[at - 1]) && is_word(text[at + 1]) &&
            !(at > 1 && text[at - 2] == '\\'))
                reader->expression->has_loose_dot = true;
}

static void read_repeat(struct reader *reader, size_t at)
{
        struct expression *expression = reader->expression;
        char c = reader->text[at];

        if (c != '?' && reader->last == TAKES_ALL)
                expression->is_wild = true;
        if (reader->in_literal && c != '+') /* it may be there or not */
                expression->n_prefix = reader->at_last;
}

static void read_one(struct reader *reader, const struct token *token, size_t at)
{
        struct expression *expression = reader->expression;

        switch (token->kind) {
        case TOKEN_CHAR:
        case TOKEN_SET:
                read_taker(reader, token, at);
                break;
        case TOKEN_OPEN:
        case TOKEN_CLOSE:
                read_group(reader, token->kind);
                break;
        case TOKEN_BAR:
                expression->has_alternative |= !reader->depth;
                break;
        case TOKEN_REPEAT:
                read_repeat(reader, at);
                break;
        case TOKEN_ANCHOR:
                break;
        }
        if (token->kind != TOKEN_CHAR) {
                reader->in_literal = false;
                expression->suffix = at + token->n;
        } else if (reader->in_literal) {
                expression->n_prefix = at + token->n;
        }
}

/**
 * expression_read() - read an expression
 * @expression: set
 * @text:       the expression
 */
void expression_read(struct expression *expression, const char *text)
{
        struct reader reader = { .expression = expression, .text = text, .in_literal = true };
        size_t at = 0;

        *expression = (struct expression){ 0 };
        while (text[at] == '^') /* what stands at the beginning anyway */
                at++;
        expression->is_path = text[at + strspn(text + at, "([")] == '/';
        expression->n_prefix = at;
        while (text[at]) {
                struct token token = read_token(&reader, text + at);

                read_one(&reader, &token, at);
                reader.at_last = at;
                at += token.n;
        }
        expression->is_open |= reader.depth || reader.n_curly;
}

/**
 * expression_put_literal() - append the text that a part stands for
 * @out:    where to
 * @text:   a part that stands for itself
 * @n_text: its length
 */
void expression_put_literal(struct text *out, const char *text, size_t n_text)
{
        size_t i;

        for (i = 0; i < n_text && text[i] == '^'; i++)
                ;
        for (; i < n_text; i++) {
                i += text[i] == '\\' && i + 1 < n_text;
                text_put_char(out, text[i]);
        }
}
