/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See block_set.h. Worker thread. */
#include "native/block_set.h"

#include <stdlib.h>
#include <string.h>

#include "native/malloc_state.h"

#define GRANULE     16u
#define OUTSIDE_MAX (1u << 20)
#define ALL_BITS_MAX                                                                               \
    (1ull << 33) /* heaps of 128 GB: a broken size must not take all our memory                    \
                  */

void block_set_init(struct block_set *s, const struct malloc_heap *heap)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < heap->segments.n; i++) {
        const struct malloc_segment *from = &heap->segments.at[i];
        uint64_t start = from->start & ~(uint64_t)(GRANULE - 1);
        uint64_t n = (from->end - start) / GRANULE + 1;
        if (s->n_bits + n > ALL_BITS_MAX)
            break;
        struct block_range range = {start, from->end, s->n_bits};
        vec_push(&s->heaps, range);
        s->n_bits += n;
    }
    s->bits = xcalloc(s->n_bits / 64 + 1, sizeof *s->bits);
    s->low = UINT64_MAX;
}

size_t block_set_bytes(const struct malloc_heap *heap)
{
    uint64_t n = 0;
    for (size_t i = 0; i < heap->segments.n; i++)
        n += (heap->segments.at[i].end - heap->segments.at[i].start) / GRANULE + 2;
    return (size_t)((n < ALL_BITS_MAX ? n : ALL_BITS_MAX) / 8);
}

void block_set_clear(struct block_set *s)
{
    vec_free(&s->heaps);
    vec_free(&s->outside);
    free(s->bits);
    s->bits = NULL;
}

void block_set_empty(struct block_set *s)
{
    memset(s->bits, 0, (s->n_bits / 64 + 1) * sizeof *s->bits);
    vec_clear(&s->outside);
    s->low = UINT64_MAX;
    s->high = s->blocks = 0;
}

void block_set_copy(struct block_set *to, const struct block_set *from)
{
    memcpy(to->bits, from->bits, (to->n_bits / 64 + 1) * sizeof *to->bits);
    vec_clear(&to->outside);
    vec_append(&to->outside, from->outside.at, from->outside.n);
    to->low = from->low;
    to->high = from->high;
    to->blocks = from->blocks;
}

/* The heap that addr lies in. */
static const struct block_range *heap_at(struct block_set *s, uint64_t addr)
{
    if (s->last < s->heaps.n) {
        const struct block_range *r = &s->heaps.at[s->last];
        if (addr >= r->start && addr < r->end)
            return r;
    }
    size_t n = sorted_upto(s->heaps.at, s->heaps.n, start, addr);
    if (!n || addr >= s->heaps.at[n - 1].end)
        return NULL;
    s->last = n - 1;
    return &s->heaps.at[n - 1];
}

void block_set_add(struct block_set *s, uint64_t addr, uint64_t size)
{
    const struct block_range *r = heap_at(s, addr);
    if (!size || addr + size < addr || (!r && s->outside.n == OUTSIDE_MAX))
        return;
    s->blocks++;
    s->low = addr < s->low ? addr : s->low;
    s->high = addr + size > s->high ? addr + size : s->high;
    if (!r) {
        struct block_range block = {addr, addr + size, 0};
        vec_push(&s->outside, block);
        return;
    }
    uint64_t first = r->first_bit + (addr - r->start) / GRANULE;
    uint64_t end = addr + size < r->end ? addr + size : r->end;
    uint64_t last = r->first_bit + (end - 1 - r->start) / GRANULE;
    for (uint64_t bit = first; bit <= last; bit++)
        s->bits[bit / 64] |= 1ull << bit % 64;
}

static int by_start(const void *a, const void *b)
{
    const struct block_range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void block_set_close(struct block_set *s)
{
    vec_sort(&s->outside, by_start);
}

bool block_set_has(struct block_set *s, uint64_t addr)
{
    if (addr < s->low || addr >= s->high)
        return false;
    const struct block_range *r = heap_at(s, addr);
    if (r) {
        uint64_t bit = r->first_bit + (addr - r->start) / GRANULE;
        return s->bits[bit / 64] >> bit % 64 & 1;
    }
    size_t n = sorted_upto(s->outside.at, s->outside.n, start, addr);
    return n && addr < s->outside.at[n - 1].end;
}
