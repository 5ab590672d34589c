/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screens: what each computes and draws, and the frame around all of them. See state.h. */
#include "ui/state.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_header.h"
#include "view/draw_table.h"
#include "view/draw_time.h"

#define LEAST_COLUMNS 40
#define LEAST_ROWS    10
#define PANE_COLUMNS  200 /* from here on the selected function stands at the right */
#define PANE_WIDTH    78
#define ROWS_MAX      2000 /* of a table on the screen */

static size_t table_count(const struct ui *ui)
{
    return ui->table.rows.n;
}

/* Which column a live table stays steady by; -1 if its order is not by a figure. */
static int steady_column(const struct ui *ui)
{
    const char *sort = ui_sort(ui, ui->screen);
    int column = sort && ui->table.view ? view_column(ui->table.view, sort) : -1;
    if (column < 0 || ui->table.view->own_order ||
        !column_is_number(&ui->table.view->columns[column]))
        return -1;
    return column;
}

/* What the rows are of. The same while the recording goes on; with another window or filter they
 * have not passed each other, they are others. */
static uint64_t shown_key(const struct ui *ui)
{
    const struct filter *f = &ui->filter;
    uint64_t key = hash_bytes(ui->filter_text, strlen(ui->filter_text));
    key = hash_mix(hash_mix(key, ui->travel.held.from_ns), ui->travel.held.to_ns);
    key = hash_mix(hash_mix(key, ui->span_ns), ui->started_ns);
    key = hash_mix(hash_mix(key, (uint64_t)f->pid), (uint64_t)f->tid);
    return hash_mix(hash_mix(key, f->states), f->native);
}

static void steady(struct ui *ui)
{
    struct list *l = ui_list(ui);
    int column = session_kind(ui->session) == SESSION_LIVE ? steady_column(ui) : -1;
    const struct recording *rec = ui_recording(ui);
    double samples = (double)ui->table.whole_ns / NS_PER_S * rec->rate_hz;
    order_begin(&l->order, shown_key(ui));
    if (column >= 0)
        order_apply(&l->order, &ui->table, column, !l->invert, samples, clock_mono_ns());
}

static void fill_table(struct ui *ui)
{
    struct query q = ui_query(ui);
    struct list *l = ui_list(ui);
    q.sort = l->sort;
    q.invert = l->invert;
    q.limit = ROWS_MAX;
    if (ui->screen == SCREEN_TREE) {
        q.direction = ui->tree.direction;
        q.root_key = ui->tree.root_key;
    }
    table_fill(&ui->table, view_by_name(screens[ui->screen].view), &q);
    steady(ui);
}

/* All of them, also when one was chosen: to choose another. */
static void fill_processes(struct ui *ui)
{
    struct filter chosen = ui->filter;
    ui->filter.pid = ui->filter.tid = 0;
    fill_table(ui);
    ui->filter = chosen;
}

static bool pane_shown(const struct ui *ui)
{
    return ui->grid.columns >= PANE_COLUMNS &&
           (ui->screen == SCREEN_HOT || ui->screen == SCREEN_LINES || ui->screen == SCREEN_TREE);
}

static struct table_look look_of(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    const struct recording *rec = ui_recording(ui);
    /* In the beginning everything moves, and that says nothing. */
    bool young = rec->end_ns - rec->start_ns < 10 * NS_PER_S;
    return (struct table_look){
        .top = l->top,
        .selected = l->selected,
        .sort = ui_sort(ui, ui->screen),
        .invert = l->invert,
        .match = ui->search,
        .order = young ? NULL : &l->order,
        .now_ns = clock_mono_ns(),
    };
}

void ui_draw_list(struct ui *ui, int row, int height)
{
    struct table_look look = look_of(ui);
    bool pane = pane_shown(ui);
    int width = pane ? ui->grid.columns - PANE_WIDTH - 2 : ui->grid.columns;
    draw_table(&ui->grid, row, 0, width, height, &ui->table, &look);
    if (!pane)
        return;
    for (int i = 0; i < height; i++)
        grid_char(&ui->grid, row + i, width, STYLE_GREY, ui->ascii ? '|' : 0x2502);
    struct detail_look detail = {SIZE_MAX, false, ui->options->source, ui->options->source_context};
    draw_detail(&ui->grid, row, width + 2, PANE_WIDTH, height, &ui->detail, &detail);
}

