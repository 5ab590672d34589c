/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Time screen's lines and charts: cursor, window, spikes, alerts and marks in their columns. */
#include "view_fixture.h"

#include <stdio.h>

#include "view/draw_chart.h"
#include "view/draw_time.h"

static struct recording *a_recording(void)
{
    struct recording *rec = fixture_new();
    for (int i = 0; i < 100; i++) {
        uint64_t t = START_NS + (uint64_t)i * NS_PER_S;
        recording_add_metric(rec, METRIC_CPU_PCT, t, i >= 50 && i < 54 ? 60 : 10);
        recording_add_metric(rec, METRIC_RSS, t, 100 << 20);
    }
    recording_add_mark(rec, START_NS + 20 * NS_PER_S, MARK_NOTE, "a note");
    return rec;
}

static char *row_text(const struct grid *g, int row)
{
    static char text[1024];
    grid_text(g, row, text, sizeof text);
    return text;
}

/* The columns of a row that have a style, as in "38-40". */
static const char *styled(const struct grid *g, int row, int from, enum style style)
{
    static char text[32];
    int first = -1, last = -1;
    for (int x = from; x < g->columns; x++)
        if (grid_at(g, row, x)->style == style) {
            first = first < 0 ? x : first;
            last = x;
        }
    snprintf(text, sizeof text, "%d-%d", first, last);
    return text;
}

static void lines_have_a_cursor_and_a_window(void **state)
{
    (void)state;
    struct recording *rec = a_recording();
    struct spikes spikes = {0};
    struct grid g;
    spikes_find(&spikes, &rec->total.series[METRIC_CPU_PCT], METRIC_CPU_PCT);
    assert_int_equal(spikes.at.n, 1);
    struct time_look look = {.all = {START_NS, START_NS + 100 * NS_PER_S},
                             .shown = spikes.at.at[0].window,
                             .selected = 1,
                             .held = true,
                             .spikes = &spikes};
    struct strip s = time_strip(146, look.all);
    assert_int_equal(s.width, 100); /* a second a column */
    grid_init(&g, 146, 8, true);
    assert_int_equal(draw_time(&g, 0, 8, rec, &look), 2);
    assert_non_null(strstr(row_text(&g, 0), "IN WINDOW"));
    assert_non_null(strstr(row_text(&g, 1), " 60.0%"));
    assert_int_equal(grid_at(&g, 1, 1)->style, STYLE_NORMAL);
    assert_int_equal(grid_at(&g, 2, 1)->style, STYLE_SELECTED);
    char want[32];
    snprintf(want, sizeof want, "%d-%d", s.at + 49, s.at + 53);
    assert_string_equal(styled(&g, 1, s.at, STYLE_HELD), want);
    assert_string_equal(styled(&g, 2, s.at, STYLE_HELD), want);
    assert_int_equal(grid_at(&g, 3, s.at + 20)->codepoint, '|');
    assert_int_equal(grid_at(&g, 3, s.at + 51)->codepoint, '^');
    assert_int_equal(grid_at(&g, 3, s.at + 60)->codepoint, '-');
    assert_int_equal(grid_at(&g, 3, s.at + 50)->codepoint, '=');
    /* Changes of the rate are small, and give way to all else. */
    const int seconds[] = {20, 50, 51, 60};
    for (size_t i = 0; i < 4; i++)
        recording_add_mark(rec, START_NS + (uint64_t)seconds[i] * NS_PER_S, MARK_RATE, "20 Hz");
    grid_erase(&g);
    draw_time(&g, 0, 8, rec, &look);
    assert_int_equal(grid_at(&g, 3, s.at + 20)->codepoint, '|');
    assert_int_equal(grid_at(&g, 3, s.at + 50)->codepoint, '.');
    assert_int_equal(grid_at(&g, 3, s.at + 50)->style, STYLE_HELD);
    assert_int_equal(grid_at(&g, 3, s.at + 51)->codepoint, '^');
    assert_int_equal(grid_at(&g, 3, s.at + 60)->codepoint, '.');
    assert_int_equal(grid_at(&g, 3, s.at + 60)->style, STYLE_GREY);
    /* Nothing held: the figure is the newest, and no cell is marked. */
    look.held = false;
    look.shown = look.all;
    grid_erase(&g);
    draw_time(&g, 0, 8, rec, &look);
    assert_non_null(strstr(row_text(&g, 1), " 10.0%"));
    assert_string_equal(styled(&g, 1, s.at, STYLE_HELD), "-1--1");
    grid_clear(&g);
    spikes_clear(&spikes);
    recording_free(rec);
}

static void columns_and_times_agree(void **state)
{
    (void)state;
    struct strip s = {10, 73, {START_NS, START_NS + 86400 * NS_PER_S + 1}};
    for (int x = 0; x < s.width; x++) {
        uint64_t from = strip_time_ns(&s, x), to = strip_time_ns(&s, x + 1);
        assert_true(from < to);
        assert_int_equal(strip_column(&s, from + (to - from) / 2), x);
    }
    assert_int_equal(strip_time_ns(&s, -3), s.all.from_ns);
    assert_int_equal(strip_time_ns(&s, 99), s.all.to_ns);
    assert_int_equal(strip_column(&s, START_NS - 1), -1);
}

static void a_chart_has_its_scale_and_its_window(void **state)
{
    (void)state;
    struct recording *rec = a_recording();
    struct grid g;
    struct strip s = chart_strip(109, (struct window){START_NS, START_NS + 100 * NS_PER_S});
    const struct chart_of of = {1, {METRIC_CPU_PCT}};
    const struct chart_look look = {.held = {START_NS + 30 * NS_PER_S, START_NS + 33 * NS_PER_S}};
    grid_init(&g, 109, 10, true);
    draw_chart(&g, 0, 10, rec, &of, &s, &look);
    assert_non_null(strstr(row_text(&g, 0), "100.0%"));
    assert_int_equal(grid_at(&g, 4, s.at + 51)->codepoint, '#'); /* the burst to 60 % */
    assert_int_equal(grid_at(&g, 4, s.at + 60)->codepoint, ' ');
    assert_int_equal(grid_at(&g, 9, s.at + 60)->codepoint, '#');
    char want[32];
    snprintf(want, sizeof want, "%d-%d", s.at + strip_column(&s, look.held.from_ns),
             s.at + strip_column(&s, look.held.to_ns - 1));
    assert_string_equal(styled(&g, 2, s.at, STYLE_HELD), want);
    grid_clear(&g);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_a_cursor_and_a_window),
        cmocka_unit_test(columns_and_times_agree),
        cmocka_unit_test(a_chart_has_its_scale_and_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
