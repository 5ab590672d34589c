/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growth sites from what a look has found, through the recording, to the rows of the memory view.
 */
#include <stdio.h>
#include <string.h>

#include "view_fixture.h"

#include "model/collect.h"
#include "model/growth.h"
#include "view/memory.h"
#include "view/views.h"

static struct table table;

static struct growth_frame python(struct growth *g, const char *name, uint32_t line)
{
    return (struct growth_frame){.python = true,
                                 .name = growth_text(g, name),
                                 .file = growth_text(g, "/srv/app/cache.py"),
                                 .first_line = 10,
                                 .line = line,
                                 .module = "",
                                 .build_id = ""};
}

static struct growth_frame native(struct growth *g, const char *module, uint64_t offset)
{
    return (struct growth_frame){
        .module = growth_text(g, module), .build_id = growth_text(g, "ab"), .offset = offset};
}

/* A look that found `factor` times as much as the first. */
static void look(struct recording *rec, uint64_t at_ns, double factor)
{
    struct growth g;
    growth_init(&g, 4242);
    g.from_ns = at_ns;
    g.to_ns = at_ns + 20 * NS_PER_S;
    struct growth_frame put[] = {native(&g, "/usr/lib/libc.so.6", 1), python(&g, "Cache.put", 12),
                                 python(&g, "main", 80)};
    struct growth_frame other[] = {python(&g, "Cache.put", 12), python(&g, "serve", 90)};
    struct growth_frame small[] = {python(&g, "Cache.get", 22)};
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, small, 1), "", 2000, 100 * factor, 2, 50);
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, put, 3), "str", 12000, 600 * factor, 9, 10);
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, other, 2), "", 6000, 300 * factor, 4, 5);
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, put, 3), "bytes", 0, 0, 0, 1);
    growth_add(&g, GROWTH_TOUCHED, growth_stack(&g, small, 1), "", 8192, 400, 2, 2);
    assert_int_equal(g.rows.n, 4);
    assert_int_equal(g.stacks.n, 3);
    growth_close(&g);
    assert_int_equal(vec_last(&g.rows)->kind, GROWTH_TOUCHED);
    assert_string_equal(g.rows.at[0].type, "str");
    assert_int_equal(g.rows.at[0].of_samples, 11);
    fixture_near(growth_total_per_s(&g, GROWTH_SURVIVES), 1000 * factor);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    growth_clear(&g);
}

static void the_newest_look_is_shown_by_place(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct query q = fixture_query(rec);
    const struct view *memory = view_by_name("memory");
    table_fill(&table, memory, &q);
    assert_int_equal(table.rows.n, 0);
    look(rec, START_NS + 1 * NS_PER_S, 1);
    look(rec, START_NS + 30 * NS_PER_S, 2);
    q = fixture_query(rec);
    q.window = (struct window){START_NS, START_NS + 60 * NS_PER_S};
    table_fill(&table, memory, &q);
    assert_int_equal(table.rows.n, 3);
    assert_string_equal(fixture_text(&table, 0, "name"), "Cache.put");
    assert_string_equal(fixture_text(&table, 0, "kind"), "survives");
    assert_string_equal(fixture_text(&table, 0, "file"), "/srv/app/cache.py");
    fixture_near(fixture_number(&table, 0, "line"), 12);
    fixture_near(fixture_number(&table, 0, "growth_bytes_per_s"), 1800);
    fixture_near(fixture_number(&table, 0, "growth_bytes"), 18000);
    fixture_near(fixture_number(&table, 0, "growth_pct"), 90);
    size_t enlarged = fixture_find(&table, "kind", "enlarged");
    assert_string_equal(fixture_text(&table, enlarged, "name"), "Cache.get");
    fixture_near(fixture_number(&table, enlarged, "growth_pct"), 100);
    /* A window that ends before the second look shows the first. */
    q.window.to_ns = START_NS + 25 * NS_PER_S;
    table_fill(&table, memory, &q);
    fixture_near(fixture_number(&table, 0, "growth_bytes_per_s"), 900);
    recording_free(rec);
}

/* The name of the first row of a look that saw this alone. */
static const char *site_of(const char *innermost, const char *caller)
{
    struct recording *rec = fixture_new();
    struct growth g;
    growth_init(&g, 4242);
    g.from_ns = START_NS;
    g.to_ns = START_NS + 20 * NS_PER_S;
    struct growth_frame frames[] = {python(&g, innermost, 12), python(&g, caller, 80)};
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, frames, 2), "", 900, 300, 1, 2);
    growth_close(&g);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    growth_clear(&g);
    struct query q = fixture_query(rec);
    q.window = (struct window){START_NS, START_NS + 60 * NS_PER_S};
    table_fill(&table, view_by_name("memory"), &q);
    static char name[64];
    snprintf(name, sizeof name, "%s", fixture_text(&table, 0, "name"));
    recording_free(rec);
    return name;
}

