/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread's time adds up, whatever its samples met: see engine/watched.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/watched.h"

#define GAP_NS (2 * NS_PER_S)

struct sim {
    struct sink sink;
    struct watched t;
    uint64_t now_ns;
    struct task_times times;
    uint64_t sums[3]; /* by state */
};

static void sim_init(struct sim *s)
{
    *s = (struct sim){.now_ns = 100 * NS_PER_S, .times = {7 * NS_PER_S, 3 * NS_PER_S, 1}};
    sink_init(&s->sink);
    s->t.tid = 1;
    watched_account(&s->t, &s->times, s->now_ns, GAP_NS);
}

static void sim_clear(struct sim *s)
{
    watched_flush(&s->t, &s->sink);
    for (size_t i = 0; i < s->sink.batch->runs.n; i++)
        s->sums[s->sink.batch->runs.at[i].state] += s->sink.batch->runs.at[i].weight_ns;
    sink_clear(&s->sink);
}

static void passes(struct sim *s, uint64_t ran_ns, uint64_t queued_ns, uint64_t slept_ns)
{
    s->now_ns += ran_ns + queued_ns + slept_ns;
    s->times.run_ns += ran_ns;
    s->times.queue_ns += queued_ns;
    watched_account(&s->t, &s->times, s->now_ns, GAP_NS);
}

static void add(struct sim *s, enum sample_state state, uint64_t weight_ns)
{
    struct run seen = {.state = (uint8_t)state};
    watched_add(&s->t, &s->sink, &seen, weight_ns, s->now_ns);
}

static void see_running(struct sim *s, uint64_t period_ns)
{
    uint64_t queue_ns = watched_take_queue(&s->t);
    if (queue_ns)
        add(s, STATE_RUNNABLE, queue_ns);
    add(s, STATE_RUNNING, watched_take_cpu(&s->t, period_ns));
}

static void see_waiting(struct sim *s)
{
    add(s, STATE_WAITING, watched_take_wait(&s->t));
}

static void test_each_state_has_what_it_had(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    /* Short bursts, mostly missed: of 1,000 ticks one in ten finds it running. */
    for (int i = 0; i < 1000; i++) {
        passes(&s, 2 * NS_PER_MS, NS_PER_MS, 7 * NS_PER_MS);
        if (i % 10 == 9)
            see_running(&s, 10 * NS_PER_MS);
        else
            see_waiting(&s);
    }
    see_waiting(&s);
    sim_clear(&s);
    /* Some of it is still to be given out. */
    assert_in_range(s.sums[STATE_RUNNING], 1900 * NS_PER_MS, 2000 * NS_PER_MS);
    assert_int_equal(s.sums[STATE_RUNNABLE], NS_PER_S);
    assert_int_equal(s.sums[STATE_WAITING], 7 * NS_PER_S);
}

/* The kernel tells a running thread's run time every 4 ms only; samples of 1 ms weigh the same. */
static void test_coarse_run_time_is_spread(void **state)
{
    (void)state;
    struct sim s;
    uint64_t largest_ns = 0;
    sim_init(&s);
    for (int i = 0; i < 4000; i++) {
        s.now_ns += NS_PER_MS;
        if (i % 4 == 3)
            s.times.run_ns += 4 * NS_PER_MS;
        watched_account(&s.t, &s.times, s.now_ns, GAP_NS);
        uint64_t ns = watched_take_cpu(&s.t, NS_PER_MS);
        largest_ns = ns > largest_ns ? ns : largest_ns;
        add(&s, STATE_RUNNING, ns);
    }
    sim_clear(&s);
    assert_in_range(s.sums[STATE_RUNNING], 3990 * NS_PER_MS, 4000 * NS_PER_MS);
    assert_true(largest_ns <= 3 * NS_PER_MS / 2);
}

/* A wait for a CPU is told when it is over: until then it looked like any other. */
static void test_a_long_queue_is_put_right(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    for (int i = 0; i < 10; i++) {
        s.now_ns += 10 * NS_PER_MS;
        watched_account(&s.t, &s.times, s.now_ns, GAP_NS);
    }
    s.now_ns += 5 * NS_PER_MS;
    s.times.run_ns += 5 * NS_PER_MS;
    s.times.queue_ns += 100 * NS_PER_MS;
    watched_account(&s.t, &s.times, s.now_ns, GAP_NS);
    see_running(&s, 10 * NS_PER_MS);
    see_waiting(&s);
    sim_clear(&s);
    assert_int_equal(s.sums[STATE_RUNNING], 5 * NS_PER_MS);
    assert_int_equal(s.sums[STATE_RUNNABLE], 100 * NS_PER_MS);
    assert_int_equal(s.sums[STATE_WAITING], 0);
}

/* Of 10 ms it runs 9 and is held for 1 of them: it has not waited. */
static void test_held_for_a_copy_is_no_wait(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    for (int i = 0; i < 100; i++) {
        passes(&s, 9 * NS_PER_MS, 0, NS_PER_MS);
        watched_held(&s.t, NS_PER_MS);
        see_running(&s, 10 * NS_PER_MS);
    }
    passes(&s, 0, 0, 5 * NS_PER_MS);
    see_waiting(&s);
    sim_clear(&s);
    assert_int_equal(s.sums[STATE_RUNNING], 900 * NS_PER_MS);
    assert_int_equal(s.sums[STATE_WAITING], 5 * NS_PER_MS);
}

/* It ran between two looks, and waits for a CPU when it is stopped: what it ran belongs to a sample
 * that sees it running. */
