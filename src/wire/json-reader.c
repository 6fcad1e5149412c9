/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json.loads() takes is taken, what it refuses is refused: any blanks between tokens, NaN and
 * Infinity; but no byte order mark, nothing behind the value, no raw control characters in strings,
 * no invalid UTF-8, no integers of more than 4300 digits. Nesting has a limit of its own.
 *
 * Strings come out as os.fsencode() writes them: escaped pairs of surrogates combine, a lone
 * U+DC80..U+DCFF is its byte. Any other lone surrogate has no bytes: it is left out, and the end of
 * the string says so, since a message may be good where nobody uses that string.
 *
 * The input may be cut anywhere. The reader holds no more of it than a token's state, never
 * allocates and never calls itself: nesting is a bit for each level. Text that needs no change is
 * handed out where it lies; escapes are collected in the reader, many at a time. After JSON_E_BAD
 * every further call says the same.
 */
#include "wire/json-reader.h"

#include "util/utf8.h"
#include "wire/json-plain.h"

enum state {
        AT_VALUE,     /* a value must come */
        AT_FIRST,     /* a value or "]" */
        AT_FIRST_KEY, /* a key or "}" */
        AT_KEY,       /* a key must come */
        AT_COLON,     /* ":" must come */
        AT_COMMA,     /* "," or the end of the array or object */
        AT_END,       /* nothing but blanks */
        IN_STRING,
        IN_ESCAPE, /* behind the backslash */
        IN_HEX,    /* behind "\u" */
        IN_LITERAL,
        IN_NUMBER, /* the first of those that follow: behind the sign */
        IN_ZERO,
        IN_INTEGER,
        IN_POINT,
        IN_FRACTION,
        IN_E,
        IN_E_SIGN,
        IN_EXPONENT,
        IN_NOTHING, /* it was bad */
};

static int bad(struct json_reader *reader, const char *reason)
{
        reader->reason = reason;
        reader->state = IN_NOTHING;
        return JSON_E_BAD;
}

static int token(struct json_token *ret_token, enum json_token_type type)
{
        *ret_token = (struct json_token){ .type = type };
        return 0;
}

static int string_token(const struct json_reader *reader,
                        struct json_token *ret_token,
                        enum json_token_type type)
{
        *ret_token = (struct json_token){ .type = type, .is_key = reader->is_key };
        return 0;
}

static int text_token(const struct json_reader *reader,
                      struct json_token *ret_token,
                      const char *text,
                      size_t n_bytes)
{
        (void)string_token(reader, ret_token, JSON_TEXT);
        ret_token->text = text;
        ret_token->n_bytes = n_bytes;
        return 0;
}

static void end_value(struct json_reader *reader)
{
        reader->state = reader->depth ? AT_COMMA : AT_END;
}

static bool is_in_object(const struct json_reader *reader)
{
        unsigned int level = reader->depth - 1;

        return reader->objects[level / 8] >> level % 8 & 1;
}

static int open_level(struct json_reader *reader, bool is_object, struct json_token *ret_token)
{
        uint8_t bit = (uint8_t)(1u << reader->depth % 8);
        uint8_t *byte = &reader->objects[reader->depth / 8];

        if (reader->depth == JSON_DEPTH_MAX)
                return bad(reader, "arrays or objects nested too deep");
        *byte = (uint8_t)(is_object ? *byte | bit : *byte & ~bit);
        reader->depth++;
        reader->state = is_object ? AT_FIRST_KEY : AT_FIRST;
        return token(ret_token, is_object ? JSON_OBJECT : JSON_ARRAY);
}

static int close_level(struct json_reader *reader, struct json_token *ret_token)
{
        bool is_object = is_in_object(reader);

        reader->depth--;
        end_value(reader);
        return token(ret_token, is_object ? JSON_OBJECT_END : JSON_ARRAY_END);
}

static int begin_string(struct json_reader *reader, bool is_key, struct json_token *ret_token)
{
        reader->is_key = is_key;
        reader->is_unencodable = false;
        reader->state = IN_STRING;
        return string_token(reader, ret_token, JSON_STRING);
}

static int begin_number(struct json_reader *reader, enum state state, struct json_token *ret_token)
{
        reader->n_digits = 1;
        reader->state = (uint8_t)state;
        return token(ret_token, JSON_NUMBER);
}

