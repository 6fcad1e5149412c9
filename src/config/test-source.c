/* SPDX-License-Identifier: Apache-2.0 */
/* Runs as root and as anybody: only root distrusts, and only root can make what he distrusts. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "config/ini.h"
#include "config/source.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/complaint.h"
#include "util/test.h"

static struct {
        const char *name;
        uid_t uid;
        mode_t mode;
        const char *want; /* NULL: trusted */
} trust_rows[] = {
        { "a_file_of_another_user_is_not_trusted", 1000, 0600, "not owned by root" },
        { "a_file_that_all_can_write_is_not_trusted", 0, 0666, "writable by everybody" },
        { "a_file_that_others_but_not_the_group_can_write_is_not_trusted", 0, 0602,
          "writable by everybody" },
        { "a_file_that_its_group_can_write_is_not_trusted", 0, 0660, "writable by its group" },
        { "a_sticky_directory_is_not_trusted", 0, 01777, "writable by everybody" },
        { "a_file_that_all_can_read_is_trusted", 0, 0644, NULL },
        { "a_directory_that_all_can_enter_is_trusted", 0, 0755, NULL },
};

static void run_trust_row(void **state)
{
        const typeof(trust_rows[0]) *row = *state;
        const struct stat st = { .st_uid = row->uid, .st_mode = row->mode };
        const char *distrust = source_distrust(&st);

        if (row->want)
                assert_string_equal(distrust, row->want);
        else
                assert_null(distrust);
}

struct place {
        char directory[32];
        char file[64];
};

static void place_make(struct place *place, size_t n_bytes)
{
        cleanup_close int fd = -1;

        (void)snprintf(place->directory, sizeof(place->directory), "/tmp/rootwrapd-test-XXXXXX");
        assert_non_null(mkdtemp(place->directory));
        (void)snprintf(place->file, sizeof(place->file), "%s/file", place->directory);
        fd = open(place->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)n_bytes), 0);
}

static void place_remove(const struct place *place)
{
        (void)unlink(place->file);
        (void)rmdir(place->directory);
}

static void expect_open(const char *path, enum source_kind kind, int want, const char *why)
{
        struct complaint complaint = { 0 };
        int fd = -1;

        assert_int_equal(source_open(path, kind, &fd, &complaint), want);
        if (want) {
                assert_int_equal(fd, -1);
                assert_string_equal(complaint.file, path);
                assert_non_null(strstr(complaint.text, why));
        } else {
                assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
                (void)close(fd);
        }
        complaint_deinit(&complaint);
}

static void what_is_not_there_is_bad(void **state)
{
        (void)state;
        expect_open("/nowhere/x", SOURCE_FILE, SOURCE_E_BAD, "No such file or directory");
}

static void a_file_is_no_directory(void **state)
{
        struct place place;

        (void)state;
        place_make(&place, 0);
        expect_open(place.file, SOURCE_DIRECTORY, SOURCE_E_KIND, "not a directory");
        expect_open(place.directory, SOURCE_FILE, SOURCE_E_KIND, "not a regular file");
        expect_open(place.file, SOURCE_FILE, 0, NULL);
        expect_open(place.directory, SOURCE_DIRECTORY, 0, NULL);
        place_remove(&place);
}

/* Nobody writes into it: opening must not wait for him. */
static void a_pipe_is_no_file(void **state)
{
        struct place place;

        (void)state;
        place_make(&place, 0);
        (void)unlink(place.file);
        assert_int_equal(mkfifo(place.file, 0600), 0);
        expect_open(place.file, SOURCE_FILE, SOURCE_E_KIND, "not a regular file");
        place_remove(&place);
}

static void root_does_not_trust_what_others_can_write(void **state)
{
        bool is_root = geteuid() == 0;
        int want = is_root ? SOURCE_E_BAD : 0;
        struct place place;

        (void)state;
        place_make(&place, 0);
        assert_int_equal(chmod(place.file, 0620), 0);
        expect_open(place.file, SOURCE_FILE, want, "not trusted: writable by its group");
        assert_int_equal(chmod(place.directory, 0707), 0);
        expect_open(place.directory, SOURCE_DIRECTORY, want, "not trusted: writable by everybody");
        assert_int_equal(chmod(place.file, 0600), 0);
        if (is_root) {
                assert_int_equal(chown(place.file, 12345, 0), 0);
                expect_open(place.file, SOURCE_FILE, want, "not owned by root (uid 12345");
        }
        place_remove(&place);
}

static void a_file_has_a_largest_size(void **state)
{
        struct complaint complaint = { 0 };
        struct arena arena = { 0 };
        struct place place;
        size_t n = 0;
        char *text;

        (void)state;
        place_make(&place, INI_FILE_BYTES_MAX + 1);
        assert_int_equal(source_read(place.file, &arena, &text, &n, &complaint), SOURCE_E_BAD);
        assert_string_equal(complaint.text, "larger than 16 MiB");
        assert_int_equal(truncate(place.file, INI_FILE_BYTES_MAX), 0);
        assert_int_equal(source_read(place.file, &arena, &text, &n, &complaint), 0);
        assert_int_equal(n, INI_FILE_BYTES_MAX);
        assert_int_equal(text[n], '\0');
        complaint_deinit(&complaint);
        arena_deinit(&arena);
        place_remove(&place);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_rows(&set, trust_rows, run_trust_row);
        test_set_add_test(&set, what_is_not_there_is_bad);
        test_set_add_test(&set, a_file_is_no_directory);
        test_set_add_test(&set, a_pipe_is_no_file);
        test_set_add_test(&set, root_does_not_trust_what_others_can_write);
        test_set_add_test(&set, a_file_has_a_largest_size);
        return test_set_run(&set, "source");
}
