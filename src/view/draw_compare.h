/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A comparison on the screen: what is compared and the totals in two lines, then the functions as
 * one table with the difference drawn in one place (overlay), or as two tables that move together
 * (side by side). Worse has `#` and better has `=`, whatever the colours. Pure.
 */
#ifndef VIEW_DRAW_COMPARE_H
#define VIEW_DRAW_COMPARE_H

#include "view/compare.h"
#include "view/compare_objects.h"
#include "view/draw_table.h"

/* What the head says of one side. */
struct compare_head {
    const char *name; /* "mon.ptop", "live" */
    char from[16];    /* wall clock */
    char engine[16];
    uint64_t span_ns;
    double rate_hz, rss_bytes; /* rss NAN: unknown */
};

/* name is borrowed. */
void compare_head_fill(struct compare_head *head, const struct compare_side *side,
                       const char *name);
/* Two lines. */
void draw_compare_head(struct grid *g, int row, const struct compare_head *before,
                       const struct compare_head *after, const struct compare_summary *summary);
void draw_compare_objects_head(struct grid *g, int row, const struct compare_head *before,
                               const struct compare_head *after,
                               const struct compare_objects_summary *summary);
/* Tables of compare_view. */
void draw_compare_overlay(struct grid *g, int row, int height, const struct table *t,
                          const struct table_look *look);
void draw_compare_sides(struct grid *g, int row, int height, const struct table *t,
                        const struct table_look *look);

#endif
