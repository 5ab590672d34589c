/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of text, each in one style: what a screen about a single thing (a wait, a type of object)
 * says of it. Pure.
 */
#ifndef VIEW_TEXT_LINES_H
#define VIEW_TEXT_LINES_H

#include "base/vec.h"
#include "view/grid.h"

struct text_line {
    char *text; /* owned, printable */
    enum style style;
};

struct text_lines {
    VEC(struct text_line) at;
};

/* Adds a line, of at most TEXT_LINE_MAX - 1 bytes. */
#define TEXT_LINE_MAX 800
void text_lines_add(struct text_lines *lines, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Forgets the lines, keeps the vector's memory. */
void text_lines_empty(struct text_lines *lines);
void text_lines_clear(struct text_lines *lines);
/* Those from `top` on, in `height` rows of the grid. */
void draw_text_lines(struct grid *g, int row, int height, const struct text_lines *lines,
                     size_t top);

#endif
