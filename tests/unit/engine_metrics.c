/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics of real processes: families are summed, what has ended has no point.
 *
 * With arguments PID... it is a tool instead (tests/bench/bench_metrics.py): prints what a round of
 * metrics of that family takes, and what taking it in takes the recording, in ns of CPU time.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/metrics.h"
#include "model/thread_states.h"
#include "target/procfs.h"

static struct sink sink;
static struct metrics_reader *reader;
static uint64_t now_ns;

static int set_up(void **state)
{
    (void)state;
    sink_init(&sink);
    reader = metrics_reader_new();
    now_ns = clock_mono_ns();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_reader_free(reader);
    sink_clear(&sink);
    return 0;
}

/* A child with so many descriptors more than it inherits, which sleeps. */
static pid_t child_with_fds(int fds)
{
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; i < fds; i++)
            (void)!open("/dev/null", O_RDONLY);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_second(const pid_t *pids, size_t n)
{
    sink.batch->metrics.n = 0;
    now_ns += NS_PER_S;
    metrics_read(reader, pids, n, 0, &sink, now_ns);
}

static bool told(enum metric metric, double *value)
{
    for (size_t i = 0; i < sink.batch->metrics.n; i++) {
        if (sink.batch->metrics.at[i].metric == metric) {
            *value = sink.batch->metrics.at[i].value;
            return true;
        }
    }
    return false;
}

static double of(enum metric metric)
{
    double value = 0;
    if (!told(metric, &value))
        fail_msg("no %s", metrics[metric].name);
    return value;
}

static void sums_families(void **state)
{
    (void)state;
    pid_t few = child_with_fds(0), many = child_with_fds(50), both[] = {few, many};
    a_second(&few, 1);
    double fds = of(METRIC_FDS), pct = of(METRIC_FDS_PCT);
    a_second(&many, 1);
    double more_pct = of(METRIC_FDS_PCT);
    assert_true(of(METRIC_FDS) >= fds + 48 && more_pct > pct);
    double more = of(METRIC_FDS);
    a_second(both, 2);
    assert_true(of(METRIC_FDS) == fds + more);
    assert_true(of(METRIC_FDS_PCT) == more_pct); /* of the one that is nearer to its limit */
    assert_true(of(METRIC_THREADS) == 2);
    end(few);
    a_second(both, 2);
    assert_true(of(METRIC_FDS) == more);
    end(many);
}

/* Opens descriptors when it is told to, one after another, and sleeps. */
static pid_t child_that_opens(int orders[2])
{
    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        char order;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (read(orders[0], &order, 1) == 1) {
            (void)!open("/dev/null", O_RDONLY);
            /* That it ran is seen by its CPU time, which is exact to the ns. */
        }
        _exit(0);
    }
    return pid;
}

#define FAMILY 30

/* More than are read at once: all are in the sums, CPU time is exact at once, and what one has done
 * is in them within some rounds. */
static void reads_large_families_in_turns(void **state)
{
    (void)state;
    pid_t pids[FAMILY];
    int orders[FAMILY][2];
    for (int i = 0; i < FAMILY; i++)
        pids[i] = child_that_opens(orders[i]);
    a_second(pids, FAMILY);
    double fds = of(METRIC_FDS), rss = of(METRIC_RSS);
    assert_true(of(METRIC_THREADS) == FAMILY && fds >= FAMILY * 3 && rss >= FAMILY * 1e5);
    for (int i = 0; i < FAMILY; i++)
        assert_int_equal(write(orders[i][1], "x", 1), 1);
    double seen = 0;
    for (uint64_t from_ns = clock_mono_ns();
         seen < fds + FAMILY && clock_mono_ns() - from_ns < 20 * NS_PER_S; usleep(1000)) {
        a_second(pids, FAMILY);
        seen = of(METRIC_FDS);
    }
    assert_true(seen == fds + FAMILY);
    end(pids[7]);
    int rounds = 0; /* an ended one counts on until its turn, or until it is not asked for */
    do
        a_second(pids, FAMILY);
    while (of(METRIC_THREADS) == FAMILY && ++rounds < 40);
    assert_true(of(METRIC_THREADS) == FAMILY - 1);
    for (int i = 0; i < FAMILY; i++) {
        if (i != 7)
            end(pids[i]);
        close(orders[i][0]);
        close(orders[i][1]);
    }
}

