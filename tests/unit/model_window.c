/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Windows, what is left of one without another, and the sums of both. */
#include "view_fixture.h"

static void check_windows(struct windows have, const uint64_t *want, size_t n)
{
    assert_int_equal(have.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(have.at[i].from_ns, want[2 * i]);
        assert_int_equal(have.at[i].to_ns, want[2 * i + 1]);
    }
}

static void all_but_a_window(void **state)
{
    (void)state;
    const struct window all = {100, 200};
    check_windows(windows_without(all, (struct window){0}), (uint64_t[]){100, 200}, 1);
    check_windows(windows_without(all, (struct window){120, 150}), (uint64_t[]){100, 120, 150, 200},
                  2);
    check_windows(windows_without(all, (struct window){50, 150}), (uint64_t[]){150, 200}, 1);
    check_windows(windows_without(all, (struct window){100, 150}), (uint64_t[]){150, 200}, 1);
    check_windows(windows_without(all, (struct window){150, 300}), (uint64_t[]){100, 150}, 1);
    check_windows(windows_without(all, (struct window){50, 300}), NULL, 0);
    check_windows(windows_without(all, (struct window){200, 300}), (uint64_t[]){100, 200}, 1);
    check_windows(windows_without(all, (struct window){160, 140}), (uint64_t[]){100, 200}, 1);
    check_windows(windows_of((struct window){7, 7}), NULL, 0);
}

static void slices_go_over_the_gap(void **state)
{
    (void)state;
    struct windows w = windows_without((struct window){100, 200}, (struct window){120, 150});
    assert_int_equal(windows_span_ns(&w), 70);
    check_windows(windows_slice(&w, 0, 10), (uint64_t[]){100, 110}, 1);
    check_windows(windows_slice(&w, 10, 30), (uint64_t[]){110, 120, 150, 160}, 2);
    check_windows(windows_slice(&w, 20, 40), (uint64_t[]){150, 170}, 1);
    check_windows(windows_slice(&w, 60, 99), (uint64_t[]){190, 200}, 1);
    uint64_t sum = 0;
    for (uint64_t k = 0; k < 7; k++) {
        struct windows slice = windows_slice(&w, k * 10, (k + 1) * 10);
        sum += windows_span_ns(&slice);
    }
    assert_int_equal(sum, 70);
}

struct visited {
    uint64_t runs, ns;
};

static void count_run(const struct run *run, int level, bool idle, void *context)
{
    struct visited *v = context;
    (void)level;
    (void)idle;
    v->runs++;
    v->ns += run->weight_ns;
}

/* What is before a gap, in it, over it and behind it; also when it has been folded. */
static void sums_leave_out_the_gap(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct thread_id thread = fixture_thread(rec, 1, "main");
    struct stack_id stacks[3];
    for (int i = 0; i < 3; i++) {
        const char *names[] = {"early", "middle", "late"};
        struct function_id f = fixture_function(rec, names[i], "/a.py", 1);
        stacks[i] = fixture_call(rec, (struct stack_id){0}, f, 2);
    }
    fixture_run(rec, thread, stacks[0], STATE_RUNNING, WAIT_NONE, 0, 4);
    fixture_run(rec, thread, stacks[1], STATE_RUNNING, WAIT_NONE, 4, 2);
    fixture_run(rec, thread, stacks[2], STATE_RUNNING, WAIT_NONE, 6, 4);
    const struct window all = window_all(rec);
    for (int thinned = 0; thinned < 2; thinned++) {
        struct windows w =
            windows_without(all, (struct window){START_NS + 3 * NS_PER_S, START_NS + 7 * NS_PER_S});
        struct window_sum sum;
        windows_sum(&sum, rec, &w, NULL);
        assert_int_equal(sum.cpu_ns, 6 * NS_PER_S);
        assert_int_equal(sum.cpu_ticks, 600);
        assert_int_equal(sum.cells.n, 2);
        assert_int_equal(sum.window.from_ns, all.from_ns);
        assert_int_equal(sum.window.to_ns, all.to_ns);
        window_sum_clear(&sum);

        struct fold fold;
        struct visited visited = {0};
        fold_init(&fold, rec, NATIVE_FOLDED);
        windows_visit(rec, &w, &(struct filter){0}, &fold, count_run, &visited);
        assert_int_equal(visited.runs, 2);
        /* One run that reaches over a gap is visited once. */
        w = windows_without(all, (struct window){START_NS + 1 * NS_PER_S, START_NS + 2 * NS_PER_S});
        visited = (struct visited){0};
        windows_visit(rec, &w, &(struct filter){0}, &fold, count_run, &visited);
        assert_int_equal(visited.runs, 3);
        assert_int_equal(visited.ns, 10 * NS_PER_S);
        fold_clear(&fold);
        recording_end_thread(rec, thread, START_NS + 10 * NS_PER_S);
        recording_thin(rec, START_NS + 700 * NS_PER_S);
    }
    recording_free(rec);
}

/* The same times, in fewer cells. */
static void threads_may_be_summed_together(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct function_id f = fixture_function(rec, "work", "/a.py", 1);
    struct stack_id stack = fixture_call(rec, (struct stack_id){0}, f, 2);
    for (int32_t i = 1; i <= 5; i++) {
        struct thread_id thread = fixture_thread(rec, i, "worker");
        fixture_run(rec, thread, stack, STATE_RUNNING, WAIT_NONE, 0, 2);
        fixture_run(rec, thread, stack, STATE_WAITING, WAIT_READ, 2, 1);
    }
    struct window_sum apart, together, one;
    window_sum(&apart, rec, window_all(rec), NULL);
    window_sum(&together, rec, window_all(rec), &(struct filter){.together = true});
    window_sum(&one, rec, window_all(rec), &(struct filter){.together = true, .tid = 3});
    assert_int_equal(apart.cells.n, 10);
    assert_int_equal(together.cells.n, 2);
    assert_int_equal(together.cpu_ns, apart.cpu_ns);
    assert_int_equal(together.wait_ns, apart.wait_ns);
    assert_int_equal(together.cpu_ticks, apart.cpu_ticks);
    assert_int_equal(one.cpu_ns, apart.cpu_ns / 5);
    window_sum_clear(&apart);
    window_sum_clear(&together);
    window_sum_clear(&one);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_a_window),
        cmocka_unit_test(slices_go_over_the_gap),
        cmocka_unit_test(sums_leave_out_the_gap),
        cmocka_unit_test(threads_may_be_summed_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
