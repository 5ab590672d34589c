/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See footprints.h. */
#include "engine/footprints.h"

#include <stdlib.h>

#include "target/footprint.h"

void footprints_clear(struct footprints *f)
{
    vec_free(&f->read);
}

static bool was_read(const struct footprints *f, pid_t pid)
{
    for (size_t i = 0; i < f->read.n; i++)
        if (f->read.at[i] == pid)
            return true;
    return false;
}

/* At most 256 processes are watched: a square of that is nothing beside one reading. */
static size_t first_unread(const struct footprints *f, const struct footprint_process *processes,
                           size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!was_read(f, processes[i].pid))
            return i;
    return n;
}

bool footprints_due(struct footprints *f, const struct footprint_process *processes, size_t n,
                    uint64_t now_ns, size_t *which)
{
    if (!f->in_round) {
        if (n == 0 || now_ns < f->rest_until_ns ||
            (now_ns < f->next_ns && first_unread(f, processes, n) == n))
            return false;
        f->in_round = true;
        f->began_ns = now_ns;
        f->cost_ns = f->pss_bytes = f->heap_bytes = f->mappings = 0;
        f->pss_lacks = f->mappings_lack = false;
        vec_clear(&f->read);
    }
    *which = first_unread(f, processes, n);
    return *which < n;
}

void footprints_took(struct footprints *f, pid_t pid, uint64_t cost_ns)
{
    vec_push(&f->read, pid);
    f->cost_ns += cost_ns;
}

bool footprints_end(struct footprints *f, const struct footprint_process *processes, size_t n)
{
    if (!f->in_round || first_unread(f, processes, n) < n)
        return false;
    f->rest_until_ns = f->began_ns + FOOTPRINTS_REST * f->cost_ns;
    f->next_ns = f->began_ns + FOOTPRINTS_EVERY_NS;
    f->in_round = false;
    return true;
}

static void add_sums(const struct footprints *f, struct sink *sink, uint64_t now_ns)
{
    if (!f->pss_lacks)
        sink_metric(sink, METRIC_PSS, now_ns, (double)f->pss_bytes);
    if (f->mappings_lack)
        return;
    sink_metric(sink, METRIC_HEAP, now_ns, (double)f->heap_bytes);
    sink_metric(sink, METRIC_MAPPINGS, now_ns, (double)f->mappings);
}

void footprints_step(struct footprints *f, const struct footprint_process *processes, size_t n,
                     struct sink *sink, uint64_t now_ns)
{
    uint64_t from_ns = clock_thread_cpu_ns(), at_ns = from_ns;
    size_t which;
    while (at_ns - from_ns < FOOTPRINTS_STEP_NS &&
           footprints_due(f, processes, n, now_ns, &which)) {
        struct footprint one;
        const struct footprint_process *p = &processes[which];
        bool there = footprint_read(p->pid, p->rss_bytes, &one);
        uint64_t before_ns = at_ns;
        at_ns = clock_thread_cpu_ns();
        footprints_took(f, p->pid, at_ns - before_ns);
        if (!there)
            continue;
        f->pss_bytes += one.pss_bytes;
        f->heap_bytes += one.heap_bytes;
        f->mappings += one.mappings;
        f->pss_lacks = f->pss_lacks || !one.has_pss;
        f->mappings_lack = f->mappings_lack || !one.has_mappings;
    }
    if (footprints_end(f, processes, n))
        add_sums(f, sink, now_ns);
}
