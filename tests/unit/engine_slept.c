/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sleep is told from two clocks, and from nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/slept.h"

#define S NS_PER_S

static void tells_sleep(void **state)
{
    (void)state;
    struct slept slept = {0};
    assert_int_equal(slept_since(&slept, 500 * S, 100 * S), 0); /* it slept before we came */
    assert_int_equal(slept_since(&slept, 501 * S, 101 * S), 0);
    assert_int_equal(slept_since(&slept, 7702 * S, 102 * S), 7200 * S);
    assert_int_equal(slept_since(&slept, 7703 * S, 103 * S), 0);         /* told once */
    assert_int_equal(slept_since(&slept, 7704 * S + S / 2, 104 * S), 0); /* too short to tell */
    assert_int_equal(slept_since(&slept, 7714 * S + S / 2, 105 * S), 9 * S);
}

/* Held up for 40 s between the two readings: neither that nor what follows is sleep. */
static void is_not_misled(void **state)
{
    (void)state;
    struct slept slept = {0};
    slept_since(&slept, 100 * S, 100 * S);
    assert_int_equal(slept_since(&slept, 101 * S, 141 * S), 0);
    assert_int_equal(slept_since(&slept, 142 * S, 142 * S), 0);
    assert_int_equal(slept_since(&slept, 203 * S, 143 * S), 60 * S);
}

static void knows_the_clocks(void **state)
{
    (void)state;
    struct slept slept = {0};
    for (int i = 0; i < 2; i++) {
        uint64_t boot_ns = clock_boot_ns();
        assert_int_equal(slept_since(&slept, boot_ns, clock_mono_ns()), 0);
    }
    assert_true(clock_boot_ns() + S > clock_mono_ns());
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tells_sleep),
    cmocka_unit_test(is_not_misled),
    cmocka_unit_test(knows_the_clocks),
};

int main(void)
{
    return cmocka_run_group_tests_name("engine/slept", tests, NULL, NULL);
}
