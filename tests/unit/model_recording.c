/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recording: runs, folding, windows, collection, metrics, alerts and batches, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/batch.h"
#include "model/collect.h"
#include "model/window.h"

#define START (1000 * NS_PER_S)

static struct function_id add_function(struct recording *rec, const char *name, const char *file)
{
    struct function f = {.name = dictionary_string(&rec->words, name),
                         .file = dictionary_string(&rec->words, file),
                         .line = 1,
                         .language = LANGUAGE_PYTHON};
    return dictionary_function(&rec->words, &f);
}

/* A stack given outermost first. */
static struct stack_id add_stack(struct recording *rec, const char *const *names, size_t n)
{
    struct stack_id stack = {0};
    for (size_t i = 0; i < n; i++) {
        struct frame f = {.kind = FRAME_PYTHON,
                          .place = {add_function(rec, names[i], "/srv/a.py"), 10}};
        stack = dictionary_stack(&rec->words, stack, dictionary_frame(&rec->words, &f));
    }
    return stack;
}

static struct recording *new_recording(void)
{
    struct recording *rec = recording_new(START, 0);
    struct incarnation in = {.pid = 42, .from_ns = START};
    in.comm = dictionary_string(&rec->words, "target");
    struct incarnation_id id = recording_add_incarnation(rec, in);
    for (int tid = 42; tid < 45; tid++) {
        struct thread t = {.incarnation = id, .tid = tid, .from_ns = START};
        recording_add_thread(rec, t);
    }
    return rec;
}

static void tick(struct recording *rec, uint32_t thread, struct stack_id stack,
                 enum sample_state state, enum wait_kind wait, uint64_t from_ns, uint64_t ns)
{
    struct run r = {.from_ns = from_ns,
                    .weight_ns = ns,
                    .thread = {thread},
                    .stack = stack,
                    .ticks = 1,
                    .state = (uint8_t)state,
                    .wait = (uint8_t)wait};
    recording_add_run(rec, &r);
}

static void test_interning(void **state)
{
    (void)state;
    struct dictionary d;
    dictionary_init(&d);
    assert_int_equal(dictionary_string(&d, "").n, 0);
    struct string_id a = dictionary_string(&d, "alpha");
    for (int i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof name, "name %d", i);
        struct string_id id = dictionary_string(&d, name);
        assert_string_equal(string_text(&d, id), name);
        assert_int_equal(dictionary_string(&d, name).n, id.n);
    }
    assert_int_equal(dictionary_string(&d, "alpha").n, a.n);
    struct module_id m = dictionary_module(&d, "/lib/a.so", "00ff");
    assert_int_equal(dictionary_module(&d, "/lib/a.so", "00ff").n, m.n);
    assert_int_not_equal(dictionary_module(&d, "/lib/a.so", "0100").n, m.n);
    struct frame f = {.kind = FRAME_NATIVE, .module = m, .offset = 0x1234};
    struct frame_id frame = dictionary_frame(&d, &f);
    assert_int_equal(dictionary_frame(&d, &f).n, frame.n);
    struct stack_id one = dictionary_stack(&d, (struct stack_id){0}, frame);
    struct stack_id two = dictionary_stack(&d, one, frame);
    assert_int_not_equal(one.n, two.n);
    assert_int_equal(stack_at(&d, two)->depth, 2);
    assert_int_equal(dictionary_stack(&d, one, frame).n, two.n);
    dictionary_clear(&d);
}

static void test_runs_lengthen(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct stack_id a = add_stack(rec, (const char *[]){"main", "a"}, 2);
    struct stack_id b = add_stack(rec, (const char *[]){"main", "b"}, 2);
    uint64_t t = START, p = 10 * NS_PER_MS;
    for (int i = 0; i < 5; i++, t += p)
        tick(rec, 1, a, STATE_RUNNING, WAIT_NONE, t, p);
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 0);
    assert_int_equal(rec->open.at[1].ticks, 5);
    tick(rec, 1, b, STATE_RUNNING, WAIT_NONE, t, p);
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 1);
    assert_int_equal(recording_run_at(rec, LEVEL_RAW, 0)->weight_ns, 5 * p);
    /* A gap is not bridged. */
    tick(rec, 1, b, STATE_RUNNING, WAIT_NONE, t + 10 * NS_PER_S, p);
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 2);
    recording_end_thread(rec, (struct thread_id){1}, t + 11 * NS_PER_S);
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 3);
    recording_free(rec);
}

