/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_table.h. */
#include "view/draw_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define COLUMNS_MAX 32
#define GAP         2 /* blanks between columns */
#define TEXT_LEAST  8 /* a text column narrower than this says nothing */

struct place_of {
    size_t column;
    int at, width;
};

struct layout {
    struct place_of places[COLUMNS_MAX];
    size_t n;
    bool cut; /* columns were left out for want of room */
};

static bool is_text(const struct column *c)
{
    return !column_is_number(c);
}

/* Of the room that is left. */
static int share_of(const struct column *c)
{
    return c->format == FORMAT_TEXT ? 3 : c->format == FORMAT_PATH ? 2 : 0;
}

static int least(const struct column *c, bool tight)
{
    return share_of(c) && tight && c->width > TEXT_LEAST ? TEXT_LEAST : c->width;
}

static int least_width(const struct view *v, const struct layout *l, bool tight)
{
    int sum = 1;
    for (size_t i = 0; i < l->n; i++)
        sum += least(&v->columns[l->places[i].column], tight) + (i ? GAP : 0);
    return sum;
}

/* Leaves out the last column that is neither the first number nor the first text. */
static bool drop_one(const struct view *v, struct layout *l)
{
    size_t first_text = l->n, first_number = l->n;
    for (size_t i = l->n; i > 0; i--) {
        if (is_text(&v->columns[l->places[i - 1].column]))
            first_text = i - 1;
        else
            first_number = i - 1;
    }
    for (size_t i = l->n; i > 0; i--) {
        if (i - 1 == first_text || i - 1 == first_number)
            continue;
        memmove(&l->places[i - 1], &l->places[i], (l->n - i) * sizeof l->places[0]);
        l->n--;
        l->cut = true;
        return true;
    }
    return false;
}

static void lay_out(struct layout *l, const struct view *v, int width)
{
    memset(l, 0, sizeof *l);
    for (size_t i = 0; i < v->n_columns && l->n < COLUMNS_MAX; i++) {
        bool narrow = v->columns[i].from_columns > 80 && v->columns[i].from_columns > width;
        if (v->columns[i].title && !narrow)
            l->places[l->n++].column = i;
    }
    bool tight = least_width(v, l, false) > width;
    while (least_width(v, l, tight) > width && drop_one(v, l))
        ;
    int spare = width - least_width(v, l, tight), shares = 0;
    for (size_t i = 0; i < l->n; i++)
        shares += share_of(&v->columns[l->places[i].column]);
    int at = 1, left = spare > 0 ? spare : 0, shares_left = shares;
    for (size_t i = 0; i < l->n; i++) {
        const struct column *c = &v->columns[l->places[i].column];
        int share = share_of(c), extra = shares_left ? left * share / shares_left : 0;
        l->places[i].width = least(c, tight) + extra;
        left -= extra;
        shares_left -= share;
        l->places[i].at = at;
        if (at + l->places[i].width > width)
            l->places[i].width = width > at ? width - at : 0;
        at += l->places[i].width + GAP;
    }
}

static void draw_head(struct grid *g, int row, int column, int width, const struct view *v,
                      const struct layout *l, const struct table_look *look)
{
    grid_fill(g, row, column, width, STYLE_COLUMN);
    for (size_t i = 0; i < l->n; i++) {
        const struct place_of *p = &l->places[i];
        const struct column *c = &v->columns[p->column];
        bool sorted = look->sort && strcmp(c->key, look->sort) == 0;
        enum style style = sorted ? STYLE_COLUMN_ON : STYLE_COLUMN;
        int end = p->at + p->width;
        if (is_text(c))
            end = p->at + grid_put(g, row, column + p->at, p->width, style, c->title);
        else
            grid_put_right(g, row, column + p->at, p->width, style, c->title);
        if (sorted && end < width)
            grid_char(g, row, column + end, style,
                      g->ascii ? (look->invert ? '^' : 'v') : (look->invert ? 0x25b4 : 0x25be));
        grid_link(g, row, column + p->at, p->width, (uint16_t)(LINK_COLUMN + p->column));
    }
    if (l->cut)
        grid_char(g, row, column + width - 1, STYLE_COLUMN, g->ascii ? '~' : 0x2026);
}

