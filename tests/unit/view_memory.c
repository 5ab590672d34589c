/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pattern of memory over simulated series, its limit, and the words that say it. */
#include "view_fixture.h"

#include <math.h>
#include <stdio.h>

#include "view/draw_memory.h"
#include "view/memory.h"
#include "view/memory_pattern.h"
#include "view/views.h"

#define MIB 1048576.0

/* Numbers from -1 to 1 that are the same in every run; `seed` begins a sequence. */
static uint64_t seed;
static double noise(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / (double)(1ull << 52) - 1;
}

static double gauss(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += noise();
    return sum / 2;
}

typedef double shape(double s);

static struct recording *recorded(enum metric metric, shape *f, double seconds)
{
    struct recording *rec = fixture_new();
    for (double s = 0; s < seconds; s++)
        recording_add_metric(rec, metric, START_NS + (uint64_t)(s * 1e9), f(s));
    return rec;
}

static struct series_pattern pattern_of(shape *f, double seconds)
{
    struct series_pattern p;
    struct recording *rec = recorded(METRIC_RSS, f, seconds);
    series_pattern_find(&p, &rec->total.series[METRIC_RSS], window_all(rec));
    recording_free(rec);
    return p;
}

static bool grows(const struct series_pattern *p)
{
    return series_pattern_moves(p, MEMORY_STABLE_PER_S) && p->slope > 0;
}

static double leak(double s)
{
    return 600 * MIB + 2 * MIB * s + 3 * MIB * gauss();
}

static double slow_leak(double s)
{
    return 500 * MIB + 0.01 * MIB * s + 0.5 * MIB * gauss();
}

static double stairs(double s)
{
    return 100 * MIB + 16 * MIB * floor(s / 7);
}

static double sawtooth(double s)
{
    return 500 * MIB + 100 * MIB * fmod(s, 17) / 17;
}

static double leak_in_sawtooth(double s)
{
    return sawtooth(s) + 1 * MIB * s;
}

static double warm_up(double s)
{
    return 300 * MIB * (1 - exp(-s / 20)) + 0.05 * MIB * gauss();
}

static double step(double s)
{
    return (s < 100 ? 100 : 180) * MIB + 0.05 * MIB * gauss();
}

static double late_leak(double s)
{
    return 100 * MIB + (s > 300 ? (s - 300) * 0.5 * MIB : 0) + 0.2 * MIB * gauss();
}

static double shrinks(double s)
{
    return 900 * MIB - 0.5 * MIB * s;
}

static double level(double s)
{
    (void)s;
    return 64 * MIB;
}

static double white(double s)
{
    (void)s;
    return 200 * MIB + 10 * MIB * gauss();
}

static double walk_at;
static double walk(double s)
{
    if (s < 0.5)
        walk_at = 200 * MIB;
    return walk_at += 1 * MIB * gauss();
}

static void leaks_have_their_slope(void **state)
{
    (void)state;
    seed = 1;
    struct series_pattern p = pattern_of(leak, 120);
    assert_true(grows(&p));
    assert_true(p.low <= 2 * MIB && p.high >= 2 * MIB);
    assert_true(fabs(p.slope - 2 * MIB) < 0.1 * MIB && p.high - p.low < 0.2 * MIB);
    assert_true(p.volatility > 2 * MIB && p.volatility < 5 * MIB);
    assert_true(p.peak > 830 * MIB && p.peak < 850 * MIB);
    assert_true(p.baseline > 600 * MIB && p.baseline < 640 * MIB);
    p = pattern_of(slow_leak, 3600); /* most of it thinned */
    assert_true(grows(&p));
    assert_true(fabs(p.slope - 0.01 * MIB) < 0.001 * MIB);
    p = pattern_of(stairs, 120);
    assert_true(grows(&p));
    assert_true(fabs(p.slope - 16 * MIB / 7) < 0.25 * MIB);
    p = pattern_of(leak, 10); /* soon enough */
    assert_true(p.has_slope);
}

static void what_levels_off_is_stable(void **state)
{
    (void)state;
    seed = 2;
    static shape *const all[] = {sawtooth, step, level, warm_up};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (double seconds = 150; seconds <= 1200; seconds += 35) {
            struct series_pattern p = pattern_of(all[i], seconds);
            if (series_pattern_moves(&p, 50000))
                fail_msg("shape %zu of %.0f s: %.0f (%.0f to %.0f) bytes/s", i, seconds, p.slope,
                         p.low, p.high);
        }
    }
    int claims = 0; /* of a sawtooth, however long it has been looked at */
    for (double seconds = 10; seconds < 150; seconds++) {
        struct series_pattern p = pattern_of(sawtooth, seconds);
        claims += series_pattern_moves(&p, 50000);
    }
    print_message("%d of 140 lengths of a sawtooth\n", claims);
    assert_true(claims <= 30);
    struct series_pattern p = pattern_of(level, 60);
    assert_true(p.has_slope && p.slope == 0 && p.volatility == 0);
    assert_true(p.now == 64 * MIB && p.peak == p.now && p.baseline == p.now);
    p = pattern_of(sawtooth, 600);
    assert_true(p.volatility > 20 * MIB && p.volatility < 40 * MIB);
}

