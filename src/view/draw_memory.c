/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_memory.h. */
#include "view/draw_memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_chart.h"

#define CHART_LEAST 3
#define TABLE_LEAST 3   /* a head and two rows, or none at all */
#define WIDE        120 /* the words stand on one line */

static const struct chart {
    const char *title;
    struct chart_of of;
} charts[MEMORY_CHART_COUNT] = {
    [MEMORY_CHART_RSS] = {"RSS", {1, {METRIC_RSS}}},
    [MEMORY_CHART_KINDS] = {"What it is made of",
                            {CHART_LAYERS, {METRIC_ANON, METRIC_FILE, METRIC_SHARED, METRIC_SWAP}}},
    [MEMORY_CHART_PSS] = {"PSS", {1, {METRIC_PSS}}},
    [MEMORY_CHART_HEAP] = {"brk heap", {1, {METRIC_HEAP}}},
    [MEMORY_CHART_SWAP] = {"swapped", {1, {METRIC_SWAP}}},
    [MEMORY_CHART_LIMIT] = {"used of the limit", {1, {METRIC_LIMIT_USED}}},
};

static bool has_points(const struct recording *rec, enum memory_chart chart)
{
    return series_count(&rec->total.series[charts[chart].of.metric[0]]) > 0;
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

uint64_t memory_cursor_step_ns(int columns, struct window window)
{
    struct strip s = chart_strip(columns, window);
    uint64_t span = window.to_ns - window.from_ns;
    uint64_t step = s.width > 0 ? span / (uint64_t)s.width : span;
    return step ? step : 1;
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
    const struct chart_of *of = &chart->of;
    char text[512], hint[64];
    int at = 1;
    if (look->cursor_ns) {
        say_cursor(text, sizeof text, rec, look, memory_cursor_step_ns(g->columns, look->window));
        grid_put(g, row, 1, g->columns - 2, STYLE_NOTICE, text);
        return;
    }
    snprintf(hint, sizeof hint, "v: %s, [ ] window",
             charts[memory_chart_next(rec, look->chart)].title);
    int end = g->columns - 2 - text_columns(hint);
    at += grid_put(g, row, at, end - at, STYLE_HEADING, chart->title);
    for (size_t i = 0; of->n > 1 && i < of->n; i++) {
        at += 2;
        if (at < end)
            chart_layer_sign(g, row, at, i);
        at += 2;
        at += grid_put(g, row, at, end - at, STYLE_NORMAL, metrics[of->metric[i]].title);
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
    struct strip s = chart_strip(g->columns, look->window);
    draw_words(g, row, l.words, look);
    row += l.words;
    if (l.chart < 1 || s.width < 8)
        return;
    draw_title(g, row++, rec, look);
    const struct chart_of *of = &charts[look->chart].of;
    const struct chart_look chart = {
        .limit = look->chart == MEMORY_CHART_HEAP ? 0 : look->pattern->limit,
        .cursor_ns = look->cursor_ns,
        .held = look->held,
    };
    draw_chart(g, row, l.chart, rec, of, &s, &chart);
    row += l.chart;
    draw_time_axis(g, row, rec, &s, look->held); /* empty: the chart is of the window as a whole */
    row += l.axis;
    if (l.table)
        draw_table(g, row, 0, g->columns, l.table, look->table, look->scroll);
}
