/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walking the blocks of the heaps that malloc_heap.c found. One pass, by address: a block is free
 * if the next one says so (PREV_INUSE), if its second word says that it is in a thread's cache, or
 * if its first word links it to another block of its size in a fastbin. The last is decided at the
 * end, when all that may be such links are known: walking the lists themselves would be
 * slow, and they move.
 *
 * Invariant: `window` holds the target's bytes [from, to), `at` never goes back. Where no block can
 * be made out, the next place is looked for from which several follow one another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "native/malloc_mapped.h"
#include "native/malloc_state.h"
#include "native/malloc_walk.h"
#include "target/remote.h"

#define RESYNC_BLOCKS  6u         /* so many must follow one another */
#define RESYNC_LARGEST (1u << 20) /* the first of them: a code pointer may look like a size */
#define LINKS_MAX      (2u << 20) /* blocks that may be in a fastbin: 48 MB */
#define LOST_SHARE     500u       /* of the heap: less is not worth a warning */
#define SAMPLES_MAX    4096u

struct malloc_walk *malloc_walk_new(struct malloc_heap *heap, const struct malloc_visitor *visitor,
                                    struct malloc_sums *sums)
{
    struct malloc_walk *w = xcalloc(1, sizeof *w);
    w->heap = heap;
    w->visitor = visitor;
    w->sums = sums;
    w->window = xmalloc(MALLOC_WINDOW);
    w->began_ns = clock_mono_ns();
    w->sample_step = 16;
    resident_open(&w->pages, heap->pid);
    return w;
}

void malloc_walk_free(struct malloc_walk *w)
{
    resident_close(&w->pages);
    vec_free(&w->links);
    vec_free(&w->samples);
    map_free(&w->caches);
    free(w->window);
    free(w);
}

void malloc_walk_cut(struct malloc_walk *w, const char *why)
{
    if (!w->sums->cut)
        snprintf(w->sums->why, sizeof w->sums->why, "%s", why);
    w->sums->cut = true;
}

/* Whether to go on; asked once a window. */
bool malloc_walk_goes_on(struct malloc_walk *w)
{
    const struct heap_limits *limits = w->visitor->limits;
    if (w->ended)
        return false;
    if (!limits)
        return true;
    int permille = w->work_bytes ? (int)(w->done_bytes * 1000 / w->work_bytes) : 0;
    if (limits->stop && limits->stop(limits->context, permille > 999 ? 999 : permille))
        malloc_walk_cut(w, "it was stopped before its end");
    else if (limits->read_bytes_max && w->pages.read_bytes >= limits->read_bytes_max)
        malloc_walk_cut(w, "there is more memory than may be read in one look");
    else if (limits->duration_ns_max && clock_mono_ns() - w->began_ns >= limits->duration_ns_max)
        malloc_walk_cut(w, "it took longer than a look may take");
    else
        return true;
    w->ended = true;
    return false;
}

/* Makes [at, at + size) readable in the window, if end allows. */
bool malloc_walk_need(struct malloc_walk *w, uint64_t at, uint64_t size, uint64_t end)
{
    if (at >= w->from && at + size <= w->to)
        return true;
    if (at + size > end || size > MALLOC_WINDOW - RESIDENT_PAGE)
        return false;
    if (!malloc_walk_goes_on(w))
        return false;
    w->from = at & ~(uint64_t)(RESIDENT_PAGE - 1);
    w->to = end - w->from < MALLOC_WINDOW ? end : w->from + MALLOC_WINDOW;
    w->tried = true;
    if (resident_read(&w->pages, w->from, w->window, (size_t)(w->to - w->from)))
        w->alive = true;
    return true;
}

static uint64_t word(const struct malloc_walk *w, uint64_t at)
{
    return word_at(w->window + (at - w->from));
}

/* The page of an address in the window was not read though there is something. */
static bool in_hole(const struct malloc_walk *w, uint64_t at)
{
    uint8_t state = w->pages.state[(at - w->from) / RESIDENT_PAGE];
    return w->pages.holes && (state == RESIDENT_SWAPPED || state == RESIDENT_GONE);
}

static bool sane(uint64_t head, uint64_t at, uint64_t end)
{
    uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;
    return size >= CHUNK_MIN && !(size & 15) && !(head & CHUNK_MAPPED) && size <= end - at;
}

