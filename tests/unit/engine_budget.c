/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rate keeps to the budget, on a simulated sampler whose cost grows with its rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/budget.h"

/* A second at the present rate, at so many ns a tick. */
static enum budget_news second(struct budget *b, double stopped_ns, double own_ns)
{
    return budget_second(b, NS_PER_S, (uint64_t)(b->rate_hz * stopped_ns), NS_PER_S / 2,
                         (uint64_t)(b->rate_hz * own_ns));
}

static void test_within(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, BUDGET_DEFAULT_PCT, 100, false);
    for (int i = 0; i < 60; i++) /* 0.5 % and 0.8 % */
        assert_int_equal(second(&b, 50e3, 80e3), BUDGET_NOTHING);
    assert_true(b.rate_hz == 100);
}

static void steps_down(double stopped_ns, double own_ns, double rate_hz)
{
    struct budget b;
    int told = 0, over = 0;
    budget_init(&b, BUDGET_DEFAULT_PCT, 1000, false);
    for (int i = 0; i < 60; i++) {
        enum budget_news news = second(&b, stopped_ns, own_ns);
        told += news == BUDGET_SLOWER;
        assert_true(news != BUDGET_BROKEN);
        double stopped = b.rate_hz * stopped_ns / 1e7, own = b.rate_hz * own_ns / 1e7;
        if (i > 5)
            over += stopped > 1.0 || own > 2.0;
    }
    assert_int_equal(over, 0);
    assert_true(told >= 1 && told <= 3);
    assert_true(b.rate_hz > rate_hz * 0.6 && b.rate_hz <= rate_hz);
}

static void test_the_rate_steps_down(void **state)
{
    (void)state;
    steps_down(50e3, 10e3, 200); /* the target stands still too long */
    steps_down(0, 100e3, 200);   /* we use too much */
}

static void test_and_up_again(void **state)
{
    (void)state;
    struct budget b;
    bool back = false;
    budget_init(&b, BUDGET_DEFAULT_PCT, 100, false);
    for (int i = 0; i < 20; i++)
        second(&b, 500e3, 10e3);
    assert_true(b.rate_hz < 25);
    for (int i = 0; i < 60; i++)
        assert_int_not_equal(second(&b, 20e3, 10e3), BUDGET_BACK);
    assert_true(b.rate_hz == 100);
    for (int i = 0; i < 300; i++)
        back |= second(&b, 20e3, 10e3) == BUDGET_BACK;
    assert_true(back);
}

/* A cost that hovers about the budget is told once, not every half minute. */
static void test_hovering(void **state)
{
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        struct budget b;
        int told = 0, changes = 0;
        double rate_hz = 100;
        budget_init(&b, BUDGET_DEFAULT_PCT, 100, fixed);
        for (int i = 0; i < 7200; i++) {
            told += second(&b, 10e3, i / 20 % 2 ? 300e3 : 50e3) != BUDGET_NOTHING;
            changes += b.rate_hz != rate_hz;
            rate_hz = b.rate_hz;
        }
        assert_in_range(told, 1, fixed ? 1 : 3); /* in steps */
        assert_true(fixed || changes > 100);
    }
}

static void test_a_fixed_rate_is_kept(void **state)
{
    (void)state;
    struct budget b;
    int told = 0;
    budget_init(&b, BUDGET_DEFAULT_PCT, 1000, true);
    for (int i = 0; i < 30; i++)
        told += second(&b, 50e3, 10e3) == BUDGET_BROKEN;
    assert_int_equal(told, 1);
    assert_true(b.broken);
    assert_true(b.rate_hz == 1000);
}

static void test_no_budget(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, 0, 10000, false);
    for (int i = 0; i < 30; i++)
        assert_int_equal(second(&b, 90e3, 90e3), BUDGET_NOTHING);
    assert_true(b.rate_hz == 10000);
}

static void test_many_cpus(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, BUDGET_DEFAULT_PCT, 100, true);
    for (int i = 0; i < 10; i++) /* 3 % of a core, of the 8 that it uses */
        assert_int_equal(budget_second(&b, NS_PER_S, 30 * NS_PER_MS, 8 * NS_PER_S, NS_PER_MS),
                         BUDGET_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within),       cmocka_unit_test(test_the_rate_steps_down),
        cmocka_unit_test(test_and_up_again), cmocka_unit_test(test_a_fixed_rate_is_kept),
        cmocka_unit_test(test_hovering),     cmocka_unit_test(test_no_budget),
        cmocka_unit_test(test_many_cpus),
    };
    return cmocka_run_group_tests_name("engine_budget", tests, NULL, NULL);
}
