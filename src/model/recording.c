/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See recording.h. Pure. */
#include "model/recording.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/alert_log.h"
#include "model/pool.h"

const struct recording_limits recording_default_limits = {
    .raw_ns = 600 * NS_PER_S,
    .second_ns = 2 * 3600 * NS_PER_S,
    .ten_ns = 24 * 3600 * NS_PER_S,
    /* 40 bytes each, and an eighth more: 6 MB, 5 MB, 3 MB and 3 MB at the most. */
    .runs_max = {128 * 1024, 112 * 1024, 64 * 1024, 64 * 1024},
};

struct recording *recording_new(uint64_t start_ns, int64_t start_wall_ns)
{
    struct recording *rec = xcalloc(1, sizeof *rec);
    dictionary_init(&rec->words);
    vec_add(&rec->incarnations);
    vec_add(&rec->threads);
    rec->start_ns = rec->end_ns = start_ns;
    rec->start_wall_ns = start_wall_ns;
    rec->limits = recording_default_limits;
    alert_log_init(rec);
    return rec;
}

void recording_free(struct recording *rec)
{
    if (!rec)
        return;
    dictionary_clear(&rec->words);
    vec_free(&rec->incarnations);
    vec_free(&rec->threads);
    vec_free(&rec->places);
    vec_free(&rec->frame_places);
    for (int l = 0; l < LEVEL_COUNT; l++) {
        vec_free(&rec->levels[l].ring);
        map_free(&rec->levels[l].index);
    }
    vec_free(&rec->open);
    for (int m = 0; m < METRIC_COUNT; m++)
        series_clear(&rec->total.series[m]);
    alert_log_clear(rec);
    map_free(&rec->states.idle);
    vec_free(&rec->marks);
    census_list_clear(&rec->censuses);
    growth_looks_clear(&rec->growth);
    free(rec);
}

/* A vector that owns memory of its own, with the same elements. */
#define vec_dup(v)                                                                                 \
    do {                                                                                           \
        size_t vec_n_ = (v)->n;                                                                    \
        void *vec_from_ = (v)->at;                                                                 \
        (v)->at = NULL;                                                                            \
        (v)->n = (v)->cap = 0;                                                                     \
        vec_append((v), vec_from_, vec_n_);                                                        \
    } while (0)

struct recording *recording_copy(const struct recording *from)
{
    struct recording *rec = xmalloc(sizeof *rec);
    *rec = *from;
    dictionary_copy(&rec->words, &from->words);
    vec_dup(&rec->incarnations);
    vec_dup(&rec->threads);
    vec_dup(&rec->places);
    vec_dup(&rec->frame_places);
    for (int l = 0; l < LEVEL_COUNT; l++) {
        vec_dup(&rec->levels[l].ring);
        rec->levels[l].index = (struct map){0};
    }
    vec_dup(&rec->open);
    for (int m = 0; m < METRIC_COUNT; m++)
        series_copy(&rec->total.series[m], &from->total.series[m]);
    vec_dup(&rec->rules);
    vec_dup(&rec->alert_states);
    memset(&rec->states, 0, sizeof rec->states);
    vec_dup(&rec->alerts);
    vec_dup(&rec->marks);
    census_list_copy(&rec->censuses, &from->censuses);
    growth_looks_copy(&rec->growth, &from->growth);
    return rec;
}

struct incarnation_id recording_target(const struct recording *rec)
{
    struct incarnation_id found = {rec->incarnations.n > 1 ? 1 : 0};
    for (uint32_t i = 2; i < rec->incarnations.n; i++)
        if (rec->incarnations.at[i].pid == rec->incarnations.at[found.n].pid)
            found.n = i;
    return found;
}

static void note_time(struct recording *rec, uint64_t time_ns)
{
    if (time_ns > rec->end_ns)
        rec->end_ns = time_ns;
    rec->version++;
}

struct incarnation_id recording_add_incarnation(struct recording *rec, struct incarnation in)
{
    struct incarnation_id id = {(uint32_t)rec->incarnations.n};
    vec_push(&rec->incarnations, in);
    note_time(rec, in.from_ns);
    return id;
}

struct thread_id recording_add_thread(struct recording *rec, struct thread t)
{
    struct thread_id id = {(uint32_t)rec->threads.n};
    vec_push(&rec->threads, t);
    if (!t.tid)
        rec->incarnations.at[t.incarnation.n].pooled = id;
    note_time(rec, t.from_ns);
    return id;
}

static struct run_ring *ring_push(struct recording *rec, int level, const struct run *run)
{
    struct run_ring *r = &rec->levels[level];
    vec_push(&r->ring, *run);
    r->closed++;
    return r;
}

