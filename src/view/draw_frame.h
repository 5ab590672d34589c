/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What frames a screen: the tabs over the table, the line about proftop itself, the function bar,
 * the prompt, and the help page. Lists come in as plain rows, so that this room need not know of
 * keys and commands. Pure.
 */
#ifndef VIEW_DRAW_FRAME_H
#define VIEW_DRAW_FRAME_H

#include "view/grid.h"
#include "view/table.h"

#define LINK_TAB 0x0100 /* + the tab's place in the list */
#define LINK_BAR 0x0200 /* + the bar item's place in the list */

struct label {
    const char *key;  /* "1", "F1", "/" */
    const char *text; /* "Hot", "Help" */
};

/* "[1 Hot] 2 Lines 3 Tree"; position, as in "3 of 240", stands at the right. */
void draw_tabs(struct grid *g, int row, const struct label *tabs, size_t n, size_t active,
               const char *position);

/* "F1Help F3Search ...": shortened evenly where it does not fit, cut with a sign at last. */
void draw_bar_line(struct grid *g, int row, const struct label *items, size_t n);

/* Samples, lost ones, what the target and the machine pay for us; or a message at its left. One
 * that is longer than the row begins in the rows above it: what is wrong with a long path, and what
 * to do about it, stands at its end. */
struct status {
    const struct recording *rec;
    uint64_t at_ns;
    const char *message; /* "" if there is none */
    enum style style;
};
void draw_status(struct grid *g, int row, const struct status *s);

/* "Search: text_"; shows the end of a text that is too long. Returns the cursor's column. */
int draw_prompt(struct grid *g, int row, const char *label, const char *text);

/* Keys and what they do, from line `top` on. A line whose key is NULL is a heading, one whose key
 * is "" plain words. */
void draw_help(struct grid *g, int row, int height, const struct label *lines, size_t n,
               size_t top);

#endif
