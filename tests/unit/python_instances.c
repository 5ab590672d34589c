/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two samples of one heap: what was born between them, however little of it they keep. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/map.h"
#include "python/instances.h"

#define OLD  100000
#define BORN 10000

static uint64_t address_of(int number)
{
    return 0x7f0000000000u + (uint64_t)number * 48;
}

static void look(struct instances *s, size_t max, int n)
{
    instances_init(s, max);
    for (int i = 0; i < n; i++)
        instances_add(s, address_of(n - 1 - i)); /* in whatever order they pass by */
    instances_close(s);
}

static void test_sample(void **state)
{
    (void)state;
    struct instances s;
    look(&s, 1000, OLD);
    assert_int_equal(s.at.n, 1000);
    for (size_t i = 0; i < s.at.n; i++) {
        assert_true(hash_u64(s.at.at[i]) < s.below);
        assert_true(!i || hash_u64(s.at.at[i]) > hash_u64(s.at.at[i - 1]));
    }
    instances_clear(&s);
    look(&s, 1000, 10);
    assert_int_equal(s.at.n, 10);
    instances_clear(&s);
}

static void test_born(void **state)
{
    (void)state;
    struct instances before, now;
    look(&before, 1000, OLD);
    look(&now, 1000, OLD + BORN);
    instances_born(&now, &before);
    assert_in_range(now.at.n, 50, 130); /* of 1000 about one in eleven */
    for (size_t i = 0; i < now.at.n; i++)
        assert_true(now.at.at[i] >= address_of(OLD));
    instances_clear(&now);
    /* Of fewer than before, what is new is not what was beyond the first sample's bound. */
    look(&now, 1000, OLD / 200);
    instances_born(&now, &before);
    assert_int_equal(now.at.n, 0);
    instances_clear(&now);
    instances_clear(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_born),
    };
    return cmocka_run_group_tests_name("python_instances", tests, NULL, NULL);
}
