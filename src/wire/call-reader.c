/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is [ignored, function, args, kwargs] on a new connection and [id, method, args, kwargs]
 * on one that calls methods. It is taken token by token: what is not needed is not kept, and what a
 * command gets goes to its queues as it comes, so that a request costs what it hands over.
 *
 * The semantics are those of multiprocessing.managers.Server and oslo_rootwrap.jsonrpc. What is
 * wrong in a request is remembered and the rest read on, since a later duplicate of a key replaces
 * what was wrong; the sentence comes at the end. No string of a client is ever matched in parts:
 * one that is too long, has a NUL or no bytes at all is no id, no function and no keyword.
 */
#include "wire/call-reader.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "wire/base64.h"
#include "wire/call.h"
#include "wire/json-reader.h"

#define PLACES_MAX   8
#define DECODE_BYTES 4096 /* of base64, at a time */

/* Never a name of anything. */
#define SPOILED "?"

/* Where in a request the next token stands. */
enum place {
        PLACE_REQUEST,
        PLACE_MEMBERS,
        PLACE_ID,
        PLACE_NAME,
        PLACE_ARGS,
        PLACE_KWARGS,
        PLACE_KEY,  /* of kwargs */
        PLACE_WORD, /* a value of CALL_KIND_WORD */
        PLACE_COMMAND,
        PLACE_ARGUMENT,
        PLACE_INPUT,
        PLACE_OBJECT, /* one that should be {"__bytes__": text} */
        PLACE_OBJECT_KEY,
        PLACE_BASE64,
        PLACE_IGNORED,
};

/* A string of which only few are known. */
struct word {
        char text[CALL_WORD_BYTES]; /* NUL-terminated */
        size_t n_text;
        bool is_spoiled;
};

/* What was given for a parameter. */
struct slot {
        bool is_by_position;
        bool is_by_key;
        const char *reason; /* what is wrong with it, or NULL */
        size_t index;       /* of its member that is wrong; SIZE_MAX: none */
};

struct object_reader {
        bool is_bytes_key;
        bool is_exception;
        bool has_bytes;
        const char *reason; /* why the bytes are none, or NULL */
        struct base64 base64;
        struct queue queue;
};

struct call_reader {
        struct json_reader json;
        bool is_method;
        bool is_dead; /* nothing of it is wanted any more: bad JSON, or no memory */
        bool is_out_of_memory;
        const char *reason; /* what is wrong with the request's shape, or NULL */
        enum place places[PLACES_MAX];
        size_t n_places;
        size_t n_ignored; /* levels of what is ignored */
        size_t n_members;
        size_t n_positional;
        const struct call_signature *function; /* NULL: unknown */
        struct call_parameter parameter;       /* whose value comes; CALL_KIND_NONE: nobody's */
        struct slot *slot;                     /* its slot */
        struct slot slots[CALL_PARAMETERS_MAX];
        struct word word; /* the one that is read */
        struct word name; /* of the function */
        bool has_unknown;
        struct word unknown; /* a keyword that the function has not */
        struct object_reader object;
        struct call call;
};

static void push(struct call_reader *reader, enum place place)
{
        reader->places[reader->n_places++] = place;
}

static void pop(struct call_reader *reader)
{
        reader->n_places--;
}

static enum place place(const struct call_reader *reader)
{
        return reader->places[reader->n_places - 1];
}

static void misshapen(struct call_reader *reader, const char *reason)
{
        if (!reader->reason)
                reader->reason = reason;
}

/* Passes over the value that begins with @token. */
static void ignore(struct call_reader *reader, const struct json_token *token)
{
        if (token->type != JSON_STRING && token->type != JSON_ARRAY && token->type != JSON_OBJECT)
                return;
        push(reader, PLACE_IGNORED);
        reader->n_ignored = 1;
}

/* The peer asked for too much, so that the daemon goes on without memory: not a code to pass on. */
static void keep(struct call_reader *reader, struct queue *queue, const void *bytes, size_t n_bytes)
{
        if (!reader->is_out_of_memory && queue_put(queue, bytes, n_bytes))
                reader->is_out_of_memory = true;
}

static void fault(struct call_reader *reader, const char *reason, size_t index)
{
        if (reader->slot->reason)
                return;
        reader->slot->reason = reason;
        reader->slot->index = index;
        if (reader->parameter.kind == CALL_KIND_COMMAND)
                queue_deinit(&reader->call.args);
        else if (reader->parameter.kind == CALL_KIND_INPUT)
                queue_deinit(&reader->call.input);
}