static int begin_literal(struct json_reader *reader, const char *rest, enum json_token_type type)
{
        reader->literal = rest;
        reader->literal_type = (uint8_t)type;
        reader->state = IN_LITERAL;
        return JSON_E_MORE;
}

/* Return: is there anything but blanks? */
static bool skip_blanks(const char **at, const char *end)
{
        while (*at < end && (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r'))
                (*at)++;
        return *at < end;
}

/* A step takes some of the input, which is not empty. Return: 0 with a token, JSON_E_MORE when
 * there is none yet, JSON_E_BAD */
typedef int step_fn(struct json_reader *reader,
                    const char **at,
                    const char *end,
                    struct json_token *ret_token);

static int step_value(struct json_reader *reader,
                      const char **at,
                      const char *end,
                      struct json_token *ret_token)
{
        if (!skip_blanks(at, end))
                return JSON_E_MORE;
        switch (*(*at)++) {
        case '"':
                return begin_string(reader, false, ret_token);
        case '[':
                return open_level(reader, false, ret_token);
        case '{':
                return open_level(reader, true, ret_token);
        case ']':
                if (reader->state == AT_FIRST)
                        return close_level(reader, ret_token);
                break;
        case 'n':
                return begin_literal(reader, "ull", JSON_NULL);
        case 't':
                return begin_literal(reader, "rue", JSON_TRUE);
        case 'f':
                return begin_literal(reader, "alse", JSON_FALSE);
        case 'N':
                (void)begin_literal(reader, "aN", JSON_NUMBER);
                return token(ret_token, JSON_NUMBER);
        case 'I':
                (void)begin_literal(reader, "nfinity", JSON_NUMBER);
                return token(ret_token, JSON_NUMBER);
        case '-':
                return begin_number(reader, IN_NUMBER, ret_token);
        case '0':
                return begin_number(reader, IN_ZERO, ret_token);
        case '1' ... '9':
                return begin_number(reader, IN_INTEGER, ret_token);
        default:
                break;
        }
        return bad(reader, "not a value");
}

static int step_key(struct json_reader *reader,
                    const char **at,
                    const char *end,
                    struct json_token *ret_token)
{
        char c;

        if (!skip_blanks(at, end))
                return JSON_E_MORE;
        c = *(*at)++;
        if (c == '"')
                return begin_string(reader, true, ret_token);
        if (c == '}' && reader->state == AT_FIRST_KEY)
                return close_level(reader, ret_token);
        return bad(reader, "not a key");
}

static int step_colon(struct json_reader *reader,
                      const char **at,
                      const char *end,
                      struct json_token *ret_token)
{
        (void)ret_token;
        if (!skip_blanks(at, end))
                return JSON_E_MORE;
        if (*(*at)++ != ':')
                return bad(reader, "a key without \":\"");
        reader->state = AT_VALUE;
        return JSON_E_MORE;
}

static int step_comma(struct json_reader *reader,
                      const char **at,
                      const char *end,
                      struct json_token *ret_token)
{
        bool is_object = is_in_object(reader);
        char c;

        if (!skip_blanks(at, end))
                return JSON_E_MORE;
        c = *(*at)++;
        if (c == (is_object ? '}' : ']'))
                return close_level(reader, ret_token);
        if (c != ',')
                return bad(reader,
                           is_object ? "neither \",\" nor \"}\"" : "neither \",\" nor \"]\"");
        reader->state = is_object ? AT_KEY : AT_VALUE;
        return JSON_E_MORE;
}

static int step_end(struct json_reader *reader,
                    const char **at,
                    const char *end,
                    struct json_token *ret_token)
{
        (void)ret_token;
        return skip_blanks(at, end) ? bad(reader, "text behind the value") : JSON_E_MORE;
}

static int step_literal(struct json_reader *reader,
                        const char **at,
                        const char *end,
                        struct json_token *ret_token)
{
        for (; *at < end && *reader->literal; reader->literal++)
                if (*(*at)++ != *reader->literal)
                        return bad(reader, "not a value");
        if (*reader->literal)
                return JSON_E_MORE;
        end_value(reader);
        if (reader->literal_type == JSON_NUMBER)
                return JSON_E_MORE;
        return token(ret_token, reader->literal_type);
}

/* Return: the state behind @c; IN_NOTHING where the number does not go on with it */
static enum state go_on(enum state state, char c)
{
        bool is_digit = c >= '0' && c <= '9';
        bool is_e = c == 'e' || c == 'E';

        if (state == IN_NUMBER)
                return c == '0' ? IN_ZERO : is_digit ? IN_INTEGER : IN_NOTHING;
        if (state == IN_INTEGER && is_digit)
                return IN_INTEGER;
        if ((state == IN_ZERO || state == IN_INTEGER) && c == '.')
                return IN_POINT;
        if ((state == IN_POINT || state == IN_FRACTION) && is_digit)
                return IN_FRACTION;
        if ((state == IN_ZERO || state == IN_INTEGER || state == IN_FRACTION) && is_e)
                return IN_E;
        if (state == IN_E && (c == '+' || c == '-'))
                return IN_E_SIGN;
        if ((state == IN_E || state == IN_E_SIGN || state == IN_EXPONENT) && is_digit)
                return IN_EXPONENT;
        return IN_NOTHING;
}

/* Return: 0 or JSON_E_BAD */
static int end_number(struct json_reader *reader)
{
        if (reader->state == IN_INTEGER && reader->n_digits > JSON_INTEGER_DIGITS_MAX)
                return bad(reader, "an integer of too many digits");
        if (reader->state != IN_ZERO && reader->state != IN_INTEGER &&
            reader->state != IN_FRACTION && reader->state != IN_EXPONENT)
                return bad(reader, "a bad number");
        end_value(reader);
        return 0;
}

static int step_number(struct json_reader *reader,
                       const char **at,
                       const char *end,
                       struct json_token *ret_token)
{
        enum state state;

        (void)ret_token;
        if (reader->state == IN_NUMBER && **at == 'I')
                return begin_literal(reader, "Infinity", JSON_NUMBER);
        for (; *at < end; (*at)++) {
                state = go_on(reader->state, **at);
                if (state == IN_NOTHING)
                        return end_number(reader) ? JSON_E_BAD : JSON_E_MORE;
                if (reader->state == IN_INTEGER && state == IN_INTEGER)
                        reader->n_digits++;
                reader->state = (uint8_t)state;
        }
        return JSON_E_MORE;
}

/* Return: the end of what stands for itself: ASCII but controls, quotes and backslashes */
static const char *skip_plain(const char *at, const char *end)
{
        size_t n = JSON_PLAIN_BYTES;

        for (; n == JSON_PLAIN_BYTES && end - at >= JSON_PLAIN_BYTES; at += n)
                n = json_n_plain(at, '"');
        if (n < JSON_PLAIN_BYTES)
                return at;
        while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
               *at != '\\')
                at++;
        return at;
}

/* What may follow the first byte of a sequence. Return: may it be one? */
static bool begin_sequence(struct json_reader *reader, unsigned char byte)
{
        if (byte < 0xC2 || byte > 0xF4)
                return false;
        reader->n_tails = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
        reader->tail_min = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
        reader->tail_max = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        return true;
}

/* Return: the end of what goes on with a sequence, with n_tails 0 or at the end of input; NULL: the
 *         sequence is bad */
static const char *take_tails(struct json_reader *reader, const char *at, const char *end)
{
        for (; reader->n_tails && at < end; at++) {
                unsigned char byte = (unsigned char)*at;

                if (byte < reader->tail_min || byte > reader->tail_max)
                        return NULL;
                reader->n_tails--;
                reader->tail_min = 0x80;
                reader->tail_max = 0xBF;
        }
        return at;
}

/* Text without escapes. A sequence may be cut by the end of the input: what is bad about it then
 * shows later, and nothing of the message counts. */
static int take_run(struct json_reader *reader,
                    const char **at,
                    const char *end,
                    struct json_token *ret_token)
{
        const char *from = *at;
        const char *to = *at;

        for (;;) {
                to = take_tails(reader, to, end);
                if (!to)
                        return bad(reader, "not UTF-8");
                to = skip_plain(to, end);
                if (to == end || (unsigned char)*to < 0x80)
                        break;
                if (!begin_sequence(reader, (unsigned char)*to++))
                        return bad(reader, "not UTF-8");
        }
        if (to == from)
                return bad(reader, "a control character in a string");
        *at = to;
        return text_token(reader, ret_token, from, (size_t)(to - from));
}

/* A character that came as an escape: adds its bytes, at most UTF8_SEQUENCE_MAX. */
static void put_code(struct json_reader *reader, uint32_t code, char **out)
{
        uint32_t high = reader->high;
        size_t n;

        reader->high = 0;
        if (high && code >= 0xDC00 && code < 0xE000) {
                *out += utf8_put(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), *out);
                return;
        }
        if (high)
                reader->is_unencodable = true;
        if (code >= 0xD800 && code < 0xDC00) {
                reader->high = code;
                return;
        }
        n = utf8_put(code, *out);
        if (!n)
                reader->is_unencodable = true;
        *out += n;
}

