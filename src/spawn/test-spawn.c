/* SPDX-License-Identifier: Apache-2.0 */
/* Real children, mostly shells that end with a status which says what they found. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/identity.h"
#include "spawn/spawn.h"
#include "util/cleanup.h"
#include "util/test.h"

#define N_AT_ONCE 200

static const char *const no_env[] = { NULL };

/* Return: as spawn_start(); on success the status of waitpid(2) in @ret_status */
static int run(const struct spawn *spawn, int *ret_status, enum spawn_step *reterr_step)
{
        struct spawn whole = *spawn;
        sigset_t mask;
        pid_t pid;
        int r;

        (void)sigemptyset(&mask);
        whole.envp = spawn->envp ? spawn->envp : no_env;
        whole.mask = spawn->mask ? spawn->mask : &mask;
        r = spawn_start(&whole, &pid, reterr_step);
        if (!r)
                assert_int_equal(waitpid(pid, ret_status, 0), pid);
        return r;
}

static struct {
        const char *name;
        const char *script;
        int status; /* of waitpid(2) */
} rows[] = {
        { "a_command_may_succeed", "exit 0", 0 },
        { "a_command_has_an_exit_code", "exit 7", 7 << 8 },
        { "the_largest_exit_code_passes", "exit 255", 255 << 8 },
        { "a_command_may_die_of_a_signal", "kill -KILL $$", SIGKILL },
        { "sigpipe_has_its_default_action", "kill -PIPE $$", SIGPIPE },
        { "descriptors_above_the_standard_ones_are_closed",
          "for fd in /proc/self/fd/*; do [ ${fd##*/} -gt 2 ] && [ -e $fd ] && exit 1; done; exit 0",
          0 },
        { "the_soft_limit_of_descriptors_is_lowered", "[ $(ulimit -Sn) = 64 ]", 0 },
        { "the_hard_limit_of_descriptors_stays", "[ $(ulimit -Hn) != 64 ]", 0 },
        { "the_environment_is_the_one_that_was_given", "[ \"$A\" = b ] && [ -z \"$HOME\" ]", 0 },
        { "the_argument_vector_is_the_one_that_was_given", "[ \"$0 $1\" = 'zero one two' ]", 0 },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        const char *const argv[] = { "/bin/sh", "-c", row->script, "zero", "one two", NULL };
        const char *const envp[] = { "A=b", NULL };
        struct spawn spawn = { .argv = argv, .envp = envp, .nofile = 64, .pidfd = -1 };
        cleanup_close int extra = dup2(STDIN_FILENO, 50); /* not close-on-exec */
        enum spawn_step step;
        int status = -1;

        (void)signal(SIGPIPE, SIG_IGN);
        assert_int_equal(extra, 50);
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, row->status);
        (void)signal(SIGPIPE, SIG_DFL);
}

static struct {
        const char *name;
        const char *text; /* of the file that is executed; NULL: there is none */
        mode_t mode;
        int want;
} error_rows[] = {
        { "a_program_that_is_not_there_is_no_child", NULL, 0, -ENOENT },
        { "a_file_without_the_right_is_not_executed", "#!/bin/sh\n", 0600, -EACCES },
        { "a_file_of_no_format_is_not_executed", "echo\n", 0700, -ENOEXEC },
        { "an_interpreter_that_is_not_there_is_an_error", "#!/nowhere/sh\n", 0700, -ENOENT },
};

static void run_error_row(void **state)
{
        const typeof(error_rows[0]) *row = *state;
        char directory[] = "/tmp/rootwrapd-test-XXXXXX";
        char path[64];
        const char *const argv[] = { path, NULL };
        struct spawn spawn = { .argv = argv, .nofile = -1, .pidfd = -1 };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;
        int fd;

        assert_non_null(mkdtemp(directory));
        (void)snprintf(path, sizeof(path), "%s/program", directory);
        if (row->text) {
                fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, row->mode);
                assert_int_equal(write(fd, row->text, strlen(row->text)), strlen(row->text));
                (void)close(fd);
        }
        assert_int_equal(run(&spawn, &status, &step), row->want);
        assert_int_equal(step, SPAWN_EXEC);
        assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* it was waited for */
        (void)unlink(path);
        (void)rmdir(directory);
}

