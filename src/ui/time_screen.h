/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Time screen: every metric over the whole recording, one of them in full, or a heat strip of
 * what was on a CPU; and the window that all screens show, to be put by the mouse. See state.h. The
 * front's thread.
 */
#ifndef UI_TIME_SCREEN_H
#define UI_TIME_SCREEN_H

#include "ui/keys.h"
#include "ui/terminal.h"
#include "view/draw_heat.h"
#include "view/draw_time.h"

struct ui;

#define TIME_AXIS_ROWS 2 /* below the list of metrics */

enum time_mode { TIME_LINES, TIME_SECONDS, TIME_THREADS, TIME_MODES };

struct time_screen {
    enum metric metric; /* the cursor is on it, here and for the jumps to its spikes */
    enum time_mode mode;
    bool chart; /* of that metric alone */
    struct spikes spikes;
    struct heat heat;
    /* Where the mouse finds time, as painted last. */
    struct strip strip;
    int row, rows;
};

void time_screen_fill(struct ui *ui);
void time_screen_draw(struct ui *ui, int row, int height);
size_t time_screen_rows(const struct ui *ui);
/* The cursor was moved to another row. */
bool time_screen_find(struct ui *ui, int step, bool here); /* a metric by its name */
void time_screen_chose(struct ui *ui);
/* Which stretch of time is under the mouse; false: none. */
bool time_screen_cell(const struct ui *ui, const struct terminal_event *event, struct window *cell);
/* false: the command means the same here as on other screens. */
bool time_screen_command(struct ui *ui, enum command command);
void time_screen_clear(struct time_screen *t);

#endif
