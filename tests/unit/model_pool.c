/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pooled level: old time of a busy target keeps what each stack had in each state, in slices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "base/clock.h"
#include "base/map.h"
#include "model/collect.h"
#include "model/cut.h"
#include "model/pool.h"
#include "model/window.h"

#define START_NS (1000 * NS_PER_S) /* within a slice */
#define THREADS  6
#define STACKS   40

struct made {
    struct recording *rec;
    struct stack_id stacks[STACKS];
    double seen_ns[STACKS][2];
    uint64_t ticks, end_ns;
};

static struct stack_id add_stack(struct recording *rec, int n)
{
    struct stack_id s = {0};
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", i == 0 ? 0 : i == 1 ? n % 5 : 100 + n);
        struct function f = {.name = dictionary_string(&rec->words, name)};
        struct frame frame = {.kind = FRAME_PYTHON};
        frame.place.function = dictionary_function(&rec->words, &f);
        s = dictionary_stack(&rec->words, s, dictionary_frame(&rec->words, &frame));
    }
    return s;
}

/* Two processes; the finer levels hold next to nothing. */
static struct made *begin(void)
{
    struct made *m = calloc(1, sizeof *m);
    m->rec = recording_new(START_NS, 0);
    for (int level = 0; level < LEVEL_POOLED; level++)
        m->rec->limits.runs_max[level] = 20;
    for (int i = 0; i < 2; i++) {
        struct incarnation in = {.pid = 10 + i, .from_ns = START_NS};
        recording_add_incarnation(m->rec, in);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        struct thread t = {.incarnation = {1 + i % 2}, .tid = 100 + (int32_t)i};
        recording_add_thread(m->rec, t);
    }
    for (int i = 0; i < STACKS; i++)
        m->stacks[i] = add_stack(m->rec, i);
    m->end_ns = START_NS;
    return m;
}

static void end(struct made *m)
{
    recording_free(m->rec);
    free(m);
}

/* Each thread runs and waits in turn, half a second each. */
static void busy_minutes(struct made *m, int minutes)
{
    uint64_t step = NS_PER_S / 2;
    for (int i = 0; i < minutes * 120; i++, m->end_ns += step) {
        for (uint32_t t = 0; t < THREADS; t++) {
            uint32_t n = (uint32_t)(hash_mix((uint64_t)i, t) % STACKS);
            bool runs = (i + t) % 2;
            struct run run = {.from_ns = m->end_ns,
                              .weight_ns = step,
                              .thread = {1 + t},
                              .stack = m->stacks[n],
                              .owner = runs ? 0 : 7,
                              .state = runs ? STATE_RUNNING : STATE_WAITING,
                              .wait = runs ? WAIT_NONE : WAIT_FUTEX,
                              .ticks = 50};
            recording_add_run(m->rec, &run);
            m->seen_ns[n][runs] += (double)step;
            m->ticks += 50;
        }
        recording_thin(m->rec, m->rec->end_ns);
    }
    /* So that no slice reaches beyond the end. */
    recording_add_metric(m->rec, METRIC_RSS, m->end_ns + POOL_SLICE_NS, 1);
}

static int number_of(const struct made *m, struct stack_id stack)
{
    for (int n = 0; n < STACKS; n++)
        if (m->stacks[n].n == stack.n)
            return n;
    return -1;
}

static void read_back(const struct made *m, struct window w, int32_t pid, double ns[STACKS][2],
                      uint64_t *ticks)
{
    struct window_sum sum;
    struct filter filter = {.states = STATES_ALL, .pid = pid, .native = NATIVE_ALL};
    window_sum(&sum, m->rec, w, &filter);
    *ticks = 0;
    for (size_t i = 0; i < sum.cells.n; i++) {
        int n = number_of(m, sum.cells.at[i].stack);
        assert_true(n >= 0);
        ns[n][sum.cells.at[i].state == STATE_RUNNING] += (double)sum.cells.at[i].ns;
        *ticks += sum.cells.at[i].ticks;
    }
    window_sum_clear(&sum);
}

static void slices_keep_the_time_of_each_stack(void **state)
{
    (void)state;
    struct made *m = begin();
    busy_minutes(m, 60);
    size_t pooled = recording_run_count(m->rec, LEVEL_POOLED);
    assert_in_range(pooled, 12 * STACKS, 14 * 2 * 2 * STACKS); /* of 43,000 */
    double told[STACKS][2] = {{0}}, one[STACKS][2] = {{0}}, other[STACKS][2] = {{0}};
    uint64_t ticks, of_one, of_other;
    read_back(m, window_all(m->rec), 0, told, &ticks);
    assert_int_equal(ticks, m->ticks);
    read_back(m, window_all(m->rec), 10, one, &of_one);
    read_back(m, window_all(m->rec), 11, other, &of_other);
    assert_int_equal(of_one, m->ticks / 2); /* processes are told apart */
    assert_int_equal(of_other, m->ticks / 2);
    for (int n = 0; n < STACKS; n++)
        for (int k = 0; k < 2; k++) {
            assert_float_equal(told[n][k], m->seen_ns[n][k], 10);
            assert_float_equal(one[n][k] + other[n][k], m->seen_ns[n][k], 10);
        }
    end(m);
}