static void what_changed_is_judged_by_the_new(void **state)
{
    (void)state;
    seed = 3;
    struct series_pattern p = pattern_of(late_leak, 400);
    assert_true(grows(&p));
    assert_true(fabs(p.slope - 0.5 * MIB) < 0.05 * MIB);
    assert_true(p.held_from_ns >= START_NS + 290 * NS_PER_S);
    p = pattern_of(leak_in_sawtooth, 600);
    assert_true(grows(&p));
    assert_true(fabs(p.slope - 1 * MIB) < 0.3 * MIB);
    p = pattern_of(shrinks, 60);
    assert_true(series_pattern_moves(&p, 1000) && p.high < 0);
}

/* Of a hundred series without a slope few have one: white noise 5, and of a random walk, which is
 * never independent, not many more. */
static void claims_are_rare(void **state)
{
    (void)state;
    int claims = 0, of_walk = 0;
    for (int i = 0; i < 100; i++) {
        seed = 100 + (uint64_t)i * 7919;
        struct series_pattern p = pattern_of(white, 100);
        claims += series_pattern_moves(&p, 1);
        p = pattern_of(walk, 100);
        of_walk += series_pattern_moves(&p, 1);
    }
    print_message("claims: %d of white noise, %d of random walks\n", claims, of_walk);
    assert_true(claims <= 10);
    assert_true(of_walk <= 40);
}

static void little_says_little(void **state)
{
    (void)state;
    struct series_pattern p = pattern_of(leak, 0);
    assert_int_equal(p.points, 0);
    p = pattern_of(leak, 1);
    assert_true(p.points == 1 && !p.has_slope && p.volatility == 0);
    p = pattern_of(leak, PATTERN_LEAST - 1);
    assert_false(p.has_slope || series_pattern_moves(&p, 0));
    /* A window without a point. */
    struct recording *rec = recorded(METRIC_RSS, leak, 10);
    series_pattern_find(&p, &rec->total.series[METRIC_RSS], (struct window){0, START_NS});
    assert_int_equal(p.points, 0);
    series_pattern_find(&p, &rec->total.series[METRIC_RSS], (struct window){0, 0});
    assert_int_equal(p.points, 0);
    recording_free(rec);
}

static double even_leak(double s)
{
    return 600 * MIB + 2 * MIB * s;
}

static void limits_and_words(void **state)
{
    (void)state;
    char text[256];
    struct memory_pattern p;
    struct recording *rec = recorded(METRIC_RSS, even_leak, 101); /* 800M at the end */
    struct window all = window_all(rec);
    memory_pattern_find(&p, rec, all);
    assert_int_equal(p.trend, MEMORY_INCREASING);
    assert_true(p.limit == 0 && isnan(p.eta_s));
    memory_pattern_say(text, sizeof text, &p, true, all.to_ns);
    assert_string_equal(text, "RSS 800M, +2.0M/s +-0B for 1m40s, peak 800M, baseline 619M");

    recording_add_metric(rec, METRIC_SYSTEM, START_NS, 4096 * MIB);
    recording_add_metric(rec, METRIC_AVAILABLE, START_NS, 1200 * MIB);
    memory_pattern_find(&p, rec, all);
    assert_true(!p.by_cgroup && p.limit == 4096 * MIB && p.left == 1200 * MIB);
    fixture_near(p.eta_s, 600);

    recording_add_metric(rec, METRIC_LIMIT, START_NS, 1000 * MIB);
    memory_pattern_find(&p, rec, all); /* what the group uses is not known */
    assert_true(p.by_cgroup && isnan(p.eta_s) && isnan(p.left));
    for (double s = 0; s < 101; s++) /* and it grows by more than the target does */
        recording_add_metric(rec, METRIC_LIMIT_USED, START_NS + (uint64_t)(s * 1e9),
                             500 * MIB + 3 * MIB * s);
    memory_pattern_find(&p, rec, all);
    fixture_near(p.left, 200 * MIB);
    fixture_near(p.eta_s, 200.0 / 3);
    memory_pattern_say(text, sizeof text, &p, false, all.to_ns);
    assert_string_equal(text, "RSS 800M, +2.0M/s \302\2610B for 1m40s, peak 800M, baseline 619M; "
                              "limit 1.0G (cgroup): in 1m07s");
    recording_add_metric(rec, METRIC_LIMIT, rec->end_ns, 0); /* lifted */
    memory_pattern_find(&p, rec, window_all(rec));
    assert_false(p.by_cgroup);
    recording_free(rec);

    rec = recorded(METRIC_RSS, level, 30);
    memory_pattern_find(&p, rec, window_all(rec));
    memory_pattern_say(text, sizeof text, &p, true, rec->end_ns);
    assert_string_equal(text, "RSS 64M, stable, peak 64M, baseline 64M");
    recording_free(rec);
}

