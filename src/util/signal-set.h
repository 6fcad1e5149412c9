/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that wait to be sent, bit N for signal N. As with the kernel's own, one that is put twice
 * is sent once, the lowest number goes first, and stopping and continuing undo each other, so that
 * the later one holds: POSIX, System Interfaces, 2.4.1 Signal Generation and Delivery.
 */
#pragma once

#include <signal.h>
#include <stdint.h>

#define SIGNAL_SET_BIT(signal) (UINT64_C(1) << (signal))
#define SIGNAL_SET_STOPS                                                               \
        (SIGNAL_SET_BIT(SIGSTOP) | SIGNAL_SET_BIT(SIGTSTP) | SIGNAL_SET_BIT(SIGTTIN) | \
         SIGNAL_SET_BIT(SIGTTOU))

/* @signal: 1 to 63 */
static inline void signal_set_put(uint64_t *set, int signal)
{
        if (signal == SIGCONT)
                *set &= ~SIGNAL_SET_STOPS;
        else if (SIGNAL_SET_BIT(signal) & SIGNAL_SET_STOPS)
                *set &= ~SIGNAL_SET_BIT(SIGCONT);
        *set |= SIGNAL_SET_BIT(signal);
}

/* Return: the one that goes first, or 0 */
static inline int signal_set_first(uint64_t set)
{
        return set ? __builtin_ctzll(set) : 0;
}

static inline void signal_set_remove(uint64_t *set, int signal)
{
        *set &= ~SIGNAL_SET_BIT(signal);
}
