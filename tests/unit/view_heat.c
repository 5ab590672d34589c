/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heat strips: what was on a CPU when, by part of a second and by thread, and how that is drawn. */
#include "view_fixture.h"

#include <math.h>

#include "view/draw_heat.h"

static const struct filter no_filter;

static float cell(const struct heat *h, int row, int column)
{
    return h->at[row * h->columns + column];
}

/* 60 ms of each second from 100 ms on, on one thread; a thread that waits; from the third second on
 * one that always runs. */
static struct recording *a_recording(int seconds)
{
    struct recording *rec = fixture_new();
    struct thread_id bursts = fixture_thread(rec, 11, "bursts");
    struct thread_id waits = fixture_thread(rec, 12, "waits");
    struct thread_id steady = fixture_thread(rec, 13, "steady");
    struct function_id f = fixture_function(rec, "work", "/a.py", 1);
    struct stack_id stack = fixture_call(rec, (struct stack_id){0}, f, 2);
    for (int s = 0; s < seconds; s++) {
        fixture_run(rec, bursts, stack, STATE_RUNNING, WAIT_NONE, s + 0.1, 0.06);
        fixture_run(rec, waits, stack, STATE_WAITING, WAIT_READ, s, 1);
        if (s >= 3)
            fixture_run(rec, steady, stack, STATE_RUNNING, WAIT_NONE, s, 1);
    }
    return rec;
}

static void a_burst_has_its_place_in_the_second(void **state)
{
    (void)state;
    struct recording *rec = a_recording(40);
    struct heat h = {0};
    heat_by_second(&h, rec, &no_filter, rec->end_ns, 100, 25);
    assert_int_equal(h.columns, 40);
    assert_int_equal(h.rows, 25);
    assert_int_equal(h.bin_ns, 40 * NS_PER_MS);
    assert_int_equal(h.from_ns, START_NS);
    for (int s = 0; s < 40; s++) {
        float steady = s >= 3 ? 1 : 0;
        fixture_near(cell(&h, 1, s), steady);        /* 40 to 80 ms */
        fixture_near(cell(&h, 2, s), steady + 0.5f); /* the burst begins at 100 */
        fixture_near(cell(&h, 3, s), steady + 1);
        fixture_near(cell(&h, 4, s), steady);
        fixture_near(cell(&h, 24, s), steady);
    }
    fixture_near(h.top, 2);
    struct window w = heat_cell(&h, 7, 3);
    assert_int_equal(w.from_ns, START_NS + 7 * NS_PER_S + 120 * NS_PER_MS);
    assert_int_equal(w.to_ns, START_NS + 7 * NS_PER_S + 160 * NS_PER_MS);
    /* Fewer columns: the newest seconds. One thread alone. */
    heat_by_second(&h, rec, &(struct filter){.tid = 11}, START_NS + 30 * NS_PER_S, 10, 10);
    assert_int_equal(h.columns, 10);
    assert_int_equal(h.bin_ns, 100 * NS_PER_MS);
    assert_int_equal(h.from_ns, START_NS + 20 * NS_PER_S);
    fixture_near(h.top, (float)0.6);
    heat_clear(&h);
    recording_free(rec);
}

static void what_was_folded_is_not_known(void **state)
{
    (void)state;
    struct recording *rec = a_recording(60);
    struct heat h = {0};
    rec->limits.raw_ns = 20 * NS_PER_S;
    recording_thin(rec, rec->end_ns);
    heat_by_second(&h, rec, &no_filter, rec->end_ns, 60, 10);
    assert_true(h.known_ns > START_NS + 30 * NS_PER_S);
    assert_true(isnan(cell(&h, 0, 0)) && isnan(cell(&h, 9, 20)));
    assert_false(isnan(cell(&h, 0, 50)));

    struct grid g;
    struct heat_look look = {.hint = ""};
    char text[256];
    grid_init(&g, 80, 14, true);
    draw_heat(&g, 0, 14, rec, &h, &look);
    grid_text(&g, 1, text, sizeof text);
    assert_non_null(strstr(text, "of before"));
    grid_clear(&g);
    heat_clear(&h);
    recording_free(rec);
}

static void threads_over_any_stretch(void **state)
{
    (void)state;
    struct recording *rec = a_recording(40);
    struct heat h = {0};
    for (int folded = 0; folded < 2; folded++) {
        heat_by_thread(&h, rec, &no_filter, window_all(rec), 20, 10);
        assert_int_equal(h.rows, 2); /* who only waits has none */
        assert_int_equal(h.rows_of.at[0].tid, 13);
        assert_int_equal(h.rows_of.at[1].tid, 11);
        assert_true(cell(&h, 0, 0) < 0.01 && cell(&h, 0, 10) > 0.9);
        assert_true(cell(&h, 1, 10) > 0.04 && cell(&h, 1, 10) < 0.08);
        rec->limits.raw_ns = 5 * NS_PER_S;
        recording_thin(rec, rec->end_ns);
    }
    heat_by_thread(&h, rec, &no_filter, window_all(rec), 20, 1);
    assert_int_equal(h.rows, 1);
    heat_by_thread(&h, rec, &no_filter, (struct window){5, 5}, 0, 0);
    assert_int_equal(h.columns * h.rows, 0);
    heat_clear(&h);
    recording_free(rec);
}

static void drawn_with_its_window(void **state)
{
    (void)state;
    struct recording *rec = a_recording(40);
    struct heat h = {0};
    struct grid g;
    char text[256];
    struct heat_place place = heat_place(80, 14, false);
    heat_by_second(&h, rec, &no_filter, rec->end_ns, place.width, place.rows);
    struct heat_look look = {{START_NS + 5 * NS_PER_S, START_NS + 7 * NS_PER_S}, "v: next"};
    grid_init(&g, 80, 14, true);
    draw_heat(&g, 0, 14, rec, &h, &look);
    grid_text(&g, 0, text, sizeof text);
    assert_non_null(strstr(text, "100 ms of it; # is 1.6"));
    assert_non_null(strstr(text, "v: next"));
    grid_text(&g, 2, text, sizeof text); /* 100 to 200 ms: all of the burst */
    assert_non_null(strstr(text, "  100ms --"));
    assert_int_equal(grid_at(&g, 2, place.at + 20)->codepoint, '#');
    assert_int_equal(grid_at(&g, 4, place.at + 20)->codepoint, '=');
    assert_int_equal(grid_at(&g, 4, place.at + 1)->codepoint, ' ');
    assert_int_equal(grid_at(&g, 4, place.at + 5)->style, STYLE_HELD);
    assert_int_equal(grid_at(&g, 4, place.at + 6)->style, STYLE_HELD);
    assert_int_not_equal(grid_at(&g, 4, place.at + 7)->style, STYLE_HELD);
    /* Too small for anything: nothing is drawn, and nothing breaks. */
    draw_heat(&g, 0, 3, rec, &h, &look);
    grid_clear(&g);
    heat_clear(&h);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_has_its_place_in_the_second),
        cmocka_unit_test(what_was_folded_is_not_known),
        cmocka_unit_test(threads_over_any_stretch),
        cmocka_unit_test(drawn_with_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
