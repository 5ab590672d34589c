/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of simulated recordings whose truth is known: what is slower is found, and only it.
 */
#include "view_fixture.h"

#include <math.h>
#include <stdio.h>

#include "view/compare.h"
#include "view/draw_compare.h"

#define FUNCTIONS 12
#define SLOW      3 /* the function that is made slower */

/* The random numbers are ours, so that each run of the test is the same. */
static uint64_t random_state;

static double random_unit(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

struct program {
    double work_ms[FUNCTIONS]; /* of each function, in one cycle */
    double period_ms; /* 0: the next cycle follows at once; else it sleeps until it is due */
    double queue;     /* runnable time for each second on the CPU: busy neighbours */
    const char *file, *exe;
    bool native; /* functions of the program's file, without sources */
    uint32_t first_line;
};

static const struct program work = {.work_ms = {20, 15, 10, 8, 6, 4, 3, 2, 1, 0.5, 0.3, 0.2},
                                    .file = "/a/shop.py",
                                    .exe = "/a/app"};

struct simulated {
    struct recording *rec;
    struct thread_id thread;
    struct stack_id stacks[FUNCTIONS], sleeping;
};

static struct simulated simulated_new(const struct program *p, double rate_hz)
{
    struct simulated s = {.rec = fixture_new()};
    struct recording *rec = s.rec;
    rec->rate_hz = rate_hz;
    rec->incarnations.at[1].exe = dictionary_string(&rec->words, p->exe);
    s.thread = fixture_thread(rec, 1, "main");
    struct function_id main = fixture_function(rec, "main", p->file, p->first_line + 1);
    struct stack_id root = fixture_call(rec, (struct stack_id){0}, main, p->first_line + 2);
    for (int i = 0; i < FUNCTIONS; i++) {
        char name[32];
        snprintf(name, sizeof name, "step_%d", i);
        struct function_id f =
            p->native ? fixture_native(rec, name, p->exe, "", 0)
                      : fixture_function(rec, name, p->file, p->first_line + 10 * (uint32_t)i);
        const struct place place = {f, p->native ? 0 : p->first_line + 10 * (uint32_t)i + 1};
        s.stacks[i] = p->native ? fixture_call_native(rec, root, &place, 1)
                                : fixture_call(rec, root, f, place.line);
    }
    s.sleeping = fixture_call(rec, root, fixture_function(rec, "sleep", "/usr/time.py", 1), 1);
    return s;
}

/* Where the program stands at a moment of its cycle; *queued: it waits for a CPU there. */
static int step_at(const struct program *p, double ms, bool *queued)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        double length = p->work_ms[i] * (1 + p->queue);
        if (ms < length) {
            *queued = random_unit() < p->queue / (1 + p->queue);
            return i;
        }
        ms -= length;
    }
    return FUNCTIONS;
}

/* Samples the program at jittered ticks. */
static struct recording *simulate(const struct program *p, double seconds, double rate_hz,
                                  uint64_t seed)
{
    struct simulated s = simulated_new(p, rate_hz);
    random_state = seed * 2654435761u + 12345;
    random_unit();
    double cycle_ms = 0;
    for (int i = 0; i < FUNCTIONS; i++)
        cycle_ms += p->work_ms[i] * (1 + p->queue);
    if (cycle_ms < p->period_ms)
        cycle_ms = p->period_ms;
    for (int tick = 0; tick < (int)(seconds * rate_hz); tick++) {
        double ms = (tick + random_unit()) * 1000 / rate_hz;
        bool queued = false;
        int step = step_at(p, ms - cycle_ms * (double)(long)(ms / cycle_ms), &queued);
        struct run run = {.from_ns = START_NS + (uint64_t)(tick / rate_hz * NS_PER_S),
                          .weight_ns = (uint64_t)(NS_PER_S / rate_hz),
                          .thread = s.thread,
                          .ticks = 1,
                          .stack = step < FUNCTIONS ? s.stacks[step] : s.sleeping,
                          .state = step == FUNCTIONS ? STATE_WAITING
                                   : queued          ? STATE_RUNNABLE
                                                     : STATE_RUNNING,
                          .wait = step == FUNCTIONS ? WAIT_SLEEP : WAIT_NONE};
        recording_add_run(s.rec, &run);
    }
    return s.rec;
}

