/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flame graph's screen: which box is selected and zoomed into, as paths of functions, so that
 * both stay what they are while the boxes change. See state.h. The front's thread.
 */
#ifndef UI_FLAME_SCREEN_H
#define UI_FLAME_SCREEN_H

#include "ui/keys.h"
#include "view/draw_flame.h"

struct ui;

struct flame_screen {
    struct flame graph;
    struct flame_path zoom, selected;
    VEC(size_t) zooms;     /* the zooms before this one, as lengths of the path */
    uint32_t box;          /* the selected one in `graph` */
    uint64_t function_key; /* to be selected with the next fill; 0: none */
    uint64_t clicked;      /* the box of the last click */
    enum flame_color color;
};

void flame_screen_fill(struct ui *ui);
void flame_screen_draw(struct ui *ui, int row, int height);
size_t flame_screen_rows(const struct ui *ui);
/* Called before the screen is shown: the function selected now is looked for in it. */
void flame_screen_enter(struct ui *ui);
/* false: the command means the same here as on other screens. */
bool flame_screen_command(struct ui *ui, enum command command);
void flame_screen_click(struct ui *ui, unsigned link);
void flame_screen_search(struct ui *ui, int step, bool here);
void flame_screen_clear(struct flame_screen *fs); /* frees */

#endif
