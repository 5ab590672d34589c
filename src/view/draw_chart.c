/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_chart.h. Pure. */
#include "view/draw_chart.h"

#include <math.h>

#include "base/text.h"

#define SCALE     7 /* columns left of the chart */
#define CHART_MAX 512

/* A limit is drawn when the metric has come as near to it as this. */
#define LIMIT_NEAR 0.5

static const struct {
    uint32_t codepoint;
    char ascii;
    enum style style;
} layers[CHART_LAYERS] = {
    {0x2588, '#', STYLE_SPARK},
    {0x2593, '=', STYLE_BAR},
    {0x2592, '-', STYLE_LABEL},
    {0x2591, '.', STYLE_GREY},
};

void chart_layer_sign(struct grid *g, int row, int column, size_t layer)
{
    grid_char(g, row, column, layers[layer].style,
              g->ascii ? (uint32_t)layers[layer].ascii : layers[layer].codepoint);
}

struct strip chart_strip(int columns, struct window window)
{
    struct strip s = {SCALE + 1, columns - SCALE - 2, window};
    if (s.width > CHART_MAX)
        s.width = CHART_MAX;
    return s;
}

/* The chart's values and its scale. */
struct picture {
    const struct chart_of *of;
    float steps[CHART_LAYERS][CHART_MAX];
    double low, top; /* what its lowest and highest lines stand for */
    double limit;    /* 0: not drawn */
    int rows;
};

static bool is_bytes(const struct picture *p)
{
    enum metric_unit unit = metrics[p->of->metric[0]].unit;
    return unit == UNIT_BYTES || unit == UNIT_BYTES_PER_S;
}

/* A quarter of a power of two: 812M gives 896M. */
static double round_up(double x)
{
    if (!(x > 0))
        return 1;
    double step = exp2(floor(log2(x))) / 4;
    return ceil(x / step) * step;
}

static double sum_at(const struct picture *p, int column)
{
    double sum = NAN;
    for (size_t i = 0; i < p->of->n; i++)
        if (!isnan(p->steps[i][column]))
            sum = (isnan(sum) ? 0 : sum) + p->steps[i][column];
    return sum;
}

static void choose_scale(struct picture *p, int width, double limit)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < width; i++) {
        double sum = sum_at(p, i);
        if (isnan(sum))
            continue;
        least = fmin(least, sum);
        most = fmax(most, sum);
    }
    p->low = 0;
    p->limit = limit > 0 && most >= LIMIT_NEAR * limit ? limit : 0;
    p->top = is_bytes(p) ? round_up(fmax(most, p->limit)) : scale_top(most, false);
    /* What moves far above nothing would be a flat line: the scale then begins below it. */
    double range = most - least;
    if (is_bytes(p) && p->of->n == 1 && !p->limit && range > most / 1000 && range < most / 5) {
        double step = exp2(ceil(log2(range))) / 2;
        p->low = floor(least / step) * step;
        p->top = ceil(most / step) * step;
    }
}

static void draw_scale(struct grid *g, int row, const struct picture *p)
{
    char figure[FIGURE_MAX];
    for (int i = 0; i < p->rows; i++) {
        bool told = i == 0 || i == p->rows - 1 || (p->rows >= 7 && i == p->rows / 2);
        if (!told)
            continue;
        double value = i == p->rows - 1 ? p->low : p->top - (p->top - p->low) * i / p->rows;
        grid_put_right(g, row + i, 0, SCALE, STYLE_GREY,
                       metric_figure(figure, p->of->metric[0], value));
    }
}

/* One column, from its foot: whole cells of each layer, and an eighth part at the top. */
static void draw_column(struct grid *g, int row, int at, const struct picture *p, int column)
{
    static const char parts[] = "_.-:=+*#";
    double cells[CHART_LAYERS], sum = 0, height = sum_at(p, column);
    if (isnan(height) || p->top <= p->low)
        return;
    for (size_t i = 0; i < p->of->n; i++) {
        sum += isnan(p->steps[i][column]) ? 0 : p->steps[i][column];
        cells[i] = (sum - p->low) / (p->top - p->low) * p->rows;
    }
    double all = cells[p->of->n - 1];
    for (int c = 0; c < p->rows; c++) {
        size_t layer = 0;
        while (layer + 1 < p->of->n && cells[layer] < c + 0.5)
            layer++;
        int y = row + p->rows - 1 - c, eighths = (int)lround((all - c) * 8);
        if (eighths >= 8 || (p->of->n > 1 && eighths >= 4))
            grid_char(g, y, at, layers[layer].style,
                      g->ascii ? (uint32_t)layers[layer].ascii : layers[layer].codepoint);
        else if (eighths > 0 && p->of->n == 1)
            grid_char(g, y, at, layers[layer].style,
                      g->ascii ? (uint32_t)parts[eighths - 1] : 0x2580u + (uint32_t)eighths);
        else if (c == 0 && height > 0)
            grid_char(g, y, at, layers[layer].style, g->ascii ? '_' : 0x2581);
    }
}