/* The index of the argument that is read, for fault(). */
static size_t argument_index(const struct call_reader *reader)
{
        return reader->parameter.kind == CALL_KIND_COMMAND ? reader->call.n_args : SIZE_MAX;
}

static void keep_argument(struct call_reader *reader, const char *bytes, size_t n_bytes)
{
        struct call *call = &reader->call;

        if (reader->slot->reason)
                return;
        if (n_bytes > CALL_ARGS_BYTES_MAX - call->args.n_bytes)
                fault(reader, "is longer than a command can be", SIZE_MAX);
        else if (memchr(bytes, '\0', n_bytes))
                fault(reader, "has a NUL byte", call->n_args);
        else
                keep(reader, &call->args, bytes, n_bytes);
}

static void end_argument(struct call_reader *reader)
{
        struct call *call = &reader->call;

        if (reader->slot->reason)
                return;
        if (call->args.n_bytes == CALL_ARGS_BYTES_MAX)
                fault(reader, "is longer than a command can be", SIZE_MAX);
        else
                keep(reader, &call->args, "", 1);
        call->n_args++;
}

static void start_word(struct call_reader *reader, enum place where)
{
        reader->word = (struct word){ 0 };
        push(reader, where);
}

static void put_word(struct word *word, const struct json_token *token)
{
        size_t n_room = sizeof(word->text) - 1 - word->n_text;
        size_t n = token->n_bytes < n_room ? token->n_bytes : n_room;

        if (memchr(token->text, '\0', token->n_bytes))
                word->is_spoiled = true;
        memcpy(word->text + word->n_text, token->text, n);
        word->n_text += n;
        word->text[word->n_text] = '\0';
}

static void find_function(struct call_reader *reader)
{
        reader->name = reader->word;
        reader->function = call_find_signature(reader->name.text, reader->is_method);
}

/* The value of parameter @index comes next. */
static void expect(struct call_reader *reader, size_t index)
{
        reader->parameter = reader->function->parameters[index];
        reader->slot = &reader->slots[index];
}

static void find_keyword(struct call_reader *reader)
{
        const struct call_parameter *parameter;
        size_t i;

        reader->parameter.kind = CALL_KIND_NONE;
        if (!reader->function)
                return;
        for (i = 0; i < CALL_PARAMETERS_MAX; i++) {
                parameter = &reader->function->parameters[i];
                if (parameter->kind == CALL_KIND_NONE || parameter->is_positional ||
                    strcmp(parameter->name, reader->word.text) != 0)
                        continue;
                expect(reader, i);
                reader->slot->is_by_key = true;
                return;
        }
        reader->unknown = reader->word;
        reader->has_unknown = true;
}

static void find_positional(struct call_reader *reader)
{
        size_t index = reader->n_positional;

        reader->parameter.kind = CALL_KIND_NONE;
        if (index < CALL_PARAMETERS_MAX)
                reader->n_positional++;
        if (!reader->function)
                return;
        if (index == CALL_PARAMETERS_MAX ||
            reader->function->parameters[index].kind == CALL_KIND_NONE) {
                misshapen(reader, "has more arguments than the function takes");
                return;
        }
        expect(reader, index);
        reader->slot->is_by_position = true;
}

static void start_object(struct call_reader *reader)
{
        struct object_reader *object = &reader->object;

        queue_deinit(&object->queue);
        object->is_exception = false;
        object->has_bytes = false;
        object->reason = NULL;
        push(reader, PLACE_OBJECT);
}

static void start_command(struct call_reader *reader, const struct json_token *token)
{
        queue_deinit(&reader->call.args);
        reader->call.n_args = 0;
        if (token->type == JSON_ARRAY) {
                push(reader, PLACE_COMMAND);
                return;
        }
        fault(reader, "is no array", SIZE_MAX);
        ignore(reader, token);
}

static void start_input(struct call_reader *reader, const struct json_token *token)
{
        queue_deinit(&reader->call.input);
        reader->call.has_input = token->type != JSON_NULL;
        if (token->type == JSON_STRING) {
                push(reader, PLACE_INPUT);
        } else if (token->type == JSON_OBJECT) {
                start_object(reader);
        } else if (token->type != JSON_NULL) {
                fault(reader, "is neither a string nor bytes nor null", SIZE_MAX);
                ignore(reader, token);
        }
}

