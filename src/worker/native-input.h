/* SPDX-License-Identifier: Apache-2.0 */
/* What a native session's client sends. */
#pragma once

struct native_session;

int native_input_receive(struct native_session *session);
