/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines that stand at the top of every screen: whose figures these are, CPU and memory as
 * meter, sparkline and words, and the two lines of alerts and verdicts. All of it is read from the
 * recording at one moment. What is not of now has the whole first line in its colour, and a window
 * stands in brackets on the sparklines, whose rest is grey. Pure.
 */
#ifndef VIEW_DRAW_HEADER_H
#define VIEW_DRAW_HEADER_H

#include "view/grid.h"
#include "view/table.h"

#define HEADER_ROWS  3
#define VERDICT_ROWS 2
#define LINK_LETTER  0x0300 /* of a verdict: + the key of the screen with its proof */

struct header {
    const struct recording *rec;
    const char *state; /* "LIVE", "PAUSED", "FILE mon.ptop", "WINDOW 14:02:10 +30s" */
    enum style state_style;
    uint64_t at_ns;      /* the moment that the figures are of */
    struct window spark; /* what the sparklines are of */
    struct window held;  /* a window to mark on them; empty: none */
    uint64_t ago_ns;     /* and how long ago it ended; 0: what is shown grows no more */
    double memory_top;   /* the scale of the memory's sparkline (header_memory_top) */
    bool say_memory_top; /* it has changed a moment ago: say so */
};

void draw_header(struct grid *g, int row, const struct header *h);
/* Where the sparklines are, in the second and the third line, on a screen of this width; width 0:
 * there is no room for them. */
void header_spark_place(int columns, int *at, int *width);

/* A scale that the memory sparkline of this stretch fits under, in bytes. */
double header_memory_top(const struct recording *rec, uint64_t from_ns, uint64_t to_ns);

/* What people call the target: the script of a Python process, else the command's name. */
void target_title(char *out, size_t size, const struct recording *rec);

/* The growth of memory over the minute before at_ns, bytes per second; 0 where it is stable or not
 * known (series_pattern.h). */
double memory_slope(const struct recording *rec, uint64_t at_ns);

/* The raised alerts, worst first, the hint if it is not "", then the summary view's verdicts:
 * VERDICT_ROWS lines at most, each with the letter of the screen that proves it. `letter` says a
 * view's letter, 0 for none. */
void draw_verdicts(struct grid *g, int row, const struct recording *rec,
                   const struct table *summary, const char *hint, char (*letter)(const char *view));

#endif