/* Several blocks follow one another from at on. */
bool malloc_walk_follows(struct malloc_walk *w, uint64_t at, uint64_t end)
{
    uint64_t before = 0;
    for (unsigned i = 0; i < RESYNC_BLOCKS; i++) {
        if (at == end)
            return i > 0;
        if (at + CHUNK_HEADER > end || at + CHUNK_HEADER > w->to || at < w->from)
            return i > 1;
        uint64_t head = word(w, at + 8);
        if (!sane(head, at, end)) /* an end that malloc put there, or a stretch's last page's */
            return i > 1 &&
                   ((head & ~(uint64_t)CHUNK_FLAGS) == CHUNK_HEADER || !(at % RESIDENT_PAGE));
        uint64_t size = head & ~(uint64_t)CHUNK_FLAGS;
        if (!i && size > RESYNC_LARGEST && at + size != end)
            return false;
        if (i && !(head & CHUNK_PREV_IN_USE) && word(w, at) != before)
            return false;
        before = size;
        at += size;
    }
    return true;
}

/* The next place from at on where blocks follow one another; end if there is none. */
static uint64_t resync(struct malloc_walk *w, uint64_t at, uint64_t end)
{
    at = (at + 15) & ~15ull;
    while (at + CHUNK_MIN <= end) {
        if (!malloc_walk_need(w, at, CHUNK_MIN, end))
            return end;
        /* So that those that follow are in the window, too. */
        if (w->to < end && w->to - at < MALLOC_WINDOW / 4 && at - w->from > MALLOC_WINDOW / 4) {
            w->to = w->from;
            continue;
        }
        if (w->pages.state[(at - w->from) / RESIDENT_PAGE] != RESIDENT_READ)
            at = (at | (RESIDENT_PAGE - 1)) + 1;
        else if (malloc_walk_follows(w, at, end))
            return at;
        else
            at += 16;
    }
    return end;
}

/* Asks a few blocks again at the end: has it changed what they are? */
static void sample(struct malloc_walk *w, uint64_t at, uint64_t head, bool in_use)
{
    if (++w->sample_count & (w->sample_step - 1)) /* a power of two */
        return;
    if (w->samples.n == SAMPLES_MAX) {
        for (size_t i = 0; i < SAMPLES_MAX / 2; i++)
            w->samples.at[i] = w->samples.at[i * 2];
        w->samples.n = SAMPLES_MAX / 2;
        w->sample_step *= 2;
    }
    struct malloc_sample s = {at, head & ~(uint64_t)CHUNK_FLAGS, in_use};
    vec_push(&w->samples, s);
}

/* Whether the second word marks a block as one in a thread's cache. */
static bool is_cached(struct malloc_walk *w, uint64_t second)
{
    if (w->heap->key_kind == MALLOC_KEY_RANDOM)
        return second == w->heap->key;
    if (w->heap->key_kind != MALLOC_KEY_POINTER || (second & 15) || second < CHUNK_HEADER ||
        !malloc_segment_at(w->heap, second))
        return false;
    uint32_t known = map_get(&w->caches, second);
    if (known == MAP_NONE) {
        uint64_t head = 0;
        bool is = w->caches.n < MALLOC_CACHES_MAX &&
                  remote_read(w->heap->pid, second - 8, &head, sizeof head);
        head &= ~(uint64_t)CHUNK_FLAGS;
        known = is && (head == 0x290 || head == 0x250);
        if (w->caches.n < MALLOC_CACHES_MAX)
            map_set(&w->caches, second, known);
    }
    return known;
}

/* It may be in a fastbin: those of that size are not empty, and the first word links as there. */
static bool may_be_linked(const struct malloc_walk *w, const struct malloc_arena *arena,
                          uint64_t at, uint64_t size, uint64_t first, uint64_t *target)
{
    if (size > FASTBIN_CHUNK_MAX || !arena->fastbins[size / 16 - 2])
        return false;
    *target = malloc_link(w->heap, at + CHUNK_HEADER, first);
    if (!*target)
        return !w->heap->plain_links || arena->fastbins[size / 16 - 2] == at;
    return !(*target & 15) && malloc_segment_at(w->heap, *target);
}

void malloc_walk_visit(struct malloc_walk *w, uint64_t at, uint64_t size, const uint8_t *bytes,
                       uint64_t copied, bool mapped)
{
    struct malloc_block b = {
        .addr = at + CHUNK_HEADER,
        .usable_size = mapped ? size - CHUNK_HEADER : size - 8,
        .chunk_size = size,
        .bytes = bytes,
        .mapped = mapped,
    };
    b.copied_size = copied < b.usable_size ? copied : b.usable_size;
    w->sums->blocks++;
    if (mapped)
        w->sums->mapped_bytes += size;
    else
        w->sums->used_bytes += size;
    if (!w->visitor->block(w->visitor->context, &b))
        w->ended = true;
}

