/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What malloc got from mmap(2): blocks with a mapping of their own, and stretches that the main
 * arena goes on in where brk(2) fails. Neither is listed anywhere, and the kernel joins
 * neighbouring mappings; so the first words of pages of anonymous memory are looked at, and where a
 * block begins, it is skipped by its size. 1 us a page where there is none: malloc's own sums tell
 * beforehand whether there is anything to be found. Worker thread.
 */
#include "native/malloc_mapped.h"

#include <stdlib.h>
#include <string.h>

#include "native/malloc_walk.h"
#include "target/remote.h"

#define BATCH        512u
#define MORECORE_MIN (64ull << 10) /* the main arena lacks more than is lost by alignment */
#define REGIONS_MAX  65536u
#define MISSED_MAX                                                                                 \
    32768u /* pages in a row where nothing begins: the mapping is somebody else's                  \
            */

/* What begins at a page: its size in bytes, or 0. */
typedef uint64_t (*look_fn)(struct malloc_walk *w, uint64_t at, const uint64_t head[2],
                            uint64_t end);

/* The first words of pages, as many at once as found nothing before. */
static void sweep(struct malloc_walk *w, uint64_t start, uint64_t end, look_fn look)
{
    static const size_t page = RESIDENT_PAGE;
    uint64_t heads[BATCH][2];
    struct remote_span spans[BATCH];
    uint8_t states[BATCH];
    uint16_t which[BATCH];
    size_t batch = 1, missed = 0;
    for (uint64_t at = start; at < end && missed < MISSED_MAX && malloc_walk_goes_on(w);) {
        const struct malloc_segment *in = malloc_segment_at(w->heap, at);
        if (in) {
            at = (in->end + page - 1) & ~(uint64_t)(page - 1);
            continue;
        }
        size_t n = (end - at) / page < batch ? (size_t)((end - at) / page) : batch, there = 0;
        if (!n)
            break;
        resident_states(&w->pages, at, n, states);
        for (size_t i = 0; i < n; i++) {
            if (states[i] != RESIDENT_READ)
                continue;
            which[there] = (uint16_t)i;
            spans[there] = (struct remote_span){at + i * page, heads[there], sizeof *heads, false};
            there++;
        }
        remote_read_spans(w->heap->pid, spans, there);
        uint64_t next = at + n * page;
        batch = batch < BATCH ? batch * 2 : BATCH;
        missed += n;
        for (size_t i = 0; i < there && !w->ended; i++) {
            uint64_t from = at + which[i] * page;
            uint64_t size = spans[i].ok ? look(w, from, heads[i], end) : 0;
            w->pages.read_bytes += sizeof *heads;
            if (!size)
                continue;
            next = (from + size + page - 1) & ~(uint64_t)(page - 1);
            batch = 1;
            missed = 0;
            break;
        }
        at = next;
    }
}

/* Private anonymous memory that may be malloc's, but its heap. */
static bool is_anonymous(const struct maps *maps, const struct mapping *map)
{
    const char *path = maps_path(maps, map);
    return !map->inode && (map->perms & MAP_READ) && (map->perms & MAP_WRITE) &&
           !(map->perms & MAP_SHARED_PERM) && (!*path || !strncmp(path, "[anon", 5));
}

/* Up to 2.42 the size is one of whole pages; from 2.43 on it lacks a header's at the end. */
static uint64_t look_for_block(struct malloc_walk *w, uint64_t at, const uint64_t head[2],
                               uint64_t end)
{
    uint64_t size = head[1] & ~(uint64_t)CHUNK_FLAGS, total = size;
    if (size % RESIDENT_PAGE == RESIDENT_PAGE - CHUNK_HEADER)
        total += CHUNK_HEADER;
    if ((head[1] & CHUNK_FLAGS) != CHUNK_MAPPED || head[0] >= RESIDENT_PAGE || !total ||
        total % RESIDENT_PAGE || total > end - at)
        return 0;
    uint64_t usable = total - CHUNK_HEADER;
    uint64_t most = w->visitor->whole ? MALLOC_WHOLE_BYTES : MALLOC_HEAD_BYTES;
    uint64_t wanted = CHUNK_HEADER + (usable < most ? usable : most);
    uint64_t up_to = w->visitor->whole ? at + total : at + RESIDENT_PAGE;
    if (malloc_walk_need(w, at, wanted, up_to))
        malloc_walk_visit(w, at, total, w->window + (at + CHUNK_HEADER - w->from),
                          w->to - at - CHUNK_HEADER, true);
    return total;
}

void malloc_walk_mapped(struct malloc_walk *w)
{
    const struct malloc_heap *heap = w->heap;
    for (size_t i = 0; i < heap->maps->list.n && !w->ended; i++) {
        const struct mapping *map = &heap->maps->list.at[i];
        if (heap->knows_mapped && w->sums->mapped_bytes >= heap->mapped_bytes)
            return;
        if (is_anonymous(heap->maps, map))
            sweep(w, map->start, map->end, look_for_block);
    }
    /* Not all at once, so a fifth may have been freed meanwhile. */
    if (heap->knows_mapped && w->sums->mapped_bytes < heap->mapped_bytes / 5 * 4)
        malloc_walk_cut(w, "not all blocks that have a mapping of their own were found");
}

/* A stretch of the main arena's: blocks follow one another from the start of a page. */
static uint64_t look_for_region(struct malloc_walk *w, uint64_t at, const uint64_t head[2],
                                uint64_t end)
{
    uint64_t size = head[1] & ~(uint64_t)CHUNK_FLAGS;
    if ((head[1] & CHUNK_FLAGS) != CHUNK_PREV_IN_USE || size < CHUNK_MIN || (size & 15) ||
        size > end - at || w->heap->segments.n >= REGIONS_MAX ||
        !malloc_walk_need(w, at, CHUNK_MIN, end) || !malloc_walk_follows(w, at, end))
        return 0;
    struct malloc_segment s = {.start = at, .end = end, .exact = true, .stops_at_fence = true};
    s.end = malloc_walk_segment(w, &s);
    if (s.end <= at || s.end > end)
        return 0;
    vec_push(&w->heap->segments, s);
    malloc_segments_sort(w->heap);
    return s.end - at;
}

static bool ignore(void *context, const struct malloc_block *block)
{
    (void)context;
    (void)block;
    return true;
}

static uint64_t main_bytes(const struct malloc_heap *heap)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < heap->segments.n; i++)
        if (!heap->segments.at[i].arena)
            sum += heap->segments.at[i].end - heap->segments.at[i].start;
    return sum;
}

void malloc_find_regions(struct malloc_heap *heap)
{
    static const struct heap_limits limits = {.duration_ns_max = 5000000000ull};
    static const struct malloc_visitor visitor = {.block = ignore, .limits = &limits};
    struct malloc_sums sums = {0};
    uint64_t says = heap->arenas.at[0].system_bytes;
    if (says < main_bytes(heap) + MORECORE_MIN)
        return;
    struct malloc_walk *w = malloc_walk_new(heap, &visitor, &sums);
    w->finding = true;
    for (size_t i = 0; i < heap->maps->list.n; i++) {
        const struct mapping *map = &heap->maps->list.at[i];
        if (is_anonymous(heap->maps, map))
            sweep(w, map->start, map->end, look_for_region);
    }
    malloc_walk_free(w);
    heap->main_missing = says - says / 32 > main_bytes(heap);
}
