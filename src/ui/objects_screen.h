/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of the live objects and the one of a single type, which asks who holds it. See
 * state.h. The front's thread.
 */
#ifndef UI_OBJECTS_SCREEN_H
#define UI_OBJECTS_SCREEN_H

#include "ui/keys.h"
#include "view/objects.h"

struct ui;

struct objects_screen {
    uint64_t key; /* the row of the objects that the type's screen shows */
    struct text_lines lines;
};

void objects_screen_draw(struct ui *ui, int row, int height);
/* Opens the selected row, and asks who holds its objects if that is not known. */
void objects_screen_open(struct ui *ui);
/* Counts the objects now. */
void objects_screen_count(struct ui *ui);

/* A baseline that was marked before the first count, with that one. */
struct window objects_screen_baseline(const struct ui *ui, struct window baseline);
/* Why there is no comparison of the objects yet, and what it waits for: two lines. */
void objects_screen_draw_waiting(struct ui *ui, int row);

void object_screen_fill(struct ui *ui);
void object_screen_draw(struct ui *ui, int row, int height);
size_t object_screen_rows(const struct ui *ui);
/* Asks once more. */
void object_screen_ask(struct ui *ui);

#endif
