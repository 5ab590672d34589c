/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Censuses in a recording, and which types the rules of growth call a leak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/collect.h"
#include "model/heap_count.h"
#include "model/leak.h"

#define START (1000 * NS_PER_S)

static struct recording *new_recording(int processes)
{
    struct recording *rec = recording_new(START, 0);
    for (int i = 0; i < processes; i++) {
        struct incarnation in = {.pid = 42 + i, .from_ns = START};
        recording_add_incarnation(rec, in);
    }
    return rec;
}

/* A census of one type, and of another that never changes. */
static void add(struct recording *rec, uint32_t incarnation, double at_s, uint64_t count)
{
    struct heap_count heap;
    heap_count_init(&heap, 42);
    heap.time_ns = START + (uint64_t)(at_s * NS_PER_S);
    heap_count_add(&heap, "list", LANGUAGE_PYTHON, 0, 500, 500 * 56);
    heap_count_add(&heap, "str", LANGUAGE_PYTHON, 0, count, count * 100);
    heap_count_add_container(&heap, "dict", 0x1000, count, count * 8);
    heap_count_close(&heap, CENSUS_CONTAINERS_MAX);
    recording_add_census(rec, (struct incarnation_id){incarnation}, &heap);
    heap_count_clear(&heap);
}

static const struct type_growth *find(const struct growth_list *list, const struct recording *rec,
                                      const char *type)
{
    for (size_t i = 0; i < list->rows.n; i++)
        if (strcmp(string_text(&rec->words, list->rows.at[i].type), type) == 0)
            return &list->rows.at[i];
    return NULL;
}

static void test_heap_count(void **state)
{
    (void)state;
    struct heap_count heap;
    heap_count_init(&heap, 1);
    for (int i = 0; i < 3; i++)
        heap_count_add(&heap, "str", LANGUAGE_PYTHON, 0, 2, 100);
    heap_count_add(&heap, "str", LANGUAGE_CXX, 0, 1, 1);
    heap_count_add(&heap, "a\033[31mb\n", LANGUAGE_CXX, 0, 1, 1);
    assert_int_equal(heap.rows.n, 3);
    assert_int_equal(heap.rows.at[0].count, 6);
    assert_int_equal(heap.rows.at[0].size_bytes, 300);
    assert_null(strpbrk(heap.rows.at[2].type, "\033\n"));
    for (uint64_t length = 1; length <= 40; length++)
        heap_count_add_container(&heap, "dict", length, length, 8);
    heap_count_close(&heap, 3);
    assert_int_equal(heap.containers.n, 3);
    assert_int_equal(heap.containers.at[0].length, 40);
    assert_int_equal(heap.containers.at[2].length, 38);
    heap_count_cut(&heap, "no permission for %s", "this");
    heap_count_cut(&heap, "something later");
    assert_true(heap.flags & HEAP_PARTIAL);
    assert_string_equal(heap.why_partial, "no permission for this");
    heap_count_clear(&heap);
}

/* However many there are, the list stays bounded, keeps the first and all of the newest, and looks
 * back over the whole time. */
static void test_thinning(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    for (int i = 0; i < 3000; i++)
        add(rec, 1, 30 * i, (uint64_t)i);
    const struct census_list *censuses = &rec->censuses;
    assert_int_equal(censuses->list.n, CENSUS_MAX);
    assert_int_equal(censuses->list.at[0].number, 1);
    assert_int_equal(censuses->numbered, 3000);
    uint64_t largest_gap = 0;
    for (size_t i = 1; i < CENSUS_MAX; i++) {
        uint64_t gap = censuses->list.at[i].number - censuses->list.at[i - 1].number;
        largest_gap = gap > largest_gap ? gap : largest_gap;
        if (i + 12 >= CENSUS_MAX)
            assert_int_equal(gap, 1);
    }
    assert_true(largest_gap < 600);
    recording_free(rec);
}

