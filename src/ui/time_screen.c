/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See time_screen.h. */
#include "ui/state.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_chart.h"

#define CHART_AROUND 4 /* the words in two lines and the axis */

static bool of_threads(const struct ui *ui)
{
    return ui->time.mode == TIME_THREADS;
}

/* How high the part between tabs and status is. */
static int screen_height(const struct ui *ui)
{
    return ui_list_height(ui) + 1 + TIME_AXIS_ROWS;
}

void time_screen_fill(struct ui *ui)
{
    struct time_screen *t = &ui->time;
    const struct recording *rec = ui_recording(ui);
    enum metric shown[METRIC_COUNT];
    size_t n = time_metrics(shown, rec);
    for (size_t i = 0; i < n; i++)
        if (shown[i] == t->metric)
            ui_list(ui)->selected = i;
    spikes_find(&t->spikes, &rec->total.series[t->metric], t->metric);
    if (t->mode == TIME_LINES)
        return;
    struct heat_place place = heat_place(ui->grid.columns, screen_height(ui), of_threads(ui));
    struct window w = ui_window(ui);
    if (of_threads(ui)) {
        heat_by_thread(&t->heat, rec, &ui->filter, window_all(rec), place.width, place.rows);
        return;
    }
    /* Ends with the newest second, or has the window that is held about its middle. */
    uint64_t to = rec->end_ns, beyond = (uint64_t)(place.width / 2) * NS_PER_S;
    if (travel_holds(ui) && w.to_ns + beyond < to)
        to = w.to_ns + beyond;
    heat_by_second(&t->heat, rec, &ui->filter, to, place.width, place.rows);
}

size_t time_screen_rows(const struct ui *ui)
{
    enum metric shown[METRIC_COUNT];
    return time_metrics(shown, ui_recording(ui));
}

void time_screen_chose(struct ui *ui)
{
    enum metric shown[METRIC_COUNT];
    size_t n = time_metrics(shown, ui_recording(ui)), at = ui_list(ui)->selected;
    if (at < n)
        ui->time.metric = shown[at];
    ui->refill = true;
}

static bool matches(const struct ui *ui, size_t row, const void *context)
{
    const struct metric_info *m = &metrics[((const enum metric *)context)[row]];
    return text_matches(m->title, ui->search) || text_matches(m->name, ui->search);
}

bool time_screen_find(struct ui *ui, int step, bool here)
{
    enum metric shown[METRIC_COUNT];
    size_t n = time_metrics(shown, ui_recording(ui));
    return ui_find_row(ui, n, matches, shown, step, here);
}

/* "mean 31.0%, 2.0% to 98.0% in the window; 3 spikes in all, the highest 98.0%". */
static void say_metric(char *out, size_t size, const struct ui *ui)
{
    const struct time_screen *t = &ui->time;
    const struct series *s = &ui_recording(ui)->total.series[t->metric];
    struct window w = ui_window(ui);
    struct point in = series_summary(s, w.from_ns, w.to_ns);
    struct text text = {out, size, 0, false};
    char a[FIGURE_MAX], b[FIGURE_MAX], c[FIGURE_MAX];
    out[0] = '\0';
    if (in.count)
        text_add(&text, "mean %s, %s to %s in the window", metric_figure(a, t->metric, in.mean),
                 metric_figure(b, t->metric, in.min), metric_figure(c, t->metric, in.max));
    else
        text_add(&text, "no point in the window");
    double top = 0;
    for (size_t i = 0; i < t->spikes.at.n; i++)
        top = fmax(top, t->spikes.at.at[i].top);
    if (t->spikes.at.n)
        text_add(&text, "; %zu spike%s, up to %s, usually %s", t->spikes.at.n,
                 t->spikes.at.n == 1 ? "" : "s", metric_figure(a, t->metric, top),
                 metric_figure(b, t->metric, t->spikes.usual));
    else if (!isnan(t->spikes.least))
        text_add(&text, "; no spike: none is over %s",
                 metric_figure(a, t->metric, t->spikes.least));
}

