/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory_pattern.h. */
#include "view/memory_pattern.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

const char *memory_trend_name(enum memory_trend trend)
{
    switch (trend) {
    case MEMORY_INCREASING:
        return "increasing";
    case MEMORY_DECREASING:
        return "decreasing";
    case MEMORY_STABLE:
        break;
    }
    return "stable";
}

static double level_at(const struct recording *rec, enum metric metric, uint64_t to_ns, double none)
{
    const struct point *p = to_ns ? series_find(&rec->total.series[metric], to_ns - 1) : NULL;
    return p ? p->mean : none;
}

/* What limits it at the window's end, and what is left then. */
static void find_limit(struct memory_pattern *p, const struct recording *rec, struct window w)
{
    double limit = level_at(rec, METRIC_LIMIT, w.to_ns, 0);
    double used = level_at(rec, METRIC_LIMIT_USED, w.to_ns, NAN);
    p->system_total = level_at(rec, METRIC_SYSTEM, w.to_ns, 0);
    p->system_available = level_at(rec, METRIC_AVAILABLE, w.to_ns, 0);
    p->by_cgroup = limit > 0;
    p->limit = p->by_cgroup ? limit : p->system_total;
    if (p->by_cgroup && !isnan(used))
        p->left = fmax(limit - used, 0);
    else if (!p->by_cgroup && p->system_available > 0)
        p->left = p->system_available;
    if (p->limit > 0 || rec->memory_limit == 0)
        return;
    /* A recording from before these were kept. */
    double pct = level_at(rec, METRIC_MEMORY_PCT, w.to_ns, NAN);
    p->limit = (double)rec->memory_limit;
    if (!isnan(pct))
        p->left = p->limit * fmax(100 - pct, 0) / 100;
}

void memory_pattern_find(struct memory_pattern *p, const struct recording *rec, struct window w)
{
    struct series_pattern used;
    *p = (struct memory_pattern){.left = NAN, .eta_s = NAN};
    series_pattern_find(&p->rss, &rec->total.series[METRIC_RSS], w);
    if (series_pattern_moves(&p->rss, MEMORY_STABLE_PER_S))
        p->trend = p->rss.slope > 0 ? MEMORY_INCREASING : MEMORY_DECREASING;
    find_limit(p, rec, w);
    if (p->by_cgroup)
        series_pattern_find(&used, &rec->total.series[METRIC_LIMIT_USED], w);
    else
        used = p->rss;
    p->growth = used.slope;
    p->growth_low = used.low;
    p->growth_high = used.high;
    if (used.has_slope && used.last_ns > used.held_from_ns)
        p->growth_held_s = (double)(used.last_ns - used.held_from_ns) / NS_PER_S;
    if (p->limit > 0 && used.slope > 0 && series_pattern_moves(&used, MEMORY_STABLE_PER_S))
        p->eta_s = p->left / used.slope;
}

static void say_slope(struct text *t, const struct series_pattern *p, bool ascii, uint64_t to_ns)
{
    char slope[FIGURE_MAX], half[FIGURE_MAX], held[FIGURE_MAX];
    if (!p->has_slope) {
        text_add(t, ", too new for a slope");
        return;
    }
    if (!series_pattern_moves(p, MEMORY_STABLE_PER_S)) {
        text_add(t, ", stable");
        return;
    }
    text_add(t, ", %s %s%s", figure_bytes_rate(slope, p->slope), ascii ? "+-" : "\302\261",
             figure_bytes(half, (p->high - p->low) / 2));
    if (to_ns > p->held_from_ns)
        text_add(t, " for %s", figure_duration(held, to_ns - p->held_from_ns));
}

void memory_pattern_say(char *out, size_t size, const struct memory_pattern *p, bool ascii,
                        uint64_t to_ns)
{
    struct text t = {out, size, 0, false};
    char figure[FIGURE_MAX];
    out[0] = '\0';
    if (!p->rss.points) {
        text_add(&t, "nothing is known of the memory in this window");
        return;
    }
    text_add(&t, "RSS %s", figure_bytes(figure, p->rss.now));
    say_slope(&t, &p->rss, ascii, to_ns);
    text_add(&t, ", peak %s", figure_bytes(figure, p->rss.peak));
    text_add(&t, ", baseline %s", figure_bytes(figure, p->rss.baseline));
    if (p->limit <= 0)
        return;
    text_add(&t, "; limit %s (%s)", figure_bytes(figure, p->limit),
             p->by_cgroup ? "cgroup" : "system");
    if (!isnan(p->eta_s))
        text_add(&t, ": in %s",
                 figure_duration(figure, (uint64_t)(fmin(p->eta_s, 1e9) * NS_PER_S)));
    else if (!isnan(p->left))
        text_add(&t, ": %s left", figure_bytes(figure, p->left));
}
