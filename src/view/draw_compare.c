/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_compare.h. */
#include "view/draw_compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_figure.h"
#include "view/draw_time.h"

void compare_head_fill(struct compare_head *head, const struct compare_side *side, const char *name)
{
    char clock[FIGURE_MAX];
    memset(head, 0, sizeof *head);
    head->name = name;
    head->rate_hz = side->rec->rate_hz;
    snprintf(head->from, sizeof head->from, "%.15s",
             wall_clock(clock, side->rec, side->window.from_ns));
    snprintf(head->engine, sizeof head->engine, "%.15s",
             string_text(&side->rec->words, side->rec->engine));
    const struct windows parts = compare_windows(side);
    head->span_ns = windows_span_ns(&parts);
    double sum = 0, count = 0;
    for (size_t i = 0; i < parts.n; i++) {
        struct point rss = series_summary(&side->rec->total.series[METRIC_RSS], parts.at[i].from_ns,
                                          parts.at[i].to_ns);
        sum += (double)rss.mean * rss.count;
        count += rss.count;
    }
    head->rss_bytes = count > 0 ? sum / count : NAN;
}

static void draw_sides(struct grid *g, int row, const struct compare_head *before,
                       const struct compare_head *after)
{
    char a[FIGURE_MAX];
    int half = g->columns / 2;
    const struct compare_head *sides[] = {before, after};
    for (int i = 0; i < 2; i++) {
        int at = i * half;
        at += grid_put(g, row, at, 7, STYLE_HEADING, i ? "AFTER " : "BEFORE ");
        grid_printf(g, row, at, (i + 1) * half - 1 - at, STYLE_NORMAL, "%s +%s  %s  %.0f Hz",
                    sides[i]->from, figure_duration(a, sides[i]->span_ns), sides[i]->name,
                    sides[i]->rate_hz);
    }
}

void draw_compare_objects_head(struct grid *g, int row, const struct compare_head *before,
                               const struct compare_head *after,
                               const struct compare_objects_summary *summary)
{
    char text[512], a[FIGURE_MAX], b[FIGURE_MAX];
    const struct compare_objects_totals *was = &summary->before, *is = &summary->after;
    struct text t = TEXT(text);
    draw_sides(g, row, before, after);
    if (was->time_ns && is->time_ns) {
        text_add(&t, "%zu types grew, %zu shrank", summary->regressions, summary->improvements);
        text_add(&t, ": %s -> %s objects", figure_count(a, was->count), figure_count(b, is->count));
        text_add(&t, ", %s -> %s", figure_bytes(a, (double)was->size_bytes),
                 figure_bytes(b, (double)is->size_bytes));
    } else {
        text_add(&t, "the objects were not counted %s",
                 was->time_ns  ? "after"
                 : is->time_ns ? "before"
                               : "on either side");
    }
    grid_put(g, row + 1, 0, g->columns, STYLE_NORMAL, text);
}

void draw_compare_head(struct grid *g, int row, const struct compare_head *before,
                       const struct compare_head *after, const struct compare_summary *summary)
{
    char text[512], others[64], a[FIGURE_MAX], b[FIGURE_MAX];
    draw_sides(g, row, before, after);
    struct text t = TEXT(text);
    compare_say_others(others, sizeof others, summary);
    text_add(&t, "%zu slower, %zu faster%s", summary->regressions, summary->improvements, others);
    /* Before the totals, which a narrow screen cuts: it is about what these numbers are worth. */
    if (before->engine[0] && after->engine[0] && strcmp(before->engine, after->engine) != 0)
        text_add(&t, " (%s -> %s: system calls may differ)", before->engine, after->engine);
    text_add(&t, ": CPU %.2f -> %.2f cores, waits %.1f -> %.1f", summary->before.cpu,
             summary->after.cpu, summary->before.wait, summary->after.wait);
    if (!isnan(before->rss_bytes) && !isnan(after->rss_bytes))
        text_add(&t, ", RSS %s -> %s", figure_bytes(a, before->rss_bytes),
                 figure_bytes(b, after->rss_bytes));
    grid_put(g, row + 1, 0, g->columns, STYLE_NORMAL, text);
}

/* Where the columns of compare_view are; -1 for one that it does not have. */
struct fields {
    int name, place, file, line, before, after, change, change_shown, verdict;
};

static struct fields fields_of(const struct view *v)
{
    return (struct fields){
        .name = view_column(v, "name"),
        .place = view_column(v, "place"),
        .file = view_column(v, "file"),
        .line = view_column(v, "line"),
        .before = view_column(v, "before_pct"),
        .after = view_column(v, "after_pct"),
        .change = view_column(v, "change_pct"),
        .change_shown = view_column(v, "change"),
        .verdict = view_column(v, "verdict"),
    };
}

