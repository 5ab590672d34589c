/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of blocks of malloc's, to ask of millions of words whether they point into one of them: a
 * bit for every 16 bytes of the heaps (0.8 % of them), and a sorted list of blocks outside.
 *
 * Invariant: a bit is set for every 16 bytes of a block that is in the set, and for nothing else.
 * Worker thread.
 */
#ifndef NATIVE_BLOCK_SET_H
#define NATIVE_BLOCK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct malloc_heap;

struct block_range {
    uint64_t start, end; /* of the target */
    uint64_t first_bit;
};

struct block_set {
    VEC(struct block_range) heaps; /* by address; borrowed bits */
    VEC(struct block_range)
    outside; /* blocks with a mapping of their own, by address once sorted */
    uint64_t *bits;
    uint64_t low, high; /* all that is in the set lies in [low, high) */
    uint64_t blocks;
    size_t last; /* the heap where the last word was found */
    uint64_t n_bits;
};

void block_set_init(struct block_set *s, const struct malloc_heap *heap);
void block_set_clear(struct block_set *s);
/* Takes all blocks out. O(size of the heaps / 128). */
void block_set_empty(struct block_set *s);
void block_set_add(struct block_set *s, uint64_t addr, uint64_t size);
/* Of the same heaps; *to keeps its own memory. */
void block_set_copy(struct block_set *to, const struct block_set *from);
/* To be called after the last addition. */
void block_set_close(struct block_set *s);
/* addr lies in a block of the set. 1 to 10 ns. */
bool block_set_has(struct block_set *s, uint64_t addr);
/* Memory that it takes. */
size_t block_set_bytes(const struct malloc_heap *heap);

#endif
