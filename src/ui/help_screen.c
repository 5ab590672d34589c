/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See help_screen.h. */
#include "ui/help_screen.h"

#include <stdio.h>
#include <string.h>

#include "ui/state.h"
#include "view/draw_table.h"

static const char *const help_words[] = {
    "What the figures mean",
    "Percents are of the time of all threads in the window that was not idle:",
    "on the CPU, or waiting for something that somebody is waiting for. Idle",
    "time (a pool's worker with nothing to do, an accept loop, a timer) is one",
    "grey row, the last. SELF% is in the function itself, TOTAL% with what it",
    "calls; CPU% and WAIT% split SELF%. A row with an arrow has just passed",
    "others for good; ~ is within the noise.",
    "In Waits, THREADS is how many threads of how many that have such a name.",
    "A wait is idle, and stands grey and last, if nobody waits for it to end: a",
    "timer, a sleep, an accept or event loop, a worker that waits for work, a",
    "server that waits for its clients' next words, a parent that waits for a",
    "child, a join. A lock that somebody holds, a database, a disk, a full pipe",
    "and the GIL are not. TYPICAL and LONGEST are of single waits as sampled.",
    "In Memory the slope is that of the newest stretch that went one way; +- is",
    "half of the interval that holds it in 95 of 100 cases. Stable is what moves",
    "by less than 1,000 bytes a second, or not surely. Memory was over BASELINE",
    "for nine tenths of the time; SWING is its standard deviation about the",
    "slope. PSS, heap and mappings are read every ten seconds or more seldom.",
    "In Time a spike (^) is where a metric rose over its median by six times its",
    "scatter, and came back: a step that stays is none. The window is drawn over",
    "all lines; press, drag and release the mouse there, or on the sparklines at",
    "the top, to select one. v shows when threads were on a CPU, by parts of each",
    "second (only of what has not been thinned yet), and by thread.",
    "Against the rest, what is most the window's own stands first.",
    "Objects are counted from outside, at moments: SINCE FIRST is against the",
    "first count in the window, PER S how they grow now. ! looks like a leak: it",
    "has grown, goes on growing and gave nothing back.",
    "In Memory, survives is what was allocated there and still stood unchanged",
    "ten seconds later; enlarged is what enlarged the heap. BY brk, mmap, mremap",
    "asked the kernel for address space that is still mapped; BY faults touched",
    "pages first. Both see the same memory: do not add them. Where much comes and",
    "goes that is often an innocent line. All are estimates from samples: +- is by",
    "how much what survives may be wrong, in 95 of 100 cases.",
};

#define HELP_MAX     240
#define HELP_PART    160
#define HELP_TEXT_AT 19 /* where draw_help puts what a key does */

/* The help's lines, from keys[] and screens[], broken where the screen is narrow. */
struct help {
    struct label lines[HELP_MAX];
    char parts[HELP_MAX][HELP_PART], names[SCREEN_COUNT][8];
    size_t n;
};

static void add_help(struct help *h, int columns, const char *key, const char *text)
{
    size_t most = columns > 2 * HELP_TEXT_AT ? (size_t)(columns - HELP_TEXT_AT - 1) : HELP_TEXT_AT;
    most = most < HELP_PART ? most : HELP_PART - 1;
    while (*text && h->n < HELP_MAX) {
        size_t n = strlen(text);
        if (n > most)
            for (n = most; n > 1 && text[n] != ' ';)
                n--;
        snprintf(h->parts[h->n], HELP_PART, "%.*s", (int)n, text);
        h->lines[h->n] = (struct label){key, h->parts[h->n]};
        h->n++;
        text += n + strspn(text + n, " ");
        key = " "; /* under the words */
    }
}

static void add_help_line(struct help *h, const char *key, const char *text)
{
    if (h->n < HELP_MAX)
        h->lines[h->n++] = (struct label){key, text};
}

static void help_lines(struct help *h, int columns)
{
    h->n = 0;
    add_help_line(h, NULL, "Screens");
    for (size_t i = 0; i < SCREEN_COUNT; i++) {
        const struct screen *s = &screens[i];
        if (!s->letter || i == SCREEN_COMPARE || i == SCREEN_HELP)
            continue; /* opened from a row; or their keys are commands */
        snprintf(h->names[i], sizeof h->names[i], s->digit ? "%c %c" : "%c",
                 s->digit ? s->digit : s->letter, s->letter);
        add_help(h, columns, h->names[i], s->help);
    }
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].names)
            add_help(h, columns, keys[i].names, keys[i].help);
        else
            add_help_line(h, NULL, keys[i].help);
    }
    add_help_line(h, NULL, help_words[0]);
    for (size_t i = 1; i < sizeof help_words / sizeof help_words[0]; i++)
        add_help_line(h, "", help_words[i]);
}

size_t help_screen_rows(const struct ui *ui)
{
    struct help h;
    help_lines(&h, ui->grid.columns);
    return h.n;
}

void help_screen_draw(struct ui *ui, int row, int height)
{
    struct help h;
    help_lines(&h, ui->grid.columns);
    draw_help(&ui->grid, row, height, h.lines, h.n, ui_list(ui)->top);
    ui_mark_found(ui, row, height);
}

static bool matches(const struct ui *ui, size_t row, const void *context)
{
    const struct label *line = &((const struct help *)context)->lines[row];
    return text_matches(line->text, ui->search) ||
           (line->key && text_matches(line->key, ui->search));
}

bool help_screen_find(struct ui *ui, int step, bool here)
{
    struct help h;
    help_lines(&h, ui->grid.columns);
    return ui_find_row(ui, h.n, matches, &h, step, here);
}