/* The names of the rows of a verdict, in order. */
static void names_of(char *out, size_t size, const struct table *t, const char *verdict)
{
    *out = '\0';
    for (size_t r = 0; r < t->rows.n; r++)
        if (strcmp(fixture_text(t, r, "verdict"), verdict) == 0)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? " " : "",
                     fixture_text(t, r, "name"));
}

static void check_verdict(const struct table *t, const char *verdict, const char *want)
{
    char have[512];
    names_of(have, sizeof have, t, verdict);
    assert_string_equal(have, want);
}

static struct compare_summary compare(struct table *t, const struct recording *before,
                                      const struct recording *after)
{
    struct compare_summary summary;
    struct compare_side a = {.rec = before, .window = window_all(before)};
    struct compare_side b = {.rec = after, .window = window_all(after)};
    compare_fill(t, &summary, &a, &b, NULL, false, 0);
    return summary;
}

static void compare_programs(struct table *t, struct compare_summary *summary,
                             const struct program *p, const struct program *q, double seconds,
                             uint64_t seed)
{
    struct recording *before = simulate(p, seconds, 100, 2 * seed);
    struct recording *after = simulate(q, seconds, 100, 2 * seed + 1);
    *summary = compare(t, before, after);
    recording_free(before);
    recording_free(after);
}

/* The same program twice, 50 times over: chance gives no verdict. */
static void nothing_changed(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program paced = work;
    paced.period_ms = 200;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        compare_programs(&t, &summary, &work, &work, 20, seed);
        check_verdict(&t, "regression", "");
        check_verdict(&t, "improvement", "");
        check_verdict(&t, "new", "");
        check_verdict(&t, "gone", "");
        compare_programs(&t, &summary, &paced, &paced, 20, seed);
        check_verdict(&t, "regression", "");
        check_verdict(&t, "improvement", "");
    }
    table_clear(&t);
}

/* One function of a loop that never rests takes 1.5 times as long: found each time, and nothing
 * else is slower (that all others take a smaller part of each second now is in the numbers). */
static void slower_in_a_busy_loop(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program slow = work;
    slow.work_ms[SLOW] *= 1.5;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        compare_programs(&t, &summary, &work, &slow, 50, seed);
        check_verdict(&t, "regression", "step_3");
        assert_string_equal(fixture_text(&t, 0, "name"), "step_3"); /* the worst first */
        assert_int_equal(t.rows.at[0].role, ROW_WORSE);
        assert_int_equal(summary.regressions, 1);
        assert_float_equal(summary.time_diff_s, 0, 0.001);
    }
    table_clear(&t);
}

/* In a program that sleeps until its next period the others stay as they are. */
static void slower_in_a_paced_loop(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program paced = work, slow;
    paced.period_ms = 140;
    slow = paced;
    slow.work_ms[SLOW] *= 1.5;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        compare_programs(&t, &summary, &paced, &slow, 60, seed);
        check_verdict(&t, "regression", "step_3");
        check_verdict(&t, "improvement", "");
        assert_float_equal(fixture_number(&t, 0, "before_s_per_s"), 8.0 / 140, 0.02);
        assert_float_equal(fixture_number(&t, 0, "after_s_per_s"), 12.0 / 140, 0.02);
        assert_float_equal(summary.time_diff_s, 4.0 / 140, 0.02);
        compare_programs(&t, &summary, &slow, &paced, 60, seed);
        check_verdict(&t, "regression", "");
        check_verdict(&t, "improvement", "step_3");
        assert_int_equal(summary.improvements, 1);
        assert_int_equal(t.rows.at[0].role, ROW_BETTER);
    }
    table_clear(&t);
}

