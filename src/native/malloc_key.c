/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How this malloc marks what is free and yet not free for its neighbours: blocks in a thread's
 * cache. Each thread's cache (struct tcache_perthread_struct, malloc.c) is itself a block, of a
 * known size; the blocks that it holds have one and the same second word, so it is found by a vote:
 * what one of them says alone may be a user's data, since the target runs on. Worker thread.
 */
#include <stdlib.h>
#include <string.h>

#include "native/malloc_state.h"
#include "target/remote.h"
#include "target/resident.h"

#define WINDOW      (1u << 20)
#define SEGMENT_MAX (64ull << 20) /* so much of a segment is looked through */
#define TOTAL_MAX   (128ull << 20)
#define TURNS       3u /* where all lists were just changing */
#define ENOUGH      16u
#define VALUES_MAX  64u
#define SMALL_BINS  64u /* lists of blocks of one size; from 2.42 on others follow */
#define BINS_MAX    76u

/* What a thread's cache looks like. */
struct cache_layout {
    uint32_t chunk_size, bins;
    uint32_t counter_size; /* bytes */
    bool counts_used;      /* the counters are 0 where a list is empty; else they are slots left */
};

static const struct cache_layout cache_layouts[] = {
    {0x290, 64, 2, true},  /* 2.30 to 2.41 */
    {0x250, 64, 1, true},  /* 2.26 to 2.29 */
    {0x310, 76, 2, false}, /* 2.42 on: 760 bytes */
    {0x300, 76, 2, false},
};

/* Value 0 stands for all blocks that hold their own cache's address. */
struct votes {
    struct {
        uint64_t value;
        uint32_t n, plain, mangled; /* and their links are so */
    } at[VALUES_MAX];
    uint32_t n;
};

/* Of the first block of a list, which must be of the list's size. */
static void vote(struct malloc_heap *heap, struct votes *v, uint64_t cache, uint64_t entry,
                 uint32_t list)
{
    uint64_t all[3], *words = all + 1;
    if (!remote_read(heap->pid, entry - 8, all, sizeof all) ||
        (all[0] & ~(uint64_t)CHUNK_FLAGS) != CHUNK_MIN + 16 * (uint64_t)list)
        return;
    if (words[1] != cache &&
        !(words[1] >> 47)) /* no random number, but an address or a small one */
        return;
    uint64_t revealed = words[0] ^ entry >> 12, value = words[1] == cache ? 0 : words[1];
    bool mangled = !revealed || (!(revealed & 15) && malloc_segment_at(heap, revealed));
    bool plain = !words[0] || (!(words[0] & 15) && malloc_segment_at(heap, words[0]));
    /* Random numbers came after mangled links: anything else was handed out meanwhile. */
    if (!mangled && (value || !plain))
        return;
    uint32_t i = 0;
    while (i < v->n && v->at[i].value != value)
        i++;
    if (i == VALUES_MAX)
        return;
    if (i == v->n)
        v->at[v->n++].value = value;
    v->at[i].n++;
    v->at[i].mangled += mangled;
    v->at[i].plain += plain;
}

/* A block's bytes, and what it would be if it were a thread's cache: do the lists that it holds
 * make sense, then they vote. */
static void look(struct malloc_heap *heap, struct votes *v, const struct cache_layout *l,
                 uint64_t addr, const uint8_t *bytes)
{
    uint64_t entries[BINS_MAX];
    uint32_t used = 0;
    for (uint32_t i = 0; i < l->bins; i++) {
        uint32_t count = l->counter_size == 1
                             ? bytes[i]
                             : (uint32_t)bytes[i * 2] | (uint32_t)bytes[i * 2 + 1] << 8;
        entries[i] = word_at(bytes + l->bins * l->counter_size + i * 8);
        if (l->counts_used && !count) /* 2.30 may leave the last entry where it was */
            entries[i] = 0;
        if (entries[i] && ((entries[i] & 15) || !malloc_segment_at(heap, entries[i])))
            return;
        used += entries[i] != 0;
    }
    for (uint32_t i = 0; used && i < SMALL_BINS; i++)
        if (entries[i])
            vote(heap, v, addr, entries[i], i);
}

static bool decided(const struct votes *v)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (v->at[i].n >= ENOUGH)
            return true;
    return false;
}

/* Looks for caches among the blocks of a segment; what was read of it. */
static uint64_t search(struct malloc_heap *heap, struct votes *v, const struct malloc_segment *s,
                       struct resident *pages, uint8_t *window)
{
    uint64_t at = s->start, from = 0, to = 0;
    while (at + CHUNK_HEADER < s->end && at - s->start < SEGMENT_MAX && !decided(v)) {
        if (at < from || at + 0x320 > to) {
            from = at & ~(uint64_t)(RESIDENT_PAGE - 1);
            to = s->end - from < WINDOW ? s->end : from + WINDOW;
            if (!resident_read(pages, from, window, (size_t)(to - from)))
                break;
        }
        uint64_t size = word_at(window + (at - from) + 8) & ~(uint64_t)CHUNK_FLAGS;
        if (size < CHUNK_MIN || (size & 15) || size >= s->end - at)
            break;
        for (size_t i = 0; i < sizeof cache_layouts / sizeof *cache_layouts; i++)
            if (size == cache_layouts[i].chunk_size && at + size <= to)
                look(heap, v, &cache_layouts[i], at + CHUNK_HEADER,
                     window + (at - from) + CHUNK_HEADER);
        at += size;
    }
    return at - s->start;
}

void malloc_key_find(struct malloc_heap *heap)
{
    struct votes v = {0};
    struct resident *pages = xmalloc(sizeof *pages);
    uint8_t *window = xmalloc(WINDOW);
    uint64_t read = 0;
    resident_open(pages, heap->pid);
    for (unsigned turn = 0; turn < TURNS && !v.n; turn++) {
        read = 0;
        for (size_t i = 0; i < heap->segments.n && read < TOTAL_MAX && !decided(&v); i++)
            if (heap->segments.at[i].exact)
                read += search(heap, &v, &heap->segments.at[i], pages, window);
    }
    resident_close(pages);
    free(window);
    free(pages);
    uint32_t best = 0;
    for (uint32_t i = 1; i < v.n; i++)
        if (v.at[i].n > v.at[best].n)
            best = i;
    if (!v.n)
        return;
    heap->key = v.at[best].value;
    heap->key_kind = heap->key ? MALLOC_KEY_RANDOM : MALLOC_KEY_POINTER;
    heap->plain_links = v.at[best].plain > v.at[best].mangled;
}
