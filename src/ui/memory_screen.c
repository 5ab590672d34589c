/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory_screen.h. */
#include "ui/state.h"

#include "view/memory.h"
#include "view/views.h"

#define SITES_MAX 2000

/* The growth sites where there are some, else what the memory is made of. */
void memory_screen_fill(struct ui *ui)
{
    struct query q = ui_query(ui);
    const struct list *l = ui_list(ui);
    q.sort = l->sort;
    q.invert = l->invert;
    q.limit = SITES_MAX;
    memory_pattern_find(&ui->memory.pattern, q.rec, q.window);
    table_fill(&ui->table, &memory_view, &q);
    if (ui->table.rows.n)
        return;
    q.sort = NULL;
    table_fill(&ui->table, &memory_parts_view, &q);
}

void memory_screen_draw(struct ui *ui, int row, int height)
{
    const struct list *l = ui_list(ui);
    bool scrolls = memory_screen_only_scrolls(ui);
    struct table_look scroll = {
        .top = l->top,
        .selected = scrolls ? SIZE_MAX : l->selected,
        .sort = scrolls ? NULL : ui_sort(ui, ui->screen),
        .invert = l->invert,
        .match = ui->search,
    };
    struct memory_look look = {
        .window = ui_window(ui),
        .pattern = &ui->memory.pattern,
        .chart = ui->memory.chart,
        .cursor_ns = ui->memory.cursor_ns,
        .table = &ui->table,
        .scroll = &scroll,
    };
    draw_memory(&ui->grid, row, height, ui_recording(ui), &look);
}

size_t memory_screen_rows(const struct ui *ui)
{
    return ui->table.rows.n;
}

bool memory_screen_only_scrolls(const struct ui *ui)
{
    return ui->table.view != &memory_view;
}

/* A column of the chart to the left or to the right; past the newest end there is none. */
static void move_cursor(struct ui *ui, bool later)
{
    struct memory_screen *m = &ui->memory;
    struct window w = ui_window(ui);
    uint64_t step = memory_cursor_step_ns(ui->grid.columns, w);
    uint64_t at = m->cursor_ns ? m->cursor_ns : w.to_ns;
    if (at > w.to_ns)
        at = w.to_ns;
    if (later)
        m->cursor_ns = !m->cursor_ns || at + step >= w.to_ns ? 0 : at + step;
    else
        m->cursor_ns = at > w.from_ns + step ? at - step : w.from_ns;
    ui->repaint = true;
}

bool memory_screen_command(struct ui *ui, enum command command)
{
    struct memory_screen *m = &ui->memory;
    switch (command) {
    case COMMAND_EARLIER:
    case COMMAND_LEFT:
        move_cursor(ui, false);
        return true;
    case COMMAND_LATER:
    case COMMAND_RIGHT:
        move_cursor(ui, true);
        return true;
    case COMMAND_VARY:
        m->chart = memory_chart_next(ui_recording(ui), m->chart);
        return true;
    case COMMAND_BACK:
        if (!m->cursor_ns)
            return false;
        m->cursor_ns = 0;
        return true;
    case COMMAND_NOW:
        m->cursor_ns = 0;
        return false;
    default:
        return false;
    }
}
