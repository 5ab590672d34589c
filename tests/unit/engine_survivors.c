/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Survivor sampling of a child. With a pid it samples that process and prints what it found, for
 * the live tests and the benchmark, and first what it would cost: engine_survivors PID
 * [SAMPLE_S STAY_S [LOSS_PCT]]. Until SIGINT: engine_survivors PID always samples each malloc,
 * engine_survivors PID enlarged [SECONDS] looks at what enlarges it, and prints what it found after
 * that time. SIGUSR1 pauses it, or lets it go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/allocators.h"
#include "engine/enlarged.h"
#include "engine/survivors.h"
#include "native/symbolizer.h"
#include "target/uprobe.h"

static void rest(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    nanosleep(&t, NULL);
}

static volatile sig_atomic_t ended, pausing;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void toggle(int number)
{
    (void)number;
    pausing = !pausing;
}

static bool run(struct survivors *s, struct err *err)
{
    enum survivors_state state;
    uint64_t wait_ns = 0;
    while ((state = survivors_poll(s, &wait_ns, err)) < SURVIVORS_DONE)
        do
            rest(pausing ? NS_PER_MS : wait_ns);
        while (pausing);
    return state == SURVIVORS_DONE;
}

static void print_frame(struct symbolizer *names, const struct growth_frame *f)
{
    if (f->python) {
        printf(" %s:%s:%u", f->name, f->file, f->line);
        return;
    }
    struct symbol_places places;
    symbolizer_name(names, f->module, f->build_id, f->offset, &places);
    printf(" %s", places.n ? places.at[0].name : "?");
    symbol_places_clear(&places);
}

static void print_result(pid_t pid, const struct growth *g)
{
    struct symbolizer *names = symbolizer_new(pid);
    printf("samples %llu lost %llu unnamed %llu cost_pct %.2f\n", (unsigned long long)g->samples,
           (unsigned long long)g->lost, (unsigned long long)g->unnamed, g->cost_pct);
    for (size_t i = 0; i < g->rows.n && i < 20; i++) {
        const struct growth_row *row = &g->rows.at[i];
        const struct growth_stack *stack = &g->stacks.at[row->stack];
        const char *by = growth_kind_by(row->kind);
        printf("row %.0f+-%.0f %llu/%llu %s |", row->bytes_per_s, row->unsure_per_s,
               (unsigned long long)row->count, (unsigned long long)row->of_samples,
               row->type[0] ? row->type
               : by[0]      ? by
                            : "-");
        for (uint32_t k = 0; k < stack->n && k < 8; k++)
            print_frame(names, &g->frames.at[stack->first + k]);
        printf("\n");
    }
    symbolizer_free(names);
}

/* Each return of malloc of the first thread sampled, and the samples thrown away, until SIGINT:
 * what a probed call costs. */
static int always(pid_t pid)
{
    struct err err = {""};
    struct uprobe_options options = {.period = 1, .stack_bytes = 4096, .ring_pages = 1024};
    struct uprobes *u = uprobes_new(pid, &options, &err);
    struct allocators allocators;
    struct uprobe_sample *sample = xcalloc(1, sizeof *sample);
    int status = 1;
    signal(SIGINT, end);
    if (u && allocators_find(&allocators, u, pid, NULL, &err) &&
        uprobes_arm(u, 1u << allocators.at[0].at_return, &pid, 1, &err)) {
        while (!ended) {
            rest(5 * NS_PER_MS);
            while (uprobes_next(u, sample))
                ;
        }
        status = 0;
    }
    if (status)
        fprintf(stderr, "%s\n", err.text);
    uprobes_free(u);
    free(sample);
    return status;
}

/* What enlarges it is looked at until SIGINT, or for some seconds; paused, no events are there. */
static int enlarging(pid_t pid, double seconds)
{
    uint64_t until_ns = seconds > 0 ? clock_mono_ns() + (uint64_t)(seconds * 1e9) : UINT64_MAX;
    struct err err = {""};
    struct enlarged *e = NULL;
    signal(SIGINT, end);
    signal(SIGUSR1, toggle);
    while (!ended) {
        if (pausing && e) {
            enlarged_free(e);
            e = NULL;
        } else if (!pausing && !e && !(e = enlarged_new(pid, &err))) {
            break;
        }
        if (e)
            enlarged_poll(e);
        rest(50 * NS_PER_MS);
        ended |= clock_mono_ns() >= until_ns;
    }
    if (!ended)
        fprintf(stderr, "%s\n", err.text);
    else if (e && seconds > 0)
        print_result(pid, enlarged_result(e));
    enlarged_free(e);
    return !ended;
}