static uint64_t weight_of(const struct recording *rec, uint64_t *ticks)
{
    struct window_sum sum;
    window_sum(&sum, rec, window_all(rec), NULL);
    uint64_t ns = sum.cpu_ns + sum.wait_ns + sum.idle_ns;
    *ticks = sum.cpu_ticks + sum.wait_ticks + sum.idle_ticks;
    window_sum_clear(&sum);
    return ns;
}

/* Nothing is lost or counted twice by folding, and memory stays bounded. */
static void test_folding_keeps_the_sum(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct stack_id stacks[3] = {add_stack(rec, (const char *[]){"main", "a"}, 2),
                                 add_stack(rec, (const char *[]){"main", "b"}, 2),
                                 add_stack(rec, (const char *[]){"main", "c"}, 2)};
    uint64_t p = 10 * NS_PER_MS, t = START;
    uint32_t n = 100 * 60 * 60 * 3; /* three hours */
    for (uint32_t i = 0; i < n; i++, t += p) {
        tick(rec, 1, stacks[hash_u64(i) % 3], STATE_RUNNING, WAIT_NONE, t, p);
        tick(rec, 2, stacks[0], STATE_WAITING, WAIT_READ, t, p); /* one endless run */
        if (i % 100 == 0)
            recording_thin(rec, t);
    }
    recording_thin(rec, t);
    assert_in_range(recording_run_count(rec, LEVEL_RAW), 20000, 61000);
    assert_in_range(recording_run_count(rec, LEVEL_SECOND), 10000, 22000);
    assert_in_range(recording_run_count(rec, LEVEL_TEN), 100, 2000);
    uint64_t ticks;
    assert_int_equal(weight_of(rec, &ticks), 2ull * n * p);
    assert_int_equal(ticks, 2ull * n);
    recording_free(rec);
}

static void test_full_levels_forget_the_oldest(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    rec->limits.runs_max[LEVEL_RAW] = 100;
    rec->limits.runs_max[LEVEL_SECOND] = 50;
    rec->limits.runs_max[LEVEL_TEN] = 20;
    rec->limits.runs_max[LEVEL_POOLED] = 10;
    struct stack_id a = add_stack(rec, (const char *[]){"a"}, 1);
    struct stack_id b = add_stack(rec, (const char *[]){"b"}, 1);
    uint64_t t = START;
    for (int i = 0; i < 100000; i++, t += 300 * NS_PER_MS)
        tick(rec, 1 + i % 3u, i % 2 ? a : b, STATE_RUNNING, WAIT_NONE, t, 10 * NS_PER_MS);
    recording_thin(rec, t);
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 100);
    assert_int_equal(recording_run_count(rec, LEVEL_SECOND), 50);
    assert_int_equal(recording_run_count(rec, LEVEL_TEN), 20);
    assert_int_equal(rec->levels[LEVEL_TEN].dropped, 0);
    assert_int_equal(recording_run_count(rec, LEVEL_POOLED), 10);
    assert_true(rec->levels[LEVEL_POOLED].dropped > 0);
    recording_free(rec);
}

