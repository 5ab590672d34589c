/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of system calls, from the kernel's headers as they are when this is built. Pure. */
#ifndef TARGET_SYSCALL_NAME_H
#define TARGET_SYSCALL_NAME_H

#include <stdint.h>

/* "vfork"; NULL: a number that the headers do not know. */
const char *syscall_name(int64_t nr);

#endif