enum style row_style(enum row_role role)
{
    switch (role) {
    case ROW_IDLE:
    case ROW_QUIET:
    case ROW_NOISE:
        return STYLE_GREY;
    case ROW_WORSE:
        return STYLE_WORSE;
    case ROW_BETTER:
        return STYLE_BETTER;
    case ROW_ALERT:
        return STYLE_WARNING;
    case ROW_PLAIN:
        break;
    }
    return STYLE_NORMAL;
}

/* The first text column of a tree: indented, with a sign for what is folded. Deep rows keep their
 * name in sight: the indentation stops at half the width. */
static void draw_tree_name(struct grid *g, int row, int at, int width, enum style style,
                           const struct row *r, const char *text)
{
    int indent = r->depth > (uint32_t)(width / 2) ? width / 2 : (int)r->depth;
    grid_char(g, row, at + indent, style, r->folded ? '+' : r->has_children ? '-' : ' ');
    grid_put(g, row, at + indent + 2, width - indent - 2, style, text);
}

static void draw_row(struct grid *g, int row, int column, int width, const struct table *t,
                     size_t index, const struct layout *l, const struct table_look *look)
{
    const struct row *r = &t->rows.at[index];
    bool selected = index == look->selected;
    enum style style = selected ? STYLE_SELECTED : row_style(r->role);
    grid_fill(g, row, column, width, style);
    int move = look->order ? order_move(look->order, r->key, look->now_ns) : 0;
    uint32_t sign = r->role == ROW_ALERT ? '!' : r->role == ROW_NOISE ? '~' : ' ';
    if (move)
        sign = g->ascii ? (move > 0 ? '^' : 'v') : (move > 0 ? 0x2191 : 0x2193);
    grid_char(g, row, column, style, sign);
    bool tree_done = !(r->depth || r->has_children || r->folded);
    for (size_t i = 0; i < l->n; i++) {
        const struct place_of *p = &l->places[i];
        const struct column *c = &t->view->columns[p->column];
        const struct value *v = table_cell(t, index, p->column);
        if (is_text(c)) {
            const char *text = v->kind == VALUE_TEXT ? v->text : "";
            if (!tree_done && c->format == FORMAT_TEXT) {
                draw_tree_name(g, row, column + p->at, p->width, style, r, text);
                tree_done = true;
            } else if (c->format == FORMAT_PATH) {
                grid_put_tail(g, row, column + p->at, p->width, style, text);
            } else {
                grid_put(g, row, column + p->at, p->width, style, text);
            }
            continue;
        }
        char text[128];
        value_print(text, sizeof text, c, v);
        grid_put_right(g, row, column + p->at, p->width, style, text);
    }
    if (look->match && look->match[0])
        draw_match(g, row, column, width, look->match);
    if (index < LINK_ROWS)
        grid_link(g, row, column, width, (uint16_t)(LINK_ROW + index));
}

void draw_table(struct grid *g, int row, int column, int width, int height, const struct table *t,
                const struct table_look *look)
{
    if (!t->view || width < 4 || height < 1)
        return;
    struct layout l;
    lay_out(&l, t->view, width);
    draw_head(g, row, column, width, t->view, &l, look);
    for (int i = 1; i < height && look->top + (size_t)i - 1 < t->rows.n; i++)
        draw_row(g, row + i, column, width, t, look->top + (size_t)i - 1, &l, look);
    if (t->rows.n == 0 && height > 1 && t->view->empty)
        grid_put(g, row + 1, column + 1, width - 1, STYLE_GREY, t->view->empty);
}

void draw_match(struct grid *g, int row, int column, int width, const char *match)
{
    int n = (int)strlen(match);
    for (int at = column; n && at + n <= column + width; at++) {
        int i = 0;
        for (; i < n; i++) {
            const struct grid_cell *c = grid_at(g, row, at + i);
            if (!c || c->codepoint >= 0x80 ||
                tolower((int)c->codepoint) != tolower((unsigned char)match[i]))
                break;
        }
        if (i == n)
            grid_restyle(g, row, at, n, STYLE_MATCH);
    }
}

bool text_matches(const char *text, const char *match)
{
    return match[0] && strcasestr(text, match);
}

bool row_matches(const struct table *t, size_t row, const char *match)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct value *v = table_cell(t, row, i);
        if (t->view->columns[i].title && v->kind == VALUE_TEXT && text_matches(v->text, match))
            return true;
    }
    return false;
}
