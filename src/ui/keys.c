/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See keys.h. */
#include "ui/keys.h"

#include "ui/terminal.h"

#define FKEY(n) (TERMINAL_F1 + (n)-1)

#define HEADING(text)                                                                              \
    {                                                                                              \
        COMMAND_NONE, {0}, NULL, text, NULL, NULL                                                  \
    }

const struct key keys[] = {
    HEADING("Moving"),
    {COMMAND_UP, {TERMINAL_UP, 'k'}, "Up k", "one row up", NULL, NULL},
    {COMMAND_DOWN, {TERMINAL_DOWN, 'j'}, "Down j", "one row down", NULL, NULL},
    {COMMAND_PAGE_UP, {TERMINAL_PAGE_UP}, "PgUp", "a page up", NULL, NULL},
    {COMMAND_PAGE_DOWN, {TERMINAL_PAGE_DOWN}, "PgDn", "a page down", NULL, NULL},
    {COMMAND_HOME, {TERMINAL_HOME}, "Home", "the first row (and stay there)", NULL, NULL},
    {COMMAND_END, {TERMINAL_END}, "End", "the last row", NULL, NULL},
    {COMMAND_TAB, {'\t'}, "Tab", "the next screen", NULL, NULL},
    {COMMAND_TAB_BACK, {TERMINAL_BACK_TAB}, "Shift-Tab", "the screen before", NULL, NULL},
    HEADING("Looking closer"),
    {COMMAND_OPEN,
     {TERMINAL_ENTER},
     "Enter",
     "open a function, thread, process, lock's holder, type, metric; zoom",
     NULL,
     NULL},
    {COMMAND_BACK,
     {TERMINAL_ESCAPE, TERMINAL_BACKSPACE},
     "Esc Backspace",
     "back, or zoom out; then drop thread, process, filter, search",
     NULL,
     NULL},
    {COMMAND_HELP, {FKEY(1), 'h', '?'}, "F1 h ?", "this help", "F1", "Help"},
    {COMMAND_SEARCH, {'/', FKEY(3)}, "/ F3", "search the rows", "F3", "Search"},
    {COMMAND_NEXT, {'n'}, "n", "the next row found", NULL, NULL},
    {COMMAND_PREVIOUS, {'N'}, "N", "the row found before", NULL, NULL},
    {COMMAND_FILTER,
     {'\\', FKEY(4)},
     "\\ F4",
     "only stacks with a function, file or module of this name",
     "F4",
     "Filter"},
    {COMMAND_TREE, {FKEY(5)}, "F5", "the call tree", "F5", "Tree"},
    {COMMAND_SORT_LEFT, {'<'}, "<", "sort by the column to the left", NULL, NULL},
    {COMMAND_SORT_RIGHT, {'>', FKEY(6)}, "> F6", "sort by the column to the right", "F6", "Sort"},
    {COMMAND_INVERT, {'I'}, "I", "turn the order round", NULL, NULL},
    {COMMAND_FOLD, {'-'}, "-", "fold a row of the tree; zoom out of the flame graph", NULL, NULL},
    {COMMAND_UNFOLD, {'+', '='}, "+", "unfold it; zoom into the box", NULL, NULL},
    {COMMAND_LEFT, {TERMINAL_LEFT}, "Left", "fold; in the flame graph the box beside", NULL, NULL},
    {COMMAND_RIGHT, {TERMINAL_RIGHT}, "Right", "unfold; the box beside", NULL, NULL},
    {COMMAND_VARY,
     {'v'},
     "v",
     "callers of a function, then what it calls; flame colours; charts; heat strips",
     NULL,
     NULL},
    {COMMAND_NATIVE,
     {'x'},
     "x",
     "Python threads: fold the interpreter's functions, show them, or Python alone",
     NULL,
     NULL},
    HEADING("Time"),
    {COMMAND_PAUSE, {' ', 'p'}, "Space p", "freeze the picture; recording goes on", NULL, NULL},
    {COMMAND_WINDOW, {FKEY(7), 'W'}, "F7 W", "show the last 10 s, 1 m, 10 m, all", "F7", "Window"},
    {COMMAND_START, {'r'}, "r", "the window starts now", NULL, NULL},
    {COMMAND_EARLIER, {'['}, "[", "select a window, and move it to what was before", NULL, NULL},
    {COMMAND_LATER, {']'}, "]", "to what came after", NULL, NULL},
    {COMMAND_BEGIN_EARLIER, {'{'}, "{", "its beginning goes back", NULL, NULL},
    {COMMAND_END_LATER, {'}'}, "}", "its end goes on", NULL, NULL},
    {COMMAND_BEGIN_LATER, {'('}, "(", "it shrinks at its beginning", NULL, NULL},
    {COMMAND_END_EARLIER, {')'}, ")", "it shrinks at its end", NULL, NULL},
    {COMMAND_SPIKE_BEFORE, {','}, ",", "select the spike before, of Time's metric", NULL, NULL},
    {COMMAND_SPIKE_AFTER, {'.'}, ".", "select the next spike", NULL, NULL},
    {COMMAND_EVENT_BEFORE, {'E'}, "E", "select the alert or mark before", NULL, NULL},
    {COMMAND_EVENT_AFTER, {'e'}, "e", "select the next alert or mark", NULL, NULL},
    {COMMAND_NOW, {'0'}, "0", "back to now, and to all that was recorded", NULL, NULL},
    HEADING("Keeping and comparing"),
    {COMMAND_SNAPSHOT, {'s', FKEY(9)}, "s F9", "save a snapshot in this directory", "F9", "Snap"},
    {COMMAND_SNAPSHOT_AS, {'S'}, "S", "save a snapshot under a name", NULL, NULL},
    {COMMAND_BASELINE, {'b'}, "b", "mark the baseline: until now, or the window", NULL, NULL},
    {COMMAND_COMPARE,
     {'c', FKEY(8)},
     "c F8",
     "compare: a window with the rest; with the baseline, a snapshot, a file",
     "F8",
     "Compare"},
    {COMMAND_SIDES, {'|'}, "|", "the comparison side by side, or as one table", NULL, NULL},
    HEADING("proftop"),
    {COMMAND_COUNT_OBJECTS,
     {'R'},
     "R",
     "count the objects now; in a type: ask again who holds it",
     NULL,
     NULL},
    {COMMAND_GROW,
     {'g'},
     "g",
     "look for the lines that make the memory grow: first what that costs, again: begin",
     NULL,
     NULL},
    {COMMAND_CHILDREN, {'C'}, "C", "take in the target's children", NULL, NULL},
    {COMMAND_SETTINGS,
     {FKEY(2)},
     "F2",
     "the settings: Enter, + and - change the selected one",
     "F2",
     "Setup"},
    {COMMAND_WRITE_SETTINGS, {'U'}, "U", "write the changed settings to your file", NULL, NULL},
    {COMMAND_DEFAULT, {'D'}, "D", "the selected setting's default again", NULL, NULL},
    {COMMAND_QUIT, {'q', FKEY(10)}, "q F10", "leave", "F10", "Quit"},
};
const size_t key_count = sizeof keys / sizeof keys[0];

enum command key_command(uint32_t key)
{
    for (size_t i = 0; i < key_count; i++)
        for (size_t k = 0; k < KEYS_EACH; k++)
            if (keys[i].keys[k] && keys[i].keys[k] == key)
                return keys[i].command;
    return COMMAND_NONE;
}
