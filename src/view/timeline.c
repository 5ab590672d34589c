/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics over time: a row a round of metrics (one a second, older ones thinned), a column a
 * metric. A metric that has no point in a round is missing there.
 *
 * Invariant: the columns are the rows of metrics[], in their order after the time, so a metric that
 * is added is a column that is added. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "view/rows.h"
#include "view/views.h"

#define COL_TIME 0

static struct column columns[1 + METRIC_COUNT] = {
    [COL_TIME] = {"time_s", "TIME", FORMAT_SECONDS, 6, 80, COLUMN_BOTH, false},
};

/* What a person wants to see first, as room allows. */
static const struct {
    enum metric metric;
    const char *title;
    int width, from_columns;
} titles[] = {
    {METRIC_CPU_PCT, "CPU%", 5, 80},
    {METRIC_CPU_USER, "USER", 5, 80},
    {METRIC_CPU_SYSTEM, "SYS", 5, 80},
    {METRIC_MEMORY_PCT, "MEM%", 5, 80},
    {METRIC_RSS, "RSS", 5, 80},
    {METRIC_THREADS, "THREADS", 7, 80},
    {METRIC_READ_BYTES, "READ", 6, 80},
    {METRIC_WRITE_BYTES, "WRITE", 6, 80},
    {METRIC_SAMPLES, "SAMPLES", 7, 80},
    {METRIC_ANON, "ANON", 5, 120},
    {METRIC_SWAP, "SWAP", 5, 120},
    {METRIC_VIRTUAL, "VIRTUAL", 7, 120},
    {METRIC_SWITCHES_VOLUNTARY, "WAITS", 8, 120},
    {METRIC_SWITCHES_FORCED, "PREEMPTS", 8, 120},
    {METRIC_LOST, "LOST", 6, 120},
    {METRIC_THROTTLED_PCT, "THROTTLED%", 10, 120},
    {METRIC_RUNQUEUE, "RUNQUEUE", 8, 120},
    {METRIC_RUNNING, "RUNNING", 7, 120},
    {METRIC_WAITING, "WAITING", 7, 120},
    {METRIC_P95, "P95", 6, 120},
    {METRIC_ERROR_PCT, "ERRORS%", 7, 120},
    {METRIC_FDS, "FDS", 5, 120},
    {METRIC_NET_RECEIVED, "NET-IN", 6, 120},
    {METRIC_NET_SENT, "NET-OUT", 7, 120},
    {METRIC_RUNNABLE, "RUNNABLE", 8, 200},
    {METRIC_IDLE, "IDLE", 6, 200},
    {METRIC_GIL_HELD, "GIL%", 5, 200},
    {METRIC_GIL_WAIT, "GILWAIT%", 8, 200},
    {METRIC_GC, "GC%", 5, 200},
    {METRIC_FDS_PCT, "FDS%", 5, 200},
    {METRIC_P50, "P50", 6, 200},
    {METRIC_P99, "P99", 6, 200},
    {METRIC_REQUESTS, "REQUESTS", 8, 200},
    {METRIC_ACTIVE, "ACTIVE", 6, 200},
    {METRIC_LOOP_LAG, "LOOPLAG", 7, 200},
    {METRIC_MINOR_FAULTS, "FAULTS", 8, 200},
    {METRIC_MAJOR_FAULTS, "MAJFAULTS", 9, 200},
    {METRIC_QUOTA, "QUOTA", 5, 200},
    {METRIC_NEIGHBOURS_PCT, "OTHERS%", 7, 200},
    {METRIC_STEAL_PCT, "STEAL%", 6, 200},
    {METRIC_CPU_PRESSURE, "PSI-CPU%", 8, 200},
    {METRIC_IO_PRESSURE, "PSI-IO%", 7, 200},
    {METRIC_MEMORY_PRESSURE, "PSI-MEM%", 8, 200},
    {METRIC_FILE, "FILE", 5, 200},
    {METRIC_SHARED, "SHARED", 6, 200},
    {METRIC_PSS, "PSS", 5, 200},
    {METRIC_HEAP, "HEAP", 5, 200},
    {METRIC_LIMIT_USED, "USED", 5, 200},
    {METRIC_AVAILABLE, "AVAIL", 5, 200},
    {METRIC_MAPPINGS, "MAPPINGS", 8, 200},
    {METRIC_SLEPT, "SLEPT", 6, 200},
    {METRIC_STOPPED_PCT, "STOPPED%", 8, 200},
    {METRIC_OWN_CPU_PCT, "OWN%", 5, 200},
};