/* Neighbours make a paced program queue for the CPU: its functions are not at fault. */
static void busier_machine(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program paced = work, queueing, slow;
    paced.period_ms = 140;
    queueing = paced;
    queueing.queue = 0.4;
    slow = queueing;
    slow.work_ms[SLOW] *= 1.5;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        compare_programs(&t, &summary, &paced, &queueing, 40, seed);
        check_verdict(&t, "regression", "");
        compare_programs(&t, &summary, &queueing, &paced, 40, seed);
        check_verdict(&t, "improvement", "");
        compare_programs(&t, &summary, &paced, &slow, 60, seed);
        check_verdict(&t, "regression", "step_3");
        /* A loop that never rests takes its seconds all the same. */
        struct program busy = slow;
        busy.period_ms = 0;
        compare_programs(&t, &summary, &work, &busy, 60, seed);
        check_verdict(&t, "regression", "step_3");
    }
    table_clear(&t);
}

/* Different rates and lengths of recording are no difference. */
static void rates_and_lengths(void **state)
{
    (void)state;
    struct table t = {0};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct recording *before = simulate(&work, 10, 1000, seed);
        struct recording *after = simulate(&work, 30, 97, seed + 100);
        struct compare_summary summary = compare(&t, before, after);
        assert_int_equal(summary.regressions + summary.improvements, 0);
        assert_float_equal(summary.before.span_s, 10, 0.01);
        assert_float_equal(summary.before.cpu, 1, 0.01);
        recording_free(before);
        recording_free(after);
    }
    table_clear(&t);
}

/* Proftop attached for two seconds before the first sample: that is no time of the target's. */
static void late_first_sample(void **state)
{
    (void)state;
    struct table t = {0};
    struct recording *before = simulate(&work, 10, 100, 1), *after = simulate(&work, 10, 100, 2);
    after->start_ns -= 5 * NS_PER_S;
    struct compare_summary summary = compare(&t, before, after);
    assert_float_equal(summary.time_diff_s, 0, 0.01);
    assert_int_equal(summary.improvements, 0);
    recording_free(before);
    recording_free(after);
    table_clear(&t);
}

/* Lines moved, directories and the program's name changed: still the same functions. */
static void builds_differ(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program moved = work;
    moved.file = "/elsewhere/shop.py";
    moved.first_line = 1000;
    compare_programs(&t, &summary, &work, &moved, 20, 1);
    check_verdict(&t, "new", "");
    check_verdict(&t, "gone", "");
    assert_int_equal(t.rows.n, FUNCTIONS);
    assert_true(fixture_number(&t, 0, "line") >= 1000); /* as it stands now */

    struct program old = work, new = work;
    old.native = new.native = true;
    new.exe = "/build2/app-next";
    compare_programs(&t, &summary, &old, &new, 20, 1);
    assert_int_equal(t.rows.n, FUNCTIONS);
    check_verdict(&t, "new", "");

    /* Another file: each name is left over once on each side. */
    moved.file = "/a/bazaar.py";
    compare_programs(&t, &summary, &work, &moved, 20, 1);
    assert_int_equal(t.rows.n, FUNCTIONS);
    check_verdict(&t, "gone", "");
    check_verdict(&t, "regression", "");
    table_clear(&t);
}

static void new_and_gone(void **state)
{
    (void)state;
    struct table t = {0};
    struct compare_summary summary;
    struct program with = work, without = work;
    without.work_ms[2] = 0;
    compare_programs(&t, &summary, &without, &with, 50, 1);
    check_verdict(&t, "new", "step_2");
    size_t r = fixture_find(&t, "name", "step_2");
    assert_int_equal(fixture_value(&t, r, "before_pct")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, r, "change_pct")->kind, VALUE_NULL);
    assert_string_equal(fixture_text(&t, r, "change"), "new");
    assert_float_equal(fixture_number(&t, r, "before_s_per_s"), 0, 0);
    assert_int_equal(summary.regressions, 0);
    assert_int_equal(summary.appeared, 1);
    assert_int_equal(summary.vanished, 0);
    compare_programs(&t, &summary, &with, &without, 50, 1);
    check_verdict(&t, "gone", "step_2");
    assert_int_equal(summary.appeared, 0);
    assert_int_equal(summary.vanished, 1);

    /* One sample of a function is nothing new. */
    struct program rare = work;
    without.work_ms[2] = 10;
    rare.work_ms[11] = 0.05;
    without.work_ms[11] = 0;
    compare_programs(&t, &summary, &without, &rare, 50, 1);
    check_verdict(&t, "new", "");
    r = fixture_find(&t, "name", "step_11");
    assert_int_equal(fixture_value(&t, r, "before_pct")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, r, "change")->kind, VALUE_NULL); /* not called new */
    table_clear(&t);
}