/* The first token of a value. */
static void start_value(struct call_reader *reader, const struct json_token *token)
{
        if (reader->parameter.kind == CALL_KIND_NONE) {
                ignore(reader, token);
                return;
        }
        reader->slot->reason = NULL;
        reader->slot->index = SIZE_MAX;
        switch (reader->parameter.kind) {
        case CALL_KIND_COMMAND:
                start_command(reader, token);
                return;
        case CALL_KIND_INPUT:
                start_input(reader, token);
                return;
        case CALL_KIND_WORD:
                if (token->type == JSON_STRING) {
                        start_word(reader, PLACE_WORD);
                        return;
                }
                fault(reader, "is no string", SIZE_MAX);
                break;
        case CALL_KIND_NULL:
                if (token->type != JSON_NULL)
                        fault(reader, "is not null", SIZE_MAX);
                break;
        case CALL_KIND_NONE:
        case CALL_KIND_ANY:
                break;
        }
        ignore(reader, token);
}

static void take_request(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_ARRAY) {
                push(reader, PLACE_MEMBERS);
                return;
        }
        misshapen(reader, "is no array");
        ignore(reader, token);
}

static void take_member(struct call_reader *reader, const struct json_token *token)
{
        static const struct {
                enum json_token_type type;
                enum place place;
                const char *reason;
        } members[] = {
                { JSON_STRING, PLACE_ID, NULL },
                { JSON_STRING, PLACE_NAME, "has no function's name" },
                { JSON_ARRAY, PLACE_ARGS, "has no array of arguments" },
                { JSON_OBJECT, PLACE_KWARGS, "has no object of keyword arguments" },
        };
        size_t n = reader->n_members;

        if (token->type == JSON_ARRAY_END) {
                pop(reader);
                return;
        }
        if (n == sizeof(members) / sizeof(members[0])) {
                misshapen(reader, "has more than four members");
                ignore(reader, token);
                return;
        }
        reader->n_members++;
        if (token->type == members[n].type) {
                start_word(reader, members[n].place);
                return;
        }
        if (members[n].reason)
                misshapen(reader, members[n].reason);
        ignore(reader, token);
}

/* Any string that is a word. */
static void take_word(struct call_reader *reader, const struct json_token *token)
{
        enum place where = place(reader);
        struct word *word = &reader->word;

        if (token->type == JSON_TEXT) {
                put_word(word, token);
                return;
        }
        pop(reader);
        if (word->is_spoiled || token->is_unencodable)
                *word = (struct word){ .text = SPOILED };
        if (where == PLACE_ID)
                memcpy(reader->call.id, word->text, sizeof(word->text));
        else if (where == PLACE_WORD)
                memcpy(reader->call.word, word->text, sizeof(word->text));
        else if (where == PLACE_NAME)
                find_function(reader);
        else if (where == PLACE_KEY)
                find_keyword(reader);
        else
                reader->object.is_bytes_key = strcmp(word->text, "__bytes__") == 0;
        if (where == PLACE_OBJECT_KEY && strcmp(word->text, "__exception__") == 0)
                reader->object.is_exception = true;
}

static void take_arg(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_ARRAY_END) {
                pop(reader);
                return;
        }
        find_positional(reader);
        start_value(reader, token);
}

static void take_kwarg(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_OBJECT_END)
                pop(reader);
        else if (token->is_key)
                start_word(reader, PLACE_KEY);
        else
                start_value(reader, token);
}

static void take_command(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_ARRAY_END) {
                pop(reader);
                return;
        }
        if (reader->call.n_args == CALL_ARGS_MAX)
                fault(reader, "has more arguments than a command can have", SIZE_MAX);
        if (token->type == JSON_STRING) {
                push(reader, PLACE_ARGUMENT);
        } else if (token->type == JSON_OBJECT) {
                start_object(reader);
        } else {
                fault(reader, "is neither a string nor bytes", reader->call.n_args);
                ignore(reader, token);
        }
}

static void take_argument(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_TEXT) {
                keep_argument(reader, token->text, token->n_bytes);
                return;
        }
        if (token->is_unencodable)
                fault(reader, "has a lone surrogate", reader->call.n_args);
        end_argument(reader);
        pop(reader);
}

