/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of Python 3.6, which has no _PyRuntime: it lies about in static variables, of which
 * only _PyThreadState_Current is exported. The others are found by their local symbols or, in a
 * stripped file, by what they hold. Once per process; one thread.
 */
#ifndef PYTHON_OLD_RUNTIME_H
#define PYTHON_OLD_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "native/elf_symbol.h"
#include "python/runtime.h"

/* Addresses in the process; 0: not known. */
struct old_runtime {
    uint64_t current;          /* _PyThreadState_Current: who holds the GIL, or NULL */
    uint64_t head, collecting; /* interp_head and collecting */
    uint64_t gil_from, gil_to; /* the GIL's mutexes and condition variables */
    uint64_t bss, bss_size;    /* zero-initialised variables, where the head is looked for */
};

/* What the file tells. own: the file holds nothing but Python, so that a futex among its variables
 * is the GIL's. */
void old_runtime_symbols(struct old_runtime *old, struct elf_symbols *elf, uint64_t bias, bool own);
/* Fills *out; false: the list of interpreters is not found (yet). */
bool old_runtime_find(const struct old_runtime *old, pid_t pid, struct runtime *out);

#endif
