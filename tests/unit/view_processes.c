/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes' rows, and the rule for the odd one out, on recordings whose figures are known. */
#include "view_fixture.h"

#include "base/text.h"
#include "view/draw_time.h"
#include "view/views.h"

struct family {
    struct recording *rec;
    struct function_id work;
    struct stack_id stack;
};

static struct family family_new(void)
{
    struct family f = {.rec = fixture_new()};
    f.work = fixture_function(f.rec, "work", "/srv/w.py", 3);
    f.stack = fixture_call(f.rec, (struct stack_id){0}, f.work, 4);
    return f;
}

/* A child of the target that spins for cpu_s and waits for the rest of ten seconds. */
static uint32_t add_child(struct family *f, int32_t pid, const char *comm, double cpu_s,
                          enum wait_kind wait, double wait_s)
{
    struct dictionary *d = &f->rec->words;
    struct incarnation in = {.pid = pid,
                             .ppid = 48211,
                             .start_ticks = 50000 + (uint64_t)pid,
                             .comm = dictionary_string(d, comm),
                             .exe = dictionary_string(d, "/srv/app"),
                             .from_ns = START_NS};
    struct incarnation_id id = recording_add_incarnation(f->rec, in);
    struct thread t = {.incarnation = id, .tid = pid, .from_ns = START_NS};
    struct thread_id thread = recording_add_thread(f->rec, t);
    fixture_run(f->rec, thread, f->stack, STATE_RUNNING, WAIT_NONE, 0, cpu_s);
    if (wait_s > 0)
        fixture_run(f->rec, thread, f->stack, STATE_WAITING, wait, cpu_s, wait_s);
    return id.n;
}

static size_t row_of(const struct table *t, int pid)
{
    for (size_t r = 0; r < t->rows.n; r++)
        if ((int)fixture_number(t, r, "pid") == pid)
            return r;
    fail_msg("no row of process %d", pid);
    return 0;
}

static bool is_odd(const struct table *t, int pid)
{
    const struct value *v = fixture_value(t, row_of(t, pid), "outlier");
    assert_int_equal(v->kind, VALUE_BOOL);
    return v->number != 0;
}

static void fill(struct table *t, const struct family *f)
{
    struct query q = fixture_query(f->rec);
    table_fill(t, &processes_view, &q);
}

static void rows(void **state)
{
    (void)state;
    struct family f = family_new();
    add_child(&f, 101, "worker", 2, WAIT_READ, 8);
    uint32_t gone = add_child(&f, 102, "worker", 5, WAIT_NONE, 0);
    recording_end_incarnation(f.rec, (struct incarnation_id){gone}, START_NS + 5 * NS_PER_S, false);
    struct table t = {0};
    char clock[FIGURE_MAX];
    fill(&t, &f);
    assert_int_equal(t.rows.n, 2); /* the target made no sample */
    size_t r = row_of(&t, 101);
    assert_int_equal(r, 0); /* most of the whole: 10 of 15 s */
    assert_true(fixture_number(&t, r, "ppid") == 48211);
    assert_true(fixture_number(&t, r, "cpu_s") == 2);
    assert_true(fixture_number(&t, r, "wait_s") == 8);
    assert_true(fixture_number(&t, r, "threads") == 1);
    assert_true(fixture_number(&t, r, "samples") == 1000);
    assert_string_equal(fixture_text(&t, r, "top_wait"), "read");
    assert_string_equal(fixture_text(&t, r, "top_function"), "work");
    assert_int_equal(fixture_value(&t, r, "ended_s")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, r, "went")->kind, VALUE_NULL);
    assert_string_equal(fixture_text(&t, r, "came"), "at first");
    assert_int_equal(t.rows.at[r].pid, 101);
    r = row_of(&t, 102);
    assert_true(fixture_number(&t, r, "ended_s") == 5);
    assert_string_equal(fixture_text(&t, r, "went"),
                        wall_clock(clock, f.rec, START_NS + 5 * NS_PER_S));
    assert_string_equal(fixture_text(&t, r, "top_wait"), "(null)");
    table_clear(&t);
    recording_free(f.rec);
}

static void odd_one_out(void **state)
{
    (void)state;
    struct family f = family_new();
    add_child(&f, 101, "worker", 2.0, WAIT_READ, 1);
    add_child(&f, 102, "worker", 2.1, WAIT_READ, 1);
    add_child(&f, 103, "worker", 1.9, WAIT_READ, 1);
    add_child(&f, 104, "worker", 6.0, WAIT_READ, 1);
    add_child(&f, 105, "worker", 2.0, WAIT_READ, 7);
    add_child(&f, 106, "other", 9.0, WAIT_READ, 1); /* no sibling of theirs */
    struct table t = {0};
    fill(&t, &f);
    for (int pid = 101; pid <= 106; pid++)
        assert_int_equal(is_odd(&t, pid), pid == 104 || pid == 105);
    assert_int_equal(t.rows.at[row_of(&t, 104)].role, ROW_ALERT);
    struct query q = fixture_query(f.rec);
    table_fill(&t, &summary_view, &q);
    size_t said = fixture_find(&t, "kind", "process");
    assert_int_not_equal(said, SIZE_MAX);
    assert_string_equal(fixture_text(&t, said, "view"), "processes");
    assert_non_null(strstr(fixture_text(&t, said, "verdict"), "process 105 (worker)"));
    table_clear(&t);
    recording_free(f.rec);
}

static void few_or_alike_are_not_odd(void **state)
{
    (void)state;
    struct family f = family_new();
    add_child(&f, 101, "pair", 1, WAIT_READ, 1);
    add_child(&f, 102, "pair", 9, WAIT_READ, 1); /* which of two is odd? */
    for (int i = 0; i < 5; i++)
        add_child(&f, 110 + i, "alike", 2 + 0.01 * (i == 4), WAIT_READ, 1);
    for (int i = 0; i < 5; i++)
        add_child(&f, 120 + i, "spread", 1 + i, WAIT_READ, 1);
    struct table t = {0};
    fill(&t, &f);
    assert_int_equal(t.rows.n, 12);
    for (size_t r = 0; r < t.rows.n; r++)
        assert_true(fixture_value(&t, r, "outlier")->number == 0);
    table_clear(&t);
    recording_free(f.rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(odd_one_out),
        cmocka_unit_test(few_or_alike_are_not_odd),
    };
    return cmocka_run_group_tests_name("view_processes", tests, NULL, NULL);
}
