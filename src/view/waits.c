/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The waits: what the threads wait for, what that is about, who holds it, and where in the program.
 * Idle waits stand last and grey; their share is missing, as it would be one of something else
 * than those above. Pure.
 */
#include <stdio.h>

#include "view/views.h"
#include "view/wait_group.h"

enum waits_column {
    COL_PCT,
    COL_SHARE,
    COL_WAIT_SHOWN,
    COL_ABOUT,
    COL_NAME,
    COL_SECONDS,
    COL_TYPICAL,
    COL_LONGEST,
    COL_WAIT,
    COL_ON,
    COL_OWNER,
    COL_OWNER_NAME,
    COL_THREADS,
    COL_SAMPLES,
    COL_IDLE,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_PCT] = {"wait_pct", "WAIT%", FORMAT_PCT, 5, 80, COLUMN_BOTH, false},
    [COL_SHARE] = {"threads_of", "THREADS", FORMAT_BAR, 7, 80, COLUMN_SCREEN, false},
    [COL_WAIT_SHOWN] = {"waits_for", "WAITS FOR", FORMAT_TEXT, 14, 80, COLUMN_SCREEN, false},
    [COL_ABOUT] = {"about", "ON", FORMAT_TEXT, 24, 80, COLUMN_SCREEN, false},
    [COL_NAME] = {"name", "NEAREST OWN FUNCTION", FORMAT_TEXT, 18, 80, COLUMN_BOTH, false},
    [COL_SECONDS] = {"wait_s", "WAITED", FORMAT_SECONDS, 6, 120, COLUMN_BOTH, false},
    [COL_TYPICAL] = {"typical_s", "TYPICAL", FORMAT_SECONDS, 7, 120, COLUMN_BOTH, false},
    [COL_LONGEST] = {"max_s", "LONGEST", FORMAT_SECONDS, 7, 120, COLUMN_BOTH, false},
    [COL_WAIT] = {"wait", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_ON] = {"on", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_OWNER] = {"owner_tid", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
    [COL_OWNER_NAME] = {"owner_name", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_THREADS] = {"threads", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_SAMPLES] = {"samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_IDLE] = {"idle", NULL, FORMAT_BOOL, 0, 0, COLUMN_DATA, false},
};

/* Whose holder is looked for: each costs a walk over the runs. */
#define HOLDERS_MAX 16

/* "held by recommend (MainThread)": a GIL's holder says nothing without what it does. */
static void print_gil_holder(char *out, size_t size, const struct wait_groups *g,
                             const struct wait_group *group, int *looked)
{
    const struct recording *rec = g->query->rec;
    struct stack_id stack = {0};
    if ((*looked)++ < HOLDERS_MAX)
        stack = wait_groups_holder(g, group);
    if (stack.n)
        snprintf(out, size, "held by %s (%s)",
                 rows_function_name(rec, rows_own_place(&g->sum->fold, stack).function),
                 wait_thread_name(rec, group->owner));
}

static void add_group(struct table *table, const struct wait_groups *g,
                      const struct wait_group *group, int *looked)
{
    const struct recording *rec = g->query->rec;
    char about[512];
    struct row *row = table_add_row(table);
    row->key = group->key;
    row->function = group->function;
    row->place.function = group->function;
    row->role = group->idle && g->query->filter.states != STATES_ALL ? ROW_QUIET : ROW_PLAIN;

    wait_group_about(about, sizeof about, rec, group, false);
    rows_set_text(table, COL_ON, about);
    wait_group_about(about, sizeof about, rec, group, true);
    if (group->wait == WAIT_GIL && group->owner)
        print_gil_holder(about, sizeof about, g, group, looked);
    rows_set_text(table, COL_ABOUT, about);
    table_set_text(table, COL_WAIT, wait_group_kind(group));
    table_set_format(table, COL_WAIT_SHOWN, "%s%s",
                     group->state == STATE_RUNNABLE ? "a CPU"
                     : group->wait == WAIT_SLEEP    ? "sleep"
                                                    : wait_group_kind(group),
                     group->idle ? " (idle)" : "");
    if (group->owner) {
        table_set_number(table, COL_OWNER, group->owner);
        rows_set_text(table, COL_OWNER_NAME, wait_thread_name(rec, group->owner));
    }
    table_set_text(table, COL_NAME, rows_function_name(rec, group->function));
    table_set_number(table, COL_THREADS, group->threads);
    snprintf(about, sizeof about, "%u/%u", group->threads, group->thread_of);
    table_set_format(table, COL_SHARE, "%*s", columns[COL_SHARE].width, about);
    table_set_number(table, COL_SAMPLES, (double)group->ticks);
    table_set_number(table, COL_SECONDS, rows_seconds(group->ns));
    if (row->role != ROW_QUIET)
        table_set_number(table, COL_PCT, rows_pct(group->ns, table->whole_ns));
    if (group->longest_ns) {
        table_set_number(table, COL_TYPICAL, rows_seconds(group->typical_ns));
        table_set_number(table, COL_LONGEST, rows_seconds(group->longest_ns));
    }
    table_set_bool(table, COL_IDLE, group->idle);
}

static void waits_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    struct wait_groups groups;
    int looked = 0;
    rows_sum(table, query, &sum);
    wait_groups_sum(&groups, query, &sum);
    wait_groups_time(&groups);
    for (size_t i = 0; i < groups.at.n; i++)
        add_group(table, &groups, &groups.at.at[i], &looked);
    wait_groups_clear(&groups);
    window_sum_clear(&sum);
}

const struct view waits_view = {
    .name = "waits",
    .title = "Waits",
    .columns = columns,
    .n_columns = COL_COUNT,
    .sort = "wait_pct",
    .fill = waits_fill,
    .empty = "No thread waited in this window.",
};