static void draw_one(struct ui *ui, int row, int height)
{
    struct time_screen *t = &ui->time;
    struct grid *g = &ui->grid;
    const struct recording *rec = ui_recording(ui);
    char words[256];
    say_metric(words, sizeof words, ui);
    grid_printf(g, row, 1, g->columns - 2, STYLE_HEADING, "%s: %s", metrics[t->metric].title,
                metrics[t->metric].help);
    grid_put(g, row + 1, 1, g->columns - 2, STYLE_NORMAL, words);
    t->strip = chart_strip(g->columns, window_all(rec));
    if (height <= CHART_AROUND || t->strip.width < 8)
        return;
    const struct chart_of of = {1, {t->metric}};
    const struct chart_look look = {.held = ui->travel.held};
    draw_chart(g, row + 2, height - CHART_AROUND, rec, &of, &t->strip, &look);
    draw_time_axis(g, row + height - 2, rec, &t->strip, ui_window(ui));
    draw_time_spikes(g, row + height - 2, &t->strip, &t->spikes);
    t->row = row + 2;
    t->rows = height - 2;
}

static void draw_lines(struct ui *ui, int row, int height)
{
    struct time_screen *t = &ui->time;
    const struct recording *rec = ui_recording(ui);
    struct time_look look = {
        .all = window_all(rec),
        .shown = ui_window(ui),
        .top = ui_list(ui)->top,
        .selected = ui_list(ui)->selected,
        .held = travel_holds(ui),
        .spikes = &t->spikes,
    };
    draw_time(&ui->grid, row, height, rec, &look);
    t->strip = time_strip(ui->grid.columns, look.all);
    t->row = row + 1;
    t->rows = height - 1;
}

static void draw_strip(struct ui *ui, int row, int height)
{
    struct time_screen *t = &ui->time;
    struct heat_place place = heat_place(ui->grid.columns, height, of_threads(ui));
    struct heat_look look = {ui->travel.held, of_threads(ui) ? "v: the metrics" : "v: by thread"};
    draw_heat(&ui->grid, row, height, ui_recording(ui), &t->heat, &look);
    uint64_t span = (uint64_t)t->heat.columns * t->heat.column_ns;
    t->strip = (struct strip){place.at, t->heat.columns, {t->heat.from_ns, t->heat.from_ns + span}};
    t->row = row + place.row;
    t->rows = t->heat.rows;
}

void time_screen_draw(struct ui *ui, int row, int height)
{
    if (ui->time.mode != TIME_LINES)
        draw_strip(ui, row, height);
    else if (ui->time.chart)
        draw_one(ui, row, height);
    else
        draw_lines(ui, row, height);
}

bool time_screen_cell(const struct ui *ui, const struct terminal_event *event, struct window *cell)
{
    const struct time_screen *t = &ui->time;
    int x = event->column - t->strip.at, y = event->row - t->row;
    if (x < 0 || x >= t->strip.width || y < 0 || y >= t->rows)
        return false;
    if (t->mode != TIME_LINES)
        *cell = heat_cell(&t->heat, x, y);
    else
        *cell = (struct window){strip_time_ns(&t->strip, x), strip_time_ns(&t->strip, x + 1)};
    return true;
}

bool time_screen_command(struct ui *ui, enum command command)
{
    struct time_screen *t = &ui->time;
    switch (command) {
    case COMMAND_LEFT:
    case COMMAND_RIGHT:
        return travel_command(ui, command == COMMAND_LEFT ? COMMAND_EARLIER : COMMAND_LATER);
    case COMMAND_VARY:
        t->mode = (enum time_mode)((t->mode + 1) % TIME_MODES);
        ui->refill = true;
        return true;
    case COMMAND_OPEN:
        t->chart = t->mode == TIME_LINES;
        t->mode = TIME_LINES;
        return true;
    case COMMAND_BACK:
        if (t->chart && t->mode == TIME_LINES)
            t->chart = false;
        else if (t->mode != TIME_LINES)
            t->mode = TIME_LINES;
        else if (travel_holds(ui))
            travel_let_go(ui);
        else
            return false;
        ui->refill = true;
        return true;
    default:
        return false;
    }
}

void time_screen_clear(struct time_screen *t)
{
    spikes_clear(&t->spikes);
    heat_clear(&t->heat);
}
