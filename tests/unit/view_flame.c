/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flame graph: boxes that add up, zoom, search, what is merged, deep stacks, hostile names, and
 * how all that is drawn with colours and without. */
#include "view_fixture.h"

#include <stdio.h>

#include "view/draw_flame.h"
#include "view/draw_table.h"

/*
 * Twenty seconds, of which 5 s are idle:
 *   main > handle > parse       6 s on the CPU
 *   main > handle               1 s on the CPU
 *   main > query                3 s waiting for a read
 *   work > copy                 4 s on the CPU, native
 *   work > tiny0 ... tiny9      0.1 s each
 *   work                        5 s waiting for an accept (idle)
 */
struct known {
    struct recording *rec;
    struct flame f;
    struct flame_path zoom;
};

static struct known known_new(void)
{
    struct known k = {.rec = fixture_new()};
    struct recording *rec = k.rec;
    struct thread_id a = fixture_thread(rec, 1, "a"), b = fixture_thread(rec, 2, "b");
    struct stack_id none = {0};
    struct stack_id root = fixture_call(rec, none, fixture_function(rec, "main", "/s/a.py", 1), 9);
    struct function_id handle = fixture_function(rec, "Shop.handle", "/s/a.py", 20);
    struct stack_id in = fixture_call(rec, root, handle, 21);
    struct function_id parse = fixture_function(rec, "parse", "/s/a.py", 30);
    struct function_id query = fixture_function(rec, "query", "/s/db.py", 40);
    fixture_run(rec, a, fixture_call(rec, in, parse, 31), STATE_RUNNING, WAIT_NONE, 0, 6);
    fixture_run(rec, a, in, STATE_RUNNING, WAIT_NONE, 6, 1);
    fixture_run(rec, a, fixture_call(rec, root, query, 41), STATE_WAITING, WAIT_READ, 7, 3);
    struct place work = {fixture_native(rec, "work", "/s/lib.so", "/s/lib.c", 0), 3};
    struct place copy = {fixture_native(rec, "copy", "/s/lib.so", "/s/lib.c", 7), 8};
    struct stack_id in_work = fixture_call_native(rec, none, &work, 1);
    struct stack_id in_copy = fixture_call_native(rec, in_work, &copy, 1);
    fixture_run(rec, b, in_copy, STATE_RUNNING, WAIT_NONE, 0, 4);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "tiny%d", i);
        struct stack_id tiny =
            fixture_call(rec, in_work, fixture_function(rec, name, "/s/t.py", 1), 1);
        fixture_run(rec, b, tiny, STATE_RUNNING, WAIT_NONE, 4 + i * 0.1, 0.1);
    }
    fixture_run(rec, b, in_work, STATE_WAITING, WAIT_ACCEPT, 5, 5);
    return k;
}

static void known_free(struct known *k)
{
    flame_clear(&k->f);
    vec_free(&k->zoom.keys);
    recording_free(k->rec);
}

static void fill(struct known *k, int columns, const char *search)
{
    struct query q = fixture_query(k->rec);
    struct flame_ask ask = {.columns = columns, .zoom = &k->zoom, .search = search};
    flame_fill(&k->f, &q, &ask);
}

static uint32_t find(const struct flame *f, const char *name)
{
    for (uint32_t i = 0; i < f->boxes.n; i++)
        if (strcmp(flame_text(f, f->boxes.at[i].name), name) == 0)
            return i;
    fail_msg("no box %s", name);
    return 0;
}

static uint32_t find_merged(const struct flame *f, uint32_t parent)
{
    for (uint32_t i = 0; i < f->boxes.n; i++)
        if (f->boxes.at[i].merged && f->boxes.at[i].parent == parent)
            return i;
    return FLAME_NONE;
}

static void check_box(const struct flame *f, const char *name, int row, int column, int width,
                      double total_s)
{
    const struct flame_box *box = &f->boxes.at[find(f, name)];
    assert_int_equal(box->row, row);
    assert_int_equal(box->column, column);
    assert_int_equal(box->width, width);
    assert_int_equal((box->total_ns + NS_PER_MS / 2) / NS_PER_MS, (int)(total_s * 1000 + 0.5));
}

