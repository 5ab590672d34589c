/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands first in a comparison, and what the screen calls it. */
#include "view_fixture.h"

#include <string.h>

#include "view/compare.h"
#include "view/draw_compare.h"

#define HZ 15

/* Six workers that wait for a database, and in each minute a thread that works from one second of
 * it to another. */
static struct recording *shop(int seconds, int from, int to)
{
    struct recording *rec = fixture_new();
    struct stack_id none = {0};
    struct function_id burst = fixture_function(rec, "rank_products", "/a/shop.py", 146);
    struct function_id query = fixture_function(rec, "query_database", "/a/shop.py", 71);
    struct stack_id ranking = fixture_call(rec, none, burst, 152);
    struct stack_id waiting = fixture_call(rec, none, query, 74);
    for (int tick = 0; tick < seconds * HZ; tick++) {
        double at_s = (double)tick / HZ;
        for (int tid = 2; tid < 8; tid++)
            fixture_run(rec, fixture_thread(rec, tid, "worker"), waiting, STATE_WAITING, WAIT_READ,
                        at_s, 1.0 / HZ);
        int second = tick / HZ % 60;
        if (second >= from && second < to)
            fixture_run(rec, fixture_thread(rec, 9, "report"), ranking, STATE_RUNNING, WAIT_NONE,
                        at_s, 1.0 / HZ);
    }
    return rec;
}

/* One burst of many is what its window has and the rest has not; a window without one lacks
 * nothing. */
static void a_burst_that_comes_again(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct recording *rec = shop(480, 40, 47);
    const struct window spike = {START_NS + 461 * NS_PER_S, START_NS + 464 * NS_PER_S};
    struct compare_side rest = {.rec = rec, .window = window_all(rec), .without = spike};
    struct compare_side in = {.rec = rec, .window = spike};
    compare_fill(&t, &summary, &rest, &in, NULL, false, 0);
    assert_string_equal(fixture_text(&t, 0, "name"), "rank_products");
    assert_string_equal(fixture_text(&t, 0, "verdict"), "regression");
    assert_int_equal(summary.regressions + summary.improvements, 1);
    in.window = rest.without =
        (struct window){START_NS + 430 * NS_PER_S, START_NS + 450 * NS_PER_S};
    in.window.to_ns = rest.without.to_ns = START_NS + 455 * NS_PER_S;
    compare_fill(&t, &summary, &rest, &in, NULL, false, 0);
    assert_int_equal(summary.regressions + summary.improvements, 0);
    table_clear(&t);
    recording_free(rec);
}

/* The screen has the word that diff has, and no -100%. */
static void gone_is_called_so(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct recording *with = shop(60, 0, 60), *without = shop(60, 0, 0);
    struct compare_side before = {.rec = with, .window = window_all(with)};
    struct compare_side after = {.rec = without, .window = window_all(without)};
    compare_fill(&t, &summary, &before, &after, NULL, false, 0);
    size_t row = fixture_find(&t, "name", "rank_products");
    assert_string_equal(fixture_text(&t, row, "verdict"), "gone");
    char line[81] = "";
    struct grid g = {0};
    grid_init(&g, 80, 2, true);
    struct table_look look = {.top = row, .selected = SIZE_MAX};
    draw_compare_overlay(&g, 0, 2, &t, &look);
    for (int at = 0; at < 80; at++)
        line[at] = (char)grid_at(&g, 1, at)->codepoint;
    assert_non_null(strstr(line, " gone "));
    grid_clear(&g);
    table_clear(&t);
    recording_free(with);
    recording_free(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_that_comes_again),
        cmocka_unit_test(gone_is_called_so),
    };
    return cmocka_run_group_tests_name("view_compare_shown", tests, NULL, NULL);
}
