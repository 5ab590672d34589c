/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawing: the exact text of tables, tabs, header and function bar, and orders that hold still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "view/draw_frame.h"
#include "view/draw_header.h"
#include "view/draw_table.h"
#include "view/order.h"

static const char *row_text(const struct grid *g, int row)
{
    static char text[1024];
    grid_text(g, row, text, sizeof text);
    return text;
}

static const struct column columns[] = {
    {"self_pct", "SELF%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    {"total_pct", "TOTAL%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    {"name", "FUNCTION", FORMAT_TEXT, 10, 80, COLUMN_BOTH, false},
    {"place", "FILE:LINE", FORMAT_PATH, 10, 80, COLUMN_BOTH, false},
    {"module", "MODULE", FORMAT_TEXT, 8, 120, COLUMN_BOTH, false},
};
static const struct view view = {
    .name = "t", .columns = columns, .n_columns = 5, .sort = "self_pct", .empty = "Nothing."};

static void add(struct table *t, uint64_t key, double self, const char *name, enum row_role role)
{
    struct row *r = table_add_row(t);
    r->key = key;
    r->role = role;
    table_set_number(t, 0, self);
    table_set_number(t, 1, self + 1);
    table_set_text(t, 2, name);
    table_set_text(t, 3, "dir/a.py:1");
}

static void tables_have_fixed_columns(void **state)
{
    (void)state;
    struct grid g;
    struct table t = {0};
    struct table_look look = {.selected = 1, .sort = "self_pct", .match = "ALP"};
    grid_init(&g, 44, 5, false);
    table_begin(&t, &view);
    add(&t, 1, 41.8, "alpha", ROW_PLAIN);
    add(&t, 2, 5.25, "a_function_that_is_long", ROW_PLAIN);
    add(&t, 3, 100, "idle", ROW_IDLE);
    draw_table(&g, 0, 0, 44, 5, &t, &look);
    assert_string_equal(row_text(&g, 0), "  SELF%▾ TOTAL%  FUNCTION       FILE:LINE");
    assert_string_equal(row_text(&g, 1), "   41.8    42.8  alpha          dir/a.py:1");
    assert_string_equal(row_text(&g, 2), "    5.2     6.2  a_function_t…  dir/a.py:1");
    assert_int_equal(grid_at(&g, 2, 0)->style, STYLE_SELECTED);
    assert_int_equal(grid_at(&g, 3, 0)->style, STYLE_GREY);
    assert_int_equal(grid_at(&g, 1, 17)->style, STYLE_MATCH);
    assert_int_equal(grid_at(&g, 1, 20)->style, STYLE_NORMAL);
    assert_int_equal(grid_at(&g, 2, 5)->link, LINK_ROW + 1);
    assert_int_equal(grid_at(&g, 0, 10)->link, LINK_COLUMN + 1);
    /* Scrolled. */
    look.top = 2;
    grid_erase(&g);
    draw_table(&g, 0, 0, 44, 5, &t, &look);
    assert_string_equal(row_text(&g, 1), "  100.0   101.0  idle           dir/a.py:1");
    assert_string_equal(row_text(&g, 2), "");
    /* Too narrow for all columns: some go, and a sign says so. */
    look.top = 0;
    grid_erase(&g);
    draw_table(&g, 0, 0, 24, 5, &t, &look);
    assert_string_equal(row_text(&g, 0), "  SELF%▾ FUNCTION      …");
    /* No rows. */
    table_begin(&t, &view);
    grid_erase(&g);
    draw_table(&g, 0, 0, 44, 5, &t, &look);
    assert_string_equal(row_text(&g, 1), " Nothing.");
    grid_clear(&g);
    table_clear(&t);
}

static void trees_are_indented_and_keep_the_name_in_sight(void **state)
{
    (void)state;
    struct grid g;
    struct table t = {0};
    struct table_look look = {.selected = SIZE_MAX};
    grid_init(&g, 44, 5, false);
    table_begin(&t, &view);
    add(&t, 1, 10, "root", ROW_PLAIN);
    t.rows.at[0].has_children = true;
    add(&t, 2, 9, "folded", ROW_PLAIN);
    t.rows.at[1].has_children = t.rows.at[1].folded = true;
    t.rows.at[1].depth = 1;
    add(&t, 3, 8, "deep", ROW_PLAIN);
    t.rows.at[2].depth = 900;
    draw_table(&g, 0, 0, 44, 5, &t, &look);
    assert_string_equal(row_text(&g, 1), "   10.0    11.0  - root         dir/a.py:1");
    assert_string_equal(row_text(&g, 2), "    9.0    10.0   + folded      dir/a.py:1");
    assert_non_null(strstr(row_text(&g, 3), "deep"));
    grid_clear(&g);
    table_clear(&t);
}

/* Fills a table with rows of these values (keys 1, 2, ...) in the order of the values. */
static void fill(struct table *t, const double *values, size_t n)
{
    table_begin(t, &view);
    for (size_t i = 0; i < n; i++)
        add(t, i + 1, values[i], "f", ROW_PLAIN);
    table_sort(t, "self_pct", false);
}

static void rows_within_the_noise_do_not_swap(void **state)
{
    (void)state;
    struct order o = {0};
    struct table t = {0};
    fill(&t, (const double[]){30, 20, 10}, 3);
    order_apply(&o, &t, 0, true, 10000, NS_PER_S);
    /* 2 passes 1 by less than the noise of 10,000 samples (0.7 points): they stay. */
    fill(&t, (const double[]){25, 25.3, 10}, 3);
    order_apply(&o, &t, 0, true, 10000, 2 * NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 1);
    assert_int_equal(t.rows.at[1].key, 2);
    assert_float_equal(table_cell(&t, 0, 0)->number, 25, 1e-9);
    assert_int_equal(order_move(&o, 2, 2 * NS_PER_S), 0);
    /* By more: they swap, and both are marked, for a while. */
    fill(&t, (const double[]){25, 27, 10}, 3);
    order_apply(&o, &t, 0, true, 10000, 3 * NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 2);
    assert_int_equal(order_move(&o, 2, 3 * NS_PER_S), 1);
    assert_int_equal(order_move(&o, 1, 3 * NS_PER_S), -1);
    assert_int_equal(order_move(&o, 3, 3 * NS_PER_S), 0);
    assert_int_equal(order_move(&o, 2, 9 * NS_PER_S), 0);
    /* A new row comes in where its value puts it. */
    fill(&t, (const double[]){25, 27, 10, 26}, 4);
    order_apply(&o, &t, 0, true, 10000, 4 * NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 2);
    assert_int_equal(t.rows.at[1].key, 4);
    assert_int_equal(order_move(&o, 4, 4 * NS_PER_S), 0);
    order_clear(&o);
    table_clear(&t);
}

/* A burst's window, after the whole: its rows have not passed anybody. */
static void another_window_is_another_order(void **state)
{
    (void)state;
    struct order o = {0};
    struct table t = {0};
    fill(&t, (const double[]){25, 10}, 2);
    order_begin(&o, 1);
    order_apply(&o, &t, 0, true, 1000, NS_PER_S);
    fill(&t, (const double[]){24.8, 25}, 2);
    order_begin(&o, 1);
    order_apply(&o, &t, 0, true, 1000, 2 * NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 1);
    fill(&t, (const double[]){24.8, 25}, 2);
    order_begin(&o, 2);
    order_apply(&o, &t, 0, true, 1000, 3 * NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 2);
    assert_int_equal(order_move(&o, 2, 3 * NS_PER_S), 0);
    order_clear(&o);
    table_clear(&t);
}

static void another_column_is_another_order(void **state)
{
    (void)state;
    struct order o = {0};
    struct table t = {0};
    fill(&t, (const double[]){25, 25.1}, 2);
    order_apply(&o, &t, 0, true, 1000, NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 2);
    table_sort(&t, "self_pct", true);
    order_apply(&o, &t, 0, false, 1000, NS_PER_S);
    assert_int_equal(t.rows.at[0].key, 1);
    order_clear(&o);
    table_clear(&t);
}

static void tabs_do_not_move(void **state)
{
    (void)state;
    static const struct label tabs[] = {{"1", "Hot"}, {"2", "Lines"}, {"3", "Tree"}};
    struct grid g;
    grid_init(&g, 40, 1, false);
    draw_tabs(&g, 0, tabs, 3, 0, "1-5 of 9");
    assert_string_equal(row_text(&g, 0), "[1 Hot]2 Lines 3 Tree           1-5 of 9");
    grid_erase(&g);
    draw_tabs(&g, 0, tabs, 3, 1, "");
    assert_string_equal(row_text(&g, 0), " 1 Hot[2 Lines]3 Tree");
    assert_int_equal(grid_at(&g, 0, 8)->link, LINK_TAB + 1);
    grid_clear(&g);
    grid_init(&g, 12, 1, false);
    draw_tabs(&g, 0, tabs, 3, 0, "");
    assert_string_equal(row_text(&g, 0), "[1 Hot]…");
    grid_clear(&g);
    /* The one that is shown always stands there. */
    grid_init(&g, 18, 1, false);
    draw_tabs(&g, 0, tabs, 3, 2, "");
    assert_string_equal(row_text(&g, 0), " 1 Hot …[3 Tree]");
    assert_int_equal(grid_at(&g, 0, 10)->link, LINK_TAB + 2);
    grid_clear(&g);
    for (int width = 12; width < 30; width++) {
        grid_init(&g, width, 1, false);
        draw_tabs(&g, 0, tabs, 3, 2, "");
        assert_non_null(strstr(row_text(&g, 0), "[3 Tree]"));
        grid_clear(&g);
    }
}

static void the_function_bar_fits_80_columns(void **state)
{
    (void)state;
    static const struct label bar[] = {
        {"F1", "Help"}, {"F2", "Setup"},  {"F3", "Search"},  {"F4", "Filter"}, {"F5", "Tree"},
        {"F6", "Sort"}, {"F7", "Window"}, {"F8", "Compare"}, {"F9", "Snap"},   {"F10", "Quit"}};
    struct grid g;
    grid_init(&g, 80, 1, false);
    draw_bar_line(&g, 0, bar, 10);
    assert_string_equal(row_text(&g, 0), "F1Help F2Setup F3Search F4Filter F5Tree F6Sort "
                                         "F7Window F8Compare F9Snap F10Quit");
    grid_clear(&g);
    grid_init(&g, 30, 1, false);
    draw_bar_line(&g, 0, bar, 10);
    assert_string_equal(row_text(&g, 0), "F1Help F2Set… F3Sea… F4Fil…  …");
    grid_clear(&g);
}

static void prompts_show_the_end_of_what_is_typed(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 20, 1, false);
    assert_int_equal(draw_prompt(&g, 0, "Search:", "abc"), 11);
    assert_string_equal(row_text(&g, 0), "Search: abc");
    assert_int_equal(draw_prompt(&g, 0, "Search:", "abcdefghijklmnop"), 19);
    assert_string_equal(row_text(&g, 0), "Search: …ghijklmnop");
    grid_clear(&g);
}

