/* SPDX-License-Identifier: Apache-2.0 */
/* Which daemon a subcommand talks to: --socket, --config-of, --daemon-command, or the only one. */
#pragma once

#include <stdbool.h>

struct rootwrap;

/* For getopt_long(3); what they give is to be given to way_take(). */
/* clang-format off */
#define WAY_OPTIONS                                              \
        { "socket", required_argument, NULL, 's' },              \
        { "config-of", required_argument, NULL, 'c' },           \
        { "daemon-command", required_argument, NULL, 'd' }
/* clang-format on */

#define WAY_HELP                                                                                     \
        "  --socket SOCKET         a host service's; by default the only one in /run/rootwrapd\n"    \
        "  --config-of FILE        as the service NAME does whose configuration NAME.conf this is\n" \
        "  --daemon-command WORDS  start a daemon with it, such as \"sudo rootwrap-daemon CONFIG\"\n"

#define WAY_ONLY_ONE "of --socket, --config-of and --daemon-command only one, once"

/* Exit codes of what is not about the command itself. */
#define RC_TEMPFAIL  75 /* EX_TEMPFAIL */
#define RC_NOCOMMAND 98 /* as rootwrap */

struct way {
        const char *socket; /* all borrowed; NULL: not given */
        const char *service_conf;
        const char *daemon_command;
        int n_options; /* how many were given; more than one is wrong use */
};

bool way_take(struct way *way, int option, const char *argument);
int way_open(const struct way *way, const char *subcommand, struct rootwrap **ret_handle);
int way_exit_code(int error);
