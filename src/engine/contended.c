/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See contended.h. */
#include "engine/contended.h"

#include <math.h>

/* Counters that go back, or are not whose they were, have not moved. */
static double since(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

static double pct_of(double part, double whole)
{
    return whole > 0 ? fmin(100 * part / whole, 100) : 0;
}

static const struct throttle_level *level_by_key(const struct contention *c, uint64_t key)
{
    for (uint32_t i = 0; i < c->n_levels; i++)
        if (c->levels[i].key == key)
            return &c->levels[i];
    return NULL;
}

/* The level that throttled most counts: what stands by one stands by all below it. The kernel adds
 * up over CPUs, so the sum is shared out among as many as the target wanted at once. */
static void add_throttling(struct contended *c, const struct contention *now, double dt_ns,
                           double cores, struct sink *sink, uint64_t now_ns)
{
    double most_ns = 0, quota = now->quota_cpus;
    for (uint32_t i = 0; i < now->n_levels; i++) {
        const struct throttle_level *level = &now->levels[i];
        const struct throttle_level *was = level_by_key(&c->last, level->key);
        double ns = was ? since(level->throttled_ns, was->throttled_ns) : 0;
        if (ns > most_ns) {
            most_ns = ns;
            if (level->quota_cpus > 0)
                quota = level->quota_cpus;
        }
    }
    c->throttles = c->throttles || quota > 0;
    if (quota > 0)
        sink_metric(sink, METRIC_QUOTA, now_ns, quota);
    if (c->throttles)
        sink_metric(sink, METRIC_THROTTLED_PCT, now_ns,
                    pct_of(most_ns / dt_ns, fmax(1, cores + most_ns / dt_ns)));
}

static void add_pressure(const struct contended *c, const struct contention *now, double dt_ns,
                         struct sink *sink, uint64_t now_ns)
{
    static const enum metric of[PRESSURE_COUNT] = {[PRESSURE_CPU] = METRIC_CPU_PRESSURE,
                                                   [PRESSURE_IO] = METRIC_IO_PRESSURE,
                                                   [PRESSURE_MEMORY] = METRIC_MEMORY_PRESSURE};
    for (int p = 0; p < PRESSURE_COUNT; p++) {
        const struct stall *s = &now->stalls[p], *was = &c->last.stalls[p];
        if (s->known && was->known && s->key == was->key)
            sink_metric(sink, of[p], now_ns, pct_of(since(s->some_ns, was->some_ns), dt_ns));
    }
}

static void add_machine(const struct contended *c, const struct contention *now, double cores,
                        struct sink *sink, uint64_t now_ns)
{
    const struct machine_cpu *m = &now->machine, *was = &c->last.machine;
    if (!m->known || !was->known || m->total_ticks <= was->total_ticks)
        return;
    double total = since(m->total_ticks, was->total_ticks);
    double busy = pct_of(since(m->busy_ticks, was->busy_ticks), total);
    sink_metric(sink, METRIC_NEIGHBOURS_PCT, now_ns, fmax(0, busy - pct_of(cores, m->cpus)));
    if (m->has_steal && was->has_steal)
        sink_metric(sink, METRIC_STEAL_PCT, now_ns,
                    pct_of(since(m->steal_ticks, was->steal_ticks), total));
}

void contended_add(struct contended *c, const struct contention *now, double dt_ns, double cores,
                   struct sink *sink, uint64_t now_ns)
{
    if (c->has_last && dt_ns > 0) {
        add_throttling(c, now, dt_ns, cores, sink, now_ns);
        add_pressure(c, now, dt_ns, sink, now_ns);
        add_machine(c, now, cores, sink, now_ns);
    }
    c->last = *now;
    c->has_last = true;
}
