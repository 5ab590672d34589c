/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording that goes on for long and keeps its end: what recording_forget and the two collectors
 * leave, and that hours of a server with 1,000 threads that come and go fit into their memory as
 * far back as was asked for, with their shares, and with no step that takes long. The clock is an
 * argument, so hours take seconds; PROFTOP_RING_HOURS says how many (8; 24 for the whole promise).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "model/collect.h"
#include "model/forget.h"
#include "model/window.h"

#define START_NS (1000 * NS_PER_S)

static uint64_t at(double s)
{
    return START_NS + (uint64_t)(s * 1e9);
}

static struct incarnation_id begin(struct recording *rec, int32_t pid, double s)
{
    struct incarnation in = {.pid = pid, .from_ns = at(s)};
    in.comm = dictionary_string(&rec->words, "server");
    return recording_add_incarnation(rec, in);
}

static struct thread_id begin_thread(struct recording *rec, struct incarnation_id in, int32_t tid,
                                     double s)
{
    struct thread t = {.incarnation = in, .tid = tid, .from_ns = at(s)};
    t.name = dictionary_string(&rec->words, "worker");
    return recording_add_thread(rec, t);
}

static void start_moves_by_whole_slices(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 500);
    recording_add_metric(rec, METRIC_RSS, at(100), 1);
    recording_forget(rec, at(37), 37 * (int64_t)NS_PER_S + 500);
    assert_int_equal(rec->start_ns, at(30));
    assert_int_equal(rec->start_wall_ns, 30 * (int64_t)NS_PER_S + 500);
    recording_forget(rec, at(5), 0); /* never back */
    assert_int_equal(rec->start_ns, at(30));
    recording_forget(rec, at(1000), 0); /* nor beyond the end */
    assert_int_equal(rec->start_ns, at(100));
    recording_free(rec);
}

static void events_before_the_start_go(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    for (int s = 0; s < 100; s++)
        recording_add_mark(rec, at(s), MARK_NOTE, "x");
    for (int s = 0; s < 100; s++) {
        struct alert_event event = {.time_ns = at(s), .raised = true};
        vec_push(&rec->alerts, event);
    }
    recording_forget(rec, at(60), 0);
    assert_int_equal(rec->marks.n, 40);
    assert_int_equal(rec->marks_gone, 60);
    assert_int_equal(rec->marks.at[0].time_ns, at(60));
    assert_int_equal(rec->alerts.n, 40);
    assert_int_equal(rec->alerts_gone, 60);
    for (int i = 0; i < 3 * FORGET_MARKS_MAX; i++)
        recording_add_mark(rec, at(99), MARK_NOTE, "flood");
    recording_forget(rec, at(60), 0);
    assert_int_equal(rec->marks.n, FORGET_MARKS_MAX);
    assert_int_equal(rec->marks_gone + rec->marks.n, 100 + 3 * FORGET_MARKS_MAX);
    recording_free(rec);
}

static void a_living_process_keeps_its_newest_census(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    struct incarnation_id dead = begin(rec, 10, 0), living = begin(rec, 11, 0);
    for (int s = 1; s <= 4; s++) {
        struct census census = {.number = (uint64_t)(2 * s), .incarnation = dead, .time_ns = at(s)};
        recording_restore_census(rec, census);
        census = (struct census){
            .number = (uint64_t)(2 * s + 1), .incarnation = living, .time_ns = at(s)};
        recording_restore_census(rec, census);
    }
    recording_end_incarnation(rec, dead, at(5), false);
    recording_add_metric(rec, METRIC_RSS, at(100), 1);
    recording_forget(rec, at(90), 0);
    assert_int_equal(rec->censuses.list.n, 1);
    assert_int_equal(rec->censuses.list.at[0].incarnation.n, living.n);
    assert_int_equal(rec->censuses.list.at[0].time_ns, at(4));
    recording_free(rec);
}