static void a_user_that_cannot_be_assumed_is_an_error(void **state)
{
        static const char *const argv[] = { "/bin/true", NULL };
        struct identity identity = { .uid = (uid_t)-1, .is_uid_only = true };
        struct spawn spawn = { .argv = argv, .identity = &identity, .nofile = -1, .pidfd = -1 };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        (void)state;
        assert_true(run(&spawn, &status, &step) < 0);
        assert_int_equal(step, SPAWN_IDENTITY);
}

static void root_becomes_another_user_with_all_his_groups(void **state)
{
        static const char *const argv[] = {
                "/bin/sh", "-c",
                "[ $(id -u):$(id -g):$(id -G | tr ' ' +) = 54321:54322:54322+54323 ]", NULL
        };
        static const char *const envp[] = { "PATH=/usr/bin:/bin", NULL };
        gid_t groups[] = { 54323 };
        struct identity identity = { .uid = 54321, .gid = 54322, .groups = groups, .n_groups = 1 };
        struct spawn spawn = {
                .argv = argv, .envp = envp, .identity = &identity, .nofile = -1, .pidfd = -1
        };
        enum spawn_step step = SPAWN_FORK;
        int status = 1;

        (void)state;
        if (geteuid() != 0) {
                assert_int_equal(run(&spawn, &status, &step), -EPERM);
                assert_int_equal(step, SPAWN_IDENTITY);
                return;
        }
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, 0);
}

static void a_user_that_is_not_there_is_unknown(void **state)
{
        struct identity identity;

        (void)state;
        assert_int_equal(identity_look_up(&identity, "no-such-user", false), IDENTITY_E_UNKNOWN);
        identity_deinit(&identity);
        assert_int_equal(identity_look_up(&identity, "root", false), 0);
        assert_int_equal(identity.uid, 0);
        assert_int_equal(identity.gid, 0);
        assert_true(identity.n_groups >= 1);
        identity_deinit(&identity);
        assert_int_equal(identity_look_up(&identity, "root", true), 0);
        assert_int_equal(identity.n_groups, 0);
        identity_deinit(&identity);
}

/* The limit of the descriptors is lowered, never raised. */
static void a_larger_limit_changes_nothing(void **state)
{
        char script[64];
        const char *const argv[] = { "/bin/sh", "-c", script, NULL };
        struct spawn spawn = { .argv = argv, .nofile = INT64_MAX, .pidfd = -1 };
        struct rlimit limit;
        enum spawn_step step;
        int status = -1;

        (void)state;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        (void)snprintf(script, sizeof(script), "[ $(ulimit -Sn) = %llu ]",
                       (unsigned long long)limit.rlim_cur);
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, 0);
}

static void the_mask_of_signals_is_the_one_that_was_given(void **state)
{
        static const char *const argv[] = { "/bin/sh", "-c", "kill -USR1 $$; kill -USR2 $$", NULL };
        struct spawn spawn = { .argv = argv, .nofile = -1, .pidfd = -1 };
        enum spawn_step step;
        sigset_t usr1;
        int status = -1;

        (void)state;
        (void)sigemptyset(&usr1);
        (void)sigaddset(&usr1, SIGUSR1);
        spawn.mask = &usr1;
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, SIGUSR2);
}

static void a_signal_goes_to_the_process_of_the_pidfd(void **state)
{
        static const char *const argv[] = { "/nowhere", NULL };
        struct spawn spawn = { .argv = argv, .nofile = -1, .signal = SIGTERM };
        enum spawn_step step = SPAWN_FORK;
        cleanup_close int pidfd = -1;
        pid_t victim = fork();
        int status = -1;

        (void)state;
        if (victim == 0) {
                (void)pause();
                _exit(1);
        }
        pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
        assert_true(pidfd >= 0);
        spawn.pidfd = pidfd;
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, 0);
        assert_int_equal(waitpid(victim, &status, 0), victim);
        assert_int_equal(status, SIGTERM);

        assert_int_equal(run(&spawn, &status, &step), -ESRCH);
        assert_int_equal(step, SPAWN_KILL);
}

