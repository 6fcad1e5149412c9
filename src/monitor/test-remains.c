/* SPDX-License-Identifier: Apache-2.0 */
/* Real process groups: their leaders end at once, others of them later or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "monitor/remains.h"
#include "util/test.h"

#define LONG_MS 60000

static bool has_no_memory;

/* Of the one who is to be watched. */
static void (*before_open)(pid_t pid);
static int open_error; /* what pidfd_open(2) fails with; 0: it does not */
static bool is_no_pidfd;
static int n_opens;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, pid_t pid, unsigned int flags);

/* Of them there is but pidfd_open(2). */
long __wrap_syscall(long number, pid_t pid, unsigned int flags)
{
        assert_int_equal(number, SYS_pidfd_open);
        n_opens++;
        if (before_open)
                before_open(pid);
        if (is_no_pidfd)
                return open("/", O_RDONLY | O_CLOEXEC); /* which epoll(7) does not take */
        errno = open_error;
        return open_error ? -1 : __real_syscall(number, pid, flags);
}

void *__real_calloc(size_t n, size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);

void *__wrap_calloc(size_t n, size_t n_bytes)
{
        return has_no_memory ? NULL : __real_calloc(n, n_bytes);
}

/* A group whose leader has ended. Who else is in it, is a child of ours by then. */
struct group {
        pid_t leader;
        pid_t member; /* 0: there is none */
};

/* Its member ends by itself after @member_ms; 0: there is none. */
static struct group group_new(int member_ms)
{
        struct group group = { .leader = 0 };
        siginfo_t info;
        pid_t member;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        group.leader = fork();
        if (group.leader < 0 && errno == EAGAIN)
                skip(); /* so many processes may not be made here */
        assert_true(group.leader >= 0);
        if (group.leader == 0) {
                (void)setpgid(0, 0);
                member = member_ms ? fork() : 0;
                if (member_ms && member == 0) {
                        (void)prctl(PR_SET_NAME, "a) Z 1 (1"); /* nobody is taken in */
                        (void)usleep((useconds_t)member_ms * 1000);
                        _exit(0);
                }
                (void)!write(fds[1], &member, sizeof(member));
                _exit(3);
        }
        assert_int_equal(read(fds[0], &group.member, sizeof(group.member)), sizeof(group.member));
        (void)close(fds[0]);
        (void)close(fds[1]);
        assert_int_equal(waitid(P_PID, (id_t)group.leader, &info, WEXITED | WNOWAIT), 0);
        return group;
}