static void take_input(struct call_reader *reader, const struct json_token *token)
{
        if (token->type == JSON_TEXT) {
                keep(reader, &reader->call.input, token->text, token->n_bytes);
                return;
        }
        if (token->is_unencodable)
                fault(reader, "has a lone surrogate", SIZE_MAX);
        pop(reader);
}

/* The bytes of an object are an argument. */
static void end_argument_object(struct call_reader *reader)
{
        struct queue *queue = &reader->object.queue;
        const void *bytes;
        size_t n;

        if (reader->call.n_args == 0)
                fault(reader, "is bytes, where the name of a command has to be", 0);
        while (queue_peek(queue, &bytes, &n)) {
                keep_argument(reader, bytes, n);
                queue_drop(queue, n);
        }
        end_argument(reader);
}

static void end_object(struct call_reader *reader)
{
        struct object_reader *object = &reader->object;

        pop(reader);
        if (object->is_exception || !object->has_bytes)
                object->reason = "is an object without bytes";
        if (object->reason) {
                fault(reader, object->reason, argument_index(reader));
                queue_deinit(&object->queue);
        }
        if (reader->parameter.kind == CALL_KIND_COMMAND)
                end_argument_object(reader);
        else
                queue_move(&reader->call.input, &object->queue);
}

static void take_object(struct call_reader *reader, const struct json_token *token)
{
        struct object_reader *object = &reader->object;

        if (token->type == JSON_OBJECT_END) {
                end_object(reader);
                return;
        }
        if (token->is_key) {
                start_word(reader, PLACE_OBJECT_KEY);
                return;
        }
        if (object->is_bytes_key) {
                queue_deinit(&object->queue);
                object->has_bytes = true;
                object->reason = token->type == JSON_STRING ? NULL : "has bytes that are no string";
        }
        if (object->is_bytes_key && token->type == JSON_STRING) {
                object->base64 = (struct base64){ 0 };
                push(reader, PLACE_BASE64);
                return;
        }
        ignore(reader, token);
}

static void decode(struct call_reader *reader, const char *text, size_t n_text)
{
        char bytes[BASE64_ROOM(DECODE_BYTES)];
        size_t n_bytes;
        size_t n;

        for (; n_text; text += n, n_text -= n) {
                n = n_text < DECODE_BYTES ? n_text : DECODE_BYTES;
                n_bytes = base64_put(&reader->object.base64, text, n, bytes);
                keep(reader, &reader->object.queue, bytes, n_bytes);
        }
}

static void take_base64(struct call_reader *reader, const struct json_token *token)
{
        struct object_reader *object = &reader->object;

        if (token->type == JSON_TEXT) {
                decode(reader, token->text, token->n_bytes);
                return;
        }
        if (token->is_unencodable || !base64_is_complete(&object->base64))
                object->reason = "has broken base64";
        pop(reader);
}

static void take_ignored(struct call_reader *reader, const struct json_token *token)
{
        switch (token->type) {
        case JSON_STRING:
        case JSON_ARRAY:
        case JSON_OBJECT:
                reader->n_ignored++;
                break;
        case JSON_STRING_END:
        case JSON_ARRAY_END:
        case JSON_OBJECT_END:
                if (--reader->n_ignored == 0)
                        pop(reader);
                break;
        case JSON_NULL:
        case JSON_TRUE:
        case JSON_FALSE:
        case JSON_NUMBER:
        case JSON_TEXT:
                break;
        }
}

static void take(struct call_reader *reader, const struct json_token *token)
{
        static void (*const takers[])(struct call_reader *, const struct json_token *) = {
                [PLACE_REQUEST] = take_request, [PLACE_MEMBERS] = take_member,
                [PLACE_ID] = take_word,         [PLACE_NAME] = take_word,
                [PLACE_ARGS] = take_arg,        [PLACE_KWARGS] = take_kwarg,
                [PLACE_KEY] = take_word,        [PLACE_WORD] = take_word,
                [PLACE_COMMAND] = take_command, [PLACE_ARGUMENT] = take_argument,
                [PLACE_INPUT] = take_input,     [PLACE_OBJECT] = take_object,
                [PLACE_OBJECT_KEY] = take_word, [PLACE_BASE64] = take_base64,
                [PLACE_IGNORED] = take_ignored,
        };

        takers[place(reader)](reader, token);
}

/**
 * call_reader_new() - begin with a request
 * @ret_reader: to be given to call_reader_free()
 * @budget:     what the queues of the call are charged to
 * @is_method:  not the first request of a connection
 *
 * Return: 0 or -ENOMEM
 */
