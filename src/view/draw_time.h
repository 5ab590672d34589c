/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording over time: a line a metric with its scale, the alerts and marks on an axis, and
 * the window that the other screens show. Pure.
 */
#ifndef VIEW_DRAW_TIME_H
#define VIEW_DRAW_TIME_H

#include "model/window.h"
#include "view/grid.h"

struct time_look {
    struct window all, shown; /* the stretch drawn, the window within it */
    size_t top;               /* the first metric drawn */
};

/* Returns how many metrics have something to show. */
size_t draw_time(struct grid *g, int row, int height, const struct recording *rec,
                 const struct time_look *look);

/* The columns of a chart over time. */
struct strip {
    int at, width;
    struct window all;
};
/* The column, from 0, that a moment falls into; -1 if it is before the chart, width if behind. */
int strip_column(const struct strip *s, uint64_t time_ns);
/* Two lines below a chart: the window within it, alerts (!), marks (|) and OOM kills (X); and times
 * of the clock. */
void draw_time_axis(struct grid *g, int row, const struct recording *rec, const struct strip *s,
                    struct window shown);

/* HH:MM:SS in the local time of a moment of the recording. */
const char *wall_clock(char *out, const struct recording *rec, uint64_t time_ns);

#endif
