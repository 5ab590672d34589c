/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spikes: none in noise, in a step, at the beginning or the end; each burst one. */
#include "view_fixture.h"

#include <math.h>

#include "view/spikes.h"

static uint64_t random_state;

static double random_unit(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* About normal: mean 0, deviation 1. */
static double random_normal(void)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += random_unit();
    return sum - 6;
}

/* A second a point. */
static void add(struct series *s, int n, double level, double deviation)
{
    size_t have = 0;
    for (int l = 0; l < SERIES_LEVELS; l++)
        for (size_t i = 0; i < s->levels[l].ring.n; i++)
            have += s->levels[l].ring.at[i].count;
    for (int i = 0; i < n; i++)
        series_add(s, START_NS + (have + (size_t)i) * NS_PER_S,
                   fmax(0, level + deviation * random_normal()));
}

static size_t count(const struct series *s, enum metric metric)
{
    struct spikes spikes = {0};
    spikes_find(&spikes, s, metric);
    size_t n = spikes.at.n;
    spikes_clear(&spikes);
    return n;
}

static void none_in_noise(void **state)
{
    (void)state;
    for (random_state = 1; random_state < 6; random_state++) {
        uint64_t seed = random_state;
        struct series s = {0};
        add(&s, 3000, 40, 8);
        assert_int_equal(count(&s, METRIC_CPU_PCT), 0);
        assert_int_equal(count(&s, METRIC_RSS), 0);
        series_clear(&s);
        random_state = seed;
    }
    /* What hardly moves: a little more is no spike, however regular it is. */
    struct series flat = {0};
    add(&flat, 100, 3, 0);
    add(&flat, 1, 9, 0);
    add(&flat, 100, 3, 0);
    assert_int_equal(count(&flat, METRIC_CPU_PCT), 0);
    series_clear(&flat);
}

static void none_in_a_step(void **state)
{
    (void)state;
    struct series up = {0}, down = {0}, half = {0};
    add(&up, 200, 10, 1);
    add(&up, 40, 90, 1);
    assert_int_equal(count(&up, METRIC_CPU_PCT), 0);
    add(&down, 40, 90, 1);
    add(&down, 200, 10, 1);
    assert_int_equal(count(&down, METRIC_CPU_PCT), 0);
    for (int i = 0; i < 10; i++) { /* on for half of the time: that is usual */
        add(&half, 10, 10, 1);
        add(&half, 10, 90, 1);
    }
    assert_int_equal(count(&half, METRIC_CPU_PCT), 0);
    series_clear(&up);
    series_clear(&down);
    series_clear(&half);
}

static void one_for_each_burst(void **state)
{
    (void)state;
    struct series s = {0};
    struct spikes spikes = {0};
    add(&s, 40, 20, 3);
    for (int i = 0; i < 4; i++) {
        add(&s, 2, 75, 3);
        add(&s, 1, 20, 3); /* a gap of one point within it */
        add(&s, 2, 75 + i, 3);
        add(&s, 55, 20, 3);
    }
    spikes_find(&spikes, &s, METRIC_CPU_PCT);
    assert_int_equal(spikes.at.n, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct spike *spike = &spikes.at.at[i];
        assert_int_equal(spike->window.from_ns, START_NS + (39 + 60 * i) * NS_PER_S + 1);
        assert_int_equal(spike->window.to_ns, START_NS + (44 + 60 * i) * NS_PER_S + 1);
        assert_true(spike->top > 60 && spike->top < 95);
    }
    assert_ptr_equal(spikes_after(&spikes, START_NS), &spikes.at.at[0]);
    assert_ptr_equal(spikes_after(&spikes, spikes.at.at[0].window.from_ns), &spikes.at.at[1]);
    assert_ptr_equal(spikes_before(&spikes, spikes.at.at[1].window.from_ns), &spikes.at.at[0]);
    assert_ptr_equal(spikes_before(&spikes, UINT64_MAX), &spikes.at.at[3]);
    assert_null(spikes_before(&spikes, START_NS));
    assert_null(spikes_after(&spikes, spikes.at.at[3].window.from_ns));
    spikes_clear(&spikes);
    series_clear(&s);
}

static void one_that_has_been_thinned(void **state)
{
    (void)state;
    struct series s = {0};
    struct spikes spikes = {0};
    add(&s, 500, 20, 2);
    add(&s, 4, 90, 2);
    add(&s, 8000, 20, 2); /* it is in a bucket of a hundred by now */
    spikes_find(&spikes, &s, METRIC_CPU_PCT);
    assert_int_equal(spikes.at.n, 1);
    assert_true(spikes.at.at[0].window.from_ns <= START_NS + 500 * NS_PER_S);
    assert_true(spikes.at.at[0].window.to_ns >= START_NS + 504 * NS_PER_S);
    spikes_clear(&spikes);
    series_clear(&s);
}

static void too_little_is_known(void **state)
{
    (void)state;
    struct series s = {0};
    struct spikes spikes = {0};
    spikes_find(&spikes, &s, METRIC_CPU_PCT);
    assert_true(isnan(spikes.least));
    add(&s, 3, 10, 0);
    add(&s, 1, 90, 0);
    spikes_find(&spikes, &s, METRIC_CPU_PCT);
    assert_int_equal(spikes.at.n, 0);
    add(&s, 1, 10, 0); /* has it come back? it has */
    spikes_find(&spikes, &s, METRIC_CPU_PCT);
    assert_int_equal(spikes.at.n, 1);
    spikes_clear(&spikes);
    series_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_in_noise),       cmocka_unit_test(none_in_a_step),
        cmocka_unit_test(one_for_each_burst),  cmocka_unit_test(one_that_has_been_thinned),
        cmocka_unit_test(too_little_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
