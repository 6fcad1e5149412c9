/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are read from an open descriptor into memory of bounded size. Nothing is believed of the
 * size that fstat(2) announces: it is a hint, for files that grow and for those of /proc that have
 * none.
 */
#include "util/file.h"

#include <errno.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/err.h"

/**
 * file_read() - read from a descriptor to its end
 * @fd:          borrowed
 * @arena:       where the bytes go
 * @n_hint:      how many bytes are expected; right: one piece of memory does
 * @n_max:       how many are taken at most
 * @ret_data:    the bytes and a NUL
 * @ret_n_bytes: how many, without that NUL
 *
 * Return: 0, FILE_E_TOO_BIG, -ENOMEM, or the errno of read(2)
 */
int file_read(int fd,
              struct arena *arena,
              size_t n_hint,
              size_t n_max,
              char **ret_data,
              size_t *ret_n_bytes)
{
        size_t n_room = (n_hint < n_max ? n_hint : n_max) + 2;
        size_t n_bytes = 0;
        char *data;
        ssize_t n;

        data = arena_take(arena, n_room);
        while (data) {
                n = read(fd, data + n_bytes, n_room - n_bytes - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_origin(-errno);
                if (n == 0) {
                        data[n_bytes] = '\0';
                        *ret_data = data;
                        *ret_n_bytes = n_bytes;
                        return 0;
                }
                n_bytes += (size_t)n;
                if (n_bytes > n_max)
                        return FILE_E_TOO_BIG;
                if (n_bytes + 1 == n_room) {
                        data = arena_grow_array(arena, data, n_bytes, n_bytes + 4096, 1);
                        n_room = n_bytes * 2 + 4096;
                }
        }
        return err_origin(-ENOMEM);
}
