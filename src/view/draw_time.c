/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_time.h. */
#include "view/draw_time.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/wall.h"
#include "view/draw_figure.h"
#include "view/draw_table.h"

#define STEPS_MAX 512
#define TITLE     20
#define NOW       11
#define SCALE     11

const char *wall_clock(char *out, const struct recording *rec, uint64_t time_ns)
{
    time_t t = (time_t)(wall_of_time(rec, time_ns) / (int64_t)NS_PER_S);
    struct tm tm;
    if (!localtime_r(&t, &tm) || !strftime(out, FIGURE_MAX, "%H:%M:%S", &tm))
        snprintf(out, FIGURE_MAX, "?");
    return out;
}

static double top_of(enum metric metric, double max)
{
    switch (metrics[metric].unit) {
    case UNIT_PCT:
        return max > 100                     ? scale_top(max, false)
               : metric <= METRIC_MEMORY_PCT ? 100
                                             : scale_top(max, false);
    case UNIT_BYTES:
    case UNIT_BYTES_PER_S:
        return scale_top(max, true);
    case UNIT_CORES:
    case UNIT_COUNT:
    case UNIT_PER_S:
    case UNIT_SECONDS:
        break;
    }
    return scale_top(max, false);
}

int strip_column(const struct strip *s, uint64_t time_ns)
{
    double span = (double)(s->all.to_ns - s->all.from_ns);
    double x = ((double)time_ns - (double)s->all.from_ns) / (span > 0 ? span : 1) * s->width;
    return x < 0 ? -1 : x > s->width ? s->width : (int)x;
}

uint64_t strip_time_ns(const struct strip *s, int column)
{
    double span = (double)(s->all.to_ns - s->all.from_ns);
    if (column <= 0 || s->width <= 0)
        return s->all.from_ns;
    if (column >= s->width)
        return s->all.to_ns;
    return s->all.from_ns + (uint64_t)(span * column / s->width);
}

bool strip_part(const struct strip *s, struct window w, int *from, int *to)
{
    if (w.to_ns <= w.from_ns)
        return false;
    *from = strip_column(s, w.from_ns);
    *to = strip_column(s, w.to_ns - 1);
    if (*to < 0 || *from >= s->width)
        return false;
    *from = *from < 0 ? 0 : *from;
    *to = *to >= s->width ? s->width - 1 : *to;
    return true;
}

/* What is shown in figures: its mean over a window that was put, else its newest value. */
static bool metric_shown(double *value, const struct series *series, const struct time_look *look)
{
    struct point mean = series_summary(series, look->shown.from_ns, look->shown.to_ns);
    const struct point *last = series_find(series, look->shown.to_ns);
    if (!last)
        return false;
    *value = look->held && mean.count ? (double)mean.mean : (double)last->mean;
    return true;
}

static void draw_metric(struct grid *g, int row, const struct recording *rec, enum metric metric,
                        const struct strip *s, const struct time_look *look, bool selected)
{
    enum style style = selected ? STYLE_SELECTED : STYLE_NORMAL;
    int from, to;
    double value;
    const struct series *series = &rec->total.series[metric];
    float steps[STEPS_MAX];
    char figure[FIGURE_MAX];
    double max = 0;
    series_steps(steps, s->width, series, s->all.from_ns, s->all.to_ns);
    for (int i = 0; i < s->width; i++)
        if (!isnan(steps[i]) && steps[i] > max)
            max = steps[i];
    double top = top_of(metric, max);
    bool known = metric_shown(&value, series, look);
    grid_fill(g, row, 0, s->at - 1, style);
    grid_put(g, row, 1, TITLE, style, metrics[metric].title);
    grid_put_right(g, row, TITLE + 1, NOW, style,
                   known ? metric_figure(figure, metric, value) : "-");
    draw_sparkline(g, row, s->at, steps, s->width, top, STYLE_SPARK);
    if (look->held && strip_part(s, look->shown, &from, &to))
        grid_restyle(g, row, s->at + from, to - from + 1, STYLE_HELD);
    grid_put_right(g, row, s->at + s->width, SCALE, STYLE_GREY, metric_figure(figure, metric, top));
}

/* What the budget does to the rate, often: under all else, one sign for all in a column. */
static void draw_rate_marks(struct grid *g, int row, const struct recording *rec,
                            const struct strip *s)
{
    for (size_t i = 0; i < rec->marks.n; i++) {
        int x = strip_column(s, rec->marks.at[i].time_ns);
        if (x >= 0 && x < s->width && rec->marks.at[i].kind == MARK_RATE)
            grid_char(g, row, s->at + x, grid_at(g, row, s->at + x)->style, '.');
    }
}

