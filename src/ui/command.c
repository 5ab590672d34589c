/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keys, clicks and prompts do to the screens' state. Nothing is painted here. See state.h. */
#include "ui/state.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_header.h"
#include "view/draw_table.h"
#include "view/rows.h"

#define DOUBLE_CLICK_NS (400 * NS_PER_MS)

/* Screens without a selected row only scroll. */
static bool only_scrolls(const struct ui *ui)
{
    return (ui->screen == SCREEN_MEMORY && memory_screen_only_scrolls(ui)) ||
           ui->screen == SCREEN_HELP || ui->screen == SCREEN_WAIT || ui->screen == SCREEN_OBJECT;
}

void ui_chose(struct ui *ui)
{
    struct list *l = ui_list(ui);
    l->holds = true;
    if (l->selected < ui->table.rows.n)
        l->key = ui->table.rows.at[l->selected].key;
    if (ui->screen == SCREEN_TIME)
        time_screen_chose(ui);
    ui_keep_in_sight(ui);
    if (ui->grid.columns >= 200)
        ui->refill = true; /* the pane shows the selected function */
    ui->repaint = true;
}

static void move_by(struct ui *ui, long by)
{
    struct list *l = ui_list(ui);
    size_t n = screens[ui->screen].count(ui);
    size_t *at = only_scrolls(ui) ? &l->top : &l->selected;
    size_t height = (size_t)ui_list_height(ui);
    size_t last = only_scrolls(ui) ? (n > height ? n - height : 0) : (n ? n - 1 : 0);
    if (by < 0)
        *at = *at > (size_t)-by ? *at - (size_t)-by : 0;
    else
        *at = *at + (size_t)by < last ? *at + (size_t)by : last;
    if (only_scrolls(ui))
        l->selected = l->top;
    ui_chose(ui);
}

static void move_to_end(struct ui *ui, bool end)
{
    move_by(ui, end ? 1 << 30 : -(1 << 30));
    if (!end)
        ui_list(ui)->holds = false; /* the top stays chosen, whatever stands there */
}

static void sort_by(struct ui *ui, size_t column)
{
    struct list *l = ui_list(ui);
    const char *key = ui->table.view->columns[column].key;
    const char *now = ui_sort(ui, ui->screen);
    if (now && strcmp(now, key) == 0)
        l->invert = !l->invert;
    else
        l->invert = false;
    l->sort = key;
    l->holds = false;
    l->selected = l->top = 0;
    ui->refill = true;
}

/* Whether the screen's rows have an order that can be chosen; says so if not. */
static bool can_sort(struct ui *ui)
{
    bool rows = screens[ui->screen].view && ui->screen != SCREEN_TIME;
    if (ui->table.view && (rows || ui->screen == SCREEN_COMPARE) && !only_scrolls(ui))
        return true;
    ui_say(ui, STYLE_NOTICE, "there are no columns to sort by here");
    return false;
}

/* The next column that has a title and room, to the left or to the right of the sorted one. */
static void sort_step(struct ui *ui, int step)
{
    const struct view *v = ui->table.view;
    if (!can_sort(ui))
        return;
    const char *sort = ui_sort(ui, ui->screen);
    long at = sort ? view_column(v, sort) : -1, n = (long)v->n_columns;
    for (long i = 1; i <= n; i++) {
        long column = ((at + step * i) % n + n) % n;
        const struct column *c = &v->columns[column];
        if (c->title && (c->from_columns <= 80 || c->from_columns <= ui->grid.columns) &&
            column != at) {
            sort_by(ui, (size_t)column);
            return;
        }
    }
}

static void fold(struct ui *ui, bool folded)
{
    const struct list *l = ui_list(ui);
    if (ui->screen != SCREEN_TREE || l->selected >= ui->table.rows.n) {
        ui_say(ui, STYLE_NOTICE, "folding is for the tree (t)");
        return;
    }
    uint64_t key = ui->table.rows.at[l->selected].key;
    size_t at = 0;
    while (at < ui->folded_keys.n && ui->folded_keys.at[at] != key)
        at++;
    if (folded && at == ui->folded_keys.n)
        vec_push(&ui->folded_keys, key);
    else if (!folded && at < ui->folded_keys.n)
        ui->folded_keys.at[at] = ui->folded_keys.at[--ui->folded_keys.n];
    map_clear(&ui->folded);
    for (size_t i = 0; i < ui->folded_keys.n; i++)
        map_set(&ui->folded, ui->folded_keys.at[i], 1);
    ui_chose(ui);
    ui->refill = true;
}