static void test_a_thread_without_a_cpu_is_given_no_run_time(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    passes(&s, 2 * NS_PER_MS, 0, 7 * NS_PER_MS);
    s.t.asked_ns = s.now_ns;
    s.t.asked_queue_ns = s.times.queue_ns;
    assert_false(watched_queued(&s.t, s.now_ns));
    /* The sampler itself took its CPU at the tick. */
    passes(&s, 0, NS_PER_MS, 0);
    assert_false(watched_queued(&s.t, s.now_ns));
    /* It has waited since before that. */
    s.t.asked_ns += NS_PER_MS / 2;
    assert_true(watched_queued(&s.t, s.now_ns));
    struct run seen = {.state = STATE_RUNNING};
    watched_add_queued(&s.t, &s.sink, &seen, s.now_ns);
    see_running(&s, 10 * NS_PER_MS);
    sim_clear(&s);
    assert_int_equal(s.sums[STATE_RUNNABLE], NS_PER_MS);
    assert_int_equal(s.sums[STATE_RUNNING], 2 * NS_PER_MS);
}

/* One look at a thread that has run to `now` since from_ns of its turn, of which the kernel knows
 * what its last tick has seen. */
static void look_moving(struct sim *s, uint32_t stack, uint64_t used_ns, uint64_t from_ns)
{
    uint64_t tick_ns = s->now_ns / (4 * NS_PER_MS) * (4 * NS_PER_MS);
    struct run seen = {.state = STATE_RUNNING, .stack = {stack}};
    s->times.run_ns = used_ns + (tick_ns > from_ns ? tick_ns - from_ns : 0);
    watched_account(&s->t, &s->times, s->now_ns, GAP_NS);
    watched_add_moving(&s->t, &s->sink, &seen, 10 * NS_PER_MS, s->now_ns);
}

static void test_unstopped_each_function_has_its_own(void **state)
{
    (void)state;
    const uint64_t steps_ns[] = {50 * NS_PER_US, 1300 * NS_PER_US};
    for (int speed = 0; speed < 2; speed++) {
        struct sim s;
        sim_init(&s);
        uint64_t used_ns = s.times.run_ns, begun_ns = s.now_ns, next_ns = s.now_ns;
        /* 1 runs for 2 ms, 2 for 6, and after each it sleeps for 3. */
        for (int turn = 0; turn < 1000; turn++) {
            uint32_t stack = 1 + (uint32_t)turn % 2;
            uint64_t from_ns = begun_ns, end_ns = from_ns + (stack == 1 ? 2 : 6) * NS_PER_MS;
            s.times.turns++;
            for (; next_ns < end_ns; next_ns += steps_ns[speed]) {
                s.now_ns = next_ns;
                look_moving(&s, stack, used_ns, from_ns);
            }
            used_ns += end_ns - from_ns;
            begun_ns = end_ns + 3 * NS_PER_MS;
            for (; next_ns < begun_ns; next_ns += steps_ns[speed]) {
                s.now_ns = next_ns;
                s.times.run_ns = used_ns;
                watched_account(&s.t, &s.times, s.now_ns, GAP_NS);
                watched_end_moving(&s.t, &s.sink, 10 * NS_PER_MS, s.now_ns);
            }
        }
        watched_flush(&s.t, &s.sink);
        uint64_t sums[3] = {0};
        for (size_t i = 0; i < s.sink.batch->runs.n; i++)
            sums[s.sink.batch->runs.at[i].stack.n] += s.sink.batch->runs.at[i].weight_ns;
        sink_clear(&s.sink);
        assert_in_range(sums[1], 980 * NS_PER_MS, 1020 * NS_PER_MS);
        assert_in_range(sums[2], 2980 * NS_PER_MS, 3020 * NS_PER_MS);
    }
}

static void test_unstopped_totals_hold_on_a_shared_cpu(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    /* Every second 4 ms it waits for its CPU, which a look at its frames does not tell. */
    uint64_t used_ns = s.times.run_ns;
    for (int ms = 1; ms <= 8000; ms++) {
        bool runs = ms / 4 % 2 == 0;
        s.now_ns += NS_PER_MS;
        used_ns += runs ? NS_PER_MS : 0;
        s.times.turns += ms % 8 == 0;
        s.times.queue_ns += ms % 8 == 0 ? 4 * NS_PER_MS : 0;
        look_moving(&s, 1, used_ns, s.now_ns);
    }
    sim_clear(&s);
    assert_in_range(s.sums[STATE_RUNNING], 3980 * NS_PER_MS, 4020 * NS_PER_MS);
}

static void test_what_was_not_observed_is_left_out(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s);
    passes(&s, NS_PER_MS, 0, 10 * NS_PER_S); /* proftop was stopped */
    see_waiting(&s);
    passes(&s, NS_PER_MS, 0, 9 * NS_PER_MS);
    see_waiting(&s);
    sim_clear(&s);
    assert_int_equal(s.sums[STATE_WAITING], 9 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state_has_what_it_had),
        cmocka_unit_test(test_coarse_run_time_is_spread),
        cmocka_unit_test(test_a_long_queue_is_put_right),
        cmocka_unit_test(test_held_for_a_copy_is_no_wait),
        cmocka_unit_test(test_a_thread_without_a_cpu_is_given_no_run_time),
        cmocka_unit_test(test_unstopped_each_function_has_its_own),
        cmocka_unit_test(test_unstopped_totals_hold_on_a_shared_cpu),
        cmocka_unit_test(test_what_was_not_observed_is_left_out),
    };
    return cmocka_run_group_tests_name("engine_watched", tests, NULL, NULL);
}
