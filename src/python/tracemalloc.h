/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tracemalloc of a running CPython has recorded, read from outside: bytes and blocks that are
 * allocated, by the line that allocated them. Exact, as far as the table does not move meanwhile;
 * there is none unless the program started it. Shares nothing: any one thread.
 */
#ifndef PYTHON_TRACEMALLOC_H
#define PYTHON_TRACEMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "model/heap_count.h"

struct tracemalloc_row {
    char *file; /* as the target sees it; printable, owned */
    uint32_t line;
    uint64_t bytes, count; /* of blocks that are allocated */
};

struct tracemalloc_table {
    VEC(struct tracemalloc_row) rows; /* most bytes first */
    uint64_t bytes, count;            /* of all rows */
    bool partial; /* a limit was met, or the table moved: not all of it was seen */
};

/* Initialises *table, which the caller clears in any case. false: no CPython that can be read, or
 * it does not run tracemalloc: a sentence that says how to. Of the limits (may be NULL) those of
 * time, the stop and rows_max are kept. About 1 s for a million blocks. */
bool python_tracemalloc(pid_t pid, const struct heap_limits *limits,
                        struct tracemalloc_table *table, struct err *err);
void tracemalloc_table_clear(struct tracemalloc_table *table);

#endif
