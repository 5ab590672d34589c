/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The views' rows on recordings whose figures are known: functions, lines, tree, threads. */
#include "view_fixture.h"

#include <stdio.h>

#include "view/rows.h"
#include "view/nameless.h"
#include "view/views.h"

/*
 * Ten seconds of three threads:
 *   main:    main > handle > parse         6 s on the CPU (line 20: 4 s, line 21: 2 s)
 *            main > handle                 1 s runnable
 *            main > walk > walk > walk     1 s on the CPU (recursion)
 *            main > query                  2 s waiting for a read
 *   worker:  work > inlined in copy        5 s on the CPU (native, inlined)
 *            work                          5 s waiting for an accept (idle)
 *   empty:   no stack                      1 s on the CPU
 * The whole is 16 s, idle 5 of 21.
 */
struct known {
    struct recording *rec;
    struct thread_id main, worker, empty;
    struct function_id parse, walk;
};

static struct known known_new(void)
{
    struct known k = {.rec = fixture_new()};
    struct recording *rec = k.rec;
    k.main = fixture_thread(rec, 48211, "MainThread");
    k.worker = fixture_thread(rec, 48212, "worker");
    k.empty = fixture_thread(rec, 48213, "empty");
    struct function_id main = fixture_function(rec, "<module>", "/srv/checkout.py", 1);
    struct function_id handle = fixture_function(rec, "Shop.handle", "/srv/checkout.py", 10);
    k.parse = fixture_function(rec, "parse", "/srv/checkout.py", 18);
    k.walk = fixture_function(rec, "walk", "/srv/tree.py", 3);
    struct function_id query = fixture_function(rec, "query", "/srv/db.py", 88);
    struct function_id work = fixture_native(rec, "work", "/srv/lib.so", "/src/lib.c", 0);
    struct function_id copy = fixture_native(rec, "copy", "/srv/lib.so", "/src/copy.h", 7);

    struct stack_id root = fixture_call(rec, (struct stack_id){0}, main, 99);
    struct stack_id in_handle = fixture_call(rec, root, handle, 12);
    struct stack_id parse20 = fixture_call(rec, in_handle, k.parse, 20);
    struct stack_id parse21 = fixture_call(rec, in_handle, k.parse, 21);
    struct stack_id walk = fixture_call(rec, root, k.walk, 4);
    walk = fixture_call(rec, walk, k.walk, 5);
    walk = fixture_call(rec, walk, k.walk, 4);
    struct stack_id in_query = fixture_call(rec, root, query, 90);
    const struct place inlined[] = {{copy, 9}, {work, 31}}, plain[] = {{work, 30}};
    struct stack_id none = {0};
    struct stack_id in_copy = fixture_call_native(rec, none, inlined, 2);
    struct stack_id in_work = fixture_call_native(rec, none, plain, 1);

    fixture_run(rec, k.main, parse20, STATE_RUNNING, WAIT_NONE, 0, 4);
    fixture_run(rec, k.main, parse21, STATE_RUNNING, WAIT_NONE, 4, 2);
    fixture_run(rec, k.main, in_handle, STATE_RUNNABLE, WAIT_NONE, 6, 1);
    fixture_run(rec, k.main, walk, STATE_RUNNING, WAIT_NONE, 7, 1);
    fixture_run(rec, k.main, in_query, STATE_WAITING, WAIT_READ, 8, 2);
    fixture_run(rec, k.worker, in_copy, STATE_RUNNING, WAIT_NONE, 0, 5);
    fixture_run(rec, k.worker, in_work, STATE_WAITING, WAIT_ACCEPT, 5, 5);
    fixture_run(rec, k.empty, none, STATE_RUNNING, WAIT_NONE, 0, 1);
    return k;
}

