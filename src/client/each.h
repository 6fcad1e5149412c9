/* SPDX-License-Identifier: Apache-2.0 */
/* A command without a daemon: sudo and rootwrap, each time. */
#pragma once

struct command;
struct rootwrap;

int each_start(struct rootwrap *handle, struct command *command);
void each_end(struct rootwrap *handle, struct command *command);
int each_signal(const struct command *command, int number);
