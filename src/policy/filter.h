/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a filter file, and what its class makes of a command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/rule.h"
#include "policy/words.h"

struct arena;
struct filter;
struct pattern;
struct system;
struct text;

/* What a class answers. Only FILTER_YES permits; its value is no other's by a flipped bit. */
enum filter_answer {
        FILTER_NO = 0x2B2B2B2B,   /* does not match */
        FILTER_YES = 0x74D4C4B4,  /* matches, in the mode that counts */
        FILTER_STOP = 0x4E8E1D1D, /* nothing may run: oslo.rootwrap raises here, or we failed */
};

/* A question put to filters, with what is found out on the way. */
struct query {
        const struct system *system;
        struct arena *arena; /* of the decision */
        bool oslo_compat;
        bool hypothetical;    /* only to learn what oslo.rootwrap would say */
        bool inner;           /* asked on behalf of a chaining filter */
        bool diagnose;        /* find out whether a rule turned a yes into a no, at any cost */
        struct text *why;     /* where a "no" is explained; NULL: nobody asks */
        unsigned int rules;   /* set with diagnose: bits of enum rule */
        int error;            /* set with FILTER_STOP: negative errno of our own failure; or 0 */
        bool limit;           /* set when a regular expression reached a limit */
        struct text *warning; /* where a class notes what the administrator should know */
        const char *env;      /* for EnvFilter with inner: the `env` that will set the variables */
        const char *
                *paths; /* set by PathFilter: the resolved arguments, NULL where it is not one */
        int pidfd;      /* set by KillFilter: the process that was checked; -1: none */
        int signal;     /* set by KillFilter, with pidfd */
};

/* What would run. */
struct command {
        const char **argv; /* NULL-terminated */
        size_t n_argv;
        const char **env; /* NAME=VALUE strings to be added, NULL-terminated, NULL: none */
};

struct filter_class {
        const char *name;
        size_t n_args_min; /* pieces behind the class's name */
        bool is_chaining;
        bool is_env;       /* looks behind a leading `env` */
        bool has_patterns; /* its arguments are regular expressions */

        /* Takes the arguments apart at load. NULL: exec_path and run_as come first, as in most. */
        void (*prepare)(struct filter *filter);

        /* Gives the names of the commands that the filter can match to @add, the name NULL for any
         * command. NULL: exec_path and its base name. */
        int (*name_commands)(const struct filter *filter,
                             int (*add)(void *to, const char *key),
                             void *to);

        enum filter_answer (*match)(const struct filter *filter,
                                    struct query *query,
                                    struct words words);

        /* Builds the command from words that matched. @exec is the program, resolved. */
        int (*command)(const struct filter *filter,
                       struct query *query,
                       struct words words,
                       const char *exec,
                       struct command *ret_command);

        /* For chaining classes: how many words stand before the inner command. */
        size_t (*n_outer)(const struct filter *filter);
};

struct filter {
        const struct filter_class *class;
        const char *name; /* lower case */
        const char *file; /* NULL: implicit */
        unsigned int line;
        unsigned int line_replaced; /* of an earlier definition of that name, 0: none */
        const char *exec_path;
        const char *run_as;
        const char *wrapper; /* EnvFilter: what stood in the place of exec_path, `env` as a rule */
        const char **args;   /* behind those that the class has taken */
        size_t n_args;
        size_t n_env;                /* EnvFilter: how many leading arguments are variables */
        size_t n_env_names;          /* EnvFilter: how many different names they have */
        struct pattern *patterns;    /* one for each argument that is an expression, or NULL */
        uint32_t n_env_before;       /* EnvFilters before this one */
        uint32_t n_env_before_inner; /* of those, the ones with the same run_as */
};

extern const struct filter_class filter_command;
extern const struct filter_class filter_regexp;
extern const struct filter_class filter_path;
extern const struct filter_class filter_env;
extern const struct filter_class filter_read_file;
extern const struct filter_class filter_kill;
extern const struct filter_class filter_ip;
extern const struct filter_class filter_chaining;
extern const struct filter_class filter_ip_netns_exec;
extern const struct filter_class filter_chaining_regexp;
extern const struct filter_class filter_privsep;

const struct filter_class *filter_class_find(const char *name);
bool filter_names_command(const struct filter *filter, const char *word);
enum filter_answer filter_no(struct query *query, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
enum filter_answer filter_refuse(struct query *query, enum rule rule, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
enum filter_answer filter_stop(struct query *query, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
enum filter_answer filter_fail(struct query *query, int r);
int filter_command_default(const struct filter *filter,
                           struct query *query,
                           struct words words,
                           const char *exec,
                           struct command *ret_command);
int command_take(struct command *command, struct arena *arena, size_t n_argv);
