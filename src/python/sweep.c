/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pools are those of Objects/obmalloc.c (Include/internal/pycore_obmalloc.h): a header of 48 bytes
 * at each multiple of 4 KiB, from 3.10 of 16 KiB, in arenas that are mappings of their own; a
 * header's fields depend on each other so much that nothing else looks like one. Chunks are those
 * of glibc's malloc/malloc.c: a size with three flags before each block, in [heap], in the heaps of
 * 64 MiB of further arenas, or one a mapping. Walked from 2.31 to 2.43.
 */
#include "python/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define POOL_HEADER      48u
#define SMALL_MAX        512u /* SMALL_REQUEST_THRESHOLD */
#define WINDOW_BYTES     (PAGEMAP_RUN_PAGES * PAGE_BYTES)
#define WINDOW_MIN       (64u << 10)
#define SAMPLE_MAX       4096u
#define SAMPLE_EACH      61u /* one pool in so many */
#define REGION_BYTES     (256u << 10)
#define REGION_PAGES     (REGION_BYTES / PAGE_BYTES)
#define ARENA_HEAP_BYTES (64ull << 20) /* HEAP_MAX_SIZE */
#define HEAP_INFO        32
#define MAPPED_MIN       (64u << 10)
#define RESYNC_SIZE_MAX  (1u << 20)
#define CHAIN            4
/* As much of a chunk as tells what is in it. */
#define CHUNK_HAVE 128u

enum chunk_flags { PREV_INUSE = 1, IS_MMAPPED = 2, CHUNK_FLAGS = 15 };

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint32_t half_at(const uint8_t *bytes)
{
    uint32_t half;
    memcpy(&half, bytes, sizeof half);
    return half;
}

static bool is_wanted(const struct maps *maps, const struct mapping *map, bool *brk)
{
    const char *path = maps_path(maps, map);
    *brk = !strcmp(path, "[heap]");
    return (map->perms & MAP_READ) && (map->perms & MAP_WRITE) && !(map->perms & MAP_SHARED_PERM) &&
           (*brk || !path[0] || !strncmp(path, "[anon:", strlen("[anon:")));
}

bool sweep_init(struct sweep *s, pid_t pid, const struct layout *l,
                const struct heap_limits *limits, struct err *err)
{
    *s = (struct sweep){.pid = pid, .limits = limits};
    s->pages.pagemap.fd = -1;
    s->pool_bytes = l->minor >= 10 ? 16u << 10 : 4u << 10;
    maps_init(&s->maps);
    if (!maps_read(&s->maps, pid, NULL, err))
        return false;
    resident_open(&s->pages, pid);
    for (size_t i = 0; i < s->maps.list.n; i++) {
        const struct mapping *map = &s->maps.list.at[i];
        bool brk;
        if (!is_wanted(&s->maps, map, &brk))
            continue;
        s->all_bytes += map->end - map->start;
        struct sweep_region *last = s->regions.n ? vec_last(&s->regions) : NULL;
        if (last && last->end == map->start && last->brk == brk)
            last->end = map->end;
        else
            vec_push(&s->regions, ((struct sweep_region){map->start, map->end, brk}));
    }
    if (limits->duration_ns_max)
        s->end_ns = clock_mono_ns() + limits->duration_ns_max;
    if (s->maps.cut)
        s->cut = "it has more mappings than are looked at";
    s->buffer_bytes = WINDOW_BYTES;
    s->buffer = xcalloc(1, s->buffer_bytes);
    return true;
}

void sweep_clear(struct sweep *s)
{
    maps_clear(&s->maps);
    resident_close(&s->pages);
    vec_free(&s->regions);
    vec_free(&s->sample);
    vec_free(&s->sample_bytes);
    vec_free(&s->pool_bits);
    map_free(&s->pool_regions);
    free(s->buffer);
    s->buffer = NULL;
}

static bool limit_met(struct sweep *s, uint64_t done_bytes)
{
    const struct heap_limits *l = s->limits;
    int permille = s->all_bytes ? (int)(done_bytes * 1000 / s->all_bytes) : 0;
    if (l->read_bytes_max && s->pages.read_bytes >= l->read_bytes_max)
        s->cut = "more memory than may be read";
    else if (s->end_ns && clock_mono_ns() > s->end_ns)
        s->cut = "it took longer than it may";
    else if (l->stop && l->stop(l->context, permille < 1000 ? permille : 999))
        s->cut = "it was stopped";
    return s->cut != NULL;
}

/* The bytes at addr, `need` of them, from a window that is moved there; NULL at a limit. The region
 * ends at `end`, and need must lie in it. */
