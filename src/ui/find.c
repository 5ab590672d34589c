/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searching what the screen shows, in rows and in text that only scrolls: what is not in sight is
 * found too, and that something is not there is said of what was looked through. See state.h.
 */
#include "ui/state.h"

#include "view/draw_table.h"

bool ui_find_row(struct ui *ui, size_t n, row_matches_fn *matches, const void *context, int step,
                 bool here)
{
    struct list *l = ui_list(ui);
    for (size_t i = here ? 0 : 1; i <= n && n; i++) {
        size_t row = (l->selected + (step > 0 ? i : n * 2 - i)) % n;
        if (matches(ui, row, context)) {
            l->selected = row;
            ui_chose(ui);
            return true;
        }
    }
    return false;
}

static bool table_matches(const struct ui *ui, size_t row, const void *context)
{
    return row_matches(context, row, ui->search);
}

static bool line_matches(const struct ui *ui, size_t row, const void *context)
{
    return text_matches(((const struct text_lines *)context)->at.at[row].text, ui->search);
}

static bool detail_matches(const struct ui *ui, size_t row, const void *context)
{
    enum detail_section section;
    const struct detail_row *r = detail_at(context, row, &section);
    return r && (text_matches(r->name, ui->search) || text_matches(r->place, ui->search));
}

static bool find(struct ui *ui, int step, bool here)
{
    switch (ui->screen) {
    case SCREEN_HELP:
        return help_screen_find(ui, step, here);
    case SCREEN_SETTINGS:
        return settings_screen_find(ui, step, here);
    case SCREEN_TIME:
        return time_screen_find(ui, step, here);
    case SCREEN_WAIT:
        return ui_find_row(ui, ui->wait.at.n, line_matches, &ui->wait, step, here);
    case SCREEN_OBJECT:
        return ui_find_row(ui, ui->objects.lines.at.n, line_matches, &ui->objects.lines, step,
                           here);
    case SCREEN_DETAIL:
        return ui_find_row(ui, detail_count(&ui->detail), detail_matches, &ui->detail, step, here);
    default:
        return ui_find_row(ui, ui->table.rows.n, table_matches, &ui->table, step, here);
    }
}

void ui_search(struct ui *ui, int step, bool here)
{
    if (!ui->search[0])
        ui_say(ui, STYLE_NOTICE, "nothing to search for: / asks");
    else if (ui->screen == SCREEN_FLAME)
        flame_screen_search(ui, step, here);
    else if (!find(ui, step, here))
        ui_say(ui, STYLE_NOTICE, "no row here contains \"%.60s\"", ui->search);
}

void ui_mark_found(struct ui *ui, int row, int height)
{
    for (int i = 0; i < height && ui->search[0]; i++)
        draw_match(&ui->grid, row + i, 0, ui->grid.columns, ui->search);
}