/* Adds what a program does now and then: a function that runs for so long, at moments that chance
 * chooses, each seen by all the samples that fall on it. */
static void add_rare(struct recording *rec, double seconds, double times, double each_s)
{
    struct function_id f = fixture_function(rec, "refresh", "/a/shop.py", 700);
    struct stack_id stack = fixture_call(rec, (struct stack_id){0}, f, 701);
    struct thread_id thread = fixture_thread(rec, 9, "timer");
    for (double at = 0;;) {
        at += each_s - log(1 - random_unit()) * seconds / times;
        if (at > seconds - each_s)
            break;
        for (double in = 0; in < each_s - 1e-9; in += 0.01)
            fixture_run(rec, thread, stack, STATE_RUNNING, WAIT_NONE, at + in, 0.01);
    }
}

/*
 * 300 comparisons of a program that does something now and then, about once in a recording, so that
 * it is often met on one side alone: that is neither new nor gone, however many samples each time
 * leaves.
 */
static void rare_is_not_new(void **state)
{
    (void)state;
    struct table t = {0};
    size_t alone = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct recording *sides[2];
        double each_s = (double[]){0.05, 0.3, 0.8}[seed % 3];
        for (int n = 0; n < 2; n++) {
            sides[n] = simulate(&work, 30, 100, 2 * seed + (uint64_t)n);
            add_rare(sides[n], 30, 1.5, each_s);
        }
        compare(&t, sides[0], sides[1]);
        check_verdict(&t, "new", "");
        check_verdict(&t, "gone", "");
        size_t r = fixture_find(&t, "name", "refresh");
        alone += r != SIZE_MAX && (fixture_value(&t, r, "before_pct")->kind == VALUE_NULL ||
                                   fixture_value(&t, r, "after_pct")->kind == VALUE_NULL);
        recording_free(sides[0]);
        recording_free(sides[1]);
    }
    assert_true(alone > 60);
    table_clear(&t);
}

/* What one side does all the time, if in a hundredth of it, and the other not at all. */
static void small_is_new(void **state)
{
    (void)state;
    struct table t = {0};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct recording *before = simulate(&work, 60, 100, 2 * seed);
        struct recording *after = simulate(&work, 60, 100, 2 * seed + 1);
        add_rare(after, 60, 60, 0.02);
        compare(&t, before, after);
        check_verdict(&t, "new", "refresh");
        check_verdict(&t, "gone", "");
        compare(&t, after, before);
        check_verdict(&t, "gone", "refresh");
        check_verdict(&t, "new", "");
        recording_free(before);
        recording_free(after);
    }
    table_clear(&t);
}

/* Ten slices of exactly so many samples each: the slices do not scatter at all, and still 20 more
 * samples out of 120 are what chance may give. */
static void too_regular(void **state)
{
    (void)state;
    struct table t = {0};
    struct recording *recs[2];
    for (int n = 0; n < 2; n++) {
        struct simulated s = simulated_new(&work, 100);
        for (int tick = 0; tick < 2000; tick++) {
            bool slow = tick % 100 < (n ? 6 : 5);
            struct run run = {.from_ns = START_NS + (uint64_t)tick * 10 * NS_PER_MS,
                              .weight_ns = 10 * NS_PER_MS,
                              .thread = s.thread,
                              .ticks = 1,
                              .stack = s.stacks[slow ? SLOW : 0]};
            recording_add_run(s.rec, &run);
        }
        recs[n] = s.rec;
    }
    struct compare_summary summary = compare(&t, recs[0], recs[1]);
    size_t r = fixture_find(&t, "name", "step_3");
    assert_float_equal(fixture_number(&t, r, "change_pct"), 20, 0.1);
    assert_int_equal(summary.regressions, 0);
    assert_int_equal(t.rows.at[r].role, ROW_NOISE);
    recording_free(recs[0]);
    recording_free(recs[1]);
    table_clear(&t);
}