static void draw_limit(struct grid *g, int row, const struct strip *s, const struct picture *p)
{
    static const char words[] = " limit ";
    if (!p->limit)
        return;
    int y = row + (int)((p->top - p->limit) / (p->top - p->low) * p->rows);
    for (int i = 0; i < s->width; i++) {
        const struct grid_cell *c = grid_at(g, y, s->at + i);
        if (c && c->codepoint == ' ')
            grid_char(g, y, s->at + i, STYLE_CRITICAL, g->ascii ? '-' : 0x2500);
    }
    if (s->width > 20)
        grid_put(g, y, s->at + 2, (int)sizeof words - 1, STYLE_CRITICAL, words);
}

/* Where a series was highest in the window; 0: nowhere. */
static uint64_t peak_ns(const struct series *s, struct window w)
{
    const struct point *top = NULL;
    for (size_t i = 0; i < series_count(s); i++) {
        const struct point *p = series_at(s, i);
        if (p->time_ns >= w.from_ns && p->time_ns < w.to_ns && (!top || p->max > top->max))
            top = p;
    }
    return top ? top->time_ns : 0;
}

static void draw_peak(struct grid *g, int row, const struct recording *rec, const struct strip *s,
                      const struct picture *p)
{
    uint64_t at_ns = peak_ns(&rec->total.series[p->of->metric[0]], s->all);
    int x = at_ns ? strip_column(s, at_ns) : -1;
    if (x < 0 || x >= s->width || p->of->n > 1)
        return;
    int y = p->rows - 1;
    while (y >= 0 && grid_at(g, row + y, s->at + x) &&
           grid_at(g, row + y, s->at + x)->codepoint != ' ')
        y--;
    if (y >= 0)
        grid_char(g, row + y, s->at + x, STYLE_NOTICE, g->ascii ? 'v' : 0x25be);
}

static void draw_cursor(struct grid *g, int row, const struct strip *s, int rows, uint64_t at_ns)
{
    int x = at_ns ? strip_column(s, at_ns) : -1;
    if (x < 0)
        return;
    if (x >= s->width)
        x = s->width - 1;
    for (int i = 0; i < rows; i++) {
        const struct grid_cell *c = grid_at(g, row + i, s->at + x);
        if (c && c->codepoint == ' ')
            grid_char(g, row + i, s->at + x, STYLE_NOTICE, g->ascii ? '|' : 0x2502);
        else
            grid_restyle(g, row + i, s->at + x, 1, STYLE_SELECTED);
    }
}

static void draw_held(struct grid *g, int row, const struct strip *s, int rows, struct window held)
{
    int from = strip_column(s, held.from_ns), to = strip_column(s, held.to_ns - 1);
    for (int x = from < 0 ? 0 : from; x <= to && x < s->width; x++)
        for (int y = 0; y < rows; y++)
            grid_restyle(g, row + y, s->at + x, 1, STYLE_HELD);
}

void draw_chart(struct grid *g, int row, int height, const struct recording *rec,
                const struct chart_of *of, const struct strip *s, const struct chart_look *look)
{
    struct picture p = {.of = of, .rows = height};
    for (size_t i = 0; i < of->n; i++)
        series_steps(p.steps[i], s->width, &rec->total.series[of->metric[i]], s->all.from_ns,
                     s->all.to_ns);
    choose_scale(&p, s->width, look->limit);
    draw_scale(g, row, &p);
    for (int i = 0; i < s->width; i++)
        draw_column(g, row, s->at + i, &p, i);
    draw_peak(g, row, rec, s, &p);
    draw_limit(g, row, s, &p);
    if (look->held.to_ns > look->held.from_ns)
        draw_held(g, row, s, height, look->held);
    else
        draw_cursor(g, row, s, height, look->cursor_ns);
}
