/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of the family: each one's share of the whole, its waits, and whether it is unlike
 * its siblings (the rule is in processes.h). A process that executed another program has a row for
 * each. Pure.
 */
#include "view/processes.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "view/draw_time.h"
#include "view/views.h"

enum processes_column {
    COL_PID,
    COL_PPID,
    COL_COMM,
    COL_SHARE,
    COL_CPU,
    COL_WAIT,
    COL_THREADS,
    COL_OUTLIER,
    COL_TOP_WAIT,
    COL_TOP,
    COL_RSS,
    COL_SAMPLES,
    COL_CAME,
    COL_WENT,
    COL_STARTED,
    COL_ENDED,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_PID] = {"pid", "PID", FORMAT_ID, 7, 80, COLUMN_BOTH, true},
    [COL_PPID] = {"ppid", "PPID", FORMAT_ID, 7, 120, COLUMN_BOTH, true},
    [COL_COMM] = {"comm", "NAME", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [COL_SHARE] = {"share_pct", "SHARE%", FORMAT_PCT, 6, 80, COLUMN_SCREEN, false},
    [COL_CPU] = {"cpu_s", "CPU", FORMAT_SECONDS, 6, 80, COLUMN_BOTH, false},
    [COL_WAIT] = {"wait_s", "WAIT", FORMAT_SECONDS, 6, 80, COLUMN_BOTH, false},
    [COL_THREADS] = {"threads", "THREADS", FORMAT_COUNT, 7, 120, COLUMN_BOTH, true},
    [COL_OUTLIER] = {"outlier", "ODD", FORMAT_BOOL, 3, 80, COLUMN_BOTH, false},
    [COL_TOP_WAIT] = {"top_wait", "WAITS IN", FORMAT_TEXT, 8, 80, COLUMN_BOTH, false},
    [COL_TOP] = {"top_function", "TOP FUNCTION", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [COL_RSS] = {"rss_bytes", "RSS", FORMAT_BYTES, 6, 120, COLUMN_BOTH, true},
    [COL_SAMPLES] = {"samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_CAME] = {"came", "STARTED", FORMAT_WORD, 8, 120, COLUMN_SCREEN, false},
    [COL_WENT] = {"went", "ENDED", FORMAT_WORD, 8, 120, COLUMN_SCREEN, false},
    [COL_STARTED] = {"started_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_ENDED] = {"ended_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
};

#define FIRST_LOOK_NS  (100 * NS_PER_MS) /* who is met by then was there already */
#define SIBLINGS_LEAST 3
#define SEEN_LEAST_NS  NS_PER_S
#define TICKS_LEAST    20
#define ODD_MADS       (3.5 * 1.4826)
#define ODD_PART       0.5 /* of the median */
/* seconds a second, the same, bytes */
static const double odd_least[PROCESS_FIGURES] = {0.05, 0.05, 16 << 20};

/* Seconds per second of its presence; bytes. */
static double process_figure(const struct process_tally *t, enum process_figure figure)
{
    if (figure == PROCESS_RSS)
        return (double)t->rss_bytes;
    uint64_t ns = figure == PROCESS_CPU ? t->cpu_ns + t->queued_ns : t->wait_ns - t->queued_ns;
    return t->seen_ns ? (double)ns / (double)t->seen_ns : 0;
}

static int by_number(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

/* Sorts the values. */
static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_number);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool can_be_judged(const struct process_tally *t)
{
    return t->seen_ns >= SEEN_LEAST_NS && t->ticks >= TICKS_LEAST;
}

static bool are_siblings(const struct recording *rec, const struct process_tally *x,
                         const struct process_tally *y)
{
    const struct incarnation *a = &rec->incarnations.at[x->incarnation.n];
    const struct incarnation *b = &rec->incarnations.at[y->incarnation.n];
    return a->ppid == b->ppid && a->exe.n == b->exe.n && a->comm.n == b->comm.n;
}

/* One figure of one group of siblings, whose places in t are in group[]. */
static void judge_figure(struct process_tallies *t, const size_t *group, size_t n,
                         enum process_figure figure, double *scratch)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = process_figure(&t->at.at[group[i]], figure);
    double middle = median(scratch, n);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(process_figure(&t->at.at[group[i]], figure) - middle);
    double mad = median(scratch, n);
    double far = fmax(fmax(ODD_MADS * mad, ODD_PART * middle), odd_least[figure]);
    for (size_t i = 0; i < n; i++) {
        struct process_tally *p = &t->at.at[group[i]];
        double value = process_figure(p, figure);
        if (p->outlier || value - middle <= far)
            continue;
        p->outlier = true;
        p->odd = figure;
        p->odd_value = value;
        p->odd_median = middle;
    }
}

/* O(processes x groups). */
static void judge_siblings(struct process_tallies *t, const struct recording *rec)
{
    size_t all = t->at.n;
    bool *done = xcalloc(all + 1, sizeof *done);
    size_t *group = xcalloc(all + 1, sizeof *group);
    double *scratch = xcalloc(all + 1, sizeof *scratch);
    for (size_t i = 0; i < all; i++) {
        if (done[i] || !can_be_judged(&t->at.at[i]))
            continue;
        size_t n = 0;
        for (size_t k = i; k < all; k++) {
            if (done[k] || !can_be_judged(&t->at.at[k]) ||
                !are_siblings(rec, &t->at.at[i], &t->at.at[k]))
                continue;
            done[k] = true;
            group[n++] = k;
        }
        if (n < SIBLINGS_LEAST)
            continue;
        for (size_t k = 0; k < n; k++)
            t->at.at[group[k]].siblings = (uint32_t)n;
        for (int f = 0; f < PROCESS_FIGURES; f++)
            judge_figure(t, group, n, (enum process_figure)f, scratch);
    }
    free(done);
    free(group);
    free(scratch);
}

/* Which of a process' functions, or waits, has most time. */
struct tops {
    VEC(uint64_t) ns;
    struct map index;
    uint64_t *best; /* by process */
};

static bool top_add(struct tops *t, uint32_t process, uint32_t what, uint64_t ns)
{
    uint64_t key = (uint64_t)process << 32 | what;
    uint32_t n = map_get(&t->index, key);
    if (n == MAP_NONE) {
        n = (uint32_t)t->ns.n;
        vec_push(&t->ns, 0);
        map_add(&t->index, key, n);
    }
    t->ns.at[n] += ns;
    if (t->ns.at[n] <= t->best[process])
        return false;
    t->best[process] = t->ns.at[n];
    return true;
}

static void tops_clear(struct tops *t)
{
    vec_free(&t->ns);
    map_free(&t->index);
    free(t->best);
}

static uint64_t seen_ns(const struct incarnation *in, struct window w)
{
    uint64_t from = in->from_ns > w.from_ns ? in->from_ns : w.from_ns;
    uint64_t to = in->to_ns && in->to_ns < w.to_ns ? in->to_ns : w.to_ns;
    return to > from ? to - from : 0;
}

static void add_cell(struct process_tally *p, const struct cell *cell, enum states states)
{
    p->ticks += cell->ticks;
    if (cell->state == STATE_RUNNING)
        p->cpu_ns += cell->ns;
    else if (!cell->idle)
        p->wait_ns += cell->ns;
    if (cell->state == STATE_RUNNABLE && !cell->idle)
        p->queued_ns += cell->ns;
    if (cell_counts(cell, states))
        p->whole_ns += cell->ns;
}

void processes_sum(struct process_tallies *t, const struct query *query,
                   const struct window_sum *sum)
{
    const struct recording *rec = query->rec;
    size_t n = rec->incarnations.n;
    struct process_tally *all = xcalloc(n, sizeof *all);
    bool *seen = xcalloc(rec->threads.n, sizeof *seen);
    struct tops functions = {.best = xcalloc(n, sizeof(uint64_t))};
    struct tops waits = {.best = xcalloc(n, sizeof(uint64_t))};
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[i];
        uint32_t at = rec->threads.at[cell->thread.n].incarnation.n;
        struct process_tally *p = &all[at];
        add_cell(p, cell, query->filter.states);
        p->threads += !seen[cell->thread.n];
        seen[cell->thread.n] = true;
        if (cell->idle)
            continue;
        uint32_t f = rows_self_place(&sum->fold, cell->stack).function.n;
        if (top_add(&functions, at, f, cell->ns))
            p->top.n = f;
        if (cell->state == STATE_RUNNING)
            continue;
        uint32_t wait = cell->state == STATE_RUNNABLE ? WAIT_COUNT : cell->wait;
        if (top_add(&waits, at, wait, cell->ns)) {
            p->top_runnable = cell->state == STATE_RUNNABLE;
            p->top_wait = p->top_runnable ? WAIT_NONE : cell->wait;
        }
    }
    *t = (struct process_tallies){0};
    for (uint32_t i = 1; i < n; i++) {
        if (!all[i].ticks)
            continue;
        all[i].incarnation.n = i;
        all[i].rss_bytes = rec->incarnations.at[i].rss_bytes;
        all[i].seen_ns = seen_ns(&rec->incarnations.at[i], query->window);
        vec_push(&t->at, all[i]);
    }
    tops_clear(&functions);
    tops_clear(&waits);
    free(seen);
    free(all);
    judge_siblings(t, rec);
}

void processes_clear(struct process_tallies *t)
{
    vec_free(&t->at);
}

static void add_process(struct table *table, const struct query *query,
                        const struct process_tally *p)
{
    const struct recording *rec = query->rec;
    const struct incarnation *in = &rec->incarnations.at[p->incarnation.n];
    struct row *row = table_add_row(table);
    row->key = hash_mix(hash_mix((uint64_t)in->pid, in->start_ticks), in->from_ns);
    row->pid = in->pid;
    row->function = p->top;
    row->place.function = p->top;
    row->role = p->outlier ? ROW_ALERT : ROW_PLAIN;
    table_set_number(table, COL_PID, in->pid);
    table_set_number(table, COL_PPID, in->ppid);
    rows_set_text(table, COL_COMM, string_text(&rec->words, in->comm));
    table_set_number(table, COL_SHARE, rows_pct(p->whole_ns, table->whole_ns));
    table_set_number(table, COL_CPU, rows_seconds(p->cpu_ns));
    table_set_number(table, COL_WAIT, rows_seconds(p->wait_ns));
    table_set_number(table, COL_THREADS, p->threads);
    table_set_number(table, COL_SAMPLES, (double)p->ticks);
    table_set_bool(table, COL_OUTLIER, p->outlier);
    if (p->top.n)
        table_set_text(table, COL_TOP, rows_function_name(rec, p->top));
    rows_set_text(table, COL_TOP_WAIT, p->top_runnable ? "cpu" : wait_name(p->top_wait));
    if (p->rss_bytes)
        table_set_number(table, COL_RSS, (double)p->rss_bytes);
    char clock[FIGURE_MAX];
    bool came = in->from_ns > rec->start_ns + FIRST_LOOK_NS;
    table_set_text(table, COL_CAME, came ? wall_clock(clock, rec, in->from_ns) : "at first");
    table_set_number(table, COL_STARTED, rows_time_s(rec, in->from_ns));
    if (in->to_ns) {
        table_set_text(table, COL_WENT, wall_clock(clock, rec, in->to_ns));
        table_set_number(table, COL_ENDED, rows_time_s(rec, in->to_ns));
    }
}

static int busier(const void *x, const void *y)
{
    const struct process_tally *a = x, *b = y;
    if (a->whole_ns != b->whole_ns)
        return a->whole_ns > b->whole_ns ? -1 : 1;
    return a->incarnation.n < b->incarnation.n ? -1 : 1;
}

static void processes_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum(table, query, &sum);
    struct process_tallies t;
    processes_sum(&t, query, &sum);
    vec_sort(&t.at, busier);
    for (size_t i = 0; i < t.at.n; i++)
        add_process(table, query, &t.at.at[i]);
    processes_clear(&t);
    window_sum_clear(&sum);
}

const struct view processes_view = {
    .name = "processes",
    .title = "Processes",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = processes_fill,
    .empty = "No process was seen in this window.",
};
