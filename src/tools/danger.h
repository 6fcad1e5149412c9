/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that give root away when their arguments are free. */
#pragma once

const char *danger_of(const char *program);
