/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See cut.h. */
#include "model/cut.h"

#include <stdlib.h>

#include "base/clock.h"
#include "model/collect.h"
#include "model/wall.h"

static void cut_runs(struct recording *rec, uint64_t from_ns)
{
    for (int level = 0; level < LEVEL_COUNT; level++) {
        struct run_ring *r = &rec->levels[level];
        size_t kept = 0;
        for (size_t i = r->first; i < r->ring.n; i++) {
            struct run run = r->ring.at[i];
            if (run_cut(&run, level, from_ns))
                r->ring.at[kept++] = run;
        }
        r->ring.n = kept;
        r->first = r->settled = 0;
        map_clear(&r->index);
    }
    for (size_t i = 0; i < rec->open.n; i++)
        if (rec->open.at[i].ticks && !run_cut(&rec->open.at[i], LEVEL_COUNT, from_ns))
            rec->open.at[i].ticks = 0;
}

static void cut_series(struct series *s, uint64_t from_ns)
{
    struct series kept = {0};
    size_t n = series_count(s);
    for (size_t i = 0; i < n; i++) {
        const struct point *next = i + 1 < n ? series_at(s, i + 1) : NULL;
        struct point p = *series_at(s, i);
        bool last_before = !next || next->time_ns > from_ns;
        if (p.time_ns >= from_ns || last_before)
            series_restore(&kept, p);
    }
    series_clear(s);
    *s = kept;
}

static void cut_marks(struct recording *rec, uint64_t from_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < rec->marks.n; i++)
        if (rec->marks.at[i].time_ns >= from_ns)
            rec->marks.at[kept++] = rec->marks.at[i];
    rec->marks.n = kept;
}

static bool census_stays(const struct recording *rec, const struct census *census, uint64_t from_ns)
{
    return census->time_ns >= from_ns ||
           recording_census(rec, census->incarnation, from_ns) == census;
}

static void cut_censuses(struct recording *rec, uint64_t from_ns)
{
    struct census_list kept = {0};
    for (size_t i = 0; i < rec->censuses.list.n; i++)
        if (census_stays(rec, &rec->censuses.list.at[i], from_ns))
            vec_push(&kept.list, rec->censuses.list.at[i]);
    for (size_t i = 0, k = 0; i < rec->censuses.list.n; i++) {
        struct census *census = &rec->censuses.list.at[i];
        if (k < kept.list.n && kept.list.at[k].number == census->number) {
            k++; /* its rows have moved */
            continue;
        }
        vec_free(&census->rows);
        vec_free(&census->containers);
    }
    vec_free(&rec->censuses.list);
    rec->censuses.list.at = kept.list.at;
    rec->censuses.list.n = kept.list.n;
    rec->censuses.list.cap = kept.list.cap;
}

void recording_cut(struct recording *rec, uint64_t from_ns)
{
    rec->start_wall_ns = wall_of_time(rec, from_ns); /* while what the machine slept is there */
    cut_runs(rec, from_ns);
    for (int m = 0; m < METRIC_COUNT; m++)
        cut_series(&rec->total.series[m], from_ns);
    cut_marks(rec, from_ns);
    cut_censuses(rec, from_ns);
    rec->start_ns = from_ns;
    uint32_t *renumbered = xcalloc(rec->threads.n, sizeof *renumbered);
    recording_collect_threads(rec, renumbered);
    free(renumbered);
    recording_collect(rec);
}

uint64_t recording_cut_from(const struct recording *rec, uint64_t time_ns)
{
    uint64_t coarsest_ns = level_slice_ns(LEVEL_TEN);
    if (time_ns <= rec->start_ns)
        return rec->start_ns;
    return time_ns - (time_ns - rec->start_ns) % coarsest_ns;
}