/* A function that works in bursts of seconds: many samples, and few events. */
static void bursts(void **state)
{
    (void)state;
    struct table t = {0};
    struct recording *recs[2];
    for (int n = 0; n < 2; n++) {
        struct simulated s = simulated_new(&work, 100);
        for (int tick = 0; tick < 3000; tick++) {
            int second = tick / 100;
            bool burst = second % 10 == 4 && second < (n ? 30 : 20);
            struct run run = {.from_ns = START_NS + (uint64_t)tick * 10 * NS_PER_MS,
                              .weight_ns = 10 * NS_PER_MS,
                              .thread = s.thread,
                              .ticks = 1,
                              .stack = s.stacks[burst ? SLOW : 0]};
            recording_add_run(s.rec, &run);
        }
        recs[n] = s.rec;
    }
    struct compare_summary summary = compare(&t, recs[0], recs[1]);
    size_t r = fixture_find(&t, "name", "step_3");
    assert_float_equal(fixture_number(&t, r, "change_pct"), 50, 1);
    assert_int_equal(summary.regressions, 0);
    recording_free(recs[0]);
    recording_free(recs[1]);
    table_clear(&t);
}

/* The spike against the time before it, in one recording. */
static void two_windows(void **state)
{
    (void)state;
    struct program p = work;
    struct table t = {0};
    struct recording *rec = simulate(&p, 30, 100, 1);
    struct compare_summary summary;
    struct compare_side a = {.rec = rec, .window = {START_NS, START_NS + 15 * NS_PER_S}};
    struct compare_side b = {.rec = rec,
                             .window = {START_NS + 15 * NS_PER_S, START_NS + 30 * NS_PER_S}};
    compare_fill(&t, &summary, &a, &b, "after_pct", false, 3);
    assert_int_equal(t.rows.n, 3);
    assert_string_equal(fixture_text(&t, 0, "name"), "step_0");
    assert_int_equal(summary.regressions + summary.improvements, 0);
    assert_float_equal(summary.after.span_s, 15, 0.01);

    /* Nothing on one side, nothing on both. */
    a.window = (struct window){START_NS + 100 * NS_PER_S, START_NS + 101 * NS_PER_S};
    compare_fill(&t, &summary, &a, &b, NULL, false, 0);
    assert_int_equal(summary.regressions, 0);
    b.window = a.window;
    compare_fill(&t, &summary, &a, &b, NULL, false, 0);
    assert_int_equal(t.rows.n, 0);
    recording_free(rec);
    table_clear(&t);
}

/* A burst of three seconds: against all but it, and not against all that there is. */
static void a_window_and_the_rest(void **state)
{
    (void)state;
    struct table t = {0};
    struct recording *rec = simulate(&work, 60, 100, 3);
    struct function_id burst = fixture_function(rec, "rebuild_index", "/a/shop.py", 500);
    struct stack_id stack = fixture_call(rec, (struct stack_id){0}, burst, 501);
    struct thread_id thread = fixture_thread(rec, 2, "burst");
    for (int i = 0; i < 30; i++)
        fixture_run(rec, thread, stack, STATE_RUNNING, WAIT_NONE, 20 + 0.1 * i, 0.1);
    /* Its victims: three threads that wait a little all the time, and now for most of it. */
    struct function_id waits = fixture_function(rec, "get_rows", "/a/shop.py", 600);
    struct stack_id waiting = fixture_call(rec, (struct stack_id){0}, waits, 601);
    for (int tid = 3; tid < 6; tid++) {
        struct thread_id victim = fixture_thread(rec, tid, "victim");
        for (int i = 0; i < 600; i++)
            fixture_run(rec, victim, waiting, STATE_WAITING, WAIT_GIL, 0.1 * i,
                        i >= 200 && i < 230 ? 0.09 : 0.02);
    }
    const struct window spike = {START_NS + 20 * NS_PER_S, START_NS + 23 * NS_PER_S};
    struct compare_side rest = {.rec = rec, .window = window_all(rec), .without = spike};
    struct compare_side in = {.rec = rec, .window = spike};
    struct compare_summary summary;
    compare_fill(&t, &summary, &rest, &in, NULL, false, 0);
    check_verdict(&t, "new", "rebuild_index");
    assert_string_equal(fixture_text(&t, 0, "name"), "rebuild_index");
    check_verdict(&t, "regression", "get_rows");
    check_verdict(&t, "improvement", "");
    /* What runs all the time runs as many seconds a second on both sides, gap or not. */
    size_t step = fixture_find(&t, "name", "step_0");
    double before = fixture_number(&t, step, "before_s_per_s");
    double after = fixture_number(&t, step, "after_s_per_s");
    assert_true(before > 0.2 && before < 0.4 && after > 0.2 && after < 0.4);
    assert_true(summary.before.span_s > 56.9 && summary.before.span_s < 57.1);
    assert_true(summary.after.cpu - summary.before.cpu > 0.9);
    table_clear(&t);
    recording_free(rec);
}