static void processes_without_traces_go(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    struct incarnation_id first = begin(rec, 10, 0), child = begin(rec, 11, 0);
    struct incarnation_id next = begin(rec, 12, 1), other = begin(rec, 13, 1);
    struct thread_id t = begin_thread(rec, other, 13, 1);
    recording_end_incarnation(rec, first, at(2), false);
    recording_end_incarnation(rec, child, at(2), false);
    recording_end_incarnation(rec, other, at(2), false);
    uint32_t renumbered[5];
    recording_collect_incarnations(rec, next, renumbered);
    assert_int_equal(renumbered[first.n], 0);
    assert_int_equal(renumbered[child.n], 0);
    assert_int_equal(renumbered[next.n], 1); /* the target stands first */
    assert_int_equal(renumbered[other.n], 2);
    assert_int_equal(rec->incarnations.n, 3);
    assert_int_equal(rec->incarnations.at[1].pid, 12);
    assert_int_equal(rec->incarnations.at[2].pid, 13);
    assert_int_equal(rec->threads.at[t.n].incarnation.n, 2);

    uint32_t again[3]; /* nothing to do: nothing changes */
    recording_collect_incarnations(rec, (struct incarnation_id){1}, again);
    assert_int_equal(again[1], 1);
    assert_int_equal(again[2], 2);
    recording_free(rec);
}

static void what_outlives_the_ring_is_not_folded(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 0);
    rec->limits = recording_ring_limits(60 * NS_PER_S);
    struct thread_id t = begin_thread(rec, begin(rec, 10, 0), 10, 0);
    for (int i = 0; i < 2000; i++) {
        struct run run = {.from_ns = at(i * 0.1),
                          .weight_ns = NS_PER_S / 10,
                          .thread = t,
                          .owner = i, /* no two alike */
                          .ticks = 1};
        recording_add_run(rec, &run);
        recording_thin(rec, rec->end_ns);
    }
    assert_in_range(recording_run_count(rec, LEVEL_RAW), 590, 600);
    assert_int_equal(recording_run_count(rec, LEVEL_SECOND), 0);
    assert_int_equal(recording_run_count(rec, LEVEL_TEN), 0);
    assert_int_equal(rec->levels[LEVEL_TEN].dropped, 0);
    recording_free(rec);
}

/* ---- hours of a server ---- */

#define THREADS       1000
#define BUSY          16 /* of them, at a time */
#define CHURN_PER_S   2  /* threads that end and others that begin */
#define STACKS        4000
#define STACK_DEPTH   25
#define TURN_S        300
#define WORDS_BYTES   (3u << 20)
#define THREADS_ROOM  4096
#define RSS_BYTES_MAX (48u << 20) /* of this program: proftop's other parts need some 16 MB */
#define STEP_NS_MAX   (250 * NS_PER_MS)
#define SHARE_ERROR   0.003 /* of the whole: how far off a frame's time may be */
#define FRAMES        4096

static uint64_t random_state = 88172645463325252ull;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % n);
}

static size_t rss_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct stack_id stacks[STACKS]; /* by number; 0: not known since words were collected */

/* The nth stack of the program. Most calls are seen often, some code is new each minute. */
static struct stack_id stack_of(struct recording *rec, uint32_t n)
{
    if (n < STACKS && stacks[n].n)
        return stacks[n];
    struct dictionary *d = &rec->words;
    struct module_id module = dictionary_module(d, "/usr/bin/server", "0123456789abcdef");
    struct stack_id stack = {0};
    for (uint32_t i = 0; i < STACK_DEPTH; i++) {
        /* Callers are shared: the further out, the more. */
        uint32_t shift = STACK_DEPTH - i;
        uint64_t key = hash_mix(shift < 32 ? n >> (shift / 2) : 0, i) % (i + 1 < 12 ? 60 : 4000);
        struct frame frame = {.kind = FRAME_NATIVE, .module = module, .offset = 0x1000 + 16 * key};
        stack = dictionary_stack(d, stack, dictionary_frame(d, &frame));
    }
    if (n < STACKS)
        stacks[n] = stack;
    return stack;
}

/* Thread time by what was seen. */
struct times {
    double state_ns[STATE_WAITING + 1];
    double frame_ns[FRAMES];
};

static void add_times(struct times *t, const struct dictionary *d, enum sample_state state,
                      struct stack_id stack, double ns)
{
    t->state_ns[state] += ns;
    for (; stack.n; stack = stack_at(d, stack)->parent)
        t->frame_ns[frame_at(d, stack_at(d, stack)->frame)->offset / 16 % FRAMES] += ns;
}

struct server {
    struct recording *rec;
    struct incarnation_id in;
    uint32_t threads[THREADS]; /* their ids */
    int32_t next_tid;
    size_t threads_max;
    uint64_t longest_ns, thin_ns; /* of all steps, and of what is done each second */
    struct times *seen;
    double known_ns[STACKS][2]; /* the rest of it, by stack and whether it ran */
};

