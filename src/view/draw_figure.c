/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_figure.h. */
#include "view/draw_figure.h"

#include <math.h>

void draw_meter(struct grid *g, int row, int column, int width, double fraction, const char *label,
                enum style style)
{
    int inside = width - 2;
    if (inside < 1)
        return;
    if (!(fraction > 0))
        fraction = 0;
    if (fraction > 1)
        fraction = 1;
    grid_char(g, row, column, STYLE_LABEL, '[');
    grid_fill(g, row, column + 1, inside, STYLE_NORMAL);
    int filled = (int)lround(fraction * inside);
    draw_bar(g, row, column + 1, filled, '|', style);
    grid_put_right(g, row, column + 1, inside, STYLE_NORMAL, label);
    grid_char(g, row, column + width - 1, STYLE_LABEL, ']');
}

void draw_sparkline(struct grid *g, int row, int column, const float *values, int n, double top,
                    enum style style)
{
    static const char ascii[] = "_.-:=+*#";
    for (int i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        double x = top > 0 ? values[i] / top : 0;
        int level = x >= 1 ? 7 : x > 0.125 ? (int)ceil(x * 8) - 1 : 0;
        grid_char(g, row, column + i, style,
                  g->ascii ? (uint32_t)ascii[level] : 0x2581u + (uint32_t)level);
    }
}

void series_steps(float *out, int n, const struct series *s, uint64_t from_ns, uint64_t to_ns)
{
    const struct point *before = series_find(s, from_ns);
    float last = before ? before->mean : NAN;
    uint64_t span = to_ns > from_ns ? to_ns - from_ns : 1;
    /* One walk over the points, not one a step: a series may hold 3,000. */
    size_t count = series_count(s), i = 0;
    while (i < count && series_at(s, i)->time_ns < from_ns)
        i++;
    for (int step = 0; step < n; step++) {
        uint64_t end = from_ns + (uint64_t)((double)span * (step + 1) / n);
        double sum = 0, weight = 0;
        for (; i < count && series_at(s, i)->time_ns < end; i++) {
            const struct point *p = series_at(s, i);
            sum += (double)p->mean * p->count;
            weight += p->count;
        }
        if (weight > 0)
            last = (float)(sum / weight);
        out[step] = last;
    }
}

double scale_top(double x, bool bytes)
{
    if (!(x > 0))
        return 1;
    if (bytes)
        return exp2(ceil(log2(x)));
    double power = pow(10, floor(log10(x)));
    double m = x / power;
    return power * (m <= 1.0001 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

void draw_bar(struct grid *g, int row, int column, int n, char sign, enum style style)
{
    for (int i = 0; i < n; i++)
        grid_char(g, row, column + i, style, (uint32_t)sign);
}
