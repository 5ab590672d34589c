/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process picker: what runs now, busiest first, to choose from. The rows come from the caller.
 * The selection follows its process through refreshes. The front's thread.
 */
#include "ui/ui.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ui/keys.h"
#include "ui/prompt.h"
#include "ui/terminal.h"
#include "view/draw_frame.h"
#include "view/draw_table.h"

#define REFRESH_NS (2 * NS_PER_S)
#define FRAME_ROWS 5 /* the title, a blank line, the head; the status, the bar */

enum { COL_PID, COL_USER, COL_CPU, COL_RSS, COL_THREADS, COL_COMM, COL_COMMAND, COL_COUNT };

static const struct column columns[COL_COUNT] = {
    [COL_PID] = {"pid", "PID", FORMAT_ID, 8, 80, COLUMN_SCREEN, true},
    [COL_USER] = {"user", "USER", FORMAT_TEXT, 9, 120, COLUMN_SCREEN, false},
    [COL_CPU] = {"cpu_pct", "CPU%", FORMAT_PCT, 6, 80, COLUMN_SCREEN, false},
    [COL_RSS] = {"rss_bytes", "RSS", FORMAT_BYTES, 6, 80, COLUMN_SCREEN, true},
    [COL_THREADS] = {"threads", "THREADS", FORMAT_COUNT, 7, 80, COLUMN_SCREEN, true},
    [COL_COMM] = {"comm", "NAME", FORMAT_TEXT, 10, 80, COLUMN_SCREEN, false},
    [COL_COMMAND] = {"cmdline", "COMMAND", FORMAT_TEXT, 24, 80, COLUMN_SCREEN, false},
};

static const struct view picker_view = {
    .name = "picker",
    .title = "Processes",
    .columns = columns,
    .n_columns = COL_COUNT,
    .sort = "cpu_pct",
    .empty = "No process matches.",
};

struct picker {
    ui_list_fn *list;
    void *context;
    bool ascii;
    struct grid grid;
    struct ui_process_list processes; /* as listed last */
    struct table table;
    size_t top, selected;
    pid_t chosen; /* the selected row's */
    const char *sort;
    bool invert, repaint, done;
    struct prompt prompt;
    char filter[PROMPT_MAX], message[600];
    pid_t *pid;
};

static bool matches(const struct picker *p, const struct ui_process *process)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", process->pid);
    return !p->filter[0] || text_matches(process->comm, p->filter) ||
           text_matches(process->cmdline ? process->cmdline : "", p->filter) ||
           text_matches(process->user, p->filter) || strcmp(pid, p->filter) == 0;
}

static int height(const struct picker *p)
{
    return p->grid.rows > FRAME_ROWS ? p->grid.rows - FRAME_ROWS : 1;
}

static void keep_in_sight(struct picker *p)
{
    size_t n = p->table.rows.n, h = (size_t)height(p);
    if (p->selected >= n)
        p->selected = n ? n - 1 : 0;
    if (p->selected < p->top)
        p->top = p->selected;
    if (p->selected >= p->top + h)
        p->top = p->selected - h + 1;
    p->chosen = p->selected < n ? (pid_t)p->table.rows.at[p->selected].key : 0;
}

static void forget(struct picker *p)
{
    for (size_t i = 0; i < p->processes.rows.n; i++)
        free(p->processes.rows.at[i].cmdline);
    vec_clear(&p->processes.rows);
}

/* Asks again what runs: CPU figures are since the last time, so this is for the timer alone. */
static void list(struct picker *p)
{
    struct err err = {""};
    forget(p);
    p->message[0] = '\0';
    if (!p->list(p->context, &p->processes, &err))
        snprintf(p->message, sizeof p->message, "%s", err.text);
}

