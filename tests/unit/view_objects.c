/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects as a table, as a verdict, seen closely, and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "view/compare_objects.h"
#include "view/objects.h"

#define START   (1000 * NS_PER_S)
#define HELD_BY "module checkout.Cache.one ._cache (dict, 48,211 entries) -> str"

/* str grows by 1,000 a second, list stays, Widget goes away at 15 s; partial from then on. */
static void add_census(struct recording *rec, unsigned second, bool partial)
{
    struct heap_count heap;
    heap_count_init(&heap, 42);
    heap.time_ns = START + second * NS_PER_S;
    heap.duration_ns = 34 * NS_PER_MS;
    heap.moved_pct = 0.2;
    heap_count_add(&heap, "list", LANGUAGE_PYTHON, 0, 500, 28000);
    heap_count_add(&heap, "str", LANGUAGE_PYTHON, 0, 1000 + 1000 * second, 64000 + 64000 * second);
    if (second < 15)
        heap_count_add(&heap, "ns::Widget", LANGUAGE_CXX, HEAP_INCLUDES_FREED, 200, 9600);
    heap_count_add_container(&heap, "dict", 0xabc000, 1000 + 1000 * second, 8000);
    if (partial)
        heap_count_cut(&heap, "out of time");
    heap_count_close(&heap, CENSUS_CONTAINERS_MAX);
    recording_add_census(rec, (struct incarnation_id){1}, &heap);
    heap_count_clear(&heap);
}

static struct recording *new_recording(void)
{
    struct recording *rec = recording_new(START, 0);
    struct incarnation in = {.pid = 42, .from_ns = START};
    recording_add_incarnation(rec, in);
    for (unsigned second = 0; second <= 20; second += 5)
        add_census(rec, second, false);
    struct census_holder holder = {.incarnation = {1}, .time_ns = START + 20 * NS_PER_S};
    holder.type = dictionary_string(&rec->words, "str");
    holder.path = dictionary_string(&rec->words, HELD_BY);
    recording_set_holder(rec, holder);
    return rec;
}

static struct query query_of(const struct recording *rec, unsigned from_s, unsigned to_s)
{
    return (struct query){.rec = rec,
                          .window = {START + from_s * NS_PER_S, START + to_s * NS_PER_S}};
}

static const struct value *cell(const struct table *t, const char *type, const char *key)
{
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct value *name = table_cell(t, i, (size_t)view_column(t->view, "type"));
        if (strcmp(name->text, type) == 0)
            return table_cell(t, i, (size_t)view_column(t->view, key));
    }
    fail_msg("no row of %s", type);
    return NULL;
}

static void test_short_owner(void **state)
{
    (void)state;
    static const char *const owners[][2] = {
        {HELD_BY, "checkout.Cache.one._cache (dict)"},
        {"module __main__.Cache.shared .entries (dict, 20,269 entries) -> str",
         "Cache.shared.entries (dict)"},
        {"local self of Shop.get_product() .cache ._cache (dict, 9 entries) -> str",
         "self.cache._cache (dict)"},
        {"local rows of main() (list, 9 items) -> str", "local rows of main() (list)"},
        {"global g_cache in server -> [malloc 25-40] -> ns::Order",
         "global g_cache in server -> [malloc 25-40]"},
    };
    char out[300];
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++)
        assert_string_equal(objects_short_owner(out, sizeof out, owners[i][0]), owners[i][1]);
}

static void test_table(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct query q = query_of(rec, 0, 100);
    struct table t = {0};
    table_fill(&t, view_by_name("objects"), &q);
    assert_int_equal(t.rows.n, 2); /* Widget is gone */
    assert_string_equal(table_cell(&t, 0, (size_t)view_column(t.view, "type"))->text, "str");
    assert_int_equal(t.rows.at[0].role, ROW_ALERT);
    assert_int_equal(t.rows.at[1].role, ROW_PLAIN);
    assert_float_equal(cell(&t, "str", "count")->number, 21000, 0);
    assert_float_equal(cell(&t, "str", "initial_count")->number, 1000, 0);
    assert_float_equal(cell(&t, "str", "growth_per_s")->number, 1000, 1);
    assert_float_equal(cell(&t, "str", "bytes_per_s")->number, 64000, 64);
    assert_float_equal(cell(&t, "str", "since_s")->number, 0, 0);
    assert_string_equal(cell(&t, "str", "severity")->text, "high");
    assert_string_equal(cell(&t, "str", "rule")->text, "doubled");
    assert_string_equal(cell(&t, "str", "owner")->text, HELD_BY);
    assert_string_equal(cell(&t, "str", "held_by")->text, "checkout.Cache.one._cache (dict)");
    assert_string_equal(cell(&t, "str", "language")->text, "python");
    assert_int_equal(cell(&t, "list", "severity")->kind, VALUE_NULL);
    assert_int_equal(cell(&t, "list", "rule")->kind, VALUE_NULL);
    assert_int_equal(cell(&t, "list", "since_s")->kind, VALUE_NULL);
    assert_int_equal(cell(&t, "list", "owner")->kind, VALUE_NULL);

    q = query_of(rec, 0, 12); /* when it still was */
    table_fill(&t, view_by_name("objects"), &q);
    assert_float_equal(cell(&t, "ns::Widget [includes freed]", "count")->number, 200, 0);

    q = query_of(rec, 22, 30); /* no census in it: what was there as it began, and no growth */
    table_fill(&t, view_by_name("objects"), &q);
    assert_float_equal(cell(&t, "str", "count")->number, 21000, 0);
    assert_int_equal(cell(&t, "str", "growth_per_s")->kind, VALUE_NULL);

    q = query_of(rec, 0, 100);
    q.filter.pid = 43;
    table_fill(&t, view_by_name("objects"), &q);
    assert_int_equal(t.rows.n, 0);
    table_clear(&t);
    recording_free(rec);
}