static void a_long_wait_lies_in_all_its_slices(void **state)
{
    (void)state;
    struct made *m = begin();
    struct run wait = {.from_ns = START_NS,
                       .weight_ns = 3600 * NS_PER_S,
                       .thread = {1},
                       .stack = m->stacks[0],
                       .state = STATE_WAITING,
                       .wait = WAIT_READ,
                       .ticks = 360000};
    recording_add_run(m->rec, &wait);
    recording_end_thread(m->rec, (struct thread_id){1}, START_NS + 3600 * NS_PER_S);
    m->end_ns = m->rec->end_ns;
    m->rec->threads.at[1].to_ns = 0;
    busy_minutes(m, 5);
    assert_true(recording_run_count(m->rec, LEVEL_POOLED) > 12);
    uint64_t from = START_NS + 1234 * NS_PER_S, ticks;
    double told[STACKS][2] = {{0}};
    read_back(m, (struct window){from, from + 600 * NS_PER_S}, 0, told, &ticks);
    assert_float_equal(told[0][0], 600e9, 10);
    assert_in_range(ticks, 59990, 60010);
    double all[STACKS][2] = {{0}};
    read_back(m, window_all(m->rec), 0, all, &ticks);
    assert_float_equal(all[0][0], 3600e9 + m->seen_ns[0][0], 100);
    assert_int_equal(ticks, 360000 + m->ticks);
    end(m);
}

static void a_full_level_is_thinned(void **state)
{
    (void)state;
    struct made *m = begin();
    m->rec->limits.runs_max[LEVEL_POOLED] = 2000;
    busy_minutes(m, 180);
    struct run_ring *r = &m->rec->levels[LEVEL_POOLED];
    assert_in_range(recording_run_count(m->rec, LEVEL_POOLED), 1800, 2000 + 2000 / 16);
    assert_int_equal(r->dropped, 0);
    assert_int_equal(recording_run_at(m->rec, LEVEL_POOLED, 0)->from_ns, START_NS);
    double told[STACKS][2] = {{0}}, sums[2][2] = {{0}};
    double outer[5][2] = {{0}}; /* by the second frame */
    uint64_t ticks;
    read_back(m, window_all(m->rec), 0, told, &ticks);
    assert_int_equal(ticks, m->ticks);
    for (int n = 0; n < STACKS; n++)
        for (int k = 0; k < 2; k++) {
            sums[0][k] += told[n][k];
            sums[1][k] += m->seen_ns[n][k];
            outer[n % 5][k] += told[n][k] - m->seen_ns[n][k];
        }
    for (int k = 0; k < 2; k++) {
        assert_float_equal(sums[0][k], sums[1][k], 100);
        for (int n = 0; n < 5; n++) /* joined stacks are neighbours in the tree */
            assert_float_equal(outer[n][k], 0, 0.02 * sums[1][k]);
        double squares = 0, mean = sums[1][k] / STACKS;
        for (int n = 0; n < STACKS; n++) /* and none is preferred */
            squares += pow((told[n][k] - m->seen_ns[n][k]) / mean, 2);
        assert_true(sqrt(squares / STACKS) < 0.3);
    }
    end(m);
}

static void a_cut_leaves_a_share_of_a_slice(void **state)
{
    (void)state;
    struct made *m = begin();
    busy_minutes(m, 60);
    uint64_t cut_ns = (START_NS / POOL_SLICE_NS + 3) * POOL_SLICE_NS + 100 * NS_PER_S, ticks;
    double before[STACKS][2] = {{0}}, after[STACKS][2] = {{0}}, sums[2] = {0};
    read_back(m, (struct window){cut_ns, m->rec->end_ns + 1}, 0, before, &ticks);
    recording_cut(m->rec, cut_ns);
    for (int n = 0; n < STACKS; n++)
        m->stacks[n] = add_stack(m->rec, n);
    read_back(m, window_all(m->rec), 0, after, &ticks);
    for (int n = 0; n < STACKS; n++)
        for (int k = 0; k < 2; k++) {
            assert_float_equal(before[n][k], after[n][k], 10);
            sums[k] += after[n][k];
        }
    double left_s = (double)(m->end_ns - cut_ns) / 1e9 * THREADS / 2;
    assert_float_equal(sums[0] / 1e9, left_s, 2);
    assert_float_equal(sums[1] / 1e9, left_s, 2);
    end(m);
}

/* Numbers change with a collection: what comes after finds the thread that stands for all again. */
static void a_collection_keeps_the_threads(void **state)
{
    (void)state;
    struct made *m = begin();
    busy_minutes(m, 10);
    recording_end_thread(m->rec, (struct thread_id){2}, m->end_ns);
    while (recording_run_count(m->rec, LEVEL_RAW)) /* all that is left of thread 2 is pooled */
        m->rec->levels[LEVEL_RAW].first++;
    m->rec->levels[LEVEL_SECOND].first = m->rec->levels[LEVEL_SECOND].ring.n;
    m->rec->levels[LEVEL_TEN].first = m->rec->levels[LEVEL_TEN].ring.n;
    uint32_t *renumbered = calloc(m->rec->threads.n, sizeof *renumbered);
    size_t had = m->rec->threads.n;
    recording_collect_threads(m->rec, renumbered);
    free(renumbered);
    assert_int_equal(m->rec->threads.n, had - 1);
    for (uint32_t i = 1; i <= 2; i++) {
        struct thread_id pooled = m->rec->incarnations.at[i].pooled;
        assert_true(pooled.n > 0);
        assert_int_equal(m->rec->threads.at[pooled.n].tid, 0);
        assert_int_equal(m->rec->threads.at[pooled.n].incarnation.n, i);
    }
    for (size_t i = 0; i < recording_run_count(m->rec, LEVEL_POOLED); i++)
        assert_int_equal(
            m->rec->threads.at[recording_run_at(m->rec, LEVEL_POOLED, i)->thread.n].tid, 0);
    end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_keep_the_time_of_each_stack),
        cmocka_unit_test(a_long_wait_lies_in_all_its_slices),
        cmocka_unit_test(a_full_level_is_thinned),
        cmocka_unit_test(a_cut_leaves_a_share_of_a_slice),
        cmocka_unit_test(a_collection_keeps_the_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