/* What flame.h promises of any picture. */
static void check_invariants(const struct flame *f, int columns)
{
    for (uint32_t i = 0; i < f->boxes.n; i++) {
        const struct flame_box *box = &f->boxes.at[i];
        assert_true(box->width >= 1 && box->column >= 0 && box->column + box->width <= columns);
        assert_true(box->wait_ns <= box->total_ns && box->self_ns <= box->total_ns);
        if (i && f->boxes.at[i - 1].row == box->row) {
            const struct flame_box *left = &f->boxes.at[i - 1];
            assert_true(left->column + left->width <= box->column);
        } else if (i) {
            assert_int_equal(box->row, f->boxes.at[i - 1].row + 1);
        }
        uint64_t below_ns = 0;
        for (uint32_t k = box->first_child; k < box->first_child + box->n_children; k++) {
            const struct flame_box *child = &f->boxes.at[k];
            assert_int_equal(child->parent, i);
            assert_true(child->column >= box->column);
            assert_true(child->column + child->width <= box->column + box->width);
            below_ns += child->total_ns;
        }
        /* Above the zoom, siblings are left out; else nothing is. */
        bool above_zoom = false;
        for (uint32_t z = f->zoom; z != 0; z = f->boxes.at[z].parent)
            above_zoom |= f->boxes.at[z].parent == i;
        if (!above_zoom && !box->merged && i)
            assert_int_equal(box->self_ns + below_ns, box->total_ns);
    }
}

static void boxes_add_up(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, NULL); /* 4 columns a second */
    check_invariants(&k.f, 60);
    assert_int_equal(k.f.rows, 4);
    check_box(&k.f, "all", 0, 0, 60, 15);
    check_box(&k.f, "main", 1, 0, 40, 10);
    check_box(&k.f, "work", 1, 40, 20, 5);
    check_box(&k.f, "Shop.handle", 2, 0, 28, 7);
    check_box(&k.f, "query", 2, 28, 12, 3);
    check_box(&k.f, "copy", 2, 40, 16, 4);
    check_box(&k.f, "parse", 3, 0, 24, 6);
    const struct flame_box *main = &k.f.boxes.at[find(&k.f, "main")];
    assert_int_equal(main->wait_ns, 3 * NS_PER_S);
    assert_int_equal(main->self_ns, 0);
    assert_string_equal(flame_text(&k.f, main->place), "/s/a.py:1");
    assert_int_equal(k.f.whole_ns, 15 * NS_PER_S);
    assert_true(k.f.idle_pct > 24.9 && k.f.idle_pct < 25.1);
    /* Of one state. */
    struct query q = fixture_query(k.rec);
    q.filter.states = STATES_WAIT;
    flame_fill(&k.f, &q, &(struct flame_ask){.columns = 60});
    check_box(&k.f, "query", 2, 0, 60, 3);
    assert_int_equal(k.f.boxes.n, 3);
    known_free(&k);
}

static void any_width_adds_up(void **state)
{
    (void)state;
    struct known k = known_new();
    for (int columns = 1; columns < 400; columns++) {
        fill(&k, columns, "tiny");
        check_invariants(&k.f, columns);
        assert_int_equal(k.f.match_ns, NS_PER_S);
    }
    known_free(&k);
}

static void narrow_ones_are_merged(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, NULL);
    uint32_t work = find(&k.f, "work"), merged = find_merged(&k.f, work);
    assert_int_not_equal(merged, FLAME_NONE);
    const struct flame_box *box = &k.f.boxes.at[merged];
    assert_int_equal(box->merged, 10);
    assert_int_equal(box->width, 4);
    assert_int_equal(box->total_ns, NS_PER_S);
    assert_non_null(strstr(flame_text(&k.f, box->name), "10 boxes too narrow to draw: tiny0"));
    /* Even where all are: a column, taken from the widest beside it. */
    fill(&k, 8, NULL);
    check_invariants(&k.f, 8);
    fill(&k, 600, NULL);
    assert_int_equal(find_merged(&k.f, find(&k.f, "work")), FLAME_NONE);
    check_box(&k.f, "tiny9", 2, 596, 4, 0.1);
    known_free(&k);
}

