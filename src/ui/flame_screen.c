/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See flame_screen.h. */
#include "ui/state.h"

#include "base/clock.h"
#include "view/rows.h"

#define ABOVE_ZOOM 2 /* callers of the zoomed box that stay in sight */

static void select_box(struct ui *ui, uint32_t box)
{
    struct flame_screen *fs = &ui->flame;
    if (box >= fs->graph.boxes.n)
        return;
    fs->box = box;
    flame_path_to(&fs->selected, &fs->graph, box);
    ui_list(ui)->selected = (size_t)fs->graph.boxes.at[box].row;
    ui_keep_in_sight(ui);
    ui->repaint = true;
}

void flame_screen_fill(struct ui *ui)
{
    struct flame_screen *fs = &ui->flame;
    struct query q = ui_query(ui);
    struct flame_ask ask = {ui->grid.columns, &fs->zoom, ui->search, fs->function_key,
                            &fs->selected};
    flame_fill(&fs->graph, &q, &ask);
    fs->function_key = 0;
    uint32_t box = flame_find(&fs->graph, &fs->selected);
    fs->box = box == FLAME_NONE ? 0 : box;
    ui_list(ui)->selected = box == FLAME_NONE ? 0 : (size_t)fs->graph.boxes.at[box].row;
}

void flame_screen_draw(struct ui *ui, int row, int height)
{
    const struct flame_screen *fs = &ui->flame;
    struct flame_look look = {ui_list(ui)->top, fs->box, fs->color, !terminal_has_colors(),
                              ui->search};
    draw_flame(&ui->grid, row, height, &fs->graph, &look);
}

size_t flame_screen_rows(const struct ui *ui)
{
    return (size_t)ui->flame.graph.rows;
}

void flame_screen_enter(struct ui *ui)
{
    bool functions = ui->screen == SCREEN_HOT || ui->screen == SCREEN_LINES ||
                     ui->screen == SCREEN_TREE || ui->screen == SCREEN_DETAIL;
    if (!functions)
        return;
    /* What was chosen here before stays, unless another function was chosen meanwhile. */
    bool first = !ui->flame.selected.keys.n;
    if (!first && !ui_list(ui)->holds && ui->screen != SCREEN_DETAIL)
        return;
    ui->flame.zoom.keys.n = ui->flame.zooms.n = 0;
    if (ui->screen == SCREEN_DETAIL) {
        ui->flame.function_key = ui->detail_key;
        return;
    }
    ui_fill(ui, clock_mono_ns()); /* ids may have changed since the table was filled */
    struct function_id f = ui_selected_function(ui);
    if (f.n)
        ui->flame.function_key = rows_function_key(ui_recording(ui), f);
}

/* Fills with the new zoom, and has the zoomed box near the top. */
static void zoomed(struct ui *ui)
{
    ui_fill(ui, clock_mono_ns());
    size_t row =
        ui->flame.graph.boxes.n ? (size_t)ui->flame.graph.boxes.at[ui->flame.graph.zoom].row : 0;
    ui_list(ui)->top = row > ABOVE_ZOOM ? row - ABOVE_ZOOM : 0;
    ui_keep_in_sight(ui);
}

static void zoom_into(struct ui *ui, uint32_t box)
{
    struct flame_screen *fs = &ui->flame;
    if (box >= fs->graph.boxes.n)
        return;
    /* What is merged gets room when its caller does. */
    if (fs->graph.boxes.at[box].merged)
        box = fs->graph.boxes.at[box].parent;
    if (box == fs->graph.zoom) {
        ui_say(ui, STYLE_NOTICE, "too narrow even so: the tree (t) lists what is in it");
        return;
    }
    size_t was = fs->zoom.keys.n;
    flame_path_to(&fs->zoom, &fs->graph, box);
    while (fs->zooms.n && *vec_last(&fs->zooms) >= fs->zoom.keys.n)
        fs->zooms.n--;
    if (fs->zoom.keys.n > was)
        vec_push(&fs->zooms, was);
    select_box(ui, box);
    zoomed(ui);
}

