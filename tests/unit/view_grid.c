/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Grids: what stands in which cell, cut texts, wide characters, hostile bytes, clipping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "view/draw_figure.h"
#include "view/grid.h"

static const char *row_text(const struct grid *g, int row)
{
    static char text[1024];
    grid_text(g, row, text, sizeof text);
    return text;
}

static void texts_are_cut_with_a_sign(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 10, 3, false);
    assert_int_equal(grid_put(&g, 0, 0, 10, STYLE_NORMAL, "0123456789"), 10);
    assert_string_equal(row_text(&g, 0), "0123456789");
    assert_int_equal(grid_put(&g, 0, 0, 10, STYLE_NORMAL, "0123456789a"), 10);
    assert_string_equal(row_text(&g, 0), "012345678…");
    assert_int_equal(grid_put_tail(&g, 1, 0, 8, STYLE_NORMAL, "/usr/lib/python3/os.py"), 8);
    assert_string_equal(row_text(&g, 1), "…3/os.py");
    grid_put_right(&g, 2, 0, 6, STYLE_NORMAL, "41.8");
    assert_string_equal(row_text(&g, 2), "  41.8");
    grid_put_right(&g, 2, 0, 3, STYLE_NORMAL, "41.8");
    assert_string_equal(row_text(&g, 2), "41…1.8");
    grid_clear(&g);
}

static void ascii_grids_hold_only_ascii(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 8, 1, true);
    grid_put(&g, 0, 0, 8, STYLE_NORMAL, "grüße… →x and more");
    assert_string_equal(row_text(&g, 0), "gr??e~ ~");
    grid_clear(&g);
}

static void wide_characters_take_two_cells(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 5, 1, false);
    assert_int_equal(text_columns("日本"), 4);
    grid_put(&g, 0, 0, 5, STYLE_NORMAL, "日本語");
    assert_string_equal(row_text(&g, 0), "日本…");
    assert_int_equal(grid_at(&g, 0, 0)->width, 2);
    assert_int_equal(grid_at(&g, 0, 1)->width, 0);
    /* Overwriting one half leaves no half. */
    grid_char(&g, 0, 1, STYLE_NORMAL, 'x');
    assert_string_equal(row_text(&g, 0), " x本…");
    grid_char(&g, 0, 2, STYLE_NORMAL, 'y');
    assert_string_equal(row_text(&g, 0), " xy …");
    /* None hangs over the edge. */
    grid_erase(&g);
    grid_put(&g, 0, 4, 5, STYLE_NORMAL, "日");
    assert_int_equal(grid_at(&g, 0, 4)->width, 1);
    grid_clear(&g);
}

static void hostile_bytes_are_harmless(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 12, 1, false);
    grid_put(&g, 0, 0, 12, STYLE_NORMAL, "a\033[2Jb\x80\xff\xc3");
    assert_string_equal(row_text(&g, 0), "a?[2Jb???");
    grid_erase(&g);
    grid_put(&g, 0, 0, 12, STYLE_NORMAL, "e\u0301x\u202ey\xc2\x85z");
    assert_string_equal(row_text(&g, 0), "exy?z");
    /* An overlong slash, a surrogate, a sequence that ends early. */
    grid_erase(&g);
    grid_put(&g, 0, 0, 12, STYLE_NORMAL, "\xe0\x80\xaf|\xed\xa0\x80|\xf0\x9f\x98");
    assert_null(strchr(row_text(&g, 0), '/'));
    grid_clear(&g);
}

static void drawing_outside_is_harmless(void **state)
{
    (void)state;
    struct grid g;
    grid_init(&g, 4, 2, false);
    grid_put(&g, -1, 0, 4, STYLE_NORMAL, "x");
    grid_put(&g, 2, 0, 4, STYLE_NORMAL, "x");
    grid_put(&g, 0, 2, 100, STYLE_NORMAL, "abcdef");
    grid_put(&g, 1, -2, 100, STYLE_NORMAL, "abcdef");
    grid_fill(&g, 0, 3, 100, STYLE_SELECTED);
    grid_restyle(&g, 1, -5, 100, STYLE_MATCH);
    grid_link(&g, 1, -5, 100, 7);
    assert_string_equal(row_text(&g, 0), "  a");
    assert_string_equal(row_text(&g, 1), "cdef");
    assert_int_equal(grid_at(&g, 0, 3)->style, STYLE_SELECTED);
    assert_int_equal(grid_at(&g, 1, 0)->style, STYLE_MATCH);
    assert_int_equal(grid_at(&g, 1, 3)->link, 7);
    assert_null(grid_at(&g, 0, 4));
    grid_clear(&g);
}

static void meters_and_sparklines(void **state)
{
    (void)state;
    struct grid g;
    float values[] = {NAN, 0, 1, 50, 100, 150};
    grid_init(&g, 12, 1, false);
    draw_meter(&g, 0, 0, 12, 0.5, "50%", STYLE_BAR);
    assert_string_equal(row_text(&g, 0), "[|||||  50%]");
    draw_meter(&g, 0, 0, 12, 7, "700%", STYLE_BAR);
    assert_string_equal(row_text(&g, 0), "[||||||700%]");
    draw_meter(&g, 0, 0, 12, NAN, "-", STYLE_BAR);
    assert_string_equal(row_text(&g, 0), "[         -]");
    grid_erase(&g);
    draw_sparkline(&g, 0, 0, values, 6, 100, STYLE_SPARK);
    assert_string_equal(row_text(&g, 0), " ▁▁▄██");
    g.ascii = true;
    draw_sparkline(&g, 0, 0, values, 6, 100, STYLE_SPARK);
    assert_string_equal(row_text(&g, 0), " __:##");
    grid_clear(&g);
}

static void scales_are_round(void **state)
{
    (void)state;
    assert_float_equal(scale_top(0, false), 1, 1e-9);
    assert_float_equal(scale_top(1, false), 1, 1e-9);
    assert_float_equal(scale_top(3.2, false), 5, 1e-9);
    assert_float_equal(scale_top(51, false), 100, 1e-9);
    assert_float_equal(scale_top(0.011, false), 0.02, 1e-9);
    assert_float_equal(scale_top(1000, true), 1024, 1e-9);
    assert_float_equal(scale_top(1024, true), 1024, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_cut_with_a_sign),
        cmocka_unit_test(ascii_grids_hold_only_ascii),
        cmocka_unit_test(wide_characters_take_two_cells),
        cmocka_unit_test(hostile_bytes_are_harmless),
        cmocka_unit_test(drawing_outside_is_harmless),
        cmocka_unit_test(meters_and_sparklines),
        cmocka_unit_test(scales_are_round),
    };
    return cmocka_run_group_tests_name("view_grid", tests, NULL, NULL);
}