/* Each digit's value; what is none has bits above the lowest four. */
static const uint8_t hex_values[256] = {
        /* clang-format off */
        [0 ... '0' - 1] = 0xFF,
        ['0'] = 0, ['1'] = 1, ['2'] = 2, ['3'] = 3, ['4'] = 4,
        ['5'] = 5, ['6'] = 6, ['7'] = 7, ['8'] = 8, ['9'] = 9,
        ['9' + 1 ... 'A' - 1] = 0xFF,
        ['A'] = 10, ['B'] = 11, ['C'] = 12, ['D'] = 13, ['E'] = 14, ['F'] = 15,
        ['F' + 1 ... 'a' - 1] = 0xFF,
        ['a'] = 10, ['b'] = 11, ['c'] = 12, ['d'] = 13, ['e'] = 14, ['f'] = 15,
        ['f' + 1 ... 255] = 0xFF,
        /* clang-format on */
};

/* The byte behind "\". Return: 0 or JSON_E_BAD */
static int take_letter(struct json_reader *reader, char c, char **out)
{
        static const unsigned char letters[256] = {
                ['b'] = '\b', ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r',
                ['t'] = '\t', ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',
        };

        if (c == 'u') {
                reader->state = IN_HEX;
                reader->code = 0;
                reader->n_hex = 0;
                return 0;
        }
        if (!letters[(unsigned char)c])
                return bad(reader, "an unknown escape");
        reader->state = IN_STRING;
        put_code(reader, letters[(unsigned char)c], out);
        return 0;
}