static void a_wrapper_of_the_allocator_is_not_the_place(void **state)
{
    (void)state;
    static const char *const wrappers[] = {
        "xmalloc",   "zmalloc_usable", "ztrymalloc_usable", "ngx_palloc", "g_malloc0_n",
        "xstrdup",   "repalloc",       "zrealloc",          "pg_strdup",  "zcalloc(unsigned long)",
        "std::list", "operator new[]"};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        assert_string_equal(site_of(wrappers[i], "set_command"), "set_command");
    static const char *const own[] = {"session_alloc", "allocate_order", "Cache::malloc_all",
                                      "put"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        assert_string_equal(site_of(own[i], "set_command"), own[i]);
    /* There is nothing else. */
    assert_string_equal(site_of("zmalloc", "xmalloc"), "zmalloc");
}

/* A look's notes in the window, one behind the other; "" if there are none. */
static const char *notes_of(const struct query *q)
{
    static char all[400];
    const char *notes[MEMORY_NOTES_MAX];
    size_t n = memory_growth_notes(q, notes);
    all[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        assert_true(strlen(notes[i]) <= 78);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", notes[i]);
    }
    return all;
}

static void what_a_look_cannot_tell_is_said(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct query q = fixture_query(rec);
    q.window = (struct window){START_NS, START_NS + 600 * NS_PER_S};
    look(rec, START_NS + 1 * NS_PER_S, 1); /* of a file before format 6: nothing is known of it */
    assert_string_equal(notes_of(&q), "");
    struct growth g;
    growth_init(&g, 4242);
    g.flags = GROWTH_PROBED;
    g.to_ns = START_NS + 50 * NS_PER_S;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "no call of an allocator was seen"));
    assert_non_null(strstr(notes_of(&q), "LD_PRELOAD"));
    g.samples = 100;
    g.to_ns += NS_PER_S;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "no block that was seen to be allocated stayed"));
    struct growth_frame put[] = {python(&g, "Cache.put", 12)};
    size_t row = growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, put, 1), "", 900, 300, 1, 2);
    g.rows.at[row].unsure_per_s = 600;
    g.to_ns += NS_PER_S;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_string_equal(notes_of(&q), "");
    table_fill(&table, view_by_name("memory"), &q);
    fixture_near(fixture_number(&table, 0, "growth_unsure_bytes_per_s"), 600);
    fixture_near(fixture_number(&table, 0, "sightings"), 1);
    g.flags |= GROWTH_OTHER_HEAP | GROWTH_INNERMOST;
    g.to_ns += NS_PER_S;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "what was freed"));
    assert_non_null(strstr(notes_of(&q), "not its callers"));
    assert_null(strstr(notes_of(&q), "compiled into"));
    g.flags |= GROWTH_COMPILED;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "compiled into callers: rates are least ones"));
    q.window.to_ns = START_NS + 20 * NS_PER_S;
    assert_string_equal(notes_of(&q), "");
    growth_clear(&g);
    recording_free(rec);
}

static void that_most_was_missed_is_said(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct query q = fixture_query(rec);
    q.window = (struct window){START_NS, START_NS + 600 * NS_PER_S};
    struct growth g;
    growth_init(&g, 4242);
    g.flags = GROWTH_PROBED;
    g.samples = 100;
    g.from_ns = START_NS + 10 * NS_PER_S;
    g.to_ns = START_NS + 30 * NS_PER_S;
    for (unsigned i = 0; i < 40; i++) /* 200 KB a second */
        recording_add_metric(rec, METRIC_ANON, START_NS + i * NS_PER_S, 1e8 + i * 2e5);
    struct growth_frame put[] = {python(&g, "Cache.put", 12)};
    growth_add(&g, GROWTH_SURVIVES, growth_stack(&g, put, 1), "", 3e6, 150e3, 9, 20);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_string_equal(notes_of(&q), "");
    g.rows.at[0].bytes_per_s = 1000;
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "over twice as fast"));
    vec_clear(&g.rows);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    assert_non_null(strstr(notes_of(&q), "stayed unchanged"));
    assert_non_null(strstr(notes_of(&q), "over twice as fast"));
    growth_clear(&g);
    recording_free(rec);
}