static void add(struct server *v, uint32_t i, double s, double weight_s, uint32_t stack, bool runs)
{
    struct run run = {.from_ns = at(s),
                      .weight_ns = (uint64_t)(weight_s * 1e9),
                      .thread = {v->threads[i]},
                      .stack = stack_of(v->rec, stack),
                      .ticks = (uint32_t)(weight_s * 100) + 1};
    run.state = runs ? STATE_RUNNING : STATE_WAITING;
    run.wait = runs ? WAIT_NONE : WAIT_FUTEX;
    recording_add_run(v->rec, &run);
    if (stack < STACKS)
        v->known_ns[stack][runs] += (double)run.weight_ns;
    else
        add_times(v->seen, &v->rec->words, run.state, run.stack, (double)run.weight_ns);
}

static void second(struct server *v, int s)
{
    for (int i = 0; i < CHURN_PER_S; i++) {
        uint32_t gone = random_below(THREADS);
        recording_end_thread(v->rec, (struct thread_id){v->threads[gone]}, at(s));
        v->threads[gone] = begin_thread(v->rec, v->in, ++v->next_tid, s).n;
    }
    /* A wait of a thread that sleeps all the time is one run. */
    for (uint32_t i = 0; i < THREADS; i++)
        if (i % (THREADS / BUSY))
            add(v, i, s, 1, i % 50, false);
    for (uint32_t i = 0; i < THREADS; i += THREADS / BUSY)
        for (int k = 0; k < 10; k++)
            add(v, i, s + k * 0.1, 0.1,
                random_below(100) ? random_below(STACKS) : STACKS + (uint32_t)s, k & 1);
    for (int m = 0; m < METRIC_COUNT; m++)
        recording_add_metric(v->rec, (enum metric)m, at(s), random_below(1000));
}

static void turn(struct server *v, uint64_t span_ns)
{
    struct recording *rec = v->rec;
    if (rec->end_ns > span_ns)
        recording_forget(rec, rec->end_ns - span_ns, 0);
    if (dictionary_bytes(&rec->words) > WORDS_BYTES) {
        recording_collect(rec);
        memset(stacks, 0, sizeof stacks);
    }
    if (rec->threads.n < v->threads_max)
        return;
    uint32_t *renumbered = calloc(rec->threads.n, sizeof *renumbered);
    recording_collect_threads(rec, renumbered);
    for (int i = 0; i < THREADS; i++)
        v->threads[i] = renumbered[v->threads[i]];
    free(renumbered);
    v->threads_max = rec->threads.n + THREADS_ROOM;
}

static double oldest_s(const struct recording *rec)
{
    uint64_t oldest_ns = rec->end_ns;
    for (int level = 0; level <= LEVEL_COUNT; level++)
        for (size_t i = 0; i < recording_run_count(rec, level); i++) {
            const struct run *run = recording_run_at(rec, level, i);
            oldest_ns = run->ticks && run->from_ns < oldest_ns ? run->from_ns : oldest_ns;
        }
    return (double)(rec->end_ns - oldest_ns) / NS_PER_S;
}

/* What the whole recording says is what was seen, if nothing of it is too old. */
static void check_times(const struct server *v)
{
    struct times *told = calloc(1, sizeof *told);
    struct window_sum sum;
    double all_ns = 0, worst_ns = 0;
    for (uint32_t n = 0; n < STACKS; n++)
        for (int runs = 0; runs < 2; runs++)
            add_times(v->seen, &v->rec->words, runs ? STATE_RUNNING : STATE_WAITING,
                      stack_of(v->rec, n), v->known_ns[n][runs]);
    window_sum(&sum, v->rec, window_all(v->rec), NULL);
    for (size_t i = 0; i < sum.cells.n; i++) {
        const struct cell *c = &sum.cells.at[i];
        add_times(told, &v->rec->words, c->state, c->stack, (double)c->ns);
    }
    window_sum_clear(&sum);
    for (int state = 0; state <= STATE_WAITING; state++) {
        all_ns += v->seen->state_ns[state];
        assert_float_equal(told->state_ns[state], v->seen->state_ns[state], 1e-6 * all_ns);
    }
    for (int i = 0; i < FRAMES; i++)
        worst_ns = fmax(worst_ns, fabs(told->frame_ns[i] - v->seen->frame_ns[i]));
    double busy_ns = v->seen->state_ns[STATE_RUNNING] / 0.5;
    print_message("  the worst frame's time is off by %.4f %% of the busy threads'\n",
                  100 * worst_ns / busy_ns);
    assert_true(worst_ns < SHARE_ERROR * busy_ns);
    free(told);
}

