/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording over time: a line a metric with its scale, the alerts, marks and spikes on an axis,
 * and the window that the other screens show drawn over all of them. Pure.
 */
#ifndef VIEW_DRAW_TIME_H
#define VIEW_DRAW_TIME_H

#include "model/window.h"
#include "view/grid.h"
#include "view/spikes.h"

struct time_look {
    struct window all, shown;    /* the stretch drawn, the window within it */
    size_t top;                  /* the first metric drawn */
    size_t selected;             /* the metric that the cursor is on; SIZE_MAX: none */
    bool held;                   /* the window was put there, and is not what is recorded now */
    const struct spikes *spikes; /* of the selected metric; may be NULL */
};

/* The metrics that have something to show, in the order of their lines; returns how many. */
size_t time_metrics(enum metric out[METRIC_COUNT], const struct recording *rec);

/* The columns of a chart over time. */
struct strip {
    int at, width;
    struct window all;
};
/* Of the lines' charts, on a screen of this width. */
struct strip time_strip(int columns, struct window all);

/* Returns how many metrics have something to show. */
size_t draw_time(struct grid *g, int row, int height, const struct recording *rec,
                 const struct time_look *look);

/* The column, from 0, that a moment falls into; -1 if it is before the chart, width if behind. */
int strip_column(const struct strip *s, uint64_t time_ns);
/* The columns that a window touches, within the chart; false: none. */
bool strip_part(const struct strip *s, struct window w, int *from, int *to);
/* When a column begins. */
uint64_t strip_time_ns(const struct strip *s, int column);
/* Two lines below a chart: the window within it, alerts (!), marks (|), OOM kills (X) and, where
 * nothing else stands, changes of the sampling rate (.); and times of the clock. */
void draw_time_axis(struct grid *g, int row, const struct recording *rec, const struct strip *s,
                    struct window shown);

/* A ^ on the axis for each spike, where nothing else stands; spikes may be NULL. */
void draw_time_spikes(struct grid *g, int row, const struct strip *s, const struct spikes *spikes);

/* HH:MM:SS in the local time of a moment of the recording. */
const char *wall_clock(char *out, const struct recording *rec, uint64_t time_ns);

#endif
