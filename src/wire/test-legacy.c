/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and answered here is what Python's multiprocessing and oslo.rootwrap would send and
 * get; texts of errors are our own. */
#include "util/test.h"
#include "wire/test-peer.h"

#define ALL          CHALLENGE_DIGESTS_ALL
#define MD5          CHALLENGE_BIT(CHALLENGE_MD5)

#define BUDGET_BYTES (64u * 1024 * 1024)

#define NULL_RESULT  "[\"#RETURN\", null]"
#define ACCEPT       "[null, \"accept_connection\", [\"MainProcess\"], {}]"

static const size_t chunks[] = { 0, 1, 7 };

static bool fail_calloc;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
        return fail_calloc ? NULL : __real_calloc(n, size);
}

/* A connection that is authenticated, in a daemon with the objects 1 and 2. */
static void open_first(struct peer *peer, size_t n_chunk)
{
        char id[OBJECTS_ID_BYTES];

        peer_init(peer, ALL, BUDGET_BYTES);
        peer->n_chunk = n_chunk;
        assert_true(peer_shake_hands(peer));
        assert_int_equal(objects_create(&peer->shared.objects, id), 0);
        assert_int_equal(objects_create(&peer->shared.objects, id), 0);
        assert_true(legacy_is_idle(&peer->legacy));
}

static void assert_answer(struct peer *peer, const char *want)
{
        cleanup_text struct text frame = { 0 };

        assert_true(peer_take(peer, &frame));
        assert_string_equal(text_get(&frame), want);
        assert_int_equal(peer->got.n_bytes, 0);
}

static void open_methods(struct peer *peer, size_t n_chunk)
{
        open_first(peer, n_chunk);
        assert_int_equal(peer_say(peer, ACCEPT), 0);
        assert_answer(peer, NULL_RESULT);
        assert_true(legacy_is_idle(&peer->legacy));
}

#define ERROR(text) "[\"#TRACEBACK\", \"" text "\\n\"]"

static struct {
        const char *name;
        const char *request;
        const char *want;
        size_t n_objects;
} first_rows[] = {
        { "dummy_does_nothing", "[null, \"dummy\", [], {}]", NULL_RESULT, 2 },
        { "what_comes_first_is_ignored", "[{\"a\": [[], \"x\"]}, \"dummy\", [], {}]", NULL_RESULT,
          2 },
        { "blanks_are_ignored", " [ null ,\n\"dummy\"\t,[ ] , { } ] ", NULL_RESULT, 2 },
        { "a_name_can_be_escaped", "[null, \"\\u0064ummy\", [], {}]", NULL_RESULT, 2 },
        { "create_tells_id_and_methods", "[null, \"create\", [\"rootwrap\"], {}]",
          "[\"#RETURN\", [\"3\", [\"cancel_timer\", \"handle_timeout\", \"prepare_timer\", "
          "\"reset_timer\", \"run_one_command\", \"shutdown\"]]]",
          3 },
        { "create_knows_one_type", "[null, \"create\", [\"list\"], {}]",
          ERROR("there is no type 'list'"), 2 },
        { "create_has_no_keyword", "[null, \"create\", [], {\"typeid\": \"rootwrap\"}]",
          ERROR("create: there is no argument 'typeid'"), 2 },
        { "create_needs_its_type", "[null, \"create\", [], {}]", ERROR("create: typeid is missing"),
          2 },
        { "incref_counts", "[null, \"incref\", [\"1\"], {}]", NULL_RESULT, 2 },
        { "incref_has_a_keyword", "[null, \"incref\", [], {\"ident\": \"1\"}]", NULL_RESULT, 2 },
        { "incref_wants_a_string", "[null, \"incref\", [1], {}]",
          ERROR("incref: ident is no string"), 2 },
        { "incref_wants_no_object", "[null, \"incref\", [{\"1\": \"1\"}], {}]",
          ERROR("incref: ident is no string"), 2 },
        { "incref_of_nothing_is_an_error", "[null, \"incref\", [\"0\"], {}]",
          ERROR("there is no object '0'"), 2 },
        { "an_id_with_a_nul_is_unknown", "[null, \"incref\", [\"1\\u0000\"], {}]",
          ERROR("there is no object '?'"), 2 },
        { "an_id_that_is_no_text_is_unknown", "[null, \"incref\", [\"1\\ud800\"], {}]",
          ERROR("there is no object '?'"), 2 },
        { "a_long_id_is_unknown",
          "[null, \"incref\", [\"1000000000000000000000000000000000000000000001\"], {}]",
          ERROR("there is no object '100000000000000000000000000000000000000'"), 2 },
        { "decref_ends_an_object", "[null, \"decref\", [\"1\"], {}]", NULL_RESULT, 1 },
        { "decref_of_nothing_is_an_error", "[null, \"decref\", [\"7f00\"], {}]",
          ERROR("there is no object '7f00'"), 2 },
        { "objects_are_counted", "[null, \"number_of_objects\", [], {}]", "[\"#RETURN\", 2]", 2 },
        { "objects_are_listed", "[null, \"debug_info\", [], {}]",
          "[\"#RETURN\", \"  1:       refcount=1\\n    rootwrap\\n"
          "  2:       refcount=1\\n    rootwrap\"]",
          2 },
        { "get_methods_is_an_error", "[null, \"get_methods\", [\"1\"], {}]",
          ERROR("there is no function 'get_methods'"), 2 },
        { "a_method_is_no_function", "[null, \"run_one_command\", [[\"ls\"]], {}]",
          ERROR("there is no function 'run_one_command'"), 2 },
        { "a_function_is_found_whole", "[null, \"dumm\", [], {}]",
          ERROR("there is no function 'dumm'"), 2 },
        { "a_function_has_no_nul", "[null, \"dummy\\u0000\", [], {}]",
          ERROR("there is no function '?'"), 2 },
        { "what_the_peer_wrote_is_shown_readably", "[null, \"\\\"\\\\\\n\\u00e9\", [], {}]",
          ERROR("there is no function '\\\"\\\\\\\\x0a\\\\xc3\\\\xa9'"), 2 },
        { "a_function_is_a_string", "[null, 1, [], {}]",
          ERROR("the request has no function's name"), 2 },
        { "dummy_has_no_arguments", "[null, \"dummy\", [1], {}]",
          ERROR("the request has more arguments than the function takes"), 2 },
        { "dummy_has_no_keywords", "[null, \"dummy\", [], {\"a\": 1}]",
          ERROR("dummy: there is no argument 'a'"), 2 },
        { "arguments_are_an_array", "[null, \"dummy\", null, {}]",
          ERROR("the request has no array of arguments"), 2 },
        { "arguments_are_no_string", "[null, \"dummy\", \"\", {}]",
          ERROR("the request has no array of arguments"), 2 },
        { "keywords_are_an_object", "[null, \"dummy\", [], []]",
          ERROR("the request has no object of keyword arguments"), 2 },
        { "a_request_has_four_members", "[null, \"dummy\", []]",
          ERROR("the request has fewer than four members"), 2 },
        { "a_request_has_no_fifth_member", "[null, \"dummy\", [], {}, []]",
          ERROR("the request has more than four members"), 2 },
        { "a_request_is_an_array", "{\"a\": [null, \"dummy\", [], {}]}",
          ERROR("the request is no array"), 2 },
        { "a_request_is_no_string", "\"dummy\"", ERROR("the request is no array"), 2 },
        { "a_request_is_something", "", ERROR("the request is not JSON: a value is missing"), 2 },
        { "a_request_has_its_end", "[null, \"dummy\", [], {}",
          ERROR("the request is not JSON: an array without an end"), 2 },
};