/* Which way the tree goes, and how to have it go another. */
static void draw_tree_screen(struct ui *ui, int row, int height)
{
    static const struct {
        const char *before, *after, *hint;
    } ways[] = {
        [CALLS_DOWN] = {"calls from main down", "", "v: callers of the selected function"},
        [CALLS_CALLERS] = {"callers of ", " up", "v: what it calls"},
        [CALLS_CALLEES] = {"what ", " calls", "v: calls from main down"},
    };
    enum calls_direction way = ui->tree.direction;
    int at = 1, end = ui->grid.columns - 4 - text_columns(ways[way].hint);
    grid_put_right(&ui->grid, row, end + 2, ui->grid.columns - end - 3, STYLE_GREY, ways[way].hint);
    at += grid_put(&ui->grid, row, at, end - at, STYLE_HEADING, ways[way].before);
    if (way != CALLS_DOWN)
        at += grid_put(&ui->grid, row, at, end - at - text_columns(ways[way].after), STYLE_TITLE,
                       ui->tree.root_name);
    grid_put(&ui->grid, row, at, end - at, STYLE_HEADING, ways[way].after);
    ui_draw_list(ui, row + 1, height - 1);
}

static void fill_detail(struct ui *ui)
{
    struct query q = ui_query(ui);
    struct function_id f = detail_find(q.rec, ui->detail_key);
    detail_fill(&ui->detail, &q, f);
}

static void draw_detail_screen(struct ui *ui, int row, int height)
{
    struct detail_look look = {ui_list(ui)->selected, true, ui->options->source,
                               ui->options->source_context};
    draw_detail(&ui->grid, row, 1, ui->grid.columns - 1, height, &ui->detail, &look);
    ui_mark_found(ui, row, height);
    if (!ui->detail.key)
        grid_put(&ui->grid, row + 1, 1, ui->grid.columns - 1, STYLE_GREY,
                 "This function is not in the recording any more.");
}

static size_t detail_rows(const struct ui *ui)
{
    return detail_count(&ui->detail);
}

static void fill_wait(struct ui *ui)
{
    struct query q = ui_query(ui);
    wait_detail_fill(&ui->wait, &q, ui->wait_key);
}

static void draw_wait_screen(struct ui *ui, int row, int height)
{
    draw_text_lines(&ui->grid, row, height, &ui->wait, ui_list(ui)->top);
    ui_mark_found(ui, row, height);
}

static size_t wait_lines(const struct ui *ui)
{
    return ui->wait.at.n;
}

static void fill_compare(struct ui *ui)
{
    struct compare_side before, after;
    const struct list *l = ui_list(ui);
    if (!ui_sides(ui, &before, &after)) {
        table_clear(&ui->table);
        memset(&ui->compare.head, 0, sizeof ui->compare.head);
        return;
    }
    if (ui->compare.objects)
        compare_objects_fill(&ui->table, &ui->compare.totals, &before, &after, l->sort, l->invert,
                             ROWS_MAX);
    else
        compare_fill(&ui->table, &ui->compare.summary, &before, &after, l->sort, l->invert,
                     ROWS_MAX);
    compare_head_fill(&ui->compare.head[0], &before, ui->compare.name);
    const char *path = session_path(ui->session);
    compare_head_fill(&ui->compare.head[1], &after,
                      travel_holds(ui) ? "window"
                      : path           ? path_base(path)
                                       : "live");
}

static void draw_compare_screen(struct ui *ui, int row, int height)
{
    struct table_look look = look_of(ui);
    if (!ui->table.view) {
        grid_put(&ui->grid, row, 1, ui->grid.columns - 1, STYLE_NORMAL,
                 ui->compare.with == COMPARE_BASELINE
                     ? "Nothing has been recorded since the baseline yet."
                 : ui->compare.with == COMPARE_REST
                     ? "No window is selected: [ selects one, and , the last spike."
                     : "Nothing to compare with: b marks a baseline, s takes a snapshot, c asks "
                       "for a file.");
        return;
    }
    const struct compare_objects_summary *totals = &ui->compare.totals;
    if (ui->compare.objects && !(totals->before.time_ns && totals->after.time_ns))
        objects_screen_draw_waiting(ui, row);
    else if (ui->compare.objects)
        ui_draw_list(ui, row, height);
    else if (ui->compare.sides)
        draw_compare_sides(&ui->grid, row, height, &ui->table, &look);
    else
        draw_compare_overlay(&ui->grid, row, height, &ui->table, &look);
}