void draw_time_axis(struct grid *g, int row, const struct recording *rec, const struct strip *s,
                    struct window shown)
{
    char text[FIGURE_MAX];
    int from = strip_column(s, shown.from_ns), to = strip_column(s, shown.to_ns);
    for (int i = 0; i < s->width; i++)
        grid_char(g, row, s->at + i, i >= from && i <= to ? STYLE_HELD : STYLE_GREY,
                  i >= from && i <= to ? '='
                  : g->ascii           ? '-'
                                       : 0x2500);
    draw_rate_marks(g, row, rec, s);
    for (size_t i = 0; i < rec->marks.n; i++) {
        int x = strip_column(s, rec->marks.at[i].time_ns);
        if (x >= 0 && x < s->width && rec->marks.at[i].kind != MARK_RATE)
            grid_char(g, row, s->at + x,
                      rec->marks.at[i].kind == MARK_OOM ? STYLE_CRITICAL : STYLE_NOTICE,
                      rec->marks.at[i].kind == MARK_OOM ? 'X' : '|');
    }
    for (size_t i = 0; i < rec->alerts.n; i++) {
        const struct alert_event *e = &rec->alerts.at[i];
        int x = strip_column(s, e->time_ns);
        if (e->raised && x >= 0 && x < s->width)
            grid_char(g, row, s->at + x,
                      e->severity == SEVERITY_CRITICAL ? STYLE_CRITICAL : STYLE_WARNING, '!');
    }
    grid_put(g, row + 1, s->at, 8, STYLE_GREY, wall_clock(text, rec, s->all.from_ns));
    uint64_t middle = s->all.from_ns + (s->all.to_ns - s->all.from_ns) / 2;
    if (s->width >= 30)
        grid_put(g, row + 1, s->at + s->width / 2 - 4, 8, STYLE_GREY,
                 wall_clock(text, rec, middle));
    grid_put_right(g, row + 1, s->at + s->width - 8, 8, STYLE_GREY,
                   wall_clock(text, rec, s->all.to_ns));
}

/* Nothing stands there yet that says more. */
static bool axis_is_free(const struct grid *g, int row, int column)
{
    const struct grid_cell *c = grid_at(g, row, column);
    return c && c->codepoint != '!' && c->codepoint != '|' && c->codepoint != 'X';
}

void draw_time_spikes(struct grid *g, int row, const struct strip *s, const struct spikes *spikes)
{
    for (size_t i = 0; spikes && i < spikes->at.n; i++) {
        int from, to;
        if (!strip_part(s, spikes->at.at[i].window, &from, &to))
            continue;
        /* In its middle, else as far to the right as there is room. */
        int x = from + (to - from) / 2;
        while (x < to && !axis_is_free(g, row, s->at + x))
            x++;
        if (axis_is_free(g, row, s->at + x))
            grid_char(g, row, s->at + x, STYLE_NOTICE, '^');
    }
}

struct strip time_strip(int columns, struct window all)
{
    struct strip s = {TITLE + NOW + 3, columns - TITLE - NOW - 3 - SCALE - 1, all};
    if (s.width > STEPS_MAX)
        s.width = STEPS_MAX;
    return s;
}

size_t time_metrics(enum metric out[METRIC_COUNT], const struct recording *rec)
{
    size_t n = 0;
    for (int m = 0; m < METRIC_COUNT; m++)
        if (series_count(&rec->total.series[m]))
            out[n++] = (enum metric)m;
    return n;
}

size_t draw_time(struct grid *g, int row, int height, const struct recording *rec,
                 const struct time_look *look)
{
    struct strip s = time_strip(g->columns, look->all);
    enum metric shown[METRIC_COUNT];
    size_t n = time_metrics(shown, rec);
    int drawn = 0;
    grid_fill(g, row, 0, g->columns, STYLE_COLUMN);
    grid_put(g, row, 1, TITLE, STYLE_COLUMN, "METRIC");
    grid_put_right(g, row, TITLE + 1, NOW, STYLE_COLUMN, look->held ? "IN WINDOW" : "AT THE END");
    if (s.width < 8)
        return 0;
    grid_put(g, row, s.at, s.width, STYLE_COLUMN, "OVER THE RECORDING");
    grid_put_right(g, row, s.at + s.width, SCALE, STYLE_COLUMN, "FULL SCALE");
    for (size_t i = look->top; i < n && drawn < height - 3; i++) {
        draw_metric(g, row + 1 + drawn, rec, shown[i], &s, look, i == look->selected);
        grid_link(g, row + 1 + drawn, 0, s.at - 1, (uint16_t)(LINK_ROW + i));
        drawn++;
    }
    if (height >= 4) {
        grid_put(g, row + 1 + drawn, 1, TITLE + NOW, STYLE_GREY, "! alerts, | marks, ^ spikes");
        draw_time_axis(g, row + 1 + drawn, rec, &s, look->shown);
        draw_time_spikes(g, row + 1 + drawn, &s, look->spikes);
    }
    return n;
}
