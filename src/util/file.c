/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are read from an open descriptor into memory of bounded size. Nothing is believed of the
 * size that fstat(2) announces: it is a hint, for files that grow and for those of /proc that have
 * none.
 */
#include "util/file.h"

#include <errno.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

/**
 * file_read() - read from a descriptor to its end
 * @fd:          borrowed
 * @n_hint:      how many bytes are expected; right: one allocation does
 * @n_max:       how many are taken at most
 * @ret_data:    the bytes and a NUL, owned by the caller
 * @ret_n_bytes: how many, without that NUL
 *
 * Return: 0, FILE_E_TOO_BIG, -ENOMEM, or the errno of read(2)
 */
int file_read(int fd, size_t n_hint, size_t n_max, char **ret_data, size_t *ret_n_bytes)
{
        size_t n_room = (n_hint < n_max ? n_hint : n_max) + 2;
        cleanup_free char *data = NULL;
        size_t n_bytes = 0;
        ssize_t n;

        for (;;) {
                if (!data || n_bytes + 1 == n_room) {
                        char *grown;

                        if (data)
                                n_room = n_room < n_max / 2 ? n_room * 2 + 4096 : n_max + 2;
                        grown = realloc(data, n_room);
                        if (!grown)
                                return err_origin(-ENOMEM);
                        data = grown;
                }
                n = read(fd, data + n_bytes, n_room - n_bytes - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_origin(-errno);
                if (n == 0)
                        break;
                n_bytes += (size_t)n;
                if (n_bytes > n_max)
                        return FILE_E_TOO_BIG;
        }
        data[n_bytes] = '\0';
        *ret_data = steal_ptr(&data);
        *ret_n_bytes = n_bytes;
        return 0;
}