static void run_first(void **state)
{
        const __typeof__(first_rows[0]) *row = *state;
        struct peer peer;
        size_t i;

        for (i = 0; i < ARRAY_SIZE(chunks); i++) {
                open_first(&peer, chunks[i]);
                assert_int_equal(peer_say(&peer, row->request), LEGACY_E_CLOSE);
                assert_answer(&peer, row->want);
                assert_int_equal(peer.got.n_bytes, 0);
                assert_true(legacy_is_closing(&peer.legacy));
                assert_int_equal(peer.shared.objects.n_items, row->n_objects);
                peer_deinit(&peer);
        }
}

static struct {
        const char *name;
        const char *request;
        const char *want;
} method_rows[] = {
        { "timers_are_there", "[\"1\", \"cancel_timer\", [], {}]", NULL_RESULT },
        { "a_timer_is_handled", "[\"1\", \"handle_timeout\", [], {}]", NULL_RESULT },
        { "a_timer_is_prepared", "[\"2\", \"prepare_timer\", [], {}]", NULL_RESULT },
        { "a_timer_is_prepared_with_null", "[\"2\", \"prepare_timer\", [null], {}]", NULL_RESULT },
        { "a_timer_is_prepared_with_nothing_else", "[\"2\", \"prepare_timer\", [[]], {}]",
          ERROR("prepare_timer: config is not null") },
        { "a_timer_is_reset", "[\"2\", \"reset_timer\", [], {}]", NULL_RESULT },
        { "an_object_has_a_string", "[\"1\", \"__str__\", [], {}]",
          "[\"#RETURN\", \"<rootwrap 1>\"]" },
        { "an_object_has_a_representation", "[\"1\", \"__repr__\", [], {}]",
          "[\"#RETURN\", \"<rootwrap 1>\"]" },
        { "the_object_must_be_there", "[\"3\", \"reset_timer\", [], {}]",
          ERROR("there is no object '3'") },
        { "the_object_of_a_command_must_be_there",
          "[\"3\", \"run_one_command\", [[\"ls\"], \"x\"], {}]", ERROR("there is no object '3'") },
        { "the_object_is_a_string", "[1, \"reset_timer\", [], {}]",
          ERROR("there is no object '?'") },
        { "the_value_is_not_told", "[\"1\", \"#GETVALUE\", [], {}]",
          ERROR("there is no method '#GETVALUE'") },
        { "a_function_is_no_method", "[\"1\", \"dummy\", [], {}]",
          ERROR("there is no method 'dummy'") },
        { "a_command_is_needed", "[\"1\", \"run_one_command\", [], {}]",
          ERROR("run_one_command: userargs is missing") },
        { "a_command_is_needed_beside_stdin", "[\"1\", \"run_one_command\", [], {\"stdin\": \"\"}]",
          ERROR("run_one_command: userargs is missing") },
        { "a_command_is_an_array", "[\"1\", \"run_one_command\", [\"ls\"], {}]",
          ERROR("run_one_command: userargs is no array") },
        { "a_command_is_not_null", "[\"1\", \"run_one_command\", [null], {}]",
          ERROR("run_one_command: userargs is no array") },
        { "a_command_is_given_once",
          "[\"1\", \"run_one_command\", [[\"ls\"]], {\"userargs\": [\"ls\"]}]",
          ERROR("run_one_command: userargs is there twice") },
        { "stdin_is_given_once",
          "[\"1\", \"run_one_command\", [[\"ls\"], \"a\"], {\"stdin\": \"a\"}]",
          ERROR("run_one_command: stdin is there twice") },
        { "nothing_else_is_given", "[\"1\", \"run_one_command\", [[\"ls\"], null, null], {}]",
          ERROR("the request has more arguments than the function takes") },
        { "no_other_keyword_is_given", "[\"1\", \"run_one_command\", [[\"ls\"]], {\"env\": [{}]}]",
          ERROR("run_one_command: there is no argument 'env'") },
        { "a_keyword_is_known_whole",
          "[\"1\", \"run_one_command\", [[\"ls\"]], {\"stdin\\u0000\": \"\"}]",
          ERROR("run_one_command: there is no argument '?'") },
        { "an_argument_is_no_number", "[\"1\", \"run_one_command\", [[\"ls\", 1]], {}]",
          ERROR("run_one_command: userargs[1] is neither a string nor bytes") },
        { "an_argument_is_no_array", "[\"1\", \"run_one_command\", [[[\"ls\"]]], {}]",
          ERROR("run_one_command: userargs[0] is neither a string nor bytes") },
        { "an_argument_has_no_nul",
          "[\"1\", \"run_one_command\", [[\"ls\", \"a\", \"b\\u0000\"]], {}]",
          ERROR("run_one_command: userargs[2] has a NUL byte") },
        { "an_argument_of_bytes_has_no_nul",
          "[\"1\", \"run_one_command\", [[\"ls\", {\"__bytes__\": \"AGE=\"}]], {}]",
          ERROR("run_one_command: userargs[1] has a NUL byte") },
        { "an_argument_has_bytes", "[\"1\", \"run_one_command\", [[\"ls\", \"a\\ud800b\"]], {}]",
          ERROR("run_one_command: userargs[1] has a lone surrogate") },
        { "the_first_wrong_argument_is_named",
          "[\"1\", \"run_one_command\", [[\"ls\", null, \"\\u0000\", \"\\udfff\"], 1], {}]",
          ERROR("run_one_command: userargs[1] is neither a string nor bytes") },
        { "a_command_is_no_bytes",
          "[\"1\", \"run_one_command\", [[{\"__bytes__\": \"bHM=\"}]], {}]",
          ERROR("run_one_command: userargs[0] is bytes, where the name of a command has to be") },
        { "an_argument_is_no_other_object",
          "[\"1\", \"run_one_command\", [[\"ls\", {\"bytes\": \"bHM=\"}]], {}]",
          ERROR("run_one_command: userargs[1] is an object without bytes") },
        { "an_object_after_bytes_is_no_bytes",
          "[\"1\", \"run_one_command\", [[\"ls\", {\"__bytes__\": \"bHM=\"}, {}]], {}]",
          ERROR("run_one_command: userargs[2] is an object without bytes") },
        { "an_argument_is_no_exception",
          "[\"1\", \"run_one_command\", "
          "[[\"ls\", {\"__bytes__\": \"bHM=\", \"__exception__\": \"NoFilterMatched\"}]], {}]",
          ERROR("run_one_command: userargs[1] is an object without bytes") },
        { "bytes_are_a_string", "[\"1\", \"run_one_command\", [[\"ls\", {\"__bytes__\": 5}]], {}]",
          ERROR("run_one_command: userargs[1] has bytes that are no string") },
        { "base64_is_padded",
          "[\"1\", \"run_one_command\", [[\"ls\", {\"__bytes__\": \"bHM\"}]], {}]",
          ERROR("run_one_command: userargs[1] has broken base64") },
        { "base64_is_ascii",
          "[\"1\", \"run_one_command\", [[\"ls\"], {\"__bytes__\": \"bHM=\\u00e9\"}], {}]",
          ERROR("run_one_command: stdin has broken base64") },
        { "base64_is_no_surrogate",
          "[\"1\", \"run_one_command\", [[\"ls\"], {\"__bytes__\": \"bHM=\\ud800\"}], {}]",
          ERROR("run_one_command: stdin has broken base64") },
        { "stdin_is_no_number", "[\"1\", \"run_one_command\", [[\"ls\"], 0], {}]",
          ERROR("run_one_command: stdin is neither a string nor bytes nor null") },
        { "stdin_is_no_other_object", "[\"1\", \"run_one_command\", [[\"ls\"], {}], {}]",
          ERROR("run_one_command: stdin is an object without bytes") },
        { "stdin_has_bytes", "[\"1\", \"run_one_command\", [[\"ls\"], \"a\\udbffb\"], {}]",
          ERROR("run_one_command: stdin has a lone surrogate") },
        { "a_broken_request_is_an_answer", "[\"1\", \"run_one_command\", [[\"ls\"], \"a\\x\"], {}]",
          ERROR("the request is not JSON: an unknown escape") },
};

