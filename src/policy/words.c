/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words point to the caller's strings and are sliced, never shifted: a filter that looks at the
 * list without its leading `env`, or at the command inside another, sees the same words from
 * further on.
 */
#include "policy/words.h"

#include <errno.h>
#include <string.h>

#include "util/err.h"
#include "util/utf8.h"

/**
 * words_init() - make words of an argument vector
 * @words:  set
 * @arena:  where they live
 * @argv:   strings, borrowed
 * @n_argv: how many
 *
 * Return: 0 or -ENOMEM
 */
int words_init(struct words *words, struct arena *arena, const char *const *argv, size_t n_argv)
{
        size_t i;

        words->v = arena_take_array(arena, n_argv, sizeof(*words->v));
        if (!words->v)
                return err_origin(-ENOMEM);
        for (i = 0; i < n_argv; i++)
                word_set(&words->v[i], argv[i]);
        words->n = n_argv;
        return 0;
}

/**
 * words_from() - the words from some number on
 * @words: the words
 * @first: the first one wanted; beyond the end: none are left
 */
struct words words_from(struct words words, size_t first)
{
        if (first > words.n)
                first = words.n;
        return (struct words){ words.v + first, words.n - first };
}

/**
 * words_copy() - an array of their own, whose words can be replaced
 * @copy:  set
 * @arena: where it lives
 * @words: what is copied
 *
 * Return: 0 or -ENOMEM
 */
int words_copy(struct words *copy, struct arena *arena, struct words words)
{
        copy->v = arena_take_array(arena, words.n, sizeof(*copy->v));
        if (!copy->v)
                return err_origin(-ENOMEM);
        if (words.n)
                memcpy(copy->v, words.v, words.n * sizeof(*copy->v));
        copy->n = words.n;
        return 0;
}

/**
 * word_set() - make it another text
 * @word: the word
 * @text: borrowed
 */
void word_set(struct word *word, const char *text)
{
        *word = (struct word){ .text = text, .n_text = strlen(text) };
}

/**
 * word_decode() - fill in the code points
 * @word:  the word
 * @arena: where they live
 *
 * Return: 0 or -ENOMEM
 */
int word_decode(struct word *word, struct arena *arena)
{
        uint32_t *codes;

        if (word->codes)
                return 0;
        codes = arena_take_array(arena, word->n_text + 1, sizeof(*codes));
        if (!codes)
                return err_origin(-ENOMEM);
        word->n_codes = utf8_decode(word->text, word->n_text, codes);
        word->codes = codes;
        return 0;
}

/**
 * word_basename() - os.path.basename(): what stands behind the last slash
 * @text: a path
 *
 * Return: borrowed from @text; "" where it ends in a slash
 */
const char *word_basename(const char *text)
{
        const char *slash = strrchr(text, '/');

        return slash ? slash + 1 : text;
}
