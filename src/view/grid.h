/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A screen as plain cells: what the drawing functions fill and the terminal paints.
 *
 * Invariant: every cell holds one printable code point of width 1 or 2, and the cell after a wide
 * one has width 0. Drawing outside the grid, or on half a wide character, is harmless. Text that
 * does not fit is cut with a sign. Text may be a target's: control characters and broken UTF-8
 * become '?', combining marks are dropped (a cell holds one code point). Pure.
 */
#ifndef VIEW_GRID_H
#define VIEW_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "view/theme.h"

struct grid_cell {
    uint32_t codepoint;
    uint16_t link; /* what a click here means, 0: nothing; the drawer chooses the numbers */
    uint8_t width;
    uint8_t style; /* enum style */
};

struct grid {
    int columns, rows;
    bool ascii; /* draw with 7-bit characters only */
    struct grid_cell *cells;
};

void grid_init(struct grid *g, int columns, int rows, bool ascii);
void grid_clear(struct grid *g); /* frees */
void grid_erase(struct grid *g); /* all blank */

/* NULL outside the grid. */
const struct grid_cell *grid_at(const struct grid *g, int row, int column);

/* One code point of width 1. */
void grid_char(struct grid *g, int row, int column, enum style style, uint32_t codepoint);
/* Text in at most width columns; cut at its end with a sign. Returns the columns used. */
int grid_put(struct grid *g, int row, int column, int width, enum style style, const char *text);
int grid_printf(struct grid *g, int row, int column, int width, enum style style, const char *fmt,
                ...) __attribute__((format(printf, 6, 7)));
/* The same, cut at its front: for paths. */
int grid_put_tail(struct grid *g, int row, int column, int width, enum style style,
                  const char *text);
/* Right-aligned in width columns; cut at its end if it is longer. */
void grid_put_right(struct grid *g, int row, int column, int width, enum style style,
                    const char *text);
/* Blanks in a style. */
void grid_fill(struct grid *g, int row, int column, int width, enum style style);
/* Changes the style, or the link, of what stands there. */
void grid_restyle(struct grid *g, int row, int column, int width, enum style style);
void grid_link(struct grid *g, int row, int column, int width, uint16_t link);

/* The columns that text takes. */
int text_columns(const char *text);
/* Columns of one code point: 0 (combining), 1 or 2. */
int codepoint_columns(uint32_t codepoint);
/* Reads one code point and moves *text on; U+FFFD for what is broken. */
uint32_t codepoint_next(const char **text);
/* UTF-8 of a code point into out (5 bytes); returns its length. */
size_t codepoint_encode(char *out, uint32_t codepoint);

/* A row as text without trailing blanks, for tests; out is always terminated. */
void grid_text(const struct grid *g, int row, char *out, size_t size);

#endif
