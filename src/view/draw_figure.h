/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small drawings inside a line: meters and sparklines, in block characters or in ASCII. Pure.
 */
#ifndef VIEW_DRAW_FIGURE_H
#define VIEW_DRAW_FIGURE_H

#include "model/metric.h"
#include "view/grid.h"

/* "[|||||      31%]" in width columns; fraction is clamped to 0..1, label stands at its end. */
void draw_meter(struct grid *g, int row, int column, int width, double fraction, const char *label,
                enum style style);

/* One cell a value, scaled to 0..top; NAN draws nothing. A value that is not 0 shows as more than
 * nothing, and one over the top as full. */
void draw_sparkline(struct grid *g, int row, int column, const float *values, int n, double top,
                    enum style style);

/* The means of a series in n equal steps of [from, to): what draw_sparkline takes. Steps without a
 * point take the value before them, and are NAN before the first. */
void series_steps(float *out, int n, const struct series *s, uint64_t from_ns, uint64_t to_ns);

/* The next round figure at or over x: 1, 2 or 5 times a power of ten; of bytes a power of two. */
double scale_top(double x, bool bytes);

/* A bar of n signs, as in "######", in one style. */
void draw_bar(struct grid *g, int row, int column, int n, char sign, enum style style);

#endif