/* A block that its neighbour takes for one in use. */
static void take(struct malloc_walk *w, const struct malloc_arena *arena, uint64_t at,
                 uint64_t size, uint64_t end)
{
    uint64_t usable = size - 8, target;
    uint64_t most = w->visitor->whole ? MALLOC_WHOLE_BYTES : MALLOC_HEAD_BYTES;
    if (!malloc_walk_need(w, at, CHUNK_HEADER + (usable < most ? usable : most), end) &&
        !malloc_walk_need(w, at, CHUNK_MIN, end))
        return;
    bool cached = is_cached(w, word(w, at + 24));
    if (!cached && may_be_linked(w, arena, at, size, word(w, at + 16), &target)) {
        if (w->links.n == LINKS_MAX)
            malloc_walk_cut(w, "too many blocks look like free ones");
        struct malloc_linked l = {at, size, target};
        if (w->links.n < LINKS_MAX)
            vec_push(&w->links, l);
        return;
    }
    sample(w, at, size, !cached);
    if (cached)
        w->sums->free_bytes += size;
    else
        malloc_walk_visit(w, at, size, w->window + (at + CHUNK_HEADER - w->from),
                          w->to - at - CHUNK_HEADER, false);
}

/* The second word of the block behind; 0 if it cannot be read. */
static uint64_t head_behind(struct malloc_walk *w, uint64_t at, uint64_t size, uint64_t end)
{
    uint64_t next = at + size, head = 0;
    if (next + CHUNK_HEADER <= w->to ||
        (size < MALLOC_WINDOW / 2 && malloc_walk_need(w, at, size + CHUNK_HEADER, end)))
        return in_hole(w, next + 8) ? CHUNK_MIN | CHUNK_PREV_IN_USE : word(w, next + 8);
    if (!resident_has(&w->pages, next))
        return CHUNK_MIN | CHUNK_PREV_IN_USE; /* swapped out: taken for in use */
    if (!remote_read(w->heap->pid, next + 8, &head, sizeof head))
        return 0;
    w->pages.read_bytes += sizeof head;
    return head;
}

/* Nothing sane at `at`: finds where blocks go on. What is lost is said, but not what somebody else
 * took with brk(2): malloc then puts two blocks of 16 bytes before it. */
static uint64_t go_on(struct malloc_walk *w, uint64_t at, uint64_t end)
{
    uint64_t head = word(w, at + 8) & ~(uint64_t)CHUNK_FLAGS;
    bool fence = head == CHUNK_HEADER && !in_hole(w, at + 8);
    uint64_t next = resync(w, fence ? at + 2 * CHUNK_HEADER : at + 16, end);
    if (!fence)
        w->sums->lost_bytes += next - at;
    return next;
}

uint64_t malloc_walk_segment(struct malloc_walk *w, const struct malloc_segment *s)
{
    const struct malloc_arena *arena = &w->heap->arenas.at[s->arena];
    uint64_t end = s->end, at = s->exact ? s->start : resync(w, s->start, end);
    while (at + CHUNK_MIN <= end && !w->ended) {
        if (!malloc_walk_need(w, at, CHUNK_MIN, end))
            break;
        uint64_t head = word(w, at + 8), size = head & ~(uint64_t)CHUNK_FLAGS;
        if (in_hole(w, at + 8)) {
            w->passed_holes = true;
            at = resync(w, (at | (RESIDENT_PAGE - 1)) + 1, end);
            continue;
        }
        if (!sane(head, at, end)) {
            bool fence = size == CHUNK_HEADER || (at == s->start && !size);
            if (fence && (s->arena || s->stops_at_fence))
                return at + 2 * CHUNK_HEADER;
            if (w->finding)
                return at;
            at = go_on(w, at, end);
            continue;
        }
        uint64_t behind = at == arena->top || at + size == end ? 0 : head_behind(w, at, size, end);
        if (at == arena->top || at + size + CHUNK_HEADER > end) {
            w->sums->free_bytes += size;
            if (s->stops_at_fence)
                return at + size;
        } else if (!(behind & ~(uint64_t)CHUNK_FLAGS) && size > RESYNC_LARGEST) {
            w->sums->lost_bytes += 16; /* a size that leads nowhere */
            at = resync(w, at + 16, end);
            continue;
        } else if (behind & CHUNK_PREV_IN_USE) {
            take(w, arena, at, size, end);
        } else {
            sample(w, at, size, false);
            w->sums->free_bytes += size;
        }
        at += size;
    }
    return at;
}

/* Whether a block of that size at addr may be in a fastbin. links are by address. */
static bool is_link(const struct malloc_walk *w, uint64_t addr, uint64_t size)
{
    size_t n = sorted_upto(w->links.at, w->links.n, at, addr);
    return n && w->links.at[n - 1].at == addr && w->links.at[n - 1].size == size;
}

