/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ring_span.h. */
#include "session/ring_span.h"

#include <stdlib.h>

#include "base/clock.h"
#include "model/forget.h"

/* The newest incarnation of the target, living ones first; 0: there is none. */
static struct incarnation_id newest_of(const struct recording *rec, pid_t pid)
{
    struct incarnation_id found = {0};
    for (uint32_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        bool better = !in->to_ns || !found.n || rec->incarnations.at[found.n].to_ns;
        if (in->pid == pid && better)
            found.n = i;
    }
    return found;
}

/* The first incarnation of the process that the newest is of: it may have executed others since. */
static struct incarnation_id first_of(const struct recording *rec, struct incarnation_id newest)
{
    const struct incarnation *last = &rec->incarnations.at[newest.n];
    for (uint32_t i = 1; i < newest.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        if (in->pid == last->pid && in->start_ticks == last->start_ticks)
            return (struct incarnation_id){i};
    }
    return newest;
}

static void forget_incarnations(const struct ring_parts *parts)
{
    struct recording *rec = parts->rec;
    struct incarnation_id target = newest_of(rec, parts->target);
    if (!target.n)
        return;
    uint32_t *renumbered = xcalloc(rec->incarnations.n, sizeof *renumbered);
    recording_collect_incarnations(rec, first_of(rec, target), renumbered);
    batch_reader_renumber_incarnations(parts->reader, renumbered);
    if (parts->censuses)
        censuses_renumber(parts->censuses, renumbered);
    growing_renumber(parts->growing, renumbered);
    free(renumbered);
}

void ring_span_cut(struct recording *rec, uint64_t span_ns)
{
    uint64_t start_ns = rec->end_ns > span_ns ? rec->end_ns - span_ns : 0;
    if (start_ns > rec->start_ns) {
        /* From now back: the clock may have been set since the recording began. */
        uint64_t now_ns = clock_mono_ns();
        recording_forget(rec, start_ns, clock_wall_ns() - (int64_t)(now_ns - start_ns));
    }
}

void ring_span_forget(const struct ring_parts *parts, uint64_t span_ns)
{
    ring_span_cut(parts->rec, span_ns);
    forget_incarnations(parts);
}

bool ring_span_lives(const struct recording *rec, pid_t pid)
{
    struct incarnation_id newest = newest_of(rec, pid);
    return newest.n && !rec->incarnations.at[newest.n].to_ns;
}

void ring_span_add_cost(struct cost *cost, const struct cost *before)
{
    cost->ticks += before->ticks;
    cost->late_ticks += before->late_ticks;
    cost->samples += before->samples;
    cost->lost += before->lost;
    cost->torn += before->torn;
    cost->stops += before->stops;
    cost->stopped_ns += before->stopped_ns;
    cost->rewound += before->rewound;
    cost->slow_stops += before->slow_stops;
    cost->long_stops += before->long_stops;
}