static void check_function(const struct table *t, const char *name, double self_s, double total_s,
                           double cpu_s, double wait_s, double whole_s)
{
    size_t r = fixture_find(t, "name", name);
    if (r == SIZE_MAX)
        fail_msg("no row %s", name);
    fixture_near(fixture_number(t, r, "self_s"), self_s);
    fixture_near(fixture_number(t, r, "total_s"), total_s);
    fixture_near(fixture_number(t, r, "cpu_s"), cpu_s);
    fixture_near(fixture_number(t, r, "wait_s"), wait_s);
    fixture_near(fixture_number(t, r, "self_pct"), 100 * self_s / whole_s);
    fixture_near(fixture_number(t, r, "total_pct"), 100 * total_s / whole_s);
    fixture_near(fixture_number(t, r, "cpu_pct"), 100 * cpu_s / whole_s);
    fixture_near(fixture_number(t, r, "self_samples"), 100 * self_s);
    fixture_near(fixture_number(t, r, "total_samples"), 100 * total_s);
}

static void functions_of_busy_time(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    table_fill(&t, &functions_view, &q);

    assert_int_equal(t.rows.n, 9); /* 8 functions, "[no stack]" among them, and idle time */
    fixture_near(t.idle_pct, 100 * 5.0 / 21);
    assert_int_equal(t.samples, 2100);
    check_function(&t, "parse", 6, 6, 6, 0, 16);
    check_function(&t, "Shop.handle", 1, 7, 0, 1, 16);
    check_function(&t, "walk", 1, 1, 1, 0, 16); /* once a stack */
    check_function(&t, "query", 2, 2, 0, 2, 16);
    check_function(&t, "<module>", 0, 10, 0, 0, 16);
    check_function(&t, "copy", 5, 5, 5, 0, 16);
    check_function(&t, "work", 0, 5, 0, 0, 16); /* its idle wait does not count */
    check_function(&t, "[no stack]", 1, 1, 1, 0, 16);

    /* Hottest first, what is equal by name, idle time last. */
    static const char *const order[] = {"parse",      "copy", "query",    "Shop.handle",
                                        "[no stack]", "walk", "<module>", "work"};
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(fixture_text(&t, i, "name"), order[i]);
    assert_int_equal(t.rows.at[8].role, ROW_IDLE);
    assert_non_null(strstr(fixture_text(&t, 8, "name"), "idle 23.8%"));
    assert_int_equal(fixture_value(&t, 8, "self_pct")->kind, VALUE_NULL);

    assert_int_equal(fixture_number(&t, 0, "line"), 18); /* where it is defined */
    assert_int_equal(t.rows.at[0].place.line, 20);       /* its hottest */
    assert_string_equal(fixture_text(&t, 0, "place"), "checkout.py:18");
    assert_string_equal(fixture_text(&t, 0, "file"), "/srv/checkout.py");
    assert_string_equal(fixture_text(&t, 0, "language"), "python");
    assert_int_equal(fixture_value(&t, 0, "module")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, 0, "calls")->kind, VALUE_NULL);
    assert_string_equal(fixture_text(&t, 1, "module"), "/srv/lib.so");
    /* Without a definition's line: one that was seen. */
    assert_int_equal(fixture_number(&t, 7, "line"), 31);
    table_clear(&t);
    recording_free(k.rec);
}

static void functions_by_state(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    q.filter.states = STATES_CPU;
    table_fill(&t, &functions_view, &q);
    check_function(&t, "parse", 6, 6, 6, 0, 13);
    assert_int_equal(fixture_find(&t, "name", "query"), SIZE_MAX);

    q.filter.states = STATES_WAIT;
    table_fill(&t, &functions_view, &q);
    check_function(&t, "query", 2, 2, 0, 2, 3);
    check_function(&t, "Shop.handle", 1, 1, 0, 1, 3);
    assert_int_equal(fixture_find(&t, "name", "parse"), SIZE_MAX);

    q.filter.states = STATES_ALL;
    table_fill(&t, &functions_view, &q);
    check_function(&t, "work", 5, 10, 0, 5, 21);
    for (size_t i = 0; i < t.rows.n; i++)
        assert_int_equal(t.rows.at[i].role, ROW_PLAIN); /* idle time is with its functions */
    fixture_near(t.idle_pct, 100 * 5.0 / 21);
    table_clear(&t);
    recording_free(k.rec);
}