void run_ring_pop(struct run_ring *r)
{
    r->first++;
    /* Often enough that little memory is lost to it: seven runs moved for each one that goes. */
    if (r->first > 1024 && r->first > r->ring.n / 8) {
        memmove(r->ring.at, r->ring.at + r->first, (r->ring.n - r->first) * sizeof *r->ring.at);
        r->ring.n -= r->first;
        r->first = 0;
    }
}

static void close_open_run(struct recording *rec, struct thread_id id)
{
    if (id.n >= rec->open.n || !rec->open.at[id.n].ticks)
        return;
    ring_push(rec, LEVEL_RAW, &rec->open.at[id.n]);
    rec->open.at[id.n].ticks = 0;
}

void recording_end_thread(struct recording *rec, struct thread_id id, uint64_t time_ns)
{
    close_open_run(rec, id);
    rec->threads.at[id.n].to_ns = time_ns;
    note_time(rec, time_ns);
}

void recording_end_incarnation(struct recording *rec, struct incarnation_id id, uint64_t time_ns,
                               bool exec)
{
    struct incarnation *in = &rec->incarnations.at[id.n];
    in->to_ns = time_ns;
    in->exec = exec;
    for (uint32_t t = 1; t < rec->threads.n; t++)
        if (rec->threads.at[t].incarnation.n == id.n && !rec->threads.at[t].to_ns)
            recording_end_thread(rec, (struct thread_id){t}, time_ns);
    note_time(rec, time_ns);
}

/* A longer silence than this between two observations is a gap and not the same run. */
#define RUN_GAP_NS (200 * NS_PER_MS)

void recording_add_run(struct recording *rec, const struct run *run)
{
    while (rec->open.n <= run->thread.n)
        vec_add(&rec->open);
    struct run *open = &rec->open.at[run->thread.n];
    uint64_t end_ns = open->from_ns + open->weight_ns;
    if (open->ticks && run_same_but_time(open, run) && run->from_ns <= end_ns + RUN_GAP_NS) {
        open->ticks += run->ticks;
        open->weight_ns += run->weight_ns;
    } else {
        close_open_run(rec, run->thread);
        rec->open.at[run->thread.n] = *run;
    }
    note_time(rec, run->from_ns + run->weight_ns);
}

void recording_restore_run(struct recording *rec, enum run_level level, const struct run *run)
{
    ring_push(rec, level, run);
    note_time(rec, run->from_ns + run->weight_ns);
}

uint64_t level_slice_ns(int level)
{
    static const uint64_t slice_ns[LEVEL_COUNT + 1] = {
        [LEVEL_SECOND] = NS_PER_S, [LEVEL_TEN] = 10 * NS_PER_S, [LEVEL_POOLED] = POOL_SLICE_NS};
    return slice_ns[level];
}

uint64_t run_end_ns(const struct run *run, int level)
{
    uint64_t slice = level_slice_ns(level);
    if (level == LEVEL_POOLED)
        return run->from_ns - run->from_ns % slice + slice;
    return run->from_ns + (run->weight_ns < slice ? slice : run->weight_ns);
}

uint64_t run_overlap_ns(const struct run *run, int level, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t run_end = run_end_ns(run, level);
    uint64_t begin = run->from_ns > from_ns ? run->from_ns : from_ns;
    uint64_t end = run_end < to_ns ? run_end : to_ns;
    if (begin >= end)
        return 0;
    if (end - begin == run_end - run->from_ns)
        return run->weight_ns;
    return (uint64_t)((double)run->weight_ns * (double)(end - begin) /
                      (double)(run_end - run->from_ns));
}

bool run_cut(struct run *run, int level, uint64_t from_ns)
{
    uint64_t end_ns = run_end_ns(run, level);
    bool over = end_ns <= from_ns;
    if (run->from_ns >= from_ns)
        return true;
    if (!over && level != LEVEL_POOLED && run->weight_ns < level_slice_ns(level))
        return true;
    uint64_t left_ns = over                    ? 0
                       : level == LEVEL_POOLED ? run_overlap_ns(run, level, from_ns, end_ns)
                                               : end_ns - from_ns;
    if (run->weight_ns)
        run->ticks = (uint32_t)((double)run->ticks * (double)left_ns / (double)run->weight_ns);
    if (!run->ticks)
        run->ticks = 1;
    run->from_ns = from_ns;
    run->weight_ns = left_ns;
    return !over;
}