static const struct value none = {VALUE_NULL, NULL, 0};

static const struct value *field(const struct table *t, size_t row, int column)
{
    return column < 0 ? &none : table_cell(t, row, (size_t)column);
}

static const char *text_of(const struct value *v)
{
    return v->kind == VALUE_TEXT ? v->text : "";
}

static void put_pct(struct grid *g, int row, int column, int width, enum style style,
                    const struct value *v)
{
    char text[32];
    snprintf(text, sizeof text, "%.1f", v->number);
    grid_put_right(g, row, column, width, style, v->kind == VALUE_NUMBER ? text : "-");
}

/* "+121%", "new", "gone". */
static void change_text(char *out, size_t size, const struct value *change, const char *verdict)
{
    if (strcmp(verdict, "new") == 0 || strcmp(verdict, "gone") == 0)
        snprintf(out, size, "%s", verdict);
    else if (change->kind == VALUE_NUMBER && fabs(change->number) < 0.5)
        snprintf(out, size, "0%%");
    else if (change->kind == VALUE_NUMBER && fabs(change->number) < 99999.5)
        snprintf(out, size, "%+.0f%%", change->number);
    else if (change->kind == VALUE_NUMBER)
        snprintf(out, size, ">99999%%");
    else
        snprintf(out, size, "-");
}

static void put_place(struct grid *g, int row, int column, int width, enum style style,
                      const struct table *t, size_t index, const struct fields *f)
{
    const char *place = text_of(field(t, index, f->place));
    if (place[0]) {
        grid_put_tail(g, row, column, width, style, place);
        return;
    }
    const char *file = text_of(field(t, index, f->file));
    const struct value *line = field(t, index, f->line);
    char text[1100];
    if (line->kind == VALUE_NUMBER && file[0])
        snprintf(text, sizeof text, "%.1000s:%.0f", path_base(file), line->number);
    else
        snprintf(text, sizeof text, "%.1000s", path_base(file));
    grid_put_tail(g, row, column, width, style, text);
}

struct overlay_columns {
    int before, after, change, bar, name, name_width, place, place_width;
};

static struct overlay_columns overlay_columns(int columns)
{
    struct overlay_columns c = {.before = 1, .after = 10, .change = 18, .bar = 26, .name = 35};
    int room = columns - c.name - 2;
    if (room < 12)
        room = 12;
    c.name_width = columns >= 60 ? room * 3 / 5 - 1 : room;
    c.place = c.name + c.name_width + 2;
    c.place_width = columns >= 60 ? columns - c.place - 2 : 0;
    return c;
}

static void finish_row(struct grid *g, int row, int column, int width, size_t index,
                       const struct table_look *look)
{
    if (look->match && look->match[0])
        draw_match(g, row, column, width, look->match);
    if (index < LINK_ROWS)
        grid_link(g, row, column, width, (uint16_t)(LINK_ROW + index));
}

static void draw_overlay_row(struct grid *g, int row, const struct table *t, size_t index,
                             const struct fields *f, const struct overlay_columns *c,
                             const struct table_look *look)
{
    const struct row *r = &t->rows.at[index];
    enum style style = index == look->selected ? STYLE_SELECTED : row_style(r->role);
    const struct value *change = field(t, index, f->change);
    char text[32];
    grid_fill(g, row, 0, g->columns, style);
    put_pct(g, row, c->before, 7, style, field(t, index, f->before));
    put_pct(g, row, c->after, 6, style, field(t, index, f->after));
    change_text(text, sizeof text, change, text_of(field(t, index, f->verdict)));
    grid_put_right(g, row, c->change, 7, style, text);
    if (r->role == ROW_WORSE || r->role == ROW_BETTER) {
        double size = change->kind == VALUE_NUMBER ? fabs(change->number) / 20 : 2;
        int n = size > 7 ? 7 : size < 1 ? 1 : (int)lround(size);
        draw_bar(g, row, c->bar, n, r->role == ROW_WORSE ? '#' : '=', style);
    }
    grid_put(g, row, c->name, c->name_width, style, text_of(field(t, index, f->name)));
    put_place(g, row, c->place, c->place_width, style, t, index, f);
    if (r->role == ROW_NOISE)
        grid_char(g, row, g->columns - 1, style, '~');
    finish_row(g, row, 0, g->columns, index, look);
}

