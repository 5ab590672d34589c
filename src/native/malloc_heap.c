/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the arenas (malloc_heap.h). main_arena is known by its bins: an empty one is a pair of
 * words that point 16 bytes before themselves, and most of the 127 are empty; then the ring of
 * arenas must close. Every number read is hostile. Worker thread.
 */
#include "native/malloc_heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "native/malloc_mapped.h"
#include "native/malloc_state.h"
#include "target/remote.h"

#define BINS             127u
#define EMPTY_BINS_MIN   20u
#define ARENAS_MAX       8192u
#define SEGMENTS_MAX     262144u
#define PIECE            (4u << 20) /* of a data section that is looked through at once */
#define DATA_MAX         (256ull << 20)
#define PAGE_MASK        4095u
#define MAPS_MAX_DEFAULT 65536u /* DEFAULT_MMAP_MAX */

static const struct malloc_layout layouts[] = {
    /* 2.26 to 2.42 */
    {.top = 96, .bins = 112, .next = 2160, .system_mem = 2184, .size = 2200, .fastbins = 16},
    /* 2.43: without fastbins */
    {.top = 8, .bins = 24, .next = 2072, .system_mem = 2096, .size = 2112},
};

/* HEAP_MAX_SIZE (arena.c): 64 MB; four huge pages of 2 MB or 1 GB where it uses those. */
static const uint64_t heap_sizes[] = {64ull << 20, 8ull << 20, 4ull << 30};

static int by_start(const void *a, const void *b)
{
    const struct malloc_segment *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Drops what overlaps, too: no sane heap does. */
void malloc_segments_sort(struct malloc_heap *heap)
{
    vec_sort(&heap->segments, by_start);
    size_t kept = 0;
    for (size_t i = 0; i < heap->segments.n; i++) {
        struct malloc_segment s = heap->segments.at[i];
        if (kept && s.start < heap->segments.at[kept - 1].end)
            continue;
        heap->segments.at[kept++] = s;
    }
    heap->segments.n = kept;
}

const struct malloc_segment *malloc_segment_at(const struct malloc_heap *heap, uint64_t addr)
{
    size_t n = sorted_upto(heap->segments.at, heap->segments.n, start, addr);
    if (!n || addr >= heap->segments.at[n - 1].end)
        return NULL;
    return &heap->segments.at[n - 1];
}

bool malloc_heap_holds(const struct malloc_heap *heap, uint64_t addr)
{
    return malloc_segment_at(heap, addr) != NULL;
}

size_t malloc_heap_arenas(const struct malloc_heap *heap)
{
    return heap->arenas.n;
}

uint64_t malloc_heap_system_bytes(const struct malloc_heap *heap)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < heap->arenas.n; i++)
        sum += heap->arenas.at[i].system_bytes;
    return sum;
}

/* Empty bins of what may be an arena at addr, whose bytes these are. */
static size_t empty_bins(const struct malloc_layout *l, const uint8_t *arena, uint64_t addr)
{
    size_t n = 0;
    for (uint32_t i = 0; i < BINS; i++) {
        uint32_t at = l->bins + i * 16;
        uint64_t first = word_at(arena + at);
        n += first == addr + at - 16 && word_at(arena + at + 8) == first;
    }
    return n;
}

/* Another arena stands behind a heap_info, at the start of a heap. */
static bool may_be_arena(uint64_t addr)
{
    uint64_t offset = addr & (heap_sizes[1] - 1);
    return offset == 32 || offset == 48;
}

/* The ring of arenas comes back to the main one. It tells the layouts apart: all that is looked at
 * is in both in the same place, but for the arena's own start. */
static bool ring_closes(const struct malloc_heap *heap, const struct malloc_layout *l,
                        uint64_t addr, uint64_t next)
{
    for (uint32_t i = 0; i < ARENAS_MAX && next != addr; i++)
        if (!may_be_arena(next) || !remote_read(heap->pid, next + l->next, &next, sizeof next))
            return false;
    return next == addr;
}