static void fill(struct picker *p, bool follow)
{
    pid_t chosen = p->chosen;
    table_begin(&p->table, &picker_view);
    for (size_t i = 0; i < p->processes.rows.n; i++) {
        const struct ui_process *process = &p->processes.rows.at[i];
        if (!matches(p, process))
            continue;
        struct row *row = table_add_row(&p->table);
        row->key = (uint64_t)process->pid;
        table_set_number(&p->table, COL_PID, process->pid);
        table_set_text(&p->table, COL_USER, process->user);
        table_set_number(&p->table, COL_CPU, process->cpu_pct);
        table_set_number(&p->table, COL_RSS, (double)process->rss_bytes);
        table_set_number(&p->table, COL_THREADS, process->threads);
        table_set_text(&p->table, COL_COMM, process->comm);
        table_set_text(&p->table, COL_COMMAND, process->cmdline ? process->cmdline : "");
    }
    table_sort(&p->table, p->sort, p->invert);
    /* Until a row is chosen, the selection stays at the top. */
    for (size_t i = 0; follow && p->selected && i < p->table.rows.n; i++)
        if ((pid_t)p->table.rows.at[i].key == chosen)
            p->selected = i;
    keep_in_sight(p);
    p->repaint = true;
}

static void paint(struct picker *p)
{
    int width, rows, cursor = -1;
    terminal_size(&width, &rows);
    if (width != p->grid.columns || rows != p->grid.rows) {
        grid_clear(&p->grid);
        grid_init(&p->grid, width, rows, p->ascii);
        keep_in_sight(p);
    }
    struct grid *g = &p->grid;
    grid_erase(g);
    if (width < 40 || rows < 10) {
        grid_printf(g, 0, 0, width, STYLE_NORMAL, "terminal too small (%dx%d), needs 80x24", width,
                    rows);
    } else {
        static const struct label bar[] = {
            {"Enter", "Watch"}, {"/", "Find"}, {"<>", "Sort"}, {"I", "Invert"}, {"q", "Quit"}};
        struct table_look look = {p->top, p->selected, p->sort, p->invert, p->filter, NULL, 0};
        int used = grid_put(g, 0, 0, width, STYLE_TITLE, "proftop");
        used += grid_put(g, 0, used, width - used, STYLE_NORMAL, "  which process?");
        if (p->filter[0])
            grid_printf(g, 0, used + 2, width - used - 2, STYLE_NOTICE, "with \"%s\"", p->filter);
        draw_table(g, 2, 0, width, height(p) + 1, &p->table, &look);
        grid_put(g, rows - 2, 0, width, STYLE_ERROR, p->message);
        if (p->prompt.kind)
            cursor = draw_prompt(g, rows - 1, p->prompt.label, p->prompt.text);
        else
            draw_bar_line(g, rows - 1, bar, sizeof bar / sizeof bar[0]);
    }
    terminal_paint(g, cursor >= 0 ? rows - 1 : -1, cursor);
    p->repaint = false;
}

static void move_by(struct picker *p, long by)
{
    long n = (long)p->table.rows.n, at = (long)p->selected + by;
    p->selected = at < 0 ? 0 : at >= n ? (size_t)(n ? n - 1 : 0) : (size_t)at;
    keep_in_sight(p);
}

static void sort_step(struct picker *p, long step)
{
    long at = view_column(&picker_view, p->sort);
    p->sort = columns[(at + step + COL_COUNT) % COL_COUNT].key;
    p->invert = false;
    fill(p, true);
}