/* In all cases the next request is answered as if nothing had been. */
static void run_method(void **state)
{
        const __typeof__(method_rows[0]) *row = *state;
        struct peer peer;
        size_t i;

        for (i = 0; i < ARRAY_SIZE(chunks); i++) {
                open_methods(&peer, chunks[i]);
                assert_int_equal(peer_say(&peer, row->request), 0);
                assert_answer(&peer, row->want);
                assert_int_equal(peer.shared.budget->n_used_bytes, 0);
                assert_true(legacy_is_idle(&peer.legacy));
                assert_int_equal(peer_say(&peer, "[\"1\", \"reset_timer\", [], {}]"), 0);
                assert_answer(&peer, NULL_RESULT);
                peer_deinit(&peer);
        }
}

#define RUN(args) "[\"1\", \"run_one_command\", " args "]"

static struct {
        const char *name;
        const char *request;
        const char *args; /* each with "|" behind */
        const char *input;
} run_rows[] = {
        { "a_command_has_arguments", RUN("[[\"ls\", \"-l\", \"\"]], {}"), "ls|-l||", NULL },
        { "a_command_can_be_empty", RUN("[[]], {}"), "", NULL },
        { "stdin_can_be_null", RUN("[[\"ls\"], null], {}"), "ls|", NULL },
        { "stdin_can_be_empty", RUN("[[\"ls\"], \"\"], {}"), "ls|", "" },
        { "stdin_can_be_a_string", RUN("[[\"cat\"], \"a\\u00e9\\n\"], {}"), "cat|", "a\xC3\xA9\n" },
        { "stdin_can_be_bytes", RUN("[[\"cat\"], {\"__bytes__\": \"//5h\"}], {}"), "cat|",
          "\xFF\xFE"
          "a" },
        { "stdin_can_be_no_bytes", RUN("[[\"cat\"], {\"__bytes__\": \"\"}], {}"), "cat|", "" },
        { "keywords_do_it", RUN("[], {\"stdin\": \"a\", \"userargs\": [\"ls\"]}"), "ls|", "a" },
        { "a_keyword_and_a_position_do_it", RUN("[[\"ls\"]], {\"stdin\": \"a\"}"), "ls|", "a" },
        { "escaped_bytes_are_bytes", RUN("[[\"ls\", \"\\udce2\\udc82\\udcac\"]], {}"),
          "ls|\xE2\x82\xAC|", NULL },
        { "pairs_of_surrogates_are_characters", RUN("[[\"ls\", \"\\ud83d\\udc80\"]], {}"),
          "ls|\xF0\x9F\x92\x80|", NULL },
        { "an_argument_can_be_bytes", RUN("[[\"ls\", {\"__bytes__\": \"/w==\"}, \"b\"]], {}"),
          "ls|\xFF|b|", NULL },
        { "an_argument_can_be_no_bytes", RUN("[[\"ls\", {\"__bytes__\": \"\"}, \"b\"]], {}"),
          "ls||b|", NULL },
        { "foreign_characters_in_base64_are_skipped",
          RUN("[[\"ls\", {\"__bytes__\": \"b H\\n*M=\"}]], {}"), "ls|ls|", NULL },
        { "bytes_have_company",
          RUN("[[\"ls\", {\"a\": [{}], \"__bytes__\": \"bHM=\", \"b\": 1}]], {}"), "ls|ls|", NULL },
        { "the_last_bytes_count",
          RUN("[[\"ls\", {\"__bytes__\": [\"x\"], \"__bytes__\": \"eHh4\", \"__bytes__\": \"bHM=\"}]], {}"),
          "ls|ls|", NULL },
        { "the_last_keyword_counts",
          RUN("[], {\"userargs\": [\"rm\", {}], \"stdin\": 5, \"userargs\": [\"ls\"], \"stdin\": \"a\"}"),
          "ls|", "a" },
        { "the_last_command_counts",
          RUN("[], {\"userargs\": [\"rm\", \"-r\"], \"userargs\": [\"ls\"]}"), "ls|", NULL },
        { "bytes_after_bytes_are_bytes",
          RUN("[[\"ls\", {\"__bytes__\": \"/w==\"}, {\"__bytes__\": \"bHM=\"}]], {}"),
          "ls|\xFF|ls|", NULL },
        { "bytes_after_an_exception_are_bytes",
          RUN("[[\"ls\"]], {\"stdin\": {\"__exception__\": \"x\"}, "
              "\"stdin\": {\"__bytes__\": \"bHM=\"}}"),
          "ls|", "ls" },
        { "the_last_keyword_counts_for_nothing",
          RUN("[[\"ls\"]], {\"stdin\": \"abc\", \"stdin\": null}"), "ls|", NULL },
        { "what_is_ignored_may_be_no_text",
          RUN("[[\"ls\"]], {\"stdin\": \"a\\ud800\", \"stdin\": \"b\"}"), "ls|", "b" },
};