static void open_detail(struct ui *ui)
{
    /* Ids may have changed since the table was filled: fill it again, and the row's key leads to
     * its function as numbered now. */
    ui_chose(ui);
    ui_fill(ui, clock_mono_ns());
    struct function_id f = ui_selected_function(ui);
    if (!f.n) {
        ui_say(ui, STYLE_NOTICE, "nothing to open here");
        return;
    }
    struct query q = ui_query(ui);
    uint64_t was = ui->screen == SCREEN_DETAIL ? ui->detail_key : 0;
    detail_fill(&ui->detail, &q, f);
    if (was)
        vec_push(&ui->detail_path, was);
    else
        vec_clear(&ui->detail_path);
    ui->detail_key = ui->detail.key;
    ui_show(ui, SCREEN_DETAIL);
    *ui_list(ui) = (struct list){0};
    ui->refill = true;
}

static void open_row(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    const struct recording *rec = ui_recording(ui);
    if (only_scrolls(ui))
        return;
    if (ui->screen == SCREEN_THREADS && l->selected < ui->table.rows.n) {
        ui_chose(ui);
        ui_fill(ui, clock_mono_ns());
        uint32_t id = ui->table.rows.at[l->selected].thread.n;
        if (id && id < rec->threads.n) {
            ui->filter.tid = rec->threads.at[id].tid;
            ui_show(ui, SCREEN_HOT);
        }
        return;
    }
    if (ui->screen == SCREEN_WAITS && l->selected < ui->table.rows.n) {
        ui_chose(ui);
        ui_fill(ui, clock_mono_ns());
        if (l->selected < ui->table.rows.n) {
            ui->wait_key = ui->table.rows.at[l->selected].key;
            ui_show(ui, SCREEN_WAIT);
            *ui_list(ui) = (struct list){0};
        }
        return;
    }
    if (ui->screen == SCREEN_OBJECTS) {
        ui_chose(ui);
        objects_screen_open(ui);
        return;
    }
    if (ui->screen == SCREEN_ALERTS) {
        ui_chose(ui);
        alerts_screen_open(ui);
        return;
    }
    if (ui->screen == SCREEN_PROCESSES && l->selected < ui->table.rows.n) {
        ui_chose(ui);
        ui_fill(ui, clock_mono_ns());
        if (l->selected < ui->table.rows.n && ui->table.rows.at[l->selected].pid) {
            ui->filter.pid = ui->table.rows.at[l->selected].pid;
            ui_show(ui, SCREEN_HOT);
        }
        return;
    }
    open_detail(ui);
}

/* Shows a screen that was asked for by its key or its tab. */
static void go_to(struct ui *ui, enum screen_id screen)
{
    if (screen == SCREEN_FLAME)
        flame_screen_enter(ui);
    if (screen == SCREEN_TREE && ui->tree.direction != CALLS_DOWN) {
        ui->tree.direction = CALLS_DOWN;
        ui->lists[SCREEN_TREE].holds = false;
        ui->refill = true;
    }
    ui_show(ui, screen);
}

/* Sets which way the tree goes; its rows are others then. */
static void turn_tree(struct ui *ui, enum calls_direction direction)
{
    struct list *l = &ui->lists[SCREEN_TREE];
    ui->tree.direction = direction;
    l->holds = false;
    l->selected = l->top = 0;
    ui->refill = true;
}