static void functions_filtered(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    q.filter.tid = 48212;
    table_fill(&t, &functions_view, &q);
    check_function(&t, "copy", 5, 5, 5, 0, 5);
    assert_int_equal(t.rows.n, 3);

    q.filter = (struct filter){.pid = 7};
    table_fill(&t, &functions_view, &q);
    assert_int_equal(t.rows.n, 0);

    q.filter = (struct filter){.text = "tree.py"};
    table_fill(&t, &functions_view, &q);
    check_function(&t, "walk", 1, 1, 1, 0, 1);
    assert_int_equal(t.rows.n, 2); /* with its caller */

    /* The second half, in which main rests after 5 s and copy has ended. */
    q.filter = (struct filter){0};
    q.window.from_ns = START_NS + 5 * NS_PER_S;
    table_fill(&t, &functions_view, &q);
    check_function(&t, "parse", 1, 1, 1, 0, 5);
    assert_int_equal(fixture_find(&t, "name", "copy"), SIZE_MAX);
    table_clear(&t);
    recording_free(k.rec);
}

static void threads_are_counted(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct function_id f = fixture_function(rec, "f", "/f.py", 1);
    struct stack_id once = fixture_call(rec, (struct stack_id){0}, f, 2);
    struct stack_id twice = fixture_call(rec, once, f, 3);
    struct thread_id a = fixture_thread(rec, 1, "a"), b = fixture_thread(rec, 2, "b");
    fixture_run(rec, a, once, STATE_RUNNING, WAIT_NONE, 0, 1);
    fixture_run(rec, b, twice, STATE_RUNNING, WAIT_NONE, 0, 1);
    fixture_run(rec, a, twice, STATE_RUNNING, WAIT_NONE, 1, 1);
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &functions_view, &q);
    assert_int_equal(t.rows.n, 1);
    fixture_near(fixture_number(&t, 0, "threads"), 2);
    fixture_near(fixture_number(&t, 0, "total_pct"), 100);
    table_clear(&t);
    recording_free(rec);
}

static void marks_are_no_callers(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct function_id cut = fixture_function(rec, "[stack cut short]", "", 0);
    struct function_id f = fixture_function(rec, "f", "/f.py", 1);
    struct frame mark = {.kind = FRAME_MARK, .place = {cut, 0}};
    struct stack_id root =
        dictionary_stack(&rec->words, (struct stack_id){0}, dictionary_frame(&rec->words, &mark));
    struct thread_id a = fixture_thread(rec, 1, "a");
    fixture_run(rec, a, fixture_call(rec, root, f, 2), STATE_RUNNING, WAIT_NONE, 0, 3);
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &functions_view, &q);
    assert_int_equal(t.rows.n, 1);
    fixture_run(rec, a, root, STATE_RUNNING, WAIT_NONE, 3, 1);
    q = fixture_query(rec);
    table_fill(&t, &functions_view, &q);
    check_function(&t, "[stack cut short]", 1, 1, 1, 0, 4); /* nothing is lost */
    table_clear(&t);
    recording_free(rec);
}

static const char *fake_source(void *context, const char *file, uint32_t line)
{
    static char text[64];
    ++*(int *)context;
    if (strcmp(file, "/srv/checkout.py") != 0)
        return NULL;
    snprintf(text, sizeof text, "    \tline %u\x01", line);
    return text;
}

static void lines(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    int reads = 0;
    struct query q = fixture_query(k.rec);
    q.source = fake_source;
    q.source_context = &reads;
    table_fill(&t, &lines_view, &q);
    assert_string_equal(fixture_text(&t, 0, "function"), "copy");
    fixture_near(fixture_number(&t, 0, "self_s"), 5);
    assert_string_equal(fixture_text(&t, 0, "file"), "/src/copy.h");
    assert_int_equal(fixture_value(&t, 0, "source")->kind, VALUE_NULL);
    assert_string_equal(fixture_text(&t, 1, "place"), "checkout.py:20");
    fixture_near(fixture_number(&t, 1, "self_s"), 4);
    fixture_near(fixture_number(&t, 1, "self_pct"), 25);
    assert_string_equal(fixture_text(&t, 1, "source"), "line 20?");
    /* A caller's line has the total of what it called. */
    size_t r = fixture_find(&t, "place", "checkout.py:12");
    fixture_near(fixture_number(&t, r, "self_s"), 1);
    fixture_near(fixture_number(&t, r, "total_s"), 7);
    /* walk was called from line 4 twice in one stack. */
    r = fixture_find(&t, "place", "tree.py:4");
    fixture_near(fixture_number(&t, r, "self_s"), 1);
    fixture_near(fixture_number(&t, r, "total_s"), 1);
    assert_int_equal(vec_last(&t.rows)->role, ROW_IDLE);

    reads = 0;
    q.limit = 2;
    table_fill(&t, &lines_view, &q);
    assert_int_equal(t.rows.n, 3); /* two and the idle time */
    assert_int_equal(reads, 2);    /* only what stays is read */
    table_clear(&t);
    recording_free(k.rec);
}

