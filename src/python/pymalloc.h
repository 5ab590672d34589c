/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object allocator of a CPython process (Objects/obmalloc.c): which functions serve it, and
 * whether a block of it is in use. One thread.
 */
#ifndef PYTHON_PYMALLOC_H
#define PYTHON_PYMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/runtime.h"

#define PYMALLOC_POOL_MAX 16384u

struct pymalloc {
    uint64_t malloc, calloc, realloc; /* addresses of the functions in the process */
    uint32_t pool_bytes;
};

/* Reads the interpreter's data, where the table of its allocators is: 1 ms. false: not found, or
 * not the default ones (a program may set its own). */
bool pymalloc_find(struct pymalloc *out, const struct runtime *r, pid_t pid);

/* The pool that holds an address. */
static inline uint64_t pymalloc_pool(const struct pymalloc *m, uint64_t address)
{
    return address & ~(uint64_t)(m->pool_bytes - 1);
}

enum pymalloc_block { BLOCK_NONE, BLOCK_USED, BLOCK_FREE };
/* What the copy of a pool says of a block that begins at this address, and its size. BLOCK_NONE:
 * this is no pool, or no block of it begins there. Walks the pool's free list, at most as long as
 * the pool has blocks. */
enum pymalloc_block pymalloc_block(const struct pymalloc *m, uint64_t pool, const uint8_t *bytes,
                                   uint64_t address, uint32_t *block_bytes);

#endif
