/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine on real processes: states and waits of threads, an exec, an end; and its sink. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/metrics.h"
#include "engine/waits.h"
#include "engine/watch.h"
#include "target/perf.h"

#define PATIENCE_NS (10 * NS_PER_S)

static void test_wait_kinds(void **state)
{
    (void)state;
    const uint64_t none[6] = {0}, fds[6] = {3, 3, 3, 3};
    assert_int_equal(wait_of_syscall(SYS_futex, fds), WAIT_FUTEX);
    assert_int_equal(wait_of_syscall(SYS_epoll_wait, fds), WAIT_EPOLL);
    assert_int_equal(wait_of_syscall(SYS_recvfrom, fds), WAIT_READ);
    assert_int_equal(wait_of_syscall(SYS_select, fds), WAIT_POLL);
    assert_int_equal(wait_of_syscall(SYS_select, none), WAIT_SLEEP);
    assert_int_equal(wait_of_syscall(SYS_poll, none), WAIT_SLEEP);
    assert_int_equal(wait_of_syscall(SYS_getpid, none), WAIT_OTHER);
    assert_int_equal(wait_of_syscall(100000, none), WAIT_OTHER);
    assert_int_equal(wait_of_syscall(-1, none), WAIT_FAULT);
}

static void test_sink_starts_anew(void **state)
{
    (void)state;
    struct sink sink;
    sink_init(&sink);
    struct batch_reader reader;
    batch_reader_init(&reader);
    struct recording *rec = recording_new(0, 0);
    struct incarnation in = {.pid = 1};
    sink_incarnation(&sink, &in);
    sink_thread(&sink, 1, 1, "one", 0);
    uint64_t t = NS_PER_S;
    for (int i = 0; sink.generation < 2; i++, t += NS_PER_MS) {
        char name[300];
        memset(name, 'x', sizeof name);
        snprintf(name, 20, "function %d", i);
        name[strlen(name)] = '-';
        name[sizeof name - 1] = '\0';
        struct function f = {.name = dictionary_string(&sink.words, name)};
        struct frame frame = {.kind = FRAME_PYTHON,
                              .place = {dictionary_function(&sink.words, &f), 1}};
        struct stack_id s = dictionary_stack(&sink.words, (struct stack_id){0},
                                             dictionary_frame(&sink.words, &frame));
        struct run run = {
            .from_ns = t, .weight_ns = NS_PER_MS, .thread = {1}, .stack = s, .ticks = 1};
        vec_push(&sink.batch->runs, run);
        struct batch *b = sink_cut(&sink);
        batch_apply(&reader, rec, b);
        batch_free(b);
        /* What the recording says last is what was put in last, whatever its number. */
        const struct stack *seen = stack_at(&rec->words, rec->open.at[1].stack);
        const struct frame *fr = frame_at(&rec->words, seen->frame);
        const struct function *fn = function_at(&rec->words, fr->place.function);
        assert_string_equal(string_text(&rec->words, fn->name), name);
    }
    batch_reader_clear(&reader);
    recording_free(rec);
    sink_clear(&sink);
}

/* A process of two threads' worth of states, by processes: one spins, one sleeps. */
static pid_t start(void (*run)(void))
{
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run();
        _exit(0);
    }
    return pid;
}

static void spin(void)
{
    for (volatile uint64_t i = 0;; i++)
        ;
}

static void nap(void)
{
    for (;;)
        pause();
}

static void become_sleep(void)
{
    usleep(300000);
    execlp("sleep", "sleep", "100", (char *)NULL);
}

struct watching {
    struct sink sink;
    struct stops *stops;
    struct watch *watch;
    struct bpf_regs *registers; /* for it to use */
};

/* Each test that watches a process is run with either engine, which is its state. */
static enum engine engines[] = {ENGINE_PTRACE, ENGINE_PERF};

static struct watch_options options_of(void **state)
{
    return (struct watch_options){.engine = *(const enum engine *)*state,
                                  .native = true,
                                  .named = true,
                                  .period_ns = 2 * NS_PER_MS};
}