static const uint8_t *window(struct sweep *s, uint64_t addr, size_t need, uint64_t start,
                             uint64_t end)
{
    if (addr >= s->at && addr + need <= s->at + s->have)
        return s->buffer + (addr - s->at);
    if (limit_met(s, s->done_bytes + (addr - start)))
        return NULL;
    uint64_t from = addr & ~(uint64_t)(PAGE_BYTES - 1);
    bool onwards = from >= s->at && from <= s->at + s->have;
    s->want = onwards ? s->want * 2 : WINDOW_MIN;
    if (s->want < WINDOW_MIN)
        s->want = WINDOW_MIN;
    if (s->want > s->buffer_bytes)
        s->want = s->buffer_bytes;
    s->at = from;
    s->have = end - from < s->want ? (size_t)(end - from) : s->want;
    resident_read(&s->pages, from, s->buffer, s->have);
    return addr + need <= s->at + s->have ? s->buffer + (addr - s->at) : NULL;
}

/* The size of the blocks of the pool with this header; 0: it is none. Counts that change all the
 * time are not asked to agree, since the target runs on. */
static uint32_t pool_block_size(const struct sweep *s, const uint8_t *head)
{
    uint32_t count = half_at(head), class = half_at(head + 36), next = half_at(head + 40);
    uint32_t max = half_at(head + 44), size = s->pool_bytes - max;
    if (max >= s->pool_bytes || size < 8 || size > SMALL_MAX || class >= SMALL_MAX / 8)
        return 0;
    /* 16 bytes a class; 8 in 3.6 and before 3.7.4. */
    if ((class + 1) * 16 != size && (class + 1) * 8 != size)
        return 0;
    if (next < POOL_HEADER || next > s->pool_bytes || (next - POOL_HEADER) % size != 0)
        return 0;
    return count <= (s->pool_bytes - POOL_HEADER) / size ? size : 0;
}

/* Marks the blocks on the pool's own list of free ones. */
static void mark_free(const uint8_t *pool, uint64_t address, uint32_t size, uint32_t blocks,
                      uint64_t *marks)
{
    uint64_t free_block = word_at(pool + 8);
    for (uint32_t n = 0; n < blocks && free_block; n++) {
        uint64_t at = free_block - address;
        if (at < POOL_HEADER || (at - POOL_HEADER) % size || (at - POOL_HEADER) / size >= blocks)
            return; /* it moved */
        uint64_t i = (at - POOL_HEADER) / size;
        if (marks[i / 64] >> (i % 64) & 1)
            return;
        marks[i / 64] |= 1ull << (i % 64);
        free_block = word_at(pool + at);
    }
}

/* Keeps one header in so many, `size` bytes at most POOL_HEADER, to be read once more. */
static void keep_sample(struct sweep *s, uint64_t number, uint64_t address, const uint8_t *head,
                        size_t size)
{
    uint8_t bytes[POOL_HEADER] = {0};
    if (number % SAMPLE_EACH || s->sample.n >= SAMPLE_MAX)
        return;
    memcpy(bytes, head, size);
    vec_push(&s->sample, ((struct remote_span){address, NULL, size, false}));
    vec_append(&s->sample_bytes, bytes, POOL_HEADER);
}

static void show_pool(struct sweep *s, uint64_t address, const uint8_t *pool, uint32_t size)
{
    uint64_t marks[(16u << 10) / 8 / 64] = {0};
    uint32_t blocks = (half_at(pool + 40) - POOL_HEADER) / size;
    keep_sample(s, s->pools++, address, pool, POOL_HEADER);
    s->free_bytes += (uint64_t)((s->pool_bytes - POOL_HEADER) / size - half_at(pool)) * size;
    if (!half_at(pool))
        return;
    if (blocks > (s->pool_bytes - POOL_HEADER) / size)
        blocks = (s->pool_bytes - POOL_HEADER) / size;
    mark_free(pool, address, size, blocks, marks);
    for (uint32_t i = 0; i < blocks; i++) {
        if (marks[i / 64] >> (i % 64) & 1)
            continue;
        uint32_t at = POOL_HEADER + i * size;
        struct block b = {address + at, pool + at, size, size};
        s->block(s->context, &b);
    }
}

/* The size of a chunk whose head is at `head`, 0 if it cannot be one. */
static uint64_t chunk_size(const uint8_t *head, uint64_t left)
{
    uint64_t size = word_at(head + 8) & ~(uint64_t)CHUNK_FLAGS;
    return size >= 32 && size <= left && !(word_at(head + 8) & (IS_MMAPPED | 8)) ? size : 0;
}