static void test_rows_are_bounded(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    struct heap_count heap;
    heap_count_init(&heap, 42);
    heap.time_ns = START;
    for (int i = 0; i < 2 * CENSUS_ROWS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "Type%d", i);
        heap_count_add(&heap, name, LANGUAGE_PYTHON, 0, 1, (uint64_t)(i + 1));
    }
    recording_add_census(rec, (struct incarnation_id){1}, &heap);
    heap_count_clear(&heap);
    const struct census *census = recording_census(rec, (struct incarnation_id){1}, UINT64_MAX);
    assert_int_equal(census->rows.n, CENSUS_ROWS_MAX + 1);
    assert_int_equal(vec_last(&census->rows)->count, CENSUS_ROWS_MAX);
    assert_string_equal(string_text(&rec->words, vec_last(&census->rows)->type), "[other types]");
    recording_free(rec);
}

/* A copy and a collection keep what a census says. */
static void test_copy_and_collect(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    for (int i = 0; i < 100; i++) {
        char unused[32];
        snprintf(unused, sizeof unused, "nobody's word %d", i);
        dictionary_string(&rec->words, unused);
    }
    add(rec, 1, 0, 10);
    struct census_holder holder = {.incarnation = {1}, .time_ns = START};
    holder.type = dictionary_string(&rec->words, "str");
    holder.path = dictionary_string(&rec->words, "module a.CACHE (dict)");
    recording_set_holder(rec, holder);
    struct recording *copy = recording_copy(rec);
    recording_collect(rec);
    for (int i = 0; i < 2; i++) {
        const struct recording *r = i ? copy : rec;
        const struct census *census = recording_census(r, (struct incarnation_id){1}, UINT64_MAX);
        assert_int_equal(census->rows.n, 2);
        struct string_id str = {0};
        for (size_t k = 0; k < 2; k++)
            if (strcmp(string_text(&r->words, census->rows.at[k].type), "str") == 0)
                str = census->rows.at[k].type;
        assert_string_equal(
            string_text(&r->words, recording_holder(r, (struct incarnation_id){1}, str)->path),
            "module a.CACHE (dict)");
        assert_string_equal(string_text(&r->words, census->containers.at[0].type), "dict");
    }
    recording_free(rec);
    recording_free(copy);
}

/* A dict that was filled at once, with as many as leak, does not hold them. */
static void test_filled_once(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    for (int i = 0; i < 4; i++) {
        struct heap_count heap;
        heap_count_init(&heap, 42);
        heap.time_ns = START + (uint64_t)i * 5 * NS_PER_S;
        heap_count_add(&heap, "tuple", LANGUAGE_PYTHON, 0, 1000 + 1000 * (uint64_t)i, 100000);
        if (i)
            heap_count_add_container(&heap, "dict", 0x1000, 1682, 1682 * 8);
        if (i > 1)
            heap_count_add_container(&heap, "list", 0x2000, 1000 * (uint64_t)i - 900, 8000);
        heap_count_close(&heap, CENSUS_CONTAINERS_MAX);
        recording_add_census(rec, (struct incarnation_id){1}, &heap);
        heap_count_clear(&heap);
        struct string_id tuple = dictionary_string(&rec->words, "tuple");
        uint64_t seems = leak_container(rec, (struct incarnation_id){1}, tuple);
        if (i > 1)
            assert_int_equal(seems, 0x2000);
    }
    struct string_id tuple = dictionary_string(&rec->words, "tuple");
    assert_false(leak_is_mostly_old(rec, (struct incarnation_id){1}, tuple)); /* 1000 of 4000 */
    add(rec, 1, 20, 10);
    struct string_id list = dictionary_string(&rec->words, "list");
    assert_false(leak_is_mostly_old(rec, (struct incarnation_id){1}, list));
    add(rec, 1, 25, 10);
    recording_free(rec);
    rec = new_recording(1);
    add(rec, 1, 0, 10);
    add(rec, 1, 5, 10);
    list = dictionary_string(&rec->words, "list");
    assert_true(leak_is_mostly_old(rec, (struct incarnation_id){1}, list));
    recording_free(rec);
}

static const double schedule_s[] = {0, 2, 5, 10, 20, 30, 60, 90, 120, 150, 180, 210, 240};
#define CENSUSES (sizeof schedule_s / sizeof schedule_s[0])