static void test_window_cuts_runs(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct stack_id a = add_stack(rec, (const char *[]){"main", "a"}, 2);
    tick(rec, 1, a, STATE_RUNNING, WAIT_NONE, START, 4 * NS_PER_S);
    tick(rec, 2, a, STATE_WAITING, WAIT_READ, START + NS_PER_S, NS_PER_S);
    tick(rec, 3, a, STATE_WAITING, WAIT_SLEEP, START, 4 * NS_PER_S);
    struct window_sum sum;
    struct window w = {START + NS_PER_S + NS_PER_S / 2, START + 3 * NS_PER_S};
    window_sum(&sum, rec, w, NULL);
    assert_int_equal(sum.cpu_ns, NS_PER_S * 3 / 2);
    assert_int_equal(sum.wait_ns, NS_PER_S / 2);
    assert_int_equal(sum.idle_ns, NS_PER_S * 3 / 2);
    assert_int_equal(sum.whole_ns, 2 * NS_PER_S);
    window_sum_clear(&sum);
    window_sum(&sum, rec, w, &(struct filter){.states = STATES_CPU});
    assert_int_equal(sum.whole_ns, NS_PER_S * 3 / 2);
    window_sum_clear(&sum);
    window_sum(&sum, rec, w, &(struct filter){.tid = 43});
    assert_int_equal(sum.cells.n, 1);
    window_sum_clear(&sum);
    window_sum(&sum, rec, w, &(struct filter){.text = "nowhere"});
    assert_int_equal(sum.cells.n, 0);
    window_sum_clear(&sum);
    window_sum(&sum, rec, w, &(struct filter){.text = "A.PY"});
    assert_int_equal(sum.cells.n, 3);
    window_sum_clear(&sum);
    recording_free(rec);
}

static void test_idle_rule(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct stack_id own = add_stack(rec, (const char *[]){"main", "Pool.look"}, 2);
    struct fold fold;
    fold_init(&fold, rec, NATIVE_FOLDED);
    assert_true(wait_is_idle(&fold, WAIT_SLEEP, own, (struct object_id){0}));
    assert_true(wait_is_idle(&fold, WAIT_EPOLL, own, (struct object_id){0}));
    assert_false(wait_is_idle(&fold, WAIT_READ, own, (struct object_id){0}));
    assert_false(wait_is_idle(&fold, WAIT_FUTEX, own, (struct object_id){0}));
    assert_false(wait_is_idle(&fold, WAIT_GIL, own, (struct object_id){0}));
    struct function f = {.name = dictionary_string(&rec->words, "Condition.wait"),
                         .file = dictionary_string(&rec->words, "/usr/lib/python3/threading.py"),
                         .language = LANGUAGE_PYTHON};
    struct frame frame = {.kind = FRAME_PYTHON, .place = {dictionary_function(&rec->words, &f), 3}};
    struct stack_id wait =
        dictionary_stack(&rec->words, own, dictionary_frame(&rec->words, &frame));
    fold_clear(&fold);
    fold_init(&fold, rec, NATIVE_FOLDED);
    assert_true(wait_is_idle(&fold, WAIT_FUTEX, wait, (struct object_id){0}));
    fold_clear(&fold);
    recording_free(rec);
}

/* Names as the languages' libraries have them, with and without debug information. */
static void test_idle_names(void **state)
{
    static const struct {
        const char *outer, *inner;
        bool idle;
    } cases[] = {
        {"rs1::work", "<std::sys::sync::condvar::futex::Condvar>::wait", true},
        {"rs1::work", "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout", true},
        {"std::sync::mpmc::list::Channel<T>::recv", "<std::thread::thread::Thread>::park", true},
        {"rs1::work", "std::thread::park", true},
        {"rs1::work", "rs1::parking::spark", false},
        {"std::sync::mpmc::array::Channel<T>::send", "<std::thread::thread::Thread>::park", false},
        {"parking_lot::raw_mutex::RawMutex::lock_slow", "parking_lot_core::parking_lot::park",
         false},
        {"rs1::work", "std::sys::sync::mutex::futex::Mutex::lock_contended", false},
        {"Pool::run", "pthread_cond_clockwait", true},
        {"Pool::run", "___pthread_cond_clockwait64", true},
    };
    (void)state;
    struct recording *rec = new_recording();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fold fold;
        struct stack_id stack =
            add_stack(rec, (const char *[]){"main", cases[i].outer, cases[i].inner}, 3);
        fold_init(&fold, rec, NATIVE_FOLDED);
        if (wait_is_idle(&fold, WAIT_FUTEX, stack, (struct object_id){0}) != cases[i].idle)
            fail_msg("%s in %s: not as it should be", cases[i].inner, cases[i].outer);
        fold_clear(&fold);
    }
    recording_free(rec);
}