/* What happens in each hundredth of a second at a low rate: many functions in several threads, each
 * with its part of the time, and one that has more of it in the window. */
#define MANY    200
#define THREADS 8
struct crowd {
    double part[MANY]; /* of all threads' time, rare ones last */
    double hz;
    struct window window; /* in which the function `more` has `factor` times its part */
    int more;
    double factor;
};

/* As function ranks go: the first has 7 %, the last under a thousandth. */
static struct crowd crowd_of(double hz, double from_s, double to_s)
{
    struct crowd c = {.hz = hz,
                      .window = {START_NS + (uint64_t)(from_s * NS_PER_S),
                                 START_NS + (uint64_t)(to_s * NS_PER_S)},
                      .factor = 1};
    double sum = 0;
    for (int i = 0; i < MANY; i++)
        sum += c.part[i] = 1 / pow(i + 3, 1.1);
    for (int i = 0; i < MANY; i++)
        c.part[i] /= sum;
    return c;
}

static struct recording *crowd_recorded(const struct crowd *c, double seconds, uint64_t seed)
{
    struct recording *rec = fixture_new();
    struct thread_id threads[THREADS];
    struct stack_id stacks[MANY + 1];
    rec->rate_hz = 100; /* as asked for; the budget has lowered it */
    for (int i = 0; i < THREADS; i++)
        threads[i] = fixture_thread(rec, i + 1, "worker");
    for (int i = 0; i <= MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "step_%d", i);
        struct function_id f = fixture_function(rec, name, "/a/crowd.py", 10 * (uint32_t)i + 1);
        stacks[i] = fixture_call(rec, (struct stack_id){0}, f, 10 * (uint32_t)i + 2);
    }
    random_state = seed * 2654435761u + 99;
    random_unit();
    for (int tick = 0; tick < (int)(seconds * c->hz); tick++) {
        uint64_t at_ns = START_NS + (uint64_t)(tick / c->hz * NS_PER_S);
        bool in = at_ns >= c->window.from_ns && at_ns < c->window.to_ns;
        for (int t = 0; t < THREADS; t++) {
            double left = random_unit(), extra = in ? c->factor - 1 : 0;
            int i = c->more;
            if ((left -= c->part[i] * extra) >= 0) /* else it is the one that has more */
                for (i = 0; i < MANY - 1 && (left -= c->part[i]) >= 0; i++)
                    ;
            struct run run = {.from_ns = at_ns,
                              .weight_ns = (uint64_t)(NS_PER_S / c->hz),
                              .thread = threads[t],
                              .ticks = 1,
                              .stack = stacks[i]};
            recording_add_run(rec, &run);
        }
    }
    return rec;
}

static struct compare_summary compare_with_rest(struct table *t, const struct recording *rec,
                                                struct window window)
{
    struct compare_summary summary;
    struct compare_side rest = {.rec = rec, .window = window_all(rec), .without = window};
    struct compare_side in = {.rec = rec, .window = window};
    compare_fill(t, &summary, &rest, &in, NULL, false, 0);
    return summary;
}

static size_t verdicts_in(const struct table *t)
{
    size_t n = 0;
    for (size_t r = 0; r < t->rows.n; r++)
        n += strcmp(fixture_text(t, r, "verdict"), "unchanged") != 0;
    return n;
}

/* 200 functions at low rates, of which none changed: a short window is like the rest, wherever it
 * is and on whichever side; and so is a short recording like a long one. */
