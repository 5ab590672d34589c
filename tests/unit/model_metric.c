/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics: the table, a day of every series in bounded memory with what was thinned still true,
 * and the threads' states as figures of the whole process.
 */
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/batch.h"
#include "model/thread_states.h"
#include "model/wall.h"

#define START     (1000 * NS_PER_S)
#define DAY       (24 * 3600)
#define DAY_BYTES (16u << 20)

static void rows_are_whole(void **state)
{
    (void)state;
    static const struct {
        enum metric_unit unit;
        const char *tail;
    } tails[] = {{UNIT_PCT, "_pct"},
                 {UNIT_BYTES, "_bytes"},
                 {UNIT_BYTES_PER_S, "_bytes_per_s"},
                 {UNIT_PER_S, "_per_s"},
                 {UNIT_SECONDS, "_s"}};
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct metric_info *info = &metrics[m];
        assert_non_null(info->name);
        assert_true(info->title[0] && info->help[0]);
        for (int other = 0; other < m; other++)
            assert_string_not_equal(info->name, metrics[other].name);
        for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
            if (info->unit == tails[i].unit)
                assert_true(text_ends_with(info->name, tails[i].tail));
    }
}

static void figures_read_well(void **state)
{
    (void)state;
    char out[FIGURE_MAX];
    assert_string_equal(metric_figure(out, METRIC_P95, 1.4), "1.4s");
    assert_string_equal(metric_figure(out, METRIC_LOOP_LAG, 0.012), "12ms");
    assert_string_equal(metric_figure(out, METRIC_P50, -1), metric_figure(out, METRIC_P50, 0));
    metric_figure(out, METRIC_P99, 1e300);
    assert_string_equal(metric_figure(out, METRIC_GIL_WAIT, 93.25), "93.2%");
    assert_string_equal(metric_figure(out, METRIC_FDS, 1020), "1,020");
    assert_string_equal(metric_figure(out, METRIC_WAITING, 5.126), "5.13");
}

/* What a metric's value is in a second: any, different for each, and not smooth. */
static double value_at(int metric, uint64_t second)
{
    uint64_t x = (second + 1) * 2654435761u + (uint64_t)metric * 40503u;
    x ^= x >> 15;
    return (double)(x * 2246822519u % 100000) / 7;
}

/* As allocated, with malloc's own word. */
static size_t bytes_of(const struct recording *rec)
{
    size_t bytes = 0;
    for (int m = 0; m < METRIC_COUNT; m++)
        for (int level = 0; level < SERIES_LEVELS; level++)
            bytes += rec->total.series[m].levels[level].ring.cap * sizeof(struct point) + 8;
    return bytes;
}

/* By malloc's own account; 0 under a sanitizer. */
static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Each point against the values that it stands for: it begins with its first and has all of them up
 * to where the next point begins. */
static uint64_t check_points(const struct series *s, int metric, uint64_t second)
{
    size_t n = series_count(s);
    for (size_t i = 0; i < n; i++) {
        const struct point *p = series_at(s, i);
        assert_int_equal(p->time_ns, START + second * NS_PER_S);
        assert_int_equal(series_find(s, p->time_ns + NS_PER_S / 2)->time_ns, p->time_ns);
        double sum = 0, min = INFINITY, max = -INFINITY;
        for (uint32_t k = 0; k < p->count; k++, second++) {
            double v = value_at(metric, second);
            sum += v;
            min = fmin(min, v);
            max = fmax(max, v);
        }
        assert_true(p->min == (float)min && p->max == (float)max);
        assert_true(fabs(p->mean - sum / p->count) < 1e-3 * max);
    }
    return second;
}

static void day_of_all_metrics(void **state)
{
    (void)state;
    size_t before = in_use();
    struct recording *rec = recording_new(START, 0);
    for (uint64_t t = 0; t < DAY; t++)
        for (int m = 0; m < METRIC_COUNT; m++)
            series_add(&rec->total.series[m], START + t * NS_PER_S, value_at(m, t));
    size_t used = in_use() - before;
    printf("# a day of %d metrics: %.1f MB\n", METRIC_COUNT, (double)used / (1 << 20));
    assert_true(used < DAY_BYTES && bytes_of(rec) < DAY_BYTES);
    assert_true(!used || fabs((double)used - (double)bytes_of(rec)) < (1 << 16));
    for (int m = 0; m < METRIC_COUNT; m += 7)
        assert_int_equal(check_points(&rec->total.series[m], m, 0), DAY);
    const struct series *s = &rec->total.series[0];
    for (size_t i = 1; i <= SERIES_POINTS; i++)
        assert_int_equal(series_at(s, series_count(s) - i)->count, 1);
    assert_null(series_find(s, START - 1));
    recording_free(rec);
}