static void fill_nothing(struct ui *ui)
{
    (void)ui;
}

const struct screen screens[SCREEN_COUNT] = {
    [SCREEN_HOT] = {'1', 'H', "Hot", "functions", "the hot functions", fill_table, ui_draw_list,
                    table_count},
    [SCREEN_LINES] = {'2', 'l', "Lines", "lines", "the hot source lines", fill_table, ui_draw_list,
                      table_count},
    [SCREEN_TREE] = {'3', 't', "Tree", "tree", "the call tree", fill_table, draw_tree_screen,
                     table_count},
    [SCREEN_FLAME] = {0, 'f', "Flame", NULL, "the flame graph: below a box what it calls",
                      flame_screen_fill, flame_screen_draw, flame_screen_rows},
    [SCREEN_WAITS] = {'4', 'w', "Waits", "waits", "what the threads wait for", fill_table,
                      ui_draw_list, table_count},
    [SCREEN_THREADS] = {'5', 'd', "Threads", "threads", "the threads", fill_table, ui_draw_list,
                        table_count},
    [SCREEN_MEMORY] = {'6', 'm', "Memory", "memory", "the memory over time, and where it is going",
                       memory_screen_fill, memory_screen_draw, memory_screen_rows},
    [SCREEN_OBJECTS] = {'7', 'o', "Objects", "objects", "the live objects by type, and what leaks",
                        fill_table, objects_screen_draw, table_count},
    [SCREEN_TIME] = {'9', 'i', "Time", "timeline",
                     "the metrics over the whole recording, bursts and spikes", time_screen_fill,
                     time_screen_draw, time_screen_rows},
    [SCREEN_PROCESSES] = {0, 'P', "Processes", "processes",
                          "the processes, and the odd one out (!) among three or more siblings",
                          fill_processes, ui_draw_list, table_count},
    [SCREEN_ALERTS] = {0, 'a', "Alerts", "alerts", "the alerts; v: the rules behind them",
                       alerts_screen_fill, alerts_screen_draw, table_count},
    [SCREEN_COMPARE] = {0, 'c', "Compare", NULL, "the comparison", fill_compare,
                        draw_compare_screen, table_count},
    [SCREEN_HELP] = {0, 'h', "Help", NULL, "this help", fill_nothing, help_screen_draw,
                     help_screen_rows},
    [SCREEN_DETAIL] = {0, 0, "Function", NULL, "a function", fill_detail, draw_detail_screen,
                       detail_rows},
    [SCREEN_WAIT] = {0, 0, "Wait", NULL, "a wait", fill_wait, draw_wait_screen, wait_lines},
    [SCREEN_OBJECT] = {0, 0, "Type", NULL, "a type of object", object_screen_fill,
                       object_screen_draw, object_screen_rows},
    [SCREEN_SETTINGS] = {0, 'u', "Settings", NULL, "the settings, and where each is from",
                         fill_nothing, settings_screen_draw, settings_screen_rows},
};

char screen_letter(const char *view)
{
    for (size_t i = 0; i < SCREEN_COUNT; i++)
        if (screens[i].view && strcmp(screens[i].view, view) == 0)
            return screens[i].letter;
    return '\0';
}

/* The selected row's key before a fill leads to it after. */
static void find_selected(struct ui *ui, size_t was, size_t top)
{
    struct list *l = ui_list(ui);
    if (!l->holds || ui->table.rows.n == 0)
        return;
    for (size_t i = 0; i < ui->table.rows.n; i++) {
        if (ui->table.rows.at[i].key != l->key)
            continue;
        l->selected = i;
        /* It stays on its line of the screen where that can be. */
        l->top = i >= was - top ? i - (was - top) : 0;
        return;
    }
}

void ui_fill_summary(struct ui *ui)
{
    const struct view *summary = view_by_name("summary");
    if (summary && ui->screen != SCREEN_COMPARE) {
        struct query q = ui_query(ui);
        q.limit = VERDICT_ROWS;
        table_fill(&ui->summary, summary, &q);
    }
    ui->summary_due = false;
    ui->repaint = true;
}

