/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool.h. Pure. */
#include "model/pool.h"

#include <stdlib.h>
#include <string.h>

/* So many runs are gathered before they are put in order; until then what is alike is found by an
 * index. As many as differ in a slice of a busy program, or they would be there several times. */
#define TAIL_MAX 12000
/* A level that has reached its limit is made smaller by this part of it, so as not to be thinned
 * for each run that comes; in one call only as far as some thousand runs of work get. What is
 * beyond the limit by another part does not wait for the next. */
#define SPARE_PART  32
#define WORK_MAX    4096
#define EXCESS_PART 16

static uint64_t slice_of(const struct run *run)
{
    return run->from_ns / POOL_SLICE_NS;
}

/* The thread that stands for all of a process. It has ended, so it goes with its last run. */
static struct thread_id pooled_thread(struct recording *rec, struct thread_id of, uint64_t end_ns)
{
    struct incarnation_id in = rec->threads.at[of.n].incarnation;
    struct thread_id id = rec->incarnations.at[in.n].pooled;
    if (!id.n) {
        struct thread t = {.incarnation = in,
                           .name = dictionary_string(&rec->words, "(all threads)"),
                           .from_ns = rec->incarnations.at[in.n].from_ns,
                           .to_ns = end_ns};
        id = recording_add_thread(rec, t);
    }
    struct thread *t = &rec->threads.at[id.n];
    if (t->to_ns < end_ns)
        t->to_ns = end_ns;
    return id;
}

/* ---- adding ---- */

static int by_slice(const void *x, const void *y)
{
    uint64_t a = slice_of(x), b = slice_of(y);
    return (a > b) - (a < b);
}

/* Puts what came since the last time where it belongs: from the end, and no further than needed. */
static void settle(struct run_ring *r)
{
    size_t to = r->ring.n, i = r->first + r->settled, k = to - i;
    struct run *at = r->ring.at, *tail = xmalloc((k + 1) * sizeof *tail);
    memcpy(tail, at + i, k * sizeof *tail);
    qsort(tail, k, sizeof *tail, by_slice);
    while (k > 0) {
        bool later = i > r->first && slice_of(&at[i - 1]) > slice_of(&tail[k - 1]);
        at[--to] = later ? at[--i] : tail[--k];
    }
    free(tail);
    r->settled = r->ring.n - r->first;
    map_clear(&r->index);
}

static void add_piece(struct recording *rec, const struct run *piece)
{
    struct run_ring *r = &rec->levels[LEVEL_POOLED];
    uint64_t key = hash_mix(run_content_key(piece), slice_of(piece));
    size_t at = 0;
    uint32_t sequence;
    while ((sequence = map_probe(&r->index, key, &at)) != MAP_NONE) {
        uint32_t back = (uint32_t)r->closed - sequence; /* 1: the newest */
        if (back == 0 || back > r->ring.n - r->first - r->settled)
            continue;
        struct run *have = &r->ring.at[r->ring.n - back];
        if (slice_of(have) == slice_of(piece) && run_same_but_time(have, piece)) {
            have->weight_ns += piece->weight_ns;
            have->ticks += piece->ticks;
            return;
        }
    }
    if (r->ring.n - r->first - r->settled >= TAIL_MAX)
        settle(r);
    map_add(&r->index, key, (uint32_t)r->closed);
    vec_push(&r->ring, *piece);
    r->closed++;
}

/* A slice cannot begin before the recording does, or a part of its time would be out of reach. */
static uint64_t slice_begin(const struct recording *rec, uint64_t time_ns)
{
    uint64_t begin_ns = time_ns - time_ns % POOL_SLICE_NS;
    return begin_ns < rec->start_ns && rec->start_ns <= time_ns ? rec->start_ns : begin_ns;
}

void pool_add(struct recording *rec, const struct run *run, uint64_t over_ns)
{
    uint64_t end_ns = run_end_ns(run, LEVEL_TEN);
    struct run piece = *run;
    piece.owner = 0;
    piece.thread = pooled_thread(rec, run->thread, end_ns);
    if (run->weight_ns < level_slice_ns(LEVEL_TEN)) {
        piece.from_ns = slice_begin(rec, run->from_ns);
        add_piece(rec, &piece);
        return;
    }
    uint64_t from_ns = run->from_ns > over_ns ? run->from_ns : over_ns;
    double ticks_per_ns = (double)run->ticks / (double)run->weight_ns, due = 0.5;
    while (from_ns < end_ns) {
        uint64_t to_ns = from_ns - from_ns % POOL_SLICE_NS + POOL_SLICE_NS;
        if (to_ns > end_ns)
            to_ns = end_ns;
        piece.from_ns = slice_begin(rec, from_ns);
        piece.weight_ns = to_ns - from_ns;
        due += ticks_per_ns * (double)piece.weight_ns;
        piece.ticks = due >= 1 ? (uint32_t)due : 1; /* without one it would not count */
        due -= piece.ticks;
        add_piece(rec, &piece);
        from_ns = to_ns;
    }
}

