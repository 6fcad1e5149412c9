/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker between clients that do what they want and a monitor that keeps the rules: the input
 * is a byte with bits for all of the play, then events, each a byte of which three bits say what
 * (enum event), two which client, three how.
 *
 * No crash, no leak of memory or descriptors; whatever clients do, the monitor is never sent a
 * record that it would take for a violation, as it ends the daemon then; clients get nothing but
 * messages of the protocol; and when all of them are gone and all is answered, nothing is left:
 * no number in use, no byte of the budget.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "priv/record.h"
#include "util/fd.h"
#include "wire/challenge.h"
#include "wire/native.h"
#include "worker/native-session.h"
#include "worker/session.h"
#include "worker/worker.h"

#define ORACLE(holds)            \
        do {                     \
                if (!(holds))    \
                        abort(); \
        } while (0)

#define N_CLIENTS 4u
#define N_FILES   256u
#define UID       1000u

/* Bits of the first byte. */
#define IS_SERVICE  1u /* no key is wanted */
#define IS_ABRUPT   2u /* at the end, the worker just goes */
#define IS_CROWDED  4u /* sockets and channel have little room */

#define LITTLE_ROOM 8192
/* On the channel the longest record has room: with less the kernel refuses it (EMSGSIZE), and no
 * setting of net.core.wmem_default that a machine could be run with is as small. Doubled:
 * socket(7). */
#define CHANNEL_ROOM (20 * 1024)
/* In which all is over: more than WORKER_STALLED_MS, and less than the daemon is idle for. */
#define N_MINUTES 60u
/* That a client may have sent, to be asked one after the other: more than there is room for. */
#define N_QUESTIONS 1024u

/* What an event is, and how: bits of its byte. */
enum event {
        EVENT_CONNECT, /* bit 0: as another user than root, 1: who may not, 2: of the old protocol
                        */
        EVENT_SEND,    /* so many descriptors, and: two bytes, a length; the message */
        EVENT_CLOSE,
        EVENT_READ,   /* as much as there is */
        EVENT_HEAR,   /* the monitor reads */
        EVENT_ANSWER, /* the monitor answers, a byte chooses what is answered */
        EVENT_WAIT,   /* a byte: 2 to the power of so many milliseconds pass */
        EVENT_STOP,   /* bit 0: the daemon stops, 1: the monitor asks whether the worker lives; else
                       * nothing but a turn */
};

/* What the monitor has of a number. */
enum state {
        STATE_FREE,
        STATE_START,
        STATE_STARTED,
        STATE_EXITED,
        STATE_EXPLAIN,
        STATE_STATUS,
};

struct asked {
        enum state state;
        bool is_apart;
        bool is_late;
        bool is_told; /* the worker knows that it was started */
        bool is_ended;
        int fds[RECORD_STREAMS];
        size_t n_fds;
};

struct client {
        int fd; /* -1: there is none */
        bool is_native;
};

struct play {
        struct worker *worker;
        int monitor_fd;
        struct asked asked[RECORD_IDS_MAX];
        size_t n_asked;
        size_t n_args_bytes; /* of RECORD_ARGS that were not followed by a start yet */
        size_t n_args_nuls;
        bool args_end;
        bool has_stopped; /* RECORD_STOP came */
        bool must_finish; /* RECORD_FINISH was sent */
        bool is_pinged;   /* RECORD_PING was sent, and not answered */
        bool is_over;     /* the worker has ended */
        bool is_crowded;
        int spare[2]; /* a pair of sockets, of which clients give away the first */
        struct client clients[N_CLIENTS];
};

