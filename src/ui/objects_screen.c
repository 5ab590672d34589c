/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See objects_screen.h. */
#include "ui/objects_screen.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "ui/state.h"

#define PROGRESS_CELLS 20

/* What the worker does now, or when it will next. */
static void say_worker(char *out, size_t size, const struct ui *ui)
{
    struct censuses_state state = session_censuses(ui->session);
    uint64_t now_ns = clock_mono_ns();
    char figure[FIGURE_MAX];
    out[0] = '\0';
    if (session_kind(ui->session) != SESSION_LIVE)
        return;
    if (state.counting)
        snprintf(out, size, "counting...");
    else if (state.trouble[0])
        snprintf(out, size, "%s", state.trouble);
    else if (state.next_ns > now_ns)
        snprintf(out, size, "next in %s (R: now)",
                 figure_duration(figure, (state.next_ns - now_ns) / NS_PER_S * NS_PER_S));
}

void objects_screen_draw(struct ui *ui, int row, int height)
{
    char census[400], worker[300];
    struct query q = ui_query(ui);
    struct grid *g = &ui->grid;
    objects_say(census, sizeof census, &q);
    say_worker(worker, sizeof worker, ui);
    int used = grid_put(g, row, 1, g->columns - 1, STYLE_HEADING, census);
    int left = g->columns - used - 4;
    if (census[0] && worker[0] && text_columns(worker) <= left)
        grid_put_right(g, row, used + 3, left, STYLE_GREY, worker);
    else if (!census[0])
        grid_put(g, row, 1, g->columns - 1, STYLE_NOTICE,
                 worker[0] ? worker : "no census was taken");
    ui_draw_list(ui, row + 1, height - 1);
}

void objects_screen_count(struct ui *ui)
{
    if (session_count_objects(ui->session))
        ui_say(ui, STYLE_NOTICE, "counting the objects");
    else
        ui_say(ui, STYLE_NOTICE, "there is no live target whose objects could be counted");
}

struct window objects_screen_baseline(const struct ui *ui, struct window baseline)
{
    const struct recording *rec = ui_recording(ui);
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < rec->censuses.list.n; i++)
        if (rec->censuses.list.at[i].time_ns < first)
            first = rec->censuses.list.at[i].time_ns;
    if (first != UINT64_MAX && first >= baseline.to_ns)
        baseline.to_ns = first + 1;
    return baseline;
}

void objects_screen_draw_waiting(struct ui *ui, int row)
{
    char worker[300];
    struct grid *g = &ui->grid;
    bool before = ui->compare.totals.before.time_ns == 0;
    bool waits = session_kind(ui->session) == SESSION_LIVE && !travel_holds(ui) && !ui->frozen;
    say_worker(worker, sizeof worker, ui);
    if (!waits || ui->compare.with != COMPARE_BASELINE) {
        grid_printf(g, row, 1, g->columns - 1, STYLE_NORMAL, "The objects were not counted in %s.",
                    ui->compare.head[before ? 0 : 1].name);
        return;
    }
    grid_put(g, row, 1, g->columns - 1, STYLE_NORMAL,
             before ? "The objects have not been counted yet: the first count is the baseline."
                    : "The objects have not been counted since the baseline yet.");
    grid_printf(g, row + 1, 1, g->columns - 1, STYLE_NORMAL,
                "The comparison shows by itself after the next count%s%s.", worker[0] ? ": " : "",
                worker);
}

void object_screen_ask(struct ui *ui)
{
    struct type_growth g;
    struct query q = ui_query(ui);
    if (objects_find(&q, ui->objects.key, &g))
        session_ask_holder(ui->session, g.incarnation, g.type, (enum language)g.language);
    ui->refill = true;
}

void objects_screen_open(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    struct query q = ui_query(ui);
    struct type_growth g;
    if (l->selected >= ui->table.rows.n)
        return;
    ui->objects.key = ui->table.rows.at[l->selected].key;
    if (objects_find(&q, ui->objects.key, &g) && !recording_holder(q.rec, g.incarnation, g.type))
        object_screen_ask(ui);
    ui_show(ui, SCREEN_OBJECT);
    *ui_list(ui) = (struct list){0};
    ui->refill = true;
}

void object_screen_fill(struct ui *ui)
{
    char looking[300] = "";
    struct censuses_state state = session_censuses(ui->session);
    if (state.asking) {
        char bar[PROGRESS_CELLS + 1];
        int done = state.permille * PROGRESS_CELLS / 1000;
        for (int i = 0; i < PROGRESS_CELLS; i++)
            bar[i] = i < done ? '#' : '.';
        bar[PROGRESS_CELLS] = '\0';
        snprintf(looking, sizeof looking, "looking for who holds it [%s] %d%%  (Esc stops)", bar,
                 state.permille / 10);
    } else if (state.trouble[0]) {
        snprintf(looking, sizeof looking, "%s", state.trouble);
    }
    struct query q = ui_query(ui);
    object_detail_fill(&ui->objects.lines, &q, ui->objects.key, looking);
}

void object_screen_draw(struct ui *ui, int row, int height)
{
    draw_text_lines(&ui->grid, row, height, &ui->objects.lines, ui_list(ui)->top);
    ui_mark_found(ui, row, height);
}

size_t object_screen_rows(const struct ui *ui)
{
    return ui->objects.lines.at.n;
}