/* ---- thinning ---- */

/* A run of a slice that is being thinned, and where it stands among the others. */
struct item {
    uint64_t order;
    struct run run;
};

static uint16_t class_of(const struct run *run)
{
    return (uint16_t)(run->state << 8 | run->wait);
}

static int by_order(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    if (a->run.object.n != b->run.object.n)
        return a->run.object.n < b->run.object.n ? -1 : 1;
    return (a->run.flags > b->run.flags) - (a->run.flags < b->run.flags);
}

/* By stack: its place when the call tree is walked from the outermost frames down. To be freed. */
static uint32_t *tree_order(const struct dictionary *words)
{
    size_t n = words->stacks.n;
    uint32_t *size = xmalloc(n * sizeof *size), *next = xmalloc(n * sizeof *next);
    uint32_t *place = xcalloc(n, sizeof *place);
    for (size_t i = 0; i < n; i++)
        size[i] = 1;
    for (size_t i = n; i-- > 1;) /* a parent has the smaller number */
        size[words->stacks.at[i].parent.n] += size[i];
    next[0] = 1;
    for (size_t i = 1; i < n; i++) {
        uint32_t parent = words->stacks.at[i].parent.n;
        place[i] = next[parent];
        next[parent] += size[i];
        next[i] = place[i] + 1;
    }
    free(size);
    free(next);
    return place;
}

/* What is alike but for time becomes one: in a slice it may have been added at several times. */
static size_t join_alike(struct item *items, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct run *last = kept ? &items[kept - 1].run : NULL;
        if (last && run_same_but_time(last, &items[i].run)) {
            last->weight_ns += items[i].run.weight_ns;
            last->ticks += items[i].run.ticks;
        } else {
            items[kept++] = items[i];
        }
    }
    return kept;
}

/* How many runs join_neighbours() would leave. */
static size_t count_joined(const struct item *items, size_t n, uint64_t least_ns)
{
    size_t kept = 0;
    uint64_t joined_ns = 0;
    uint16_t class = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = items[i].run.weight_ns;
        if (joined_ns && class != class_of(&items[i].run)) {
            kept++;
            joined_ns = 0;
        }
        if (ns >= least_ns) {
            kept++;
            continue;
        }
        class = class_of(&items[i].run);
        joined_ns += ns;
        if (joined_ns >= least_ns) {
            kept++;
            joined_ns = 0;
        }
    }
    return kept + (joined_ns > 0);
}

/* Neighbours of the same state and wait, each smaller than least_ns, become runs of at least that.
 * Whose stack such a run has is chosen by chance, in proportion to their time. Returns how many are
 * left. */
static size_t join_neighbours(const struct item *items, size_t n, uint64_t least_ns,
                              struct run *out)
{
    size_t kept = 0;
    struct run joined = {0};
    for (size_t i = 0; i < n; i++) {
        const struct run *run = &items[i].run;
        if (joined.weight_ns && class_of(&joined) != class_of(run)) {
            out[kept++] = joined;
            joined = (struct run){0};
        }
        if (run->weight_ns >= least_ns) {
            out[kept++] = *run;
            continue;
        }
        uint64_t ns = joined.weight_ns + run->weight_ns;
        uint32_t ticks = joined.ticks + run->ticks;
        if (!joined.weight_ns || hash_mix(ns, i) % ns < run->weight_ns)
            joined = *run;
        joined.weight_ns = ns;
        joined.ticks = ticks;
        if (ns >= least_ns) {
            out[kept++] = joined;
            joined = (struct run){0};
        }
    }
    if (joined.weight_ns)
        out[kept++] = joined;
    return kept;
}

