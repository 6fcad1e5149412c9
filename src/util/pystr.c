/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strip(), lower(), int() and repr() as CPython 3.11 does them. Text is UTF-8; bytes outside it are
 * the characters U+DC80..U+DCFF (surrogateescape), which are neither blank nor cased nor digits.
 */
#include "util/pystr.h"

#include <stdbool.h>
#include <string.h>

#include "util/text.h"
#include "util/unicode.h"
#include "util/utf8.h"

static bool is_ascii_space(unsigned char byte)
{
        return byte == ' ' || (byte >= 0x09 && byte <= 0x0D) || (byte >= 0x1C && byte <= 0x1F);
}

/**
 * pystr_indent() - the blanks that a text begins with
 * @text:        the text
 * @n_bytes:     its length
 * @ret_n_bytes: how many bytes the blanks are
 *
 * Return: how many characters they are, which is what configparser compares
 */
size_t pystr_indent(const char *text, size_t n_bytes, size_t *ret_n_bytes)
{
        size_t n_chars = 0;
        size_t at = 0;
        uint32_t code;
        size_t n;

        for (; at < n_bytes; at += n, n_chars++) {
                n = 1;
                if ((unsigned char)text[at] < 0x80) {
                        if (!is_ascii_space((unsigned char)text[at]))
                                break;
                        continue;
                }
                n = utf8_next(text + at, n_bytes - at, &code);
                if (!unicode_is_space(code))
                        break;
        }
        *ret_n_bytes = at;
        return n_chars;
}

/**
 * pystr_rstrip() - str.rstrip()
 * @text:    the text
 * @n_bytes: its length
 *
 * Return: its length without the blanks at its end
 */
size_t pystr_rstrip(const char *text, size_t n_bytes)
{
        uint32_t code;
        size_t n;

        while (n_bytes) {
                unsigned char last = (unsigned char)text[n_bytes - 1];

                if (last < 0x80) {
                        if (!is_ascii_space(last))
                                break;
                        n_bytes--;
                        continue;
                }
                for (n = 1; n < UTF8_SEQUENCE_MAX && n < n_bytes; n++)
                        if (((unsigned char)text[n_bytes - n] & 0xC0u) != 0x80u)
                                break;
                if (utf8_next(text + n_bytes - n, n, &code) != n || !unicode_is_space(code))
                        break;
                n_bytes -= n;
        }
        return n_bytes;
}

/**
 * pystr_strip() - str.strip()
 * @text:    the text; moved behind the blanks at its start
 * @n_bytes: its length
 *
 * Return: the length of what is left
 */
size_t pystr_strip(const char **text, size_t n_bytes)
{
        size_t n_indent;

        (void)pystr_indent(*text, n_bytes, &n_indent);
        *text += n_indent;
        return pystr_rstrip(*text, n_bytes - n_indent);
}

/* Looks for a cased character before (@backward) or after @at, past the case-ignorable ones. */
static bool sees_cased(const char *text, size_t n_bytes, size_t at, bool backward)
{
        uint32_t code;
        size_t n;

        while (backward ? at > 0 : at < n_bytes) {
                if (backward) {
                        for (n = 1; n < UTF8_SEQUENCE_MAX && n < at; n++)
                                if (((unsigned char)text[at - n] & 0xC0u) != 0x80u)
                                        break;
                        at -= n;
                }
                n = utf8_next(text + at, n_bytes - at, &code);
                if (!backward)
                        at += n;
                if (!unicode_is_case_ignorable(code))
                        return unicode_is_cased(code);
        }
        return false;
}

/**
 * pystr_lower() - str.lower(), appended to a text
 * @text:    the text
 * @n_bytes: its length
 * @out:     where its lower case goes
 */