/* Never a zero of what is not there. */
static void ended_ones_have_no_point(void **state)
{
    (void)state;
    static const enum metric of_the_process[] = {
        METRIC_CPU_PCT, METRIC_RSS,          METRIC_THREADS,  METRIC_FDS,
        METRIC_FDS_PCT, METRIC_NET_RECEIVED, METRIC_NET_SENT, METRIC_SWITCHES_VOLUNTARY};
    pid_t pid = child_with_fds(1);
    a_second(&pid, 1);
    a_second(&pid, 1);
    double value;
    of(METRIC_FDS);
    of(METRIC_CPU_USER);
    end(pid);
    for (int i = 0; i < 2; i++) {
        a_second(&pid, 1);
        for (size_t k = 0; k < sizeof of_the_process / sizeof of_the_process[0]; k++)
            assert_false(told(of_the_process[k], &value));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(sums_families, set_up, tear_down),
    cmocka_unit_test_setup_teardown(reads_large_families_in_turns, set_up, tear_down),
    cmocka_unit_test_setup_teardown(ended_ones_have_no_point, set_up, tear_down),
};

/* The tool */

#define ROUNDS 20
#define DEPTH  20
#define PIECES 5 /* of a run in a second, as batches cut them */

/* ns of CPU time that a round takes to read. */
static double reading_ns(const pid_t *pids, size_t n)
{
    set_up(NULL);
    a_second(pids, n);
    a_second(pids, n);
    uint64_t from_ns = clock_thread_cpu_ns();
    for (int i = 0; i < ROUNDS; i++)
        a_second(pids, n);
    return (double)(clock_thread_cpu_ns() - from_ns) / ROUNDS;
}

/* A stack of its own for each thread, waiting for a lock. */
static struct stack_id deep_stack(struct recording *rec, uint32_t thread)
{
    struct stack_id stack = {0};
    for (uint32_t i = 0; i < DEPTH; i++) {
        struct function f = {
            .name = dictionary_string(&rec->words, "work"), .line = i, .language = LANGUAGE_C};
        struct frame frame = {.kind = FRAME_NATIVE,
                              .offset = i < DEPTH / 2 ? i : (uint64_t)thread << 16 | i,
                              .place = {dictionary_function(&rec->words, &f), (uint32_t)i}};
        stack = dictionary_stack(&rec->words, stack, dictionary_frame(&rec->words, &frame));
    }
    return stack;
}

/* ns that the front takes for all metrics of a second, with their alerts, and for the states of so
 * many threads. */
static void taking_ns(uint32_t threads, double *add_ns, double *states_ns)
{
    struct recording *rec = recording_new(NS_PER_S, 0);
    struct incarnation_id id = recording_add_incarnation(rec, (struct incarnation){.pid = 1});
    VEC(struct stack_id) stacks = {0};
    for (uint32_t i = 0; i < threads; i++) {
        recording_add_thread(rec, (struct thread){.incarnation = id, .tid = (int)i + 1});
        vec_push(&stacks, deep_stack(rec, i));
    }
    uint64_t add = 0, states = 0;
    for (int s = 1; s <= ROUNDS; s++) {
        uint64_t t = (uint64_t)s * NS_PER_S;
        for (uint32_t i = 0; i < threads * PIECES; i++)
            recording_add_run(rec, &(struct run){.from_ns = t + i / threads * (NS_PER_S / PIECES),
                                                 .weight_ns = NS_PER_S / PIECES,
                                                 .thread = {i % threads + 1},
                                                 .stack = stacks.at[i % threads],
                                                 .ticks = 20,
                                                 .state = STATE_WAITING,
                                                 .wait = WAIT_FUTEX});
        uint64_t a_ns = clock_thread_cpu_ns();
        for (int m = 0; m < METRIC_COUNT; m++)
            recording_add_metric(rec, (enum metric)m, t, (double)(s % 7));
        uint64_t b_ns = clock_thread_cpu_ns();
        thread_states_add(rec, t);
        add += b_ns - a_ns;
        states += clock_thread_cpu_ns() - b_ns;
    }
    *add_ns = (double)add / ROUNDS;
    *states_ns = (double)states / ROUNDS;
    vec_free(&stacks);
    recording_free(rec);
}

static int measure(char **words, size_t n)
{
    pid_t pids[256];
    uint32_t threads = 0;
    for (size_t i = 0; i < n; i++) {
        struct procfs_stat stat;
        pids[i] = (pid_t)atoi(words[i]);
        if (!procfs_stat(pids[i], &stat))
            return 1;
        threads += stat.threads;
    }
    double add_ns, states_ns;
    taking_ns(threads, &add_ns, &states_ns);
    printf("read %.0f add %.0f states %.0f\n", reading_ns(pids, n), add_ns, states_ns);
    tear_down(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && argc <= 257)
        return measure(argv + 1, (size_t)argc - 1);
    return cmocka_run_group_tests_name("engine/metrics", tests, NULL, NULL);
}
