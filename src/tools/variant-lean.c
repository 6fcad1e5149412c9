/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lean program. Starting a program costs several times what deciding costs, and most of that is
 * its C library and its shared objects. So `rootwrap` itself is a static program without regular
 * expressions and without name services. A command that is allowed without them it starts by
 * itself; for every other, and for every error, it becomes the full program, which decides anew.
 *
 * The full program is found from our own file, so that an installed tree works wherever it lies.
 * That file and its folder belong to root like all programs, and nothing of a caller's has a say in
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/variant.h"
#include "util/cleanup.h"
#include "util/text.h"

#define EXE_BYTES_MAX 4096

/* The build says where it installs it, relative to our own folder. */
#ifndef ROOTWRAP_FULL
#        define ROOTWRAP_FULL "../libexec/rootwrapd/rootwrap-full"
#endif

/* The build's own folder has both programs side by side. */
static const char *const places[] = { ROOTWRAP_FULL, "rootwrap-full" };

/**
 * variant_is_lean() - is this the program that hands on what it can't do?
 */
bool variant_is_lean(void)
{
        return true;
}

/**
 * variant_rest() - there is little to give back
 */
void variant_rest(void)
{
}

/**
 * variant_continue() - become the full program
 * @name: how we were called, for the message
 * @argv: our own arguments
 *
 * Return: only where that failed: 96, after a message
 */
int variant_continue(const char *name, char *const *argv)
{
        char exe[EXE_BYTES_MAX];
        int error = ENOENT;
        ssize_t n;
        size_t i;

        n = readlink("/proc/self/exe", exe, sizeof(exe));
        while (n > 0 && exe[n - 1] != '/')
                n--;
        for (i = 0; n > 0 && i < sizeof(places) / sizeof(places[0]) && error == ENOENT; i++) {
                cleanup_text struct text path = { 0 };

                text_put(&path, exe, (size_t)n);
                text_put_string(&path, places[i]);
                if (!path.broken)
                        (void)execv(text_get(&path), argv);
                error = errno;
        }
        (void)fprintf(stderr, "%s: Cannot start rootwrap-full, which belongs to this program: %s\n",
                      name, strerror(error));
        return 96;
}

/**
 * variant_help() - let the full program say what this is
 * @name: how we were called, for the message
 * @argv: our own arguments
 *
 * Return: only where that failed: 96, after a message
 */
int variant_help(const char *name, char *const *argv)
{
        return variant_continue(name, argv);
}
