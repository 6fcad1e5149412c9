/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librootwrap between a caller and a daemon that does what it wants: the input is a list of events,
 * each a byte of which three bits say what (enum event), the others how.
 *
 * No crash, no leak of memory or descriptors; what the library sends are messages of the protocol;
 * each command is asked for once, and once more only after a daemon has said that it stops; each
 * callback runs once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rootwrap.h"
#include "util/fd.h"
#include "wire/native.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define N_COMMANDS 16u
#define N_FILES    256
#define N_IDS      256u
/* Messages of the daemon that one input may have. */
#define N_SAID_MAX 256u

enum event {
        EVENT_START,    /* a command; bit 0: with a timeout, bit 1: with descriptors */
        EVENT_SIGNAL,   /* a byte: to which */
        EVENT_DISPATCH, /* the caller's loop */
        EVENT_HEAR,     /* the daemon accepts, and reads */
        EVENT_ANSWER,   /* a byte: about which id; a message of the protocol, `how` says which */
        EVENT_SAY,      /* a byte: how many bytes, and they; bit 0: with a descriptor */
        EVENT_LEAVE,    /* the daemon closes its end */
        EVENT_WELCOME,  /* as it should be; a byte: how many commands */
};

/* What the daemon was asked. */
enum asked {
        ASKED_NOT,
        ASKED_ONCE,
        ASKED_AND_LEFT, /* the answer was that the daemon stops */
};

struct script {
        const uint8_t *at;
        const uint8_t *end;
};

struct command {
        struct rootwrap_command *public; /* NULL: its callback has run, or it never began */
        enum asked asked;
        uint32_t id; /* of the last START */
};