static const struct malloc_layout *arena_layout(const struct malloc_heap *heap,
                                                const uint8_t *bytes, size_t size, uint64_t addr,
                                                bool strict)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const struct malloc_layout *l = &layouts[i];
        if (size < l->size)
            continue;
        uint64_t next = word_at(bytes + l->next);
        if ((next == addr || may_be_arena(next)) && word_at(bytes + l->top) &&
            empty_bins(l, bytes, addr) >= EMPTY_BINS_MIN &&
            (!strict || ring_closes(heap, l, addr, next)))
            return l;
    }
    return NULL;
}

static void take_arena(struct malloc_heap *heap, const uint8_t *bytes, uint64_t addr)
{
    const struct malloc_layout *l = heap->layout;
    struct malloc_arena *a = vec_add(&heap->arenas);
    a->addr = addr;
    a->top = word_at(bytes + l->top);
    a->system_bytes = word_at(bytes + l->system_mem);
    for (size_t i = 0; l->fastbins && i < MALLOC_FASTBINS; i++)
        a->fastbins[i] = word_at(bytes + l->fastbins + i * 8);
}

/* struct malloc_par, in the same section, is known by where the heap begins (sbrk_base); before it
 * stands what mapped blocks take. */
static void find_parameters(struct malloc_heap *heap, const uint8_t *bytes, size_t size)
{
    for (size_t i = 40; i + 8 <= size; i += 8) {
        uint64_t base = word_at(bytes + i), most = word_at(bytes + i - 8);
        uint64_t mapped = word_at(bytes + i - 16);
        if (base < 65536 || mapped > most || ((mapped | most) & PAGE_MASK))
            continue;
        const struct mapping *map = maps_find(heap->maps, base);
        if (!map || map->inode || !(map->perms & MAP_WRITE))
            continue;
        bool brk = !strcmp(maps_path(heap->maps, map), "[heap]");
        for (size_t back = 36; back >= 32; back -= 4) { /* from 2.35 on, and before */
            int32_t n[4];                               /* now, allowed, most, threshold fixed */
            memcpy(n, bytes + i - back, sizeof n);
            if (n[0] < 0 || n[2] < n[0] || n[1] < 0 || n[3] < 0 || n[3] > 1 ||
                (n[0] == 0) != (mapped == 0) || (n[2] == 0) != (most == 0) ||
                (!brk && n[1] != MAPS_MAX_DEFAULT))
                continue;
            heap->sbrk_base = base;
            heap->mapped_bytes = mapped;
            heap->knows_mapped = true;
            return;
        }
    }
}

/* Looks for main_arena in one mapping. */
static bool search_mapping(struct malloc_heap *heap, const struct mapping *map, uint8_t *buffer,
                           bool strict)
{
    size_t largest = layouts[0].size;
    for (uint64_t from = map->start; from < map->end;) {
        size_t size = map->end - from < PIECE ? (size_t)(map->end - from) : PIECE;
        size = remote_read_some(heap->pid, from, buffer, size);
        for (size_t i = 0; i + layouts[1].size <= size; i += 8) {
            heap->layout = arena_layout(heap, buffer + i, size - i, from + i, strict);
            if (!heap->layout)
                continue;
            take_arena(heap, buffer + i, from + i);
            find_parameters(heap, buffer, size);
            return true;
        }
        if (size < PIECE)
            break;
        from += size - largest;
    }
    return false;
}

/* 0: malloc is most likely here; 3: it cannot be. */
static int likelihood(const struct maps *maps, const struct mapping *map, const char *program)
{
    const char *path = maps_path(maps, map), *name = path_base(path);
    if (!maps_is_file(maps, map) || !(map->perms & MAP_WRITE) || (map->perms & MAP_SHARED_PERM) ||
        map->end - map->start > DATA_MAX)
        return 3;
    if (!strncmp(name, "libc.so", 7) || !strncmp(name, "libc-2.", 7))
        return 0;
    return !strcmp(path, program) ? 1 : 2;
}

static bool find_main(struct malloc_heap *heap)
{
    const struct maps *maps = heap->maps;
    uint8_t *buffer = xmalloc(PIECE);
    bool found = false;
    /* The program's own file is the lowest mapping of it, or the one after ld.so's; where it is
     * not, it has its turn with all others. */
    const char *program = maps->list.n ? maps_path(maps, &maps->list.at[0]) : "";
    for (int turn = 0; turn < 6 && !found; turn++)
        for (size_t i = 0; i < maps->list.n && !found; i++)
            if (likelihood(maps, &maps->list.at[i], program) == turn % 3)
                found = search_mapping(heap, &maps->list.at[i], buffer, turn < 3);
    free(buffer);
    return found;
}