static struct stack_id native_on(struct recording *rec, struct stack_id parent, uint8_t kind,
                                 const char *path, uint64_t offset)
{
    struct frame f = {.kind = kind, .offset = offset};
    f.module = dictionary_module(&rec->words, path, "");
    return dictionary_stack(&rec->words, parent, dictionary_frame(&rec->words, &f));
}

static struct stack_id python_on(struct recording *rec, struct stack_id parent, const char *name)
{
    struct function f = {.name = dictionary_string(&rec->words, name), .language = LANGUAGE_PYTHON};
    struct frame frame = {.kind = FRAME_PYTHON, .place = {dictionary_function(&rec->words, &f), 3}};
    return dictionary_stack(&rec->words, parent, dictionary_frame(&rec->words, &frame));
}

/* The kinds of a folded stack's frames, innermost first: "NPP". */
static const char *kinds_of(struct fold *f, struct stack_id stack)
{
    static char out[32];
    size_t n = 0;
    for (struct stack_id s = fold_stack(f, stack); s.n; s = fold_at(f, s)->parent)
        out[n++] = "NPMI"[frame_at(&f->rec->words, fold_at(f, s)->frame)->kind];
    out[n] = '\0';
    return out;
}

static void test_fold(void **state)
{
    (void)state;
    const char *libc = "/usr/lib/libc.so.6", *python = "/usr/bin/python3.11";
    struct recording *rec = new_recording();
    struct stack_id s = native_on(rec, (struct stack_id){0}, FRAME_NATIVE, libc, 1);
    struct stack_id server = s; /* a thread without Python */
    s = native_on(rec, s, FRAME_INTERPRETER, python, 2);
    struct stack_id starting = s;
    s = python_on(rec, s, "main");
    s = native_on(rec, s, FRAME_INTERPRETER, python, 3);
    s = python_on(rec, s, "work");
    s = native_on(rec, s, FRAME_INTERPRETER, python, 4);
    struct stack_id sleeps = native_on(rec, s, FRAME_NATIVE, libc, 5);
    struct stack_id packs = native_on(rec, s, FRAME_NATIVE, "/usr/lib/libz.so.1", 6);
    struct stack_id copies = native_on(rec, packs, FRAME_NATIVE, libc, 7);
    struct fold fold;

    fold_init(&fold, rec, NATIVE_FOLDED);
    assert_string_equal(kinds_of(&fold, s), "PP");
    assert_string_equal(kinds_of(&fold, packs), "NPP");
    assert_string_equal(kinds_of(&fold, copies), "NNPP"); /* memcpy for libz */
    assert_string_equal(kinds_of(&fold, sleeps), "PP");   /* how Python waits */
    assert_string_equal(kinds_of(&fold, server), "N");
    assert_string_equal(kinds_of(&fold, starting), "IN");
    fold_clear(&fold);

    fold_init(&fold, rec, NATIVE_ALL);
    assert_string_equal(kinds_of(&fold, copies), "NNIPIPIN");
    fold_clear(&fold);
    fold_init(&fold, rec, NATIVE_NONE);
    assert_string_equal(kinds_of(&fold, copies), "PP");
    assert_string_equal(kinds_of(&fold, server), "N");
    fold_clear(&fold);
    recording_free(rec);
}

