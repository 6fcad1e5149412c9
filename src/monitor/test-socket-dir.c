/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "monitor/socket-dir.h"
#include "util/test.h"

#define STRANGER 54321 /* a user that nothing here belongs to */

static char top[32]; /* what TMPDIR names */
static uid_t euid;
static bool is_endless;
static unsigned int n_read;

uid_t __wrap_geteuid(void);
struct dirent *__real_readdir64(DIR *directory);
struct dirent *__wrap_readdir64(DIR *directory);

uid_t __wrap_geteuid(void)
{
        return euid;
}

struct dirent *__wrap_readdir64(DIR *directory)
{
        static struct dirent entry = { .d_name = "another file" };

        n_read++;
        return is_endless ? &entry : __real_readdir64(directory);
}

static int set_up(void **state)
{
        (void)state;
        (void)strcpy(top, "/tmp/rwtest-XXXXXX");
        is_endless = false;
        n_read = 0;
        euid = STRANGER; /* nothing is given to anybody */
        assert_non_null(mkdtemp(top));
        return setenv("TMPDIR", top, 1);
}

/* Everything must be gone already: what a test makes it removes. */
static int tear_down(void **state)
{
        (void)state;
        assert_int_equal(rmdir(top), 0);
        return unsetenv("TMPDIR");
}

static const char *path_of(const char *name)
{
        static char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", top, name);
        return path;
}

static void make_file(const char *name)
{
        int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        (void)close(fd);
}

static bool is_there(const char *name)
{
        struct stat st;

        return lstat(path_of(name), &st) == 0;
}

static void close_both(const struct socket_dir_listeners *listeners)
{
        (void)close(listeners->legacy);
        (void)close(listeners->native);
}

/* Making and removing */