/* The callers of the function selected, as a tree; then what it calls; then the whole again. */
static void vary(struct ui *ui)
{
    if (ui->screen == SCREEN_TREE && ui->tree.direction != CALLS_DOWN) {
        turn_tree(ui, ui->tree.direction == CALLS_CALLERS ? CALLS_CALLEES : CALLS_DOWN);
        return;
    }
    if (ui->screen == SCREEN_ALERTS) {
        alerts_screen_vary(ui);
        return;
    }
    if (ui->screen == SCREEN_THREADS || ui->screen == SCREEN_PROCESSES ||
        ui->screen == SCREEN_OBJECTS || ui->screen == SCREEN_SETTINGS || only_scrolls(ui)) {
        ui_say(ui, STYLE_NOTICE, "v is for functions: their callers, and what they call");
        return;
    }
    ui_fill(ui, clock_mono_ns());
    struct query q = ui_query(ui);
    struct function_id f =
        ui->screen == SCREEN_DETAIL ? detail_find(q.rec, ui->detail_key) : ui_selected_function(ui);
    if (!f.n) {
        ui_say(ui, STYLE_NOTICE, "no function is selected");
        return;
    }
    ui->tree.root_key = rows_function_key(q.rec, f);
    snprintf(ui->tree.root_name, sizeof ui->tree.root_name, "%s", rows_function_name(q.rec, f));
    ui->tree.from = ui->screen;
    turn_tree(ui, CALLS_CALLERS);
    ui_show(ui, SCREEN_TREE);
}

/* From a tree about a function to where it was selected. */
static void leave_tree(struct ui *ui)
{
    turn_tree(ui, CALLS_DOWN);
    if (ui->tree.from != SCREEN_TREE)
        ui_go_back_to(ui, ui->tree.from);
}

static void back(struct ui *ui)
{
    if (ui->screen == SCREEN_OBJECT)
        session_stop_asking(ui->session);
    if (ui->screen == SCREEN_DETAIL && ui->detail_path.n) {
        ui->detail_key = vec_last(&ui->detail_path)[0];
        ui->detail_path.n--;
        *ui_list(ui) = (struct list){0};
        ui->refill = true;
    } else if (ui->screen == SCREEN_TREE && ui->tree.direction != CALLS_DOWN) {
        leave_tree(ui);
    } else if (ui->screen >= SCREEN_PROCESSES) {
        if (!ui_go_back(ui)) /* the first one: two files, compared */
            ui_go_back_to(ui, SCREEN_HOT);
    } else if (ui->filter.tid) {
        ui->filter.tid = 0;
        ui_go_back_to(ui, SCREEN_THREADS);
    } else if (ui->filter.pid) {
        ui->filter.pid = 0;
        ui_go_back_to(ui, SCREEN_PROCESSES);
    } else if (ui->filter_text[0]) {
        ui->filter_text[0] = '\0';
    } else if (ui->search[0]) {
        ui->search[0] = '\0';
    } else if (travel_holds(ui)) {
        travel_let_go(ui);
    } else {
        ui_go_back(ui);
    }
    ui->refill = true;
}

static void step_screen(struct ui *ui, int step)
{
    int at = (int)ui->screen;
    do
        at = (at + step + SCREEN_COUNT) % SCREEN_COUNT;
    while (!screens[at].digit && at != SCREEN_ALERTS && at != SCREEN_FLAME);
    ui_show(ui, (enum screen_id)at);
}

static void save(struct ui *ui, const char *path)
{
    if (!session_save(ui->session, path, NULL)) {
        ui_say(ui, STYLE_NOTICE, "a snapshot is being written already");
        return;
    }
    ui->saving = true;
    ui_say(ui, STYLE_NOTICE, "saving %.500s", path);
}

static void set_other(struct ui *ui, struct session *other, const char *name)
{
    if (ui->compare.owned && ui->compare.other)
        session_free(ui->compare.other);
    ui->compare.other = other;
    ui->compare.owned = true;
    ui->compare.with = COMPARE_OTHER;
    memset(ui->compare.head, 0, sizeof ui->compare.head);
    snprintf(ui->compare.name, sizeof ui->compare.name, "%s", path_base(name));
}

static void compare_with_file(struct ui *ui, const char *path)
{
    struct err err;
    struct session *other = session_open(path, &err);
    if (!other) {
        ui_say(ui, STYLE_ERROR, "%s", err.text);
        return;
    }
    set_other(ui, other, path);
    ui_show(ui, SCREEN_COMPARE);
    ui->refill = true;
}

