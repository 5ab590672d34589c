/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flame graph on the screen: one line that says what the colours mean, the boxes, and lines
 * that say the selected box in full. Where there are no colours, signs fill the boxes instead, and
 * a box begins at a bar. Pure.
 */
#ifndef VIEW_DRAW_FLAME_H
#define VIEW_DRAW_FLAME_H

#include "view/flame.h"
#include "view/grid.h"

enum flame_color { FLAME_BY_SELF, FLAME_BY_WAIT, FLAME_BY_LANGUAGE, FLAME_COLORS };
/* "self time", "wait", "language" */
const char *flame_color_name(enum flame_color color);

struct flame_look {
    size_t top; /* the first row of boxes shown */
    uint32_t selected;
    enum flame_color color;
    bool plain;         /* no colours: signs */
    const char *search; /* "" for none */
};

/* How many rows of boxes there is room for in so many lines. */
int flame_rows_shown(int height);
/* Box i is linked as LINK_ROW + i - flame_row_start(top). */
void draw_flame(struct grid *g, int row, int height, const struct flame *f,
                const struct flame_look *look);

#endif