void ui_fill(struct ui *ui, uint64_t now_ns)
{
    struct list *l = ui_list(ui);
    size_t was = l->selected, top = l->top;
    if (top > was)
        top = was;
    screens[ui->screen].fill(ui);
    if (screens[ui->screen].count == table_count)
        find_selected(ui, was, top);
    ui_keep_in_sight(ui);
    /* A window that is being moved is shown first, what stands out in it a moment later. */
    ui->summary_due = true;
    if (!travel_holds(ui))
        ui_fill_summary(ui);
    if (pane_shown(ui)) {
        struct query q = ui_query(ui);
        detail_fill(&ui->detail, &q, ui_selected_function(ui));
    }
    ui->shown_version = ui_recording(ui)->version;
    ui->filled_ns = now_ns;
    ui->refill = false;
    ui->repaint = true;
}

static void state_text(const struct ui *ui, char *out, size_t size, enum style *style)
{
    struct text t = {out, size, 0, false};
    char figure[FIGURE_MAX];
    out[0] = '\0';
    const struct recording *rec = ui_recording(ui);
    if (travel_holds(ui)) {
        struct window w = ui->travel.held;
        *style = STYLE_HELD;
        text_add(&t, "WINDOW %s", wall_clock(figure, rec, w.from_ns));
        text_add(&t, " +%s", figure_duration(figure, w.to_ns - w.from_ns));
        return;
    }
    switch (session_kind(ui->session)) {
    case SESSION_FILE:
        *style = STYLE_ENDED;
        text_add(&t, "FILE %s", path_base(session_path(ui->session)));
        break;
    case SESSION_ENDED:
        *style = STYLE_ENDED;
        text_add(&t, "ENDED");
        break;
    case SESSION_LIVE:
        *style = ui->frozen ? STYLE_HELD : STYLE_LIVE;
        text_add(&t, ui->frozen ? "PAUSED" : "LIVE");
        break;
    }
    if (ui->span_ns)
        text_add(&t, " last %s", figure_duration(figure, ui->span_ns));
    if (ui->started_ns)
        text_add(&t, " since %s", wall_clock(figure, rec, ui->started_ns));
}

static void draw_top(struct ui *ui, uint64_t now_ns)
{
    const struct recording *rec = ui_recording(ui);
    struct window w = ui_window(ui);
    char state[256];
    struct header h = {.rec = rec, .state = state, .at_ns = w.to_ns};
    state_text(ui, state, sizeof state, &h.state_style);
    struct strip *spark = &ui->travel.spark;
    spark->all = h.spark = travel_spark(ui);
    h.held = ui->travel.held;
    h.ago_ns = travel_ago(ui);
    header_spark_place(ui->grid.columns, &spark->at, &spark->width);
    double top = header_memory_top(rec, h.spark.from_ns, h.spark.to_ns);
    if (top > ui->memory_top || top < ui->memory_top / 4) {
        if (ui->memory_top > 1)
            ui->memory_top_until_ns = now_ns + 5 * NS_PER_S;
        ui->memory_top = top;
    }
    h.memory_top = ui->memory_top;
    h.say_memory_top = now_ns < ui->memory_top_until_ns;
    draw_header(&ui->grid, 0, &h);
}

static void draw_second(struct ui *ui, int row)
{
    if (ui->screen == SCREEN_COMPARE && ui->compare.head[0].name && ui->compare.objects) {
        draw_compare_objects_head(&ui->grid, row, &ui->compare.head[0], &ui->compare.head[1],
                                  &ui->compare.totals);
        return;
    }
    if (ui->screen == SCREEN_COMPARE && ui->compare.head[0].name) {
        draw_compare_head(&ui->grid, row, &ui->compare.head[0], &ui->compare.head[1],
                          &ui->compare.summary);
        return;
    }
    char hint[160] = "";
    struct session_children c = session_children(ui->session);
    const struct recording *rec = ui_recording(ui);
    const struct point *user = series_find(&rec->total.series[METRIC_CPU_USER], rec->end_ns);
    bool idle = user && user->mean < 0.1 && c.cores > 0.2 && c.cores > 4 * (double)user->mean;
    if (c.count && !c.taken && idle && session_kind(ui->session) == SESSION_LIVE)
        snprintf(hint, sizeof hint, "it idles while %u %s %.1f cores: C takes %s in", c.count,
                 c.count == 1 ? "child uses" : "children use", c.cores,
                 c.count == 1 ? "it" : "them");
    draw_verdicts(&ui->grid, row, rec, &ui->summary, hint, screen_letter);
}