static void assert_queue(struct queue *queue, const char *want, char nul)
{
        cleanup_text struct text text = { 0 };
        const void *bytes;
        size_t n;
        size_t i;

        while (queue_peek(queue, &bytes, &n)) {
                text_put(&text, bytes, n);
                queue_drop(queue, n);
        }
        for (i = 0; i < text.n_bytes; i++)
                if (!text.data[i])
                        text.data[i] = nul;
        assert_string_equal(text_get(&text), want);
}

static size_t count_args(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += *text == '|';
        return n;
}

static void put_stream(struct peer *peer, struct legacy_stream *stream, const char *b, size_t n)
{
        void *room;
        size_t n_room;

        legacy_stream_init(stream, peer->shared.budget);
        for (; n; b += n_room, n -= n_room) {
                assert_int_equal(legacy_stream_room(stream, &room, &n_room), 0);
                n_room = n_room < n ? n_room : n;
                memcpy(room, b, n_room);
                legacy_stream_commit(stream, n_room);
        }
}

static void give_result(struct peer *peer, int returncode, const char *out, const char *err)
{
        struct legacy_stream streams[2];

        put_stream(peer, &streams[0], out, strlen(out));
        put_stream(peer, &streams[1], err, strlen(err));
        legacy_result(&peer->legacy, returncode, &streams[0], &streams[1]);
        legacy_stream_deinit(&streams[0]);
        legacy_stream_deinit(&streams[1]);
}

static void run_run(void **state)
{
        const __typeof__(run_rows[0]) *row = *state;
        struct peer peer;
        struct call *call = &peer.legacy.call;
        size_t i;

        for (i = 0; i < ARRAY_SIZE(chunks); i++) {
                open_methods(&peer, chunks[i]);
                assert_int_equal(peer_say(&peer, row->request), LEGACY_E_RUN);
                assert_int_equal(call->n_args, count_args(row->args));
                assert_queue(&call->args, row->args, '|');
                assert_int_equal(call->has_input, row->input != NULL);
                assert_queue(&call->input, row->input ? row->input : "", '|');
                assert_false(legacy_is_idle(&peer.legacy));
                give_result(&peer, 0, "", "");
                assert_answer(&peer, "[\"#RETURN\", [0, \"\", \"\"]]");
                assert_int_equal(peer.shared.budget->n_used_bytes, 0);
                assert_true(legacy_is_idle(&peer.legacy));
                peer_deinit(&peer);
        }
}

static struct {
        const char *name;
        int returncode;
        const char *out;
        const char *err;
        const char *want;
} result_rows[] = {
        { "a_result_has_three_members", 1, "out\n", "err\n",
          "[\"#RETURN\", [1, \"out\\n\", \"err\\n\"]]" },
        { "a_signal_is_negative", -9, "", "", "[\"#RETURN\", [-9, \"\", \"\"]]" },
        { "a_refusal_is_a_result", 99, "", "", "[\"#RETURN\", [99, \"\", \"\"]]" },
        { "output_is_escaped", 0, "\"\\\x01\x7F\xC3\xA9\xF0\x9F\x92\x80", "\t\b",
          "[\"#RETURN\", [0, \"\\\"\\\\\\u0001\\u007f\\u00e9\\ud83d\\udc80\", \"\\t\\b\"]]" },
        { "what_is_no_text_comes_as_its_bytes", 0, "\xFFz", "\xE2\x82",
          "[\"#RETURN\", [0, \"\\udcffz\", \"\\udce2\\udc82\"]]" },
};

static void run_result(void **state)
{
        const __typeof__(result_rows[0]) *row = *state;
        struct peer peer;

        open_methods(&peer, 0);
        assert_int_equal(peer_say(&peer, RUN("[[\"ls\"], \"abc\"], {}")), LEGACY_E_RUN);
        give_result(&peer, row->returncode, row->out, row->err);
        assert_true(legacy_has_output(&peer.legacy));
        assert_answer(&peer, row->want);
        assert_false(legacy_has_output(&peer.legacy));
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        peer_deinit(&peer);
}