/* To what was shown before; the selection stays. false if the whole is shown. */
static bool zoom_out(struct ui *ui)
{
    struct flame_screen *fs = &ui->flame;
    if (!fs->zoom.keys.n)
        return false;
    fs->zoom.keys.n = fs->zooms.n ? fs->zooms.at[--fs->zooms.n] : 0;
    zoomed(ui);
    return true;
}

static void move_levels(struct ui *ui, int by)
{
    uint32_t box = ui->flame.box;
    for (; by < 0; by++)
        box = flame_above(&ui->flame.graph, box);
    for (; by > 0; by--)
        box = flame_below(&ui->flame.graph, box);
    select_box(ui, box);
}

/* Moving among the boxes; false if the command is another. */
static bool move_command(struct ui *ui, enum command command)
{
    struct flame_screen *fs = &ui->flame;
    int page = ui_list_height(ui);
    switch (command) {
    case COMMAND_UP:
        move_levels(ui, -1);
        return true;
    case COMMAND_DOWN:
        move_levels(ui, 1);
        return true;
    case COMMAND_PAGE_UP:
        move_levels(ui, -page);
        return true;
    case COMMAND_PAGE_DOWN:
        move_levels(ui, page);
        return true;
    case COMMAND_HOME:
        select_box(ui, fs->graph.zoom);
        return true;
    case COMMAND_END:
        move_levels(ui, fs->graph.rows);
        return true;
    case COMMAND_LEFT:
        select_box(ui, flame_beside(&fs->graph, fs->box, -1));
        return true;
    case COMMAND_RIGHT:
        select_box(ui, flame_beside(&fs->graph, fs->box, 1));
        return true;
    default:
        return false;
    }
}

bool flame_screen_command(struct ui *ui, enum command command)
{
    struct flame_screen *fs = &ui->flame;
    if (move_command(ui, command))
        return true;
    switch (command) {
    case COMMAND_OPEN:
        if (fs->box == fs->graph.zoom)
            return false; /* opens the function */
        zoom_into(ui, fs->box);
        return true;
    case COMMAND_UNFOLD:
        zoom_into(ui, fs->box);
        return true;
    case COMMAND_FOLD:
        zoom_out(ui);
        return true;
    case COMMAND_BACK:
        return zoom_out(ui);
    case COMMAND_VARY:
        fs->color = (enum flame_color)((fs->color + 1) % FLAME_COLORS);
        return true;
    default:
        return false;
    }
}

void flame_screen_click(struct ui *ui, unsigned link)
{
    struct flame_screen *fs = &ui->flame;
    uint32_t box = flame_row_start(&fs->graph, (int)ui_list(ui)->top) + link;
    if (box >= fs->graph.boxes.n)
        return;
    uint64_t key = fs->graph.boxes.at[box].key;
    bool again = key == fs->clicked && box == fs->box;
    fs->clicked = key;
    select_box(ui, box);
    if (again)
        zoom_into(ui, box);
}

void flame_screen_search(struct ui *ui, int step, bool here)
{
    struct flame_screen *fs = &ui->flame;
    ui_fill(ui, clock_mono_ns());
    uint32_t box = flame_next_match(&fs->graph, fs->box, step, here);
    if (box != FLAME_NONE)
        select_box(ui, box);
    else if (fs->graph.n_matches)
        ui_say(ui, STYLE_NOTICE, "\"%.60s\" is not in the box zoomed into: Esc zooms out",
               ui->search);
    else
        ui_say(ui, STYLE_NOTICE, "no box here contains \"%.60s\"", ui->search);
}

void flame_screen_clear(struct flame_screen *fs)
{
    flame_clear(&fs->graph);
    vec_free(&fs->zoom.keys);
    vec_free(&fs->selected.keys);
    vec_free(&fs->zooms);
}