/* Who died before the child asked to be told of it is not its parent any more. */
static void whose_parent_has_died_is_not_executed(void **state)
{
        static const char *const argv[] = { "/bin/true", NULL };
        struct spawn_apart apart = { .death_signal = SIGTERM, .parent = getpid() };
        struct spawn spawn = { .argv = argv, .nofile = -1, .pidfd = -1, .apart = &apart };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        (void)state;
        assert_int_equal(run(&spawn, &status, &step), 0);
        assert_int_equal(status, 0);
        apart.parent = getppid();
        assert_int_equal(run(&spawn, &status, &step), -ESRCH);
        assert_int_equal(step, SPAWN_IDENTITY);
}

/* One string of it is longer than the kernel passes on. */
static void an_argument_that_is_too_long_is_an_error(void **state)
{
        static char word[256 * 1024];
        const char *const argv[] = { "/bin/true", word, NULL };
        struct spawn spawn = { .argv = argv, .nofile = -1, .pidfd = -1 };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        (void)state;
        memset(word, 'x', sizeof(word) - 1);
        assert_int_equal(run(&spawn, &status, &step), -E2BIG);
        assert_int_equal(step, SPAWN_EXEC);
        assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
}

static void a_stream_that_is_not_open_is_an_error(void **state)
{
        static const char *const argv[] = { "/bin/true", NULL };
        int streams[] = { STDIN_FILENO, -1, STDERR_FILENO };
        struct spawn spawn = { .argv = argv, .streams = streams, .nofile = -1, .pidfd = -1 };
        enum spawn_step step = SPAWN_FORK;
        int status = -1;

        (void)state;
        streams[0] = dup(STDIN_FILENO);
        streams[2] = dup(STDERR_FILENO);
        assert_int_equal(run(&spawn, &status, &step), -EBADF);
        assert_int_equal(step, SPAWN_STREAMS);
        assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
        (void)close(streams[0]);
        (void)close(streams[2]);
}

/* All run before the first one may end; the memory of each start is another's by then. */
static void many_that_run_at_once_keep_their_own_arguments(void **state)
{
        char number[8];
        const char *const argv[] = { "/bin/sh", "-c", "read line; exit $0", number, NULL };
        const sigset_t mask = { 0 };
        pid_t pids[N_AT_ONCE];
        enum spawn_step step;
        int streams[3];
        int ends[2];
        int status;
        int i;

        (void)state;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        streams[0] = ends[0];
        streams[1] = ends[1];
        streams[2] = ends[1];
        for (i = 0; i < N_AT_ONCE; i++) {
                const struct spawn spawn = { .argv = argv,
                                             .envp = no_env,
                                             .mask = &mask,
                                             .streams = streams,
                                             .nofile = -1,
                                             .pidfd = -1 };

                (void)snprintf(number, sizeof(number), "%d", i);
                assert_int_equal(spawn_start(&spawn, &pids[i], &step), 0);
                memset(number, '?', sizeof(number) - 1);
                assert_int_equal(waitpid(pids[i], &status, WNOHANG), 0);
        }
        for (i = 0; i < N_AT_ONCE; i++)
                assert_int_equal(write(ends[1], "\n", 1), 1);
        for (i = 0; i < N_AT_ONCE; i++) {
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, i << 8);
        }
        (void)close(ends[0]);
        (void)close(ends[1]);
}

static void each_step_has_a_name(void **state)
{
        enum spawn_step step;

        (void)state;
        for (step = SPAWN_FORK; step <= SPAWN_KILL; step++)
                assert_non_null(spawn_step_name(step));
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, error_rows, run_error_row);
        test_set_add_test(&set, a_user_that_cannot_be_assumed_is_an_error);
        test_set_add_test(&set, a_user_that_is_not_there_is_unknown);
        test_set_add_rows(&set, rows, run_row);
        test_set_add_test(&set, root_becomes_another_user_with_all_his_groups);
        test_set_add_test(&set, a_larger_limit_changes_nothing);
        test_set_add_test(&set, the_mask_of_signals_is_the_one_that_was_given);
        test_set_add_test(&set, a_signal_goes_to_the_process_of_the_pidfd);
        test_set_add_test(&set, whose_parent_has_died_is_not_executed);
        test_set_add_test(&set, an_argument_that_is_too_long_is_an_error);
        test_set_add_test(&set, a_stream_that_is_not_open_is_an_error);
        test_set_add_test(&set, many_that_run_at_once_keep_their_own_arguments);
        test_set_add_test(&set, each_step_has_a_name);
        return test_set_run(&set, "spawn");
}