static void check_node(const struct table *t, size_t row, const char *name, uint32_t depth,
                       double total_s)
{
    assert_string_equal(fixture_text(t, row, "name"), name);
    assert_int_equal(t->rows.at[row].depth, depth);
    fixture_near(fixture_number(t, row, "depth"), depth);
    fixture_near(fixture_number(t, row, "total_pct"), 100 * total_s / 16);
    const struct value *parent = fixture_value(t, row, "parent");
    if (!depth) {
        assert_int_equal(parent->kind, VALUE_NULL);
        return;
    }
    assert_int_equal(t->rows.at[(size_t)parent->number].depth, depth - 1);
    assert_true(parent->number < (double)row);
}

static void tree(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 11);
    check_node(&t, 0, "<module>", 0, 10);
    check_node(&t, 1, "Shop.handle", 1, 7);
    check_node(&t, 2, "parse", 2, 6);
    check_node(&t, 3, "query", 1, 2);
    check_node(&t, 4, "walk", 1, 1);
    check_node(&t, 5, "walk", 2, 1);
    check_node(&t, 6, "walk", 3, 1);
    check_node(&t, 7, "work", 0, 5);
    check_node(&t, 8, "copy", 1, 5);
    check_node(&t, 9, "[no stack]", 0, 1);
    assert_int_equal(t.rows.at[10].role, ROW_IDLE);
    fixture_near(fixture_number(&t, 1, "self_samples"), 100);
    fixture_near(fixture_number(&t, 1, "total_samples"), 700);
    assert_true(t.rows.at[1].has_children);
    assert_false(t.rows.at[2].has_children);

    struct map folded = {0};
    map_set(&folded, t.rows.at[1].key, 1);
    q.folded = &folded;
    table_fill(&t, &tree_view, &q);
    check_node(&t, 1, "Shop.handle", 1, 7);
    assert_true(t.rows.at[1].folded);
    assert_true(t.rows.at[1].has_children);
    check_node(&t, 2, "query", 1, 2);
    map_free(&folded);

    q.folded = NULL;
    q.limit = 4; /* the four hottest, and their parents are among them */
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 5);
    check_node(&t, 0, "<module>", 0, 10);
    check_node(&t, 1, "Shop.handle", 1, 7);
    check_node(&t, 2, "parse", 2, 6);
    check_node(&t, 3, "work", 0, 5);

    q.limit = 0;
    q.sort = "name";
    table_fill(&t, &tree_view, &q);
    check_node(&t, 0, "<module>", 0, 10);
    check_node(&t, 7, "[no stack]", 0, 1);
    table_clear(&t);
    recording_free(k.rec);
}

static void check_self(const struct table *t, size_t row, double self_s)
{
    fixture_near(fixture_number(t, row, "self_pct"), 100 * self_s / 16);
}

