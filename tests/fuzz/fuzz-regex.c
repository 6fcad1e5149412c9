/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An expression and an argument, separated by the last NUL byte: no crash, no leak, no hang, and
 * REGEX_WHOLE never matches where REGEX_OSLO does not. Bytes of the expression that are not UTF-8
 * are decoded as in arguments: the translator takes any code point.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/regex.h"
#include "util/utf8.h"

/* Enough for each construct; more only makes catastrophic expressions likelier. */
#define PATTERN_MAX  256
#define ARGUMENT_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static int ask(enum regex_mode mode,
               const char *pattern,
               size_t n_pattern,
               const uint32_t *codes,
               size_t n_codes)
{
        cleanup_with(regex_free) struct regex *regex = NULL;
        const char *reason = NULL;
        int r;

        r = regex_new(&regex, pattern, n_pattern, mode, &reason);
        if (r > 0 && !reason)
                abort();
        if (r)
                return r;
        return regex_match(regex, codes, n_codes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        const char *text = (const char *)bytes;
        uint32_t codes[ARGUMENT_MAX];
        size_t n_pattern = n_bytes;
        size_t n_argument = 0;
        size_t n_codes;
        int oslo;

        while (n_pattern && bytes[n_pattern - 1])
                n_pattern--;
        if (n_pattern) {
                n_argument = n_bytes - n_pattern;
                n_pattern--;
        } else {
                n_pattern = n_bytes;
        }
        if (n_pattern > PATTERN_MAX || n_argument > ARGUMENT_MAX)
                return 0;

        n_codes = utf8_decode(text + n_bytes - n_argument, n_argument, codes);
        oslo = ask(REGEX_OSLO, text, n_pattern, codes, n_codes);
        if (oslo && !ask(REGEX_WHOLE, text, n_pattern, codes, n_codes))
                abort();
        return 0;
}
