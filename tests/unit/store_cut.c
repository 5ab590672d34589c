/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording that is cut down to its end: what was in that is the same as before, it can be
 * saved and read, and what lay before is gone. */
#include "store_fixture.h"

#include "model/alert_log.h"
#include "model/cut.h"
#include "model/window.h"

static struct window_sum sum_of(const struct recording *rec, uint64_t from_ns, uint64_t to_ns)
{
    struct window_sum sum;
    struct filter filter = {.states = STATES_ALL};
    window_sum(&sum, rec, (struct window){from_ns, to_ns}, &filter);
    return sum;
}

static void near_ns(uint64_t have, uint64_t want)
{
    uint64_t off = have > want ? have - want : want - have;
    if (off > NS_PER_MS) /* runs that reach over an end are divided as fractions */
        fail_msg("%llu ns, not %llu", (unsigned long long)have, (unsigned long long)want);
}

/* 90 s, of which the last 20 are raw, and those before folded. */
static struct recording *grown(void)
{
    struct growing g = growth_begin();
    g.rec->limits.raw_ns = 20 * NS_PER_S;
    for (int s = 0; s < 90; s++) {
        growth_second(&g, 20);
        recording_thin(g.rec, g.now_ns);
    }
    return g.rec;
}

static void the_window_stays_as_it_was(void **state)
{
    (void)state;
    static const unsigned from_s[] = {0, 30, 60, 80};
    for (size_t i = 0; i < sizeof from_s / sizeof from_s[0]; i++) {
        struct recording *rec = grown();
        uint64_t from_ns = START_NS + from_s[i] * NS_PER_S, to_ns = UINT64_MAX;
        assert_int_equal(recording_cut_from(rec, from_ns + 7), from_ns);
        struct window_sum before = sum_of(rec, from_ns, to_ns);
        struct recording *copy = recording_copy(rec);
        recording_cut(copy, from_ns);
        struct window_sum after = sum_of(copy, from_ns, to_ns), all = sum_of(copy, 0, UINT64_MAX);
        near_ns(after.cpu_ns, before.cpu_ns);
        near_ns(after.wait_ns, before.wait_ns);
        near_ns(after.idle_ns, before.idle_ns);
        near_ns(all.cpu_ns + all.wait_ns + all.idle_ns,
                before.cpu_ns + before.wait_ns + before.idle_ns);
        assert_true(before.cpu_ns > 0);
        assert_int_equal(copy->start_ns, from_ns);
        assert_int_equal(copy->end_ns, rec->end_ns);
        for (size_t m = 0; m < copy->marks.n; m++)
            assert_true(copy->marks.at[m].time_ns >= from_ns);

        struct err err = {""};
        if (!store_save(copy, in_folder("cut.ptop"), &err))
            fail_msg("%s", err.text);
        struct recording *read = load_ok(in_folder("cut.ptop"));
        same_recordings(copy, read);
        recording_free(read);
        recording_free(copy);
        window_sum_clear(&before);
        window_sum_clear(&after);
        window_sum_clear(&all);
        recording_free(rec);
    }
}

/* Figures of metrics are there from the beginning, also of those that seldom change. */
static void metrics_keep_the_last_of_before(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    for (uint64_t s = 0; s < 5000; s++)
        recording_add_metric(rec, METRIC_CPU_PCT, START_NS + s * NS_PER_S, (double)(s % 50));
    recording_add_metric(rec, METRIC_SYSTEM, START_NS, 8e9);
    uint64_t from_ns = START_NS + 4900 * NS_PER_S - 1;
    recording_cut(rec, from_ns);
    assert_int_equal(series_count(&rec->total.series[METRIC_SYSTEM]), 1);
    assert_float_equal(series_find(&rec->total.series[METRIC_SYSTEM], from_ns)->mean, 8e9, 1e3);
    const struct series *cpu = &rec->total.series[METRIC_CPU_PCT];
    assert_int_equal(series_count(cpu), 101);
    assert_int_equal(series_at(cpu, 0)->time_ns, from_ns + 1 - NS_PER_S);
    recording_free(rec);
}

/* An alert's snapshot comes when its row has long been written. */
static void a_writer_says_later_where_the_snapshot_is(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    struct err err = {""};
    struct store_writer *w = store_writer_open(in_folder("a.ptop"), &err);
    assert_non_null(w);
    uint64_t t = START_NS;
    for (int s = 0; s < 10; s++, t += NS_PER_S)
        recording_add_metric(rec, METRIC_CPU_PCT, t, 90);
    assert_int_equal(rec->alerts.n, 1);
    assert_true(store_writer_commit(w, rec, &err));
    alert_log_set_snapshot(rec, 1, "/tmp/shot.ptop");
    rec->shown_from_ns = START_NS + NS_PER_S;
    rec->shown_to_ns = START_NS + 3 * NS_PER_S;
    assert_true(store_writer_commit(w, rec, &err));
    assert_true(store_writer_finish(w, rec, &err));
    struct recording *read = load_ok(in_folder("a.ptop"));
    same_recordings(rec, read);
    assert_string_equal(string_text(&read->words, read->alerts.at[0].snapshot), "/tmp/shot.ptop");
    assert_int_equal(read->shown_from_ns, START_NS + NS_PER_S);
    assert_int_equal(read->shown_to_ns, START_NS + 3 * NS_PER_S);
    recording_free(read);
    recording_free(rec);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(the_window_stays_as_it_was),
        cmocka_unit_test(metrics_keep_the_last_of_before),
        TEST_IN_FOLDER(a_writer_says_later_where_the_snapshot_is),
    };
    return cmocka_run_group_tests_name("store_cut", tests, NULL, NULL);
}
