/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_memory.h. */
#include "view/draw_memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_figure.h"
#include "view/draw_time.h"

#define SCALE       7 /* columns left of the chart */
#define CHART_MAX   512
#define LAYERS      4
#define CHART_LEAST 3
#define TABLE_LEAST 3   /* a head and two rows, or none at all */
#define WIDE        120 /* the words stand on one line */

/* A limit is drawn when memory has come as near to it as this. */
#define LIMIT_NEAR 0.5

static const struct chart {
    const char *title;
    size_t n;
    enum metric of[LAYERS];
} charts[MEMORY_CHART_COUNT] = {
    [MEMORY_CHART_RSS] = {"RSS", 1, {METRIC_RSS}},
    [MEMORY_CHART_KINDS] = {"What it is made of",
                            LAYERS,
                            {METRIC_ANON, METRIC_FILE, METRIC_SHARED, METRIC_SWAP}},
    [MEMORY_CHART_PSS] = {"PSS", 1, {METRIC_PSS}},
    [MEMORY_CHART_HEAP] = {"brk heap", 1, {METRIC_HEAP}},
    [MEMORY_CHART_SWAP] = {"swapped", 1, {METRIC_SWAP}},
    [MEMORY_CHART_LIMIT] = {"used of the limit", 1, {METRIC_LIMIT_USED}},
};

static const struct {
    uint32_t codepoint;
    char ascii;
    enum style style;
} layers[LAYERS] = {
    {0x2588, '#', STYLE_SPARK},
    {0x2593, '=', STYLE_BAR},
    {0x2592, '-', STYLE_LABEL},
    {0x2591, '.', STYLE_GREY},
};

static bool has_points(const struct recording *rec, enum memory_chart chart)
{
    return series_count(&rec->total.series[charts[chart].of[0]]) > 0;
}

enum memory_chart memory_chart_next(const struct recording *rec, enum memory_chart chart)
{
    for (int i = 1; i <= MEMORY_CHART_COUNT; i++) {
        enum memory_chart next = (enum memory_chart)(((int)chart + i) % MEMORY_CHART_COUNT);
        bool swapped = next != MEMORY_CHART_SWAP ||
                       series_summary(&rec->total.series[METRIC_SWAP], 0, UINT64_MAX).max > 0;
        if (has_points(rec, next) && swapped)
            return next;
    }
    return MEMORY_CHART_RSS;
}

/* How the screen's rows are shared out. */
struct layout {
    int words, chart, axis, table; /* table: with its head; 0: none */
};

static struct layout layout_of(int columns, int height)
{
    struct layout l = {.words = columns >= WIDE ? 1 : 2, .axis = 2};
    int rest = height - l.words - 1 - l.axis;
    if (rest < CHART_LEAST + TABLE_LEAST) {
        l.chart = rest > 0 ? rest : 0;
        return l;
    }
    l.chart = rest / 2;
    l.table = rest - l.chart;
    return l;
}

int memory_table_rows(int columns, int height)
{
    struct layout l = layout_of(columns, height);
    return l.table > 1 ? l.table - 1 : 1;
}

static struct strip strip_of(int columns, struct window window)
{
    struct strip s = {SCALE + 1, columns - SCALE - 2, window};
    if (s.width > CHART_MAX)
        s.width = CHART_MAX;
    return s;
}

uint64_t memory_cursor_step_ns(int columns, struct window window)
{
    struct strip s = strip_of(columns, window);
    uint64_t span = window.to_ns - window.from_ns;
    uint64_t step = s.width > 0 ? span / (uint64_t)s.width : span;
    return step ? step : 1;
}

/* The chart's values and its scale. */
struct picture {
    const struct chart *chart;
    float steps[LAYERS][CHART_MAX];
    double low, top; /* what its lowest and highest lines stand for */
    double limit;    /* 0: not drawn */
    int rows;
};

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
    for (size_t i = 0; i < p->chart->n; i++)
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
    p->top = round_up(fmax(most, p->limit));
    /* What moves far above nothing would be a flat line: the scale then begins below it. */
    double range = most - least;
    if (p->chart->n == 1 && !p->limit && range > most / 1000 && range < most / 5) {
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
        grid_put_right(g, row + i, 0, SCALE, STYLE_GREY, figure_bytes(figure, value));
    }
}

