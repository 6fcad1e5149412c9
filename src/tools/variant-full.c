/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full program: it does everything itself. While its command runs, perhaps for months, it needs
 * little more than the loop that waits; what else was read of it and of its shared objects is given
 * back before.
 */
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/variant.h"

/**
 * variant_is_lean() - is this the program that hands on what it can't do?
 */
bool variant_is_lean(void)
{
        return false;
}

/**
 * variant_continue() - never called here
 * @name: not looked at
 * @argv: not looked at
 *
 * Return: 96, since nothing was executed
 */
int variant_continue(const char *name, char *const *argv)
{
        (void)name;
        (void)argv;
        return 96;
}

/**
 * variant_help() - say what this is
 * @name: not looked at
 * @argv: our own arguments: the program and one word
 *
 * Return: 0, or 96 where it could not be written
 */
int variant_help(const char *name, char *const *argv)
{
        static const char usage[] =
                "usage: rootwrap CONFIG COMMAND [ARG...]\n"
                "\n"
                "Runs a command if the filters of CONFIG (a rootwrap.conf) allow it, and exits as it\n"
                "does. \"rootwrapctl explain CONFIG COMMAND [ARG...]\" says why, or why not.\n"
                "\n"
                "  --help     print this text, where it is the only word\n"
                "  --version  print the version, likewise\n"
                "\n"
                "Exit status: the command's; 96 its program is missing, 97 the configuration can't be\n"
                "used, 98 no command, 99 no filter matches. See rootwrap(1).\n";

        (void)name;
        (void)fputs(strcmp(argv[1], "--version") == 0 ? "rootwrap " ROOTWRAP_VERSION "\n" : usage,
                    stdout);
        return fflush(stdout) ? 96 : 0;
}

/* Segments that are never written come back from the page cache where they are needed again. */
static int rest_object(struct dl_phdr_info *info, size_t size, void *to)
{
        size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
        size_t i;

        (void)size;
        (void)to;
        for (i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *header = &info->dlpi_phdr[i];
                size_t start = info->dlpi_addr + header->p_vaddr;
                size_t first = start & ~(page_bytes - 1);

                if (header->p_type == PT_LOAD && !(header->p_flags & PF_W))
                        (void)madvise((void *)first, /* NOLINT(performance-no-int-to-ptr) */
                                      header->p_memsz + (start - first), MADV_DONTNEED);
        }
        return 0;
}

/**
 * variant_rest() - give back what is not needed for waiting
 */
void variant_rest(void)
{
        (void)malloc_trim(0);
        (void)dl_iterate_phdr(rest_object, NULL);
}