static struct table table;
static struct grid grid;

/* The screen of a recording as text, 24 - 8 rows of it. */
static void draw(struct recording *rec, enum memory_chart chart, uint64_t cursor_ns, int columns)
{
    struct query q = fixture_query(rec);
    struct memory_pattern p;
    struct table_look scroll = {.selected = SIZE_MAX};
    memory_pattern_find(&p, rec, q.window);
    table_fill(&table, &memory_parts_view, &q);
    struct memory_look look = {q.window, &p, chart, cursor_ns, &table, &scroll, {0}};
    grid_clear(&grid);
    grid_init(&grid, columns, 16, true);
    draw_memory(&grid, 0, 16, rec, &look);
}

static const char *line(int row)
{
    static char text[512];
    grid_text(&grid, row, text, sizeof text);
    return text;
}

static int first_sign(int row, char sign)
{
    const char *at = strchr(line(row), sign);
    return at ? (int)(at - line(row)) : -1;
}

static double ramp(double s)
{
    return 100 * MIB * (1 + s) / 100;
}

static void a_chart_has_its_scale(void **state)
{
    (void)state;
    struct recording *rec = recorded(METRIC_RSS, ramp, 101);
    draw(rec, MEMORY_CHART_RSS, 0, 80);
    assert_string_equal(line(0), " RSS 101M, +1.0M/s +-0B for 1m40s, peak 101M, baseline 10M");
    assert_true(strncmp(line(2), " RSS ", 5) == 0);
    /* 112M is full scale: of five rows the lowest is full after a fifth, the highest at the end. */
    assert_true(strncmp(line(3), "   112M", 7) == 0);
    assert_true(strncmp(line(7), "     0B ", 8) == 0);
    assert_true(first_sign(7, '#') >= 8 + 71 / 5 && first_sign(7, '#') <= 8 + 71 / 4);
    assert_int_equal(first_sign(3, '#'), -1);
    assert_true(first_sign(4, '#') >= 69 && first_sign(4, '#') <= 71); /* 4/5 of 112M */
    assert_string_equal(line(10),
                        " MEMORY               NOW    GROWTH      +-    PEAK  BASELINE   SWING "
                        "      READ");
    assert_true(strncmp(line(11), " RSS                 101M   +1.0M/s      0B    101M       10M",
                        60) == 0);
    /* Near its limit: the line is drawn, and has room. */
    recording_add_metric(rec, METRIC_LIMIT, rec->end_ns, 150 * MIB);
    recording_add_metric(rec, METRIC_LIMIT_USED, rec->end_ns, 101 * MIB);
    recording_add_mark(rec, START_NS + 50 * NS_PER_S, MARK_OOM, "out of memory");
    draw(rec, MEMORY_CHART_RSS, 0, 80);
    assert_non_null(strstr(line(3), "   160M -- limit ---"));
    assert_string_equal(line(1), " limit 150M (cgroup): 49M left");
    assert_int_equal(first_sign(8, 'X'), 8 + 70 / 2);
    /* Far from it. */
    recording_add_metric(rec, METRIC_LIMIT, rec->end_ns, 1500 * MIB);
    draw(rec, MEMORY_CHART_RSS, 0, 80);
    assert_non_null(strstr(line(3), "   112M"));
    recording_free(rec);
}

static double high_and_quiet(double s)
{
    return 800 * MIB + 4 * MIB * fmod(s, 10);
}

static void a_scale_begins_below_what_moves(void **state)
{
    (void)state;
    struct recording *rec = recorded(METRIC_RSS, high_and_quiet, 100);
    draw(rec, MEMORY_CHART_RSS, 0, 80);
    assert_non_null(strstr(line(3), "864M"));
    assert_non_null(strstr(line(7), "800M"));
    recording_free(rec);
    rec = recorded(METRIC_RSS, level, 20); /* nothing moves */
    draw(rec, MEMORY_CHART_RSS, 0, 80);
    assert_true(strncmp(line(7), "     0B ###", 11) == 0);
    recording_free(rec);
}

