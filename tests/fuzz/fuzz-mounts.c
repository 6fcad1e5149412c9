/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lists of mounts, with a NUL in between. They match exactly where both are well-formed and
 * each mount, with all that it lies on, is in both as often, whoever is asked for first.
 */
#include <errno.h>
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
#define LINES_MAX BYTES_MAX
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

/* A list, the slow and simple way. */
struct list {
        struct line {
                unsigned long id;
                unsigned long parent_id;
                char *what[3];
                bool is_temporary;
        } lines[LINES_MAX];
        int n_lines;
};

static bool read_number(const char *text, unsigned long *ret_number)
{
        char *end;

        if (strspn(text, "0123456789") != strlen(text))
                return false;
        errno = 0;
        *ret_number = strtoul(text, &end, 10);
        return !errno && *ret_number <= UINT32_MAX;
}

static bool read_line(char *line, struct line *ret_line)
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
        for (i = 0; i < 3; i++)
                ret_line->what[i] = fields[i + 2];
        ret_line->is_temporary =
                strcmp(fields[4], "/tmp") == 0 || strcmp(fields[4], "/var/tmp") == 0;
        return read_number(fields[0], &ret_line->id) &&
               read_number(fields[1], &ret_line->parent_id);
}

static const struct line *parent_of(const struct list *list, const struct line *line)
{
        int i;

        for (i = 0; i < list->n_lines; i++)
                if (list->lines[i].id == line->parent_id && line->id != line->parent_id)
                        return &list->lines[i];
        return NULL;
}

/* Return: is it well-formed? */
static bool read_list(char *text, struct list *list)
{
        int i;
        int j;

        list->n_lines = 0;
        while (*text) {
                char *end = strchr(text, '\n');

                if (end)
                        *end = '\0';
                if (!read_line(text, &list->lines[list->n_lines++]))
                        return false;
                text = end ? end + 1 : strchr(text, 0);
                if (!end)
                        break;
        }
        for (i = 0; i < list->n_lines; i++) {
                const struct line *line = &list->lines[i];

                for (j = 0; j < i; j++)
                        if (list->lines[j].id == line->id)
                                return false;
                for (j = 0; line && !line->is_temporary && j <= list->n_lines; j++)
                        line = parent_of(list, line);
                if (line && !line->is_temporary)
                        return false; /* a circle */
        }
        return true;
}

/* Do two lines say the same, and those that they lie on? */
static bool is_same(const struct list *ours,
                    const struct line *a,
                    const struct list *theirs,
                    const struct line *b)
{
        while (a && b) {
                if (a->is_temporary || b->is_temporary) {
                        if (a->is_temporary != b->is_temporary)
                                return false;
                        return true;
                }
                if (strcmp(a->what[0], b->what[0]) || strcmp(a->what[1], b->what[1]) ||
                    strcmp(a->what[2], b->what[2]))
                        return false;
                a = parent_of(ours, a);
                b = parent_of(theirs, b);
        }
        return a == b;
}

static int count_same(const struct list *list, const struct list *of, const struct line *line)
{
        int n = 0;
        int i;

        for (i = 0; i < list->n_lines; i++)
                n += !list->lines[i].is_temporary && is_same(list, &list->lines[i], of, line);
        return n;
}

/* Each of one is as often in the other. */
static bool is_within(const struct list *one, const struct list *other)
{
        int i;

        for (i = 0; i < one->n_lines; i++)
                if (!one->lines[i].is_temporary &&
                    count_same(one, one, &one->lines[i]) != count_same(other, one, &one->lines[i]))
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        static struct list our_list;
        static struct list their_list;
        const uint8_t *middle = n_bytes ? memchr(bytes, 0, n_bytes) : NULL;
        char *texts[4]; /* both, and both once more to be cut */
        bool is_good;
        bool want;
        int i;

        if (n_bytes > BYTES_MAX || !middle)
                return 0;
        for (i = 0; i < 4; i += 2) {
                texts[i] = copy_text(bytes, (size_t)(middle - bytes));
                texts[i + 1] = copy_text(middle + 1, n_bytes - (size_t)(middle - bytes) - 1);
        }
        is_good = read_list(texts[2], &our_list);
        ORACLE(mounts_match(texts[0], texts[0]) == is_good);
        want = read_list(texts[3], &their_list) && is_good && is_within(&our_list, &their_list) &&
               is_within(&their_list, &our_list);
        ORACLE(mounts_match(texts[0], texts[1]) == want);
        ORACLE(mounts_match(texts[1], texts[0]) == want);
        for (i = 0; i < 4; i++)
                free(texts[i]);
        return 0;
}