static void draw_tab_line(struct ui *ui, int row)
{
    struct label labels[SCREEN_COUNT];
    char names[SCREEN_COUNT][2], position[PROMPT_MAX + 96];
    struct text t = TEXT(position);
    size_t n = 0, active = SIZE_MAX;
    for (int i = 0; i < SCREEN_COUNT; i++) {
        if (!screens[i].digit && i != (int)ui->screen)
            continue;
        names[n][0] = screens[i].digit ? screens[i].digit : screens[i].letter;
        names[n][1] = '\0';
        labels[n] = (struct label){names[n], screens[i].title};
        if (i == (int)ui->screen)
            active = n;
        ui->tabs[n++] = (enum screen_id)i;
    }
    ui->tab_count = n;
    if (ui->filter.pid)
        text_add(&t, "process %d  ", ui->filter.pid);
    if (ui->filter.tid)
        text_add(&t, "thread %d  ", ui->filter.tid);
    if (ui->filter_text[0])
        text_add(&t, "filter %.24s  ", ui->filter_text);
    size_t rows = screens[ui->screen].count(ui), last = ui_list(ui)->top;
    last += (size_t)ui_list_height(ui);
    if (rows > (size_t)ui_list_height(ui))
        text_add(&t, "%zu-%zu of %zu", ui_list(ui)->top + 1, last < rows ? last : rows, rows);
    draw_tabs(&ui->grid, row, labels, n, active, position);
}

static void draw_bottom(struct ui *ui, uint64_t now_ns, int *cursor)
{
    struct grid *g = &ui->grid;
    struct status s = {ui_recording(ui), ui_window(ui).to_ns, "", STYLE_NOTICE};
    if (now_ns < ui->message_until_ns) {
        s.message = ui->message;
        s.style = ui->message_style;
    } else if (ui->saving) {
        s.message = "saving...";
    } else if (session_kind(ui->session) == SESSION_ENDED) {
        s.message = "the target has ended; what was recorded stays";
    }
    draw_status(g, g->rows - 2, &s);
    if (ui->prompt.kind) {
        *cursor = draw_prompt(g, g->rows - 1, ui->prompt.label, ui->prompt.text);
        return;
    }
    struct label items[32];
    size_t n = 0;
    for (size_t i = 0; i < key_count && n < 32; i++)
        if (keys[i].bar_key)
            items[n++] = (struct label){keys[i].bar_key, keys[i].bar_text};
    /* In the order of the function keys. */
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && atoi(items[j].key + 1) < atoi(items[j - 1].key + 1); j--) {
            struct label swap = items[j];
            items[j] = items[j - 1];
            items[j - 1] = swap;
        }
    draw_bar_line(g, g->rows - 1, items, n);
}

void ui_paint(struct ui *ui, uint64_t now_ns)
{
    int columns, rows, cursor = -1;
    terminal_size(&columns, &rows);
    if (columns != ui->grid.columns || rows != ui->grid.rows) {
        grid_clear(&ui->grid);
        grid_init(&ui->grid, columns, rows, ui->ascii);
        ui_keep_in_sight(ui);
        if (pane_shown(ui) || ui->screen == SCREEN_FLAME)
            ui_fill(ui, now_ns);
    }
    struct grid *g = &ui->grid;
    grid_erase(g);
    if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) {
        grid_printf(g, 0, 0, columns, STYLE_NORMAL, "terminal too small (%dx%d), needs 80x24",
                    columns, rows);
    } else {
        int row = HEADER_ROWS;
        draw_top(ui, now_ns);
        if (rows >= 16 || ui->screen == SCREEN_COMPARE) {
            draw_second(ui, row);
            row += VERDICT_ROWS;
        }
        draw_tab_line(ui, row++);
        screens[ui->screen].draw(ui, row, rows - 2 - row);
        draw_bottom(ui, now_ns, &cursor);
    }
    terminal_paint(g, cursor >= 0 ? g->rows - 1 : -1, cursor);
    ui->repaint = false;
}