/* A digit behind "\u". Return: 0 or JSON_E_BAD */
static int take_digit(struct json_reader *reader, char c, char **out)
{
        uint32_t value = hex_values[(unsigned char)c];

        if (value > 0xF)
                return bad(reader, "a bad \\u escape");
        reader->code = reader->code << 4 | value;
        if (++reader->n_hex < 4)
                return 0;
        reader->state = IN_STRING;
        put_code(reader, reader->code, out);
        return 0;
}

/* All four digits behind "\u" at once. Return: 0 or JSON_E_BAD */
static int take_digits(struct json_reader *reader, const char *digits, char **out)
{
        const unsigned char *bytes = (const unsigned char *)digits;
        uint32_t a = hex_values[bytes[0]];
        uint32_t b = hex_values[bytes[1]];
        uint32_t c = hex_values[bytes[2]];
        uint32_t d = hex_values[bytes[3]];

        if ((a | b | c | d) > 0xF)
                return bad(reader, "a bad \\u escape");
        put_code(reader, a << 12 | b << 8 | c << 4 | d, out);
        return 0;
}

/* Return: how many of the next JSON_PLAIN_BYTES stand for themselves */
static size_t n_plain_before(const char *at, const char *end)
{
        if (end - at >= JSON_PLAIN_BYTES)
                return json_n_plain(at, '"');
        return (size_t)(skip_plain(at, end) - at);
}

/* Escapes, and runs between them that are shorter than JSON_PLAIN_BYTES, as many as the scratch
 * holds. */
static int step_escapes(struct json_reader *reader,
                        const char **at,
                        const char *end,
                        struct json_token *ret_token)
{
        const char *full = reader->scratch + sizeof(reader->scratch) - JSON_PLAIN_BYTES;
        char *out = reader->scratch;
        const char *from = *at;
        size_t n_plain;
        int r = 0;