/* A worker that waits in a library's function is idle, also where that function is not shown. */
static void test_idle_however_shown(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    struct stack_id python = python_on(rec, (struct stack_id){0}, "serve");
    struct function f = {.name = dictionary_string(&rec->words, "pthread_cond_wait")};
    struct frame own = {.kind = FRAME_INTERPRETER};
    struct frame frame = {.kind = FRAME_NATIVE, .place = {dictionary_function(&rec->words, &f), 0}};
    frame.module = dictionary_module(&rec->words, "/opt/pool.so", "");
    struct stack_id called =
        dictionary_stack(&rec->words, python, dictionary_frame(&rec->words, &own));
    struct stack_id wait =
        dictionary_stack(&rec->words, called, dictionary_frame(&rec->words, &frame));
    tick(rec, 1, wait, STATE_WAITING, WAIT_FUTEX, START, NS_PER_S);
    tick(rec, 1, python, STATE_WAITING, WAIT_FUTEX, START + NS_PER_S, 2 * NS_PER_S);
    struct window w = {START, START + 4 * NS_PER_S};
    static const enum native_frames ways[] = {NATIVE_FOLDED, NATIVE_ALL, NATIVE_NONE};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct window_sum sum;
        window_sum(&sum, rec, w, &(struct filter){.native = ways[i]});
        assert_int_equal(sum.idle_ns, NS_PER_S);
        assert_int_equal(sum.wait_ns, 2 * NS_PER_S);
        assert_int_equal(sum.cells.n, 2);
        window_sum_clear(&sum);
    }
    recording_free(rec);
}

static void test_collect(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    rec->limits.raw_ns = rec->limits.second_ns = rec->limits.ten_ns = 20 * NS_PER_S;
    uint64_t t = START;
    for (int i = 0; i < 4000; i++, t += 10 * NS_PER_MS) {
        char name[32];
        snprintf(name, sizeof name, "f%d", i);
        struct stack_id s = add_stack(rec, (const char *[]){"main", name}, 2);
        struct frame nf = {.kind = FRAME_NATIVE, .offset = (uint64_t)i};
        nf.module = dictionary_module(&rec->words, "/lib/x.so", "");
        struct frame_id native = dictionary_frame(&rec->words, &nf);
        struct place place = {add_function(rec, name, "/x.c"), 7};
        recording_resolve(rec, native, &place, 1);
        s = dictionary_stack(&rec->words, s, native);
        tick(rec, 1, s, STATE_RUNNING, WAIT_NONE, t, 10 * NS_PER_MS);
    }
    recording_thin(rec, t);
    uint64_t ticks_before, ticks_after;
    uint64_t before = weight_of(rec, &ticks_before);
    size_t stacks = rec->words.stacks.n;
    recording_collect(rec);
    assert_int_equal(weight_of(rec, &ticks_after), before);
    assert_int_equal(ticks_after, ticks_before);
    assert_true(rec->words.stacks.n < stacks * 3 / 4);
    /* The newest stack is still main -> f3999 -> its native frame, with its place. */
    const struct stack *s = stack_at(&rec->words, rec->open.at[1].stack);
    const struct place *places;
    assert_int_equal(recording_places(rec, s->frame, &places), 1);
    const struct function *f = function_at(&rec->words, places[0].function);
    assert_string_equal(string_text(&rec->words, f->name), "f3999");
    assert_string_equal(string_text(&rec->words, f->file), "/x.c");
    assert_int_equal(places[0].line, 7);
    assert_int_equal(s->depth, 3);
    assert_string_equal(string_text(&rec->words, rec->incarnations.at[1].comm), "target");
    recording_free(rec);
}

static void test_threads_are_forgotten(void **state)
{
    (void)state;
    struct recording *rec = new_recording(); /* threads 1 to 3 are alive */
    rec->limits.raw_ns = rec->limits.second_ns = rec->limits.ten_ns = 20 * NS_PER_S;
    struct stack_id a = add_stack(rec, (const char *[]){"main", "a"}, 2);
    uint64_t t = START;
    for (int i = 0; i < 10000; i++, t += 10 * NS_PER_MS) {
        struct thread born = {.incarnation = {1}, .tid = 1000 + i, .from_ns = t};
        struct thread_id id = recording_add_thread(rec, born);
        tick(rec, id.n, a, STATE_RUNNING, WAIT_NONE, t, 10 * NS_PER_MS);
        if (i % 1000)
            recording_end_thread(rec, id, t + 10 * NS_PER_MS);
    }
    recording_thin(rec, t);
    uint64_t ticks_before, ticks_after, before = weight_of(rec, &ticks_before);
    uint32_t *renumbered = xcalloc(rec->threads.n, sizeof *renumbered);
    recording_collect_threads(rec, renumbered);
    assert_in_range(rec->threads.n, 1900, 7000);
    assert_int_equal(weight_of(rec, &ticks_after), before);
    assert_int_equal(ticks_after, ticks_before);
    assert_int_equal(rec->threads.at[renumbered[1]].tid, 42);
    assert_int_equal(rec->threads.at[renumbered[4 + 9000]].tid, 10000); /* still alive */
    assert_int_equal(renumbered[4 + 1], 0);
    for (size_t i = 0; i < recording_run_count(rec, LEVEL_RAW); i++)
        assert_in_range(recording_run_at(rec, LEVEL_RAW, i)->thread.n, 1, rec->threads.n - 1);
    free(renumbered);
    recording_free(rec);
}