static void compare(struct ui *ui)
{
    if (ui->screen != SCREEN_COMPARE) {
        bool objects = ui->screen == SCREEN_OBJECTS || ui->screen == SCREEN_OBJECT;
        if (objects != ui->compare.objects) { /* other rows */
            order_clear(&ui->lists[SCREEN_COMPARE].order);
            ui->lists[SCREEN_COMPARE] = (struct list){0};
        }
        ui->compare.objects = objects;
    }
    /* With the baseline, else with the rest if a window is selected. */
    bool baseline = ui->baseline.to_ns != 0, rest = !baseline && travel_holds(ui);
    enum compare_with with = ui->compare.with;
    enum compare_with wanted = baseline ? COMPARE_BASELINE : rest ? COMPARE_REST : with;
    bool asked_again = ui->screen == SCREEN_COMPARE && with != COMPARE_NOTHING && with == wanted;
    if (!asked_again && (baseline || rest)) {
        ui->compare.with = wanted;
        snprintf(ui->compare.name, sizeof ui->compare.name, baseline ? "baseline" : "the rest");
        ui_show(ui, SCREEN_COMPARE);
        ui->refill = true;
    } else if (!asked_again && with == COMPARE_OTHER) {
        ui_show(ui, SCREEN_COMPARE);
    } else if (!asked_again && ui->snapshot[0]) {
        compare_with_file(ui, ui->snapshot);
    } else {
        prompt_start(&ui->prompt, PROMPT_COMPARE, "Compare with file:", ui->snapshot);
    }
}

static void mark_baseline(struct ui *ui)
{
    ui->baseline = ui_window(ui);
    if (travel_holds(ui)) {
        ui_say(ui, STYLE_NOTICE, "baseline marked: c compares another window with this one");
        return;
    }
    ui->baseline = window_all(ui_recording(ui));
    if (session_kind(ui->session) == SESSION_FILE)
        ui_say(ui, STYLE_NOTICE, "baseline marked: c compares a window with all of it");
    else
        ui_say(ui, STYLE_NOTICE, "baseline marked: c compares what comes with what was");
}

static void take_children(struct ui *ui)
{
    struct session_children c = session_children(ui->session);
    if (session_kind(ui->session) != SESSION_LIVE)
        ui_say(ui, STYLE_NOTICE, "there is no live target");
    else if (c.taken)
        ui_say(ui, STYLE_NOTICE, "its children are being watched already");
    else {
        session_take_children(ui->session);
        ui_say(ui, STYLE_NOTICE, "its children are being watched too, now and later ones");
    }
}

/* Moving within the list; false if the command is another. */
static bool move_command(struct ui *ui, enum command command)
{
    int page = ui_list_height(ui);
    switch (command) {
    case COMMAND_UP:
        move_by(ui, -1);
        return true;
    case COMMAND_DOWN:
        move_by(ui, 1);
        return true;
    case COMMAND_PAGE_UP:
        move_by(ui, -page);
        return true;
    case COMMAND_PAGE_DOWN:
        move_by(ui, page);
        return true;
    case COMMAND_HOME:
        move_to_end(ui, false);
        return true;
    case COMMAND_END:
        move_to_end(ui, true);
        return true;
    default:
        return false;
    }
}

/* How the rows are searched, sorted and folded; false if the command is another. */
static bool row_command(struct ui *ui, enum command command)
{
    switch (command) {
    case COMMAND_OPEN:
        open_row(ui);
        return true;
    case COMMAND_BACK:
        back(ui);
        return true;
    case COMMAND_SEARCH:
        prompt_start(&ui->prompt, PROMPT_SEARCH, "Search:", "");
        return true;
    case COMMAND_NEXT:
        ui_search(ui, 1, false);
        return true;
    case COMMAND_PREVIOUS:
        ui_search(ui, -1, false);
        return true;
    case COMMAND_FILTER:
        prompt_start(&ui->prompt, PROMPT_FILTER, "Filter:", ui->filter_text);
        return true;
    case COMMAND_SORT_LEFT:
        sort_step(ui, -1);
        return true;
    case COMMAND_SORT_RIGHT:
        sort_step(ui, 1);
        return true;
    case COMMAND_INVERT:
        if (can_sort(ui))
            ui_list(ui)->invert = !ui_list(ui)->invert;
        ui->refill = true;
        return true;
    case COMMAND_FOLD:
    case COMMAND_LEFT:
        fold(ui, true);
        return true;
    case COMMAND_UNFOLD:
    case COMMAND_RIGHT:
        fold(ui, false);
        return true;
    default:
        return false;
    }
}

