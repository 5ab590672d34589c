/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Malloc's memory from mmap(2): see malloc_mapped.c.
 */
#ifndef NATIVE_MALLOC_MAPPED_H
#define NATIVE_MALLOC_MAPPED_H

#include "native/malloc_state.h"

struct malloc_walk;

/* Visits the blocks that have a mapping of their own. */
void malloc_walk_mapped(struct malloc_walk *w);
/* Adds the main arena's stretches outside of brk(2)'s memory to the segments, if it says that it
 * has more than that. */
void malloc_find_regions(struct malloc_heap *heap);

#endif
