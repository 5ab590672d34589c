/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See spikes.h. Pure. */
#include "view/spikes.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

/* Fewer points than this have no usual level. */
#define POINTS_MIN 5
/* The median absolute deviation of a normal distribution is this part of its standard deviation. */
#define MAD_PER_SIGMA 0.6745
/* A point of a rate is of the time since the one before, of so much at the most. */
#define POINT_NS (2 * NS_PER_S)

/* What it must rise by at least, by its unit, and of its usual level. */
static double floor_of(enum metric metric, double usual)
{
    double part = fabs(usual) / 4;
    switch (metrics[metric].unit) {
    case UNIT_PCT:
        return 8;
    case UNIT_CORES:
        return fmax(0.15, part);
    case UNIT_BYTES:
        return fmax(4 << 20, fabs(usual) / 20);
    case UNIT_BYTES_PER_S:
        return fmax(1 << 20, part);
    case UNIT_COUNT:
        return fmax(2, part);
    case UNIT_PER_S:
        return fmax(10, part);
    default: /* seconds */
        return fmax(0.05, part);
    }
}

static int smaller(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, smaller);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Of a bucket of thinned points what was highest: a short burst would vanish in its mean. */
static double value_of(const struct point *p)
{
    return p->count > 1 ? p->max : p->mean;
}

static void find_level(struct spikes *spikes, const struct series *s, enum metric metric)
{
    size_t n = series_count(s);
    double *values = xcalloc(n, sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = value_of(series_at(s, i));
    spikes->usual = median(values, n);
    for (size_t i = 0; i < n; i++)
        values[i] = fabs(values[i] - spikes->usual);
    double sigma = median(values, n) / MAD_PER_SIGMA;
    spikes->least = spikes->usual + fmax(SPIKES_MADS * sigma, floor_of(metric, spikes->usual));
    free(values);
}

/* When what a point tells began: after the point before, which told what was until then. */
static uint64_t point_from_ns(const struct series *s, size_t i)
{
    const struct point *p = series_at(s, i), *before = i ? series_at(s, i - 1) : NULL;
    if (p->count > 1 || !before)
        return p->time_ns;
    uint64_t least = p->time_ns > POINT_NS ? p->time_ns - POINT_NS : 0;
    return (before->time_ns > least ? before->time_ns : least) + 1;
}

/* And ended: the point itself is in the window. */
static uint64_t point_to_ns(const struct series *s, size_t i)
{
    const struct point *p = series_at(s, i);
    return p->count > 1 && i + 1 < series_count(s) ? series_at(s, i + 1)->time_ns : p->time_ns + 1;
}

void spikes_find(struct spikes *spikes, const struct series *s, enum metric metric)
{
    size_t n = series_count(s);
    vec_clear(&spikes->at);
    spikes->usual = spikes->least = NAN;
    if (n < POINTS_MIN)
        return;
    find_level(spikes, s, metric);
    bool usual_before = false; /* it was at its usual level before this stretch */
    for (size_t i = 0; i < n;) {
        if (value_of(series_at(s, i)) < spikes->least) {
            usual_before = true;
            i++;
            continue;
        }
        /* To its end: one point below is no end, if the next is over it again. */
        size_t last = i;
        struct spike spike = {.window.from_ns = point_from_ns(s, i), .top = -INFINITY};
        for (size_t k = i; k < n && k <= last + 2; k++)
            if (value_of(series_at(s, k)) >= spikes->least) {
                spike.top = fmax(spike.top, value_of(series_at(s, k)));
                last = k;
            }
        spike.window.to_ns = point_to_ns(s, last);
        bool back = last + 1 < n;
        if (usual_before && back && spike.window.to_ns > spike.window.from_ns)
            vec_push(&spikes->at, spike);
        i = last + 1;
    }
}

void spikes_clear(struct spikes *spikes)
{
    vec_free(&spikes->at);
}

const struct spike *spikes_after(const struct spikes *spikes, uint64_t time_ns)
{
    for (size_t i = 0; i < spikes->at.n; i++)
        if (spikes->at.at[i].window.from_ns > time_ns)
            return &spikes->at.at[i];
    return NULL;
}

const struct spike *spikes_before(const struct spikes *spikes, uint64_t time_ns)
{
    for (size_t i = spikes->at.n; i-- > 0;)
        if (spikes->at.at[i].window.from_ns < time_ns)
            return &spikes->at.at[i];
    return NULL;
}