static void next_native(struct ui *ui)
{
    static const struct {
        enum native_frames next;
        const char *text;
    } ways[] = {
        [NATIVE_FOLDED] = {NATIVE_ALL, "the interpreter's own functions are shown"},
        [NATIVE_ALL] = {NATIVE_NONE, "Python threads show Python functions alone"},
        [NATIVE_NONE] = {NATIVE_FOLDED, "the interpreter's own functions are folded"},
    };
    ui_say(ui, STYLE_NOTICE, "%s; x goes on", ways[ui->filter.native].text);
    ui->filter.native = ways[ui->filter.native].next;
    ui->refill = true;
}

static void snapshot(struct ui *ui, bool ask)
{
    char path[256], placed[1300];
    alarms_file_name(path, sizeof path, ui_recording(ui), NULL);
    settings_screen_place(placed, sizeof placed, ui, path);
    if (ask)
        prompt_start(&ui->prompt, PROMPT_SAVE, "Save as:", placed);
    else
        save(ui, placed);
}

static void switch_sides(struct ui *ui)
{
    struct compare_side before, after;
    if (ui->screen != SCREEN_COMPARE && !ui_sides(ui, &before, &after)) {
        ui_say(ui, STYLE_NOTICE, "that is for the comparison (c)");
        return;
    }
    if (ui->screen == SCREEN_COMPARE && ui->compare.objects) {
        ui_say(ui, STYLE_NOTICE, "objects are compared in one table");
        return;
    }
    ui->compare.sides = !ui->compare.sides;
    if (ui->screen != SCREEN_COMPARE)
        compare(ui);
}

void ui_command(struct ui *ui, enum command command)
{
    ui->repaint = true;
    if (ui->screen == SCREEN_FLAME && flame_screen_command(ui, command))
        return;
    if (ui->screen == SCREEN_MEMORY && memory_screen_command(ui, command))
        return;
    if (ui->screen == SCREEN_TIME && time_screen_command(ui, command))
        return;
    if (settings_screen_command(ui, command))
        return;
    if (ui->screen == SCREEN_ALERTS && alerts_screen_command(ui, command))
        return;
    if (move_command(ui, command) || row_command(ui, command) || travel_command(ui, command))
        return;
    switch (command) {
    case COMMAND_TREE:
        go_to(ui, SCREEN_TREE);
        break;
    case COMMAND_VARY:
        vary(ui);
        break;
    case COMMAND_TAB:
        step_screen(ui, 1);
        break;
    case COMMAND_TAB_BACK:
        step_screen(ui, -1);
        break;
    case COMMAND_NATIVE:
        next_native(ui);
        break;
    case COMMAND_SNAPSHOT:
    case COMMAND_SNAPSHOT_AS:
        snapshot(ui, command == COMMAND_SNAPSHOT_AS);
        break;
    case COMMAND_BASELINE:
        mark_baseline(ui);
        break;
    case COMMAND_COMPARE:
        compare(ui);
        break;
    case COMMAND_SIDES:
        switch_sides(ui);
        break;
    case COMMAND_CHILDREN:
        take_children(ui);
        break;
    case COMMAND_GROW:
        memory_screen_grow(ui);
        break;
    case COMMAND_COUNT_OBJECTS:
        if (ui->screen == SCREEN_OBJECT)
            object_screen_ask(ui);
        else
            objects_screen_count(ui);
        break;
    case COMMAND_HELP:
        ui_show(ui, SCREEN_HELP);
        break;
    case COMMAND_QUIT:
        ui->leave = true;
        break;
    default:
        break;
    }
}

static void prompt_done(struct ui *ui, enum prompt_kind kind)
{
    char *text = ui->prompt.text;
    switch (kind) {
    case PROMPT_SEARCH:
        snprintf(ui->search, sizeof ui->search, "%s", text);
        if (text[0])
            ui_search(ui, 1, true);
        else
            ui->refill = true;
        break;
    case PROMPT_FILTER:
        snprintf(ui->filter_text, sizeof ui->filter_text, "%s", text);
        ui->refill = true;
        break;
    case PROMPT_SAVE:
        if (text[0])
            save(ui, text);
        break;
    case PROMPT_COMPARE:
        if (text[0])
            compare_with_file(ui, text);
        break;
    case PROMPT_RULE:
        if (text[0])
            alerts_screen_change(ui, text);
        break;
    case PROMPT_SETTING:
        settings_screen_take(ui, text);
        break;
    case PROMPT_NONE:
        break;
    }
}

