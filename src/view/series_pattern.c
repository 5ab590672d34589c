/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See series_pattern.h. */
#include "view/series_pattern.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/vec.h"

/* 95 of 100, of a normal distribution. */
#define SURE 1.96

struct spot {
    double time_s, value, weight;
};

struct spots {
    struct spot at[PATTERN_POINTS];
    size_t n;
};

struct fit {
    double slope, low, high, level; /* level: where the line is at time 0 */
    bool sure;                      /* the interval has two ends */
};

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* A point that stands for many begins with the first of them: its mean is of their middle. */
static double middle_ns(const struct series *s, size_t i)
{
    const struct point *p = series_at(s, i), *next = series_at(s, i + 1);
    double at = (double)p->time_ns;
    if (p->count > 1 && next && next->time_ns > p->time_ns)
        at += (double)(next->time_ns - p->time_ns) * (p->count - 1) / (2.0 * p->count);
    return at;
}

static void add_to_spot(struct spot *spot, double time_s, double value, double weight)
{
    double all = spot->weight + weight;
    spot->time_s += (time_s - spot->time_s) * weight / all;
    spot->value += (value - spot->value) * weight / all;
    spot->weight = all;
}

/* The points of [from, to), put together to PATTERN_POINTS stretches of equal length. */
static void take_spots(struct spots *spots, const struct series *s, uint64_t from_ns,
                       uint64_t to_ns)
{
    size_t count = series_count(s), first = 0, n = 0;
    while (first < count && series_at(s, first)->time_ns < from_ns)
        first++;
    while (first + n < count && series_at(s, first + n)->time_ns < to_ns)
        n++;
    spots->n = 0;
    if (!n)
        return;
    double begin_ns = (double)from_ns;
    double span_ns = (double)series_at(s, first + n - 1)->time_ns - begin_ns + 1;
    long last = -1;
    for (size_t i = first; i < first + n; i++) {
        const struct point *p = series_at(s, i);
        double at_ns = middle_ns(s, i) - begin_ns;
        long part = n <= PATTERN_POINTS
                        ? (long)(i - first)
                        : (long)(((double)p->time_ns - begin_ns) / span_ns * PATTERN_POINTS);
        if (part != last && spots->n < PATTERN_POINTS)
            spots->at[spots->n++] = (struct spot){0, 0, 0};
        last = part;
        add_to_spot(&spots->at[spots->n - 1], at_ns / NS_PER_S, p->mean, p->count);
    }
}

/* How much fewer independent points there are than points: those that follow their neighbours tell
 * less (the first autocorrelation of what the line leaves over). 1: all are. */
static double dependence(const struct spot *at, size_t n, const struct fit *fit)
{
    double product = 0, square = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        double left = at[i].value - fit->level - fit->slope * at[i].time_s;
        if (i)
            product += left * before;
        square += left * left;
        before = left;
    }
    double r = square > 0 ? product / square : 0;
    if (r <= 0)
        return 1;
    if (r > 0.95)
        r = 0.95;
    return (1 + r) / (1 - r);
}

static bool fit_line(struct fit *fit, const struct spot *at, size_t n)
{
    static const size_t pairs_max = (size_t)PATTERN_POINTS * (PATTERN_POINTS - 1) / 2;
    double *slopes = xmalloc(pairs_max * sizeof *slopes), levels[PATTERN_POINTS];
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (at[j].time_s > at[i].time_s)
                slopes[pairs++] = (at[j].value - at[i].value) / (at[j].time_s - at[i].time_s);
    if (n < PATTERN_LEAST || !pairs) {
        free(slopes);
        return false;
    }
    qsort(slopes, pairs, sizeof *slopes, ascending);
    fit->slope = (slopes[(pairs - 1) / 2] + slopes[pairs / 2]) / 2;
    for (size_t i = 0; i < n; i++)
        levels[i] = at[i].value - fit->slope * at[i].time_s;
    qsort(levels, n, sizeof *levels, ascending);
    fit->level = (levels[(n - 1) / 2] + levels[n / 2]) / 2;
    double count = (double)n, all = (double)pairs;
    double wide = SURE * sqrt(count * (count - 1) * (2 * count + 5) / 18 * dependence(at, n, fit));
    double low = floor((all - wide) / 2), high = ceil((all + wide) / 2);
    fit->sure = low >= 0 && high <= all - 1;
    fit->low = slopes[low > 0 ? (size_t)low : 0];
    fit->high = slopes[high < all - 1 ? (size_t)high : pairs - 1];
    free(slopes);
    return true;
}