/* A head's title, marked if the table is sorted by it, and clickable. */
static void put_head(struct grid *g, int row, int column, int width, bool right, const char *title,
                     int field_column, const struct table *t, const struct table_look *look)
{
    bool on = field_column >= 0 && look->sort &&
              strcmp(t->view->columns[field_column].key, look->sort) == 0;
    enum style style = on ? STYLE_COLUMN_ON : STYLE_COLUMN;
    if (right)
        grid_put_right(g, row, column, width, style, title);
    else
        grid_put(g, row, column, width, style, title);
    if (field_column >= 0)
        grid_link(g, row, column, width, (uint16_t)(LINK_COLUMN + field_column));
}

static void put_empty(struct grid *g, int row, int height, const struct table *t)
{
    if (t->rows.n == 0 && height > 1 && t->view->empty)
        grid_put(g, row + 1, 1, g->columns - 1, STYLE_GREY, t->view->empty);
}

void draw_compare_overlay(struct grid *g, int row, int height, const struct table *t,
                          const struct table_look *look)
{
    if (!t->view || height < 1)
        return;
    struct fields f = fields_of(t->view);
    struct overlay_columns c = overlay_columns(g->columns);
    grid_fill(g, row, 0, g->columns, STYLE_COLUMN);
    put_head(g, row, c.before, 7, true, "BEFORE%", f.before, t, look);
    put_head(g, row, c.after, 6, true, "AFTER%", f.after, t, look);
    put_head(g, row, c.change, 7, true, "CHANGE", f.change_shown, t, look);
    put_head(g, row, c.name, c.name_width, false, "FUNCTION", f.name, t, look);
    put_head(g, row, c.place, c.place_width, false, "FILE:LINE", f.place, t, look);
    for (int i = 1; i < height && look->top + (size_t)i - 1 < t->rows.n; i++)
        draw_overlay_row(g, row + i, t, look->top + (size_t)i - 1, &f, &c, look);
    put_empty(g, row, height, t);
}

/* One side of one row; a function that this side has not is blank there. */
static void draw_side(struct grid *g, int row, int column, int width, const struct table *t,
                      size_t index, const struct fields *f, bool after, enum style style)
{
    const struct value *v = field(t, index, after ? f->after : f->before);
    bool there = v->kind == VALUE_NUMBER;
    char text[32];
    put_pct(g, row, column, 7, style, v);
    int at = column + 9, end = column + width;
    if (after) {
        change_text(text, sizeof text, field(t, index, f->change),
                    text_of(field(t, index, f->verdict)));
        grid_put_right(g, row, column + 7, 8, style, text);
        at = column + 17;
    }
    if (!there)
        return;
    int name = width >= 70 ? (end - at) * 3 / 5 : end - at;
    grid_put(g, row, at, name, style, text_of(field(t, index, f->name)));
    if (width >= 70)
        put_place(g, row, at + name + 2, end - at - name - 2, style, t, index, f);
}

void draw_compare_sides(struct grid *g, int row, int height, const struct table *t,
                        const struct table_look *look)
{
    if (!t->view || height < 1)
        return;
    struct fields f = fields_of(t->view);
    int half = (g->columns - 1) / 2, right = half + 1, width = g->columns - right - 2;
    uint32_t wall = g->ascii ? '|' : 0x2502;
    grid_fill(g, row, 0, g->columns, STYLE_COLUMN);
    put_head(g, row, 0, 7, true, "BEFORE%", f.before, t, look);
    put_head(g, row, 9, half - 9, false, "FUNCTION", f.name, t, look);
    put_head(g, row, right, 7, true, "AFTER%", f.after, t, look);
    put_head(g, row, right + 7, 8, true, "CHANGE", f.change_shown, t, look);
    put_head(g, row, right + 17, width - 17, false, "FUNCTION", f.name, t, look);
    grid_char(g, row, half, STYLE_COLUMN, wall);
    for (int i = 1; i < height && look->top + (size_t)i - 1 < t->rows.n; i++) {
        size_t index = look->top + (size_t)i - 1;
        const struct row *r = &t->rows.at[index];
        enum style style = index == look->selected ? STYLE_SELECTED : row_style(r->role);
        grid_fill(g, row + i, 0, g->columns, style);
        draw_side(g, row + i, 0, half, t, index, &f, false, style);
        grid_char(g, row + i, half, style, wall);
        draw_side(g, row + i, right, width, t, index, &f, true, style);
        char sign = r->role == ROW_WORSE ? '#' : r->role == ROW_BETTER ? '=' : ' ';
        grid_char(g, row + i, g->columns - 1, style, r->role == ROW_NOISE ? '~' : (uint32_t)sign);
        finish_row(g, row + i, 0, g->columns, index, look);
    }
    put_empty(g, row, height, t);
}
