/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/test.h"

/* Return: a descriptor of a file with @n_bytes bytes `a` */
static int make_file(size_t n_bytes)
{
        static char bytes[100000];
        int fd = memfd_create("test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        memset(bytes, 'a', n_bytes);
        assert_int_equal(write(fd, bytes, n_bytes), n_bytes);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

#define MAX 20000

static struct {
        const char *name;
        size_t n_bytes;
        size_t n_hint;
        int want;
} rows[] = {
        { "a_file_beyond_the_limit_is_refused", MAX + 1, 0, FILE_E_TOO_BIG },
        { "a_file_beyond_the_limit_is_refused_whatever_is_expected", MAX + 1, MAX + 1,
          FILE_E_TOO_BIG },
        { "a_much_larger_file_is_refused", 100000, 0, FILE_E_TOO_BIG },
        { "a_file_of_the_limit_is_read", MAX, MAX, 0 },
        { "an_empty_file_is_read", 0, 0, 0 },
        { "a_file_of_the_expected_size_is_read", 100, 100, 0 },
        { "a_file_larger_than_expected_is_read", 15000, 10, 0 },
        { "a_file_smaller_than_expected_is_read", 10, 15000, 0 },
        { "a_file_of_unknown_size_is_read", 15000, 0, 0 },
};

static void run_row(void **state)
{
        const typeof(rows[0]) *row = *state;
        cleanup_close int fd = make_file(row->n_bytes);
        struct arena arena = { 0 };
        char *data = NULL;
        size_t n_bytes = 77;
        size_t i;

        assert_int_equal(file_read(fd, &arena, row->n_hint, MAX, &data, &n_bytes), row->want);
        if (row->want) {
                assert_null(data);
                assert_int_equal(n_bytes, 77);
        } else {
                assert_int_equal(n_bytes, row->n_bytes);
                for (i = 0; i < n_bytes; i++)
                        assert_int_equal(data[i], 'a');
                assert_int_equal(data[n_bytes], '\0');
        }
        arena_deinit(&arena);
}

static void a_directory_cannot_be_read(void **state)
{
        cleanup_close int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct arena arena = { 0 };
        size_t n_bytes;
        char *data;

        (void)state;
        assert_int_equal(file_read(fd, &arena, 0, MAX, &data, &n_bytes), -EISDIR);
        arena_deinit(&arena);
}

static void an_arena_that_is_full_is_no_memory(void **state)
{
        cleanup_close int fd = make_file(1);
        struct arena arena = { .n_total = ARENA_BYTES_MAX };
        size_t n_bytes;
        char *data;

        (void)state;
        assert_int_equal(file_read(fd, &arena, 0, MAX, &data, &n_bytes), -ENOMEM);
        arena_deinit(&arena);
}

int main(void)
{
        struct test_set set = { 0 };

        test_set_add_test(&set, a_directory_cannot_be_read);
        test_set_add_test(&set, an_arena_that_is_full_is_no_memory);
        test_set_add_rows(&set, rows, run_row);
        return test_set_run(&set, "file");
}
