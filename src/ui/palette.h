/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How each style looks: on terminals with 256 colours, with 8, and with none. Colours are numbers
 * of the terminal's palette, -1 its own default. Grey is a real grey where there are 256 colours
 * (readable on black and on white) and plain text elsewhere, never "bright black", which many
 * themes make invisible.
 */
#ifndef UI_PALETTE_H
#define UI_PALETTE_H

#include <stdbool.h>

#include "view/theme.h"

struct look {
    short foreground, background;
    bool bold, reverse, underline;
};

enum palette { PALETTE_NONE, PALETTE_8, PALETTE_256, PALETTE_COUNT };

extern const struct look palettes[PALETTE_COUNT][STYLE_COUNT];

#endif