static void is_reaped(const struct group *group)
{
        assert_int_equal(waitpid(group->leader, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

/* We are its reaper, and have to wait for it. */
static void ends_by(const struct group *group, int status)
{
        int found;

        assert_int_equal(waitpid(group->member, &found, 0), group->member);
        assert_int_equal(found, status);
}

static int leave(struct loop_timer *timer)
{
        (void)timer;
        return LOOP_E_EXIT;
}

static void pass(struct loop *loop, int64_t ms)
{
        struct loop_timer timer = { 0 };

        loop_timer_set(&timer, loop, leave, ms);
        assert_int_equal(loop_run(loop), 0);
        loop_timer_stop(&timer);
}

static struct loop loop;
static struct remains remains;
static int n_looks;
static int fd_free_first;

/* As long as it stays the same, nothing was left open, nor was what is another's closed. */
static int fd_free(void)
{
        int fd = fcntl(loop.fd, F_DUPFD_CLOEXEC, 0);

        assert_true(fd >= 0);
        (void)close(fd);
        return fd;
}

static int begin(void **state)
{
        (void)state;
        before_open = NULL;
        open_error = 0;
        is_no_pidfd = false;
        n_opens = n_looks = 0;
        assert_int_equal(loop_init(&loop), 0);
        remains_init(&remains, &loop);
        fd_free_first = fd_free();
        return 0;
}

static int finish(void **state)
{
        (void)state;
        remains_kill(&remains);
        assert_int_equal(remains.n_held, 0);
        assert_null(remains.member.loop);
        assert_int_equal(fd_free(), fd_free_first);
        assert_null(loop.first_timer);
        loop_deinit(&loop);
        return 0;
}

/* As the monitor's. */
static int look(struct remains *of)
{
        n_looks++;
        return remains_wait(of, look) ? 0 : LOOP_E_EXIT;
}

/* As the monitor's while a command still runs. */
static int look_later(struct remains *of)
{
        (void)of;
        n_looks++;
        return 0;
}

static void end_him(pid_t pid)
{
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void leave_group(pid_t pid)
{
        assert_int_equal(setpgid(pid, 0), 0);
}

static void who_is_left_is_killed_when_the_time_is_over(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, 300);
        pass(&loop, 100);
        assert_int_equal(remains.n_held, 1);
        assert_int_equal(kill(group.leader, 0), 0);
        assert_int_equal(waitpid(group.member, NULL, WNOHANG), 0);
        pass(&loop, 400);
        assert_int_equal(remains.n_held, 0);
        is_reaped(&group);
        ends_by(&group, SIGKILL);
}

static void who_ends_in_time_is_let_end(void **state)
{
        struct group group = group_new(100);

        (void)state;
        remains_hold(&remains, group.leader, 2000);
        ends_by(&group, 0);
        assert_int_equal(remains.n_held, 1);
        remains_kill(&remains);
        is_reaped(&group);
}

static void without_time_it_is_killed_at_once(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, 0);
        assert_int_equal(remains.n_held, 0);
        is_reaped(&group);
        ends_by(&group, SIGKILL);
}

static void without_memory_it_is_killed_at_once(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        has_no_memory = true;
        remains_hold(&remains, group.leader, LONG_MS);
        has_no_memory = false;
        assert_int_equal(remains.n_held, 0);
        is_reaped(&group);
        ends_by(&group, SIGKILL);
}

static void of_too_many_the_oldest_is_killed(void **state)
{
        struct group first = group_new(LONG_MS);
        struct group other;
        size_t i;

        (void)state;
        remains_hold(&remains, first.leader, LONG_MS);
        for (i = 1; i < REMAINS_MAX; i++) {
                other = group_new(0);
                remains_hold(&remains, other.leader, LONG_MS);
        }
        assert_int_equal(remains.n_held, REMAINS_MAX);
        assert_int_equal(waitpid(first.member, NULL, WNOHANG), 0);
        other = group_new(0);
        remains_hold(&remains, other.leader, LONG_MS);
        assert_int_equal(remains.n_held, REMAINS_MAX);
        is_reaped(&first);
        ends_by(&first, SIGKILL);
        assert_false(remains_wait(&remains, look));
        is_reaped(&other);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void groups_without_anybody_are_found(void **state)
{
        struct group empty = group_new(0);
        struct group full = group_new(LONG_MS);
        struct group short_lived = group_new(50);

        (void)state;
        assert_false(remains_wait(&remains, look));
        remains_hold(&remains, empty.leader, LONG_MS);
        remains_hold(&remains, full.leader, LONG_MS);
        remains_hold(&remains, short_lived.leader, LONG_MS);
        (void)usleep(200000); /* it is a zombie, too */
        assert_true(remains_wait(&remains, look));
        assert_int_equal(remains.n_held, 1);
        is_reaped(&empty);
        is_reaped(&short_lived);
        ends_by(&short_lived, 0);
        assert_true(remains_wait(&remains, look));
        assert_int_equal(waitpid(full.member, NULL, WNOHANG), 0);
        remains_kill(&remains);
        is_reaped(&full);
        ends_by(&full, SIGKILL);
        assert_false(remains_wait(&remains, look));
}

/* Return: how many milliseconds it took until nobody was left */
static int64_t wait_for_all(int64_t ms)
{
        struct loop_timer timer = { 0 };
        struct timespec before;
        struct timespec after;

        (void)clock_gettime(CLOCK_MONOTONIC, &before);
        loop_timer_set(&timer, &loop, leave, ms);
        assert_int_equal(loop_run(&loop), 0);
        loop_timer_stop(&timer);
        (void)clock_gettime(CLOCK_MONOTONIC, &after);
        return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

static void the_last_ones_end_is_seen_at_once(void **state)
{
        struct group first = group_new(100);
        struct group last = group_new(300);

        (void)state;
        remains_hold(&remains, first.leader, LONG_MS);
        remains_hold(&remains, last.leader, LONG_MS);
        assert_true(remains_wait(&remains, look));
        assert_in_range(wait_for_all(3000), 100, 2000);
        assert_int_equal(remains.n_held, 0);
        assert_in_range(n_looks, 1, 2); /* at an end, and no oftener */
        ends_by(&first, 0);
        ends_by(&last, 0);
        is_reaped(&first);
        is_reaped(&last);
}

static void who_leaves_is_waited_for_as_long_as_the_group_has_time(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, 300);
        assert_true(remains_wait(&remains, look));
        leave_group(group.member);
        assert_in_range(wait_for_all(3000), 200, 2000);
        assert_int_equal(remains.n_held, 0);
        assert_int_equal(n_looks, 1);
        assert_int_equal(waitpid(group.member, NULL, WNOHANG), 0);
        assert_int_equal(kill(group.member, SIGKILL), 0);
        ends_by(&group, SIGKILL);
}

static void who_is_listed_first_is_watched(void **state)
{
        struct group one = group_new(LONG_MS);
        struct group other = group_new(LONG_MS);
        struct group *first = one.member < other.member ? &one : &other;
        struct group *last = first == &one ? &other : &one;

        (void)state;
        remains_hold(&remains, one.leader, LONG_MS);
        remains_hold(&remains, other.leader, LONG_MS);
        assert_true(remains_wait(&remains, look));
        assert_int_equal(kill(last->member, SIGKILL), 0);
        pass(&loop, 100);
        assert_int_equal(n_looks, 0);
        assert_int_equal(kill(first->member, SIGKILL), 0);
        assert_in_range(wait_for_all(3000), 0, 2000);
        assert_int_equal(n_looks, 1);
        assert_int_equal(remains.n_held, 0);
        ends_by(first, SIGKILL);
        ends_by(last, SIGKILL);
}

static void an_end_is_told_once(void **state)
{
        struct group group = group_new(100);

        (void)state;
        remains_hold(&remains, group.leader, LONG_MS);
        assert_true(remains_wait(&remains, look_later));
        pass(&loop, 400);
        assert_int_equal(n_looks, 1);
        assert_int_equal(remains.n_held, 1);
        assert_false(remains_wait(&remains, look_later));
        ends_by(&group, 0);
}

static void who_is_gone_before_he_is_watched_is_not_waited_for(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, LONG_MS);
        before_open = end_him;
        assert_false(remains_wait(&remains, look));
        assert_int_equal(n_opens, 1);
        is_reaped(&group);
}

static void who_has_left_before_he_is_watched_is_not_waited_for(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, LONG_MS);
        before_open = leave_group;
        assert_false(remains_wait(&remains, look));
        assert_int_equal(n_opens, 1);
        is_reaped(&group);
        assert_int_equal(waitpid(group.member, NULL, WNOHANG), 0);
        end_him(group.member);
}

static void who_is_killed_is_watched_no_longer(void **state)
{
        struct group group = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, group.leader, LONG_MS);
        assert_true(remains_wait(&remains, look));
        assert_non_null(remains.member.loop);
        remains_kill(&remains);
        ends_by(&group, SIGKILL);
}