/* Megabytes of anything: the frame's length is right, and memory is given back on the way. */
static void a_large_result_is_written_piece_by_piece(void **state)
{
        enum {
                N_OUT = 5 * 1024 * 1024 + 3
        };
        static char buffer[LEGACY_ROOM_MIN];
        struct legacy_stream streams[2];
        char *out = malloc(N_OUT);
        uint32_t random = 1;
        uint64_t length = 0;
        uint64_t n_got = 0;
        size_t n_used;
        struct peer peer;
        size_t n;
        size_t i;

        (void)state;
        assert_non_null(out);
        for (i = 0; i < N_OUT; i++) {
                random = random * 1664525 + 1013904223;
                out[i] = (char)(random >> 24);
        }
        open_methods(&peer, 0);
        assert_int_equal(peer_say(&peer, RUN("[[\"cat\"]], {}")), LEGACY_E_RUN);
        put_stream(&peer, &streams[0], out, N_OUT);
        put_stream(&peer, &streams[1], "abc", 3);
        legacy_result(&peer.legacy, 0, &streams[0], &streams[1]);
        n_used = peer.shared.budget->n_used_bytes;
        while ((n = legacy_output(&peer.legacy, buffer, sizeof(buffer))) > 0) {
                if (!n_got)
                        memcpy(&length, buffer, sizeof(length));
                n_got += n;
                if (n_got > 12u * 1024 * 1024)
                        assert_true(peer.shared.budget->n_used_bytes < n_used);
        }
        assert_int_equal(n_got, 8 + be64toh(length));
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        free(out);
        peer_deinit(&peer);
}

static void an_error_is_one_line_of_ascii(void **state)
{
        struct peer peer;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(peer_say(&peer, RUN("[[\"ls\"], \"abc\"], {}")), LEGACY_E_RUN);
        legacy_error(&peer.legacy, "exec \"/bin/\xC3\xA9\":\nNo such file");
        assert_answer(&peer, ERROR("exec \\\"/bin/\\\\xc3\\\\xa9\\\":\\\\x0aNo such file"));
        assert_true(legacy_is_idle(&peer.legacy));
        peer_deinit(&peer);
}

static void a_long_error_is_cut(void **state)
{
        cleanup_text struct text frame = { 0 };
        char sentence[2000];
        struct peer peer;
        size_t n;

        (void)state;
        for (n = 300; n < sizeof(sentence); n++) {
                memset(sentence, n % 3 ? 'a' : '\n', n);
                sentence[n] = '\0';
                open_methods(&peer, 0);
                assert_int_equal(peer_say(&peer, RUN("[[\"ls\"]], {}")), LEGACY_E_RUN);
                legacy_error(&peer.legacy, sentence);
                assert_true(peer_take(&peer, &frame));
                assert_true(frame.n_bytes <= ANSWER_SMALL_BYTES - 8);
                assert_string_equal(frame.data + frame.n_bytes - 4, "\\n\"]");
                if (n > 360)
                        assert_memory_equal(frame.data + frame.n_bytes - 7, "...", 3);
                peer_deinit(&peer);
        }
}

static void a_command_that_was_not_started_is_null(void **state)
{
        struct peer peer;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(peer_say(&peer, RUN("[[\"ls\"], \"abc\"], {}")), LEGACY_E_RUN);
        legacy_null(&peer.legacy);
        assert_answer(&peer, NULL_RESULT);
        peer_deinit(&peer);
}

static void a_client_can_stop_the_daemon(void **state)
{
        struct peer peer;

        (void)state;
        open_first(&peer, 0);
        assert_int_equal(peer_say(&peer, "[null, \"shutdown\", [], {}]"), LEGACY_E_STOP);
        assert_answer(&peer, NULL_RESULT);
        assert_true(legacy_is_closing(&peer.legacy));
        assert_int_equal(peer_say(&peer, "x"), LEGACY_E_CLOSE);
        peer_deinit(&peer);
}

static void an_object_can_stop_the_daemon(void **state)
{
        struct peer peer;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(peer_say(&peer, "[\"1\", \"shutdown\", [], {}]"), LEGACY_E_STOP);
        assert_answer(&peer, NULL_RESULT);
        assert_false(legacy_is_closing(&peer.legacy));
        assert_int_equal(peer_say(&peer, "[\"1\", \"reset_timer\", [], {}]"), 0);
        assert_answer(&peer, NULL_RESULT);
        peer_deinit(&peer);
}

static void put_frame(struct text *text, const char *payload)
{
        uint64_t length = htobe64(strlen(payload));

        text_put(text, (const char *)&length, sizeof(length));
        text_put_string(text, payload);
}

/* Nothing is taken while a command runs or an answer waits. */
static void requests_are_answered_in_order(void **state)
{
        cleanup_text struct text sent = { 0 };
        struct peer peer;
        size_t n;
        size_t k;

        (void)state;
        open_methods(&peer, 0);
        put_frame(&sent, "[\"1\", \"__str__\", [], {}]");
        put_frame(&sent, RUN("[[\"ls\"]], {}"));
        put_frame(&sent, "[\"2\", \"__str__\", [], {}]");

        assert_int_equal(legacy_feed(&peer.legacy, sent.data, sent.n_bytes, &n), 0);
        assert_true(n < sent.n_bytes && legacy_has_output(&peer.legacy));
        assert_int_equal(legacy_feed(&peer.legacy, sent.data + n, sent.n_bytes - n, &k), 0);
        assert_int_equal(k, 0);
        assert_answer(&peer, "[\"#RETURN\", \"<rootwrap 1>\"]");
        assert_int_equal(legacy_feed(&peer.legacy, sent.data + n, sent.n_bytes - n, &k),
                         LEGACY_E_RUN);
        n += k;
        assert_int_equal(legacy_feed(&peer.legacy, sent.data + n, sent.n_bytes - n, &k), 0);
        assert_int_equal(k, 0);
        give_result(&peer, 3, "", "");
        assert_int_equal(legacy_feed(&peer.legacy, sent.data + n, sent.n_bytes - n, &k), 0);
        assert_int_equal(k, 0);
        assert_answer(&peer, "[\"#RETURN\", [3, \"\", \"\"]]");
        assert_int_equal(legacy_feed(&peer.legacy, sent.data + n, sent.n_bytes - n, &k), 0);
        assert_int_equal(n + k, sent.n_bytes);
        assert_answer(&peer, "[\"#RETURN\", \"<rootwrap 2>\"]");
        peer_deinit(&peer);
}