static void run_for(double hours, uint64_t span_ns)
{
    static struct server v;
    v = (struct server){.rec = recording_new(START_NS, 0),
                        .threads_max = THREADS_ROOM,
                        .seen = calloc(1, sizeof *v.seen)};
    size_t most = 0, before = rss_bytes();
    memset(stacks, 0, sizeof stacks);
    v.rec->limits = recording_ring_limits(span_ns);
    v.in = begin(v.rec, 1, 0);
    for (int i = 0; i < THREADS; i++)
        v.threads[i] = begin_thread(v.rec, v.in, ++v.next_tid, 0).n;
    int end_s = (int)(hours * 3600);
    for (int s = 0; s < end_s; s++) {
        second(&v, s);
        uint64_t begin_ns = clock_thread_cpu_ns();
        recording_thin(v.rec, v.rec->end_ns);
        uint64_t thin_ns = clock_thread_cpu_ns() - begin_ns;
        v.thin_ns = thin_ns > v.thin_ns ? thin_ns : v.thin_ns;
        if (s % TURN_S == TURN_S - 1) {
            turn(&v, span_ns);
            size_t now = rss_bytes();
            most = now > most ? now : most;
            if (s / TURN_S % 12 == 11)
                print_message(
                    "  %2d h: %zu KB, %zu threads, %zu KB of words, %zu + %zu + %zu + %zu runs, "
                    "back to %.0f s\n",
                    (s + 1) / 3600, now >> 10, v.rec->threads.n,
                    dictionary_bytes(&v.rec->words) >> 10, recording_run_count(v.rec, LEVEL_RAW),
                    recording_run_count(v.rec, LEVEL_SECOND), recording_run_count(v.rec, LEVEL_TEN),
                    recording_run_count(v.rec, LEVEL_POOLED), oldest_s(v.rec));
        }
        uint64_t took_ns = clock_thread_cpu_ns() - begin_ns;
        v.longest_ns = took_ns > v.longest_ns ? took_ns : v.longest_ns;
    }
    uint64_t copy_ns = clock_thread_cpu_ns();
    struct recording *copy = recording_copy(v.rec); /* as a snapshot makes one */
    copy_ns = clock_thread_cpu_ns() - copy_ns;
    size_t with_copy = rss_bytes();
    recording_free(copy);
    print_message("  at most %zu KB (%zu KB before), longest step %.1f ms, without a turn %.1f ms; "
                  "with a copy %zu KB, %.1f ms\n",
                  most >> 10, before >> 10, (double)v.longest_ns / 1e6, (double)v.thin_ns / 1e6,
                  with_copy >> 10, (double)copy_ns / 1e6);
    most = with_copy > most ? with_copy : most;
    uint64_t reach_ns = span_ns + (TURN_S + 10) * NS_PER_S;
    assert_true(v.rec->start_ns == START_NS || v.rec->end_ns - v.rec->start_ns <= reach_ns);
    double asked_s = (double)(hours * 3600e9 < span_ns ? hours * 3600e9 : span_ns) / 1e9;
    assert_true(oldest_s(v.rec) > asked_s - 20);
    assert_int_equal(v.rec->levels[LEVEL_POOLED].dropped, 0);
    if (hours * 3600e9 <= span_ns)
        check_times(&v);
#ifndef __SANITIZE_ADDRESS__
    assert_true(most < RSS_BYTES_MAX);
    assert_true(v.longest_ns < STEP_NS_MAX);
#endif
    recording_free(v.rec);
    free(v.seen);
}

static double hours(double usual)
{
    const char *text = getenv("PROFTOP_RING_HOURS");
    return text ? strtod(text, NULL) : usual;
}

static void hours_of_half_an_hour(void **state)
{
    (void)state;
    run_for(hours(2), 1800 * NS_PER_S);
}

static void hours_of_a_day(void **state)
{
    (void)state;
    run_for(hours(8), 24 * 3600 * NS_PER_S);
}

int main(void)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* as the recorder does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_moves_by_whole_slices),
        cmocka_unit_test(events_before_the_start_go),
        cmocka_unit_test(a_living_process_keeps_its_newest_census),
        cmocka_unit_test(processes_without_traces_go),
        cmocka_unit_test(what_outlives_the_ring_is_not_folded),
        cmocka_unit_test(hours_of_half_an_hour),
        cmocka_unit_test(hours_of_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