static void begin(struct watching *g, pid_t pid, void **state)
{
    struct err err = {0};
    struct watch_options options = options_of(state);
    options.registers = g->registers;
    bool kernel;
    if (options.engine == ENGINE_PERF && !perf_events_allowed(&kernel, &err)) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        print_message("# skip: %s\n", err.text);
        skip();
    }
    sink_init(&g->sink);
    g->stops = stops_new();
    g->watch = watch_new(pid, &options, &g->sink, g->stops, clock_mono_ns(), &err);
    if (!g->watch)
        fail_msg("%s", err.text);
}

static void end(struct watching *g, pid_t pid)
{
    watch_free(g->watch);
    stops_free(g->stops);
    sink_clear(&g->sink);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool tick(struct watching *g)
{
    pid_t late = stops_wait(g->stops, clock_mono_ns() + 2 * NS_PER_MS);
    if (late)
        assert_true(watch_late(g->watch, late, clock_mono_ns()));
    return watch_tick(g->watch, clock_mono_ns());
}

static void test_running(void **state)
{
    pid_t pid = start(spin);
    struct watching g = {0};
    begin(&g, pid, state);
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    while (g.sink.cost.samples < 50 && clock_mono_ns() < until)
        assert_true(tick(&g));
    watch_flush(g.watch);
    uint32_t ticks = 0;
    for (size_t i = 0; i < g.sink.batch->runs.n; i++) {
        const struct run *r = &g.sink.batch->runs.at[i];
        if (r->state != STATE_WAITING) { /* its first page faults are waits */
            assert_true(stack_at(&g.sink.words, r->stack)->depth >= 3);
            ticks += r->ticks;
        }
    }
    assert_true(ticks >= 40);
    assert_int_equal(g.sink.cost.lost, 0);
    end(&g, pid);
}

static void test_waiting_costs_no_stop(void **state)
{
    pid_t pid = start(nap);
    struct watching g = {0};
    begin(&g, pid, state);
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    while (g.sink.cost.samples < 50 && clock_mono_ns() < until)
        assert_true(tick(&g));
    uint64_t stops = stops_stats(g.stops)->stops;
    for (int i = 0; i < 50; i++)
        assert_true(tick(&g));
    assert_int_equal(stops_stats(g.stops)->stops, stops); /* asleep: read in place */
    watch_flush(g.watch);
    const struct run *last = vec_last(&g.sink.batch->runs);
    assert_int_equal(last->state, STATE_WAITING);
    assert_int_equal(last->wait, WAIT_SLEEP);
    assert_true(last->ticks >= 50);
    end(&g, pid);
}

#ifdef PROFTOP_BPF
/* Its caller's frame is only found by way of rbp, which only the thread itself knows. */
__attribute__((noinline)) static void nap_by_rbp(void)
{
    static volatile size_t size = 100;
    volatile char *room = __builtin_alloca(size);
    for (room[0] = 1; room[0];)
        pause();
}

/* What was guessed of a sleeping thread is read again, once, when BPF is there; it is still the
 * same wait. */
static void test_registers_by_bpf(void **state)
{
    struct err err = {0};
    struct watching g = {.registers = bpf_regs_new()};
    struct bpf_regs *trial = bpf_regs_new();
    bool works = bpf_regs_load(trial, &err);
    bpf_regs_free(trial);
    if (!works) {
        print_message("# skip: %s\n", err.text);
        bpf_regs_free(g.registers);
        skip();
    }
    pid_t pid = start(nap_by_rbp);
    begin(&g, pid, state);
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    while (!bpf_regs_wanted(g.registers) && clock_mono_ns() < until)
        assert_true(tick(&g));
    assert_true(bpf_regs_wanted(g.registers));
    for (int i = 0; i < 20; i++) /* guessed, until then */
        assert_true(tick(&g));
    assert_int_equal(bpf_regs_answered(g.registers), 0);
    assert_true(bpf_regs_load(g.registers, &err));
    for (int i = 0; i < 20; i++)
        assert_true(tick(&g));
    assert_int_equal(bpf_regs_answered(g.registers), 1);
    watch_flush(g.watch);
    uint32_t waits = 0;
    struct stack_id stack = {0};
    for (size_t i = 0; i < g.sink.batch->runs.n; i++) {
        const struct run *r = &g.sink.batch->runs.at[i];
        if (r->state != STATE_WAITING || r->wait != WAIT_SLEEP)
            continue;
        waits += (r->flags & SAMPLE_BEGAN) != 0;
        assert_int_equal(r->flags & SAMPLE_TORN, 0);
        if (stack.n)
            assert_int_equal(r->stack.n, stack.n); /* the guess was right */
        stack = r->stack;
    }
    assert_int_equal(waits, 1);
    assert_true(stack_at(&g.sink.words, stack)->depth >= 3);
    end(&g, pid);
    bpf_regs_free(g.registers);
}
#endif

static void test_end_is_seen(void **state)
{
    pid_t pid = start(spin);
    struct watching g = {0};
    begin(&g, pid, state);
    assert_true(tick(&g));
    kill(pid, SIGKILL); /* a zombie from now on: nobody has waited for it */
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    bool alive = true;
    while (alive && clock_mono_ns() < until)
        alive = tick(&g);
    assert_false(alive);
    assert_int_equal(g.sink.batch->ended_incarnations.n, 1);
    assert_int_equal(g.sink.batch->ended_threads.n, 1);
    assert_int_equal(g.sink.batch->marks.n, 1);
    end(&g, pid);
}

static void test_exec_is_seen(void **state)
{
    pid_t pid = start(become_sleep);
    struct watching g = {0};
    begin(&g, pid, state);
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    while (!g.sink.batch->ended_incarnations.n && clock_mono_ns() < until) {
        assert_true(tick(&g));
        watch_check(g.watch, clock_mono_ns());
    }
    assert_int_equal(g.sink.batch->ended_incarnations.n, 1);
    assert_true(g.sink.batch->ended_incarnations.at[0].exec);
    assert_int_equal(g.sink.batch->incarnations.n, 2);
    struct string_id comm = g.sink.batch->incarnations.at[1].comm;
    assert_string_equal(string_text(&g.sink.words, comm), "sleep");
    end(&g, pid);
}

static void test_nobody(void **state)
{
    pid_t pid = start(nap);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct sink sink;
    struct err err = {0};
    sink_init(&sink);
    struct stops *stops = stops_new();
    struct watch_options options = options_of(state);
    assert_null(watch_new(pid, &options, &sink, stops, clock_mono_ns(), &err));
    assert_string_not_equal(err.text, "");
    stops_free(stops);
    sink_clear(&sink);
}

/* Rates need two reads; a process that spins uses about a core. */
static void test_metrics(void **state)
{
    (void)state;
    pid_t pid = start(spin);
    struct sink sink;
    sink_init(&sink);
    struct metrics_reader *m = metrics_reader_new();
    metrics_read(m, &pid, 1, 0, &sink, clock_mono_ns());
    double cores = 0, rss = 0;
    usleep(300000);
    metrics_read(m, &pid, 1, 0, &sink, clock_mono_ns());
    for (size_t i = 0; i < sink.batch->metrics.n; i++) {
        const struct batch_metric *b = &sink.batch->metrics.at[i];
        if (b->metric == METRIC_CPU_USER || b->metric == METRIC_CPU_SYSTEM)
            cores += b->value;
        if (b->metric == METRIC_RSS)
            rss = b->value;
    }
    assert_true(cores > 0.02 && cores < 1.1); /* the machine may be busy */
    assert_true(rss > 0);
    double cpus;
    uint64_t memory;
    metrics_limits(m, &cpus, &memory);
    assert_true(cpus > 0 && memory > 0);
    metrics_reader_free(m);
    sink_clear(&sink);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#define WITH_EITHER(f)                                                                             \
    cmocka_unit_test_prestate(f, &engines[0]), cmocka_unit_test_prestate(f, &engines[1])

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_kinds),  cmocka_unit_test(test_sink_starts_anew),
        WITH_EITHER(test_running),          WITH_EITHER(test_waiting_costs_no_stop),
        WITH_EITHER(test_end_is_seen),      WITH_EITHER(test_exec_is_seen),
        WITH_EITHER(test_nobody),           cmocka_unit_test(test_metrics),
#ifdef PROFTOP_BPF
        WITH_EITHER(test_registers_by_bpf),
#endif
    };
    return cmocka_run_group_tests_name("engine_watch", tests, NULL, NULL);
}
