/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Memory screen: the pattern in words, a chart over the window with its scale, limit, peak,
 * marks and a cursor, and below it a table. Where a window is held, the chart is over the whole
 * recording, and the window drawn over it. Pure.
 */
#ifndef VIEW_DRAW_MEMORY_H
#define VIEW_DRAW_MEMORY_H

#include "view/draw_table.h"
#include "view/memory_pattern.h"

/* What the chart shows: charts with nothing to show are passed over by memory_chart_next. */
enum memory_chart {
    MEMORY_CHART_RSS,
    MEMORY_CHART_KINDS, /* anonymous, mapped files, shared, swapped: stacked */
    MEMORY_CHART_PSS,
    MEMORY_CHART_HEAP,
    MEMORY_CHART_SWAP,
    MEMORY_CHART_LIMIT, /* used by the control group that has the limit */
    MEMORY_CHART_COUNT
};

struct memory_look {
    struct window window;                 /* what the chart is of */
    const struct memory_pattern *pattern; /* of that window, or of the one held */
    enum memory_chart chart;
    uint64_t cursor_ns;              /* 0: none */
    const struct table *table;       /* below the chart */
    const struct table_look *scroll; /* of it */
    struct window held;              /* selected within the chart's; empty: none is */
};

void draw_memory(struct grid *g, int row, int height, const struct recording *rec,
                 const struct memory_look *look);

/* How many rows of the table (its head not counted) are shown on a screen of this size. */
int memory_table_rows(int columns, int height);
/* How much time a step of the cursor is: a column of the chart. */
uint64_t memory_cursor_step_ns(int columns, struct window window);
enum memory_chart memory_chart_next(const struct recording *rec, enum memory_chart chart);

#endif
