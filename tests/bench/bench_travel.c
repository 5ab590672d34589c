/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long each screen takes to fill when the window is moved over a recording of 24 hours that is
 * as full as its limits allow: 10 minutes of runs as they came, 2 hours of seconds, 12 of ten
 * seconds and 24 pooled, all metrics. Simulated: nothing is watched and no clock but for the
 * measurement is read.
 *
 *     bench_travel [ROUNDS [SCREEN]]
 *
 * Prints for each screen the longest and the median CPU time in ms over windows of several lengths
 * at several places; a redraw is its screen's fill and that of the summary above it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "view/compare.h"
#include "view/detail.h"
#include "view/flame.h"
#include "view/heat.h"
#include "view/memory_pattern.h"
#include "view/spikes.h"
#include "view/views.h"

#define HOUR_NS     (3600 * NS_PER_S)
#define START_NS    (1000 * NS_PER_S)
#define THREADS     40
#define STACKS      3000
#define DEPTH       24
#define GROUPS      8 /* kinds of threads, each with stacks of its own */
#define FUNCTIONS   800
#define ROUNDS_LONG 64

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

struct made {
    struct recording *rec;
    struct stack_id stacks[STACKS];
};

/* Python functions above an interpreter's own, so that there is something to fold. */
static void make_words(struct made *m)
{
    struct dictionary *d = &m->rec->words;
    struct frame_id frames[FUNCTIONS], eval;
    struct module_id module = dictionary_module(d, "/usr/bin/python3.11", "");
    struct function f = {.name = dictionary_string(d, "_PyEval_EvalFrameDefault"),
                         .module = module};
    struct frame frame = {.kind = FRAME_INTERPRETER, .module = module, .offset = 64};
    frame.place.function = dictionary_function(d, &f);
    eval = dictionary_frame(d, &frame);
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        char text[64];
        snprintf(text, sizeof text, "Service%u.step_%u", i % 37, i);
        f = (struct function){.name = dictionary_string(d, text), .line = i};
        snprintf(text, sizeof text, "/srv/app/part_%u.py", i % 37);
        f.file = dictionary_string(d, text);
        f.language = LANGUAGE_PYTHON;
        frame = (struct frame){.kind = FRAME_PYTHON};
        frame.place = (struct place){dictionary_function(d, &f), i + 1};
        frames[i] = dictionary_frame(d, &frame);
    }
    for (size_t i = 0; i < STACKS; i++) {
        struct stack_id s = {0};
        uint32_t depth = DEPTH / 2 + random_below(DEPTH);
        for (uint32_t k = 0; k < depth; k++) {
            uint32_t at = k < 4 ? k : k * 31 + random_below(12);
            s = dictionary_stack(d, s, frames[at % FUNCTIONS]);
            if (k % 4 == 0)
                s = dictionary_stack(d, s, eval);
        }
        m->stacks[i] = s;
    }
}

/* As programs are: a few stacks are met often, many seldom, and a thread waits in some of them and
 * works in the others. */
static uint32_t random_stack(uint32_t thread, bool waits)
{
    double x = random_below(1u << 20) / (double)(1u << 20);
    uint32_t among = STACKS / GROUPS / 2;
    return (thread % GROUPS * 2 + waits) * among + (uint32_t)(x * x * x * among);
}

/* Runs of a level as many as it may have, evenly over its stretch and over the threads. */
static void fill_level(struct made *m, enum run_level level, uint64_t from_ns, uint64_t to_ns)
{
    size_t n = recording_default_limits.runs_max[level];
    uint64_t slice = level_slice_ns(level), step = (to_ns - from_ns) / n;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = from_ns + i * step;
        if (slice)
            at -= (at - START_NS) % slice;
        uint64_t most = step * THREADS < slice || !slice ? step * THREADS : slice - 1;
        struct run run = {.from_ns = at,
                          .weight_ns = most / 2 + random_below((uint32_t)(most / 2)),
                          .thread = {1 + (uint32_t)(i % THREADS)},
                          .stack = m->stacks[random_stack((uint32_t)(i % THREADS), i % 3)],
                          .state = STATE_RUNNING};
        if (i % 3) {
            run.state = STATE_WAITING;
            run.wait = i % 3 == 1 ? WAIT_FUTEX : WAIT_READ;
        }
        run.ticks = 1 + (uint32_t)(run.weight_ns / (10 * NS_PER_MS));
        recording_restore_run(m->rec, level, &run);
    }
}

static void make(struct made *m)
{
    m->rec = recording_new(START_NS, 1700000000 * (int64_t)NS_PER_S);
    struct recording *rec = m->rec;
    struct dictionary *d = &rec->words;
    rec->rate_hz = 100;
    recording_add_incarnation(
        rec,
        (struct incarnation){.pid = 1, .comm = dictionary_string(d, "bench"), .from_ns = START_NS});
    for (int i = 0; i < THREADS; i++) {
        char name[16];
        snprintf(name, sizeof name, "worker-%d", i % 8);
        recording_add_thread(rec, (struct thread){.incarnation = {1},
                                                  .tid = i + 1,
                                                  .name = dictionary_string(d, name),
                                                  .from_ns = START_NS});
    }
    make_words(m);
    uint64_t end = START_NS + 24 * HOUR_NS;
    fill_level(m, LEVEL_POOLED, START_NS, end - 12 * HOUR_NS);
    fill_level(m, LEVEL_TEN, end - 12 * HOUR_NS, end - 2 * HOUR_NS);
    fill_level(m, LEVEL_SECOND, end - 2 * HOUR_NS, end - 600 * NS_PER_S);
    fill_level(m, LEVEL_RAW, end - 600 * NS_PER_S, end);
    for (uint64_t t = START_NS; t < end; t += NS_PER_S)
        for (int i = 0; i < METRIC_COUNT; i++)
            recording_add_metric(rec, (enum metric)i, t, random_below(1000) / 100.0);
}

