/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk over malloc's blocks while it goes on: shared by malloc_walk.c (heaps) and malloc_mapped.c
 * (blocks with a mapping of their own, and what the main arena took from mmap(2)).
 */
#ifndef NATIVE_MALLOC_WALK_H
#define NATIVE_MALLOC_WALK_H

#include "base/map.h"
#include "base/vec.h"
#include "native/malloc_state.h"
#include "target/resident.h"

#define MALLOC_WINDOW     (MALLOC_WHOLE_BYTES + 64 * RESIDENT_PAGE)
#define MALLOC_CACHES_MAX 65536u

/* A block that may be in a fastbin, linked to another chunk; 0: the last of a list. */
struct malloc_linked {
    uint64_t at, size, target;
};

struct malloc_sample {
    uint64_t at, size;
    bool in_use;
};

struct malloc_walk {
    struct malloc_heap *heap;
    const struct malloc_visitor *visitor;
    struct malloc_sums *sums;
    struct resident pages;
    uint8_t *window;
    uint64_t from, to; /* of the target, in window */
    uint64_t began_ns, done_bytes, work_bytes;
    VEC(struct malloc_linked) links;
    VEC(struct malloc_sample) samples;
    uint64_t sample_count, sample_step;
    struct map caches; /* addresses that were asked for being a thread's cache: 1 yes, 0 no */
    bool ended, passed_holes;
    bool tried, alive; /* memory was to be read, and some was */
    bool finding; /* a segment's end is not known yet: the first thing that is no block is it */
};

struct malloc_walk *malloc_walk_new(struct malloc_heap *heap, const struct malloc_visitor *visitor,
                                    struct malloc_sums *sums);
void malloc_walk_free(struct malloc_walk *w);
/* Whether no bound is met yet; asked once a window. */
bool malloc_walk_goes_on(struct malloc_walk *w);
/* Marks the sums as partial; the first reason is kept. */
void malloc_walk_cut(struct malloc_walk *w, const char *why);
/* Returns where it ended. */
uint64_t malloc_walk_segment(struct malloc_walk *w, const struct malloc_segment *s);
/* Counts and hands out the block at `at`, of which `copied` bytes of the user's are at bytes. */
void malloc_walk_visit(struct malloc_walk *w, uint64_t at, uint64_t size, const uint8_t *bytes,
                       uint64_t copied, bool mapped);
/* Makes [at, at + size) readable in the window, if end allows; false: no, or the walk has ended. */
bool malloc_walk_need(struct malloc_walk *w, uint64_t at, uint64_t size, uint64_t end);
/* Several blocks follow one another from `at`, which is in the window. */
bool malloc_walk_follows(struct malloc_walk *w, uint64_t at, uint64_t end);

#endif
