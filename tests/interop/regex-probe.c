/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers questions about expressions, for test_regex_vs_python.py. A line in: the pattern and the
 * argument, both UTF-8 in hexadecimal ("-": empty), separated by a blank. A line out: the answers
 * of REGEX_WHOLE and REGEX_OSLO, each of them match, no, bad, limit or error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/regex.h"
#include "util/utf8.h"

#define LINE_MAX_BYTES (1u << 20)

static int nibble(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes in place. Return: bytes; stops at the first character that is not hexadecimal */
static size_t unhex(char *text)
{
        size_t n = 0;

        while (nibble(text[2 * n]) >= 0 && nibble(text[2 * n + 1]) >= 0) {
                text[n] = (char)(nibble(text[2 * n]) << 4 | nibble(text[2 * n + 1]));
                n++;
        }
        return n;
}

static const char *answer(enum regex_mode mode,
                          const char *pattern,
                          size_t n_pattern,
                          const uint32_t *codes,
                          size_t n_codes)
{
        cleanup_with(regex_free) struct regex *regex = NULL;
        const char *reason = "";
        int r;

        r = regex_new(&regex, pattern, n_pattern, mode, &reason);
        if (!r)
                r = regex_match(regex, codes, n_codes);
        switch (r) {
        case 0:
                return "match";
        case REGEX_E_NO_MATCH:
                return "no";
        case REGEX_E_BAD:
        case REGEX_E_RAISE:
                return "bad";
        case REGEX_E_LIMIT:
                return "limit";
        default:
                return "error";
        }
}

int main(void)
{
        static char line[LINE_MAX_BYTES];
        static uint32_t codes[LINE_MAX_BYTES];
        char *argument;
        size_t n_argument;
        size_t n_pattern;
        size_t n_codes;

        while (fgets(line, sizeof(line), stdin)) {
                argument = strchr(line, ' ');
                if (!argument)
                        return EXIT_FAILURE;
                argument++;
                n_argument = unhex(argument);
                n_codes = utf8_decode(argument, n_argument, codes);
                n_pattern = unhex(line);
                (void)printf("%s %s\n", answer(REGEX_WHOLE, line, n_pattern, codes, n_codes),
                             answer(REGEX_OSLO, line, n_pattern, codes, n_codes));
                (void)fflush(stdout);
        }
        return EXIT_SUCCESS;
}