static void zoom_keeps_the_way(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, NULL);
    flame_path_to(&k.zoom, &k.f, find(&k.f, "Shop.handle"));
    assert_int_equal(k.zoom.keys.n, 2);
    fill(&k, 60, NULL);
    check_invariants(&k.f, 60);
    assert_int_equal(k.f.zoom, find(&k.f, "Shop.handle"));
    check_box(&k.f, "main", 1, 0, 60, 10); /* above, full width, its own figures */
    check_box(&k.f, "Shop.handle", 2, 0, 60, 7);
    check_box(&k.f, "parse", 3, 0, 51, 6);
    assert_int_equal(k.f.boxes.n, 4);
    assert_int_equal(flame_find(&k.f, &k.zoom), k.f.zoom);
    /* The way leads as far as it still goes. */
    vec_push(&k.zoom.keys, 12345);
    fill(&k, 60, NULL);
    assert_int_equal(k.f.zoom, find(&k.f, "Shop.handle"));
    known_free(&k);
}

static void paths_outlive_fills(void **state)
{
    (void)state;
    struct known k = known_new();
    struct flame_path path = {0};
    fill(&k, 600, NULL);
    flame_path_to(&path, &k.f, find(&k.f, "tiny3"));
    /* Drawn in a merged box; then in its own again, and other things are there too. */
    fill(&k, 60, NULL);
    assert_int_equal(flame_find(&k.f, &path), find_merged(&k.f, find(&k.f, "work")));
    struct function_id other = fixture_function(k.rec, "aaa", "/s/z.py", 1);
    fixture_run(k.rec, fixture_thread(k.rec, 3, "c"),
                fixture_call(k.rec, (struct stack_id){0}, other, 1), STATE_RUNNING, WAIT_NONE, 0,
                30);
    fill(&k, 2400, NULL);
    assert_int_equal(flame_find(&k.f, &path), find(&k.f, "tiny3"));
    vec_free(&path.keys);
    known_free(&k);
}

static void functions_are_found(void **state)
{
    (void)state;
    struct known k = known_new();
    struct flame_path path = {0};
    fill(&k, 600, NULL);
    uint64_t tiny = k.f.boxes.at[find(&k.f, "tiny7")].function_key;
    struct flame_ask ask = {.columns = 60, .function_key = tiny, .found = &path};
    struct query q = fixture_query(k.rec);
    flame_fill(&k.f, &q, &ask);
    assert_int_equal(path.keys.n, 2);
    assert_int_equal(flame_find(&k.f, &path), find_merged(&k.f, find(&k.f, "work")));
    ask.columns = 600;
    flame_fill(&k.f, &q, &ask);
    assert_int_equal(flame_find(&k.f, &path), find(&k.f, "tiny7"));
    ask.function_key = 12345; /* nowhere: the path stays */
    flame_fill(&k.f, &q, &ask);
    assert_int_equal(path.keys.n, 2);
    vec_free(&path.keys);
    known_free(&k);
}

static void arrows_move(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, NULL);
    uint32_t all = 0, main = find(&k.f, "main"), work = find(&k.f, "work");
    assert_int_equal(flame_below(&k.f, all), main);
    assert_int_equal(flame_beside(&k.f, main, 1), work);
    assert_int_equal(flame_beside(&k.f, work, 1), work);
    assert_int_equal(flame_beside(&k.f, main, -1), main);
    assert_int_equal(flame_beside(&k.f, all, -1), all);
    assert_int_equal(flame_above(&k.f, work), all);
    assert_int_equal(flame_above(&k.f, all), all);
    assert_int_equal(flame_below(&k.f, work), find(&k.f, "copy"));
    assert_int_equal(flame_below(&k.f, find(&k.f, "parse")), find(&k.f, "parse"));
    /* Cousins are neighbours in the row. */
    assert_int_equal(flame_beside(&k.f, find(&k.f, "query"), 1), find(&k.f, "copy"));
    known_free(&k);
}

