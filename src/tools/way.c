/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/way.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootwrap.h"
#include "tools/rootwrapctl.h"
#include "util/cleanup.h"

/* Words of --daemon-command. */
#define WAY_WORDS_MAX 32

#define WAY_SOCKETS   "/run/rootwrapd/*.sock"

/**
 * way_exit_code() - what to exit with
 * @error: of librootwrap, not 0
 *
 * Return: as rootwrapctl(1) has it
 */
int way_exit_code(int error)
{
        if (error == ROOTWRAP_E_CONFIG)
                return RC_BADCONFIG;
        return error == ROOTWRAP_E_BUSY ? RC_TEMPFAIL : RC_FAILED;
}

static int fail(int r)
{
        (void)fprintf(stderr, "rootwrapctl: %s\n", rootwrap_detail());
        return way_exit_code(r);
}

static int open_only_socket(struct rootwrap **ret_handle)
{
        glob_t found = { 0 };
        int r;

        r = glob(WAY_SOCKETS, 0, NULL, &found);
        if (r || found.gl_pathc != 1) {
                (void)fprintf(stderr, "rootwrapctl: there %s in /run/rootwrapd: use --socket\n",
                              found.gl_pathc ? "are several sockets" : "is no socket");
                globfree(&found);
                return RC_USAGE;
        }
        r = rootwrap_open_socket(found.gl_pathv[0], ret_handle);
        globfree(&found);
        return r ? fail(r) : 0;
}

/* The service is called as its file. */
static int open_service(const char *conf, struct rootwrap **ret_handle)
{
        const char *slash = strrchr(conf, '/');
        const char *base = slash ? slash + 1 : conf;
        size_t n = strlen(base);
        cleanup_free char *name = NULL;
        int r;

        if (n > strlen(".conf") && strcmp(base + n - strlen(".conf"), ".conf") == 0)
                n -= strlen(".conf");
        name = strndup(base, n);
        r = name ? rootwrap_open_config(conf, name, ret_handle) : -ENOMEM;
        return r ? fail(r) : 0;
}

static int open_command(const char *command, const char *subcommand, struct rootwrap **ret_handle)
{
        const char *words[WAY_WORDS_MAX + 1] = { NULL };
        cleanup_free char *copy = strdup(command);
        char *rest = copy;
        char *word;
        size_t n = 0;
        int r;

        while (n < WAY_WORDS_MAX && (word = strsep(&rest, " \t")))
                if (*word)
                        words[n++] = word;
        if (!copy) {
                (void)fprintf(stderr, "rootwrapctl: %s\n", strerror(ENOMEM));
                return RC_FAILED;
        }
        if (rest || !n) {
                (void)fprintf(stderr,
                              "rootwrapctl %s: --daemon-command wants 1 to %d words, such as "
                              "\"sudo rootwrap-daemon CONFIG\"\n",
                              subcommand, WAY_WORDS_MAX);
                return RC_USAGE;
        }
        r = rootwrap_open_command(words, ret_handle);
        return r ? fail(r) : 0;
}

/**
 * way_take() - take what getopt_long(3) gave
 * @way:      all zero at first; more than one in n_options is to be refused, with WAY_ONLY_ONE
 * @option:   what it returned
 * @argument: its optarg; borrowed
 *
 * Return: was it one of WAY_OPTIONS?
 */
bool way_take(struct way *way, int option, const char *argument)
{
        if (option == 's')
                way->socket = argument;
        else if (option == 'c')
                way->service_conf = argument;
        else if (option == 'd')
                way->daemon_command = argument;
        else
                return false;
        way->n_options++;
        return true;
}

/**
 * way_open() - open it, or say on stderr why not
 * @way:        by what was given
 * @subcommand: for that line
 * @ret_handle: to be given to rootwrap_close()
 *
 * Return: 0 or an exit code
 */
int way_open(const struct way *way, const char *subcommand, struct rootwrap **ret_handle)
{
        int r;

        if (way->service_conf)
                return open_service(way->service_conf, ret_handle);
        if (way->daemon_command)
                return open_command(way->daemon_command, subcommand, ret_handle);
        if (!way->socket)
                return open_only_socket(ret_handle);
        r = rootwrap_open_socket(way->socket, ret_handle);
        return r ? fail(r) : 0;
}
