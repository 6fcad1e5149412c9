/* SPDX-License-Identifier: Apache-2.0 */
/* A socket that a service manager hands over: sd_listen_fds(3). */
#pragma once

#define ACTIVATION_FD 3

enum {
        ACTIVATION_E_NONE = 1, /* we were not started by one */
        ACTIVATION_E_BAD,      /* what was handed over is not one SOCK_SEQPACKET socket */
};

int activation_find(void);
int activation_take(int *ret_listener);
