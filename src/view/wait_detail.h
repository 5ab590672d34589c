/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row of the waits seen closely, as lines of text: who waits and where, and for a lock its
 * holder, what that does meanwhile, and along the chain of holders the root blocker. Pure.
 */
#ifndef VIEW_WAIT_DETAIL_H
#define VIEW_WAIT_DETAIL_H

#include "view/grid.h"
#include "view/table.h"

struct wait_line {
    char *text; /* owned, printable */
    enum style style;
};

struct wait_detail {
    VEC(struct wait_line) lines;
};

/* key: of the row of the waits view. Says so where there is none such any more. O(runs). */
void wait_detail_fill(struct wait_detail *d, const struct query *query, uint64_t key);
void wait_detail_clear(struct wait_detail *d);
void draw_wait_detail(struct grid *g, int row, int height, const struct wait_detail *d, size_t top);

#endif
