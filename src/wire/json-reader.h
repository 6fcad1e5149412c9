/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as Python's json module reads it, token by token, from input that comes in pieces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How deep arrays and objects may be nested. */
#define JSON_DEPTH_MAX 128u
/* Python's limit on the digits of an integer, sys.int_info.default_max_str_digits. */
#define JSON_INTEGER_DIGITS_MAX 4300u
/* The most bytes of one JSON_TEXT that came out of escapes. */
#define JSON_SCRATCH_BYTES 512u

enum {
        JSON_E_BAD = 1, /* not what was wanted; the reason says why */
        JSON_E_MORE,    /* all of the input is taken, and there is no token yet */
};

enum json_token_type {
        JSON_NULL,
        JSON_TRUE,
        JSON_FALSE,
        JSON_NUMBER,     /* begins here; its value is not told */
        JSON_STRING,     /* begins here */
        JSON_TEXT,       /* a piece of the string, at least one byte; cut anywhere */
        JSON_STRING_END, /* of the string that began last */
        JSON_ARRAY,
        JSON_ARRAY_END,
        JSON_OBJECT,
        JSON_OBJECT_END,
};

struct json_token {
        enum json_token_type type;
        bool is_key;         /* of JSON_STRING, JSON_TEXT, JSON_STRING_END */
        bool is_unencodable; /* of JSON_STRING_END: had a surrogate that no bytes stand for */
        const char *text;    /* of JSON_TEXT: in the input or the reader, until the next call */
        size_t n_bytes;      /* of JSON_TEXT */
};

struct json_reader {
        const char *reason;  /* of JSON_E_BAD: a static string */
        const char *literal; /* what is still to come of "null" and the like */
        size_t n_digits;     /* of an integer */
        uint32_t code;       /* of "\u", as far as it has come */
        uint32_t high;       /* the first of a pair of surrogates, or 0 */
        uint8_t state;
        uint8_t literal_type; /* its token; JSON_NUMBER: already given */
        uint8_t n_hex;        /* digits of @code */
        uint8_t n_tails;      /* bytes that a UTF-8 sequence still needs */
        uint8_t tail_min;     /* what the next of them may be */
        uint8_t tail_max;
        bool is_key;
        bool is_unencodable;
        unsigned int depth;
        uint8_t objects[JSON_DEPTH_MAX / 8]; /* a bit for each level: is it an object? */
        char scratch[JSON_SCRATCH_BYTES];
};

void json_reader_init(struct json_reader *reader);
int json_reader_next(struct json_reader *reader,
                     const char **at,
                     const char *end,
                     struct json_token *ret_token);
int json_reader_finish(struct json_reader *reader);