static void tree_of_callers(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    q.direction = CALLS_CALLERS;
    q.root_name = "Shop.handle";
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 2); /* and no row of idle time */
    check_node(&t, 0, "Shop.handle", 0, 7);
    check_self(&t, 0, 1);
    check_node(&t, 1, "<module>", 1, 7);
    check_self(&t, 1, 1); /* what handle did itself, called from here */

    /* Recursion counts once, from the outermost call on. */
    q.root_name = NULL;
    q.root_key = rows_function_key(k.rec, k.walk);
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 2);
    check_node(&t, 0, "walk", 0, 1);
    check_self(&t, 0, 1);
    check_node(&t, 1, "<module>", 1, 1);

    /* Inlined: its caller stands in the same frame. */
    q.root_name = "copy";
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 2);
    check_node(&t, 0, "copy", 0, 5);
    check_node(&t, 1, "work", 1, 5);

    q.root_name = "nobody";
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 0);
    table_clear(&t);
    recording_free(k.rec);
}

static void tree_of_callees(void **state)
{
    (void)state;
    struct known k = known_new();
    /* A second caller of handle, through which it waits. */
    struct function_id other = fixture_function(k.rec, "other", "/srv/other.py", 1);
    struct function_id handle = fixture_function(k.rec, "Shop.handle", "/srv/checkout.py", 10);
    struct stack_id s = fixture_call(k.rec, (struct stack_id){0}, other, 2);
    s = fixture_call(k.rec, fixture_call(k.rec, s, handle, 13), k.parse, 20);
    fixture_run(k.rec, k.empty, s, STATE_WAITING, WAIT_READ, 1, 2);
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    q.direction = CALLS_CALLEES;
    q.root_name = "Shop.handle";
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 2);
    fixture_near(fixture_number(&t, 0, "total_pct"), 100 * 9.0 / 18); /* over both callers */
    fixture_near(fixture_number(&t, 0, "self_pct"), 100 * 1.0 / 18);
    assert_string_equal(fixture_text(&t, 1, "name"), "parse");
    fixture_near(fixture_number(&t, 1, "total_pct"), 100 * 8.0 / 18);

    q.root_name = "walk"; /* all of its recursion is below it */
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 3);
    assert_int_equal(t.rows.at[2].depth, 2);

    q.direction = CALLS_CALLERS;
    q.root_name = "parse";
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 4);
    assert_string_equal(fixture_text(&t, 1, "name"), "Shop.handle");
    fixture_near(fixture_number(&t, 1, "total_pct"), 100 * 8.0 / 18);
    assert_string_equal(fixture_text(&t, 2, "name"), "<module>");
    fixture_near(fixture_number(&t, 2, "total_pct"), 100 * 6.0 / 18);
    assert_string_equal(fixture_text(&t, 3, "name"), "other");
    fixture_near(fixture_number(&t, 3, "self_pct"), 100 * 2.0 / 18);
    table_clear(&t);
    recording_free(k.rec);
}

static void deep_recursion(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct function_id f = fixture_function(rec, "f", "/f.py", 1);
    struct stack_id s = {0};
    for (int i = 0; i < 5000; i++)
        s = fixture_call(rec, s, f, 2);
    fixture_run(rec, fixture_thread(rec, 1, "a"), s, STATE_RUNNING, WAIT_NONE, 0, 1);
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &tree_view, &q);
    assert_int_equal(t.rows.n, 5000);
    assert_int_equal(t.rows.at[4999].depth, 4999);
    table_fill(&t, &functions_view, &q);
    assert_int_equal(t.rows.n, 1);
    table_clear(&t);
    recording_free(rec);
}