static int tool(int argc, char **argv)
{
    if (argc >= 3 && !strcmp(argv[2], "enlarged"))
        return enlarging(atoi(argv[1]), argc > 3 ? atof(argv[3]) : 0);
    if (argc == 3 && !strcmp(argv[2], "always"))
        return always(atoi(argv[1]));
    struct err err = {""};
    struct survivors_options options = {.sample_ns = 0};
    struct survivors_cost cost;
    if (argc > 3) {
        options.sample_ns = (uint64_t)(atof(argv[2]) * 1e9);
        options.stay_ns = (uint64_t)(atof(argv[3]) * 1e9);
    }
    if (argc > 4)
        options.loss_pct = atof(argv[4]);
    signal(SIGUSR1, toggle);
    struct survivors *s = survivors_new(atoi(argv[1]), &options, &err);
    bool ok = s && survivors_estimate(s, &cost, &err);
    if (ok)
        printf("estimate calls/s %.0f call_ns %.0f always_pct %.1f burst_pct %.1f\n",
               cost.calls_per_s, cost.call_ns, cost.always_pct, cost.burst_pct);
    if (ok && run(s, &err)) {
        print_result(atoi(argv[1]), survivors_result(s));
        survivors_free(s);
        return 0;
    }
    fprintf(stderr, "%s\n", err.text);
    survivors_free(s);
    return 1;
}

/* A child in whose heap much comes and goes, and 1 MB/s stays from leak_here(). */
static void *volatile kept;
static void *table[5000];

