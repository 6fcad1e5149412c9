/* SPDX-License-Identifier: Apache-2.0 */
/* A command without a daemon: sudo and rootwrap, each time. */
#pragma once

struct order;
struct rootwrap;

int each_start(struct rootwrap *handle, struct order *command);
void each_end(struct rootwrap *handle, struct order *command);
int each_signal(const struct order *command, int number);