static void what_is_made_is_private_locked_and_listening(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct socket_dir dir;
        struct stat st;
        struct socket_dir_listeners listeners;
        int client;
        int fd;

        (void)state;
        assert_int_equal(socket_dir_make(&dir, getuid(), &listeners), 0);
        assert_int_equal(strncmp(dir.path, top, strlen(top)), 0);
        assert_int_equal(stat(dir.path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(stat(dir.socket_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_true(fcntl(listeners.legacy, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(listeners.legacy, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(listeners.native, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(listeners.native, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(dir.fd, F_GETFD) & FD_CLOEXEC);

        fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
        assert_int_equal(errno, EWOULDBLOCK);
        (void)close(fd);

        client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", dir.socket_path);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(client);

        client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/" SOCKET_DIR_NATIVE,
                       dir.path);
        assert_int_equal(stat(address.sun_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(client);
        close_both(&listeners);
        socket_dir_remove(&dir);
        assert_null(dir.path);
        assert_int_equal(dir.fd, -1);
}

static void what_is_in_it_besides_is_not_removed(void **state)
{
        struct socket_dir dir;
        struct socket_dir_listeners listeners;
        char path[128];

        (void)state;
        assert_int_equal(socket_dir_make(&dir, getuid(), &listeners), 0);
        close_both(&listeners);
        (void)snprintf(path, sizeof(path), "%s/file", strrchr(dir.path, '/') + 1);
        make_file(path);
        socket_dir_remove(&dir);
        assert_true(is_there(path));
        assert_int_equal(unlink(path_of(path)), 0);
        *strchr(path, '/') = '\0';
        assert_int_equal(rmdir(path_of(path)), 0);
}

static void nothing_can_be_removed_as_well(void **state)
{
        struct socket_dir dir = { .fd = -1 };

        (void)state;
        socket_dir_remove(&dir);
        assert_int_equal(dir.fd, -1);
}

static void what_is_made_now_is_not_swept(void **state)
{
        struct socket_dir_listeners listeners;
        struct socket_dir dir;

        (void)state;
        assert_int_equal(socket_dir_make(&dir, getuid(), &listeners), 0);
        assert_int_equal(socket_dir_sweep(getuid()), 0);
        assert_int_equal(access(dir.socket_path, F_OK), 0);
        close_both(&listeners);
        socket_dir_remove(&dir);
}

/* Sweeping */

static struct sweep_row {
        const char *name;
        const char *directory;
        mode_t mode;
        bool is_stranger_s; /* the sweep is for somebody else */
        bool is_locked;
        bool has_socket;
        bool has_file;
        bool is_old;
        bool is_swept;
} sweep_rows[] = {
        { "a_leftover_is_removed", "rootwrapd-abcdef", 0700, .has_socket = true, .is_swept = true },
        { "an_old_empty_one_is_removed", "rootwrapd-abcdef", 0700, .is_old = true,
          .is_swept = true },
        { "a_fresh_empty_one_is_being_made", "rootwrapd-abcdef", 0700, .is_swept = false },
        { "one_that_is_locked_lives", "rootwrapd-abcdef", 0700, .is_locked = true,
          .has_socket = true, .is_old = true },
        { "one_of_another_user_is_left_alone", "rootwrapd-abcdef", 0700, .is_stranger_s = true,
          .has_socket = true, .is_old = true },
        { "one_that_others_can_enter_is_none_of_ours", "rootwrapd-abcdef", 0701, .has_socket = true,
          .is_old = true },
        { "one_with_the_sticky_bit_is_none_of_ours", "rootwrapd-abcdef", 01700, .has_socket = true,
          .is_old = true },
        { "another_prefix_is_not_ours", "rootwrap-abcdefg", 0700, .has_socket = true,
          .is_old = true },
        { "a_longer_name_is_not_ours", "rootwrapd-abcdefg", 0700, .has_socket = true,
          .is_old = true },
        { "a_shorter_name_is_not_ours", "rootwrapd-abcde", 0700, .has_socket = true,
          .is_old = true },
        { "a_leftover_with_another_file_stays", "rootwrapd-abcdef", 0700, .has_socket = true,
          .has_file = true },
};

static void run_sweep_row(void **state)
{
        const struct timespec old[2] = { { .tv_sec = time(NULL) - SOCKET_DIR_EMPTY_AGE_MAX_S - 60 },
                                         { .tv_sec =
                                                   time(NULL) - SOCKET_DIR_EMPTY_AGE_MAX_S - 60 } };
        const struct sweep_row *row = *state;
        char socket_name[64];
        char file_name[64];
        int fd;

        assert_int_equal(set_up(NULL), 0);
        (void)snprintf(socket_name, sizeof(socket_name), "%s/%s", row->directory,
                       SOCKET_DIR_SOCKET);
        (void)snprintf(file_name, sizeof(file_name), "%s/file", row->directory);
        assert_int_equal(mkdir(path_of(row->directory), 0700), 0);
        if (row->has_socket)
                make_file(socket_name);
        if (row->has_file)
                make_file(file_name);
        fd = open(path_of(row->directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fchmod(fd, row->mode), 0);
        if (row->is_old)
                assert_int_equal(futimens(fd, old), 0);
        if (row->is_locked)
                assert_int_equal(flock(fd, LOCK_EX), 0);

        assert_int_equal(socket_dir_sweep(row->is_stranger_s ? STRANGER : getuid()), row->is_swept);
        assert_int_equal(is_there(row->directory), !row->is_swept);
        if (!row->is_swept && !row->has_file)
                assert_int_equal(is_there(socket_name), row->has_socket);
        assert_int_equal(is_there(file_name), row->has_file);

        (void)close(fd);
        (void)unlink(path_of(socket_name));
        (void)unlink(path_of(file_name));
        (void)rmdir(path_of(row->directory));
        assert_int_equal(tear_down(NULL), 0);
}

static void a_link_to_a_directory_is_not_followed(void **state)
{
        (void)state;
        assert_int_equal(mkdir(path_of("elsewhere"), 0700), 0);
        make_file("elsewhere/" SOCKET_DIR_SOCKET);
        assert_int_equal(symlink("elsewhere", path_of("rootwrapd-abcdef")), 0);
        assert_int_equal(socket_dir_sweep(getuid()), 0);
        assert_true(is_there("rootwrapd-abcdef"));
        assert_true(is_there("elsewhere/" SOCKET_DIR_SOCKET));
        (void)unlink(path_of("rootwrapd-abcdef"));
        (void)unlink(path_of("elsewhere/" SOCKET_DIR_SOCKET));
        (void)rmdir(path_of("elsewhere"));
}

static void a_link_in_the_place_of_the_socket_is_removed_and_not_followed(void **state)
{
        (void)state;
        make_file("target");
        assert_int_equal(mkdir(path_of("rootwrapd-abcdef"), 0700), 0);
        assert_int_equal(symlink("../target", path_of("rootwrapd-abcdef/" SOCKET_DIR_SOCKET)), 0);
        assert_int_equal(socket_dir_sweep(getuid()), 1);
        assert_true(is_there("target"));
        (void)unlink(path_of("target"));
}

static void files_and_pipes_of_such_a_name_are_not_opened(void **state)
{
        (void)state;
        make_file("rootwrapd-abcdef");
        assert_int_equal(mkfifo(path_of("rootwrapd-uvwxyz"), 0700), 0);
        assert_int_equal(socket_dir_sweep(getuid()), 0);
        assert_true(is_there("rootwrapd-abcdef"));
        assert_true(is_there("rootwrapd-uvwxyz"));
        (void)unlink(path_of("rootwrapd-abcdef"));
        (void)unlink(path_of("rootwrapd-uvwxyz"));
}

static void a_folder_without_end_is_not_read_to_its_end(void **state)
{
        (void)state;
        is_endless = true;
        assert_int_equal(socket_dir_sweep(getuid()), 0);
        assert_int_equal(n_read, SOCKET_DIR_ENTRIES_MAX);
}

/* As test_set_add_test(), in a folder of its own. */
static void in_folder(struct test_set *set, const char *name, CMUnitTestFunction run)
{
        test_set_add(set, name, run, NULL);
        set->tests[set->n_tests - 1].setup_func = set_up;
        set->tests[set->n_tests - 1].teardown_func = tear_down;
}

#define IN_FOLDER(set, run) in_folder((set), #run, (run))

int main(void)
{
        struct test_set set = { 0 };

        IN_FOLDER(&set, what_is_made_is_private_locked_and_listening);
        IN_FOLDER(&set, what_is_in_it_besides_is_not_removed);
        IN_FOLDER(&set, nothing_can_be_removed_as_well);
        IN_FOLDER(&set, what_is_made_now_is_not_swept);
        test_set_add_rows(&set, sweep_rows, run_sweep_row);
        IN_FOLDER(&set, a_link_to_a_directory_is_not_followed);
        IN_FOLDER(&set, a_link_in_the_place_of_the_socket_is_removed_and_not_followed);
        IN_FOLDER(&set, files_and_pipes_of_such_a_name_are_not_opened);
        IN_FOLDER(&set, a_folder_without_end_is_not_read_to_its_end);
        return test_set_run(&set, "socket-dir");
}