static void a_message_that_has_begun_is_not_idle(void **state)
{
        struct peer peer;
        size_t n;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(legacy_feed(&peer.legacy, "\0", 1, &n), 0);
        assert_false(legacy_is_idle(&peer.legacy));
        assert_int_equal(legacy_feed(&peer.legacy, "\0\0\0\0\0\0\x05[\"1\"", 11, &n), 0);
        assert_false(legacy_is_idle(&peer.legacy));
        assert_int_equal(legacy_feed(&peer.legacy, "]", 1, &n), 0);
        assert_answer(&peer, ERROR("the request has fewer than four members"));
        assert_true(legacy_is_idle(&peer.legacy));
        peer_deinit(&peer);
}

/* The answer comes before the message does. */
static void a_message_that_is_too_long_is_passed_over(void **state)
{
        static const char spaces[999];
        struct peer peer;
        size_t n;
        size_t i;

        (void)state;
        open_methods(&peer, 0);
        peer.shared.n_message_max = 1000;
        assert_int_equal(peer_feed(&peer, "\0\0\0\0\0\0\x0F\xA0xyz", 11, &n), 0);
        assert_answer(&peer, ERROR("the request has 4000 bytes, at most 1000 are taken"));
        for (i = 3; i < 4000; i += n) {
                assert_false(legacy_is_idle(&peer.legacy));
                assert_int_equal(peer_feed(&peer, spaces, i + 999 < 4000 ? 999 : 4000 - i, &n), 0);
                assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        }
        assert_true(legacy_is_idle(&peer.legacy));
        assert_int_equal(peer_say(&peer, "[\"1\", \"reset_timer\", [], {}]"), 0);
        assert_answer(&peer, NULL_RESULT);
        peer_deinit(&peer);
}