static struct recording *a_recording(void)
{
    struct recording *rec = recording_new(NS_PER_S, 0);
    struct incarnation in = {
        .pid = 48211,
        .comm = dictionary_string(&rec->words, "python3"),
        .cmdline = dictionary_string(&rec->words, "/usr/bin/python3 -X dev -u /srv/checkout.py -v"),
        .runtime = dictionary_string(&rec->words, "python 3.11.2"),
        .from_ns = NS_PER_S,
    };
    recording_add_incarnation(rec, in);
    rec->cpus_allowed = 2;
    rec->memory_limit = 1932735283;
    for (int i = 1; i <= 193; i++) {
        uint64_t t = (uint64_t)i * NS_PER_S;
        recording_add_metric(rec, METRIC_CPU_PCT, t, 31);
        recording_add_metric(rec, METRIC_CPU_USER, t, 0.56);
        recording_add_metric(rec, METRIC_CPU_SYSTEM, t, 0.06);
        recording_add_metric(rec, METRIC_MEMORY_PCT, t, 44);
        recording_add_metric(rec, METRIC_RSS, t, 851443712.0);
        recording_add_metric(rec, METRIC_THREADS, t, 8);
    }
    return rec;
}

static void the_header_has_its_shape(void **state)
{
    (void)state;
    struct recording *rec = a_recording();
    struct grid g;
    struct header h = {.rec = rec,
                       .state = "LIVE",
                       .at_ns = 193 * NS_PER_S,
                       .spark = {173 * NS_PER_S, 193 * NS_PER_S + 1},
                       .memory_top = 1073741824.0};
    grid_init(&g, 80, 3, true);
    draw_header(&g, 0, &h);
    assert_string_equal(row_text(&g, 0), "proftop  checkout.py  48211  python 3.11.2  8 threads"
                                         "               LIVE   3m12s");
    assert_string_equal(row_text(&g, 1), "CPU [||||||||               31%]  ------------------  "
                                         "0.62 of 2 cores, sys 3%");
    assert_string_equal(row_text(&g, 2), "MEM [|||||||||||            44%]  ******************  "
                                         "812M of 1.8G, 0/s");
    /* The state keeps its place; a long name gives way with a sign. */
    h.state = "FILE a-very-long-name-of-a-snapshot.ptop";
    draw_header(&g, 0, &h);
    assert_int_equal(text_columns(row_text(&g, 0)), 80);
    assert_non_null(strstr(row_text(&g, 0), "~"));
    grid_clear(&g);
    recording_free(rec);
}

