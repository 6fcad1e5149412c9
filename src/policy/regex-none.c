/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No regular expressions: for the lean program, which hands a command that needs one to the full
 * program (src/tools/variant-lean.c). Nothing matches here, and asking is an error.
 */
#include <errno.h>

#include "policy/regex.h"

/**
 * regex_new() - always -ENOSYS
 * @ret_regex:     not set
 * @pattern:       not looked at
 * @n_pattern:     not looked at
 * @mode:          not looked at
 * @reterr_reason: not set
 *
 * Return: -ENOSYS
 */
int regex_new(struct regex **ret_regex,
              const char *pattern,
              size_t n_pattern,
              enum regex_mode mode,
              const char **reterr_reason)
{
        (void)ret_regex;
        (void)pattern;
        (void)n_pattern;
        (void)mode;
        (void)reterr_reason;
        return -ENOSYS;
}

/**
 * regex_free() - nothing was made, nothing is freed
 * @regex: NULL
 *
 * Return: NULL
 */
struct regex *regex_free(struct regex *regex)
{
        (void)regex;
        return NULL;
}

/**
 * regex_match() - always -ENOSYS
 * @regex:   not looked at
 * @codes:   not looked at
 * @n_codes: not looked at
 *
 * Return: -ENOSYS
 */
int regex_match(const struct regex *regex, const uint32_t *codes, size_t n_codes)
{
        (void)regex;
        (void)codes;
        (void)n_codes;
        return -ENOSYS;
}
