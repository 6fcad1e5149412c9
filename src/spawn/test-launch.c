/* SPDX-License-Identifier: Apache-2.0 */
/* Real children that share our memory until their start is over. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/identity.h"
#include "spawn/launch.h"
#include "util/test.h"

#define N_AT_ONCE 200

static const char *const no_env[] = { NULL };
static int null_fd;

/* Return: as launch_begin() or launch_finish(); the status of waitpid(2) in @ret_status */
static int run(const struct spawn *spawn, int *ret_status, enum spawn_step *reterr_step)
{
        int streams[] = { null_fd, null_fd, null_fd };
        struct spawn whole = *spawn;
        struct launch launch;
        sigset_t mask;
        int r;

        (void)sigemptyset(&mask);
        whole.envp = spawn->envp ? spawn->envp : no_env;
        whole.mask = spawn->mask ? spawn->mask : &mask;
        whole.streams = spawn->streams ? spawn->streams : streams;
        whole.pidfd = -1;
        r = launch_begin(&launch, &whole);
        if (r)
                return r;
        assert_true(launch.pidfd >= 0);
        assert_true(fcntl(launch.pidfd, F_GETFD) & FD_CLOEXEC);
        r = launch_finish(&launch, reterr_step);
        assert_int_equal(waitpid(launch.pid, ret_status, 0), launch.pid);
        (void)close(launch.pidfd);
        return r;
}

static struct {
        const char *name;
        const char *script;
        struct spawn_apart apart;
        bool is_apart;
        int status; /* of waitpid(2) */
} rows[] = {
        { "a_command_may_succeed", "exit 0", .status = 0 },
        { "a_command_has_an_exit_code", "exit 7", .status = 7 << 8 },
        { "a_command_may_die_of_a_signal", "kill -KILL $$", .status = SIGKILL },
        { "descriptors_above_the_standard_ones_are_closed",
          "for fd in /proc/self/fd/*; do [ ${fd##*/} -gt 2 ] && [ -e $fd ] && exit 1; done; exit 0",
          .status = 0 },
        { "the_soft_limit_of_descriptors_is_lowered", "[ $(ulimit -Sn) = 64 ]", .status = 0 },
        { "the_environment_is_the_one_that_was_given", "[ \"$A\" = b ] && [ -z \"$HOME\" ]",
          .status = 0 },
        { "the_argument_vector_is_the_one_that_was_given", "[ \"$0 $1\" = 'zero one two' ]",
          .status = 0 },
        { "it_is_in_our_process_group", "[ $(cut -d' ' -f5 /proc/$$/stat) != $$ ]", .status = 0 },
        { "it_can_have_a_process_group_of_its_own", "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ]",
          .is_apart = true },
        { "its_umask_has_more_bits", "[ $(umask) = 0077 ]", .is_apart = true, .apart.umask = 0077 },
        { "its_nice_level_is_raised", "[ $(nice) = 5 ]", .is_apart = true, .apart.nice = 5 },
        { "its_nice_level_is_not_lowered", "[ $(nice) = 0 ]", .is_apart = true, .apart.nice = -5 },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        const char *const argv[] = { "/bin/sh", "-c", row->script, "zero", "one two", NULL };
        const char *const envp[] = { "A=b", "PATH=/usr/bin:/bin", NULL };
        struct spawn spawn = { .argv = argv, .envp = envp, .nofile = 64 };
        enum spawn_step step;
        int status = -1;

        if (row->is_apart)
                spawn.apart = &row->apart;
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, row->status);
}

static void limits_are_the_smaller_ones(void **state)
{
        const struct spawn_limit limits[] = {
                { .resource = RLIMIT_NOFILE, .soft = 50, .hard = 99 },
                { .resource = RLIMIT_CORE, .soft = 0, .hard = 0 },
                { .resource = RLIMIT_FSIZE, .soft = UINT64_MAX, .hard = UINT64_MAX }
        };
        const char *const argv[] = { "/bin/sh", "-c",
                                     "[ $(ulimit -Sn) = 50 ] && [ $(ulimit -Hn) = 99 ] && "
                                     "[ $(ulimit -c) = 0 ]",
                                     NULL };
        const struct spawn_apart apart = { .limits = limits, .n_limits = 3 };
        enum spawn_step step;
        int status = -1;

        (void)state;
        assert_int_equal(
                run(&(struct spawn){ .argv = argv, .nofile = 64, .apart = &apart }, &status, &step),
                0);
        assert_int_equal(status, 0);
}

