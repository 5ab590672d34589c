/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single objects read from a process: a str as UTF-8, a bytes as a copy. All bounded; what makes
 * no sense is false. One thread (they share no state).
 */
#ifndef PYTHON_OBJECT_H
#define PYTHON_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/layout.h"

/* An address that an object can have in user space. */
static inline bool object_plausible(uint64_t addr)
{
    return addr >= 4096 && addr < (1ull << 47) && addr % 8 == 0;
}

bool object_pointer(pid_t pid, uint64_t addr, uint64_t *out);
/* out: UNICODE_TEXT_SIZE bytes, always terminated. One read for the usual short string. */
bool object_text(pid_t pid, const struct layout *l, uint64_t addr, char *out);
/* Owned by the caller; NULL: unreadable, or more than max bytes. */
uint8_t *object_bytes(pid_t pid, const struct layout *l, uint64_t addr, size_t max, size_t *size);

#endif