static void command(struct picker *p, enum command c)
{
    switch (c) {
    case COMMAND_UP:
        move_by(p, -1);
        break;
    case COMMAND_DOWN:
        move_by(p, 1);
        break;
    case COMMAND_PAGE_UP:
        move_by(p, -height(p));
        break;
    case COMMAND_PAGE_DOWN:
        move_by(p, height(p));
        break;
    case COMMAND_HOME:
        move_by(p, -(1l << 30));
        break;
    case COMMAND_END:
        move_by(p, 1l << 30);
        break;
    case COMMAND_OPEN:
        *p->pid = p->chosen;
        p->done = p->chosen != 0;
        break;
    case COMMAND_SEARCH:
    case COMMAND_FILTER:
        prompt_start(&p->prompt, PROMPT_FILTER, "Find:", p->filter);
        break;
    case COMMAND_SORT_LEFT:
        sort_step(p, -1);
        break;
    case COMMAND_SORT_RIGHT:
        sort_step(p, 1);
        break;
    case COMMAND_INVERT:
        p->invert = !p->invert;
        fill(p, true);
        break;
    case COMMAND_BACK:
        if (p->filter[0]) {
            p->filter[0] = '\0';
            fill(p, true);
            break;
        }
        p->done = true;
        break;
    case COMMAND_QUIT:
        p->done = true;
        break;
    default:
        break;
    }
}

static void take_event(struct picker *p, const struct terminal_event *event)
{
    p->repaint = true;
    if (p->prompt.kind) {
        enum prompt_result result = prompt_key(&p->prompt, event->key);
        if (result == PROMPT_CANCELLED)
            p->prompt.text[0] = '\0';
        if (result == PROMPT_ACCEPTED || result == PROMPT_CANCELLED)
            p->prompt.kind = PROMPT_NONE;
        /* The list narrows while one types. */
        snprintf(p->filter, sizeof p->filter, "%s", p->prompt.text);
        fill(p, false);
        return;
    }
    if (event->key == TERMINAL_CLICK) {
        const struct grid_cell *c = grid_at(&p->grid, event->row, event->column);
        if (c && c->link >= LINK_ROW) {
            bool again = p->selected == (size_t)(c->link - LINK_ROW);
            p->selected = c->link - LINK_ROW;
            keep_in_sight(p);
            if (again)
                command(p, COMMAND_OPEN);
        } else if (c && c->link >= LINK_COLUMN && c->link < LINK_COLUMN + COL_COUNT) {
            p->sort = columns[c->link - LINK_COLUMN].key;
            fill(p, true);
        }
        return;
    }
    if (event->key == TERMINAL_WHEEL_UP || event->key == TERMINAL_WHEEL_DOWN)
        move_by(p, event->key == TERMINAL_WHEEL_UP ? -3 : 3);
    else
        command(p, key_command(event->key));
}

static void loop(struct picker *p)
{
    uint64_t due = clock_mono_ns() + REFRESH_NS / 4; /* the first CPU figures come soon */
    while (!p->done) {
        struct terminal_event event;
        struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {terminal_wish_fd(), POLLIN, 0}};
        uint64_t now = clock_mono_ns();
        if (poll(fds, 2, due > now ? (int)((due - now) / NS_PER_MS) + 1 : 0) < 0 && errno != EINTR)
            return;
        unsigned wishes = terminal_wishes();
        if (wishes & TERMINAL_LEAVE)
            return;
        if (wishes & TERMINAL_SUSPEND)
            terminal_suspend();
        p->repaint |= wishes != 0;
        bool any = false;
        while (!p->done && terminal_read(&event)) {
            take_event(p, &event);
            any = true;
        }
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) && !any)
            return;
        if (clock_mono_ns() >= due) {
            list(p);
            fill(p, true);
            due = clock_mono_ns() + REFRESH_NS;
        }
        if (p->repaint && !p->done)
            paint(p);
    }
}

bool ui_pick(pid_t *pid, const struct ui_options *options, ui_list_fn *fn, void *context,
             struct err *err)
{
    struct picker p = {.list = fn, .context = context, .sort = picker_view.sort, .pid = pid};
    *pid = 0;
    if (!terminal_open(options->no_color, err))
        return false;
    p.ascii = options->ascii || terminal_is_ascii();
    grid_init(&p.grid, 80, 24, p.ascii);
    list(&p);
    fill(&p, false);
    paint(&p);
    loop(&p);
    terminal_close();
    table_clear(&p.table);
    forget(&p);
    vec_free(&p.processes.rows);
    grid_clear(&p.grid);
    return true;
}
