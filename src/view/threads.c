/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads: how each spent its time, what it does at the window's end, its top function.
 *
 * The shares are of the thread's own time in the window, idle time in it, whatever states the query
 * asks for: a thread's row says what the thread did. Rows come with the busiest first. Pure.
 */
#include <stdlib.h>

#include "base/text.h"
#include "view/rows.h"
#include "view/views.h"
#include "view/wait_group.h"

enum threads_column {
    COL_TID,
    COL_NAME,
    COL_RUNNING,
    COL_RUNNABLE,
    COL_WAITING,
    COL_STATE,
    COL_WAIT,
    COL_TOP,
    COL_GIL,
    COL_GIL_WAIT,
    COL_GC,
    COL_EXCEPTION,
    COL_SAMPLES,
    COL_PID,
    COL_GROUP,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_TID] = {"tid", "TID", FORMAT_ID, 7, 80, COLUMN_BOTH, true},
    [COL_NAME] = {"name", "NAME", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [COL_RUNNING] = {"running_pct", "RUN%", FORMAT_PCT, 5, 80, COLUMN_BOTH, false},
    [COL_RUNNABLE] = {"runnable_pct", "QUEUE%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_WAITING] = {"waiting_pct", "WAIT%", FORMAT_PCT, 5, 80, COLUMN_BOTH, false},
    [COL_STATE] = {"state", "STATE", FORMAT_WORD, 8, 80, COLUMN_BOTH, false},
    [COL_WAIT] = {"wait", "WAITS IN", FORMAT_TEXT, 8, 80, COLUMN_BOTH, false},
    [COL_TOP] = {"top_function", "TOP FUNCTION", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [COL_GIL] = {"gil_pct", "GIL%", FORMAT_PCT, 5, 120, COLUMN_BOTH, false},
    [COL_GIL_WAIT] = {"gil_wait_pct", "GILWAIT%", FORMAT_PCT, 8, 120, COLUMN_BOTH, false},
    [COL_GC] = {"gc_pct", "GC%", FORMAT_PCT, 5, 120, COLUMN_BOTH, false},
    [COL_EXCEPTION] = {"exception_pct", "EXC%", FORMAT_PCT, 5, 200, COLUMN_BOTH, false},
    [COL_SAMPLES] = {"samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_PID] = {"pid", "PID", FORMAT_ID, 7, 120, COLUMN_BOTH, true},
    [COL_GROUP] = {"group", "GROUP", FORMAT_TEXT, 10, 120, COLUMN_SCREEN, false},
};

struct thread_tally {
    uint64_t running_ns, runnable_ns, waiting_ns, idle_ns;
    uint64_t gil_ns, gil_wait_ns, gc_ns, exception_ns;
    uint64_t ticks;
    struct function_id top; /* of its busy time; of all its time if it was never busy */
    struct run last;        /* ticks 0: none */
};

static uint64_t total_ns(const struct thread_tally *t)
{
    return t->running_ns + t->runnable_ns + t->waiting_ns;
}

static uint64_t busy_ns(const struct thread_tally *t)
{
    return total_ns(t) - t->idle_ns;
}

static void add_cell(struct thread_tally *t, const struct cell *cell)
{
    t->ticks += cell->ticks;
    if (cell->state == STATE_RUNNING)
        t->running_ns += cell->ns;
    else if (cell->state == STATE_RUNNABLE)
        t->runnable_ns += cell->ns;
    else
        t->waiting_ns += cell->ns;
    if (cell->idle)
        t->idle_ns += cell->ns;
    if (cell->flags & SAMPLE_GIL)
        t->gil_ns += cell->ns;
    if (cell->flags & SAMPLE_GIL_WANTED)
        t->gil_wait_ns += cell->ns;
    if (cell->flags & SAMPLE_GC)
        t->gc_ns += cell->ns;
    if (cell->flags & SAMPLE_EXCEPTION)
        t->exception_ns += cell->ns;
}

struct top_entry {
    uint32_t thread, function;
    uint64_t ns;
};

/* The function with the most self time of each thread. */
static void find_tops(struct thread_tally *tallies, const struct recording *rec,
                      const struct window_sum *sum)
{
    VEC(struct top_entry) entries = {0};
    struct map index = {0};
    uint64_t *best = xcalloc(rec->threads.n, sizeof *best);
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[i];
        if (cell->idle && busy_ns(&tallies[cell->thread.n]))
            continue;
        uint32_t function = rows_self_place(&sum->fold, cell->stack).function.n;
        uint64_t key = (uint64_t)cell->thread.n << 32 | function;
        uint32_t n = map_get(&index, key);
        if (n == MAP_NONE) {
            n = (uint32_t)entries.n;
            vec_push(&entries, ((struct top_entry){cell->thread.n, function, 0}));
            map_add(&index, key, n);
        }
        entries.at[n].ns += cell->ns;
        if (entries.at[n].ns > best[cell->thread.n]) {
            best[cell->thread.n] = entries.at[n].ns;
            tallies[cell->thread.n].top.n = function;
        }
    }
    free(best);
    map_free(&index);
    vec_free(&entries);
}

/* Each thread's newest run that begins in the window; pooled ones are no single thread's. O(runs in
 * the window) at the worst: when a thread has been silent for long. */
static void find_last_runs(struct thread_tally *tallies, const struct query *query)
{
    const struct recording *rec = query->rec;
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        uint64_t slice_ns = level_slice_ns(level);
        size_t runs = level == LEVEL_POOLED ? 0 : recording_run_count(rec, level);
        for (size_t i = runs; i-- > 0;) {
            const struct run *run = recording_run_at(rec, level, i);
            bool before = run->from_ns + run->weight_ns + 2 * slice_ns < query->window.from_ns;
            if (before && level != LEVEL_COUNT)
                break;
            struct run *last = &tallies[run->thread.n].last;
            if (run->ticks && run->from_ns < query->window.to_ns &&
                (!last->ticks || run->from_ns > last->from_ns))
                *last = *run;
        }
    }
}

static void set_now(struct table *table, const struct query *query, const struct thread_tally *t,
                    const struct thread *thread)
{
    static const char *const states[] = {
        [STATE_RUNNING] = "running", [STATE_RUNNABLE] = "runnable", [STATE_WAITING] = "waiting"};
    if (thread->to_ns && thread->to_ns < query->window.to_ns) {
        table_set_text(table, COL_STATE, "ended");
        return;
    }
    if (!t->last.ticks || t->last.state > STATE_WAITING)
        return;
    table_set_text(table, COL_STATE, states[t->last.state]);
    if (t->last.state == STATE_WAITING)
        rows_set_text(table, COL_WAIT, wait_name(t->last.wait));
}

static void add_thread(struct table *table, const struct query *query, const struct thread_tally *t,
                       uint32_t n, bool python)
{
    const struct recording *rec = query->rec;
    const struct thread *thread = &rec->threads.at[n];
    const struct incarnation *in = &rec->incarnations.at[thread->incarnation.n];
    uint64_t all = total_ns(t);

    struct row *row = table_add_row(table);
    row->key = hash_mix((uint64_t)in->pid << 32 | (uint32_t)thread->tid, thread->from_ns);
    row->thread.n = n;
    row->function = t->top;
    row->place.function = t->top;
    table_set_number(table, COL_PID, in->pid);
    table_set_number(table, COL_TID, thread->tid);
    const char *name = string_text(&rec->words, thread->name);
    rows_set_text(table, COL_NAME, name);
    if (*name)
        table_set_format(table, COL_GROUP, "%.*s", (int)wait_name_stem(name), name);
    table_set_number(table, COL_SAMPLES, (double)t->ticks);
    table_set_number(table, COL_RUNNING, rows_pct(t->running_ns, all));
    table_set_number(table, COL_RUNNABLE, rows_pct(t->runnable_ns, all));
    table_set_number(table, COL_WAITING, rows_pct(t->waiting_ns, all));
    if (python) {
        table_set_number(table, COL_GIL, rows_pct(t->gil_ns, all));
        table_set_number(table, COL_GIL_WAIT, rows_pct(t->gil_wait_ns, all));
        table_set_number(table, COL_GC, rows_pct(t->gc_ns, all));
        table_set_number(table, COL_EXCEPTION, rows_pct(t->exception_ns, all));
    }
    table_set_text(table, COL_TOP, rows_function_name(rec, t->top));
    set_now(table, query, t, thread);
}

struct busy {
    uint32_t thread;
    uint64_t busy_ns;
};

static int busier(const void *x, const void *y)
{
    const struct busy *a = x, *b = y;
    if (a->busy_ns != b->busy_ns)
        return a->busy_ns > b->busy_ns ? -1 : 1;
    return a->thread < b->thread ? -1 : 1;
}

static void threads_fill(struct table *table, const struct query *query)
{
    const struct recording *rec = query->rec;
    struct window_sum sum;
    rows_sum(table, query, &sum);
    struct thread_tally *tallies = xcalloc(rec->threads.n, sizeof *tallies);
    /* Whether the Python flags are known of a process: only then is a share of 0 one. */
    bool *flags_known = xcalloc(rec->incarnations.n, sizeof *flags_known);
    for (size_t i = 0; i < sum.cells.n; i++) {
        const struct cell *cell = &sum.cells.at[i];
        add_cell(&tallies[cell->thread.n], cell);
        if (cell->flags & (SAMPLE_GIL | SAMPLE_GIL_WANTED | SAMPLE_GC | SAMPLE_EXCEPTION))
            flags_known[rec->threads.at[cell->thread.n].incarnation.n] = true;
    }
    find_tops(tallies, rec, &sum);
    find_last_runs(tallies, query);

    VEC(struct busy) order = {0};
    for (uint32_t n = 0; n < rec->threads.n; n++)
        if (tallies[n].ticks)
            vec_push(&order, ((struct busy){n, busy_ns(&tallies[n])}));
    vec_sort(&order, busier);
    for (size_t i = 0; i < order.n; i++) {
        uint32_t n = order.at[i].thread;
        add_thread(table, query, &tallies[n], n, flags_known[rec->threads.at[n].incarnation.n]);
    }
    vec_free(&order);
    free(flags_known);
    free(tallies);
    window_sum_clear(&sum);
}

const struct view threads_view = {
    .name = "threads",
    .title = "Threads",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = threads_fill,
    .empty = "No thread was seen in this window.",
};