static void a_cursor_tells_its_moment(void **state)
{
    (void)state;
    struct recording *rec = recorded(METRIC_RSS, ramp, 100);
    for (int s = 0; s < 100; s++) {
        uint64_t at_ns = START_NS + (uint64_t)s * NS_PER_S;
        recording_add_metric(rec, METRIC_ANON, at_ns, 60 * MIB * (s + 1) / 100);
        recording_add_metric(rec, METRIC_FILE, at_ns, 40 * MIB * (s + 1) / 100);
        recording_add_metric(rec, METRIC_SWAP, at_ns, 0);
    }
    recording_add_metric(rec, METRIC_PSS, START_NS + 40 * NS_PER_S, 33 * MIB);
    recording_add_mark(rec, START_NS + 49 * NS_PER_S + NS_PER_S / 2, MARK_NOTE, "a \033 note");
    draw(rec, MEMORY_CHART_KINDS, START_NS + 50 * NS_PER_S, 132);
    assert_non_null(strstr(line(1), ":"));
    assert_non_null(strstr(line(1), "  | a ? note  RSS 51M  anonymous 31M  mapped files 20M  "
                                    "PSS 33M (10s before)"));
    assert_null(strstr(line(1), "swapped"));
    assert_true(first_sign(2, '|') > 60 && first_sign(2, '|') < 75);
    assert_true(first_sign(6, '#') >= 0 && first_sign(4, '=') >= 0);
    assert_int_equal(memory_chart_next(rec, MEMORY_CHART_KINDS), MEMORY_CHART_PSS);
    assert_int_equal(memory_chart_next(rec, MEMORY_CHART_PSS), MEMORY_CHART_RSS);
    recording_free(rec);
    rec = fixture_new(); /* nothing at all */
    draw(rec, MEMORY_CHART_RSS, START_NS, 80);
    assert_string_equal(line(0), " nothing is known of the memory in this window");
    assert_int_equal(memory_chart_next(rec, MEMORY_CHART_RSS), MEMORY_CHART_RSS);
    recording_free(rec);
    for (int columns = 1; columns < 40; columns += 3) { /* harmless */
        rec = recorded(METRIC_RSS, ramp, 20);
        draw(rec, MEMORY_CHART_RSS, rec->end_ns, columns);
        recording_free(rec);
    }
}

static void is_judged(void **state)
{
    (void)state;
    const struct view *summary = view_by_name("summary");
    struct recording *rec = recorded(METRIC_RSS, even_leak, 101);
    struct query q = fixture_query(rec);
    recording_add_metric(rec, METRIC_SYSTEM, START_NS, 4096 * MIB);
    recording_add_metric(rec, METRIC_AVAILABLE, START_NS, 1200 * MIB);
    table_fill(&table, summary, &q);
    assert_string_equal(fixture_text(&table, 0, "verdict"),
                        "memory grows 2.0M/s: the machine's 4.0G in 10m00s");
    assert_string_equal(fixture_text(&table, 0, "view"), "memory");
    assert_int_equal(table.rows.at[0].role, ROW_ALERT);
    /* A hundred seconds tell nothing of the next four hours. */
    recording_add_metric(rec, METRIC_AVAILABLE, START_NS, 30000 * MIB);
    table_fill(&table, summary, &q);
    assert_int_equal(fixture_find(&table, "kind", "memory"), SIZE_MAX);
    recording_add_mark(rec, START_NS + 5 * NS_PER_S, MARK_OOM, "the kernel has killed it");
    recording_add_mark(rec, START_NS + 6 * NS_PER_S, MARK_OOM, "the kernel has killed it");
    table_fill(&table, summary, &q);
    assert_string_equal(fixture_text(&table, 0, "verdict"),
                        "the kernel has killed it (and before)");
    q.window.from_ns = START_NS + 7 * NS_PER_S;
    table_fill(&table, summary, &q);
    assert_int_equal(fixture_find(&table, "kind", "oom"), SIZE_MAX);
    recording_free(rec);
}

static int clean(void **state)
{
    (void)state;
    table_clear(&table);
    grid_clear(&grid);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaks_have_their_slope),
        cmocka_unit_test(what_levels_off_is_stable),
        cmocka_unit_test(what_changed_is_judged_by_the_new),
        cmocka_unit_test(claims_are_rare),
        cmocka_unit_test(little_says_little),
        cmocka_unit_test(limits_and_words),
        cmocka_unit_test(a_chart_has_its_scale),
        cmocka_unit_test(a_scale_begins_below_what_moves),
        cmocka_unit_test(a_cursor_tells_its_moment),
        cmocka_unit_test(is_judged),
    };
    return cmocka_run_group_tests_name("view/memory", tests, NULL, clean);
}
