/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See state.h. */
#include "ui/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "view/draw_header.h"

#define MESSAGE_NS (6 * NS_PER_S)

struct recording *ui_recording(const struct ui *ui)
{
    return ui->frozen ? ui->frozen : session_recording(ui->session);
}

void ui_go_on(struct ui *ui)
{
    if (ui->frozen)
        recording_free(ui->frozen);
    ui->frozen = NULL;
}

struct window ui_window(const struct ui *ui)
{
    struct window w = window_all(ui_recording(ui));
    if (travel_holds(ui))
        return ui->travel.held;
    if (ui->started_ns > w.from_ns)
        w.from_ns = ui->started_ns < w.to_ns ? ui->started_ns : w.to_ns;
    if (ui->span_ns && w.to_ns - w.from_ns > ui->span_ns)
        w.from_ns = w.to_ns - ui->span_ns;
    return w;
}

struct query ui_query(const struct ui *ui)
{
    struct query q = {
        .rec = ui_recording(ui),
        .window = ui_window(ui),
        .filter = ui->filter,
        .folded = &ui->folded,
        .source = ui->options->source,
        .source_context = ui->options->source_context,
    };
    q.filter.text = ui->filter_text[0] ? ui->filter_text : NULL;
    return q;
}

struct list *ui_list(struct ui *ui)
{
    return &ui->lists[ui->screen];
}

const char *ui_sort(const struct ui *ui, enum screen_id screen)
{
    if (ui->lists[screen].sort)
        return ui->lists[screen].sort;
    const struct view *v = ui->table.view;
    return v ? v->sort : NULL;
}

void ui_say(struct ui *ui, enum style style, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ui->message, sizeof ui->message, fmt, ap);
    va_end(ap);
    ui->message_style = style;
    ui->message_until_ns = clock_mono_ns() + MESSAGE_NS;
    ui->answered = false; /* ui_event() knows better */
    ui->said++;
    ui->repaint = true;
}

static void show(struct ui *ui, enum screen_id screen)
{
    ui->screen = screen;
    /* The table is another view's: rows of the old one must not be taken for the new one's. */
    table_clear(&ui->table);
    ui->refill = true;
}

/* Not on the way back: the help, and what was opened from a list, once another one was chosen. */
static bool is_passing(enum screen_id from, enum screen_id to)
{
    bool opened = from == SCREEN_DETAIL || from == SCREEN_WAIT || from == SCREEN_OBJECT ||
                  from == SCREEN_SETTINGS;
    return from == SCREEN_HELP || (opened && to < SCREEN_PROCESSES);
}

void ui_show(struct ui *ui, enum screen_id screen)
{
    if (screen == ui->screen)
        return;
    if (!is_passing(ui->screen, screen)) {
        if (ui->trail_length == TRAIL_MAX)
            memmove(ui->trail, ui->trail + 1, --ui->trail_length * sizeof ui->trail[0]);
        ui->trail[ui->trail_length++] = ui->screen;
    }
    show(ui, screen);
}

bool ui_go_back(struct ui *ui)
{
    while (ui->trail_length && ui->trail[ui->trail_length - 1] == ui->screen)
        ui->trail_length--;
    if (!ui->trail_length)
        return false;
    show(ui, ui->trail[--ui->trail_length]);
    return true;
}

void ui_go_back_to(struct ui *ui, enum screen_id screen)
{
    size_t at = ui->trail_length;
    while (at && ui->trail[at - 1] != screen)
        at--;
    if (at)
        ui->trail_length = at - 1;
    show(ui, screen);
}

int ui_list_height(const struct ui *ui)
{
    int frame = HEADER_ROWS + VERDICT_ROWS + 4; /* tabs, the list's head, status, function bar */
    if (ui->grid.rows < 16 && ui->screen != SCREEN_COMPARE)
        frame -= VERDICT_ROWS;
    if (ui->screen == SCREEN_HELP || ui->screen == SCREEN_WAIT || ui->screen == SCREEN_OBJECT)
        frame--; /* they have no head */
    if (ui->screen == SCREEN_TREE || ui->screen == SCREEN_OBJECTS || ui->screen == SCREEN_ALERTS)
        frame++; /* which way it goes; which census it is; how many rules */
    if (ui->screen == SCREEN_SETTINGS)
        frame += settings_screen_words(ui);
    if (ui->screen == SCREEN_TIME)
        frame += TIME_AXIS_ROWS;
    int height = ui->grid.rows - frame;
    if (ui->screen == SCREEN_MEMORY) {
        char growing[300];
        memory_screen_say_growing(growing, sizeof growing, ui);
        const char *notes[MEMORY_NOTES_MAX];
        int lines = growing[0] ? 1 : (int)memory_screen_notes(ui, notes);
        return memory_table_rows(ui->grid.columns, height + 1 - lines);
    }
    if (ui->screen == SCREEN_FLAME)
        return flame_rows_shown(height + 1);
    return height > 1 ? height : 1;
}

void ui_keep_in_sight(struct ui *ui)
{
    struct list *l = ui_list(ui);
    size_t n = screens[ui->screen].count(ui), height = (size_t)ui_list_height(ui);
    if (l->selected >= n)
        l->selected = n ? n - 1 : 0;
    if (l->selected < l->top)
        l->top = l->selected;
    if (l->selected >= l->top + height)
        l->top = l->selected - height + 1;
    if (l->top + height > n)
        l->top = n > height ? n - height : 0;
}

struct function_id ui_selected_function(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    if (ui->screen == SCREEN_DETAIL) {
        enum detail_section section;
        const struct detail_row *r = detail_at(&ui->detail, l->selected, &section);
        if (!r || section == DETAIL_LINES)
            return (struct function_id){0};
        return detail_find(ui_recording(ui), r->key);
    }
    if (ui->screen == SCREEN_FLAME) {
        const struct flame *f = &ui->flame.graph;
        uint32_t box = ui->flame.box;
        uint64_t key = box < f->boxes.n ? f->boxes.at[box].function_key : 0;
        return detail_find(ui_recording(ui), key);
    }
    if (l->selected >= ui->table.rows.n)
        return (struct function_id){0};
    const struct row *r = &ui->table.rows.at[l->selected];
    struct function_id f =
        ui->screen == SCREEN_COMPARE ? detail_find(ui_recording(ui), r->key) : r->function;
    if (f.n >= ui_recording(ui)->words.functions.n)
        f.n = 0;
    return f;
}

bool ui_sides(const struct ui *ui, struct compare_side *before, struct compare_side *after)
{
    struct query q = ui_query(ui);
    *after = (struct compare_side){.rec = q.rec, .window = q.window, .filter = q.filter};
    *before = *after;
    switch (ui->compare.with) {
    case COMPARE_BASELINE:
        before->window = ui->baseline;
        if (ui->compare.objects)
            before->window = objects_screen_baseline(ui, ui->baseline);
        if (!travel_holds(ui) && after->window.from_ns < before->window.to_ns)
            after->window.from_ns = before->window.to_ns;
        return after->window.from_ns < after->window.to_ns;
    case COMPARE_REST:
        before->window = window_all(q.rec);
        before->without = after->window;
        if (ui->compare.objects) /* a heap is what it is at a window's end */
            before->window.to_ns = after->window.from_ns;
        return travel_holds(ui);
    case COMPARE_OTHER:
        before->rec = session_recording(ui->compare.other);
        before->window = window_all(before->rec);
        /* The thread's number means nothing in the other recording. */
        before->filter.tid = before->filter.pid = 0;
        return true;
    case COMPARE_NOTHING:
        break;
    }
    return false;
}
