/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "loop/loop.h"
#include "util/test.h"

/* A pipe whose reading end is watched. */
struct watched {
        struct loop loop;
        struct loop_io io;
        struct loop_io other;
        struct loop_timer timers[4];
        int fds[2];
        int n_calls;
        char order[8];
        size_t n_order;
        struct loop_timer stop;
};

static struct watched w;

static int stop_loop(struct loop_timer *timer)
{
        (void)timer;
        return LOOP_E_EXIT;
}

static int set_up(void **state)
{
        (void)state;
        w = (struct watched){ 0 };
        assert_int_equal(loop_init(&w.loop), 0);
        assert_int_equal(pipe(w.fds), 0);
        loop_timer_set(&w.stop, &w.loop, stop_loop, 60);
        return 0;
}

static int tear_down(void **state)
{
        size_t i;

        (void)state;
        loop_io_deinit(&w.io);
        loop_io_deinit(&w.other);
        for (i = 0; i < ARRAY_SIZE(w.timers); i++)
                loop_timer_stop(&w.timers[i]);
        loop_timer_stop(&w.stop);
        loop_deinit(&w.loop);
        (void)close(w.fds[0]);
        if (w.fds[1] >= 0)
                (void)close(w.fds[1]);
        return 0;
}

static int count_and_read(struct loop_io *io, uint32_t events)
{
        char byte;

        (void)events;
        w.n_calls++;
        return read(io->fd, &byte, 1) < 0 ? -errno : 0;
}

static int count_only(struct loop_io *io, uint32_t events)
{
        (void)io;
        (void)events;
        return ++w.n_calls == 3 ? LOOP_E_EXIT : 0;
}

static int fail_with_eio(struct loop_io *io, uint32_t events)
{
        (void)io;
        (void)events;
        return -EIO;
}

static void what_is_there_is_told_once_when_it_is_taken(void **state)
{
        (void)state;
        assert_int_equal(loop_io_init(&w.io, &w.loop, count_and_read, w.fds[0], EPOLLIN), 0);
        assert_int_equal(write(w.fds[1], "x", 1), 1);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_int_equal(w.n_calls, 1);
}

static void what_is_not_taken_is_told_again(void **state)
{
        (void)state;
        assert_int_equal(loop_io_init(&w.io, &w.loop, count_only, w.fds[0], EPOLLIN), 0);
        assert_int_equal(write(w.fds[1], "x", 1), 1);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_int_equal(w.n_calls, 3);
}

static void without_events_not_even_a_hang_up_is_told(void **state)
{
        (void)state;
        assert_int_equal(loop_io_init(&w.io, &w.loop, count_only, w.fds[0], EPOLLIN), 0);
        assert_int_equal(loop_io_set(&w.io, 0), 0);
        (void)close(w.fds[1]);
        w.fds[1] = -1;
        assert_int_equal(loop_run(&w.loop), 0);
        assert_int_equal(w.n_calls, 0);
}

static void a_callbacks_error_ends_the_loop(void **state)
{
        (void)state;
        assert_int_equal(loop_io_init(&w.io, &w.loop, fail_with_eio, w.fds[1], EPOLLOUT), 0);
        assert_int_equal(loop_run(&w.loop), -EIO);
}

static void a_file_that_epoll_refuses_is_an_error(void **state)
{
        int fd = dup(w.fds[0]);

        (void)state;
        (void)close(fd);
        assert_int_equal(loop_io_init(&w.io, &w.loop, count_only, fd, EPOLLIN), -EBADF);
}

/* Whichever of the two is called first takes the other away. */
static int remove_other(struct loop_io *io, uint32_t events)
{
        (void)events;
        w.n_calls++;
        loop_io_deinit(io == &w.io ? &w.other : &w.io);
        loop_io_deinit(io);
        return 0;
}

static void an_event_of_a_source_that_was_taken_away_never_arrives(void **state)
{
        int fd = dup(w.fds[1]);

        (void)state;
        assert_int_equal(loop_io_init(&w.io, &w.loop, remove_other, w.fds[1], EPOLLOUT), 0);
        assert_int_equal(loop_io_init(&w.other, &w.loop, remove_other, fd, EPOLLOUT), 0);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_int_equal(w.n_calls, 1);
        (void)close(fd);
}

static int note_timer(struct loop_timer *timer)
{
        assert_null(timer->loop);
        w.order[w.n_order++] = (char)('a' + (timer - w.timers));
        return 0;
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
        (void)state;
        loop_timer_set(&w.timers[0], &w.loop, note_timer, 20);
        loop_timer_set(&w.timers[1], &w.loop, note_timer, 10);
        loop_timer_set(&w.timers[2], &w.loop, note_timer, 30);
        loop_timer_set(&w.timers[3], &w.loop, note_timer, 10);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_string_equal(w.order, "bdac");
}

static void a_timer_that_was_stopped_does_not_fire(void **state)
{
        (void)state;
        loop_timer_set(&w.timers[0], &w.loop, note_timer, 10);
        loop_timer_set(&w.timers[1], &w.loop, note_timer, 10);
        loop_timer_set(&w.timers[2], &w.loop, note_timer, 20);
        loop_timer_stop(&w.timers[1]);
        loop_timer_stop(&w.timers[1]);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_string_equal(w.order, "ac");
}

static void a_timer_that_is_set_again_is_moved(void **state)
{
        (void)state;
        loop_timer_set(&w.timers[0], &w.loop, note_timer, 10);
        loop_timer_set(&w.timers[1], &w.loop, note_timer, 20);
        loop_timer_set(&w.timers[0], &w.loop, note_timer, 30);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_string_equal(w.order, "ba");
}

static void a_deadline_beyond_what_one_wait_can_take_does_no_harm(void **state)
{
        (void)state;
        loop_timer_set(&w.timers[0], &w.loop, note_timer, INT64_MAX / 4);
        assert_int_equal(loop_run(&w.loop), 0);
        assert_int_equal(w.n_order, 0);
}

#define ADD(name) test_set_add_test(&set, name)

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        ADD(what_is_there_is_told_once_when_it_is_taken);
        ADD(what_is_not_taken_is_told_again);
        ADD(without_events_not_even_a_hang_up_is_told);
        ADD(a_callbacks_error_ends_the_loop);
        ADD(a_file_that_epoll_refuses_is_an_error);
        ADD(an_event_of_a_source_that_was_taken_away_never_arrives);
        ADD(timers_fire_in_the_order_of_their_deadlines);
        ADD(a_timer_that_was_stopped_does_not_fire);
        ADD(a_timer_that_is_set_again_is_moved);
        ADD(a_deadline_beyond_what_one_wait_can_take_does_no_harm);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = set_up;
                set.tests[i].teardown_func = tear_down;
        }
        return test_set_run(&set, "loop");
}
