/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wall.h. Pure. */
#include "model/wall.h"

/* The i-th sleep, in order: when it ended, and how long it was (several, where they were thinned).
 * false: there is none. */
static bool sleep_at(const struct recording *rec, size_t i, uint64_t *end_ns, int64_t *length_ns)
{
    const struct series *s = &rec->total.series[METRIC_SLEPT];
    if (i >= series_count(s))
        return false;
    const struct point *p = series_at(s, i);
    *end_ns = p->time_ns;
    /* One that ended before the recording began is in the clock that was read then. */
    *length_ns =
        p->time_ns > rec->start_ns ? (int64_t)((double)p->mean * p->count * (double)NS_PER_S) : 0;
    return true;
}

int64_t wall_of_time(const struct recording *rec, uint64_t time_ns)
{
    int64_t wall_ns = rec->start_wall_ns + (int64_t)(time_ns - rec->start_ns), length_ns;
    uint64_t end_ns;
    for (size_t i = 0; sleep_at(rec, i, &end_ns, &length_ns) && end_ns <= time_ns; i++)
        wall_ns += length_ns;
    return wall_ns;
}

int64_t wall_to_since_start(const struct recording *rec, int64_t wall_ns)
{
    int64_t since_ns = wall_ns - rec->start_wall_ns, length_ns;
    uint64_t end_ns;
    for (size_t i = 0; sleep_at(rec, i, &end_ns, &length_ns); i++) {
        int64_t end_since_ns = (int64_t)(end_ns - rec->start_ns);
        if (since_ns < end_since_ns)
            break;
        since_ns = since_ns - length_ns > end_since_ns ? since_ns - length_ns : end_since_ns;
    }
    return since_ns;
}