static char huge[3 * 1024 * 1024];

static struct {
        const char *name;
        const char *program;
        const char *word;
        int stream;
        int error;
        enum spawn_step step;
} failures[] = {
        { "no_program", "/no/such/program", NULL, 0, ENOENT, SPAWN_EXEC },
        { "a_directory", "/etc", NULL, 0, EACCES, SPAWN_EXEC },
        { "an_argument_that_is_too_long", "/bin/true", huge, 0, E2BIG, SPAWN_EXEC },
        { "a_stream_that_is_not_open", "/bin/true", NULL, 999, EBADF, SPAWN_STREAMS },
};

static void run_failure(void **state)
{
        const typeof(failures[0]) *row = *state;
        const char *const argv[] = { row->program, row->word, NULL };
        int streams[] = { null_fd, null_fd, row->stream ? row->stream : null_fd };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        memset(huge, 'x', sizeof(huge) - 1);
        assert_int_equal(run(&(struct spawn){ .argv = argv, .nofile = -1, .streams = streams },
                             &status, &step),
                         -row->error);
        assert_int_equal(step, row->step);
        assert_int_equal(status, 127 << 8);
}

static void another_user_is_assumed_whole(void **state)
{
        gid_t groups[] = { 60001, 60002 };
        const struct identity identity = {
                .uid = 60000, .gid = 60003, .groups = groups, .n_groups = 2
        };
        const char *const argv[] = { "/bin/sh", "-c",
                                     "[ \"$(id -u) $(id -g) $(id -G)\" = "
                                     "'60000 60003 60003 60001 60002' ]",
                                     NULL };
        const char *const envp[] = { "PATH=/usr/bin:/bin", NULL };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;
        int r;

        (void)state;
        r = run(&(struct spawn){ .argv = argv, .envp = envp, .nofile = -1, .identity = &identity },
                &status, &step);
        if (geteuid() == 0) {
                assert_int_equal(r, 0);
                assert_int_equal(status, 0);
        } else {
                assert_int_equal(r, -EPERM);
                assert_int_equal(step, SPAWN_IDENTITY);
        }
}

/* Return: as run(), for one that follows @parent in death */
static int run_after(pid_t parent, int *ret_status, enum spawn_step *reterr_step)
{
        const char *const argv[] = { "/bin/true", NULL };
        const struct spawn_apart apart = { .death_signal = SIGTERM, .parent = parent };

        return run(&(struct spawn){ .argv = argv, .nofile = -1, .apart = &apart }, ret_status,
                   reterr_step);
}

/* Who died before the child asked to be told of it is not its parent any more. */
static void whose_parent_has_died_is_not_executed(void **state)
{
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        (void)state;
        assert_int_equal(run_after(getpid(), &status, &step), 0);
        assert_int_equal(status, 0);
        assert_int_equal(run_after(getppid(), &status, &step), -ESRCH);
        assert_int_equal(step, SPAWN_IDENTITY);
        assert_int_equal(status, 127 << 8);
}

/* What was given is overwritten at once: nothing of it is read any more. */
static void nothing_that_was_given_is_needed_afterwards(void **state)
{
        static struct launch launches[N_AT_ONCE];
        enum spawn_step step;
        int status;
        size_t i;

        (void)state;
        for (i = 0; i < N_AT_ONCE; i++) {
                char program[] = "/bin/sh";
                char option[] = "-c";
                char word[32];
                char variable[32];
                gid_t groups[] = { 60001 };
                struct identity identity = {
                        .uid = geteuid(), .gid = getegid(), .groups = groups, .n_groups = 0
                };
                const char *argv[] = { program, option, word, NULL };
                const char *envp[] = { variable, NULL };
                int streams[] = { null_fd, null_fd, null_fd };
                struct spawn_apart apart = { .umask = 0 };
                sigset_t mask;

                (void)snprintf(word, sizeof(word), "exit $V");
                (void)snprintf(variable, sizeof(variable), "V=%zu", i % 200);
                (void)sigemptyset(&mask);
                assert_int_equal(launch_begin(&launches[i], &(struct spawn){ .argv = argv,
                                                                             .envp = envp,
                                                                             .mask = &mask,
                                                                             .streams = streams,
                                                                             .identity = &identity,
                                                                             .apart = &apart,
                                                                             .nofile = -1,
                                                                             .pidfd = -1 }),
                                 0);
                memset(program, 'x', sizeof(program));
                memset(option, 'x', sizeof(option));
                memset(word, 'x', sizeof(word));
                memset(variable, 'x', sizeof(variable));
                memset(argv, 0xff, sizeof(argv));
                memset(envp, 0xff, sizeof(envp));
                memset(streams, 0xff, sizeof(streams));
                memset(&mask, 0xff, sizeof(mask));
                memset(&identity, 0xff, sizeof(identity));
                memset(&apart, 0xff, sizeof(apart));
        }
        for (i = 0; i < N_AT_ONCE; i++) {
                assert_int_equal(launch_finish(&launches[i], &step), 0);
                assert_int_equal(waitpid(launches[i].pid, &status, 0), launches[i].pid);
                assert_int_equal(status, (int)(i % 200) << 8);
                (void)close(launches[i].pidfd);
        }
}

