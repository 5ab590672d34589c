/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A heat strip (heat.h) on the screen, with its title, its rows' names and its axis. Pure. */
#ifndef VIEW_DRAW_HEAT_H
#define VIEW_DRAW_HEAT_H

#include "view/draw_time.h"
#include "view/heat.h"

struct heat_look {
    struct window held; /* a window to mark; empty: none */
    const char *hint;   /* at the right of the title */
};

/* The cells of a strip on a screen: how many columns there are and at most rows of height. */
struct heat_place {
    int at, width, row, rows; /* row: from the strip's title */
};
struct heat_place heat_place(int columns, int height, bool by_thread);

void draw_heat(struct grid *g, int row, int height, const struct recording *rec,
               const struct heat *heat, const struct heat_look *look);

#endif