/* Adds a run to a sliced level: to the like-minded run of its slice, if there is one. */
static void fold_into(struct recording *rec, int level, struct run run)
{
    uint64_t slice = level_slice_ns(level);
    if (run.weight_ns >= slice) {
        ring_push(rec, level, &run);
        return;
    }
    struct run_ring *r = &rec->levels[level];
    if (run.from_ns > rec->start_ns)
        run.from_ns -= (run.from_ns - rec->start_ns) % slice;
    uint64_t key = hash_mix(run_content_key(&run), run.from_ns);
    size_t at = 0;
    uint32_t sequence;
    while ((sequence = map_probe(&r->index, key, &at)) != MAP_NONE) {
        uint32_t back = (uint32_t)r->closed - sequence; /* 1: the newest */
        if (back == 0 || back > r->ring.n - r->first)
            continue;
        struct run *have = &r->ring.at[r->ring.n - back];
        /* Never beyond the slice: what is fuller than it would count as a run of its own. */
        if (have->from_ns == run.from_ns && run_same_but_time(have, &run) &&
            have->weight_ns + run.weight_ns < slice) {
            have->weight_ns += run.weight_ns;
            have->ticks += run.ticks;
            return;
        }
    }
    if (r->index.n > 4096)
        map_clear(&r->index); /* only the newest slices are worth finding */
    map_add(&r->index, key, (uint32_t)r->closed);
    ring_push(rec, level, &run);
}

static uint64_t end_of(const struct run *run)
{
    return run->from_ns + run->weight_ns;
}

void recording_thin(struct recording *rec, uint64_t now_ns)
{
    const uint64_t reach[LEVEL_POOLED] = {rec->limits.raw_ns, rec->limits.second_ns,
                                          rec->limits.ten_ns};
    uint64_t over_ns = now_ns > rec->limits.ten_ns ? now_ns - rec->limits.ten_ns : 0;
    for (int level = 0; level < LEVEL_POOLED; level++) {
        struct run_ring *r = &rec->levels[level];
        bool moved = false;
        while (r->first < r->ring.n) {
            bool full = r->ring.n - r->first > rec->limits.runs_max[level];
            const struct run oldest = r->ring.at[r->first];
            if (!full && end_of(&oldest) + reach[level] > now_ns)
                break;
            bool outlived = end_of(&oldest) <= over_ns;
            if (!outlived && level == LEVEL_TEN)
                pool_add(rec, &oldest, over_ns);
            else if (!outlived)
                fold_into(rec, level + 1, oldest);
            run_ring_pop(r);
            moved = true;
        }
        if (moved)
            rec->version++;
    }
    pool_thin(rec, over_ns);
}

void recording_add_metric(struct recording *rec, enum metric metric, uint64_t time_ns, double value)
{
    series_add(&rec->total.series[metric], time_ns, value);
    note_time(rec, time_ns);
    alert_log_feed(rec, metric, time_ns, value);
}

void recording_add_mark(struct recording *rec, uint64_t time_ns, enum mark_kind kind,
                        const char *text)
{
    struct mark mark = {time_ns, kind, dictionary_string(&rec->words, text)};
    vec_push(&rec->marks, mark);
    note_time(rec, time_ns);
}

void recording_resolve(struct recording *rec, struct frame_id frame, const struct place *places,
                       size_t n)
{
    while (rec->frame_places.n <= frame.n)
        vec_add(&rec->frame_places);
    struct frame_places *fp = &rec->frame_places.at[frame.n];
    if (fp->n < n) { /* what stood there before stays behind unused until the next collection */
        fp->first = (uint32_t)rec->places.n;
        vec_append(&rec->places, places, n);
    } else {
        memcpy(rec->places.at + fp->first, places, n * sizeof *places);
    }
    fp->n = (uint32_t)n;
    rec->places_version++;
    rec->version++;
}

size_t recording_places(const struct recording *rec, struct frame_id frame,
                        const struct place **places)
{
    const struct frame *f = frame_at(&rec->words, frame);
    if (frame_is_native(f) && frame.n < rec->frame_places.n) {
        const struct frame_places *fp = &rec->frame_places.at[frame.n];
        if (fp->n) {
            *places = rec->places.at + fp->first;
            return fp->n;
        }
    }
    *places = &f->place; /* a native frame's is the stand-in that its maker gave it */
    return 1;
}

size_t recording_run_count(const struct recording *rec, int level)
{
    if (level == LEVEL_COUNT)
        return rec->open.n;
    return rec->levels[level].ring.n - rec->levels[level].first;
}

const struct run *recording_run_at(const struct recording *rec, int level, size_t i)
{
    if (level == LEVEL_COUNT)
        return &rec->open.at[i];
    return &rec->levels[level].ring.at[rec->levels[level].first + i];
}