static void threads(void **state)
{
    (void)state;
    struct known k = known_new();
    recording_end_thread(k.rec, k.empty, START_NS + 2 * NS_PER_S);
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    table_fill(&t, &threads_view, &q);
    assert_int_equal(t.rows.n, 3);
    fixture_near(fixture_number(&t, 0, "tid"), 48211); /* the busiest first */
    fixture_near(fixture_number(&t, 0, "pid"), 48211);
    assert_string_equal(fixture_text(&t, 0, "name"), "MainThread");
    fixture_near(fixture_number(&t, 0, "samples"), 1000);
    fixture_near(fixture_number(&t, 0, "running_pct"), 70);
    fixture_near(fixture_number(&t, 0, "runnable_pct"), 10);
    fixture_near(fixture_number(&t, 0, "waiting_pct"), 20);
    assert_int_equal(fixture_value(&t, 0, "gil_pct")->kind, VALUE_NULL); /* nobody looked */
    assert_string_equal(fixture_text(&t, 0, "top_function"), "parse");
    assert_string_equal(fixture_text(&t, 0, "state"), "waiting");
    assert_string_equal(fixture_text(&t, 0, "wait"), "read");
    fixture_near(fixture_number(&t, 1, "waiting_pct"), 50); /* idle time is the thread's, too */
    assert_string_equal(fixture_text(&t, 1, "top_function"), "copy");
    assert_string_equal(fixture_text(&t, 1, "wait"), "accept");
    assert_string_equal(fixture_text(&t, 2, "state"), "ended");
    assert_int_equal(fixture_value(&t, 2, "wait")->kind, VALUE_NULL);

    /* At another moment. */
    q.window.to_ns = START_NS + 3 * NS_PER_S;
    table_fill(&t, &threads_view, &q);
    assert_string_equal(fixture_text(&t, 0, "state"), "running");
    fixture_near(fixture_number(&t, 0, "running_pct"), 100);
    table_clear(&t);
    recording_free(k.rec);
}

static void threads_of_python(void **state)
{
    (void)state;
    struct known k = known_new();
    struct run run = {.from_ns = START_NS + 10 * NS_PER_S,
                      .weight_ns = 10 * NS_PER_S,
                      .thread = k.main,
                      .ticks = 1000,
                      .flags = SAMPLE_GIL | SAMPLE_GC};
    recording_add_run(k.rec, &run);
    struct table t = {0};
    struct query q = fixture_query(k.rec);
    table_fill(&t, &threads_view, &q);
    fixture_near(fixture_number(&t, 0, "gil_pct"), 50);
    fixture_near(fixture_number(&t, 0, "gc_pct"), 50);
    fixture_near(fixture_number(&t, 0, "gil_wait_pct"), 0);
    fixture_near(fixture_number(&t, 1, "gil_pct"),
                 0); /* of the same process: known not to have held it */
    table_clear(&t);
    recording_free(k.rec);
}

/* Ten thousand cells of thirty frames: what a screen may take for its table once a second. */
static void many_cells(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct function_id f[500];
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "function_%d", i);
        f[i] = fixture_function(rec, name, "/srv/big.py", (uint32_t)i);
    }
    struct thread_id threads[20];
    for (int i = 0; i < 20; i++)
        threads[i] = fixture_thread(rec, i + 1, "t");
    unsigned random = 1;
    for (int c = 0; c < 10000; c++) {
        struct stack_id s = {0};
        for (int d = 0; d < 30; d++) {
            random = random * 1664525 + 1013904223;
            s = fixture_call(rec, s, f[(random >> 8) % (d < 20 ? 20 : 500)],
                             1 + (random >> 20) % 5);
        }
        fixture_run(rec, threads[c % 20], s, STATE_RUNNING, WAIT_NONE, c / 20, 1);
    }
    struct table t = {0};
    struct query q = fixture_query(rec);
    uint64_t begin = clock_thread_cpu_ns();
    for (int i = 0; i < 5; i++)
        table_fill(&t, &functions_view, &q);
    double functions_ms = (double)(clock_thread_cpu_ns() - begin) / 5e6;
    print_message("functions of 10,000 cells x 30 frames: %.1f ms\n", functions_ms);
    assert_true(functions_ms < 500); /* 8 ms when built for speed; far more if it is quadratic */
    begin = clock_thread_cpu_ns();
    table_fill(&t, &lines_view, &q);
    print_message("lines: %.1f ms\n", (double)(clock_thread_cpu_ns() - begin) / 1e6);
    begin = clock_thread_cpu_ns();
    q.limit = 2000;
    table_fill(&t, &tree_view, &q);
    print_message("tree: %.1f ms, %zu rows\n", (double)(clock_thread_cpu_ns() - begin) / 1e6,
                  t.rows.n);
    begin = clock_thread_cpu_ns();
    struct window_sum sum;
    window_sum(&sum, rec, q.window, &q.filter);
    print_message("window_sum: %.1f ms, %zu cells\n", (double)(clock_thread_cpu_ns() - begin) / 1e6,
                  sum.cells.n);
    assert_int_equal(sum.cells.n, 10000);
    window_sum_clear(&sum);
    table_clear(&t);
    recording_free(rec);
}