/* Three days: the oldest are forgotten, the rest is as true as before. */
static void days_are_bounded(void **state)
{
    (void)state;
    struct series s = {0};
    for (uint64_t t = 0; t < 3 * DAY; t++)
        series_add(&s, START + t * NS_PER_S, value_at(3, t));
    assert_true(series_count(&s) <= SERIES_POINTS * SERIES_LEVELS);
    uint64_t first = (series_at(&s, 0)->time_ns - START) / NS_PER_S;
    assert_true(3 * DAY - first >= DAY);
    assert_int_equal(check_points(&s, 3, first), 3 * DAY);
    series_clear(&s);
}

static void vanished_metrics_have_no_value(void **state)
{
    (void)state;
    struct series s = {0};
    double value = -1;
    assert_false(metric_current(&s, METRIC_CPU_PCT, START, &value));
    series_add(&s, START, 31);
    assert_true(metric_current(&s, METRIC_CPU_PCT, START + NS_PER_S, &value) && value == 31);
    assert_true(metric_current(&s, METRIC_CPU_PCT, START - NS_PER_S, &value));
    assert_false(metric_current(&s, METRIC_CPU_PCT, START + 11 * NS_PER_S, &value));
    assert_true(metric_current(&s, METRIC_PSS, START + 11 * NS_PER_S, &value));
    assert_false(metric_current(&s, METRIC_PSS, START + 301 * NS_PER_S, &value));
    assert_true(metric_current(&s, METRIC_SYSTEM, START + DAY * NS_PER_S, &value));
    series_clear(&s);
}

/* Threads of two processes; the second has no GIL. */
static struct recording *threads_recording(void)
{
    struct recording *rec = recording_new(START, 0);
    for (int pid = 42; pid < 44; pid++) {
        struct incarnation in = {.pid = pid, .from_ns = START};
        in.runtime = dictionary_string(&rec->words, pid == 42 ? "python 3.12.1" : "native");
        struct incarnation_id id = recording_add_incarnation(rec, in);
        for (int i = 0; i < 3; i++)
            recording_add_thread(rec,
                                 (struct thread){.incarnation = id, .tid = pid, .from_ns = START});
    }
    return rec;
}

static void add(struct recording *rec, uint32_t thread, double from_s, double to_s,
                enum sample_state state, enum wait_kind wait, int flags)
{
    struct run r = {.from_ns = (uint64_t)((1000 + from_s) * NS_PER_S),
                    .weight_ns = (uint64_t)((to_s - from_s) * NS_PER_S + 0.5),
                    .thread = {thread},
                    .ticks = 1,
                    .state = (uint8_t)state,
                    .wait = (uint8_t)wait,
                    .flags = (uint8_t)flags};
    recording_add_run(rec, &r);
}

static void near(double got, double expected)
{
    if (fabs(got - expected) > 0.005 * fmax(1, fabs(expected)))
        fail_msg("%g instead of %g", got, expected);
}

static void sums_states(void **state)
{
    (void)state;
    struct recording *rec = threads_recording();
    for (int i = 0; i < 20; i++) { /* two threads take turns every 50 ms */
        double t = i * 0.05;
        uint32_t holder = 1 + i % 2, other = 2 - i % 2;
        add(rec, holder, t, t + 0.05, STATE_RUNNING, WAIT_NONE,
            SAMPLE_GIL | (i < 4 ? SAMPLE_GC : 0));
        add(rec, other, t, t + 0.05, i % 2 ? STATE_RUNNABLE : STATE_WAITING,
            i % 2 ? WAIT_NONE : WAIT_GIL, i % 2 ? 0 : SAMPLE_GIL_WANTED);
    }
    add(rec, 3, 0.1, 0.2, STATE_WAITING, WAIT_GIL, SAMPLE_GIL_WANTED); /* beside the first */
    add(rec, 4, -5, 7, STATE_WAITING, WAIT_SLEEP, 0);
    add(rec, 5, 0.5, 2, STATE_WAITING, WAIT_READ, 0);
    struct thread_states s;
    thread_states_read(&s, rec, START, START + NS_PER_S);
    assert_true(s.seen && s.knows_gil);
    near(s.running, 1);
    near(s.runnable, 0.5);
    near(s.waiting, 0.5 + 0.1 + 0.5);
    near(s.idle, 1);
    near(s.gil_held_pct, 100);
    near(s.gc_pct, 20);
    near(s.gil_wait_pct, 50 + 5); /* a wait beside another makes no more of it */
    thread_states_read(&s, rec, START + NS_PER_S, START + 2 * NS_PER_S);
    assert_true(s.seen && !s.knows_gil && s.running == 0 && s.gil_held_pct == 0);
    thread_states_read(&s, rec, START + 8 * NS_PER_S, START + 9 * NS_PER_S);
    assert_false(s.seen);
    recording_free(rec);
}

/* More runs than stay as they came: those that were folded count as well. */
static void sums_folded_states(void **state)
{
    (void)state;
    struct recording *rec = threads_recording();
    rec->limits.runs_max[LEVEL_RAW] = 100;
    for (int i = 0; i < 3000; i++)
        add(rec, 1 + i % 2, i / 1000.0, (i + 1) / 1000.0, STATE_RUNNING, WAIT_NONE, i % 7);
    recording_thin(rec, rec->end_ns);
    assert_true(recording_run_count(rec, LEVEL_SECOND) > 0);
    struct thread_states s;
    thread_states_read(&s, rec, START + NS_PER_S, START + 2 * NS_PER_S);
    near(s.running, 1);
    recording_free(rec);
}