int call_reader_new(struct call_reader **ret_reader, struct queue_budget *budget, bool is_method)
{
        struct call_reader *reader;

        reader = calloc(1, sizeof(*reader));
        if (!reader)
                return err_origin(-ENOMEM);
        json_reader_init(&reader->json);
        call_init(&reader->call, budget);
        queue_init(&reader->object.queue, budget);
        memcpy(reader->call.id, SPOILED, sizeof(SPOILED));
        reader->is_method = is_method;
        push(reader, PLACE_REQUEST);
        *ret_reader = reader;
        return 0;
}

static void drop_queues(struct call_reader *reader)
{
        call_deinit(&reader->call);
        queue_deinit(&reader->object.queue);
}

/**
 * call_reader_free() - the request is read, or not wanted any more
 * @reader: or NULL
 *
 * Return: NULL
 */
struct call_reader *call_reader_free(struct call_reader *reader)
{
        if (!reader)
                return NULL;
        drop_queues(reader);
        free(reader);
        return NULL;
}

/**
 * call_reader_put() - the next bytes of a request
 * @reader:  where it stands
 * @bytes:   cut anywhere
 * @n_bytes: how many
 */
void call_reader_put(struct call_reader *reader, const char *bytes, size_t n_bytes)
{
        const char *end = bytes + n_bytes;
        struct json_token token;
        int r;

        while (!reader->is_dead) {
                r = json_reader_next(&reader->json, &bytes, end, &token);
                if (r == JSON_E_MORE)
                        return;
                if (!r)
                        take(reader, &token);
                if (r || reader->is_out_of_memory) {
                        reader->is_dead = true;
                        drop_queues(reader);
                }
        }
}

/* Return: is parameter @index as it has to be? If not, @sentence says why */
static bool check_slot(const struct call_reader *reader,
                       size_t index,
                       char sentence[static CALL_SENTENCE_BYTES])
{
        const struct call_parameter *parameter = &reader->function->parameters[index];
        const struct slot *slot = &reader->slots[index];
        const char *function = reader->function->name;
        const char *reason = slot->reason;

        if (slot->is_by_position && slot->is_by_key)
                reason = "is there twice";
        else if (!slot->is_by_position && !slot->is_by_key && !parameter->is_optional)
                reason = "is missing";
        else if (reason && slot->index != SIZE_MAX) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "%s: %s[%zu] %s", function,
                               parameter->name, slot->index, reason);
                return false;
        }
        if (reason)
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "%s: %s %s", function,
                               parameter->name, reason);
        return !reason;
}

/* Return: can the request be done? If not, @sentence says why */
static bool check(struct call_reader *reader, char sentence[static CALL_SENTENCE_BYTES])
{
        size_t i;

        if (reader->is_out_of_memory) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES,
                               "the daemon has no memory left for the request");
                return false;
        }
        if (json_reader_finish(&reader->json)) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "the request is not JSON: %s",
                               reader->json.reason);
                return false;
        }
        if (reader->n_members < 4)
                misshapen(reader, "has fewer than four members");
        if (reader->reason) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "the request %s", reader->reason);
                return false;
        }
        if (!reader->function) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "there is no %s '%s'",
                               reader->is_method ? "method" : "function", reader->name.text);
                return false;
        }
        if (reader->has_unknown) {
                (void)snprintf(sentence, CALL_SENTENCE_BYTES, "%s: there is no argument '%s'",
                               reader->function->name, reader->unknown.text);
                return false;
        }
        for (i = 0; i < CALL_PARAMETERS_MAX && reader->function->parameters[i].name; i++)
                if (!check_slot(reader, i, sentence))
                        return false;
        return true;
}

/**
 * call_reader_finish() - the request has come to its end
 * @reader:          its reader, which can only be freed from now on
 * @ret_call:        what is asked for; takes the place of a call_init()
 * @reterr_sentence: for CALL_E_BAD; may have any bytes that the peer sent
 *
 * Return: 0 or CALL_E_BAD
 */
int call_reader_finish(struct call_reader *reader,
                       struct call *ret_call,
                       char reterr_sentence[static CALL_SENTENCE_BYTES])
{
        if (!check(reader, reterr_sentence))
                return CALL_E_BAD;
        *ret_call = reader->call;
        ret_call->function = reader->function->function;
        call_init(&reader->call, ret_call->args.budget);
        return 0;
}