static void test_batches_translate(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START, 0);
    dictionary_string(&rec->words, "something of the front's own");
    struct dictionary words;
    dictionary_init(&words);
    struct batch_marks marks = {0};
    struct batch_reader reader;
    batch_reader_init(&reader);
    for (int round = 0; round < 3; round++) {
        struct batch *b = batch_new();
        if (round == 0) {
            struct incarnation in = {.pid = 7, .comm = dictionary_string(&words, "seven")};
            vec_push(&b->incarnations, in);
            struct thread t = {
                .incarnation = {1}, .tid = 8, .name = dictionary_string(&words, "worker")};
            vec_push(&b->threads, t);
        }
        if (round == 2) { /* the sampler has started anew */
            dictionary_clear(&words);
            dictionary_init(&words);
            marks = (struct batch_marks){0};
        }
        b->generation = round == 2;
        struct function f = {.name = dictionary_string(&words, round ? "g" : "f"),
                             .language = LANGUAGE_PYTHON};
        struct frame frame = {.kind = FRAME_PYTHON, .place = {dictionary_function(&words, &f), 5}};
        struct stack_id s =
            dictionary_stack(&words, (struct stack_id){0}, dictionary_frame(&words, &frame));
        struct run r = {.from_ns = START + (uint64_t)round * NS_PER_S,
                        .weight_ns = NS_PER_S,
                        .thread = {1},
                        .stack = s,
                        .ticks = 100};
        vec_push(&b->runs, r);
        batch_take_words(b, &words, &marks);
        batch_apply(&reader, rec, b);
        batch_free(b);
    }
    /* f for a second, then g for two: the second and third runs are one. */
    assert_int_equal(recording_run_count(rec, LEVEL_RAW), 1);
    const struct run *open = &rec->open.at[1];
    assert_int_equal(open->weight_ns, 2 * NS_PER_S);
    const struct frame *fr = frame_at(&rec->words, stack_at(&rec->words, open->stack)->frame);
    assert_string_equal(
        string_text(&rec->words, function_at(&rec->words, fr->place.function)->name), "g");
    assert_string_equal(string_text(&rec->words, rec->threads.at[1].name), "worker");
    batch_reader_clear(&reader);
    dictionary_clear(&words);
    recording_free(rec);
}

static void test_series(void **state)
{
    (void)state;
    struct series s = {0};
    uint64_t n = 24 * 3600;
    for (uint64_t i = 0; i < n; i++)
        series_add(&s, START + i * NS_PER_S, (double)(i % 100));
    assert_in_range(series_count(&s), 1000, 3 * SERIES_POINTS);
    uint64_t points = 0;
    for (size_t i = 0; i < series_count(&s); i++) {
        points += series_at(&s, i)->count;
        if (i)
            assert_true(series_at(&s, i)->time_ns > series_at(&s, i - 1)->time_ns);
    }
    assert_int_equal(points, n); /* a day fits: nothing was forgotten */
    struct point all = series_summary(&s, START, START + n * NS_PER_S);
    assert_true(fabsf(all.mean - 49.5f) < 0.1f);
    assert_true(all.min == 0 && all.max == 99);
    assert_int_equal(series_find(&s, START + n * NS_PER_S)->time_ns, START + (n - 1) * NS_PER_S);
    assert_null(series_find(&s, START - 1));
    struct series copy = {0};
    for (size_t i = 0; i < series_count(&s); i++)
        series_restore(&copy, *series_at(&s, i));
    assert_int_equal(series_count(&copy), series_count(&s));
    series_clear(&s);
    series_clear(&copy);
}