__attribute__((noinline)) static void leak_here(uint64_t number)
{
    uint64_t *block = malloc(120);
    block[0] = number;
    block[1] = (uint64_t)(uintptr_t)kept;
    kept = block;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void churn_here(uint64_t number)
{
    size_t at = number * 7919 % (sizeof table / sizeof *table);
    free(table[at]);
    uint64_t *block = number % 3 ? malloc(24 + number % 500) : calloc(1, 24 + number % 500);
    block[0] = 1;
    block[1] = number;
    table[at] = block;
}

static void child_main(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    uint64_t began_ns = clock_mono_ns(), leaked = 0;
    assert_int_equal(write(ready, "r", 1), 1);
    for (uint64_t number = 0;; number++) {
        if (number % 64 == 0)
            for (; leaked < (clock_mono_ns() - began_ns) / (NS_PER_S / 8192); leaked++)
                leak_here(leaked);
        churn_here(number);
    }
}

static pid_t start_child(void)
{
    int fds[2];
    char byte;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_main(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    close(fds[1]);
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The name of the first function of a row that is none of the C library's. */
static void first_function(pid_t pid, const struct growth *g, const struct growth_row *row,
                           char *out, size_t size)
{
    struct symbolizer *names = symbolizer_new(pid);
    const struct growth_stack *stack = &g->stacks.at[row->stack];
    snprintf(out, size, "?");
    for (uint32_t i = 0; i < stack->n; i++) {
        const struct growth_frame *f = &g->frames.at[stack->first + i];
        struct symbol_places places;
        if (strstr(f->module, "/libc.so") || strstr(f->module, "libasan"))
            continue;
        symbolizer_name(names, f->module, f->build_id, f->offset, &places);
        snprintf(out, size, "%s", places.n ? places.at[0].name : "?");
        symbol_places_clear(&places);
        break;
    }
    symbolizer_free(names);
}

static void need_rights(void)
{
    struct err err = {""};
    if (!uprobes_allowed(&err)) {
        print_message("# skip: %s\n", err.text);
        skip();
    }
}

static void test_what_stays_is_told_from_what_comes_and_goes(void **state)
{
    (void)state;
    need_rights();
#ifdef __SANITIZE_ADDRESS__
    print_message("# skip: the sanitizer's allocator keeps what was freed as it was\n");
    skip();
#endif
    pid_t pid = start_child();
    struct err err = {""};
    struct survivors_options options = {.sample_ns = 4 * NS_PER_S, .stay_ns = 2 * NS_PER_S};
    struct survivors *s = survivors_new(pid, &options, &err);
    struct survivors_cost cost;
    assert_non_null(s);
    bool done = survivors_estimate(s, &cost, &err) && run(s, &err);
    end_child(pid);
    assert_true(done);
    const struct growth *g = survivors_result(s);
    char name[256];
    assert_true(g->rows.n > 0);
    const struct growth_row *row = &g->rows.at[0];
    first_function(getpid(), g, row, name, sizeof name);
    print_message("# %s: %.0f bytes/s, %u of %u; cost %.2f %%\n", name, row->bytes_per_s,
                  (unsigned)row->count, (unsigned)row->of_samples, g->cost_pct);
    assert_string_equal(name, "leak_here");
    assert_int_equal(row->kind, GROWTH_SURVIVES);
    assert_true(row->count > 10 && row->count <= row->of_samples);
    assert_true(row->count * 10 >= row->of_samples * 9);
    assert_true(row->bytes_per_s > 0.3 * growth_total_per_s(g, GROWTH_SURVIVES));
    assert_true(g->to_ns - g->from_ns >= options.sample_ns);
    assert_true(survivors_progress(s).samples > 100);
    survivors_free(s);
}

static void test_the_cost_is_known_before(void **state)
{
    (void)state;
    need_rights();
    pid_t pid = start_child();
    struct err err = {""};
    struct survivors_options options = {.loss_pct = 2};
    struct survivors_cost cost;
    struct survivors *s = survivors_new(pid, &options, &err);
    assert_non_null(s);
    bool ok = survivors_estimate(s, &cost, &err);
    end_child(pid);
    assert_true(ok);
    assert_true(cost.calls_per_s > 1000);
    assert_true(cost.call_ns > 200);
    assert_true(cost.always_pct > cost.burst_pct && cost.burst_pct == 2.0);
    survivors_free(s);
}

static void test_a_compiled_in_allocator_is_told(void **state)
{
    (void)state;
    const uint64_t at = 0x4fb350, is = 0x4fb450, far = 0x7f0000401000;
    uint8_t compares[] = {0x53, 0x48, 0x85, 0xff, 0x48, 0x3d, 0x50, 0xb4, 0x4f, 0x00, 0x0f, 0x85};
    assert_true(allocators_compares_with(compares, sizeof compares, at, is));
    assert_false(allocators_compares_with(compares, sizeof compares, at, is + 16));
    assert_false(allocators_compares_with(compares, 9, at, is)); /* cut */
    uint8_t takes[] = {0x90, 0x48, 0x8d, 0x15, 0xf8, 0x0f, 0x00, 0x00, 0x48, 0x39};
    assert_true(allocators_compares_with(takes, sizeof takes, far - 0x1000, far));
    takes[2] = 0x90, takes[3] = 0xe9; /* a jump there */
    assert_false(allocators_compares_with(takes, sizeof takes, far - 0x1000, far));
}

static void test_a_target_that_ends(void **state)
{
    (void)state;
    need_rights();
    pid_t pid = start_child();
    struct err err = {""};
    struct survivors_options options = {.sample_ns = 60 * NS_PER_S};
    struct survivors *s = survivors_new(pid, &options, &err);
    struct survivors_cost cost;
    assert_non_null(s);
    assert_true(survivors_estimate(s, &cost, &err));
    uint64_t wait_ns;
    for (int i = 0; i < 5; i++)
        assert_int_equal(survivors_poll(s, &wait_ns, &err), SURVIVORS_SAMPLING), rest(wait_ns);
    end_child(pid);
    assert_false(run(s, &err));
    assert_non_null(strstr(err.text, "has ended"));
    survivors_result(s);
    survivors_free(s);
    assert_null(survivors_new(pid, &options, &err));
}

static void test_what_enlarged_it(void **state)
{
    (void)state;
    pid_t pid = start_child();
    struct err err = {""};
    struct enlarged *e = enlarged_new(pid, &err);
    if (!e) {
        end_child(pid);
        print_message("# skip: %s\n", err.text);
        skip();
    }
    uint64_t until_ns = clock_mono_ns() + 20 * NS_PER_S;
    do {
        rest(50 * NS_PER_MS);
        assert_true(enlarged_poll(e));
    } while (enlarged_result(e)->samples < 30 && clock_mono_ns() < until_ns);
    const struct growth *g = enlarged_result(e);
    assert_true(g->samples >= 30 && g->rows.n > 0);
    double total = growth_total_per_s(g, GROWTH_TOUCHED);
    for (size_t i = 0; i < g->rows.n; i++)
        assert_true(growth_kind_enlarged(g->rows.at[i].kind));
    print_message("# %.0f bytes/s were touched anew\n", total);
    /* It grows by 1.1 MB/s: chunks of 136 bytes 8,192 times a second. */
    assert_true(total > 0.3e6);
#ifndef __SANITIZE_ADDRESS__ /* that keeps back what is freed, and touches new pages instead */
    assert_true(total < 4e6);
#endif
    end_child(pid);
    uint64_t end_ns = clock_mono_ns() + 20 * NS_PER_S;
    while (enlarged_poll(e) && clock_mono_ns() < end_ns)
        rest(10 * NS_PER_MS);
    assert_true(clock_mono_ns() < end_ns);
    enlarged_free(e);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return tool(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stays_is_told_from_what_comes_and_goes),
        cmocka_unit_test(test_the_cost_is_known_before),
        cmocka_unit_test(test_a_compiled_in_allocator_is_told),
        cmocka_unit_test(test_a_target_that_ends),
        cmocka_unit_test(test_what_enlarged_it),
    };
    return cmocka_run_group_tests_name("engine_survivors", tests, NULL, NULL);
}
