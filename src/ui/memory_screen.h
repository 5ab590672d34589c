/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Memory screen: which chart it shows; its cursor is the window (travel.h). See state.h. The
 * front's thread.
 */
#ifndef UI_MEMORY_SCREEN_H
#define UI_MEMORY_SCREEN_H

#include "ui/keys.h"
#include "view/draw_memory.h"
#include "view/memory.h"

struct ui;

struct memory_screen {
    struct memory_pattern pattern; /* of the window, as of the last fill */
    enum memory_chart chart;
};

void memory_screen_fill(struct ui *ui);
void memory_screen_draw(struct ui *ui, int row, int height);
size_t memory_screen_rows(const struct ui *ui);
/* Whether its table is the one of what the memory is made of, of which no row can be chosen. */
bool memory_screen_only_scrolls(const struct ui *ui);
/* What is being done to find the lines that make it grow, as a line to out; "" if nothing is. */
void memory_screen_say_growing(char *out, size_t size, const struct ui *ui);
/* What the newest look could not tell, while nothing is being done. Number. */
size_t memory_screen_notes(const struct ui *ui, const char *out[MEMORY_NOTES_MAX]);
/* Finds them: asks first what it costs, begins when asked again, ends when asked once more. */
void memory_screen_grow(struct ui *ui);
/* false: the command means the same here as on other screens. */
bool memory_screen_command(struct ui *ui, enum command command);

#endif
