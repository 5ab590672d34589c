/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory_screen.h. */
#include "ui/state.h"

#include <stdio.h>

#include "base/text.h"
#include "view/draw_header.h"
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

void memory_screen_say_growing(char *out, size_t size, const struct ui *ui)
{
    struct growing_state g = session_growing(ui->session);
    char figure[FIGURE_MAX];
    out[0] = '\0';
    switch (g.phase) {
    case GROWING_IDLE:
        snprintf(out, size, "%s", g.trouble);
        break;
    case GROWING_ESTIMATING:
        snprintf(out, size, "counting allocations for half a second, to see what a look costs...");
        break;
    case GROWING_ASKING:
        snprintf(out, size,
                 "%s calls/s; 30 s of bursts cost it about %.1f%%: g begins, Esc does not",
                 figure_count(figure, (uint64_t)g.cost.calls_per_s), g.cost.burst_pct);
        break;
    case GROWING_LOOKING:
        snprintf(out, size, "looking for what stays: %d%%, %llu blocks, cost %.1f%% (Esc ends it)",
                 g.progress.permille / 10, (unsigned long long)g.progress.samples,
                 g.progress.loss_pct);
        break;
    }
}

size_t memory_screen_notes(const struct ui *ui, const char *out[MEMORY_NOTES_MAX])
{
    struct query q = ui_query(ui);
    return memory_growth_notes(&q, out);
}

/* Of the process that is chosen, else of the target. */
static struct incarnation_id chosen(const struct ui *ui)
{
    const struct recording *rec = ui_recording(ui);
    for (uint32_t i = (uint32_t)rec->incarnations.n; ui->filter.pid && i-- > 1;)
        if (rec->incarnations.at[i].pid == ui->filter.pid && !rec->incarnations.at[i].to_ns)
            return (struct incarnation_id){i};
    return recording_target(rec);
}

void memory_screen_grow(struct ui *ui)
{
    switch (session_growing(ui->session).phase) {
    case GROWING_IDLE:
        if (!chosen(ui).n && session_kind(ui->session) == SESSION_LIVE) {
            ui_say(ui, STYLE_NOTICE, "nothing has been seen of the target yet: again in a moment");
            return;
        }
        if (!session_grow(ui->session, chosen(ui), 0)) {
            ui_say(ui, STYLE_NOTICE, "there is no live target that could be looked at");
            return;
        }
        break;
    case GROWING_ASKING:
        session_grow_accept(ui->session);
        break;
    case GROWING_ESTIMATING:
    case GROWING_LOOKING:
        session_grow_cancel(ui->session);
        ui_say(ui, STYLE_NOTICE, "the look is ended; what it has found is kept");
        break;
    }
    ui_show(ui, SCREEN_MEMORY);
    ui->refill = true;
}

void memory_screen_draw(struct ui *ui, int row, int height)
{
    char growing[300];
    memory_screen_say_growing(growing, sizeof growing, ui);
    if (growing[0]) {
        grid_put(&ui->grid, row, 1, ui->grid.columns - 1, STYLE_NOTICE, growing);
        row++;
        height--;
    }
    const char *notes[MEMORY_NOTES_MAX];
    size_t n = growing[0] ? 0 : memory_screen_notes(ui, notes);
    for (size_t i = 0; i < n && height > 1; i++, row++, height--)
        grid_put(&ui->grid, row, 1, ui->grid.columns - 1, STYLE_GREY, notes[i]);
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
        .window = travel_holds(ui) ? window_all(ui_recording(ui)) : ui_window(ui),
        .held = ui->travel.held,
        .pattern = &ui->memory.pattern,
        .chart = ui->memory.chart,
        .cursor_ns = ui->travel.held.to_ns,
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

bool memory_screen_command(struct ui *ui, enum command command)
{
    struct memory_screen *m = &ui->memory;
    switch (command) {
    case COMMAND_LEFT:
    case COMMAND_RIGHT:
        return travel_command(ui, command == COMMAND_LEFT ? COMMAND_EARLIER : COMMAND_LATER);
    case COMMAND_VARY:
        m->chart = memory_chart_next(ui_recording(ui), m->chart);
        return true;
    case COMMAND_BACK:
        if (session_growing(ui->session).phase != GROWING_IDLE) {
            session_grow_cancel(ui->session);
            return true;
        }
        if (!travel_holds(ui))
            return false;
        travel_let_go(ui);
        return true;
    default:
        return false;
    }
}
