/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a series went over a window: its level, its scatter, and the slope that it has had lately
 * with an interval that tells how sure that is.
 *
 * The slope is the median of the slopes between all pairs of points (Theil, Sen), which single
 * outliers do not move; the interval comes from how the pairs' slopes are ordered (Sen 1968, by
 * Kendall's S), widened for points that follow one another instead of scattering. If the newer half
 * of the window does not agree with the whole, it alone is looked at, and so on: a warm-up that has
 * levelled off has no slope, and a leak that has begun just now does. Pure.
 */
#ifndef VIEW_SERIES_PATTERN_H
#define VIEW_SERIES_PATTERN_H

#include "model/metric.h"
#include "model/window.h"

/* Points that a slope is made of: older ones are put together to so many. */
#define PATTERN_POINTS 48
/* Fewer points than this say nothing of a slope. */
#define PATTERN_LEAST 8

struct series_pattern {
    size_t points;           /* in the window; 0: nothing below is known */
    uint64_t last_ns;        /* when the newest one was read */
    double now, peak;        /* peak: of single points, also those that were thinned */
    double baseline;         /* it was higher for nine tenths of the time */
    double volatility;       /* standard deviation about the straight line through it */
    bool has_slope;          /* false: too few points */
    double slope, low, high; /* a second; the interval holds it in 95 of 100 cases */
    uint64_t held_from_ns;   /* since when it has gone on like this */
};

void series_pattern_find(struct series_pattern *pattern, const struct series *series,
                         struct window window);

/* Whether it is at least this steep, up or down, and surely not level. */
bool series_pattern_moves(const struct series_pattern *pattern, double least_per_s);

#endif