static size_t points_of(const struct recording *rec, enum metric metric)
{
    return series_count(&rec->total.series[metric]);
}

static double newest(const struct recording *rec, enum metric metric)
{
    size_t n = points_of(rec, metric);
    return n ? series_at(&rec->total.series[metric], n - 1)->mean : NAN;
}

/* Points come one round late, for the stretch that is then known as a whole, and without a point
 * where nothing was seen, after a gap, and of a GIL that nobody has. */
static void states_become_metrics(void **state)
{
    (void)state;
    struct recording *rec = threads_recording();
    add(rec, 4, 0, 30, STATE_RUNNING, WAIT_NONE, 0);
    thread_states_add(rec, START);
    thread_states_add(rec, START + NS_PER_S);
    assert_int_equal(points_of(rec, METRIC_RUNNING), 0);
    thread_states_add(rec, START + 2 * NS_PER_S);
    thread_states_add(rec, START + 2 * NS_PER_S); /* no time has passed */
    assert_int_equal(points_of(rec, METRIC_RUNNING), 1);
    assert_int_equal(series_at(&rec->total.series[METRIC_RUNNING], 0)->time_ns, START + NS_PER_S);
    near(newest(rec, METRIC_RUNNING), 1);
    assert_true(newest(rec, METRIC_IDLE) == 0);
    assert_int_equal(points_of(rec, METRIC_GIL_HELD), 0);

    add(rec, 1, 2, 2.5, STATE_RUNNING, WAIT_NONE, SAMPLE_GIL);
    thread_states_add(rec, START + 3 * NS_PER_S);
    thread_states_add(rec, START + 4 * NS_PER_S);
    near(newest(rec, METRIC_GIL_HELD), 50);
    thread_states_add(rec, START + 5 * NS_PER_S);
    assert_true(newest(rec, METRIC_GIL_HELD) == 0); /* nobody holds it: there still is one */
    recording_end_incarnation(rec, (struct incarnation_id){1}, START + 5 * NS_PER_S, false);
    size_t n = points_of(rec, METRIC_GIL_HELD);
    thread_states_add(rec, START + 6 * NS_PER_S);
    assert_int_equal(points_of(rec, METRIC_GIL_HELD), n);

    n = points_of(rec, METRIC_RUNNING);
    thread_states_add(rec, START + 20 * NS_PER_S);
    thread_states_add(rec, START + 21 * NS_PER_S); /* what was before was no observing */
    assert_int_equal(points_of(rec, METRIC_RUNNING), n + 1);
    thread_states_add(rec, START + 22 * NS_PER_S);
    thread_states_add(rec, START + 31 * NS_PER_S);
    thread_states_add(rec, START + 32 * NS_PER_S);
    thread_states_add(rec, START + 33 * NS_PER_S); /* nothing was seen */
    assert_int_equal(points_of(rec, METRIC_RUNNING), n + 3);
    recording_free(rec);
}

/* An hour and then ten minutes asleep, in a recording that began at noon. */
static void wall_clock_goes_on_in_sleep(void **state)
{
    (void)state;
    const int64_t noon = 12 * 3600 * (int64_t)NS_PER_S, s = (int64_t)NS_PER_S;
    struct recording *rec = recording_new(START, noon);
    recording_add_metric(rec, METRIC_SLEPT, START - NS_PER_S, 500); /* before it began */
    recording_add_metric(rec, METRIC_SLEPT, START + 100 * NS_PER_S, 3600);
    recording_add_metric(rec, METRIC_SLEPT, START + 200 * NS_PER_S, 600);
    static const struct {
        int mono_s, wall_s;
    } pairs[] = {{0, 0}, {99, 99}, {100, 3700}, {150, 3750}, {200, 4400}, {1000, 5200}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        int64_t wall = noon + pairs[i].wall_s * s;
        assert_true(wall_of_time(rec, START + (uint64_t)pairs[i].mono_s * NS_PER_S) == wall);
        assert_true(wall_to_since_start(rec, wall) == pairs[i].mono_s * s);
    }
    assert_true(wall_to_since_start(rec, noon + 1800 * s) == 100 * s); /* it was asleep */
    assert_true(wall_to_since_start(rec, noon - 7 * s) == -7 * s);
    recording_free(rec);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_are_whole),
    cmocka_unit_test(figures_read_well),
    cmocka_unit_test(day_of_all_metrics),
    cmocka_unit_test(days_are_bounded),
    cmocka_unit_test(vanished_metrics_have_no_value),
    cmocka_unit_test(sums_states),
    cmocka_unit_test(sums_folded_states),
    cmocka_unit_test(states_become_metrics),
    cmocka_unit_test(wall_clock_goes_on_in_sleep),
};

int main(void)
{
    return cmocka_run_group_tests_name("model/metric", tests, NULL, NULL);
}
