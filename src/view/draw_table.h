/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of values as lines of a grid: fixed columns with numbers right-aligned, texts sharing
 * what room is left, one selected row, a scrolled part. Nothing moves sideways when figures change:
 * the layout depends on the view and the width alone. Pure.
 */
#ifndef VIEW_DRAW_TABLE_H
#define VIEW_DRAW_TABLE_H

#include "view/grid.h"
#include "view/order.h"
#include "view/table.h"

/* Links (grid.h): a click on a column's head, on a row. */
#define LINK_COLUMN 0x1000
#define LINK_ROW    0x4000
#define LINK_ROWS   0x4000 /* so many rows can be clicked */

struct table_look {
    size_t top;       /* the first row shown */
    size_t selected;  /* SIZE_MAX: none */
    const char *sort; /* a column's key; NULL: none is marked */
    bool invert;
    const char *match;         /* what was searched for, or NULL */
    const struct order *order; /* for the marks of moved rows; may be NULL */
    uint64_t now_ns;
};

/* One head line, then height - 1 rows, in columns [column, column + width). */
void draw_table(struct grid *g, int row, int column, int width, int height, const struct table *t,
                const struct table_look *look);

/* The style of a row by its role. */
enum style row_style(enum row_role role);
/* Marks every occurrence of match (without regard to case) in part of a line. */
void draw_match(struct grid *g, int row, int column, int width, const char *match);
/* Whether any text of a row contains match (without regard to case). */
bool row_matches(const struct table *t, size_t row, const char *match);
bool text_matches(const char *text, const char *match);

#endif