/* A window of the past: its columns in brackets, the whole first line in its colour. */
static void the_header_shows_the_past(void **state)
{
    (void)state;
    struct recording *rec = a_recording();
    struct grid g;
    struct header h = {.rec = rec,
                       .state = "WINDOW 12:00:00 +4.0s",
                       .state_style = STYLE_HELD,
                       .at_ns = 185 * NS_PER_S,
                       .spark = {175 * NS_PER_S, 193 * NS_PER_S},
                       .held = {181 * NS_PER_S, 185 * NS_PER_S},
                       .ago_ns = 8 * NS_PER_S,
                       .memory_top = 1073741824.0};
    grid_init(&g, 80, 3, true);
    draw_header(&g, 0, &h);
    assert_non_null(strstr(row_text(&g, 0), "WINDOW 12:00:00 +4.0s  8.0s ago"));
    for (int x = 0; x < 80; x++)
        assert_int_equal(grid_at(&g, 0, x)->style, STYLE_HELD);
    assert_non_null(strstr(row_text(&g, 1), "  -----[----]-------  "));
    assert_non_null(strstr(row_text(&g, 2), "  *****[****]*******  "));
    assert_int_equal(grid_at(&g, 1, 34)->style, STYLE_GREY);
    assert_int_equal(grid_at(&g, 1, 34 + 6)->style, STYLE_HELD);
    /* At the ends there is no bracket, and off them no mark. */
    h.held = (struct window){175 * NS_PER_S, 193 * NS_PER_S};
    grid_erase(&g);
    draw_header(&g, 0, &h);
    assert_non_null(strstr(row_text(&g, 1), "  ------------------  "));
    assert_int_equal(grid_at(&g, 1, 34)->style, STYLE_HELD);
    h.held = (struct window){170 * NS_PER_S, 171 * NS_PER_S};
    grid_erase(&g);
    draw_header(&g, 0, &h);
    assert_non_null(strstr(row_text(&g, 1), "  ------------------  "));
    assert_int_equal(grid_at(&g, 1, 34)->style, STYLE_SPARK);
    grid_clear(&g);
    recording_free(rec);
}

