/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time travel: a window that is put somewhere on the recording and stays there, for every screen,
 * while the recording goes on; put by keys, by the mouse on a chart or a sparkline, or by a jump to
 * a spike, an alert or a mark. See state.h. The front's thread.
 *
 * Invariant: the window that is held lies within the recording as it was when it was put, and is
 * never empty; it may have been thinned, but not moved, since.
 */
#ifndef UI_TRAVEL_H
#define UI_TRAVEL_H

#include "ui/keys.h"
#include "ui/terminal.h"
#include "view/draw_time.h"

struct ui;

struct travel {
    struct window held; /* to_ns 0: none, what is shown ends now */
    uint64_t event_ns;  /* of the alert or mark that was jumped to; 0: none */
    struct strip spark; /* the header's sparklines as they were painted last */
    struct {
        bool on;
        struct strip strip;  /* that the mouse was pressed on */
        struct window begun; /* what it was pressed on */
    } drag;
};

/* Whether a window is held (ui_select_window() in state.h holds one); and the part of the header's
 * time line that is drawn. */
bool travel_holds(const struct ui *ui);
struct window travel_spark(const struct ui *ui);
/* How long ago the window that is held ended; 0: none is, or the recording has ended too. */
uint64_t travel_ago(const struct ui *ui);
/* Lets go of it: the end is now again. */
void travel_let_go(struct ui *ui);
/* Begins and goes on with a selection by the mouse on a stretch of time. */
void travel_press(struct ui *ui, const struct strip *strip, struct window on);
/* What commands about time do; false: it is another one. */
bool travel_command(struct ui *ui, enum command command);
/* false: the event means something else. */
bool travel_mouse(struct ui *ui, const struct terminal_event *event);
/* A file stands still, and a target that has ended: says so, and true. */
bool travel_stands_still(struct ui *ui, const char *so);

#endif