static void a_first_message_that_is_too_long_is_the_last(void **state)
{
        struct peer peer;
        size_t n;

        (void)state;
        open_first(&peer, 0);
        assert_int_equal(peer_feed(&peer, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx", 9, &n), 0);
        assert_answer(&peer, ERROR("the request has 18446744073709551615 bytes, "
                                   "at most 67108864 are taken"));
        peer_deinit(&peer);

        open_first(&peer, 0);
        peer.shared.n_message_max = 3;
        assert_int_equal(peer_feed(&peer, "\0\0\0\0\0\0\0\x04xxxx", 12, &n), LEGACY_E_CLOSE);
        assert_int_equal(n, 12);
        peer_deinit(&peer);
}

/* A megabyte is announced; what is held is what came. */
static void an_announced_length_costs_nothing(void **state)
{
        struct peer peer;
        size_t n;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(peer_feed(&peer, "\0\0\0\0\x03\xFF\xFF\xFF", 8, &n), 0);
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        assert_int_equal(peer_feed(&peer, RUN("[[\"cat\"], \"abc"), 37, &n), 0);
        assert_true(peer.shared.budget->n_used_bytes > 0);
        assert_true(peer.shared.budget->n_used_bytes < 10000);
        peer_deinit(&peer);
}

/* What is broken is not kept until its message ends. */
static void a_broken_request_holds_no_memory(void **state)
{
        static const char request[] = "[\"1\", \"run_one_command\", [[\"cat\"], \"abc\\";
        struct peer peer;
        size_t n;

        (void)state;
        open_methods(&peer, 0);
        assert_int_equal(peer_feed(&peer, "\0\0\0\0\0\0\x03\xFF", 8, &n), 0);
        assert_int_equal(peer_feed(&peer, request, strlen(request), &n), 0);
        assert_true(peer.shared.budget->n_used_bytes > 0);
        assert_int_equal(peer_feed(&peer, "x", 1, &n), 0);
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        assert_false(legacy_has_output(&peer.legacy));
        peer_deinit(&peer);
}

static void a_stream_that_got_nothing_holds_no_memory(void **state)
{
        struct queue_budget budget = { .n_max_bytes = BUDGET_BYTES };
        struct legacy_stream stream;

        (void)state;
        legacy_stream_init(&stream, &budget);
        legacy_stream_commit(&stream, 0);
        assert_int_equal(budget.n_used_bytes, 0);
        legacy_stream_deinit(&stream);
}

/* A request for "cat" with a megabyte of stdin. */
static void put_large_request(struct text *request)
{
        size_t i;

        text_put_string(request, "[\"1\", \"run_one_command\", [[\"cat\"], \"");
        for (i = 0; i < 1024 * 1024; i++)
                text_put_char(request, 'x');
        text_put_string(request, "\"], {}]");
}

static void a_request_for_which_there_is_no_memory_is_an_error(void **state)
{
        cleanup_text struct text request = { 0 };
        struct peer peer;

        (void)state;
        put_large_request(&request);
        open_methods(&peer, 1000);
        peer.shared.budget->n_max_bytes = 300000;
        assert_int_equal(peer_say(&peer, text_get(&request)), 0);
        assert_answer(&peer, ERROR("the daemon has no memory left for the request"));
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        peer.shared.budget->n_max_bytes = BUDGET_BYTES;
        assert_int_equal(peer_say(&peer, text_get(&request)), LEGACY_E_RUN);
        assert_int_equal(peer.legacy.call.input.n_bytes, 1024 * 1024);
        peer_deinit(&peer);
}

static void bytes_for_which_there_is_no_memory_are_an_error(void **state)
{
        struct peer peer;

        (void)state;
        open_methods(&peer, 0);
        peer.shared.budget->n_max_bytes = QUEUE_PIECE_FIRST_BYTES;
        assert_int_equal(peer_say(&peer, RUN("[[\"cat\", {\"__bytes__\": \"bHM=\"}], null], {}")),
                         0);
        assert_answer(&peer, ERROR("the daemon has no memory left for the request"));
        assert_int_equal(peer.shared.budget->n_used_bytes, 0);
        peer_deinit(&peer);
}

static void a_request_that_cannot_be_read_is_an_error(void **state)
{
        struct peer peer;

        (void)state;
        open_methods(&peer, 0);
        fail_calloc = true;
        assert_int_equal(peer_say(&peer, RUN("[[\"ls\"]], {}")), 0);
        fail_calloc = false;
        assert_answer(&peer, ERROR("the daemon has no memory left"));
        assert_int_equal(peer_say(&peer, RUN("[[\"ls\"]], {}")), LEGACY_E_RUN);
        peer_deinit(&peer);
}

/* @n_args arguments of @n_bytes each. */
static int run_many(struct peer *peer, size_t n_args, size_t n_bytes)
{
        cleanup_text struct text request = { 0 };
        char *argument = malloc(n_bytes + 1);
        size_t i;

        assert_non_null(argument);
        memset(argument, 'x', n_bytes);
        argument[n_bytes] = '\0';
        text_put_string(&request, "[\"1\", \"run_one_command\", [[");
        for (i = 0; i < n_args; i++)
                text_printf(&request, "%s\"%s\"", i ? "," : "", argument);
        text_put_string(&request, "]], {}]");
        free(argument);
        assert_false(request.broken);
        return peer_send(peer, request.data, request.n_bytes);
}

static struct {
        const char *name;
        size_t n_args;
        size_t n_bytes;
        const char *want; /* NULL: it is run */
} bound_rows[] = {
        { "a_command_can_have_many_arguments", CALL_ARGS_MAX, 1, NULL },
        { "a_command_has_an_upper_bound_of_arguments", CALL_ARGS_MAX + 1, 1,
          ERROR("run_one_command: userargs has more arguments than a command can have") },
        { "a_command_can_be_long", 1, CALL_ARGS_BYTES_MAX - 1, NULL },
        { "a_command_has_an_upper_bound_of_bytes", 1, CALL_ARGS_BYTES_MAX,
          ERROR("run_one_command: userargs is longer than a command can be") },
        { "the_bound_of_bytes_is_for_all_arguments", 6 * 1024, 1024,
          ERROR("run_one_command: userargs is longer than a command can be") },
};

static void run_bound(void **state)
{
        const __typeof__(bound_rows[0]) *row = *state;
        struct peer peer;

        open_methods(&peer, 4096);
        assert_int_equal(run_many(&peer, row->n_args, row->n_bytes), row->want ? 0 : LEGACY_E_RUN);
        if (row->want) {
                assert_answer(&peer, row->want);
        } else {
                assert_int_equal(peer.legacy.call.n_args, row->n_args);
                assert_int_equal(peer.legacy.call.args.n_bytes, row->n_args * (row->n_bytes + 1));
        }
        peer_deinit(&peer);
}

static void the_handshake_goes_both_ways(void **state)
{
        static const unsigned int digests[] = {
                ALL,
                MD5,
                ALL & ~MD5,
                CHALLENGE_BIT(CHALLENGE_SHA3_384),
        };
        struct peer peer;
        size_t i;
        size_t k;

        (void)state;
        for (i = 0; i < ARRAY_SIZE(digests); i++)
                for (k = 0; k < ARRAY_SIZE(chunks); k++) {
                        peer_init(&peer, digests[i], BUDGET_BYTES);
                        peer.n_chunk = chunks[k];
                        assert_false(legacy_is_authenticated(&peer.legacy));
                        assert_true(peer_shake_hands(&peer));
                        assert_int_equal(legacy_failure(&peer.legacy), LEGACY_FAILURE_NONE);
                        peer_deinit(&peer);
                }
}

#define OLD "0123456789abcdef"

static struct {
        const char *name;
        const char *answer;
        enum legacy_failure want;
} answer_rows[] = {
        { "an_answer_is_not_empty", "", LEGACY_FAILURE_MESSAGE },
        { "an_answer_is_an_hmac", "what?", LEGACY_FAILURE_MESSAGE },
        { "an_answer_is_no_welcome", "#WELCOME#", LEGACY_FAILURE_MESSAGE },
        { "an_answer_is_of_the_key", OLD, LEGACY_FAILURE_KEY },
        { "an_answer_is_of_an_allowed_digest", "{md5}" OLD, LEGACY_FAILURE_FORBIDDEN },
        { "an_answer_has_256_bytes_at_most",
          OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD OLD "x",
          LEGACY_FAILURE_TOO_LONG },
};

static void run_answer(void **state)
{
        const __typeof__(answer_rows[0]) *row = *state;
        cleanup_text struct text frame = { 0 };
        struct peer peer;

        peer_init(&peer, row->want == LEGACY_FAILURE_FORBIDDEN ? ALL & ~MD5 : ALL, BUDGET_BYTES);
        assert_true(peer_take(&peer, &frame));
        assert_int_equal(peer_say(&peer, row->answer), LEGACY_E_CLOSE);
        assert_answer(&peer, "#FAILURE#");
        assert_int_equal(peer.got.n_bytes, 0);
        assert_false(legacy_is_authenticated(&peer.legacy));
        assert_int_equal(legacy_failure(&peer.legacy), row->want);
        assert_string_not_equal(legacy_failure_text(row->want), "");
        peer_deinit(&peer);
}

static void a_long_announcement_fails_before_its_payload(void **state)
{
        cleanup_text struct text frame = { 0 };
        struct peer peer;
        size_t n;

        (void)state;
        peer_init(&peer, ALL, BUDGET_BYTES);
        assert_true(peer_take(&peer, &frame));
        assert_int_equal(peer_feed(&peer, "\0\0\0\0\0\0\x01\x01", 8, &n), LEGACY_E_CLOSE);
        assert_int_equal(legacy_failure(&peer.legacy), LEGACY_FAILURE_TOO_LONG);
        peer_deinit(&peer);
}

/* Goes on until the client's own challenge is to be sent. */
static void shake_half(struct peer *peer, unsigned int digests)
{
        cleanup_text struct text frame = { 0 };
        uint8_t message[CHALLENGE_MESSAGE_MAX];
        size_t n;

        peer_init(peer, digests, BUDGET_BYTES);
        assert_true(peer_take(peer, &frame));
        assert_int_equal(challenge_answer(&peer->challenge, (const uint8_t *)frame.data,
                                          frame.n_bytes, message, &n),
                         0);
        assert_int_equal(peer_send(peer, message, n), 0);
        assert_answer(peer, "#WELCOME#");
}

static struct {
        const char *name;
        const char *question;
        enum legacy_failure want;
} question_rows[] = {
        { "a_challenge_has_its_prefix", "0123456789abcdefghij", LEGACY_FAILURE_MESSAGE },
        { "a_challenge_has_20_bytes_or_a_digest", "#CHALLENGE#" OLD, LEGACY_FAILURE_MESSAGE },
        { "a_challenge_is_of_an_allowed_digest", "#CHALLENGE#0123456789abcdefghij",
          LEGACY_FAILURE_FORBIDDEN },
};

static void run_question(void **state)
{
        const __typeof__(question_rows[0]) *row = *state;
        struct peer peer;

        shake_half(&peer, ALL & ~MD5);
        assert_int_equal(peer_say(&peer, row->question), LEGACY_E_CLOSE);
        assert_false(legacy_has_output(&peer.legacy));
        assert_int_equal(peer.got.n_bytes, 0);
        assert_int_equal(legacy_failure(&peer.legacy), row->want);
        assert_false(legacy_is_authenticated(&peer.legacy));
        peer_deinit(&peer);
}

static void an_old_challenge_gets_the_bare_md5(void **state)
{
        cleanup_text struct text frame = { 0 };
        struct peer peer;

        (void)state;
        shake_half(&peer, ALL);
        assert_int_equal(peer_say(&peer, "#CHALLENGE#0123456789abcdefghij"), 0);
        assert_true(peer_take(&peer, &frame));
        assert_int_equal(frame.n_bytes, 16);
        assert_int_equal(peer_say(&peer, "#WELCOME#"), 0);
        assert_true(legacy_is_authenticated(&peer.legacy));
        peer_deinit(&peer);
}

static struct {
        const char *name;
        const char *message;
} welcome_rows[] = {
        { "a_client_can_refuse_our_proof", "#FAILURE#" },
        { "a_welcome_is_not_empty", "" },
        { "a_welcome_is_whole", "#WELCOME" },
        { "a_welcome_is_no_more", "#WELCOME##" },
};

static void run_welcome(void **state)
{
        const __typeof__(welcome_rows[0]) *row = *state;
        struct peer peer;

        shake_half(&peer, ALL);
        assert_int_equal(peer_say(&peer, "#CHALLENGE#0123456789abcdefghij"), 0);
        assert_int_equal(peer_say(&peer, row->message), LEGACY_E_CLOSE);
        assert_int_equal(legacy_failure(&peer.legacy), LEGACY_FAILURE_REJECTED);
        assert_false(legacy_is_authenticated(&peer.legacy));
        peer_deinit(&peer);
}

static void many_objects_are_listed_in_part(void **state)
{
        char id[OBJECTS_ID_BYTES];
        struct peer peer;
        size_t i;

        (void)state;
        open_first(&peer, 0);
        peer.shared.objects.last_id = UINT64_MAX - 6;
        for (i = 0; i < 4; i++)
                assert_int_equal(objects_create(&peer.shared.objects, id), 0);
        for (i = 0; i < 6; i++)
                peer.shared.objects.items[i].n_references = UINT32_MAX;
        assert_int_equal(peer_say(&peer, "[null, \"debug_info\", [], {}]"), LEGACY_E_CLOSE);
        assert_answer(&peer, "[\"#RETURN\", \"  1:       refcount=4294967295\\n    rootwrap\\n"
                             "  2:       refcount=4294967295\\n    rootwrap\\n"
                             "  fffffffffffffffa:       refcount=4294967295\\n    rootwrap\\n"
                             "  fffffffffffffffb:       refcount=4294967295\\n    rootwrap\\n"
                             "  and 2 more\"]");
        peer_deinit(&peer);
}

static void a_connection_is_small(void **state)
{
        (void)state;
        assert_true(sizeof(struct legacy) <= 1100);
}

static void the_end_wipes_the_key(void **state)
{
        static const uint8_t zeros[CHALLENGE_KEY_BYTES];
        struct peer peer;

        (void)state;
        open_first(&peer, 0);
        peer_deinit(&peer);
        assert_memory_equal(peer.shared.key, zeros, sizeof(zeros));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, the_handshake_goes_both_ways);
        test_set_add_rows(&set, answer_rows, run_answer);
        test_set_add_test(&set, a_long_announcement_fails_before_its_payload);
        test_set_add_rows(&set, question_rows, run_question);
        test_set_add_test(&set, an_old_challenge_gets_the_bare_md5);
        test_set_add_rows(&set, welcome_rows, run_welcome);
        test_set_add_rows(&set, first_rows, run_first);
        test_set_add_rows(&set, method_rows, run_method);
        test_set_add_rows(&set, run_rows, run_run);
        test_set_add_rows(&set, bound_rows, run_bound);
        test_set_add_rows(&set, result_rows, run_result);
        test_set_add_test(&set, a_large_result_is_written_piece_by_piece);
        test_set_add_test(&set, an_error_is_one_line_of_ascii);
        test_set_add_test(&set, a_long_error_is_cut);
        test_set_add_test(&set, a_command_that_was_not_started_is_null);
        test_set_add_test(&set, a_client_can_stop_the_daemon);
        test_set_add_test(&set, an_object_can_stop_the_daemon);
        test_set_add_test(&set, requests_are_answered_in_order);
        test_set_add_test(&set, a_message_that_has_begun_is_not_idle);
        test_set_add_test(&set, a_message_that_is_too_long_is_passed_over);
        test_set_add_test(&set, a_first_message_that_is_too_long_is_the_last);
        test_set_add_test(&set, an_announced_length_costs_nothing);
        test_set_add_test(&set, a_broken_request_holds_no_memory);
        test_set_add_test(&set, a_stream_that_got_nothing_holds_no_memory);
        test_set_add_test(&set, a_request_for_which_there_is_no_memory_is_an_error);
        test_set_add_test(&set, bytes_for_which_there_is_no_memory_are_an_error);
        test_set_add_test(&set, a_request_that_cannot_be_read_is_an_error);
        test_set_add_test(&set, many_objects_are_listed_in_part);
        test_set_add_test(&set, a_connection_is_small);
        test_set_add_test(&set, the_end_wipes_the_key);
        return test_set_run(&set, "legacy");
}