/* One column, from its foot: whole cells of each layer, and an eighth part at the top. */
static void draw_column(struct grid *g, int row, int at, const struct picture *p, int column)
{
    static const char parts[] = "_.-:=+*#";
    double cells[LAYERS], sum = 0, height = sum_at(p, column);
    if (isnan(height) || p->top <= p->low)
        return;
    for (size_t i = 0; i < p->chart->n; i++) {
        sum += isnan(p->steps[i][column]) ? 0 : p->steps[i][column];
        cells[i] = (sum - p->low) / (p->top - p->low) * p->rows;
    }
    double all = cells[p->chart->n - 1];
    for (int c = 0; c < p->rows; c++) {
        size_t layer = 0;
        while (layer + 1 < p->chart->n && cells[layer] < c + 0.5)
            layer++;
        int y = row + p->rows - 1 - c, eighths = (int)lround((all - c) * 8);
        if (eighths >= 8 || (p->chart->n > 1 && eighths >= 4))
            grid_char(g, y, at, layers[layer].style,
                      g->ascii ? (uint32_t)layers[layer].ascii : layers[layer].codepoint);
        else if (eighths > 0 && p->chart->n == 1)
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
    uint64_t at_ns = peak_ns(&rec->total.series[p->chart->of[0]], s->all);
    int x = at_ns ? strip_column(s, at_ns) : -1;
    if (x < 0 || x >= s->width || p->chart->n > 1)
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

/* What was at the cursor's moment: figures as they were last read then, and what happened there. */
static void say_cursor(char *out, size_t size, const struct recording *rec,
                       const struct memory_look *look, uint64_t step_ns)
{
    static const enum metric told[] = {METRIC_RSS,  METRIC_ANON, METRIC_FILE, METRIC_SHARED,
                                       METRIC_SWAP, METRIC_PSS,  METRIC_HEAP};
    struct text t = {out, size, 0, false};
    char figure[FIGURE_MAX], ago[FIGURE_MAX];
    uint64_t at = look->cursor_ns;
    out[0] = '\0';
    text_add(&t, "%s", wall_clock(figure, rec, at));
    for (size_t i = 0; i < rec->marks.n; i++)
        if (rec->marks.at[i].time_ns <= at && rec->marks.at[i].time_ns + step_ns > at)
            text_add(&t, "  | %s", string_text(&rec->words, rec->marks.at[i].text));
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        const struct point *p = series_find(&rec->total.series[told[i]], at);
        if (!p || (told[i] == METRIC_SWAP && p->max <= 0))
            continue;
        text_add(&t, "  %s %s", metrics[told[i]].title, metric_figure(figure, told[i], p->mean));
        if (told[i] >= METRIC_PSS && at > p->time_ns + 2 * NS_PER_S)
            text_add(&t, " (%s before)", figure_duration(ago, at - p->time_ns));
    }
    text_make_printable(out);
}

static void draw_title(struct grid *g, int row, const struct recording *rec,
                       const struct memory_look *look)
{
    const struct chart *chart = &charts[look->chart];
    char text[512], hint[64];
    int at = 1;
    if (look->cursor_ns) {
        say_cursor(text, sizeof text, rec, look, memory_cursor_step_ns(g->columns, look->window));
        grid_put(g, row, 1, g->columns - 2, STYLE_NOTICE, text);
        return;
    }
    snprintf(hint, sizeof hint, "v: %s, [ ] cursor",
             charts[memory_chart_next(rec, look->chart)].title);
    int end = g->columns - 2 - text_columns(hint);
    at += grid_put(g, row, at, end - at, STYLE_HEADING, chart->title);
    for (size_t i = 0; chart->n > 1 && i < chart->n; i++) {
        at += 2;
        if (at < end)
            grid_char(g, row, at, layers[i].style,
                      g->ascii ? (uint32_t)layers[i].ascii : layers[i].codepoint);
        at += 2;
        at += grid_put(g, row, at, end - at, STYLE_NORMAL, metrics[chart->of[i]].title);
    }
    if (end > at)
        grid_put(g, row, end + 1, g->columns - end - 1, STYLE_GREY, hint);
}

static void draw_words(struct grid *g, int row, int lines, const struct memory_look *look)
{
    char words[256];
    memory_pattern_say(words, sizeof words, look->pattern, g->ascii, look->window.to_ns);
    char *second = strchr(words, ';');
    bool hot = look->pattern->trend == MEMORY_INCREASING && !isnan(look->pattern->eta_s);
    if (lines > 1 && second) {
        *second = '\0';
        grid_put(g, row + 1, 1, g->columns - 2, hot ? STYLE_TITLE : STYLE_NORMAL, second + 2);
    }
    grid_put(g, row, 1, g->columns - 2, STYLE_TITLE, words);
}

void draw_memory(struct grid *g, int row, int height, const struct recording *rec,
                 const struct memory_look *look)
{
    struct layout l = layout_of(g->columns, height);
    struct strip s = strip_of(g->columns, look->window);
    struct picture p = {.chart = &charts[look->chart], .rows = l.chart};
    draw_words(g, row, l.words, look);
    row += l.words;
    if (l.chart < 1 || s.width < 8)
        return;
    draw_title(g, row++, rec, look);
    for (size_t i = 0; i < p.chart->n; i++)
        series_steps(p.steps[i], s.width, &rec->total.series[p.chart->of[i]], s.all.from_ns,
                     s.all.to_ns);
    choose_scale(&p, s.width, look->chart == MEMORY_CHART_HEAP ? 0 : look->pattern->limit);
    draw_scale(g, row, &p);
    for (int i = 0; i < s.width; i++)
        draw_column(g, row, s.at + i, &p, i);
    draw_peak(g, row, rec, &s, &p);
    draw_limit(g, row, &s, &p);
    draw_cursor(g, row, &s, l.chart, look->cursor_ns);
    row += l.chart;
    draw_time_axis(g, row, rec, &s, (struct window){0, 0}); /* it is the window as a whole */
    row += l.axis;
    if (l.table)
        draw_table(g, row, 0, g->columns, l.table, look->table, look->scroll);
}