/* The smallest time for a run by which not more than `most` are left, or as near as that gets. */
static uint64_t least_for(const struct item *items, size_t n, size_t most)
{
    uint64_t low = 0, high = 1;
    for (size_t i = 0; i < n; i++)
        high += items[i].run.weight_ns;
    while (high - low > 1 + low / 64) {
        uint64_t middle = low + (high - low) / 2;
        if (count_joined(items, n, middle) > most)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Makes the n runs of a slice a quarter fewer, in place; how many they are now. */
static size_t thin_slice(const uint32_t *place, struct run *runs, size_t n)
{
    size_t most = n - n / 4;
    struct item *items = xmalloc(n * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        const struct run *run = &runs[i];
        items[i].order = (uint64_t)class_of(run) << 52 | (uint64_t)(run->thread.n & 0xfffff) << 32 |
                         place[run->stack.n];
        items[i].run = *run;
    }
    qsort(items, n, sizeof *items, by_order);
    n = join_alike(items, n);
    uint64_t least_ns = n > most ? least_for(items, n, most) : 0;
    n = join_neighbours(items, n, least_ns, runs);
    free(items);
    return n;
}

/* The runs of a slice, by their place in the ring. */
struct slice {
    size_t begin, n;
};

static int by_size(const void *x, const void *y)
{
    const struct slice *a = x, *b = y;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return a->begin < b->begin ? -1 : 1;
}

static int by_begin(const void *x, const void *y)
{
    const struct slice *a = x, *b = y;
    return a->begin < b->begin ? -1 : 1;
}

/* The largest slices, as many as have to be thinned to get rid of `excess` runs, but not more than
 * are soon done; in their order. To be freed. */
static struct slice *largest_slices(const struct run_ring *r, size_t excess, size_t *n)
{
    VEC(struct slice) slices = {0};
    const struct run *at = r->ring.at;
    for (size_t i = r->first; i < r->ring.n; i++) {
        if (!slices.n || slice_of(&at[i]) != slice_of(&at[i - 1]))
            vec_push(&slices, ((struct slice){i, 0}));
        vec_last(&slices)->n++;
    }
    vec_sort(&slices, by_size);
    size_t work = 0;
    for (*n = 0; *n < slices.n && work < 4 * excess && work < WORK_MAX; ++*n)
        work += slices.at[*n].n;
    qsort(slices.at, *n, sizeof *slices.at, by_begin);
    return slices.at;
}

static size_t count(const struct run_ring *r)
{
    return r->ring.n - r->first;
}

/* false: nothing became smaller. */
static bool thin_some(struct recording *rec, size_t excess)
{
    struct run_ring *r = &rec->levels[LEVEL_POOLED];
    size_t n, had = count(r);
    settle(r);
    struct slice *slices = largest_slices(r, excess, &n);
    uint32_t *place = tree_order(&rec->words);
    size_t to = n ? slices[0].begin : r->ring.n; /* what was before it has moved there */
    for (size_t i = 0; i < n; i++) {
        struct run *runs = r->ring.at + slices[i].begin;
        size_t left = thin_slice(place, runs, slices[i].n), end = slices[i].begin + slices[i].n;
        size_t next = i + 1 < n ? slices[i + 1].begin : r->ring.n;
        memmove(r->ring.at + to, runs, left * sizeof *runs);
        to += left;
        memmove(r->ring.at + to, r->ring.at + end, (next - end) * sizeof *runs);
        to += next - end;
    }
    free(place);
    free(slices);
    r->ring.n = to;
    r->settled = count(r);
    return count(r) < had;
}

static void forget_oldest(struct run_ring *r)
{
    if (r->settled)
        r->settled--;
    run_ring_pop(r);
}

void pool_thin(struct recording *rec, uint64_t over_ns)
{
    struct run_ring *r = &rec->levels[LEVEL_POOLED];
    size_t most = rec->limits.runs_max[LEVEL_POOLED], had = count(r);
    size_t goal = most - most / SPARE_PART;
    while (count(r) && run_end_ns(&r->ring.at[r->first], LEVEL_POOLED) <= over_ns)
        forget_oldest(r);
    bool shrinks = count(r) > most && thin_some(rec, count(r) - goal);
    while (shrinks && count(r) > most + most / EXCESS_PART)
        shrinks = thin_some(rec, count(r) - goal);
    while (!shrinks && count(r) > most) { /* each slice has one run of each state and wait */
        forget_oldest(r);
        r->dropped++;
    }
    if (count(r) != had)
        rec->version++;
}
