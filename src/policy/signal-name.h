/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as kill(1) names them. */
#pragma once

int signal_name_parse(const char *option);
