/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two readings of what held a target back become metrics; what is not known becomes none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/contended.h"

static struct sink sink;
static struct contended contended;
static struct contention now;

static int set_up(void **state)
{
    (void)state;
    sink_init(&sink);
    contended = (struct contended){0};
    now = (struct contention){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sink_clear(&sink);
    return 0;
}

/* A second on, with the target on so many cores. */
static void second(double cores)
{
    sink.batch->metrics.n = 0;
    contended_add(&contended, &now, NS_PER_S, cores, &sink, NS_PER_S);
}

/* NAN: no point. */
static double value(enum metric metric)
{
    for (size_t i = 0; i < sink.batch->metrics.n; i++)
        if (sink.batch->metrics.at[i].metric == metric)
            return sink.batch->metrics.at[i].value;
    return NAN;
}

static void level(uint32_t i, uint64_t key, double quota, uint64_t throttled_ms)
{
    now.levels[i] = (struct throttle_level){
        .key = key, .quota_cpus = quota, .throttled_ns = throttled_ms * NS_PER_MS};
    if (now.n_levels <= i)
        now.n_levels = i + 1;
    if (quota > 0 && (now.quota_cpus <= 0 || quota < now.quota_cpus))
        now.quota_cpus = quota;
}

static void test_nothing_known(void **state)
{
    (void)state;
    second(1);
    second(1);
    assert_int_equal(sink.batch->metrics.n, 0);
    level(0, 1, 0, 0); /* a controller without a quota cannot throttle */
    second(1);
    second(1);
    assert_int_equal(sink.batch->metrics.n, 0);
}

static void test_throttled(void **state)
{
    (void)state;
    level(0, 1, 0.2, 5000);
    second(0.2);
    assert_int_equal(sink.batch->metrics.n, 0); /* nothing to compare with */
    level(0, 1, 0.2, 5380);
    second(0.2);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 38, 0.01);
    assert_float_equal(value(METRIC_QUOTA), 0.2, 1e-9);
    /* Four threads want four CPUs and get one: each of the four CPUs stands for three quarters. */
    level(0, 1, 0.2, 5380 + 3000);
    second(1);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 75, 0.01);
    level(0, 1, 0.2, 100); /* counters that go back */
    second(0.2);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 0, 0);
    level(0, 2, 0.2, 900000); /* another group */
    second(0.2);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 0, 0);
    level(0, 2, 0, 900000); /* the quota is taken away: the metric goes on, so that alerts clear */
    now.quota_cpus = 0;
    second(0.2);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 0, 0);
    assert_true(isnan(value(METRIC_QUOTA)));
}

/* The group that throttled is the one whose quota is told. */
static void test_ancestors(void **state)
{
    (void)state;
    level(0, 1, 0.5, 0);
    level(1, 2, 2, 0);
    second(0.4);
    level(0, 1, 0.5, 10);
    level(1, 2, 2, 600);
    second(0.4);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 60, 0.01);
    assert_float_equal(value(METRIC_QUOTA), 2, 1e-9);
    second(0.4);
    assert_float_equal(value(METRIC_THROTTLED_PCT), 0, 0);
    assert_float_equal(value(METRIC_QUOTA), 0.5, 1e-9);
}

static void test_pressure(void **state)
{
    (void)state;
    now.stalls[PRESSURE_IO] = (struct stall){true, 7, 100 * NS_PER_MS};
    second(0);
    now.stalls[PRESSURE_IO].some_ns += 250 * NS_PER_MS;
    now.stalls[PRESSURE_CPU] = (struct stall){true, 7, 999 * NS_PER_S}; /* new: no base yet */
    second(0);
    assert_float_equal(value(METRIC_IO_PRESSURE), 25, 0.01);
    assert_true(isnan(value(METRIC_CPU_PRESSURE)) && isnan(value(METRIC_MEMORY_PRESSURE)));
    now.stalls[PRESSURE_CPU].some_ns += 3 * NS_PER_S; /* cannot be: capped */
    now.stalls[PRESSURE_IO].key = 8;
    now.stalls[PRESSURE_IO].some_ns = 900 * NS_PER_S;
    second(0);
    assert_float_equal(value(METRIC_CPU_PRESSURE), 100, 0);
    assert_true(isnan(value(METRIC_IO_PRESSURE)));
}

static void test_machine(void **state)
{
    (void)state;
    now.machine = (struct machine_cpu){true, true, 1000, 500, 10, 2};
    second(0.5);
    now.machine = (struct machine_cpu){true, true, 1200, 650, 20, 2};
    second(0.5); /* 75 % busy, of which 25 are the target's */
    assert_float_equal(value(METRIC_NEIGHBOURS_PCT), 50, 0.01);
    assert_float_equal(value(METRIC_STEAL_PCT), 5, 0.01);
    now.machine = (struct machine_cpu){true, false, 1400, 660, 0, 2};
    second(2); /* the target's own clock is finer than the ticks */
    assert_float_equal(value(METRIC_NEIGHBOURS_PCT), 0, 0);
    assert_true(isnan(value(METRIC_STEAL_PCT)));
    second(0); /* no tick since */
    assert_true(isnan(value(METRIC_NEIGHBOURS_PCT)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_throttled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ancestors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pressure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_machine, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("engine_contended", tests, NULL, NULL);
}
