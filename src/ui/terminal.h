/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal: the only place that knows curses. Paints grids, reads keys and the mouse, and gives
 * the terminal back on every way out: a return, exit(), die(), a signal, a crash, and (through the
 * guard) kill -9. Belongs to the front's thread; one terminal is open at a time.
 */
#ifndef UI_TERMINAL_H
#define UI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "view/grid.h"

/* Keys beyond Unicode. */
enum terminal_key {
    TERMINAL_UP = 0x110000,
    TERMINAL_DOWN,
    TERMINAL_LEFT,
    TERMINAL_RIGHT,
    TERMINAL_PAGE_UP,
    TERMINAL_PAGE_DOWN,
    TERMINAL_HOME,
    TERMINAL_END,
    TERMINAL_BACKSPACE,
    TERMINAL_BACK_TAB,
    TERMINAL_CLICK,   /* with its place: the left button goes down, */
    TERMINAL_DRAG,    /* is held while the mouse moves, */
    TERMINAL_RELEASE, /* and goes up */
    TERMINAL_WHEEL_UP,
    TERMINAL_WHEEL_DOWN,
    TERMINAL_F1, /* ... F10 follow */
    TERMINAL_F10 = TERMINAL_F1 + 9,
};
#define TERMINAL_ENTER  '\n'
#define TERMINAL_ESCAPE 0x1b

struct terminal_event {
    uint32_t key; /* a code point, or an enum terminal_key */
    int row, column;
};

/* What signals have asked for since the last look. */
enum terminal_wish {
    TERMINAL_LEAVE = 1,   /* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
    TERMINAL_RESIZED = 2, /* the size is new, the screen must be painted again */
    TERMINAL_SUSPEND = 4, /* Ctrl-Z: call terminal_suspend */
};

/* Fails with a sentence where there is no terminal, or one that cannot place its cursor. Colour is
 * used if the terminal has it, unless no_color or NO_COLOR say otherwise. */
bool terminal_open(bool no_color, struct err *err);
void terminal_close(void);

/* Whether the locale's characters are not UTF-8, so that grids must be ASCII. */
bool terminal_is_ascii(void);
/* Colours, as terminal_open says, or none; from the next painting on. */
void terminal_set_color(bool color);
/* Whether styles are told apart by colours. */
bool terminal_has_colors(void);
void terminal_size(int *columns, int *rows);
/* The cursor stands at (row, column), or is hidden if row is below 0. */
void terminal_paint(const struct grid *g, int row, int column);
void terminal_bell(void);
/* false: no more keys now. */
bool terminal_read(struct terminal_event *event);
/* Readable when terminal_wishes has something new. */
int terminal_wish_fd(void);
unsigned terminal_wishes(void);
/* Stops proftop as the shell's job control wants it, and takes the terminal again after. */
void terminal_suspend(void);

#endif