/* A child that is stopped before it executes anything holds nobody up, and is still killed. */
static void one_that_is_forgotten_can_be_killed(void **state)
{
        const char *const argv[] = { "/bin/sleep", "60", NULL };
        int streams[] = { null_fd, null_fd, null_fd };
        struct launch launch;
        sigset_t mask;
        int status;

        (void)state;
        (void)sigemptyset(&mask);
        assert_int_equal(launch_begin(&launch, &(struct spawn){ .argv = argv,
                                                                .envp = no_env,
                                                                .mask = &mask,
                                                                .streams = streams,
                                                                .nofile = -1,
                                                                .pidfd = -1 }),
                         0);
        launch_forget(&launch);
        assert_int_equal(kill(launch.pid, SIGKILL), 0);
        assert_int_equal(waitpid(launch.pid, &status, 0), launch.pid);
        assert_int_equal(status, SIGKILL);
        (void)close(launch.pidfd);
}

/* It has said what failed, and still stands on its stack: that is not freed under it. */
static void one_that_failed_is_waited_for(void **state)
{
        const int failure[] = { ENOENT, SPAWN_EXEC };
        struct launch launch = { .pid = -1, .pidfd = -1, .image = calloc(1, 1) };
        enum spawn_step step = SPAWN_FORK;
        bool *has_ended;
        int fds[2];

        (void)state;
        has_ended = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(has_ended, MAP_FAILED);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        launch.pid = fork();
        if (launch.pid == 0) { /* in the place of the child */
                (void)close(fds[0]);
                (void)!write(fds[1], failure, sizeof(failure));
                (void)usleep(200000);
                *has_ended = true;
                _exit(127);
        }
        (void)close(fds[1]);
        launch.result = fds[0];
        assert_int_equal(launch_finish(&launch, &step), -ENOENT);
        assert_int_equal(step, SPAWN_EXEC);
        assert_true(*has_ended);
        assert_null(launch.image);
        assert_int_equal(waitpid(launch.pid, NULL, 0), launch.pid);
        assert_int_equal(munmap(has_ended, 4096), 0);
}

static void errno_is_left_alone(void **state)
{
        const char *const argv[] = { "/no/such/program", NULL };
        int streams[] = { null_fd, null_fd, null_fd };
        struct launch launch;
        enum spawn_step step;
        sigset_t mask;
        int status;

        (void)state;
        (void)sigemptyset(&mask);
        assert_int_equal(launch_begin(&launch, &(struct spawn){ .argv = argv,
                                                                .envp = no_env,
                                                                .mask = &mask,
                                                                .streams = streams,
                                                                .nofile = -1,
                                                                .pidfd = -1 }),
                         0);
        errno = 4711;
        assert_int_equal(waitpid(launch.pid, &status, 0), launch.pid);
        assert_int_equal(errno, 4711);
        assert_int_equal(launch_finish(&launch, &step), -ENOENT);
        (void)close(launch.pidfd);
}

int main(void)
{
        struct test_set set = { 0 };

        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)umask(0022);
        assert_true(launch_is_possible()); /* this test is built where it should be */
        test_set_add_rows(&set, rows, run_row);
        test_set_add_rows(&set, failures, run_failure);
        test_set_add_test(&set, limits_are_the_smaller_ones);
        test_set_add_test(&set, another_user_is_assumed_whole);
        test_set_add_test(&set, whose_parent_has_died_is_not_executed);
        test_set_add_test(&set, nothing_that_was_given_is_needed_afterwards);
        test_set_add_test(&set, one_that_is_forgotten_can_be_killed);
        test_set_add_test(&set, one_that_failed_is_waited_for);
        test_set_add_test(&set, errno_is_left_alone);
        return test_set_run(&set, "launch");
}
