/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dear readings are spread over time: rounds, their rest, and sums only where all were read. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/footprints.h"

static const struct footprint_process two[] = {{101, 0}, {102, 0}};

static void rounds_rest(void **state)
{
    (void)state;
    struct footprints f = {.in_round = false};
    size_t which = 9;
    assert_true(footprints_due(&f, two, 2, NS_PER_S, &which));
    assert_int_equal(which, 0);
    footprints_took(&f, 101, NS_PER_MS);
    assert_false(footprints_end(&f, two, 2));
    assert_true(footprints_due(&f, two, 2, 2 * NS_PER_S, &which));
    assert_int_equal(which, 1);
    footprints_took(&f, 102, NS_PER_MS);
    assert_false(footprints_due(&f, two, 2, 2 * NS_PER_S, &which));
    assert_true(footprints_end(&f, two, 2));
    /* Cheap ones every ten seconds, from beginning to beginning. */
    assert_false(footprints_due(&f, two, 2, 11 * NS_PER_S - 1, &which));
    assert_true(footprints_due(&f, two, 2, 11 * NS_PER_S, &which));
    /* 20 ms of work are a round in 40 s: a two-thousandth. */
    footprints_took(&f, 101, 15 * NS_PER_MS);
    footprints_took(&f, 102, 5 * NS_PER_MS);
    assert_true(footprints_end(&f, two, 2));
    assert_false(footprints_due(&f, two, 2, 51 * NS_PER_S - 1, &which));
    assert_true(footprints_due(&f, two, 2, 51 * NS_PER_S, &which));
    /* A process that has left is not waited for, one that has come is read in this round. */
    footprints_took(&f, 101, NS_PER_MS);
    static const struct footprint_process others[] = {{101, 0}, {103, 0}};
    assert_true(footprints_due(&f, others, 2, 52 * NS_PER_S, &which));
    assert_int_equal(which, 1);
    assert_true(footprints_end(&f, others, 1));
    /* One that has come since is worth a round of its own, after the rest. */
    static const struct footprint_process more[] = {{101, 0}, {104, 0}};
    assert_false(footprints_due(&f, more, 1, 53 * NS_PER_S, &which));
    assert_false(footprints_due(&f, more, 2, 51 * NS_PER_S + NS_PER_S / 2, &which));
    assert_true(footprints_due(&f, more, 2, 53 * NS_PER_S, &which));
    assert_int_equal(which, 0);
    footprints_took(&f, 101, NS_PER_MS);
    footprints_took(&f, 104, NS_PER_MS);
    assert_true(footprints_end(&f, more, 2));
    assert_false(footprints_due(&f, NULL, 0, 1000 * NS_PER_S, &which));
    footprints_clear(&f);
}

static double value(const struct sink *sink, enum metric metric)
{
    for (size_t i = 0; i < sink->batch->metrics.n; i++)
        if (sink->batch->metrics.at[i].metric == metric)
            return sink->batch->metrics.at[i].value;
    return NAN;
}

static void sums_what_all_told(void **state)
{
    (void)state;
    struct sink sink;
    struct footprints f = {.in_round = false};
    sink_init(&sink);
    struct footprint_process self = {getpid(), 0};
    footprints_step(&f, &self, 1, &sink, NS_PER_S);
    assert_true(value(&sink, METRIC_PSS) > 100000);
    assert_true(value(&sink, METRIC_MAPPINGS) > 10);
    assert_true(value(&sink, METRIC_HEAP) >= 0);
    sink.batch->metrics.n = 0;
    footprints_step(&f, &self, 1, &sink, 2 * NS_PER_S); /* not yet */
    assert_int_equal(sink.batch->metrics.n, 0);
    self.rss_bytes = UINT64_MAX; /* too large for PSS: no sum of it at all */
    footprints_step(&f, &self, 1, &sink, 200 * NS_PER_S);
    assert_true(isnan(value(&sink, METRIC_PSS)));
    assert_true(value(&sink, METRIC_MAPPINGS) > 10);
    footprints_clear(&f);
    sink_clear(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_rest),
        cmocka_unit_test(sums_what_all_told),
    };
    return cmocka_run_group_tests_name("engine/footprints", tests, NULL, NULL);
}
