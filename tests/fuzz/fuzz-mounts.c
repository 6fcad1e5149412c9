/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lists of mounts, with a NUL in between. They match exactly where both are well-formed and the
 * same remains of them when all that may differ is taken out; whoever is asked for first.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/mounts.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define BYTES_MAX 4096
#define N_FIELDS  5

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* In memory of its own, so that what is read beyond it is found. */
static char *copy_text(const uint8_t *bytes, size_t n_bytes)
{
        char *copy = malloc(n_bytes + 1);

        ORACLE(copy);
        if (n_bytes)
                memcpy(copy, bytes, n_bytes);
        copy[n_bytes] = '\0';
        return copy;
}

/* Puts what counts of a line behind the rest. Return: is it one? */
static bool reduce_line(char *line, char *rest)
{
        char *fields[N_FIELDS];
        char *blank;
        int i;

        for (i = 0; i < N_FIELDS; i++) {
                fields[i] = line;
                blank = strchr(line, ' ');
                if (!blank || blank == line)
                        return false;
                *blank = '\0';
                line = blank + 1;
        }
        if (strcmp(fields[4], "/tmp") == 0 || strcmp(fields[4], "/var/tmp") == 0)
                return true;
        for (i = 2; i < N_FIELDS; i++) {
                strcat(rest, fields[i]);
                strcat(rest, " ");
        }
        strcat(rest, "\n");
        return true;
}

/* Return: is it well-formed? */
static bool reduce(const char *text, char rest[static 2 * BYTES_MAX])
{
        char *copy = copy_text((const uint8_t *)text, strlen(text));
        char *line = copy;
        bool is_good = true;
        char *end;

        rest[0] = '\0';
        while (is_good && *line) {
                end = strchr(line, '\n');
                if (end)
                        *end = '\0';
                is_good = reduce_line(line, rest);
                line = end ? end + 1 : strchr(line, 0); /* reduce_line() cut it */
        }
        free(copy);
        return is_good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static char our_rest[2 * BYTES_MAX];
        static char their_rest[2 * BYTES_MAX];
        const uint8_t *middle = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
        bool is_good;
        bool want;
        char *ours;
        char *theirs;

        if (n_bytes > BYTES_MAX || !middle)
                return 0;
        ours = copy_text(bytes, (size_t)(middle - bytes));
        theirs = copy_text(middle + 1, n_bytes - (size_t)(middle - bytes) - 1);
        is_good = reduce(ours, our_rest);
        ORACLE(mounts_match(ours, ours) == is_good);
        want = reduce(theirs, their_rest) && is_good && strcmp(our_rest, their_rest) == 0;
        ORACLE(mounts_match(ours, theirs) == want);
        ORACLE(mounts_match(theirs, ours) == want);
        free(ours);
        free(theirs);
        return 0;
}