static void search_says_its_share(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, "PARSE");
    assert_int_equal(k.f.match_ns, 6 * NS_PER_S);
    assert_int_equal(k.f.n_matches, 1);
    assert_true(k.f.boxes.at[find(&k.f, "parse")].match);
    assert_false(k.f.boxes.at[find(&k.f, "main")].match);
    /* By file; what stands under a match is not counted twice. */
    fill(&k, 60, "a.py");
    assert_int_equal(k.f.match_ns, 10 * NS_PER_S);
    assert_int_equal(k.f.n_matches, 3);
    /* Within what is merged. */
    fill(&k, 60, "tiny");
    assert_int_equal(k.f.match_ns, NS_PER_S);
    uint32_t merged = find_merged(&k.f, find(&k.f, "work"));
    assert_true(k.f.boxes.at[merged].match);
    assert_int_equal(flame_next_match(&k.f, 0, 1, true), merged);
    assert_int_equal(flame_next_match(&k.f, merged, -1, false), merged);
    fill(&k, 60, "nobody");
    assert_int_equal(k.f.match_ns, 0);
    assert_int_equal(flame_next_match(&k.f, 0, 1, true), FLAME_NONE);
    known_free(&k);
}

static void equal_ones_do_not_swap(void **state)
{
    (void)state;
    struct known k = {.rec = fixture_new()};
    struct thread_id a = fixture_thread(k.rec, 1, "a");
    const double seconds[] = {10, 10.4, 9.8};
    const char *const names[] = {"one", "three", "two"};
    for (int i = 0; i < 3; i++) {
        struct function_id f = fixture_function(k.rec, names[i], "/f.py", 1 + (uint32_t)i);
        fixture_run(k.rec, a, fixture_call(k.rec, (struct stack_id){0}, f, 1), STATE_RUNNING,
                    WAIT_NONE, i * 20, seconds[i]);
    }
    fill(&k, 90, NULL);
    assert_true(find(&k.f, "one") < find(&k.f, "three"));
    assert_true(find(&k.f, "three") < find(&k.f, "two"));
    known_free(&k);
}

static void deep_stacks(void **state)
{
    (void)state;
    struct known k = {.rec = fixture_new()};
    struct function_id f = fixture_function(k.rec, "f", "/f.py", 1);
    struct stack_id s = {0};
    for (int i = 0; i < 5000; i++)
        s = fixture_call(k.rec, s, f, 2);
    fixture_run(k.rec, fixture_thread(k.rec, 1, "a"), s, STATE_RUNNING, WAIT_NONE, 0, 1);
    fill(&k, 80, NULL);
    assert_int_equal(k.f.rows, 5001);
    check_invariants(&k.f, 80);
    flame_path_to(&k.zoom, &k.f, 4000);
    fill(&k, 80, NULL);
    assert_int_equal(k.f.zoom, 4000);
    /* Drawn where it has been scrolled to. */
    struct grid g;
    grid_init(&g, 80, 16, true);
    struct flame_look look = {.top = 4995, .selected = 5000, .search = ""};
    draw_flame(&g, 0, 16, &k.f, &look);
    char text[256];
    grid_text(&g, 6, text, sizeof text);
    assert_string_equal(text, ">f");
    assert_int_equal(grid_at(&g, 6, 0)->link, LINK_ROW + 5);
    grid_clear(&g);
    known_free(&k);
}

static void nothing_to_show(void **state)
{
    (void)state;
    struct known k = {.rec = fixture_new()};
    fill(&k, 80, "x");
    assert_int_equal(k.f.boxes.n, 0);
    assert_int_equal(flame_find(&k.f, &k.zoom), FLAME_NONE);
    assert_int_equal(flame_below(&k.f, 0), 0);
    assert_int_equal(flame_next_match(&k.f, 0, 1, false), FLAME_NONE);
    struct grid g;
    grid_init(&g, 80, 8, false);
    struct flame_look look = {.search = ""};
    draw_flame(&g, 0, 8, &k.f, &look);
    char text[256];
    grid_text(&g, 1, text, sizeof text);
    assert_string_equal(text, " No samples in this window.");
    grid_clear(&g);
    known_free(&k);
}

