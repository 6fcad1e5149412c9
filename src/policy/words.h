/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that is decided on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

/* One argument. Its code points are decoded when a regular expression first asks for them. */
struct word {
        const char *text; /* NUL-terminated */
        size_t n_text;
        uint32_t *codes; /* NULL: not decoded yet */
        size_t n_codes;
};

/* A run of words in somebody's array. */
struct words {
        struct word *v;
        size_t n;
};

int words_init(struct words *words, struct arena *arena, const char *const *argv, size_t n_argv);
struct words words_from(struct words words, size_t first);
int words_copy(struct words *copy, struct arena *arena, struct words words);
void word_set(struct word *word, const char *text);
int word_decode(struct word *word, struct arena *arena);
const char *word_basename(const char *text);

static inline bool word_is(const struct word *word, const char *text)
{
        return __builtin_strcmp(word->text, text) == 0;
}
