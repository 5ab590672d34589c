/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tests behind a comparison's verdicts, against figures that are known or counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "view/significance.h"

static void significance(void **state)
{
    (void)state;
    double low[20], high[20], same[20];
    for (int i = 0; i < 20; i++) {
        low[i] = i;
        high[i] = i + 20;
        same[i] = 7;
    }
    assert_true(significance_slices(low, 20, high, 20) < 1e-6);
    assert_float_equal(significance_slices(low, 20, high, 20),
                       significance_slices(high, 20, low, 20), 1e-12);
    assert_float_equal(significance_slices(low, 20, low, 20), 1, 1e-9);
    assert_float_equal(significance_slices(same, 20, same, 20), 1, 0);
    assert_float_equal(significance_slices(same, 20, low, 1), 1, 0);
    assert_float_equal(significance_slices(same, 20, (const double[]){8, 8}, 2), 0, 0);
    /* Means 3.6 and 7.4, variances 5.8 and 5.8: t = 3.8 / sqrt(2.32) = 2.495 with 8 degrees. */
    const double a[] = {1, 2, 3, 5, 7}, b[] = {4, 6, 8, 9, 10};
    assert_float_equal(significance_slices(a, 5, b, 5), 0.0372, 0.0001);
    /* As long as two slices: t = 6 / sqrt(5.8 * (1 / 2 + 1 / 5)) = 2.978 with 4 degrees. */
    assert_float_equal(significance_stretch(9.6, 2, a, 5), 0.0408, 0.0001);
    assert_float_equal(significance_stretch(9.6, 2, a, 1), 1, 0);
    assert_float_equal(significance_stretch(7, 2, same, 20), 1, 0);
    /* Median 3, deviation 2: t = 6.6 / (2 / 0.6745 * sqrt(1 / 2 + 1 / (0.637 * 5))) = 2.467 with
     * 0.37 * 4 degrees. */
    assert_float_equal(significance_picked(9.6, 2, a, 5), 0.1748, 0.0001);
    assert_float_equal(significance_picked(9.6, 2, a, 1), 1, 0);
    assert_float_equal(significance_picked(7, 2, same, 20), 1, 0);
    /* Bursts in four of ten: no part of what is usual. */
    const double bursts[] = {0, 9, 0, 0, 9, 9, 0, 0, 9, 0};
    assert_true(significance_stretch(9, 1, bursts, 10) > 0.2);
    assert_float_equal(significance_picked(9, 1, bursts, 10), 0, 0);
    assert_float_equal(significance_picked(0, 1, bursts, 10), 1, 0);
    /* 10 or more, or 0, of 10 that fall on either side alike: 2 / 1024. */
    assert_float_equal(significance_counts(1e-9, 1e-9, 10, 10), 2.0 / 1024, 1e-6);
    /* 8 or more of 10 that fall on either side alike: 56 / 1024, and as many the other way. */
    assert_float_equal(significance_counts(2, 2, 8, 8), 112.0 / 1024, 1e-9);
    assert_float_equal(significance_counts(8, 8, 2, 2), 112.0 / 1024, 1e-9);
    /* None to 3 where a tenth of 93 is expected: 0.0275, where a normal approximation from the few
     * says 0.0004. */
    assert_float_equal(significance_counts(1, 90, 0.3, 3), 0.0259, 0.003);
    assert_float_equal(significance_counts(1, 100, 1, 100), 1, 0);
    assert_float_equal(significance_counts(0, 0, 0, 0), 1, 0);
    /* All 10 on one side of two alike; on that of two thirds. */
    assert_float_equal(significance_absent(10, 5, 5), 2.0 / 1024, 1e-12);
    assert_float_equal(significance_absent(10, 6, 3), 2 * pow(2.0 / 3, 10), 1e-12);
    assert_float_equal(significance_absent(0, 6, 3), 1, 0);
    assert_true(significance_counts(1, 1e6, 1.01, 1.01e6) < 1e-9);
    assert_true(significance_counts(1, 1e6, 1.001, 1.001e6) > 0.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(significance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