static char letter(const char *v)
{
    return strcmp(v, "alerts") == 0 ? 'a' : '\0';
}

static void verdicts_are_two_lines_at_most(void **state)
{
    (void)state;
    struct recording *rec = recording_new(NS_PER_S, 0);
    struct table none = {0};
    struct grid g;
    grid_init(&g, 60, 3, true);
    draw_verdicts(&g, 0, rec, &none, "", letter);
    assert_string_equal(row_text(&g, 0), "  nothing stands out");
    for (size_t i = 0; i < rec->rules.n; i++) {
        rec->alert_states.at[i].severity = SEVERITY_WARNING;
        rec->alert_states.at[i].value = 85;
    }
    rec->alert_states.at[rec->rules.n - 1].severity = SEVERITY_CRITICAL;
    grid_erase(&g);
    draw_verdicts(&g, 0, rec, &none, "it idles", letter);
    assert_int_equal(grid_at(&g, 0, 0)->style, STYLE_CRITICAL);
    assert_int_equal(grid_at(&g, 1, 0)->style, STYLE_WARNING);
    assert_int_equal(grid_at(&g, 0, 59)->codepoint, 'a');
    assert_int_equal(grid_at(&g, 0, 20)->link, LINK_LETTER + 'a');
    assert_string_equal(row_text(&g, 2), "");
    grid_clear(&g);
    recording_free(rec);
}