/* What the rules say of str when its count is a function of time. */
static struct type_growth judge(uint64_t (*count)(double at_s), size_t censuses)
{
    struct recording *rec = new_recording(1);
    for (size_t i = 0; i < censuses; i++)
        add(rec, 1, schedule_s[i], count(schedule_s[i]));
    struct growth_list list;
    leak_find(&list, rec, START, UINT64_MAX, 0);
    struct type_growth g = *find(&list, rec, "str");
    assert_int_equal(find(&list, rec, "list")->rule, LEAK_NONE);
    if (g.rule != LEAK_NONE) /* a dict grows with them */
        assert_int_equal(leak_container(rec, (struct incarnation_id){1}, g.type), 0x1000);
    if (g.rule != LEAK_NONE)
        assert_int_equal(list.rows.at[0].type.n, g.type.n);
    vec_free(&list.rows);
    recording_free(rec);
    return g;
}

static uint64_t fast_leak(double at_s)
{
    return 1000 + (uint64_t)(1020 * at_s);
}

static uint64_t slow_leak(double at_s)
{
    return 600 + (uint64_t)(20 * at_s);
}

/* 50 a second in ten million, with a scatter of 500. */
static uint64_t leak_in_churn(double at_s)
{
    return 10000000 + (uint64_t)(50 * at_s) + (uint64_t)(7919 * at_s) % 500;
}

static uint64_t churn(double at_s)
{
    return 10000000 + (uint64_t)(7919 * at_s + 3) % 5000;
}

static uint64_t warm_up(double at_s)
{
    return 1000 + (uint64_t)(2000 * fmin(at_s, 25));
}

static uint64_t sawtooth(double at_s)
{
    return 1000 + (uint64_t)(1000 * fmod(at_s, 37));
}

/* A service starts, and then 40 a second stay. */
static uint64_t leak_after_start(double at_s)
{
    return (uint64_t)(300000 * fmin(at_s / 4, 1) + 40 * at_s) + (uint64_t)(7919 * at_s) % 300;
}

/* A cache that fills ever more slowly. */
static uint64_t long_warm_up(double at_s)
{
    return 200000 + (uint64_t)(100000 * (1 - exp(-at_s / 50)));
}

static uint64_t few(double at_s)
{
    return 10 + (uint64_t)at_s;
}

static void test_rules(void **state)
{
    (void)state;
    struct type_growth g = judge(fast_leak, 5);
    assert_int_equal(g.rule, LEAK_DOUBLED);
    assert_int_equal(g.severity, LEAK_HIGH);
    assert_float_equal(g.per_s, 1020, 5);
    assert_float_equal(g.bytes_per_s, 102000, 500);
    assert_int_equal(g.since_ns, START);
    assert_int_equal(g.initial_count, 1000);

    g = judge(slow_leak, CENSUSES);
    assert_int_equal(g.rule, LEAK_DOUBLED);
    assert_int_equal(g.severity, LEAK_MEDIUM);

    g = judge(leak_in_churn, CENSUSES);
    assert_int_equal(g.rule, LEAK_SLOPE);
    assert_int_equal(g.severity, LEAK_MEDIUM);
    assert_float_equal(g.per_s, 50, 5);

    assert_int_equal(judge(churn, CENSUSES).rule, LEAK_NONE);
    assert_int_equal(judge(warm_up, CENSUSES).rule, LEAK_NONE);
    assert_int_equal(judge(warm_up, 8).rule, LEAK_NONE);
    for (size_t n = 10; n <= CENSUSES; n++)
        assert_int_equal(judge(long_warm_up, n).rule, LEAK_NONE);
    for (size_t n = 3; n < 9; n++)
        assert_int_not_equal(judge(leak_after_start, n).rule, LEAK_SLOPE);
    for (size_t n = 10; n <= CENSUSES; n++) {
        g = judge(leak_after_start, n);
        assert_int_equal(g.rule, LEAK_SLOPE);
        assert_float_equal(g.per_s, 40, 8);
    }
    assert_int_equal(judge(sawtooth, CENSUSES).rule, LEAK_NONE);
    assert_int_equal(judge(few, CENSUSES).rule, LEAK_NONE);
    for (size_t n = 1; n < 3; n++) /* too few to say anything */
        assert_int_equal(judge(fast_leak, n).rule, LEAK_NONE);
}

