/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All memory that a CPython process may have objects in, swept once from end to end, block by
 * block, without stopping it and without its symbols: pools of pymalloc and chunks of glibc's
 * malloc are recognised by their headers. What a block holds is the caller's question.
 *
 * Invariant: nothing outside a block's `have` bytes is shown, each address is shown at most once,
 * and our own memory does not grow with the heap. One thread; what is read moves meanwhile.
 */
#ifndef PYTHON_SWEEP_H
#define PYTHON_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/heap_count.h"
#include "python/layout.h"
#include "target/maps.h"
#include "target/resident.h"
#include "target/remote.h"

/* A block in use, as its allocator says. */
struct block {
    uint64_t address;
    const uint8_t *bytes; /* borrowed for the call */
    size_t have; /* of its bytes from the start: all of a pool's, at least 48 of a chunk's */
    size_t size; /* what it takes from its allocator */
};

struct sweep_region {
    uint64_t start, end;
    bool brk; /* [heap]: malloc's chunks alone */
};

struct sweep {
    pid_t pid;
    uint32_t pool_bytes;
    struct maps maps;
    struct resident pages;
    VEC(struct sweep_region) regions;
    uint64_t all_bytes, done_bytes; /* of all regions; of those before the current one */
    const struct heap_limits *limits;
    uint64_t end_ns; /* of limits->duration_ns_max; 0: none */
    const char *cut; /* why it ended early, or NULL */
    uint8_t *buffer; /* a window of the region: */
    size_t buffer_bytes;
    uint64_t at;
    size_t have, want;
    /* What was counted. */
    uint64_t pools, chunks;
    uint64_t free_bytes;            /* in blocks of pools and chunks that are not in use */
    uint64_t mapped_bytes;          /* in blocks with a mapping of their own */
    uint64_t heap_bytes;            /* of malloc's heaps, */
    uint64_t lost_bytes;            /* and of that, where no chunks could be made out */
    VEC(struct remote_span) sample; /* headers of some pools and chunks, to be read again */
    VEC(uint8_t) sample_bytes;
    /* Which pages of a region of 256 KiB begin a pool: bits in `pool_bits`. */
    struct map pool_regions;
    VEC(uint64_t) pool_bits;
    void (*block)(void *context, const struct block *block);
    void *context;
};

/* Reads the maps; sweeps nothing yet. limits are borrowed until sweep_clear. */
bool sweep_init(struct sweep *s, pid_t pid, const struct layout *l,
                const struct heap_limits *limits, struct err *err);
void sweep_clear(struct sweep *s);
/* Shows every block. Returns early with `cut` set where a limit is met. */
void sweep_run(struct sweep *s);
/* Reads a sample of the headers that were swept once more: the share of blocks that changed; or
 * that of malloc's memory where chunks were lost on the way, if it is more. */
double sweep_moved_pct(struct sweep *s);
/* The name of an allocator whose blocks are not known, if the process uses one ("jemalloc"), or
 * NULL: objects that are too large for pymalloc are then not found. */
const char *sweep_foreign_allocator(const struct sweep *s);
/* Whether addr lies in a pool of pymalloc: reads the headers around it where that is not known. */
bool sweep_is_pool(struct sweep *s, uint64_t addr);

#endif
