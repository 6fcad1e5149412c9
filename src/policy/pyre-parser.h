/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the translator share; for pyre*.c only. */
#pragma once

#include "policy/pyre.h"

/* A token is a character, a backslash and a character (PYRE_ESCAPE | character), or PYRE_END. */
#define PYRE_ESCAPE   0x80000000u
#define PYRE_END      UINT32_MAX

#define PYRE_CODE_MAX 0x10FFFFu

/* As in Python: no upper bound, and where widths end. */
#define PYRE_REPEAT_INFINITE UINT64_C(4294967295)

/* The flags of (?aimstux) */
#define PYRE_FLAG_ASCII      0x01u
#define PYRE_FLAG_IGNORECASE 0x02u
#define PYRE_FLAG_MULTILINE  0x04u
#define PYRE_FLAG_DOTALL     0x08u
#define PYRE_FLAG_TEMPLATE   0x10u
#define PYRE_FLAG_UNICODE    0x20u
#define PYRE_FLAG_VERBOSE    0x40u

/* How many characters something matches, as Python counts. */
struct pyre_width {
        uint64_t lo;
        uint64_t hi;
};

#define PYRE_WIDTH_NONE ((struct pyre_width){ 0, 0 })
#define PYRE_WIDTH_UNIT ((struct pyre_width){ 1, 1 })

/* The last item of a sequence, which a repeat would apply to. */
enum pyre_item {
        PYRE_ITEM_NONE,
        PYRE_ITEM_POSITION, /* ^ $ \b: Python can't repeat them */
        PYRE_ITEM_REPEAT,   /* repeated already */
        PYRE_ITEM_UNIT,     /* one character */
        PYRE_ITEM_OTHER,
};

enum pyre_level_kind {
        PYRE_LEVEL_TOP,
        PYRE_LEVEL_GROUP,
        PYRE_LEVEL_ATOMIC,
        PYRE_LEVEL_CAPTURE,
        PYRE_LEVEL_AHEAD,
        PYRE_LEVEL_BEHIND,
        PYRE_LEVEL_YES, /* (?(1)yes */
        PYRE_LEVEL_NO,  /* (?(1)yes|no */
};

/* An open parenthesis, with the sequence that is being read in it. */
struct pyre_level {
        enum pyre_level_kind kind;
        uint32_t flags;
        uint32_t group;             /* PYRE_LEVEL_CAPTURE */
        bool ends_look_behind;      /* the outermost look-behind */
        bool captures;              /* has a capturing group that is kept */
        bool has_branches;          /* a | was read */
        struct pyre_width branches; /* of those before this one */
        struct pyre_width sequence; /* without the last item */
        size_t start;               /* where its parenthesis is in the output */
        size_t body;                /* where its contents begin */
        size_t n_uncharged;         /* items since the last callout */
        enum pyre_item item;
        size_t item_start;
        bool item_captures;
        struct pyre_width item_width;
};

struct pyre_group {
        size_t name; /* where in the pattern; n_name 0: none */
        size_t n_name;
        bool is_closed;
        bool is_used;    /* referred to: must capture */
        uint32_t number; /* in the output, where it is used */
        struct pyre_width width;
};

struct pyre_parser {
        const uint32_t *codes;
        size_t n_codes;
        size_t at; /* the next token */

        uint32_t *out;
        size_t n_out;
        size_t n_out_room;
        int out_error; /* -ENOMEM or PYRE_E_LIMIT, kept until the end */

        struct pyre_level levels[PYRE_NEST_MAX + 1];
        size_t n_levels;
        size_t n_levels_most;

        struct pyre_group *groups; /* [0] is unused, as group 0 is the whole */
        size_t n_groups;
        size_t n_groups_room;
        uint32_t n_captures;
        size_t highest_condition;  /* the highest group a (?(n) named */
        size_t look_behind_groups; /* groups before the outermost look-behind; 0: in none */

        bool is_final; /* which groups are used is known */
        bool has_uses;
        bool folds_unicode;
        bool folds_ascii;
        size_t n_folded;
        const char *reason;
};

/* pyre.c */
int pyre_bad(struct pyre_parser *parser, const char *reason);
int pyre_raise(struct pyre_parser *parser, const char *reason);
int pyre_limit(struct pyre_parser *parser, const char *reason);
uint32_t pyre_peek(const struct pyre_parser *parser);
uint32_t pyre_take(struct pyre_parser *parser);
bool pyre_accept(struct pyre_parser *parser, uint32_t token);
struct pyre_level *pyre_level(struct pyre_parser *parser);
void pyre_add_item(struct pyre_parser *parser,
                   enum pyre_item item,
                   struct pyre_width width,
                   size_t start);
struct pyre_width pyre_width_add(struct pyre_width a, struct pyre_width b);
struct pyre_width pyre_width_end(struct pyre_width width);

/* pyre-output.c */
void pyre_put(struct pyre_parser *parser, uint32_t code);
void pyre_put_text(struct pyre_parser *parser, const char *text);
void pyre_put_number(struct pyre_parser *parser, uint64_t number);
void pyre_put_code(struct pyre_parser *parser, uint32_t code);
void pyre_put_range(struct pyre_parser *parser, uint32_t lo, uint32_t hi);
size_t pyre_put_callout(struct pyre_parser *parser, size_t at, unsigned int number);
void pyre_insert_text(struct pyre_parser *parser, size_t at, const char *text);
void pyre_repeat_output(struct pyre_parser *parser, size_t start, size_t end);

/* pyre-class.c */
int pyre_parse_class(struct pyre_parser *parser);
int pyre_put_literal(struct pyre_parser *parser, uint32_t code);
void pyre_put_category(struct pyre_parser *parser, char category);

/* pyre-escape.c */
int pyre_parse_code_escape(struct pyre_parser *parser, uint32_t letter, uint32_t *ret_code);
int pyre_parse_escape(struct pyre_parser *parser, uint32_t letter);
int pyre_parse_octal(struct pyre_parser *parser, uint32_t first, uint32_t *ret_code);
int pyre_put_reference(struct pyre_parser *parser, size_t group);
int pyre_check_look_behind(struct pyre_parser *parser, size_t group);

/* pyre-group.c */
int pyre_open(struct pyre_parser *parser);
int pyre_close(struct pyre_parser *parser);
int pyre_branch(struct pyre_parser *parser);

/* pyre-repeat.c */
int pyre_parse_repeat(struct pyre_parser *parser, uint32_t token);
