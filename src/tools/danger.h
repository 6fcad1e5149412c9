/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that give root away when their arguments are free. */
#pragma once

#include <stddef.h>

const char *danger_of(const char *program);
const char *danger_of_variable(const char *name, size_t n_name);