/* The input. */
struct script {
        const uint8_t *at;
        const uint8_t *end;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const uint8_t the_key[RECORD_KEY_BYTES] = "the key of this test is 32 bytes";

static uint8_t take_byte(struct script *script)
{
        return script->at < script->end ? *script->at++ : 0;
}

/* The loop */

static int leave(struct loop_timer *timer)
{
        (void)timer;
        return LOOP_E_EXIT;
}

/* The clock of a peer that takes nothing runs if, and only if, something waits for it. */
static void check_clocks(const struct list *peers)
{
        struct peer *peer;

        for (peer = list_first(peers, struct peer, link); peer;
             peer = list_next(peers, peer, struct peer, link))
                ORACLE(!peer->stalled.loop == !(peer->io.events & EPOLLOUT));
}

/* One turn of the worker's loop. */
static void turn(struct play *play)
{
        struct loop_timer timer = { 0 };

        if (play->is_over)
                return;
        loop_timer_set(&timer, &play->worker->loop, leave, 0);
        ORACLE(loop_run(&play->worker->loop) == 0);
        play->is_over = timer.loop; /* it was not ours that ended it */
        loop_timer_stop(&timer);
        ORACLE(!play->is_over || play->worker->is_stopping);
        check_clocks(&play->worker->strangers);
        check_clocks(&play->worker->peers);
}

static void pass_time(struct play *play, int64_t ms)
{
        struct loop_timer *timer;

        for (timer = play->worker->loop.first_timer; timer; timer = timer->next)
                timer->deadline_ms -= ms;
        play->worker->active_ms -= ms;
}

/* The monitor listens */

static size_t count_nuls(const char *bytes, size_t n_bytes)
{
        size_t n = 0;
        size_t i;

        for (i = 0; i < n_bytes; i++)
                n += bytes[i] == '\0';
        return n;
}

static void add_args(struct play *play, const char *bytes, size_t n_bytes)
{
        if (!n_bytes)
                return;
        play->n_args_bytes += n_bytes;
        play->n_args_nuls += count_nuls(bytes, n_bytes);
        play->args_end = !bytes[n_bytes - 1];
        ORACLE(play->n_args_bytes <= RECORD_ARGS_BYTES_MAX);
}

static void check_args(struct play *play, uint32_t n_args, uint32_t n_env, uint32_t n_args_bytes)
{
        ORACLE(n_args <= RECORD_ARGS_MAX && n_env <= RECORD_ARGS_MAX);
        ORACLE(play->n_args_bytes == n_args_bytes);
        ORACLE(play->n_args_nuls == (size_t)n_args + n_env);
        ORACLE(!n_args_bytes || play->args_end);
        play->n_args_bytes = play->n_args_nuls = 0;
}

static void free_asked(struct play *play, uint32_t id)
{
        struct asked *asked = &play->asked[id];

        while (asked->n_fds)
                (void)close(asked->fds[--asked->n_fds]);
        asked->state = STATE_FREE;
        play->n_asked--;
}

static void hear_carried(struct play *play, struct record *record, uint32_t n_done)
{
        struct record_carried carried[RECORD_DONES_MAX];
        size_t n = record_take_carried(record, n_done, carried);
        size_t i;

        ORACLE(n != SIZE_MAX);
        for (i = 0; i < n; i++) {
                ORACLE(carried[i].id < RECORD_IDS_MAX);
                ORACLE(play->asked[carried[i].id].state == STATE_EXITED);
                free_asked(play, (uint32_t)carried[i].id);
        }
}

static struct asked *begin(struct play *play, uint32_t id, enum state state)
{
        ORACLE(id < RECORD_IDS_MAX && play->asked[id].state == STATE_FREE);
        play->asked[id] = (struct asked){ .state = state };
        play->n_asked++;
        return &play->asked[id];
}

static void hear_start(struct play *play, struct record *record, struct fd_list *fds)
{
        const struct record_start *start = &record->start;
        bool is_apart = start->flags & RECORD_START_APART;
        struct record_limit limit;
        struct asked *asked;
        uint32_t i;

        hear_carried(play, record, start->n_done);
        asked = begin(play, record->id, STATE_START);
        asked->is_apart = is_apart;
        asked->is_late = start->flags & RECORD_START_LATE;
        ORACLE(!(start->streams >> RECORD_STREAMS));
        ORACLE((size_t)__builtin_popcount(start->streams) == fds->n_fds);
        ORACLE(!(start->flags & ~(uint32_t)RECORD_START_FLAGS));
        ORACLE(start->umask <= 0777 || start->umask == RECORD_NO_UMASK);
        ORACLE(start->nice <= 19 && start->n_limits <= RECORD_LIMITS_MAX);
        ORACLE(is_apart ||
               (start->flags == 0 && !start->n_limits && !start->n_env &&
                start->umask == RECORD_NO_UMASK && !(start->streams & RECORD_STREAM_CWD)));
        ORACLE(start->peer_uid == 0 || start->peer_uid == UID);
        for (i = 0; i < start->n_limits; i++) {
                ORACLE(record->n_tail >= sizeof(limit));
                memcpy(&limit, record->tail, sizeof(limit));
                ORACLE(limit.soft <= limit.hard);
                record->tail += sizeof(limit);
                record->n_tail -= sizeof(limit);
        }
        add_args(play, record->tail, record->n_tail);
        check_args(play, start->n_args, start->n_env, start->n_args_bytes);
        while (fds->n_fds)
                asked->fds[asked->n_fds++] = fd_list_take(fds);
}

static void hear_signal(const struct play *play, const struct record *record)
{
        static const int allowed[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGKILL, SIGUSR1,
                                       SIGUSR2, SIGTERM, SIGCONT, SIGTSTP };
        size_t i;

        ORACLE(record->id < RECORD_IDS_MAX);
        ORACLE(play->asked[record->id].state == STATE_STARTED ||
               play->asked[record->id].state == STATE_EXITED);
        for (i = 0; allowed[i] != record->signal.signal; i++)
                ORACLE(i + 1 < sizeof(allowed) / sizeof(allowed[0]));
}

static void hear_end_command(struct play *play, const struct record *record)
{
        struct asked *asked;

        ORACLE(record->id < RECORD_IDS_MAX);
        asked = &play->asked[record->id];
        ORACLE(asked->state == STATE_STARTED || asked->state == STATE_EXITED);
        ORACLE(asked->is_apart && asked->is_told && !asked->is_ended);
        asked->is_ended = true;
}

static void hear_record(struct play *play, struct record *record, struct fd_list *fds)
{
        ORACLE(!fds->n_fds || record->type == RECORD_START);
        ORACLE(!play->n_args_bytes || record->type == RECORD_ARGS || record->type == RECORD_START ||
               record->type == RECORD_EXPLAIN);
        switch (record->type) {
        case RECORD_ARGS:
                ORACLE(record->n_tail);
                add_args(play, record->tail, record->n_tail);
                return;
        case RECORD_START:
                hear_start(play, record, fds);
                return;
        case RECORD_SIGNAL:
                hear_signal(play, record);
                return;
        case RECORD_END_COMMAND:
                hear_end_command(play, record);
                return;
        case RECORD_EXPLAIN:
                (void)begin(play, record->id, STATE_EXPLAIN);
                add_args(play, record->tail, record->n_tail);
                check_args(play, record->explain.n_args, record->explain.n_env,
                           record->explain.n_args_bytes);
                return;
        case RECORD_STATUS:
                (void)begin(play, record->id, STATE_STATUS);
                return;
        case RECORD_DONE:
                ORACLE(record->done.n_done);
                hear_carried(play, record, record->done.n_done);
                ORACLE(!record->n_tail);
                return;
        case RECORD_PEER:
                ORACLE(record->peer.reason >= RECORD_PEER_USER &&
                       record->peer.reason <= RECORD_PEER_MANY);
                return;
        case RECORD_STOP:
                ORACLE(!play->has_stopped);
                play->has_stopped = true;
                return;
        case RECORD_PONG:
                ORACLE(play->is_pinged);
                play->is_pinged = false;
                return;
        default:
                abort();
        }
}

static void hear(struct play *play)
{
        static char buffer[RECORD_BYTES_MAX];
        struct fd_list fds = { .n_fds = 0 };
        struct record record;
        size_t n;

        while (fd_receive(play->monitor_fd, buffer, sizeof(buffer), &n, &fds) == 0) {
                ORACLE(record_parse(buffer, n, &record) == 0);
                hear_record(play, &record, &fds);
                ORACLE(!fds.n_fds);
        }
}

/* The monitor answers */

/* Return: has the worker taken it? */
static bool tell(const struct play *play, const struct record *record)
{
        static char buffer[RECORD_BYTES_MAX];
        size_t n = record_format(record, buffer, sizeof(buffer));

        ORACLE(n);
        return fd_send(play->monitor_fd, buffer, n, NULL, 0) == 0;
}

/* What a command writes, if it does: it need not have exited, nor close it when it has. */
static void write_something(const struct asked *asked, size_t n_bytes)
{
        static const char bytes[70000] = "\xff\xf0\x9f\x98\x80\"\\\n";
        size_t i;

        for (i = 0; !asked->is_apart && i < asked->n_fds; i++) {
                (void)fcntl(asked->fds[i], F_SETFL, O_NONBLOCK);
                (void)!write(asked->fds[i], bytes, n_bytes);
        }
}

static void answer_start(struct play *play, uint32_t id, uint8_t how)
{
        struct asked *asked = &play->asked[id];
        struct record record = { .id = id, .tail = "filterreason", .n_tail = 12 };

        if (how & 1) { /* no */
                record.type = how & 2 ? RECORD_FAILED : RECORD_REFUSED;
                if (how & 2)
                        record.failed = (struct record_failed){ .exit_code = how & 4 ? 1 : -1,
                                                                .error = ENOENT,
                                                                .n_filter_bytes = 6 };
                else
                        record.refused =
                                (struct record_refused){ .exit_code = 99, .n_filter_bytes = 6 };
                if (tell(play, &record))
                        free_asked(play, id);
                return;
        }
        if (asked->is_apart && !(asked->is_late && how & 4)) {
                record = (struct record){ .type = RECORD_STARTED, .id = id, .started.pid = 7 };
                if (tell(play, &record)) {
                        asked->state = STATE_STARTED;
                        asked->is_told = true;
                }
                return;
        }
        write_something(asked, how & 2 ? 70000 : 100);
        asked->state = STATE_STARTED;
}

static void answer_exit(struct play *play, uint32_t id, uint8_t how)
{
        struct asked *asked = &play->asked[id];
        struct record record = { .type = RECORD_EXITED,
                                 .id = id,
                                 .exited.status = how & 1 ? SIGKILL : 0 };

        if (how & 2)
                write_something(asked, 70000);
        if (!tell(play, &record))
                return;
        asked->state = STATE_EXITED;
        while (!(how & 4) && asked->n_fds)
                (void)close(asked->fds[--asked->n_fds]);
}

static void answer_explain(struct play *play, uint32_t id)
{
        static const char tail[] = "filterrootfilewhyA=B\0true";
        struct record record = { .type = RECORD_EXPLAINED,
                                 .id = id,
                                 .explained = { .n_filter_bytes = 6,
                                                .n_run_as_bytes = 4,
                                                .n_file_bytes = 4,
                                                .n_reason_bytes = 3,
                                                .n_env_bytes = 4 },
                                 .tail = tail,
                                 .n_tail = sizeof(tail) };

        if (tell(play, &record))
                free_asked(play, id);
}

static void answer_status(struct play *play, uint32_t id, uint8_t how)
{
        static const char tail[] = "filterroottrue";
        struct record record = { .type = RECORD_END, .id = id };

        if (how & 1) {
                record.type = RECORD_TOTALS;
                record.totals = (struct record_totals){ .n_started = 1 };
        } else if (how & 2) {
                record.type = RECORD_COMMAND;
                record.command = (struct record_command){ .pid = 7,
                                                          .n_filter_bytes = 6,
                                                          .n_run_as_bytes = 4 };
                record.tail = tail;
                record.n_tail = sizeof(tail);
        }
        if (tell(play, &record) && record.type == RECORD_END)
                free_asked(play, id);
}

/* The worker gives numbers from 0 on, so that low ones are in use. */
static void answer(struct play *play, uint32_t id, uint8_t how)
{
        switch (play->asked[id].state) {
        case STATE_START:
                answer_start(play, id, how);
                return;
        case STATE_STARTED:
                answer_exit(play, id, how);
                return;
        case STATE_EXPLAIN:
                answer_explain(play, id);
                return;
        case STATE_STATUS:
                answer_status(play, id, how);
                return;
        case STATE_FREE:
        case STATE_EXITED:
                return;
        }
}

/* Clients */

static void limit_room(int fd, int n_bytes)
{
        ORACLE(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof(n_bytes)) == 0);
}