static void hostile_names(void **state)
{
    (void)state;
    struct known k = {.rec = fixture_new()};
    static char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    const char *const names[] = {"\x1b[31mred\n\t\x7f",
                                 "\xff\xfe%s%n",
                                 "",
                                 "\xe6\xbc\xa2\xe5\xad\x97",
                                 longest,
                                 "a.",
                                 "::",
                                 "std::map<a::b>::at(c::d)"};
    struct thread_id a = fixture_thread(k.rec, 1, "a");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct function_id f = fixture_function(k.rec, names[i], i % 2 ? names[i] : "", 1);
        fixture_run(k.rec, a, fixture_call(k.rec, (struct stack_id){0}, f, 1), STATE_RUNNING,
                    WAIT_NONE, (double)i, 1);
    }
    for (int columns = 1; columns < 120; columns += 7) {
        fill(&k, columns, "%s");
        check_invariants(&k.f, columns);
        for (uint32_t i = 0; i < k.f.boxes.n; i++) {
            struct grid g;
            grid_init(&g, columns, 12, i % 2);
            struct flame_look look = {.selected = i, .plain = i % 3, .search = "%s%n"};
            for (int color = 0; color < FLAME_COLORS; color++) {
                look.color = (enum flame_color)color;
                for (int height = 1; height <= 12; height++)
                    draw_flame(&g, 0, height, &k.f, &look);
            }
            for (int c = 0; c < columns * 12; c++)
                assert_true(g.cells[c].codepoint >= ' ' && g.cells[c].codepoint != 0x7f);
            grid_clear(&g);
        }
    }
    known_free(&k);
}

static void names_keep_their_end(void **state)
{
    (void)state;
    static const struct {
        const char *name, *drawn; /* in 12 columns and a blank */
    } names[] = {
        {"short", "short"},
        {"Shop.recommend", "…recommend"},
        {"Shop.recommend_products", "recommend_p…"},
        {"Shop.get.<locals>.<listcomp>", "get.<locals…"},
        {"std::map<a::b, c::d>::at(e::f)", "…at(e::f)"},
        {"node::(anonymous namespace)::Run", "…Run"},
        {"main.(*Server).handle", "…handle"},
        {"<Vec<T> as Drop>::drop", "…drop"},
        {"a_long_name::operator<", "…operator<"},
        {"libc.so.6+0x1234567890", "libc.so.6+0…"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct known k = {.rec = fixture_new()};
        struct function_id f = fixture_function(k.rec, names[i].name, "/f.py", 1);
        fixture_run(k.rec, fixture_thread(k.rec, 1, "a"),
                    fixture_call(k.rec, (struct stack_id){0}, f, 1), STATE_RUNNING, WAIT_NONE, 0,
                    1);
        fill(&k, 13, NULL);
        struct grid g;
        char text[64];
        grid_init(&g, 13, 6, false);
        draw_flame(&g, 0, 6, &k.f, &(struct flame_look){.search = ""});
        grid_text(&g, 2, text, sizeof text);
        assert_string_equal(text, names[i].drawn);
        grid_clear(&g);
        known_free(&k);
    }
}

static void expect_line(const struct grid *g, int row, const char *text)
{
    char have[1024];
    grid_text(g, row, have, sizeof have);
    assert_string_equal(have, text);
}

static void drawn_with_colours(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, NULL);
    struct grid g;
    grid_init(&g, 60, 12, false);
    struct flame_look look = {
        .selected = find(&k.f, "query"), .color = FLAME_BY_WAIT, .search = ""};
    draw_flame(&g, 0, 12, &k.f, &look);
    expect_line(&g, 1, "all");
    expect_line(&g, 2, "main                                    work");
    expect_line(&g, 3, "Shop.handle                 ▸query      copy            …");
    expect_line(&g, 4, "parse");
    expect_line(&g, 9, " query  /s/db.py:40");
    expect_line(&g, 10, " total 20.0%  self 20.0%  waiting 100.0% of its 3.0s  pyth…");
    assert_int_equal(grid_at(&g, 3, 30)->style, STYLE_SELECTED);
    assert_int_equal(grid_at(&g, 3, 5)->style, STYLE_BOX_CPU);
    assert_int_equal(grid_at(&g, 2, 5)->style, STYLE_BOX_BOTH);
    assert_int_equal(grid_at(&g, 3, 27)->style, STYLE_NORMAL); /* between two boxes */
    assert_int_equal(grid_at(&g, 4, 27)->style, STYLE_NORMAL); /* handle's own time */
    look.selected = 0;
    draw_flame(&g, 0, 12, &k.f, &look);
    assert_int_equal(grid_at(&g, 3, 30)->style, STYLE_BOX_WAIT);
    look.color = FLAME_BY_SELF;
    draw_flame(&g, 0, 12, &k.f, &look);
    assert_int_equal(grid_at(&g, 4, 5)->style, STYLE_BOX_HOTTEST); /* parse, 40 % */
    assert_int_equal(grid_at(&g, 3, 5)->style, STYLE_BOX_HOT);     /* handle, 6.7 % */
    assert_int_equal(grid_at(&g, 2, 5)->style, STYLE_BOX_COLD);    /* main, none */
    look.color = FLAME_BY_LANGUAGE;
    grid_erase(&g);
    draw_flame(&g, 0, 12, &k.f, &look);
    assert_int_not_equal(grid_at(&g, 2, 5)->style, grid_at(&g, 2, 45)->style);
    expect_line(&g, 0, " v colours: language   C   Python      idle 25.0% not in it");
    grid_clear(&g);
    known_free(&k);
}

