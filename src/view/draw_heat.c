/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_heat.h. Pure. */
#include "view/draw_heat.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

#define BIN_NAME    7  /* "950ms" */
#define THREAD_NAME 22 /* "worker-1 48211" */
#define AROUND      3  /* the title, and the axis in two lines */

static const struct {
    uint32_t codepoint;
    char ascii;
    enum style style;
} levels[] = {
    {' ', ' ', STYLE_NORMAL},     {0x2591, '.', STYLE_GREY},  {0x2592, '-', STYLE_SPARK},
    {0x2593, '=', STYLE_WARNING}, {0x2588, '#', STYLE_WORSE},
};
#define LEVELS ((int)(sizeof levels / sizeof levels[0]))

struct heat_place heat_place(int columns, int height, bool by_thread)
{
    int at = 1 + (by_thread ? THREAD_NAME : BIN_NAME);
    return (struct heat_place){at, columns - at - 1, 1, height - AROUND};
}

static void put_row_name(struct grid *g, int row, const struct heat *h, int n)
{
    char text[64];
    if (h->bin_ns) {
        snprintf(text, sizeof text, "%llums", (unsigned long long)(n * h->bin_ns / NS_PER_MS));
        grid_put_right(g, row, 0, BIN_NAME, STYLE_GREY, text);
        return;
    }
    snprintf(text, sizeof text, "%.14s %d", h->rows_of.at[n].name, h->rows_of.at[n].tid);
    grid_put(g, row, 1, THREAD_NAME - 1, STYLE_NORMAL, text);
}

static void draw_cells(struct grid *g, int row, const struct heat *h, int at,
                       const struct heat_look *look)
{
    for (int y = 0; y < h->rows; y++)
        for (int x = 0; x < h->columns; x++) {
            float value = h->at[y * h->columns + x];
            struct window cell = heat_cell(h, x, y);
            int level = 0;
            if (value > 0 && h->top > 0)
                level = (int)fminf(ceilf(value / h->top * (LEVELS - 1)), LEVELS - 1);
            if (!isnan(value))
                grid_char(g, row + y, at + x, levels[level].style,
                          g->ascii ? (uint32_t)levels[level].ascii : levels[level].codepoint);
            if (cell.from_ns < look->held.to_ns && cell.to_ns > look->held.from_ns)
                grid_restyle(g, row + y, at + x, 1, STYLE_HELD);
        }
}

/* Why there is nothing in the first columns, or in all. */
static void say_unknown(struct grid *g, int row, const struct recording *rec, const struct heat *h,
                        int at)
{
    char text[128], clock[FIGURE_MAX];
    if (!h->bin_ns || h->known_ns <= h->from_ns)
        return;
    uint64_t columns = (h->known_ns - h->from_ns) / h->column_ns;
    int width = columns < (uint64_t)h->columns ? (int)columns : h->columns;
    snprintf(text, sizeof text, "of before %s only sums are kept",
             wall_clock(clock, rec, h->known_ns));
    grid_put(g, row, at, width, STYLE_GREY, text);
}

void draw_heat(struct grid *g, int row, int height, const struct recording *rec,
               const struct heat *h, const struct heat_look *look)
{
    char title[160];
    struct heat_place place = heat_place(g->columns, height, !h->bin_ns);
    if (place.width < 8 || place.rows < 1 || height < AROUND + 1)
        return;
    if (h->bin_ns)
        snprintf(title, sizeof title, "Threads on a CPU, by second and %llu ms of it; # is %.3g",
                 (unsigned long long)(h->bin_ns / NS_PER_MS), h->top);
    else
        snprintf(title, sizeof title, "Threads on a CPU, by thread; # is %.0f%% of the time",
                 100 * (double)h->top);
    int hint = text_columns(look->hint);
    grid_put_right(g, row, g->columns - hint - 1, hint, STYLE_GREY, look->hint);
    grid_put(g, row, 1, g->columns - hint - 4, STYLE_HEADING, title);
    for (int i = 0; i < h->rows && i < place.rows; i++)
        put_row_name(g, row + 1 + i, h, i);
    draw_cells(g, row + 1, h, place.at, look);
    say_unknown(g, row + 1, rec, h, place.at);
    if (!h->rows)
        grid_put(g, row + 1, 1, g->columns - 2, STYLE_GREY, "No thread was seen on a CPU.");
    struct strip strip = {place.at, h->columns, {h->from_ns, h->from_ns}};
    strip.all.to_ns += (uint64_t)h->columns * h->column_ns;
    draw_time_axis(g, row + 1 + (h->rows ? h->rows : 1), rec, &strip, look->held);
}