struct heap_head {
    uint64_t arena, prev, size;
};

/* The heap that addr of an arena lies in: its start, or 0. */
static uint64_t heap_of(const struct malloc_heap *heap, uint64_t arena, uint64_t addr,
                        struct heap_head *head)
{
    for (size_t i = 0; i < sizeof heap_sizes / sizeof *heap_sizes; i++) {
        uint64_t start = addr & ~(heap_sizes[i] - 1);
        if (start && remote_read(heap->pid, start, head, sizeof *head) && head->arena == arena &&
            head->size >= 4096 && head->size <= heap_sizes[i] && !(head->size & PAGE_MASK))
            return start;
    }
    return 0;
}

/* The heaps of an arena that is not the main one, from its newest on. */
static void find_heaps(struct malloc_heap *heap, uint32_t number)
{
    const struct malloc_arena *a = &heap->arenas.at[number];
    struct heap_head head;
    uint64_t first = heap_of(heap, a->addr, a->addr, &head), info = a->addr - first;
    uint64_t start = heap_of(heap, a->addr, a->top, &head);
    while (heap->segments.n < SEGMENTS_MAX) {
        if (!start || !first || info > 64) {
            heap->ring_broken = true;
            return;
        }
        uint64_t begin =
            start == first ? (a->addr + heap->layout->size + 15) & ~15ull : start + info;
        if (begin < start + head.size) {
            struct malloc_segment s = {begin, start + head.size, number, true, false};
            vec_push(&heap->segments, s);
        }
        if (!head.prev)
            return;
        start = heap_of(heap, a->addr, head.prev, &head);
    }
}

static void find_others(struct malloc_heap *heap)
{
    uint64_t main = heap->arenas.at[0].addr;
    uint8_t bytes[4096];
    remote_read(heap->pid, main, bytes, heap->layout->size);
    uint64_t next = word_at(bytes + heap->layout->next);
    while (next != main) {
        struct heap_head head;
        if (heap->arenas.n >= ARENAS_MAX || !heap_of(heap, next, next, &head) ||
            !remote_read(heap->pid, next, bytes, heap->layout->size)) {
            heap->ring_broken = true;
            return;
        }
        take_arena(heap, bytes, next);
        find_heaps(heap, (uint32_t)heap->arenas.n - 1);
        next = word_at(bytes + heap->layout->next);
    }
}

/* The main arena's memory from brk(2). */
static void find_brk(struct malloc_heap *heap)
{
    for (size_t i = 0; i < heap->maps->list.n; i++) {
        const struct mapping *map = &heap->maps->list.at[i];
        if (strcmp(maps_path(heap->maps, map), "[heap]") || !(map->perms & MAP_READ))
            continue;
        struct malloc_segment *last = heap->segments.n ? vec_last(&heap->segments) : NULL;
        if (last && last->end == map->start) {
            last->end = map->end;
            continue;
        }
        struct malloc_segment s = {map->start, map->end, 0, false, false};
        if (heap->sbrk_base >= map->start && heap->sbrk_base < map->end) {
            s.start = (heap->sbrk_base + 15) & ~15ull;
            s.exact = true;
        }
        vec_push(&heap->segments, s);
    }
}

struct malloc_heap *malloc_heap_find(pid_t pid, const struct maps *maps, struct err *err)
{
    struct malloc_heap *heap = xcalloc(1, sizeof *heap);
    heap->pid = pid;
    heap->maps = maps;
    if (!find_main(heap)) {
        free(heap);
        err_set(err,
                "no heap of the GNU C library's malloc is in use in process %d: it has another "
                "allocator or has ended",
                (int)pid);
        return NULL;
    }
    find_brk(heap);
    find_others(heap);
    malloc_segments_sort(heap);
    malloc_find_regions(heap);
    malloc_key_find(heap);
    return heap;
}

void malloc_heap_free(struct malloc_heap *heap)
{
    if (!heap)
        return;
    vec_free(&heap->arenas);
    vec_free(&heap->segments);
    free(heap);
}