/* Either slope within the other's interval. */
static bool agree(const struct fit *whole, const struct fit *half)
{
    return (half->slope >= whole->low && half->slope <= whole->high && whole->sure) ||
           (whole->slope >= half->low && whole->slope <= half->high);
}

static void take_fit(struct series_pattern *p, const struct fit *fit, uint64_t from_ns)
{
    p->has_slope = true;
    p->slope = fit->slope;
    p->low = fit->sure ? fit->low : fmin(fit->low, 0);
    p->high = fit->sure ? fit->high : fmax(fit->high, 0);
    p->held_from_ns = from_ns;
}

/* A half that is not sure, since something changed within it, is passed over once: its own half may
 * be all of one piece. */
static void find_slope(struct series_pattern *p, const struct series *s, struct window w,
                       struct fit whole)
{
    struct spots spots;
    struct fit half;
    bool passed = false;
    take_fit(p, &whole, w.from_ns);
    for (;;) {
        w.from_ns += (w.to_ns - w.from_ns) / 2;
        take_spots(&spots, s, w.from_ns, w.to_ns);
        if (!fit_line(&half, spots.at, spots.n) || (passed && spots.n < 2 * PATTERN_LEAST))
            return;
        if (half.sure && agree(&whole, &half))
            return;
        if (half.sure) {
            whole = half;
            passed = false;
            take_fit(p, &whole, w.from_ns);
        } else if (passed) {
            return;
        } else {
            passed = true;
        }
    }
}

/* Of the points themselves, not of what they were put together to. */
static double scatter(const struct fit *fit, const struct series *s, struct window w)
{
    double sum = 0, square = 0, count = 0;
    for (size_t i = series_count(s); i-- > 0 && series_at(s, i)->time_ns >= w.from_ns;) {
        const struct point *p = series_at(s, i);
        if (p->time_ns >= w.to_ns)
            continue;
        double left =
            p->mean - fit->level - fit->slope * (middle_ns(s, i) - (double)w.from_ns) / NS_PER_S;
        sum += left * p->count;
        square += left * left * p->count;
        count += p->count;
    }
    return count > 0 ? sqrt(fmax(square / count - sum * sum / count / count, 0)) : 0;
}

static double low_level(const struct spots *spots)
{
    double values[PATTERN_POINTS];
    for (size_t i = 0; i < spots->n; i++)
        values[i] = spots->at[i].value;
    qsort(values, spots->n, sizeof *values, ascending);
    return values[(spots->n - 1) / 10];
}

void series_pattern_find(struct series_pattern *p, const struct series *s, struct window w)
{
    *p = (struct series_pattern){.points = 0};
    struct point sum = series_summary(s, w.from_ns, w.to_ns);
    const struct point *last = w.to_ns ? series_find(s, w.to_ns - 1) : NULL;
    if (!sum.count || !last)
        return;
    /* Where there are points: the recording may begin before them and go on behind. */
    if (w.from_ns < series_at(s, 0)->time_ns)
        w.from_ns = series_at(s, 0)->time_ns;
    if (w.to_ns > last->time_ns + 1)
        w.to_ns = last->time_ns + 1;
    struct spots spots;
    take_spots(&spots, s, w.from_ns, w.to_ns);
    p->points = sum.count;
    p->last_ns = last->time_ns;
    p->now = last->mean;
    p->peak = sum.max;
    p->baseline = low_level(&spots);
    struct fit whole = {.slope = 0, .level = spots.at[0].value};
    if (fit_line(&whole, spots.at, spots.n))
        find_slope(p, s, w, whole);
    p->volatility = scatter(&whole, s, w);
}

bool series_pattern_moves(const struct series_pattern *p, double least_per_s)
{
    return p->has_slope && fabs(p->slope) >= least_per_s && (p->low > 0 || p->high < 0);
}