static size_t feed(struct recording *rec, double value, int seconds, uint64_t *t)
{
    for (int i = 0; i < seconds; i++, *t += NS_PER_S)
        recording_add_metric(rec, METRIC_CPU_PCT, *t, value);
    return rec->alerts.n;
}

static void test_alerts(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    uint64_t t = START;
    assert_int_equal(feed(rec, 50, 10, &t), 0);
    assert_int_equal(feed(rec, 100, 2, &t), 0); /* a short spike is none */
    assert_int_equal(feed(rec, 50, 10, &t), 0);
    assert_int_equal(feed(rec, 85, 5, &t), 1);
    assert_true(rec->alerts.at[0].raised);
    assert_int_equal(rec->alerts.at[0].severity, SEVERITY_WARNING);
    for (int i = 0; i < 20; i++) /* hovering about the threshold does not flap */
        assert_int_equal(feed(rec, i % 2 ? 79 : 81, 1, &t), 1);
    assert_int_equal(feed(rec, 96, 1, &t), 2);
    assert_int_equal(rec->alerts.at[1].severity, SEVERITY_CRITICAL);
    assert_int_equal(feed(rec, 20, 10, &t), 3);
    assert_false(rec->alerts.at[2].raised);
    assert_int_equal(rec->alert_states.at[0].severity, SEVERITY_NONE);
    recording_free(rec);
}

/* As contract.md has it: warning at 5 %, critical from 1.5 times that, said with the quota. */
static void test_throttling_alert(void **state)
{
    (void)state;
    struct recording *rec = new_recording();
    uint64_t t = START;
    static const struct {
        double value;
        int seconds;
        size_t events;
    } steps[] = {{4.9, 20, 0}, {38, 2, 0}, {0, 5, 0}, {6, 5, 1}, {4, 20, 1},
                 {6, 5, 1},    {8, 1, 2},  {4, 9, 2}, {0, 5, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (int n = 0; n < steps[i].seconds; n++, t += NS_PER_S)
            recording_add_metric(rec, METRIC_THROTTLED_PCT, t, steps[i].value);
        assert_int_equal(rec->alerts.n, steps[i].events);
    }
    assert_int_equal(rec->alerts.at[0].severity, SEVERITY_WARNING);
    assert_int_equal(rec->alerts.at[1].severity, SEVERITY_CRITICAL);
    assert_false(rec->alerts.at[2].raised);
    const struct alert_rule *rule = &rec->rules.at[rec->alerts.at[0].rule];
    char text[128], small[16];
    alert_say(text, sizeof text, rule, 38, 0.2);
    assert_string_equal(text, "throttled 38.0% of the time: its cgroup may use 0.2 CPUs");
    alert_say(text, sizeof text, rule, 38, 1);
    assert_string_equal(text, "throttled 38.0% of the time: its cgroup may use 1 CPU");
    alert_say(text, sizeof text, rule, 38, NAN);
    assert_string_equal(text, "throttled 38.0% of the time");
    alert_say(small, sizeof small, rule, 38, 0.2);
    assert_string_equal(small, "throttled 38.0%");
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interning),
        cmocka_unit_test(test_runs_lengthen),
        cmocka_unit_test(test_folding_keeps_the_sum),
        cmocka_unit_test(test_full_levels_forget_the_oldest),
        cmocka_unit_test(test_window_cuts_runs),
        cmocka_unit_test(test_idle_rule),
        cmocka_unit_test(test_idle_names),
        cmocka_unit_test(test_idle_however_shown),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_collect),
        cmocka_unit_test(test_threads_are_forgotten),
        cmocka_unit_test(test_batches_translate),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_throttling_alert),
    };
    return cmocka_run_group_tests_name("model_recording", tests, NULL, NULL);
}