static void few_samples_are_no_verdict(void **state)
{
    (void)state;
    static const struct {
        double hz, from_s, to_s;
    } cases[] = {{20, 40, 47}, {20, 10, 13}, {5, 20, 40}, {2.5, 30, 60}, {20, 5, 55}};
    struct table t = {0};
    size_t wrong = 0, n = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crowd c = crowd_of(cases[i].hz, cases[i].from_s, cases[i].to_s);
        for (uint64_t seed = 1; seed <= 20; seed++, n++) {
            struct recording *rec = crowd_recorded(&c, 60, seed);
            compare_with_rest(&t, rec, c.window);
            wrong += verdicts_in(&t);
            struct recording *other = crowd_recorded(&c, 9, seed + 1000);
            compare(&t, rec, other);
            wrong += verdicts_in(&t);
            compare(&t, other, rec);
            wrong += verdicts_in(&t);
            recording_free(rec);
            recording_free(other);
        }
    }
    print_message("%zu false verdicts in %zu comparisons\n", wrong, 3 * n);
    assert_true(wrong <= 3 * n / 100); /* one comparison in a hundred may be wrong */
    table_clear(&t);
}

/* Three times as much of the time, on 40 samples in the window; nothing else is called changed. */
static void three_times_on_forty_samples(void **state)
{
    (void)state;
    struct table t = {0};
    size_t found = 0, wrong = 0, samples = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct crowd c = crowd_of(20, 40, 47);
        c.more = 20;
        c.factor = 3;
        c.part[c.more] = 40.0 / 3 / (7 * c.hz * THREADS);
        struct recording *rec = crowd_recorded(&c, 60, seed);
        struct compare_summary summary = compare_with_rest(&t, rec, c.window);
        size_t r = fixture_find(&t, "name", "step_20");
        bool is_found = strcmp(fixture_text(&t, r, "verdict"), "regression") == 0;
        samples += (size_t)(fixture_number(&t, r, "after_s_per_s") * 7 * c.hz + 0.5);
        found += is_found;
        wrong += summary.regressions + summary.improvements - is_found;
        recording_free(rec);
    }
    print_message("found in %zu of 50, %zu others; %zu samples on average\n", found, wrong,
                  samples / 50);
    assert_true(found >= 30 && wrong <= 1);
    table_clear(&t);
}

/* A burst of 2.5 s in an alert's window of 7 s, sampled at 20 Hz: 50 samples, and a stray one in
 * the 50 s around it. Bursts that come all the time are no news. */
static void a_burst_is_no_noise(void **state)
{
    (void)state;
    struct table t = {0};
    for (int kind = 0; kind < 3; kind++) {
        enum { ONE, OFTEN, BROAD }; /* the last: its ends lie beside the window */
        const struct window window = {START_NS + 40 * NS_PER_S,
                                      START_NS + (kind == BROAD ? 43 : 47) * NS_PER_S};
        enum { OTHERS = 40 };
        struct recording *rec = fixture_new();
        struct stack_id stacks[OTHERS + 1];
        for (int i = 0; i <= OTHERS; i++) {
            char name[32] = "rank_products";
            if (i < OTHERS)
                snprintf(name, sizeof name, "serve_%d", i);
            struct function_id f = fixture_function(rec, name, "/a/shop.py", 10);
            stacks[i] = fixture_call(rec, (struct stack_id){0}, f, 11);
        }
        struct thread_id thread = fixture_thread(rec, 1, "main");
        for (int tick = 0; tick < 57 * 20; tick++) {
            bool burst = kind == OFTEN   ? tick % 140 < 50
                         : kind == BROAD ? tick >= 740 && tick < 920 && tick % 4
                                         : tick == 100 || (tick >= 820 && tick < 870);
            struct run run = {.from_ns = START_NS + (uint64_t)tick * 50 * NS_PER_MS,
                              .weight_ns = 50 * NS_PER_MS,
                              .thread = thread,
                              .ticks = 1,
                              .stack = stacks[burst ? OTHERS : tick % OTHERS]};
            recording_add_run(rec, &run);
        }
        compare_with_rest(&t, rec, window);
        check_verdict(&t, "regression", kind == OFTEN ? "" : "rank_products");
        recording_free(rec);
    }
    table_clear(&t);
}