static void prompt_event(struct ui *ui, uint32_t key)
{
    enum prompt_kind kind = ui->prompt.kind;
    ui->repaint = true;
    switch (prompt_key(&ui->prompt, key)) {
    case PROMPT_ACCEPTED:
        ui->prompt.kind = PROMPT_NONE;
        prompt_done(ui, kind);
        break;
    case PROMPT_CANCELLED:
        ui->prompt.kind = PROMPT_NONE;
        break;
    case PROMPT_EDITED:
    case PROMPT_IGNORED:
        break;
    }
}

/* The screen that this key shows; false: there is none. */
static bool go_to_key(struct ui *ui, uint32_t key)
{
    for (int i = 0; i < SCREEN_COUNT; i++) {
        if ((screens[i].digit && key == (uint32_t)screens[i].digit) ||
            (screens[i].letter && key == (uint32_t)screens[i].letter)) {
            go_to(ui, (enum screen_id)i);
            return true;
        }
    }
    return false;
}

static void click(struct ui *ui, const struct terminal_event *event, uint64_t now_ns)
{
    const struct grid_cell *c = grid_at(&ui->grid, event->row, event->column);
    unsigned link = c ? c->link : 0;
    if (link >= LINK_ROW && ui->screen == SCREEN_FLAME) {
        flame_screen_click(ui, link - LINK_ROW);
    } else if (link >= LINK_ROW) {
        size_t row = link - LINK_ROW;
        bool twice = row == ui->click_row && now_ns - ui->click_ns < DOUBLE_CLICK_NS;
        ui_list(ui)->selected = row;
        ui_chose(ui);
        ui->click_row = row;
        ui->click_ns = now_ns;
        if (twice)
            ui_command(ui, COMMAND_OPEN);
    } else if (link >= LINK_COLUMN && ui->table.view &&
               link - LINK_COLUMN < ui->table.view->n_columns) {
        sort_by(ui, link - LINK_COLUMN);
    } else if (link >= LINK_LETTER && link < LINK_COLUMN) {
        go_to_key(ui, link - LINK_LETTER);
    } else if (link >= LINK_BAR && link < LINK_COLUMN) {
        /* The bar stands in the order of the function keys. */
        for (size_t i = 0, nth = 0; i < 10; i++) {
            enum command command = key_command((uint32_t)(TERMINAL_F1 + i));
            bool shown = false;
            for (size_t k = 0; k < key_count; k++)
                shown |= keys[k].bar_key && command && keys[k].command == command;
            if (shown && nth++ == link - LINK_BAR)
                ui_command(ui, command);
        }
    } else if (link >= LINK_TAB && link - LINK_TAB < ui->tab_count) {
        go_to(ui, ui->tabs[link - LINK_TAB]);
    }
}

static void take_event(struct ui *ui, const struct terminal_event *event, uint64_t now_ns)
{
    if (ui->prompt.kind) {
        prompt_event(ui, event->key);
        return;
    }
    if (travel_mouse(ui, event)) {
        ui->repaint = true;
        return;
    }
    if (event->key == TERMINAL_CLICK) {
        click(ui, event, now_ns);
        return;
    }
    if (event->key == TERMINAL_WHEEL_UP || event->key == TERMINAL_WHEEL_DOWN) {
        bool up = event->key == TERMINAL_WHEEL_UP;
        if (ui->screen == SCREEN_FLAME)
            ui_command(ui, up ? COMMAND_UP : COMMAND_DOWN);
        else
            move_by(ui, up ? -3 : 3);
        return;
    }
    enum command command = key_command(event->key);
    if (command) {
        ui_command(ui, command);
        return;
    }
    go_to_key(ui, event->key);
}

/* What a key was answered stands until the next one, so that no answer is taken for another's. News
 * that came by itself stays its time, and so does what is wrong with what is being typed. */
void ui_event(struct ui *ui, const struct terminal_event *event, uint64_t now_ns)
{
    bool key = event->key != TERMINAL_DRAG && event->key != TERMINAL_RELEASE;
    if (ui->answered && key && !ui->prompt.kind) {
        ui->message_until_ns = 0;
        ui->answered = false;
        ui->repaint = true;
    }
    uint64_t said = ui->said;
    take_event(ui, event, now_ns);
    if (ui->said != said)
        ui->answered = true;
}
