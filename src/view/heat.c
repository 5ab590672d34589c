/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See heat.h. Pure. */
#include "view/heat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define COLUMNS_MAX   1024
#define COLUMNS_LEAST 30
#define ROWS_MAX      256

static void heat_begin(struct heat *h, int columns, int rows)
{
    h->columns = columns < 0 ? 0 : columns < COLUMNS_MAX ? columns : COLUMNS_MAX;
    h->rows = rows < 0 ? 0 : rows < ROWS_MAX ? rows : ROWS_MAX;
    size_t n = (size_t)h->columns * (size_t)h->rows;
    h->at = xrealloc(h->at, (n + 1) * sizeof *h->at);
    for (size_t i = 0; i < n; i++)
        h->at[i] = 0;
    h->top = 0;
    h->bin_ns = h->known_ns = 0;
    vec_clear(&h->rows_of);
}

/* From nanoseconds to threads. */
static void heat_end(struct heat *h, uint64_t cell_ns)
{
    size_t n = (size_t)h->columns * (size_t)h->rows;
    for (size_t i = 0; i < n; i++) {
        h->at[i] /= (float)cell_ns;
        h->top = fmaxf(h->top, h->at[i]);
    }
}

static bool lets_in(const struct recording *rec, const struct filter *f, const struct run *r)
{
    const struct thread *t = &rec->threads.at[r->thread.n];
    return r->ticks && r->state == STATE_RUNNING && (!f->tid || t->tid == f->tid) &&
           (!f->pid || rec->incarnations.at[t->incarnation.n].pid == f->pid);
}

/* A run's time, evenly over what it stands for, to cells of cell_ns that follow one another from
 * from_ns on; `place` says where the nth of n is. */
static void spread(struct heat *h, const struct run *run, int level, uint64_t cell_ns, size_t n,
                   size_t (*place)(const struct heat *h, size_t nth, int row), int row)
{
    uint64_t end = run_end_ns(run, level);
    if (end <= run->from_ns || end <= h->from_ns)
        return;
    size_t i = run->from_ns > h->from_ns ? (size_t)((run->from_ns - h->from_ns) / cell_ns) : 0;
    for (; i < n; i++) {
        uint64_t cell = h->from_ns + i * cell_ns;
        if (cell >= end)
            return;
        h->at[place(h, i, row)] += (float)run_overlap_ns(run, level, cell, cell + cell_ns);
    }
}

static size_t place_in_second(const struct heat *h, size_t nth, int row)
{
    (void)row;
    size_t rows = (size_t)h->rows;
    return nth % rows * (size_t)h->columns + nth / rows;
}

static size_t place_in_row(const struct heat *h, size_t nth, int row)
{
    return (size_t)row * (size_t)h->columns + nth;
}

/* Parts of a second that people can reckon with. */
static uint64_t bin_for(int max_rows)
{
    static const uint64_t bins_ms[] = {20, 25, 40, 50, 100, 125, 200, 250, 500};
    for (size_t i = 0; i < sizeof bins_ms / sizeof bins_ms[0]; i++)
        if (1000 / bins_ms[i] <= (uint64_t)(max_rows < 1 ? 1 : max_rows))
            return bins_ms[i] * NS_PER_MS;
    return NS_PER_S;
}

/* From when on runs are as they came. */
static uint64_t raw_from(const struct recording *rec)
{
    bool folded = false;
    for (int level = LEVEL_SECOND; level < LEVEL_COUNT; level++)
        folded |= recording_run_count(rec, level) > 0;
    if (!folded)
        return rec->start_ns;
    return recording_run_count(rec, LEVEL_RAW) ? recording_run_at(rec, LEVEL_RAW, 0)->from_ns
                                               : rec->end_ns;
}

