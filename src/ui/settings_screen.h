/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Settings screen (F2): each setting with its value and where it is from, what the selected one
 * is for, changes that are in force at once where that can be, and the writing of the user's file.
 * See state.h. The front's thread.
 */
#ifndef UI_SETTINGS_SCREEN_H
#define UI_SETTINGS_SCREEN_H

#include "session/settings.h"
#include "ui/keys.h"

struct ui;

struct settings_screen {
    const struct setting *typed; /* that the prompt is about */
    char label[160];             /* the prompt's */
};

void settings_screen_draw(struct ui *ui, int row, int height);
size_t settings_screen_rows(const struct ui *ui);
/* Lines under the list, about the selected one; none on a small screen. */
int settings_screen_words(const struct ui *ui);
/* Selects the next row, or the one before (step -1), with what is searched for. */
bool settings_screen_find(struct ui *ui, int step, bool here);
/* false: the command means the same as on other screens. */
bool settings_screen_command(struct ui *ui, enum command command);
/* What was typed at the prompt. */
void settings_screen_take(struct ui *ui, const char *text);
/* A snapshot's path: its name in the directory that the settings have for them. */
void settings_screen_place(char *out, size_t size, const struct ui *ui, const char *name);
/* What the settings say of the screens at their start, and what is wrong with them as a notice. */
void settings_screen_start(struct ui *ui);

#endif