/* Where chunks begin again: the first place from which some follow each other. 0: nowhere near. */
static uint64_t resync(struct sweep *s, uint64_t from, uint64_t start, uint64_t end)
{
    for (uint64_t c = from; c + CHUNK_HAVE < end && c < from + RESYNC_SIZE_MAX; c += 16) {
        uint64_t at = c;
        int links = 0;
        for (; links < CHAIN && at + 32 <= end; links++) {
            const uint8_t *head = window(s, at, 16, start, end);
            uint64_t size = head ? chunk_size(head, end - at) : 0;
            /* A thread's arena may hold a few, and the free rest up to its very end. */
            if (size && links && at + size == end)
                return c;
            if (!size || size > RESYNC_SIZE_MAX || at + size > s->at + s->have)
                break;
            at += size;
        }
        if (s->cut)
            return 0;
        if (links == CHAIN)
            return c;
        /* Looking ahead must not have moved the window past us. */
        if (c < s->at || c + 32 > s->at + s->have)
            s->at = s->have = 0;
    }
    return 0;
}

/* A chunk is shown once the next one says that it is in use. */
struct pending {
    uint64_t address;
    size_t size, have;
    uint8_t head[16], bytes[CHUNK_HAVE];
};

static void show_pending(struct sweep *s, struct pending *p)
{
    struct block b = {p->address, p->bytes, p->have, p->size};
    keep_sample(s, s->chunks++, p->address - 8, p->head + 8, 8);
    s->block(s->context, &b);
}

static void walk_chunks(struct sweep *s, uint64_t from, uint64_t start, uint64_t end)
{
    struct pending p = {0};
    uint64_t c = from;
    s->heap_bytes += end - from;
    while (c + 32 <= end && !s->cut) {
        size_t need = end - c < CHUNK_HAVE + 16 ? (size_t)(end - c) : CHUNK_HAVE + 16;
        const uint8_t *head = window(s, c, need, start, end);
        uint64_t size = head ? chunk_size(head, end - c) : 0;
        if (!head)
            return;
        if (!size) {
            p.size = 0;
            uint64_t next = resync(s, c, start, end);
            s->lost_bytes += (next ? next : end) - c;
            if (!next)
                return;
            c = next;
            continue;
        }
        if (p.size && word_at(head + 8) & PREV_INUSE)
            show_pending(s, &p);
        else
            s->free_bytes += p.size;
        if (c + size >= end) { /* the top */
            s->free_bytes += size;
            return;
        }
        p = (struct pending){.address = c + 16, .size = (size_t)size};
        p.have = need - 16 < size - 8 ? need - 16 : (size_t)size - 8;
        memcpy(p.head, head, sizeof p.head);
        memcpy(p.bytes, head + 16, p.have);
        c += size;
    }
}

/* struct heap_info of a further arena (malloc/arena.c): its arena, the heap before, sizes. How long
 * it is, 0: there is none. */
static uint64_t arena_heap(uint64_t address, const uint8_t *page, uint64_t end)
{
    uint64_t arena = word_at(page), previous = word_at(page + 8), size = word_at(page + 16);
    uint64_t usable = word_at(page + 24);
    if (address % ARENA_HEAP_BYTES || arena < PAGE_BYTES || arena % 16 ||
        previous % ARENA_HEAP_BYTES || size < PAGE_BYTES || size > ARENA_HEAP_BYTES ||
        size % PAGE_BYTES || usable < size || usable > ARENA_HEAP_BYTES)
        return 0;
    return size <= end - address ? size : end - address;
}

/* A chunk with a mapping of its own; from 2.43 its size is without its head, and what is before it
 * may be a flag for huge pages (mmap_set_chunk). All that it takes. */
static uint64_t mapped_chunk(const uint8_t *page, uint64_t left)
{
    uint64_t size = word_at(page + 8);
    if (word_at(page) > 1 || (size & 7) != IS_MMAPPED)
        return 0;
    size &= ~7ull;
    if (size % PAGE_BYTES == PAGE_BYTES - 16)
        size += 16;
    return size % PAGE_BYTES == 0 && size >= MAPPED_MIN && size <= left ? size : 0;
}

/* Returns how far it came: bytes from address. */
static uint64_t sweep_page(struct sweep *s, uint64_t address, const struct sweep_region *r)
{
    size_t need = r->end - address < s->pool_bytes ? (size_t)(r->end - address) : s->pool_bytes;
    const uint8_t *page = window(s, address, need, r->start, r->end);
    if (!page)
        return 0;
    uint32_t block_size;
    uint64_t size;
    if (address % s->pool_bytes == 0 && need == s->pool_bytes &&
        (block_size = pool_block_size(s, page))) {
        show_pool(s, address, page, block_size);
        return s->pool_bytes;
    }
    if ((size = arena_heap(address, page, r->end))) {
        uint64_t end = address + size, from = resync(s, address + HEAP_INFO, r->start, end);
        if (from) /* behind the state of the arena itself, in its first heap */
            walk_chunks(s, from, r->start, end);
        else
            s->lost_bytes += size;
        return size;
    }
    if ((size = mapped_chunk(page, r->end - address))) {
        struct block b = {address + 16, page + 16, need - 16, (size_t)size};
        s->chunks++;
        s->mapped_bytes += size;
        s->block(s->context, &b);
        return size;
    }
    return PAGE_BYTES;
}