struct play {
        struct rootwrap *handle;
        int listener;
        int fd; /* the connection that was accepted last; -1: none */
        struct command commands[N_COMMANDS];
        size_t n_commands;
        size_t n_said;
        bool has_left[N_IDS]; /* the daemon said of this id that it stops */
        bool is_wild;         /* it said what we don't know */
        bool is_over;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static uint8_t take_byte(struct script *script)
{
        return script->at < script->end ? *script->at++ : 0;
}

/* The caller */

static struct play *the_play;

static void done(struct rootwrap_command *public, const struct rootwrap_result *result, void *data)
{
        struct command *command = data;

        ORACLE(!the_play->is_over || result->error == ROOTWRAP_E_CLOSED);
        ORACLE(command->public == public);
        ORACLE(result->error <= 0 || rootwrap_strerror(result->error));
        ORACLE(!result->is_refused || !result->error);
        command->public = NULL;
}

/* Its number is the only argument, so that the daemon's side knows it again. */
static void start(struct play *play, uint8_t how)
{
        struct rootwrap_options options = ROOTWRAP_OPTIONS_INIT;
        struct command *command = &play->commands[play->n_commands];
        char number[8];
        const char *argv[] = { "true", number, NULL };
        int r;

        if (play->n_commands == N_COMMANDS)
                return;
        (void)snprintf(number, sizeof(number), "%zu", play->n_commands);
        options.timeout_ms = how & 1 ? 1000 : 0;
        options.stdin_fd = how & 2 ? STDERR_FILENO : -1;
        play->n_commands++;
        r = rootwrap_start(play->handle, argv, &options, done, command, &command->public);
        ORACLE(r <= 0 || rootwrap_strerror(r));
        if (r)
                command->public = NULL;
}

static void send_signal(struct play *play, uint8_t which)
{
        struct command *command = &play->commands[which % N_COMMANDS];

        if (command->public)
                (void)rootwrap_signal(command->public, which & 1 ? 15 : 18);
}

/* The daemon */

static void leave(struct play *play)
{
        if (play->fd >= 0)
                (void)close(play->fd);
        play->fd = -1;
}

static void accept_last(struct play *play)
{
        int fd;

        while ((fd = accept4(play->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                leave(play);
                play->fd = fd;
        }
}

/* The answer may have been there before the question: the library can't know that it was no answer
 * to this one. */
static bool may_have_left(const struct play *play, uint32_t id)
{
        return play->is_wild || (id < N_IDS && play->has_left[id]);
}

static void hear_start(struct play *play, const struct native_message *message)
{
        const struct native_field *args = &message->fields[NATIVE_TAG_ARGS];
        struct command *command;
        unsigned long number;

        ORACLE(args->n_bytes > 5 && !memcmp(args->bytes, "true", 5));
        ORACLE(!args->bytes[args->n_bytes - 1]);
        number = strtoul(args->bytes + 5, NULL, 10);
        ORACLE(number < play->n_commands);
        command = &play->commands[number];
        ORACLE(command->asked != ASKED_ONCE);
        command->asked = may_have_left(play, message->id) ? ASKED_AND_LEFT : ASKED_ONCE;
        command->id = message->id;
}

static void hear(struct play *play)
{
        static char bytes[NATIVE_MESSAGE_BYTES];
        struct native_message message;
        struct fd_list fds = { .n_fds = 0 };
        size_t n_bytes;

        accept_last(play);
        while (play->fd >= 0 && fd_receive(play->fd, bytes, sizeof(bytes), &n_bytes, &fds) == 0) {
                ORACLE(native_parse(bytes, n_bytes, &message) == 0);
                ORACLE(message.type < NATIVE_WELCOME);
                ORACLE(!fds.n_fds || message.type == NATIVE_START);
                if (message.type == NATIVE_START)
                        hear_start(play, &message);
                fd_list_close(&fds);
        }
}

static void say(struct play *play, const void *bytes, size_t n_bytes, bool has_fd)
{
        const int fd = STDERR_FILENO;

        if (play->fd >= 0 && n_bytes && play->n_said++ < N_SAID_MAX)
                (void)fd_send(play->fd, bytes, n_bytes, &fd, has_fd);
}

static void say_welcome(struct play *play, uint8_t n_commands)
{
        static const char nonce[NATIVE_NONCE_BYTES];
        struct native_writer writer;
        char bytes[256];

        native_begin(&writer, bytes, NATIVE_WELCOME, 0);
        native_put_u32(&writer, NATIVE_TAG_VERSION, NATIVE_VERSION);
        native_put(&writer, NATIVE_TAG_NONCE, nonce, sizeof(nonce));
        native_put_u32(&writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(&writer, NATIVE_TAG_COMMANDS_MAX, n_commands);
        native_put_u32(&writer, NATIVE_TAG_ARGS_MAX, 1u << 20);
        say(play, bytes, native_end(&writer), false);
}

static void put_exit(struct native_writer *writer)
{
        static const uint64_t usage[] = { 1, 2, 3 };

        native_put_u32(writer, NATIVE_TAG_FLAGS, 0);
        native_put_u32(writer, NATIVE_TAG_STATUS, 0);
        native_put_u64s(writer, NATIVE_TAG_USAGE, usage, 3);
        native_put_u64(writer, NATIVE_TAG_DURATION, 4);
}

static void put_refusal(struct native_writer *writer, uint32_t code, uint32_t error)
{
        native_put_u32(writer, NATIVE_TAG_CODE, code);
        native_put_u32(writer, NATIVE_TAG_ERROR, error);
        native_put_text(writer, NATIVE_TAG_REASON, "because");
}

/* The next daemon may be asked for what this one was asked for by that id. */
static void say_stopping(struct play *play, struct native_writer *writer, uint32_t id)
{
        struct command *command;

        put_refusal(writer, NATIVE_CODE_NOT_NOW, ESHUTDOWN);
        for (command = play->commands; command < play->commands + N_COMMANDS; command++)
                if (command->asked && command->id == id)
                        command->asked = ASKED_AND_LEFT;
        if (id < N_IDS)
                play->has_left[id] = true;
}

static void answer(struct play *play, uint8_t which, uint8_t how)
{
        static const enum native_type types[] = { NATIVE_STARTED,     NATIVE_EXITED,
                                                  NATIVE_REFUSED,     NATIVE_REFUSED,
                                                  NATIVE_EXPLANATION, NATIVE_END,
                                                  NATIVE_ERROR,       NATIVE_REFUSED };
        struct command *command = &play->commands[which % N_COMMANDS];
        uint32_t id = command->asked ? command->id : which;
        struct native_writer writer;
        char bytes[256];

        native_begin(&writer, bytes, types[how & 7], id);
        switch (how & 7) {
        case 0:
                native_put_u32(&writer, NATIVE_TAG_PID, 77);
                break;
        case 1:
                put_exit(&writer);
                break;
        case 2:
                put_refusal(&writer, 99, 0);
                break;
        case 3:
                put_refusal(&writer, NATIVE_CODE_NOT_NOW, EAGAIN);
                break;
        case 4:
                native_put_u32(&writer, NATIVE_TAG_CODE, 0);
                break;
        case 6:
                native_put_text(&writer, NATIVE_TAG_REASON, "because");
                break;
        case 7:
                say_stopping(play, &writer, id);
                break;
        default:
                break;
        }
        say(play, bytes, native_end(&writer), false);
}

static void say_raw(struct play *play, struct script *script, uint8_t how)
{
        size_t n = take_byte(script);
        size_t n_left = (size_t)(script->end - script->at);

        n = n < n_left ? n : n_left;
        say(play, script->at, n, how & 1);
        script->at += n;
        play->is_wild = true; /* it may have been any answer */
        for (n = 0; n < N_COMMANDS; n++)
                if (play->commands[n].asked)
                        play->commands[n].asked = ASKED_AND_LEFT;
}

/* The play */

static void play_event(struct play *play, struct script *script)
{
        uint8_t event = take_byte(script);
        uint8_t how = event >> 3;

        switch ((enum event)(event & 7)) {
        case EVENT_START:
                start(play, how);
                break;
        case EVENT_SIGNAL:
                send_signal(play, take_byte(script));
                break;
        case EVENT_DISPATCH:
                (void)rootwrap_dispatch(play->handle);
                break;
        case EVENT_HEAR:
                hear(play);
                break;
        case EVENT_ANSWER:
                answer(play, take_byte(script), how);
                break;
        case EVENT_SAY:
                say_raw(play, script, how);
                break;
        case EVENT_LEAVE:
                leave(play);
                break;
        case EVENT_WELCOME:
                accept_last(play);
                say_welcome(play, take_byte(script));
                break;
        }
        accept_last(play); /* a full line of connections would block the next one */
}

static int listen_at(char *path, size_t n_path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        (void)snprintf(path, n_path, "/tmp/fuzz-client.%d", (int)getpid());
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        (void)unlink(path);
        ORACLE(fd >= 0);
        ORACLE(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
        ORACLE(listen(fd, 128) == 0);
        return fd;
}

/* Descriptors, wherever they are: a leaked one need not be the lowest. */
static size_t count_open(void)
{
        size_t n = 0;
        int fd;

        for (fd = 0; fd < N_FILES; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        struct script script = { .at = bytes, .end = bytes + n_bytes };
        static struct play play;
        char path[64];
        size_t n_open = count_open();
        size_t i;

        memset(&play, 0, sizeof(play));
        the_play = &play;
        play.fd = -1;
        play.listener = listen_at(path, sizeof(path));
        ORACLE(rootwrap_open_socket(path, &play.handle) == 0);
        ORACLE(rootwrap_fd(play.handle) >= 0);
        while (script.at < script.end)
                play_event(&play, &script);
        leave(&play);
        (void)close(play.listener);
        (void)unlink(path);
        (void)rootwrap_dispatch(play.handle);
        play.is_over = true;
        rootwrap_close(play.handle);
        for (i = 0; i < play.n_commands; i++)
                ORACLE(!play.commands[i].public);
        ORACLE(count_open() == n_open);
        return 0;
}