static bool has_line(const struct text_lines *d, const char *words)
{
    for (size_t i = 0; i < d->at.n; i++)
        if (strstr(d->at.at[i].text, words))
            return true;
    return false;
}

static void test_words(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct query q = query_of(rec, 0, 100);
    char text[400];
    rec->end_ns = START + 32 * NS_PER_S;
    objects_say(text, sizeof text, &q);
    assert_string_equal(text, "21,500 objects 1.3M, 12s ago in 34ms; about 0.2% moved meanwhile");
    add_census(rec, 25, true);
    objects_say(text, sizeof text, &q);
    assert_non_null(strstr(text, "PARTIAL: out of time"));

    struct table t = {0};
    table_fill(&t, view_by_name("summary"), &q);
    const struct value *verdict = table_cell(&t, 0, (size_t)view_column(t.view, "verdict"));
    assert_string_equal(verdict->text,
                        "str grows 1,000/s to 21,000, held by checkout.Cache.one._cache (dict)");
    assert_string_equal(table_cell(&t, 0, (size_t)view_column(t.view, "view"))->text, "objects");

    table_fill(&t, view_by_name("objects"), &q);
    struct text_lines d = {0};
    object_detail_fill(&d, &q, t.rows.at[0].key, "looking [##..]");
    assert_true(has_line(&d, "it has doubled and grows on"));
    assert_true(has_line(&d, HELD_BY));
    assert_true(has_line(&d, "looking [##..]"));
    assert_true(has_line(&d, "dict at 0xabc000  grows as these do"));
    assert_true(has_line(&d, "(partial)"));
    object_detail_fill(&d, &q, 12345, "");
    assert_true(has_line(&d, "None of this type"));
    text_lines_clear(&d);
    table_clear(&t);
    recording_free(rec);
}

static void test_compare(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct compare_side before = {.rec = rec, .window = {START, START + 7 * NS_PER_S}};
    struct compare_side after = {.rec = rec,
                                 .window = {START + 7 * NS_PER_S, START + 30 * NS_PER_S}};
    struct table t = {0};
    struct compare_objects_summary sum;
    compare_objects_fill(&t, &sum, &before, &after, NULL, false, 0);
    assert_int_equal(sum.regressions, 1);
    assert_int_equal(sum.improvements, 0);
    assert_int_equal(sum.before.count, 6700);
    assert_int_equal(sum.after.count, 21500);
    assert_string_equal(cell(&t, "str", "verdict")->text, "regression");
    assert_float_equal(cell(&t, "str", "count_diff")->number, 15000, 0);
    assert_float_equal(cell(&t, "str", "bytes_diff")->number, 960000, 0);
    assert_float_equal(cell(&t, "str", "change_pct")->number, 250, 0.1);
    assert_string_equal(cell(&t, "list", "verdict")->text, "unchanged");
    assert_string_equal(cell(&t, "ns::Widget", "verdict")->text, "gone");
    assert_int_equal(cell(&t, "ns::Widget", "after_count")->kind, VALUE_NULL);
    /* One census is no two: nothing was counted since. */
    struct compare_side late = {.rec = rec,
                                .window = {START + 3600 * NS_PER_S, START + 3601 * NS_PER_S}};
    struct compare_side all = {.rec = rec, .window = {START, START + 3600 * NS_PER_S}};
    compare_objects_fill(&t, &sum, &all, &late, NULL, false, 0);
    assert_int_equal(t.rows.n, 0);
    assert_true(sum.before.time_ns && !sum.after.time_ns);
    struct recording *uncounted = recording_new(START, 0);
    struct compare_side none = {.rec = uncounted, .window = before.window};
    compare_objects_fill(&t, &sum, &none, &after, NULL, false, 0);
    assert_int_equal(t.rows.n, 0); /* not: all of it is new */
    recording_free(uncounted);
    compare_objects_fill(&t, &sum, &after, &before, NULL, false, 0);
    assert_string_equal(cell(&t, "str", "verdict")->text, "improvement");
    assert_string_equal(cell(&t, "ns::Widget", "verdict")->text, "new");
    table_clear(&t);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_owner),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
