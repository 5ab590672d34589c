/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chart of a metric over time, or of several stacked on one another: its scale, a limit, the
 * peak, a window and a cursor drawn over it. The axis below is draw_time_axis(). Pure.
 */
#ifndef VIEW_DRAW_CHART_H
#define VIEW_DRAW_CHART_H

#include "view/draw_figure.h"
#include "view/draw_time.h"

#define CHART_LAYERS 4

struct chart_of {
    size_t n; /* more than one: stacked, from the foot */
    enum metric metric[CHART_LAYERS];
};

struct chart_look {
    double limit;       /* drawn where the metric has come near it; 0: none */
    uint64_t cursor_ns; /* 0: none */
    struct window held; /* a window to mark; empty: none */
};

/* Where a chart's columns are on a screen of this width: what is left of them is its scale. */
struct strip chart_strip(int columns, struct window window);
void draw_chart(struct grid *g, int row, int height, const struct recording *rec,
                const struct chart_of *of, const struct strip *s, const struct chart_look *look);
/* The sign of a layer, for a legend. */
void chart_layer_sign(struct grid *g, int row, int column, size_t layer);

#endif