void sweep_run(struct sweep *s)
{
    s->done_bytes = 0;
    for (size_t i = 0; i < s->regions.n && !s->cut; i++) {
        const struct sweep_region *r = &s->regions.at[i];
        s->at = s->have = 0;
        if (r->brk) {
            walk_chunks(s, r->start, r->start, r->end);
        } else {
            for (uint64_t at = r->start, step = 1; at < r->end && step && !s->cut; at += step)
                step = sweep_page(s, at, r);
        }
        s->done_bytes += r->end - r->start;
    }
}

/* Blocks of a sample that were given out or back meanwhile: of a pool as many as its count tells
 * (the first word of struct pool_header), at least one where its header changed. *blocks: of so
 * many. */
static uint64_t moved_blocks(const struct remote_span *span, const uint8_t *was, uint64_t *blocks)
{
    bool pool = span->size == POOL_HEADER;
    uint32_t had = pool ? half_at(was) : 1;
    *blocks += had;
    if (!span->ok)
        return had;
    if (memcmp(span->to, was, span->size) == 0)
        return 0;
    uint32_t has = pool ? half_at(span->to) : had;
    uint32_t difference = has > had ? has - had : had - has;
    return difference ? difference : 1;
}

double sweep_moved_pct(struct sweep *s)
{
    size_t n = s->sample.n;
    /* What is swapped out has not moved, and is told apart. */
    uint64_t swapped = s->pages.swapped_bytes;
    uint64_t lost_bytes = s->lost_bytes > swapped ? s->lost_bytes - swapped : 0;
    double lost = s->heap_bytes ? fmin(100, 100.0 * (double)lost_bytes / (double)s->heap_bytes) : 0;
    if (!n)
        return lost;
    uint64_t moved = 0, blocks = 0;
    uint8_t *now = xmalloc(n * POOL_HEADER);
    for (size_t i = 0; i < n; i++)
        s->sample.at[i].to = now + i * POOL_HEADER;
    remote_read_spans(s->pid, s->sample.at, n);
    for (size_t i = 0; i < n; i++)
        moved += moved_blocks(&s->sample.at[i], s->sample_bytes.at + i * POOL_HEADER, &blocks);
    free(now);
    double moved_pct = blocks ? fmin(100, 100.0 * (double)moved / (double)blocks) : 0;
    return fmax(moved_pct, lost);
}

const char *sweep_foreign_allocator(const struct sweep *s)
{
    static const char *const names[] = {"jemalloc", "tcmalloc", "mimalloc", "ld-musl"};
    for (size_t i = 0; i < s->maps.list.n; i++) {
        const struct mapping *map = &s->maps.list.at[i];
        if (!(map->perms & MAP_EXEC) || !maps_is_file(&s->maps, map))
            continue;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strstr(path_base(maps_path(&s->maps, map)), names[k]))
                return names[k];
    }
    return NULL;
}

/* Which pages of a region begin a pool. */
static uint64_t read_region(struct sweep *s, uint64_t region)
{
    uint8_t heads[REGION_PAGES][POOL_HEADER];
    struct remote_span spans[REGION_PAGES];
    uint32_t n = REGION_BYTES / s->pool_bytes;
    uint64_t bits = 0;
    pagemap_read(&s->pages.pagemap, region, REGION_PAGES);
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (s->pages.pagemap.entries[i * (s->pool_bytes / PAGE_BYTES)] & PAGEMAP_PRESENT)
            spans[used++] = (struct remote_span){region + (uint64_t)i * s->pool_bytes, heads[i],
                                                 POOL_HEADER, false};
    remote_read_spans(s->pid, spans, used);
    for (size_t i = 0; i < used; i++)
        if (spans[i].ok && pool_block_size(s, spans[i].to))
            bits |= 1ull << ((spans[i].addr - region) / PAGE_BYTES);
    return bits;
}

bool sweep_is_pool(struct sweep *s, uint64_t addr)
{
    uint64_t region = addr & ~(uint64_t)(REGION_BYTES - 1);
    uint32_t i = map_get(&s->pool_regions, region);
    if (i == MAP_NONE) {
        i = (uint32_t)s->pool_bits.n;
        vec_push(&s->pool_bits, read_region(s, region));
        map_set(&s->pool_regions, region, i);
    }
    uint64_t pool = addr & ~(uint64_t)(s->pool_bytes - 1);
    return s->pool_bits.at[i] >> ((pool - region) / PAGE_BYTES) & 1;
}