/* What is measured: a screen's fill. */
struct subject {
    const char *name;
    void (*fill)(const struct query *q, const char *name);
};

static struct table table;

static void fill_view(const struct query *q, const char *name)
{
    table_fill(&table, view_by_name(name), q);
}

static void fill_flame(const struct query *q, const char *name)
{
    (void)name;
    struct flame flame = {0};
    struct flame_path none = {0};
    struct flame_ask ask = {200, &none, "", 0, &none};
    flame_fill(&flame, q, &ask);
    flame_clear(&flame);
}

static void fill_memory(const struct query *q, const char *name)
{
    struct memory_pattern pattern;
    memory_pattern_find(&pattern, q->rec, q->window);
    fill_view(q, name);
}

static void fill_detail(const struct query *q, const char *name)
{
    (void)name;
    struct detail detail = {0};
    detail_fill(&detail, q, (struct function_id){5});
    detail_clear(&detail);
}

static void fill_rest(const struct query *q, const char *name)
{
    (void)name;
    struct compare_summary summary;
    struct compare_side after = {.rec = q->rec, .window = q->window, .filter = q->filter};
    struct compare_side before = {
        .rec = q->rec, .window = window_all(q->rec), .without = q->window, .filter = q->filter};
    compare_fill(&table, &summary, &before, &after, NULL, false, 2000);
}

static void fill_spikes(const struct query *q, const char *name)
{
    (void)name;
    struct spikes spikes = {0};
    for (int i = 0; i < METRIC_COUNT; i++)
        spikes_find(&spikes, &q->rec->total.series[i], (enum metric)i);
    spikes_clear(&spikes);
}

static void fill_strip(const struct query *q, const char *name)
{
    struct heat heat = {0};
    if (strcmp(name, "threads heat") == 0)
        heat_by_thread(&heat, q->rec, &q->filter, window_all(q->rec), 160, 40);
    else
        heat_by_second(&heat, q->rec, &q->filter, q->window.to_ns, 160, 40);
    heat_clear(&heat);
}

static const struct subject subjects[] = {
    {"summary", fill_view},       {"functions", fill_view}, {"lines", fill_view},
    {"tree", fill_view},          {"flame", fill_flame},    {"waits", fill_view},
    {"threads", fill_view},       {"memory", fill_memory},  {"objects", fill_view},
    {"processes", fill_view},     {"alerts", fill_view},    {"detail", fill_detail},
    {"compare rest", fill_rest},  {"spikes", fill_spikes},  {"heat", fill_strip},
    {"threads heat", fill_strip},
};

static int smaller(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static void measure(const struct made *m, const struct subject *s, uint64_t span_ns, size_t rounds)
{
    double ms[ROUNDS_LONG];
    struct window all = window_all(m->rec);
    for (size_t i = 0; i < rounds; i++) {
        uint64_t room = all.to_ns - all.from_ns - span_ns;
        uint64_t from = all.from_ns + room * i / (rounds > 1 ? rounds - 1 : 1);
        struct query q = {.rec = m->rec, .window = {from, from + span_ns}, .limit = 2000};
        uint64_t begin = clock_thread_cpu_ns();
        s->fill(&q, s->name);
        ms[i] = (double)(clock_thread_cpu_ns() - begin) / NS_PER_MS;
    }
    qsort(ms, rounds, sizeof ms[0], smaller);
    printf(" %7.1f %7.1f", ms[rounds / 2], ms[rounds - 1]);
}

int main(int argc, char **argv)
{
    static const uint64_t spans[] = {NS_PER_S, 60 * NS_PER_S, 600 * NS_PER_S, 2 * HOUR_NS,
                                     24 * HOUR_NS};
    long asked = argc > 1 ? atol(argv[1]) : 9;
    size_t rounds = asked < 1 ? 1 : asked > ROUNDS_LONG ? ROUNDS_LONG : (size_t)asked;
    static struct made m;
    mem_keep_freed(); /* as the screens do */
    make(&m);
    printf("%-14s %s\n", "ms median, max",
           "of 1 s          1 min           10 min          2 h"
           "             24 h");
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (argc > 2 && strcmp(argv[2], subjects[i].name) != 0)
            continue;
        printf("%-14s", subjects[i].name);
        for (size_t k = 0; k < sizeof spans / sizeof spans[0]; k++)
            measure(&m, &subjects[i], spans[k], rounds);
        printf("\n");
        fflush(stdout);
    }
    table_clear(&table);
    recording_free(m.rec);
    return 0;
}