/* A sample that stands for two seconds (nobody looked meanwhile) is one sample: with ten plain ones
 * it does not show that a function took five times as long. */
static void a_heavy_sample_is_one(void **state)
{
    (void)state;
    struct table t = {0};
    struct simulated s = simulated_new(&work, 20);
    const struct window window = {START_NS + 40 * NS_PER_S, START_NS + 47 * NS_PER_S};
    for (int tick = 0; tick < 57 * 20; tick++) {
        if (tick > 820 && tick < 860)
            continue;
        struct run run = {.from_ns = START_NS + (uint64_t)tick * 50 * NS_PER_MS,
                          .weight_ns = (tick == 820 ? 2000 : 50) * NS_PER_MS,
                          .thread = s.thread,
                          .ticks = 1,
                          .stack = s.stacks[tick % 14 == 8 ? SLOW : 0]};
        recording_add_run(s.rec, &run);
    }
    compare_with_rest(&t, s.rec, window);
    size_t r = fixture_find(&t, "name", "step_3");
    assert_true(fixture_number(&t, r, "change_pct") > 300);
    check_verdict(&t, "regression", "");
    recording_free(s.rec);
    table_clear(&t);
}

/* Said on the narrowest screen, and only where it is so. */
static void other_engines(void **state)
{
    (void)state;
    static const char *const engines[] = {"ptrace", "perf", ""};
    for (int i = 0; i < 3; i++) {
        struct recording *before = simulate(&work, 3, 100, 1), *after = simulate(&work, 3, 100, 2);
        before->engine = dictionary_string(&before->words, engines[i]);
        struct compare_side sides[] = {{.rec = before, .window = window_all(before)},
                                       {.rec = after, .window = window_all(after)}};
        struct compare_head heads[2];
        struct compare_summary summary = {0};
        char note[COMPARE_NOTE_MAX], line[256];
        struct grid g = {0};
        assert_int_equal(compare_engines_differ(&sides[0], &sides[1]), i == 1);
        compare_say_engines(note, sizeof note, &sides[0], &sides[1]);
        assert_int_equal(strstr(note, "different engines, perf -> ptrace: ") == note, i == 1);
        assert_int_equal(!*note, i != 1);
        for (int n = 0; n < 2; n++)
            compare_head_fill(&heads[n], &sides[n], "a.ptop");
        grid_init(&g, 80, 2, true);
        draw_compare_head(&g, 0, &heads[0], &heads[1], &summary);
        grid_text(&g, 1, line, sizeof line);
        assert_int_equal(strstr(line, "(perf -> ptrace: system calls may differ)") != NULL, i == 1);
        assert_ptr_equal(strstr(line, "0 slower, 0 faster"), line);
        summary.appeared = 12;
        summary.vanished = 1;
        draw_compare_head(&g, 0, &heads[0], &heads[1], &summary);
        grid_text(&g, 1, line, sizeof line);
        assert_ptr_equal(strstr(line, "0 slower, 0 faster, 12 new, 1 gone"), line);
        assert_int_equal(strstr(line, "(perf -> ptrace: system calls may differ)") != NULL, i == 1);
        grid_clear(&g);
        recording_free(before);
        recording_free(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(slower_in_a_busy_loop),
        cmocka_unit_test(slower_in_a_paced_loop),
        cmocka_unit_test(busier_machine),
        cmocka_unit_test(rates_and_lengths),
        cmocka_unit_test(late_first_sample),
        cmocka_unit_test(builds_differ),
        cmocka_unit_test(new_and_gone),
        cmocka_unit_test(rare_is_not_new),
        cmocka_unit_test(small_is_new),
        cmocka_unit_test(too_regular),
        cmocka_unit_test(bursts),
        cmocka_unit_test(two_windows),
        cmocka_unit_test(a_window_and_the_rest),
        cmocka_unit_test(few_samples_are_no_verdict),
        cmocka_unit_test(three_times_on_forty_samples),
        cmocka_unit_test(a_burst_is_no_noise),
        cmocka_unit_test(a_heavy_sample_is_one),
        cmocka_unit_test(other_engines),
    };
    return cmocka_run_group_tests_name("view_compare", tests, NULL, NULL);
}
