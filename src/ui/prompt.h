/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line that the user types at the bottom of the screen. Always valid UTF-8, always terminated.
 */
#ifndef UI_PROMPT_H
#define UI_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#define PROMPT_MAX 512

enum prompt_kind {
    PROMPT_NONE,
    PROMPT_SEARCH,
    PROMPT_FILTER,
    PROMPT_SAVE,
    PROMPT_COMPARE,
    PROMPT_RULE,
    PROMPT_SETTING,
};

struct prompt {
    enum prompt_kind kind;
    const char *label;
    char text[PROMPT_MAX];
};

enum prompt_result { PROMPT_EDITED, PROMPT_ACCEPTED, PROMPT_CANCELLED, PROMPT_IGNORED };

void prompt_start(struct prompt *p, enum prompt_kind kind, const char *label, const char *text);
/* Takes a key: a character, Backspace, Ctrl-U, Ctrl-W, Enter, Esc. */
enum prompt_result prompt_key(struct prompt *p, uint32_t key);

#endif
