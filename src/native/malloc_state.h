/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of another process's malloc before it is walked (malloc_heap.h): shared by the
 * files that find it (malloc_heap.c), that learn how its free blocks are marked (malloc_key.c) and
 * that walk it (malloc_walk.c).
 *
 * Invariant: segments are sorted by address and do not overlap.
 */
#ifndef NATIVE_MALLOC_STATE_H
#define NATIVE_MALLOC_STATE_H

#include "base/vec.h"
#include "native/malloc_heap.h"

#define MALLOC_FASTBINS 10

/* Offsets in struct malloc_state (malloc.c) of a range of versions, x86-64 and aarch64. */
struct malloc_layout {
    uint32_t top, bins, next, system_mem, size;
    uint32_t fastbins; /* 0: this version has none */
};

struct malloc_arena {
    uint64_t addr, top, system_bytes;
    uint64_t fastbins[MALLOC_FASTBINS]; /* heads; 0: that one is empty */
};

/* A stretch of memory that blocks stand in, one behind the other. */
struct malloc_segment {
    uint64_t start, end;
    uint32_t arena;
    bool exact;          /* the first block stands at start; else it must be looked for */
    bool stops_at_fence; /* it ends where malloc put an end; something else may follow */
};

/* How blocks in a thread's cache (tcache) are marked in their second word. */
enum malloc_key_kind {
    MALLOC_KEY_UNKNOWN, /* no cache, or none was found */
    MALLOC_KEY_RANDOM,  /* 2.34 on: one random number */
    MALLOC_KEY_POINTER, /* 2.29 to 2.33: the address of the thread's cache */
};

struct malloc_heap {
    pid_t pid;
    const struct maps *maps; /* borrowed */
    const struct malloc_layout *layout;
    VEC(struct malloc_arena) arenas; /* the main one first */
    VEC(struct malloc_segment) segments;
    bool ring_broken;      /* not all arenas were found */
    bool main_missing;     /* the main arena says that it has more than what was found */
    bool knows_mapped;     /* mapped_bytes is known */
    uint64_t mapped_bytes; /* in blocks with a mapping of their own, as malloc says */
    uint64_t sbrk_base;    /* where the main heap begins; 0: unknown */
    enum malloc_key_kind key_kind;
    uint64_t key;
    bool plain_links; /* up to 2.31: links of free lists are not mangled */
};

/* The fields of a chunk's second word (malloc.c). */
#define CHUNK_PREV_IN_USE 1u
#define CHUNK_MAPPED      2u
#define CHUNK_OTHER_ARENA 4u
#define CHUNK_FLAGS       7u
#define CHUNK_MIN         32u
#define CHUNK_HEADER      16u
#define FASTBIN_CHUNK_MAX 176u

static inline uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* The segment that holds addr, or NULL. O(log n). */
const struct malloc_segment *malloc_segment_at(const struct malloc_heap *heap, uint64_t addr);
void malloc_segments_sort(struct malloc_heap *heap);

/* The link in a free block that stands at addr + 16: as it is, or mangled by its own address
 * (2.32 on). */
static inline uint64_t malloc_link(const struct malloc_heap *heap, uint64_t user, uint64_t word)
{
    return heap->plain_links ? word : word ^ user >> 12;
}

/* Learns key and plain_links from what threads' caches hold. 1 ms. */
void malloc_key_find(struct malloc_heap *heap);

#endif