void pystr_lower(const char *text, size_t n_bytes, struct text *out)
{
        uint32_t codes[UNICODE_LOWER_MAX];
        char bytes[UTF8_SEQUENCE_MAX];
        unsigned int n_codes;
        unsigned int i;
        uint32_t code;
        size_t at = 0;
        size_t n;

        while (at < n_bytes) {
                char c = text[at];

                if ((unsigned char)c < 0x80) {
                        text_put_char(out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
                        at++;
                        continue;
                }
                n = utf8_next(text + at, n_bytes - at, &code);
                n_codes = unicode_lower(code, codes);
                if (code == 0x3A3 && sees_cased(text, n_bytes, at, true) &&
                    !sees_cased(text, n_bytes, at + n, false))
                        codes[0] = 0x3C2; /* sigma at the end of a word (handle_capital_sigma) */
                at += n;
                for (i = 0; i < n_codes; i++)
                        text_put(out, bytes, utf8_put(codes[i], bytes));
        }
}

/* int() strips what C's isspace() knows, and blanks outside of ASCII, but not U+001C..U+001F. */
static size_t strip_for_int(const char **text, size_t n_bytes)
{
        static const char separators[] = "\x1c\x1d\x1e\x1f";
        const char *start = *text;
        const char *inner = start;
        size_t n_inner = pystr_strip(&inner, n_bytes);
        size_t i;

        for (i = 0; i < n_bytes; i++) {
                bool is_stripped = start + i < inner || start + i >= inner + n_inner;

                if (is_stripped && start[i] && strchr(separators, start[i]))
                        return 0;
        }
        *text = inner;
        return n_inner;
}

/**
 * pystr_int() - int(text): blanks around, a sign, digits of any script, single `_` between them
 * @text:      the text
 * @n_bytes:   its length
 * @ret_value: the value; what does not fit is INT64_MAX or INT64_MIN
 *
 * Return: 0 or PYSTR_E_BAD
 */
int pystr_int(const char *text, size_t n_bytes, int64_t *ret_value)
{
        bool negative = false;
        bool wants_digit = true; /* at the start, and after `_` */
        size_t n_digits = 0;
        int64_t value = 0;
        uint32_t code;
        size_t at = 0;

        n_bytes = strip_for_int(&text, n_bytes);
        if (n_bytes && (text[0] == '+' || text[0] == '-')) {
                negative = text[0] == '-';
                at = 1;
        }
        while (at < n_bytes) {
                int digit;

                at += utf8_next(text + at, n_bytes - at, &code);
                if (code == '_' && !wants_digit) {
                        wants_digit = true;
                        continue;
                }
                digit = unicode_digit(code);
                if (digit < 0 || ++n_digits > PYSTR_INT_DIGITS_MAX)
                        return PYSTR_E_BAD;
                wants_digit = false;
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_sub_overflow(value, digit, &value))
                        value = INT64_MIN; /* counted downwards, where there is more room */
        }
        if (wants_digit)
                return PYSTR_E_BAD;

        if (negative)
                *ret_value = value;
        else
                *ret_value = value == INT64_MIN ? INT64_MAX : -value;
        return 0;
}

/**
 * pystr_repr() - repr(os.fsdecode(text)), appended to a text
 * @text:    the text
 * @n_bytes: its length
 * @out:     where it goes
 */
void pystr_repr(const char *text, size_t n_bytes, struct text *out)
{
        bool has_single = memchr(text, '\'', n_bytes) != NULL;
        bool has_double = memchr(text, '"', n_bytes) != NULL;
        char quote = has_single && !has_double ? '"' : '\'';
        uint32_t code;
        size_t at = 0;
        size_t n;

        text_put_char(out, quote);
        for (; at < n_bytes; at += n) {
                n = utf8_next(text + at, n_bytes - at, &code);
                if (code == (unsigned char)quote || code == '\\')
                        text_printf(out, "\\%c", (char)code);
                else if (code == '\n')
                        text_put_string(out, "\\n");
                else if (code == '\r')
                        text_put_string(out, "\\r");
                else if (code == '\t')
                        text_put_string(out, "\\t");
                else if (unicode_is_printable(code))
                        text_put(out, text + at, n);
                else if (code < 0x100)
                        text_printf(out, "\\x%02x", (unsigned int)code);
                else
                        text_printf(out, code < 0x10000 ? "\\u%04x" : "\\U%08x",
                                    (unsigned int)code);
        }
        text_put_char(out, quote);
}
