/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See syscall_name.h. The table is made from asm/unistd.h (src/rooms.mk). */
#include "target/syscall_name.h"

#include <stddef.h>

static const char *const names[] = {
#include "target/syscall_names.inc"
};

const char *syscall_name(int64_t nr)
{
    return nr >= 0 && nr < (int64_t)(sizeof names / sizeof names[0]) ? names[nr] : NULL;
}
