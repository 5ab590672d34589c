/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The help: every screen and key, made from keys[] and screens[], and what the figures mean. See
 * state.h. The front's thread.
 */
#ifndef UI_HELP_SCREEN_H
#define UI_HELP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct ui;

void help_screen_draw(struct ui *ui, int row, int height);
size_t help_screen_rows(const struct ui *ui);
bool help_screen_find(struct ui *ui, int step, bool here); /* see ui_find_row() */

#endif
