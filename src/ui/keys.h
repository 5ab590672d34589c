/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What keys do: one table, from which the loop, the help page, the function bar and the man page's
 * list come. The keys of screens (digits and letters) come from screens[].
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum command {
    COMMAND_NONE,
    COMMAND_UP,
    COMMAND_DOWN,
    COMMAND_PAGE_UP,
    COMMAND_PAGE_DOWN,
    COMMAND_HOME,
    COMMAND_END,
    COMMAND_OPEN,
    COMMAND_BACK,
    COMMAND_SEARCH,
    COMMAND_NEXT,
    COMMAND_PREVIOUS,
    COMMAND_FILTER,
    COMMAND_SORT_LEFT,
    COMMAND_SORT_RIGHT,
    COMMAND_INVERT,
    COMMAND_LEFT,
    COMMAND_RIGHT,
    COMMAND_FOLD,
    COMMAND_UNFOLD,
    COMMAND_VARY,
    COMMAND_TREE,
    COMMAND_TAB,
    COMMAND_TAB_BACK,
    COMMAND_NATIVE,
    COMMAND_PAUSE,
    COMMAND_WINDOW,
    COMMAND_START,
    COMMAND_EARLIER,
    COMMAND_LATER,
    COMMAND_BEGIN_EARLIER,
    COMMAND_END_LATER,
    COMMAND_BEGIN_LATER,
    COMMAND_END_EARLIER,
    COMMAND_SPIKE_BEFORE,
    COMMAND_SPIKE_AFTER,
    COMMAND_EVENT_BEFORE,
    COMMAND_EVENT_AFTER,
    COMMAND_NOW,
    COMMAND_SNAPSHOT,
    COMMAND_SNAPSHOT_AS,
    COMMAND_BASELINE,
    COMMAND_COMPARE,
    COMMAND_SIDES,
    COMMAND_CHILDREN,
    COMMAND_COUNT_OBJECTS,
    COMMAND_GROW,
    COMMAND_SETTINGS,
    COMMAND_WRITE_SETTINGS,
    COMMAND_DEFAULT,
    COMMAND_HELP,
    COMMAND_QUIT,
};

#define KEYS_EACH 4

struct key {
    enum command command; /* COMMAND_NONE: a heading of the help, in `help` */
    uint32_t keys[KEYS_EACH];
    const char *names; /* as the help writes them: "Up k" */
    const char *help;
    const char *bar_key, *bar_text; /* on the function bar, or NULL */
};

extern const struct key keys[];
extern const size_t key_count;

/* COMMAND_NONE if the key has no meaning of its own. */
enum command key_command(uint32_t key);

#endif