/* The summary has a row for it too, which must not take the second line. */
static void a_raised_alert_is_said_once(void **state)
{
    (void)state;
    struct recording *rec = recording_new(NS_PER_S, 0);
    for (uint64_t t = 1; t < 10; t++)
        recording_add_metric(rec, METRIC_CPU_PCT, t * NS_PER_S, 90);
    assert_int_equal(rec->alert_states.at[0].severity, SEVERITY_WARNING);
    struct table summary = {0};
    struct query q = {.rec = rec, .window = window_all(rec)};
    table_fill(&summary, view_by_name("summary"), &q);
    assert_true(summary.rows.n > 0);
    struct grid g;
    grid_init(&g, 60, 3, true);
    draw_verdicts(&g, 0, rec, &summary, "", letter);
    assert_non_null(strstr(row_text(&g, 0), "CPU stands at"));
    assert_null(strstr(row_text(&g, 1), "CPU stands at"));
    grid_clear(&g);
    table_clear(&summary);
    recording_free(rec);
}

/* What is wrong, and the remedy, stand at the end of what is said of a long path. */
static void a_long_message_takes_the_rows_that_it_needs(void **state)
{
    (void)state;
    struct recording *rec = recording_new(NS_PER_S, 0);
    struct grid g;
    struct status s = {.rec = rec, .message = "saved a.ptop", .style = STYLE_NOTICE};
    grid_init(&g, 40, 6, true);
    for (int row = 0; row < 6; row++)
        grid_put(&g, row, 0, 40, STYLE_NORMAL, "a row of the list");
    draw_status(&g, 4, &s);
    assert_string_equal(row_text(&g, 4), "saved a.ptop           0 samples  0 lost");
    assert_string_equal(row_text(&g, 3), "a row of the list");
    s.message = "cannot write /var/lib/proftop/x-20261130-120928.ptop: the disk is full; make room";
    draw_status(&g, 4, &s);
    assert_string_equal(row_text(&g, 1), "a row of the list");
    assert_string_equal(row_text(&g, 2), "cannot write");
    assert_string_equal(row_text(&g, 3), "/var/lib/proftop/x-20261130-120928.ptop:");
    assert_string_equal(row_text(&g, 4), "the disk is full; make room");
    assert_string_equal(row_text(&g, 5), "a row of the list");
    s.message = "a word that is longer than its row:"
                "0123456789012345678901234567890123456789"
                "0123456789012345678901234567890123456789"
                "0123456789012345678901234567890123456789";
    draw_status(&g, 4, &s);
    assert_string_equal(row_text(&g, 1), "a row of the list");
    assert_int_equal(grid_at(&g, 4, 39)->codepoint, '~');
    grid_clear(&g);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_have_fixed_columns),
        cmocka_unit_test(trees_are_indented_and_keep_the_name_in_sight),
        cmocka_unit_test(rows_within_the_noise_do_not_swap),
        cmocka_unit_test(another_window_is_another_order),
        cmocka_unit_test(another_column_is_another_order),
        cmocka_unit_test(tabs_do_not_move),
        cmocka_unit_test(the_function_bar_fits_80_columns),
        cmocka_unit_test(prompts_show_the_end_of_what_is_typed),
        cmocka_unit_test(the_header_has_its_shape),
        cmocka_unit_test(the_header_shows_the_past),
        cmocka_unit_test(verdicts_are_two_lines_at_most),
        cmocka_unit_test(a_raised_alert_is_said_once),
        cmocka_unit_test(a_long_message_takes_the_rows_that_it_needs),
    };
    return cmocka_run_group_tests_name("view_draw", tests, NULL, NULL);
}
