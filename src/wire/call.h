/* SPDX-License-Identifier: Apache-2.0 */
/* What a client can ask for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/queue.h"

/* A command has at most so many arguments, and so many bytes, each argument's NUL included. */
#define CALL_ARGS_MAX       262144u
#define CALL_ARGS_BYTES_MAX (6u * 1024 * 1024)

/* The longest id, name of a function, keyword and string argument that is looked at, and a NUL; no
 * known one is as long. */
#define CALL_WORD_BYTES     40

#define CALL_PARAMETERS_MAX 2

enum call_function {
        CALL_NONE,
        /* the first request on a connection */
        CALL_ACCEPT_CONNECTION,
        CALL_CREATE,
        CALL_DEBUG_INFO,
        CALL_DECREF,
        CALL_DUMMY,
        CALL_INCREF,
        CALL_NUMBER_OF_OBJECTS,
        CALL_SHUTDOWN_MANAGER,
        /* the methods of an object */
        CALL_RUN_ONE_COMMAND,
        CALL_SHUTDOWN,
        CALL_STRING, /* __str__, __repr__ */
        CALL_TIMER,
};

/* What can stand for a parameter. */
enum call_kind {
        CALL_KIND_NONE, /* there is no such parameter */
        CALL_KIND_ANY,
        CALL_KIND_NULL,
        CALL_KIND_WORD,    /* a string, of which only few are known */
        CALL_KIND_COMMAND, /* an array of strings or bytes */
        CALL_KIND_INPUT,   /* a string, bytes or null */
};

struct call_parameter {
        const char *name;
        enum call_kind kind;
        bool is_optional;
        bool is_positional; /* has no keyword */
};

/* A function and what it takes. */
struct call_signature {
        const char *name;
        enum call_function function;
        struct call_parameter parameters[CALL_PARAMETERS_MAX];
};

/* What was asked for. */
struct call {
        enum call_function function;
        char id[CALL_WORD_BYTES];   /* the object, of a method; cut when too long to be one */
        char word[CALL_WORD_BYTES]; /* of create, incref, decref: the argument; the same */
        struct queue args;          /* the command: strings back to back, each with its NUL */
        size_t n_args;
        struct queue input; /* what the command reads */
        bool has_input;     /* false: stdin was null, or not there */
};

void call_init(struct call *call, struct queue_budget *budget);
void call_deinit(struct call *call);
const struct call_signature *call_find_signature(const char *name, bool is_method);