/* Address space and touched pages are two wholes, one below the other, from one look. */
static void what_enlarged_it_is_told_apart(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct growth g;
    growth_init(&g, 4242);
    g.from_ns = START_NS;
    g.to_ns = START_NS + 20 * NS_PER_S;
    struct growth_frame put[] = {python(&g, "Cache.put", 12)}, get[] = {python(&g, "get", 20)};
    uint32_t at_put = growth_stack(&g, put, 1), at_get = growth_stack(&g, get, 1);
    growth_add(&g, GROWTH_TOUCHED, at_put, "", 9000, 900, 9, 9);
    growth_add(&g, GROWTH_BRK, at_put, "", 3000, 300, 3, 3);
    growth_add(&g, GROWTH_MREMAP, at_get, "", 1000, 100, 1, 1);
    growth_close(&g);
    assert_int_equal(vec_last(&g.rows)->kind, GROWTH_TOUCHED);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    struct query q = fixture_query(rec);
    q.window = (struct window){START_NS, START_NS + 60 * NS_PER_S};
    table_fill(&table, view_by_name("memory"), &q);
    assert_int_equal(table.rows.n, 3);
    static const char *const by[] = {"brk", "mremap", "faults"};
    static const double pct[] = {75, 25, 100};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(fixture_text(&table, i, "kind"), "enlarged");
        assert_string_equal(fixture_text(&table, i, "by"), by[i]);
        fixture_near(fixture_number(&table, i, "growth_pct"), pct[i]);
    }
    /* Of the older look nothing is left beside the newer one. */
    vec_clear(&g.rows);
    g.from_ns = START_NS + 20 * NS_PER_S;
    g.to_ns = START_NS + 40 * NS_PER_S;
    growth_add(&g, GROWTH_MMAP, at_get, "", 500, 50, 1, 1);
    recording_add_growth(rec, (struct incarnation_id){1}, &g);
    table_fill(&table, view_by_name("memory"), &q);
    assert_int_equal(table.rows.n, 1);
    assert_string_equal(fixture_text(&table, 0, "by"), "mmap");
    growth_clear(&g);
    recording_free(rec);
}

static void sites_outlive_a_collection(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    look(rec, START_NS + 1 * NS_PER_S, 1);
    for (int i = 0; i < 100; i++)
        dictionary_string(&rec->words, "nobody refers to this");
    recording_collect(rec);
    struct recording *copy = recording_copy(rec);
    recording_free(rec);
    struct query q = fixture_query(copy);
    q.window = (struct window){START_NS, START_NS + 60 * NS_PER_S};
    table_fill(&table, view_by_name("memory"), &q);
    assert_string_equal(fixture_text(&table, 0, "name"), "Cache.put");
    recording_free(copy);
}

static void old_looks_make_room(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    for (uint64_t i = 0; i < 2 * GROWTH_LOOKS_MAX; i++)
        look(rec, START_NS + i * NS_PER_S, 1);
    assert_int_equal(rec->growth.list.n, GROWTH_LOOKS_MAX);
    assert_int_equal(rec->growth.numbered, 2 * GROWTH_LOOKS_MAX);
    assert_int_equal(vec_last(&rec->growth.list)->number, 2 * GROWTH_LOOKS_MAX);
    recording_free(rec);
}

static void texts_and_stacks_are_bounded(void **state)
{
    (void)state;
    struct growth g;
    growth_init(&g, 1);
    assert_ptr_equal(growth_text(&g, "a\nb"), growth_text(&g, "a\nb"));
    assert_string_equal(growth_text(&g, "a\nb"), "a?b");
    struct growth_frame frames[GROWTH_FRAMES_MAX + 20];
    for (uint32_t i = 0; i < GROWTH_FRAMES_MAX + 20; i++)
        frames[i] = python(&g, "f", i);
    uint32_t stack = growth_stack(&g, frames, GROWTH_FRAMES_MAX + 20);
    assert_int_equal(g.stacks.at[stack].n, GROWTH_FRAMES_MAX);
    assert_int_equal(growth_stack(&g, frames, GROWTH_FRAMES_MAX), stack);
    assert_int_not_equal(growth_stack(&g, frames, GROWTH_FRAMES_MAX - 1), stack);
    growth_clear(&g);
}

static int clean(void **state)
{
    (void)state;
    table_clear(&table);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_look_is_shown_by_place),
        cmocka_unit_test(a_wrapper_of_the_allocator_is_not_the_place),
        cmocka_unit_test(what_a_look_cannot_tell_is_said),
        cmocka_unit_test(that_most_was_missed_is_said),
        cmocka_unit_test(what_enlarged_it_is_told_apart),
        cmocka_unit_test(sites_outlive_a_collection),
        cmocka_unit_test(old_looks_make_room),
        cmocka_unit_test(texts_and_stacks_are_bounded),
    };
    return cmocka_run_group_tests_name("view/growth", tests, NULL, clean);
}