static enum column_format format_of(enum metric_unit unit)
{
    switch (unit) {
    case UNIT_PCT:
        return FORMAT_PCT;
    case UNIT_BYTES:
        return FORMAT_BYTES;
    case UNIT_BYTES_PER_S:
        return FORMAT_BYTE_RATE;
    case UNIT_COUNT:
        return FORMAT_COUNT;
    case UNIT_SECONDS:
        return FORMAT_SECONDS;
    case UNIT_CORES:
    case UNIT_PER_S:
        break;
    }
    return FORMAT_RATE;
}

/* Runs before main: a view's columns are there before anybody asks it to fill a table. */
__attribute__((constructor)) static void timeline_columns(void)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        enum metric_unit unit = metrics[m].unit;
        columns[1 + m] = (struct column){
            .key = metrics[m].name,
            .format = format_of(unit),
            .use = COLUMN_DATA,
            .integer = unit == UNIT_BYTES || unit == UNIT_COUNT,
        };
    }
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        struct column *c = &columns[1 + titles[i].metric];
        c->use = COLUMN_BOTH;
        c->title = titles[i].title;
        c->width = titles[i].width;
        c->from_columns = titles[i].from_columns;
    }
}

struct timeline_point {
    uint64_t time_ns;
    enum metric metric;
    double value;
    uint32_t count; /* points that were thinned into it */
};

static int earlier(const void *x, const void *y)
{
    const struct timeline_point *a = x, *b = y;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (int)a->metric - (int)b->metric;
}

/* The metrics of one round are read within this time; buckets of thinned points, which begin when
 * they happen to, lie within as many times it. */
#define ROUND_NS (NS_PER_S / 2)

static void timeline_fill(struct table *table, const struct query *query)
{
    const struct recording *rec = query->rec;
    rows_count(table, query);
    VEC(struct timeline_point) points = {0};
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct series *s = &rec->total.series[m];
        size_t n = series_count(s);
        for (size_t i = 0; i < n; i++) {
            const struct point *p = series_at(s, i);
            if (p->time_ns >= query->window.from_ns && p->time_ns < query->window.to_ns)
                vec_push(&points,
                         ((struct timeline_point){p->time_ns, (enum metric)m, p->mean, p->count}));
        }
    }
    vec_sort(&points, earlier);
    const struct timeline_point *first = NULL; /* of the row */
    for (size_t i = 0; i < points.n; i++) {
        const struct timeline_point *p = &points.at[i];
        size_t column = 1 + (size_t)p->metric;
        size_t n = table->rows.n;
        uint32_t count = first && first->count < p->count ? first->count : p->count;
        if (!first || p->time_ns - first->time_ns > count * ROUND_NS ||
            table_cell(table, n - 1, column)->kind != VALUE_NULL) {
            struct row *row = table_add_row(table);
            row->key = p->time_ns;
            first = p;
            table_set_number(table, COL_TIME, rows_time_s(rec, p->time_ns));
        }
        table_set_number(table, column, p->value);
    }
    vec_free(&points);
}

const struct view timeline_view = {
    .name = "timeline",
    .title = "Time",
    .columns = columns,
    .n_columns = 1 + METRIC_COUNT,
    .fill = timeline_fill,
    .empty = "No metrics in this window.",
};
