/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command gets the environment that was inherited, with what an EnvFilter adds in its place: as
 * Python's dict.update(), so that of two variables with one name the last counts.
 */
#include "spawn/environment.h"

#include <stdbool.h>
#include <string.h>

#include "util/arena.h"

/* Return: does any of the strings from @added on set the variable that @variable sets? */
static bool is_set_by(const char *variable, const char *const *added)
{
        size_t n_name = strcspn(variable, "=") + 1;

        for (; *added; added++)
                if (strncmp(variable, *added, n_name) == 0)
                        return true;
        return false;
}

/**
 * environment_merge() - put variables into an environment
 * @arena:     where the list goes
 * @inherited: NAME=VALUE strings, NULL-terminated; borrowed for the life of the list
 * @added:     the same; NULL: none
 *
 * Return: a NULL-terminated list, NULL without memory
 */
const char **environment_merge(struct arena *arena,
                               const char *const *inherited,
                               const char *const *added)
{
        static const char *const none[] = { NULL };
        const char **environment;
        size_t n_added = 0;
        size_t n = 0;
        size_t i;

        added = added ? added : none;
        while (added[n_added])
                n_added++;
        while (inherited[n])
                n++;
        environment = arena_take_array(arena, n + n_added + 1, sizeof(char *));
        if (!environment)
                return NULL;
        for (i = 0, n = 0; inherited[i]; i++)
                if (!is_set_by(inherited[i], added))
                        environment[n++] = inherited[i];
        for (i = 0; i < n_added; i++)
                if (!is_set_by(added[i], added + i + 1))
                        environment[n++] = added[i];
        return environment;
}