static int by_address(const void *a, const void *b)
{
    const struct malloc_linked *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

#define BATCH 256

/* Blocks that turned out to be in use are read once more, and visited. */
static void visit_again(struct malloc_walk *w, const struct malloc_linked *found, size_t n)
{
    static const size_t room = FASTBIN_CHUNK_MAX;
    struct remote_span spans[BATCH];
    uint8_t *bytes = xcalloc(n, room);
    for (size_t i = 0; i < n; i++)
        spans[i] = (struct remote_span){found[i].at + CHUNK_HEADER, bytes + i * room,
                                        (size_t)found[i].size - 8, false};
    remote_read_spans(w->heap->pid, spans, n);
    for (size_t i = 0; i < n && !w->ended; i++)
        malloc_walk_visit(w, found[i].at, found[i].size, bytes + i * room, room, false);
    free(bytes);
}

static void walk_links(struct malloc_walk *w)
{
    struct malloc_linked again[BATCH];
    size_t n = 0;
    vec_sort(&w->links, by_address);
    for (size_t i = 0; i < w->links.n; i++) {
        const struct malloc_linked *l = &w->links.at[i];
        if (!l->target || w->heap->plain_links || is_link(w, l->target, l->size)) {
            w->sums->free_bytes += l->size;
            continue;
        }
        again[n++] = *l;
        if (n == BATCH) {
            visit_again(w, again, n);
            n = 0;
        }
    }
    visit_again(w, again, n);
    vec_clear(&w->links);
}

/* Looks at the samples once more: what share has another size or state. */
static void compare_samples(struct malloc_walk *w)
{
    uint64_t words[BATCH][3], behind[BATCH];
    struct remote_span spans[BATCH * 2];
    size_t moved = 0;
    for (size_t done = 0; done < w->samples.n; done += BATCH) {
        const struct malloc_sample *all = w->samples.at + done;
        size_t n = w->samples.n - done < BATCH ? w->samples.n - done : BATCH;
        for (size_t i = 0; i < n; i++) {
            spans[i * 2] = (struct remote_span){all[i].at + 8, words[i], sizeof words[i], false};
            spans[i * 2 + 1] = (struct remote_span){all[i].at + all[i].size + 8, &behind[i],
                                                    sizeof behind[i], false};
        }
        remote_read_spans(w->heap->pid, spans, n * 2);
        for (size_t i = 0; i < n; i++) {
            bool in_use = spans[i * 2].ok && spans[i * 2 + 1].ok &&
                          (behind[i] & CHUNK_PREV_IN_USE) && !is_cached(w, words[i][2]);
            moved += !spans[i * 2].ok || (words[i][0] & ~(uint64_t)CHUNK_FLAGS) != all[i].size ||
                     in_use != all[i].in_use;
        }
    }
    w->sums->moved_pct = w->samples.n ? 100.0 * (double)moved / (double)w->samples.n : 0;
}

static void walk_all(struct malloc_walk *w)
{
    struct malloc_heap *heap = w->heap;
    for (size_t i = 0; i < heap->segments.n && !w->ended; i++) {
        uint64_t size = heap->segments.at[i].end - heap->segments.at[i].start;
        w->sums->heap_bytes += size;
        malloc_walk_segment(w, &heap->segments.at[i]);
        w->done_bytes += size;
    }
    malloc_walk_mapped(w);
    walk_links(w);
}

bool malloc_heap_walk(struct malloc_heap *heap, const struct malloc_visitor *visitor,
                      struct malloc_sums *sums, struct err *err)
{
    memset(sums, 0, sizeof *sums);
    struct malloc_walk *w = malloc_walk_new(heap, visitor, sums);
    for (size_t i = 0; i < heap->segments.n; i++)
        w->work_bytes += heap->segments.at[i].end - heap->segments.at[i].start;
    walk_all(w);
    compare_samples(w);
    sums->read_bytes = w->pages.read_bytes;
    sums->swapped_bytes = w->pages.swapped_bytes;
    if (heap->main_missing)
        malloc_walk_cut(w, "not all of the main heap could be found");
    if (heap->ring_broken)
        malloc_walk_cut(w, "not all arenas of malloc could be found: they are changing or broken");
    if (w->passed_holes || sums->swapped_bytes)
        malloc_walk_cut(w, "some of the heap is swapped out or was unmapped meanwhile");
    /* A few at a moment's change are no more than what moves elsewhere; what is swapped out has not
     * moved. */
    uint64_t swapped = sums->swapped_bytes;
    uint64_t lost = sums->lost_bytes > swapped ? sums->lost_bytes - swapped : 0;
    if (sums->heap_bytes)
        sums->moved_pct += 100.0 * (double)lost / (double)sums->heap_bytes;
    if (lost > sums->heap_bytes / LOST_SHARE)
        malloc_walk_cut(w, "in some of the heap no blocks could be made out");
    bool alive = w->alive || !w->tried || sums->swapped_bytes;
    malloc_walk_free(w);
    return alive ||
           err_set(err, "the memory of process %d cannot be read: it has ended", (int)heap->pid);
}