static void drawn_without_colours(void **state)
{
    (void)state;
    struct known k = known_new();
    fill(&k, 60, "query");
    struct grid g;
    grid_init(&g, 60, 12, true);
    struct flame_look look = {
        .selected = find(&k.f, "parse"), .color = FLAME_BY_WAIT, .plain = true, .search = "query"};
    draw_flame(&g, 0, 12, &k.f, &look);
    expect_line(&g, 0, " v signs: wait  # on the CPU  + both  - waiting");
    expect_line(&g, 2, "|main ++++++++++++++++++++++++++++++++++|work ##############");
    expect_line(&g, 3, "|Shop.handle ###############|*query ----|copy ##########|...");
    expect_line(&g, 4, "|>parse ################|");
    expect_line(&g, 11, " * \"query\": 20.0% of the time, in 1 place  n N go on");
    look.color = FLAME_BY_SELF;
    draw_flame(&g, 0, 12, &k.f, &look);
    expect_line(&g, 3, "|Shop.handle +++++++++++++++|*query ####|copy ##########|...");
    look.color = FLAME_BY_LANGUAGE;
    grid_erase(&g);
    draw_flame(&g, 0, 12, &k.f, &look);
    expect_line(&g, 2, "|main pppppppppppppppppppppppppppppppppp|work cccccccccccccc");
    for (int i = 0; i < 60 * 12; i++)
        assert_true(g.cells[i].codepoint < 0x80);
    grid_clear(&g);
    known_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_add_up),
        cmocka_unit_test(any_width_adds_up),
        cmocka_unit_test(narrow_ones_are_merged),
        cmocka_unit_test(zoom_keeps_the_way),
        cmocka_unit_test(paths_outlive_fills),
        cmocka_unit_test(functions_are_found),
        cmocka_unit_test(arrows_move),
        cmocka_unit_test(search_says_its_share),
        cmocka_unit_test(equal_ones_do_not_swap),
        cmocka_unit_test(deep_stacks),
        cmocka_unit_test(nothing_to_show),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(names_keep_their_end),
        cmocka_unit_test(drawn_with_colours),
        cmocka_unit_test(drawn_without_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