void heat_by_second(struct heat *h, const struct recording *rec, const struct filter *filter,
                    uint64_t to_ns, int columns, int max_rows)
{
    uint64_t bin = bin_for(max_rows);
    uint64_t since = to_ns > rec->start_ns ? to_ns - rec->start_ns : 0;
    uint64_t seconds = (since + NS_PER_S - 1) / NS_PER_S;
    /* What has not come yet needs no columns, but for an axis to have its place. */
    int there = seconds < COLUMNS_LEAST ? COLUMNS_LEAST
                : seconds < COLUMNS_MAX ? (int)seconds
                                        : COLUMNS_MAX;
    heat_begin(h, columns < there ? columns : there, (int)(NS_PER_S / bin));
    h->bin_ns = bin;
    h->column_ns = NS_PER_S;
    uint64_t shown = (uint64_t)h->columns;
    h->from_ns = rec->start_ns + (seconds > shown ? seconds - shown : 0) * NS_PER_S;
    h->known_ns = raw_from(rec);
    if (!h->columns)
        return;
    size_t n = (size_t)h->columns * (size_t)h->rows;
    for (int level = LEVEL_RAW; level <= LEVEL_COUNT; level += LEVEL_COUNT) { /* and the open */
        size_t runs = recording_run_count(rec, level);
        for (size_t i = 0; i < runs; i++) {
            const struct run *run = recording_run_at(rec, level, i);
            if (lets_in(rec, filter, run))
                spread(h, run, LEVEL_RAW, bin, n, place_in_second, 0);
        }
    }
    heat_end(h, bin);
    for (int column = 0; column < h->columns; column++)
        for (int row = 0; row < h->rows; row++) {
            struct window cell = heat_cell(h, column, row);
            if (cell.to_ns <= h->known_ns || cell.from_ns > rec->end_ns)
                h->at[row * h->columns + column] = NAN;
        }
}

struct busy {
    uint64_t ns;
    uint32_t thread;
};

static int busier(const void *x, const void *y)
{
    const struct busy *a = x, *b = y;
    if (a->ns != b->ns)
        return a->ns > b->ns ? -1 : 1;
    return a->thread < b->thread ? -1 : 1;
}

/* Which threads have a row; row_of by thread, -1 for none. */
static void choose_threads(struct heat *h, const struct recording *rec, struct window w,
                           const struct filter *filter, int *row_of)
{
    size_t n = rec->threads.n;
    struct busy *busy = xcalloc(n, sizeof *busy);
    for (size_t i = 0; i < n; i++)
        busy[i].thread = (uint32_t)i;
    for (int level = 0; level <= LEVEL_COUNT; level++)
        for (size_t i = 0; i < recording_run_count(rec, level); i++) {
            const struct run *run = recording_run_at(rec, level, i);
            if (lets_in(rec, filter, run))
                busy[run->thread.n].ns += run_overlap_ns(run, level, w.from_ns, w.to_ns);
        }
    qsort(busy, n, sizeof *busy, busier);
    for (size_t i = 0; i < n; i++)
        row_of[i] = -1;
    for (size_t i = 0; i < n && i < (size_t)h->rows && busy[i].ns; i++) {
        row_of[busy[i].thread] = (int)i;
        const struct thread *t = &rec->threads.at[busy[i].thread];
        struct heat_thread *row = vec_add(&h->rows_of);
        row->tid = t->tid;
        snprintf(row->name, sizeof row->name, "%.31s", string_text(&rec->words, t->name));
    }
    h->rows = (int)h->rows_of.n;
    free(busy);
}

void heat_by_thread(struct heat *h, const struct recording *rec, const struct filter *filter,
                    struct window w, int columns, int max_rows)
{
    heat_begin(h, columns, max_rows);
    uint64_t span = w.to_ns > w.from_ns ? w.to_ns - w.from_ns : 1;
    h->from_ns = w.from_ns;
    h->column_ns = h->columns ? span / (uint64_t)h->columns + 1 : span;
    if (!h->columns)
        return;
    int *row_of = xcalloc(rec->threads.n, sizeof *row_of);
    choose_threads(h, rec, w, filter, row_of);
    for (int level = 0; level <= LEVEL_COUNT; level++)
        for (size_t i = 0; i < recording_run_count(rec, level); i++) {
            const struct run *run = recording_run_at(rec, level, i);
            if (row_of[run->thread.n] >= 0 && lets_in(rec, filter, run))
                spread(h, run, level, h->column_ns, (size_t)h->columns, place_in_row,
                       row_of[run->thread.n]);
        }
    heat_end(h, h->column_ns);
    free(row_of);
}

void heat_clear(struct heat *h)
{
    free(h->at);
    vec_free(&h->rows_of);
    *h = (struct heat){0};
}

struct window heat_cell(const struct heat *h, int column, int row)
{
    uint64_t from = h->from_ns + (uint64_t)(column > 0 ? column : 0) * h->column_ns;
    if (!h->bin_ns)
        return (struct window){from, from + h->column_ns};
    from += (uint64_t)(row > 0 ? row : 0) * h->bin_ns;
    return (struct window){from, from + h->bin_ns};
}
