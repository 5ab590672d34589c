/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spikes of a metric: where it rose far above its usual level and came back.
 *
 * The rule: a value is an outlier that is over the median of all points by SPIKES_MADS times their
 * scatter (the median absolute deviation, scaled to a standard deviation) and by a floor, so that a
 * metric which hardly moves has none. A stretch of outliers is a spike if the metric was at its
 * usual level before and after it: a step that stays, and a beginning that was high, are none.
 * What is the case for half of the time is the usual level. Pure.
 */
#ifndef VIEW_SPIKES_H
#define VIEW_SPIKES_H

#include "model/window.h"

#define SPIKES_MADS 6.0

struct spike {
    struct window window; /* from the last usual point before it to its own last one */
    double top;           /* its highest value */
};

struct spikes {
    VEC(struct spike) at; /* in the order of time */
    double usual, least;  /* the median, and from what value on it is a spike; NAN: no points */
};

/* O(points x log points): 3,000 points take half a millisecond. Empties what was there before. */
void spikes_find(struct spikes *spikes, const struct series *s, enum metric metric);
void spikes_clear(struct spikes *spikes); /* frees */
/* The first that begins after a moment, the last that begins before it; NULL if there is none. */
const struct spike *spikes_after(const struct spikes *spikes, uint64_t time_ns);
const struct spike *spikes_before(const struct spikes *spikes, uint64_t time_ns);

#endif