static void client_read(struct client *client)
{
        static char buffer[NATIVE_MESSAGE_BYTES];
        struct native_message message;
        ssize_t n;
        int r;

        if (client->fd < 0)
                return;
        while ((n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                if (!client->is_native)
                        continue;
                r = native_parse(buffer, (size_t)n, &message);
                ORACLE(!r && message.type >= NATIVE_WELCOME);
        }
}

static void client_close(struct client *client)
{
        if (client->fd >= 0)
                (void)close(client->fd);
        client->fd = -1;
}

static void client_send(const struct play *play,
                        const struct client *client,
                        const uint8_t *bytes,
                        size_t n_bytes,
                        unsigned int n_fds)
{
        const uint8_t length[8] = { [6] = (uint8_t)(n_bytes >> 8), [7] = (uint8_t)n_bytes };
        int fds[8];
        unsigned int i;

        if (client->fd < 0 || !n_bytes)
                return;
        if (!client->is_native &&
            send(client->fd, length, sizeof(length), MSG_DONTWAIT | MSG_NOSIGNAL) != 8)
                return;
        for (i = 0; i < n_fds; i++)
                /* sockets, so that they may be adopted; one's own end hides that one has gone */
                fds[i] = (i + n_bytes) % 2 ? client->fd : play->spare[0];
        (void)fd_send(client->fd, bytes, n_bytes, fds,
                      n_fds > FD_RECORD_MAX ? FD_RECORD_MAX : n_fds);
}

/* A frame of the handshake. Return: its length */
static size_t client_take(struct play *play, const struct client *client, uint8_t bytes[256])
{
        uint8_t length[8];

        turn(play);
        ORACLE(recv(client->fd, length, sizeof(length), MSG_DONTWAIT) == sizeof(length));
        ORACLE(recv(client->fd, bytes, length[7], MSG_DONTWAIT) == length[7]);
        return length[7];
}

/* As Python's multiprocessing.connection does it. */
static void client_log_in(struct play *play, const struct client *client)
{
        static const uint8_t nonce[CHALLENGE_NONCE_BYTES] = "client";
        struct challenge challenge;
        uint8_t question[256];
        uint8_t message[CHALLENGE_MESSAGE_MAX];
        size_t n;

        challenge_init(&challenge, the_key, CHALLENGE_DIGESTS_ALL, nonce);
        n = client_take(play, client, question);
        ORACLE(challenge_answer(&challenge, question, n, message, &n) == 0);
        client_send(play, client, message, n, 0);
        (void)client_take(play, client, question);
        n = challenge_ask(&challenge, message);
        client_send(play, client, message, n, 0);
        n = client_take(play, client, question);
        ORACLE(challenge_verify(&challenge, question, n) == 0);
        client_send(play, client, (const uint8_t *)CHALLENGE_WELCOME, strlen(CHALLENGE_WELCOME), 0);
        challenge_deinit(&challenge);
}

static void client_connect(struct play *play, struct client *client, uint8_t how)
{
        struct worker *worker = play->worker;
        bool is_native = !(how & 4);
        uid_t uid = how & 1 ? UID : 0;
        int fds[2];
        int r;

        if (client->fd >= 0 || worker->is_stopping)
                return;
        ORACLE(socketpair(AF_UNIX, (is_native ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_NONBLOCK, 0,
                          fds) == 0);
        if (play->is_crowded)
                limit_room(fds[1], LITTLE_ROOM);
        r = is_native ? native_session_new(worker, fds[1], uid, 7, how & 2 ? "not you" : NULL)
                      : session_new(worker, fds[1], uid, 7, NULL);
        ORACLE(!r);
        *client = (struct client){ .fd = fds[0], .is_native = is_native };
        if (!is_native && (how & 2))
                client_log_in(play, client);
}

/* The play */

static void send_next(const struct play *play,
                      const struct client *client,
                      struct script *script,
                      uint8_t how)
{
        size_t n = take_byte(script);

        n |= (size_t)take_byte(script) << 8;
        if (n > (size_t)(script->end - script->at))
                n = (size_t)(script->end - script->at);
        client_send(play, client, script->at, n, how);
        script->at += n;
}

static void play_event(struct play *play, struct script *script)
{
        uint8_t event = take_byte(script);
        struct client *client = &play->clients[event >> 3 & 3];
        uint8_t how = event >> 5;

        switch ((enum event)(event & 7)) {
        case EVENT_CONNECT:
                client_connect(play, client, how);
                break;
        case EVENT_SEND:
                send_next(play, client, script, how);
                break;
        case EVENT_CLOSE:
                client_close(client);
                break;
        case EVENT_READ:
                client_read(client);
                break;
        case EVENT_HEAR:
                hear(play);
                break;
        case EVENT_ANSWER:
                answer(play, take_byte(script), how);
                break;
        case EVENT_WAIT:
                pass_time(play, INT64_C(1) << take_byte(script) % 24);
                break;
        case EVENT_STOP:
                if (how & 1 && !play->must_finish)
                        play->must_finish = tell(play, &(struct record){ .type = RECORD_FINISH });
                if (how & 2 && !play->is_pinged)
                        play->is_pinged = tell(play, &(struct record){ .type = RECORD_PING });
                break;
        }
        turn(play);
}

/* Also what is only asked when something else was answered. */
static void answer_all(struct play *play)
{
        unsigned int i;
        uint32_t id;

        for (i = 0; play->n_asked && i < N_QUESTIONS; i++) {
                for (id = 0; id < RECORD_IDS_MAX && play->n_asked; id++)
                        answer(play, id, 0);
                turn(play);
                hear(play);
        }
}

/* Everybody goes, and all is answered. */
static void end(struct play *play)
{
        unsigned int i;

        for (i = 0; i < N_CLIENTS; i++)
                client_close(&play->clients[i]);
        (void)shutdown(play->spare[1], SHUT_RDWR);
        turn(play);
        hear(play);
        for (i = 0; (play->n_asked || play->worker->n_peers) && i < N_MINUTES; i++) {
                answer_all(play);
                pass_time(play, 60000); /* what is carried, who hides that he has gone */
                turn(play);
                turn(play);
                hear(play);
        }
        turn(play); /* with the channel empty, it can say all */
        hear(play);
        ORACLE(!play->is_pinged || play->is_over);
        ORACLE(!play->n_asked);
        ORACLE(!play->worker->n_peers);
        ORACLE(!worker_count_tasks(play->worker));
        ORACLE(!play->worker->budget.n_used_bytes);
}

static void set_up(struct play *play, struct worker *worker, uint8_t how)
{
        struct record_setup setup = {
                .version = RECORD_VERSION,
                .client_uid = UID,
                .digests = CHALLENGE_DIGESTS_ALL,
                .is_service = how & IS_SERVICE,
                .daemon_timeout_s = 7200,
                .drain_timeout_s = 5,
                .n_message_max_bytes = how & IS_CROWDED ? 1024 * 1024 : 65536,
        };
        char id[OBJECTS_ID_BYTES];
        int channel[2];
        size_t i;

        memcpy(setup.key, the_key, sizeof(setup.key));
        ORACLE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, channel) == 0);
        memset(worker, 0, sizeof(*worker));
        worker->loop.fd = worker->legacy_listener.fd = worker->native_listener.fd = -1;
        worker->channel_fd = channel[0];
        *play = (struct play){ .worker = worker,
                               .monitor_fd = channel[1],
                               .is_crowded = how & IS_CROWDED };
        ORACLE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, play->spare) == 0);
        if (play->is_crowded)
                limit_room(channel[0], CHANNEL_ROOM);
        for (i = 0; i < N_CLIENTS; i++)
                play->clients[i].fd = -1;
        ORACLE(worker_init(worker, &setup, N_FILES) == 0);
        ORACLE(worker_watch(worker) == 0);
        ORACLE(objects_create(&worker->legacy.objects, id) == 0);
}

/* Descriptors, wherever they are: a leaked one need not be the lowest. */
static size_t count_open(void)
{
        size_t n = 0;
        int fd;

        for (fd = 0; fd < (int)N_FILES; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
        struct script script = { .at = bytes, .end = bytes + n_bytes };
        static struct worker worker;
        static struct play play;
        uint8_t how = take_byte(&script);
        size_t n_open = count_open();
        unsigned int i;

        (void)signal(SIGPIPE, SIG_IGN);
        set_up(&play, &worker, how);
        while (script.at < script.end)
                play_event(&play, &script);
        if (!(how & IS_ABRUPT))
                end(&play);
        worker_deinit(&worker);
        for (i = 0; i < N_CLIENTS; i++)
                client_close(&play.clients[i]);
        for (i = 0; play.n_asked && i < RECORD_IDS_MAX; i++)
                if (play.asked[i].state != STATE_FREE)
                        free_asked(&play, i);
        (void)close(worker.channel_fd);
        (void)close(play.monitor_fd);
        (void)close(play.spare[0]);
        (void)close(play.spare[1]);
        ORACLE(count_open() == n_open);
        return 0;
}