/* What a language's library leaves in a program's own file is nobody's own function. */
static void own_functions(void **state)
{
    (void)state;
    static const struct {
        const char *name, *file;
        bool own;
    } cases[] = {
        {"rebuild", "/srv/shop.cc", true},
        {"Shop::query", "/srv/shop.cc", true},
        {"std::mutex::lock", "/usr/include/c++/12/bits/std_mutex.h", false},
        {"std::mutex::lock", "", false},
        {"void std::__invoke_impl<void, work>", "", false},
        {"std::sys::pal::unix::futex::futex_wait", "/rustc/17/library/std/src/sys/futex.rs", false},
        {"<alloc::vec::Vec<T> as core::ops::Drop>::drop", "", false},
        {"__gthread_mutex_lock", "", false},
        {"standard", "/srv/include/standard.c", true},
    };
    struct recording *rec = fixture_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct function_id f = fixture_native(rec, cases[i].name, "/srv/shop", cases[i].file, 3);
        if (rows_is_own(rec, f) != cases[i].own)
            fail_msg("%s of %s", cases[i].name, cases[i].file);
    }
    recording_free(rec);
}

/* What gives compiled code its names is told for the program that it is, and for no other. */
static void remedies(void **state)
{
    (void)state;
    char out[REMEDY_MAX];
    assert_string_equal(nameless_remedy(out, "/usr/bin/node", "native", 7),
                        "start node with --perf-basic-prof");
    assert_non_null(strstr(nameless_remedy(out, "/opt/jdk/bin/java", "", 7), "jcmd 7 Compiler"));
    assert_string_equal(nameless_remedy(out, "/usr/bin/gunicorn", "python 3.12.1", 7),
                        "start python with -X perf");
    assert_null(nameless_remedy(out, "/usr/bin/python3.11", "python 3.11.2", 7));
    assert_null(nameless_remedy(out, "/usr/bin/javascript", "native", 7));
    assert_null(nameless_remedy(out, "", "", 7));

    struct recording *rec = fixture_new();
    struct table t = {0};
    struct function f = {.name = dictionary_string(&rec->words, NAMELESS_CODE),
                         .language = LANGUAGE_JIT};
    struct frame frame = {.place = {dictionary_function(&rec->words, &f), 0}};
    struct stack_id stack =
        dictionary_stack(&rec->words, (struct stack_id){0}, dictionary_frame(&rec->words, &frame));
    fixture_run(rec, fixture_thread(rec, 1, "main"), stack, STATE_RUNNING, WAIT_NONE, 0, 2);
    struct query q = fixture_query(rec);
    table_fill(&t, &summary_view, &q);
    assert_int_equal(fixture_find(&t, "kind", "names"), SIZE_MAX);
    rec->incarnations.at[1].exe = dictionary_string(&rec->words, "/usr/bin/node");
    rec->incarnations.at[1].runtime = dictionary_string(&rec->words, "native");
    table_fill(&t, &summary_view, &q);
    size_t r = fixture_find(&t, "kind", "names");
    assert_int_not_equal(r, SIZE_MAX);
    assert_string_equal(
        fixture_text(&t, r, "verdict"),
        "100% of the time in code without names: start node with --perf-basic-prof");
    table_clear(&t);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_functions),
        cmocka_unit_test(functions_of_busy_time),
        cmocka_unit_test(functions_by_state),
        cmocka_unit_test(functions_filtered),
        cmocka_unit_test(threads_are_counted),
        cmocka_unit_test(marks_are_no_callers),
        cmocka_unit_test(lines),
        cmocka_unit_test(tree),
        cmocka_unit_test(tree_of_callers),
        cmocka_unit_test(tree_of_callees),
        cmocka_unit_test(deep_recursion),
        cmocka_unit_test(threads),
        cmocka_unit_test(threads_of_python),
        cmocka_unit_test(many_cells),
        cmocka_unit_test(remedies),
    };
    return cmocka_run_group_tests_name("view_rows", tests, NULL, NULL);
}