        while (from < end && out <= full && !r) {
                if (reader->state == IN_ESCAPE) {
                        r = take_letter(reader, *from++, &out);
                } else if (reader->state == IN_HEX) {
                        r = take_digit(reader, *from++, &out);
                } else if (*from == '\\' && end - from >= 6 && from[1] == 'u') {
                        r = take_digits(reader, from + 2, &out);
                        from += 6;
                } else if (*from == '\\') {
                        reader->state = IN_ESCAPE;
                        from++;
                } else {
                        n_plain = reader->high ? 0 : n_plain_before(from, end);
                        if (!n_plain || n_plain == JSON_PLAIN_BYTES)
                                break;
                        memcpy(out, from, n_plain);
                        out += n_plain;
                        from += n_plain;
                }
        }
        *at = from;
        if (r)
                return r;
        if (out == reader->scratch)
                return JSON_E_MORE;
        return text_token(reader, ret_token, reader->scratch, (size_t)(out - reader->scratch));
}

static int step_string(struct json_reader *reader,
                       const char **at,
                       const char *end,
                       struct json_token *ret_token)
{
        if (**at == '\\' && !reader->n_tails)
                return step_escapes(reader, at, end, ret_token);
        if (reader->high) {
                reader->high = 0;
                reader->is_unencodable = true;
        }
        if (**at != '"' || reader->n_tails)
                return take_run(reader, at, end, ret_token);

        (*at)++;
        if (reader->is_key)
                reader->state = AT_COLON;
        else
                end_value(reader);
        (void)string_token(reader, ret_token, JSON_STRING_END);
        ret_token->is_unencodable = reader->is_unencodable;
        return 0;
}

static step_fn *const steps[] = {
        [AT_VALUE] = step_value,     [AT_FIRST] = step_value,
        [AT_FIRST_KEY] = step_key,   [AT_KEY] = step_key,
        [AT_COLON] = step_colon,     [AT_COMMA] = step_comma,
        [AT_END] = step_end,         [IN_STRING] = step_string,
        [IN_ESCAPE] = step_escapes,  [IN_HEX] = step_escapes,
        [IN_LITERAL] = step_literal, [IN_NUMBER... IN_EXPONENT] = step_number,
};

/**
 * json_reader_init() - begin a message
 * @reader: set
 */
void json_reader_init(struct json_reader *reader)
{
        /* The scratch is never read before it is written. */
        memset(reader, 0, offsetof(struct json_reader, scratch));
        reader->state = AT_VALUE;
}

/**
 * json_reader_next() - read on, up to the next token
 * @reader:    where it stands
 * @at:        the input, moved behind what was taken
 * @end:       its end
 * @ret_token: what was found; its text is gone with the input and with the next call
 *
 * Return: 0, JSON_E_MORE (then @at is @end) or JSON_E_BAD, for good
 */
int json_reader_next(struct json_reader *reader,
                     const char **at,
                     const char *end,
                     struct json_token *ret_token)
{
        int r = JSON_E_MORE;

        if (reader->state == IN_NOTHING)
                return JSON_E_BAD;
        while (r == JSON_E_MORE && *at < end)
                r = steps[reader->state](reader, at, end, ret_token);
        return r;
}

/**
 * json_reader_finish() - there is no more input
 * @reader: where it stands; all of the input was taken
 *
 * Return: 0 if there was one whole value; else JSON_E_BAD
 */
int json_reader_finish(struct json_reader *reader)
{
        static const char *const reasons[] = {
                [AT_VALUE] = "a value is missing",
                [AT_FIRST] = "an array without an end",
                [AT_FIRST_KEY] = "an object without an end",
                [AT_KEY] = "a key is missing",
                [AT_COLON] = "a key without \":\"",
                [IN_STRING] = "a string without an end",
                [IN_ESCAPE] = "an escape without an end",
                [IN_HEX] = "a bad \\u escape",
                [IN_LITERAL] = "not a value",
        };

        if (reader->state == IN_NOTHING)
                return JSON_E_BAD;
        if (reader->state >= IN_NUMBER && end_number(reader))
                return JSON_E_BAD;
        if (reader->state == AT_END)
                return 0;
        if (reader->state == AT_COMMA)
                return bad(reader, is_in_object(reader) ? "an object without an end"
                                                        : "an array without an end");
        return bad(reader, reasons[reader->state]);
}