static struct unwatched {
        const char *name;
        int open_error; /* 0: epoll_ctl(2) fails */
        int n_opens_max;
} unwatched[] = {
        { "without_a_descriptor_the_time_of_the_group_is_the_bound", EMFILE, 1 },
        { "without_a_place_in_the_loop_it_is_the_bound", 0, 1 },
        { "where_all_have_ended_too_soon_it_is_the_bound", ESRCH, 100 },
};

static void run_unwatched(void **state)
{
        const struct unwatched *row = *state;
        struct group group = group_new(LONG_MS);

        remains_hold(&remains, group.leader, 300);
        open_error = row->open_error;
        is_no_pidfd = !open_error;
        assert_true(remains_wait(&remains, look));
        assert_in_range(n_opens, 1, row->n_opens_max);
        assert_null(remains.member.loop);
        assert_int_equal(fd_free(), fd_free_first);
        assert_in_range(wait_for_all(3000), 200, 2000);
        assert_int_equal(n_looks, 1);
        assert_int_equal(remains.n_held, 0);
        ends_by(&group, SIGKILL);
}

static void nobody_else_is_killed(void **state)
{
        struct group one = group_new(LONG_MS);
        struct group other = group_new(LONG_MS);

        (void)state;
        remains_hold(&remains, one.leader, LONG_MS);
        remains_hold(&remains, other.leader, 100);
        pass(&loop, 200);
        ends_by(&other, SIGKILL);
        assert_int_equal(waitpid(one.member, NULL, WNOHANG), 0);
        assert_int_equal(remains.n_held, 1);
        remains_kill(&remains);
        ends_by(&one, SIGKILL);
}

int main(void)
{
        struct test_set set = { 0 };
        size_t i;

        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        test_set_add_test(&set, who_is_left_is_killed_when_the_time_is_over);
        test_set_add_test(&set, who_ends_in_time_is_let_end);
        test_set_add_test(&set, without_time_it_is_killed_at_once);
        test_set_add_test(&set, without_memory_it_is_killed_at_once);
        test_set_add_test(&set, of_too_many_the_oldest_is_killed);
        test_set_add_test(&set, groups_without_anybody_are_found);
        test_set_add_test(&set, the_last_ones_end_is_seen_at_once);
        test_set_add_test(&set, who_leaves_is_waited_for_as_long_as_the_group_has_time);
        test_set_add_test(&set, who_is_listed_first_is_watched);
        test_set_add_test(&set, an_end_is_told_once);
        test_set_add_test(&set, who_is_gone_before_he_is_watched_is_not_waited_for);
        test_set_add_test(&set, who_has_left_before_he_is_watched_is_not_waited_for);
        test_set_add_test(&set, who_is_killed_is_watched_no_longer);
        test_set_add_rows(&set, unwatched, run_unwatched);
        test_set_add_test(&set, nobody_else_is_killed);
        for (i = 0; i < set.n_tests; i++) {
                set.tests[i].setup_func = begin;
                set.tests[i].teardown_func = finish;
        }
        return test_set_run(&set, "remains");
}