/* In a window in which it only rises, a sawtooth is one if it fell shortly before. */
static void test_window_of_a_sawtooth(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    for (double at_s = 0; at_s <= 300; at_s += 5)
        add(rec, 1, at_s, 1000 + (uint64_t)(1000 * fmod(at_s, 100)));
    struct growth_list list;
    leak_find(&list, rec, START + 206 * NS_PER_S, START + 296 * NS_PER_S, 0);
    assert_int_equal(find(&list, rec, "str")->rule, LEAK_NONE);
    assert_int_equal(list.censuses, 18);
    assert_int_equal(find(&list, rec, "str")->initial_count, 1000 + 10000);
    vec_free(&list.rows);
    leak_find(&list, rec, START, START + 96 * NS_PER_S, 0);
    assert_int_equal(find(&list, rec, "str")->rule, LEAK_DOUBLED);
    vec_free(&list.rows);
    recording_free(rec);
}

/* Processes of a family are summed; one that has ended holds nothing. */
static void test_family(void **state)
{
    (void)state;
    struct recording *rec = new_recording(3);
    for (size_t i = 0; i < 6; i++)
        for (uint32_t process = 1; process <= 3; process++)
            add(rec, process, schedule_s[i] + 0.1 * process, process * fast_leak(schedule_s[i]));
    struct growth_list list;
    leak_find(&list, rec, START, UINT64_MAX, 0);
    const struct type_growth *g = find(&list, rec, "str");
    assert_int_equal(g->count, 6 * fast_leak(30));
    assert_int_equal(g->incarnation.n, 3);
    assert_float_equal(g->per_s, 6 * 1020, 30);
    vec_free(&list.rows);
    leak_find(&list, rec, START, UINT64_MAX, 43);
    assert_int_equal(find(&list, rec, "str")->count, 2 * fast_leak(30));
    vec_free(&list.rows);
    recording_end_incarnation(rec, (struct incarnation_id){3}, START + 31 * NS_PER_S, false);
    recording_add_mark(rec, START + 60 * NS_PER_S, MARK_NOTE, "later");
    leak_find(&list, rec, START, UINT64_MAX, 0);
    assert_int_equal(find(&list, rec, "str")->count, 3 * fast_leak(30));
    vec_free(&list.rows);
    recording_free(rec);
}

static void add_partial(struct recording *rec, double at_s, uint64_t count)
{
    struct heap_count heap;
    heap_count_init(&heap, 42);
    heap.time_ns = START + (uint64_t)(at_s * NS_PER_S);
    heap_count_add(&heap, "str", LANGUAGE_PYTHON, 0, count, 1);
    heap_count_cut(&heap, "out of time");
    recording_add_census(rec, (struct incarnation_id){1}, &heap);
    heap_count_clear(&heap);
}

/* A partial census is too low: it makes no growth where there are whole ones. */
static void test_partial(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    for (size_t i = 0; i < 6; i++) {
        add(rec, 1, schedule_s[i], 100000);
        add_partial(rec, schedule_s[i] + 1, 100 + 9000 * i);
    }
    struct growth_list list;
    leak_find(&list, rec, START, UINT64_MAX, 0);
    const struct type_growth *g = find(&list, rec, "str");
    assert_int_equal(g->count, 100000);
    assert_int_equal(g->rule, LEAK_NONE);
    vec_free(&list.rows);
    recording_free(rec);
}

/* But one whole one says nothing of a heap that has become too large for others. */
static void test_partial_since(void **state)
{
    (void)state;
    struct recording *rec = new_recording(1);
    add(rec, 1, 0, 1000);
    add(rec, 1, 2, 3000);
    for (size_t i = 2; i < CENSUSES; i++)
        add_partial(rec, schedule_s[i], 9000 * i);
    struct growth_list list;
    leak_find(&list, rec, START, UINT64_MAX, 0);
    const struct type_growth *g = find(&list, rec, "str");
    assert_int_equal(g->count, 9000 * (CENSUSES - 1));
    assert_true(g->flags & HEAP_PARTIAL);
    assert_int_equal(list.censuses, CENSUSES - 2);
    vec_free(&list.rows);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap_count),
        cmocka_unit_test(test_thinning),
        cmocka_unit_test(test_rows_are_bounded),
        cmocka_unit_test(test_copy_and_collect),
        cmocka_unit_test(test_filled_once),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_window_of_a_sawtooth),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_partial_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
