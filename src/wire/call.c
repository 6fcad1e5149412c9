/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of multiprocessing.managers.Server and the methods of oslo_rootwrap.daemon's
 * RootwrapClass, with the names that Python gives their parameters. get_methods and #GETVALUE are
 * not among them: what they return is no JSON in oslo either, so that they always fail.
 */
#include "wire/call.h"

#include <string.h>

static const struct call_signature functions[] = {
        { "accept_connection",
          CALL_ACCEPT_CONNECTION,
          { { "name", CALL_KIND_ANY, false, false } } },
        { "create", CALL_CREATE, { { "typeid", CALL_KIND_WORD, false, true } } },
        { "debug_info", CALL_DEBUG_INFO, { { 0 } } },
        { "decref", CALL_DECREF, { { "ident", CALL_KIND_WORD, false, false } } },
        { "dummy", CALL_DUMMY, { { 0 } } },
        { "incref", CALL_INCREF, { { "ident", CALL_KIND_WORD, false, false } } },
        { "number_of_objects", CALL_NUMBER_OF_OBJECTS, { { 0 } } },
        { "shutdown", CALL_SHUTDOWN_MANAGER, { { 0 } } },
        { NULL, CALL_NONE, { { 0 } } },
};

static const struct call_signature methods[] = {
        { "__repr__", CALL_STRING, { { 0 } } },
        { "__str__", CALL_STRING, { { 0 } } },
        { "cancel_timer", CALL_TIMER, { { 0 } } },
        { "handle_timeout", CALL_TIMER, { { 0 } } },
        { "prepare_timer", CALL_TIMER, { { "config", CALL_KIND_NULL, true, false } } },
        { "reset_timer", CALL_TIMER, { { 0 } } },
        { "run_one_command",
          CALL_RUN_ONE_COMMAND,
          { { "userargs", CALL_KIND_COMMAND, false, false },
            { "stdin", CALL_KIND_INPUT, true, false } } },
        { "shutdown", CALL_SHUTDOWN, { { 0 } } },
        { NULL, CALL_NONE, { { 0 } } },
};

/**
 * call_init() - no call, with empty queues
 * @call:   set
 * @budget: what the queues are charged to
 */
void call_init(struct call *call, struct queue_budget *budget)
{
        *call = (struct call){ .function = CALL_NONE };
        queue_init(&call->args, budget);
        queue_init(&call->input, budget);
}

/**
 * call_deinit() - give the memory of the queues back
 * @call: becomes no call
 */
void call_deinit(struct call *call)
{
        queue_deinit(&call->args);
        queue_deinit(&call->input);
        call->n_args = 0;
        call->has_input = false;
        call->function = CALL_NONE;
}

/**
 * call_find_signature() - look a function up
 * @name:      its name
 * @is_method: is it a method of an object, or one for the first request of a connection?
 *
 * Return: static, or NULL
 */
const struct call_signature *call_find_signature(const char *name, bool is_method)
{
        const struct call_signature *signature = is_method ? methods : functions;

        for (; signature->name; signature++)
                if (strcmp(signature->name, name) == 0)
                        return signature;
        return NULL;
}
