/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heaps of glibc's malloc in another process, found and walked from outside: every arena,
 * blocks with a mapping of their own, static and stripped programs. Needs no symbols and stops
 * nothing. glibc 2.26 to 2.43, 64 bits (malloc/malloc.c, malloc/arena.c of those versions); tried
 * on 2.36 and 2.43.
 *
 * A heap that is in use moves while it is walked: what is told was true of each block at some
 * moment of the walk. Worker thread; one struct belongs to one of them.
 */
#ifndef NATIVE_MALLOC_HEAP_H
#define NATIVE_MALLOC_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/heap_count.h"
#include "target/maps.h"

struct malloc_heap;

#define MALLOC_HEAD_BYTES  1024u           /* of each block at least so many are copied */
#define MALLOC_WHOLE_BYTES (1024u * 1024u) /* of each block at most so many are copied */

/* A block in use. */
struct malloc_block {
    uint64_t addr;        /* what malloc returned */
    uint64_t usable_size; /* bytes: what was asked for, rounded up (malloc_usable_size(3)) */
    uint64_t chunk_size;  /* bytes: what it takes of the heap, header included */
    const uint8_t *bytes; /* its first copied_size bytes; borrowed until the visit returns */
    size_t copied_size;   /* at least min(usable_size, MALLOC_HEAD_BYTES) */
    bool mapped;          /* it has a mapping of its own */
};

struct malloc_visitor {
    /* Called for every block in use, mostly by rising address. false ends the walk. */
    bool (*block)(void *context, const struct malloc_block *block);
    void *context;
    bool whole; /* copied_size is then at least min(usable_size, MALLOC_WHOLE_BYTES) */
    const struct heap_limits *limits; /* NULL: none; a zero in it is no bound. own_bytes_max is
                                         not looked at: a walk needs less than 8 MB */
};

struct malloc_sums {
    uint64_t blocks;       /* visited */
    uint64_t used_bytes;   /* in blocks in use inside of heaps, headers included */
    uint64_t mapped_bytes; /* in blocks with a mapping of their own */
    uint64_t free_bytes;   /* free inside of heaps, with what is at their tops */
    uint64_t heap_bytes;   /* size of all heaps */
    uint64_t read_bytes;
    uint64_t swapped_bytes; /* passed over: blocks there are not counted */
    uint64_t lost_bytes;    /* of heaps: where no block could be made out */
    double moved_pct;       /* estimate: of looked-at blocks so many had changed at the end */
    bool cut;               /* a bound was met, or something of the above was lost */
    char why[160];          /* if cut: a sentence */
};

/* Finds the arenas of a process whose maps are given (borrowed until malloc_heap_free). NULL with
 * err filled: there is no glibc malloc in it, or it has not been used. 1 to 5 ms. */
struct malloc_heap *malloc_heap_find(pid_t pid, const struct maps *maps, struct err *err);
void malloc_heap_free(struct malloc_heap *heap);

/* Walks all heaps. false: the target is gone (err filled). 50 ms for a million blocks, 200 ms for a
 * GB. */
bool malloc_heap_walk(struct malloc_heap *heap, const struct malloc_visitor *visitor,
                      struct malloc_sums *sums, struct err *err);

size_t malloc_heap_arenas(const struct malloc_heap *heap);
/* As the arenas themselves say: what they got from the system, mapped blocks not included. */
uint64_t malloc_heap_system_bytes(const struct malloc_heap *heap);
/* addr lies in one of the heaps (not: in a block with a mapping of its own). */
bool malloc_heap_holds(const struct malloc_heap *heap, uint64_t addr);

#endif
