/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of store/ share: a folder that goes away, a recording with entries of every kind
 * that grows second by second, and a comparison of two recordings that looks at everything.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/recording.h"
#include "store/store.h"

#define START_NS (5000 * NS_PER_S + 123)

/* ---- a folder ---- */

static char folder[64];

static inline int folder_make(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/proftop-store-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

/* Entries of the folder, without "." and "..". */
static inline int folder_count(void)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static inline int folder_remove(void **state)
{
    (void)state;
    umount2(folder, MNT_DETACH); /* if it is a disk */
    DIR *d = opendir(folder);
    if (!d)
        return -1;
    struct dirent *e;
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) != 0)
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
    return rmdir(folder);
}

/* A path in the folder; good for the next few calls. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static inline char *read_whole(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char *bytes = xmalloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static inline void write_whole(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Makes the folder a disk of so many KB, for this process alone; gone with folder_remove. False,
 * with a message, where that is not permitted. */
static inline bool folder_is_small_disk(unsigned size_kb)
{
    char options[32];
    snprintf(options, sizeof options, "size=%uk", size_kb);
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", folder, "tmpfs", 0, options) == 0)
        return true;
    print_message("no full disk to try: mounting one is not permitted (%s)\n", strerror(errno));
    return false;
}

/* ---- a recording ---- */

/* xorshift: the same numbers on every machine. */
static inline uint32_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 32);
}

struct growing {
    struct recording *rec;
    uint64_t now_ns, seed;
    uint32_t threads; /* alive: the last so many */
};

static inline struct frame_id some_frame(struct growing *g)
{
    struct dictionary *d = &g->rec->words;
    char text[80];
    uint32_t n = next_random(&g->seed) % 300;
    snprintf(text, sizeof text, "/srv/app/lib%u.so", n % 7);
    struct module_id module = dictionary_module(d, text, n % 3 ? "0123abcd" : "");
    snprintf(text, sizeof text, n % 50 ? "Cache.get_%u" : "caf\xc3\xa9_%u", n);
    struct function f = {
        .name = dictionary_string(d, text),
        .file = dictionary_string(d, n % 4 ? "/srv/app/cache.py" : ""),
        .line = n,
        .module = module,
        .language = (uint8_t)(n % LANGUAGE_COUNT),
    };
    struct frame frame = {.kind = n % 3 ? FRAME_NATIVE : FRAME_PYTHON,
                          .place = {dictionary_function(d, &f), n + 5}};
    if (frame.kind == FRAME_NATIVE) {
        frame.module = module;
        frame.offset = n % 5 ? 0x1000 + n : 0xffffffff81000000u + n;
    } else if (n % 90 == 0) {
        frame.kind = FRAME_MARK;
    }
    struct frame_id id = dictionary_frame(d, &frame);
    if (frame.kind == FRAME_NATIVE && next_random(&g->seed) % 3) {
        struct place places[4];
        size_t count = 1 + next_random(&g->seed) % 4;
        for (size_t i = 0; i < count; i++)
            places[i] = (struct place){frame.place.function, next_random(&g->seed) % 9999};
        recording_resolve(g->rec, id, places, count);
    }
    return id;
}

static inline void add_growth(struct growing *g)
{
    struct growth growth;
    growth_init(&growth, 4242);
    growth.from_ns = g->now_ns - 20 * NS_PER_S;
    growth.to_ns = g->now_ns;
    growth.cost_pct = 2.75;
    growth.samples = 900, growth.lost = 3, growth.unnamed = 5;
    growth.flags = GROWTH_PROBED | GROWTH_INNERMOST;
    for (uint32_t i = 0; i < 30; i++) {
        struct growth_frame frames[] = {
            {.module = growth_text(&growth, "/usr/lib/libc.so.6"),
             .build_id = growth_text(&growth, "0123abcd"),
             .offset = 0x98930 + i},
            {.python = true,
             .name = growth_text(&growth, "Cache.put"),
             .file = growth_text(&growth, "/srv/app/cache.py"),
             .first_line = 10,
             .line = 11 + i % 7,
             .module = "",
             .build_id = ""},
            {.module = "", .build_id = "", .offset = 0x7f0000000000},
        };
        size_t row = growth_add(&growth,
                                i % 3   ? GROWTH_SURVIVES
                                : i % 2 ? GROWTH_MMAP
                                        : GROWTH_TOUCHED,
                                growth_stack(&growth, frames, 3), i % 2 ? "str" : "", 4096.0 * i,
                                204.75 * i, i, i + 5);
        growth.rows.at[row].unsure_per_s = 12.5 * i;
    }
    growth_close(&growth);
    recording_add_growth(g->rec, (struct incarnation_id){(uint32_t)(g->rec->incarnations.n - 1)},
                         &growth);
    growth_clear(&growth);
}

static inline void add_census(struct growing *g, int second)
{
    struct heap_count heap;
    heap_count_init(&heap, 4242);
    heap.time_ns = g->now_ns;
    heap.duration_ns = 12345678;
    heap.moved_pct = 0.25;
    heap.swapped_bytes = 4096;
    heap.space = (struct heap_space){1u << 20, 1u << 10, 1u << 8};
    for (unsigned i = 0; i < 40; i++) {
        char name[40];
        snprintf(name, sizeof name, i % 9 ? "app.Type%u" : "caf\xc3\xa9.Type%u", i);
        heap_count_add(&heap, name, i % 2 ? LANGUAGE_PYTHON : LANGUAGE_CXX,
                       i % 7 ? 0 : HEAP_INCLUDES_FREED, next_random(&g->seed), 1ull << (i % 40));
    }
    heap_count_add_container(&heap, "dict", 0xfffffffffffffff0u, 1u << 30, 1ull << 40);
    heap_count_add_container(&heap, "list", 0x7f0000001000, 77, 616);
    if (second % 20 == 12)
        heap_count_cut(&heap, "out of time after %d pieces", second);
    heap_count_close(&heap, CENSUS_CONTAINERS_MAX);
    struct incarnation_id in = {(uint32_t)(g->rec->incarnations.n - 1)};
    recording_add_census(g->rec, in, &heap);
    heap_count_clear(&heap);
    struct census_holder holder = {in, dictionary_string(&g->rec->words, "app.Type1"),
                                   dictionary_string(&g->rec->words, "module app.CACHE (dict)"),
                                   g->now_ns};
    recording_set_holder(g->rec, holder);
}

static inline struct run some_run(struct growing *g, uint32_t thread)
{
    struct stack_id stack = {0};
    uint32_t depth = next_random(&g->seed) % 30;
    for (uint32_t i = 0; i < depth; i++) /* stacks share their outer frames */
        stack = i < 4 && stack.n < 20 && g->rec->words.stacks.n > 40
                    ? (struct stack_id){stack.n + 1}
                    : dictionary_stack(&g->rec->words, stack, some_frame(g));
    struct run run = {
        .from_ns = g->now_ns,
        .weight_ns = 10 * NS_PER_MS + next_random(&g->seed) % 100,
        .thread = {thread},
        .stack = stack,
        .ticks = 1,
        .state = (uint8_t)(next_random(&g->seed) % 3),
        .flags = (uint8_t)(next_random(&g->seed) % 32),
    };
    if (run.state == STATE_WAITING) {
        run.wait = (uint8_t)(1 + next_random(&g->seed) % (WAIT_COUNT - 1));
        run.owner = (int32_t)(next_random(&g->seed) % 3);
        char text[40];
        snprintf(text, sizeof text, "tcp 127.0.0.1:%u", next_random(&g->seed) % 20);
        run.object = dictionary_object(&g->rec->words, text);
    }
    return run;
}

static inline struct growing growth_begin(void)
{
    struct recording *rec = recording_new(START_NS, 1700000000ll * NS_PER_S);
    struct growing g = {rec, START_NS, 88172645463325252u, 3};
    rec->rate_hz = 99.5;
    rec->engine = dictionary_string(&rec->words, "ptrace");
    rec->host = dictionary_string(&rec->words, "box, Linux 6.1");
    rec->cpus_allowed = 1.5;
    rec->memory_limit = 8ull << 30;
    struct incarnation in = {
        .pid = 4242,
        .ppid = 1,
        .start_ticks = 99999999,
        .comm = dictionary_string(&rec->words, "python3"),
        .cmdline = dictionary_string(&rec->words, "python3 -m app --port 80"),
        .exe = dictionary_string(&rec->words, "/usr/bin/python3"),
        .runtime = dictionary_string(&rec->words, "python 3.12.1"),
        .from_ns = START_NS - 7 * NS_PER_S,
    };
    recording_add_incarnation(rec, in);
    return g;
}

/* One second more: at 100 Hz, with a thread that ends and one that begins, metrics that cross the
 * alerts' thresholds, a mark, and now and then an exec. */
static inline void growth_second(struct growing *g, uint32_t hz)
{
    struct recording *rec = g->rec;
    uint32_t second = (uint32_t)((g->now_ns - START_NS) / NS_PER_S);
    if (second % 10 == 0 && rec->threads.n > g->threads)
        recording_end_thread(rec, (struct thread_id){(uint32_t)(rec->threads.n - g->threads)},
                             g->now_ns);
    if (second % 40 == 39) {
        struct incarnation_id last = {(uint32_t)(rec->incarnations.n - 1)};
        struct incarnation in = rec->incarnations.at[last.n];
        recording_end_incarnation(rec, last, g->now_ns, second % 80 == 39);
        in.from_ns = g->now_ns;
        in.comm = dictionary_string(&rec->words, second % 80 == 39 ? "sh" : "python3");
        recording_add_incarnation(rec, in);
        recording_add_mark(rec, g->now_ns, MARK_EXEC, "exec: sh");
    }
    while (rec->threads.n <= g->threads || rec->threads.at[rec->threads.n - g->threads].to_ns) {
        struct thread t = {{(uint32_t)(rec->incarnations.n - 1)},
                           (int32_t)(4242 + rec->threads.n),
                           dictionary_string(&rec->words, "worker"),
                           g->now_ns,
                           0};
        recording_add_thread(rec, t);
    }
    for (uint32_t tick = 0; tick < hz; tick++, g->now_ns += NS_PER_S / hz) {
        for (uint32_t t = 0; t < g->threads; t++) {
            uint32_t thread = (uint32_t)(rec->threads.n - g->threads + t);
            struct run run = some_run(g, thread);
            if (thread < rec->open.n && rec->open.at[thread].ticks &&
                next_random(&g->seed) % 4) { /* goes on as it was */
                run = rec->open.at[thread];
                run.from_ns = g->now_ns;
                run.weight_ns = 10 * NS_PER_MS;
                run.ticks = 1;
            }
            recording_add_run(rec, &run);
        }
        rec->cost.ticks++;
        rec->cost.samples += g->threads;
    }
    for (int m = 0; m < METRIC_COUNT; m++)
        recording_add_metric(rec, (enum metric)m, g->now_ns,
                             m == METRIC_CPU_PCT ? (second / 20 % 2 ? 97.25 : 12.5)
                                                 : next_random(&g->seed) / 1000.0);
    if (second % 15 == 3)
        recording_add_mark(rec, g->now_ns, MARK_NOTE, "deployed");
    if (second % 10 == 2)
        add_census(g, second);
    if (second % 10 == 4)
        add_growth(g);
    struct cost *c = &rec->cost;
    c->late_ticks += second % 2;
    c->lost += 3, c->torn += 1, c->stops += 90, c->stopped_ns += 12345;
    c->rewound += second % 3, c->slow_stops += second % 5, c->long_stops += second % 7,
        c->cpu_ns += 7 * NS_PER_MS;
    recording_thin(rec, g->now_ns);
}

/* ---- comparison ---- */

#define same(a, b) assert_true((a) == (b))

static inline void same_string(const struct recording *a, struct string_id x,
                               const struct recording *b, struct string_id y)
{
    same(x.n, y.n);
    assert_string_equal(string_text(&a->words, x), string_text(&b->words, y));
}

static inline void same_words(const struct recording *a, const struct recording *b)
{
    const struct dictionary *p = &a->words, *q = &b->words;
    same(p->strings.offsets.n, q->strings.offsets.n);
    for (uint32_t i = 0; i < p->strings.offsets.n; i++)
        same_string(a, (struct string_id){i}, b, (struct string_id){i});
    same(p->modules.n, q->modules.n);
    for (size_t i = 0; i < p->modules.n; i++) {
        same(p->modules.at[i].path.n, q->modules.at[i].path.n);
        same(p->modules.at[i].build_id.n, q->modules.at[i].build_id.n);
    }
    same(p->functions.n, q->functions.n);
    for (size_t i = 0; i < p->functions.n; i++) {
        const struct function *f = &p->functions.at[i], *g = &q->functions.at[i];
        same(f->name.n, g->name.n);
        same(f->file.n, g->file.n);
        same(f->line, g->line);
        same(f->module.n, g->module.n);
        same(f->language, g->language);
    }
    same(p->frames.n, q->frames.n);
    for (size_t i = 0; i < p->frames.n; i++) {
        const struct frame *f = &p->frames.at[i], *g = &q->frames.at[i];
        same(f->kind, g->kind);
        same(f->place.function.n, g->place.function.n);
        same(f->place.line, g->place.line);
        same(f->module.n, g->module.n);
        same(f->offset, g->offset);
    }
    same(p->stacks.n, q->stacks.n);
    for (size_t i = 0; i < p->stacks.n; i++) {
        same(p->stacks.at[i].parent.n, q->stacks.at[i].parent.n);
        same(p->stacks.at[i].frame.n, q->stacks.at[i].frame.n);
        same(p->stacks.at[i].depth, q->stacks.at[i].depth);
    }
    same(p->objects.n, q->objects.n);
    for (size_t i = 0; i < p->objects.n; i++)
        same(p->objects.at[i].n, q->objects.at[i].n);
}

static inline void same_places(const struct recording *a, const struct recording *b)
{
    for (uint32_t i = 0; i < a->words.frames.n; i++) {
        const struct place *p, *q;
        size_t n = recording_places(a, (struct frame_id){i}, &p);
        same(n, recording_places(b, (struct frame_id){i}, &q));
        for (size_t k = 0; k < n; k++) {
            same(p[k].function.n, q[k].function.n);
            same(p[k].line, q[k].line);
        }
    }
}

static inline void same_run(const struct run *p, const struct run *q)
{
    same(p->from_ns, q->from_ns);
    same(p->weight_ns, q->weight_ns);
    same(p->thread.n, q->thread.n);
    same(p->stack.n, q->stack.n);
    same(p->object.n, q->object.n);
    same(p->owner, q->owner);
    same(p->ticks, q->ticks);
    same(p->state, q->state);
    same(p->wait, q->wait);
    same(p->flags, q->flags);
}

static inline void same_runs(const struct recording *a, const struct recording *b)
{
    for (int level = 0; level < LEVEL_COUNT; level++) {
        same(recording_run_count(a, level), recording_run_count(b, level));
        for (size_t i = 0; i < recording_run_count(a, level); i++)
            same_run(recording_run_at(a, level, i), recording_run_at(b, level, i));
        same(a->levels[level].dropped, b->levels[level].dropped);
        same(a->limits.runs_max[level], b->limits.runs_max[level]);
    }
    size_t open = a->open.n > b->open.n ? a->open.n : b->open.n;
    static const struct run none;
    for (size_t i = 0; i < open; i++) {
        const struct run *p = i < a->open.n ? &a->open.at[i] : &none;
        const struct run *q = i < b->open.n ? &b->open.at[i] : &none;
        same(p->ticks, q->ticks);
        if (p->ticks)
            same_run(p, q);
    }
    same(a->limits.raw_ns, b->limits.raw_ns);
    same(a->limits.second_ns, b->limits.second_ns);
    same(a->limits.ten_ns, b->limits.ten_ns);
}

static inline void same_lives(const struct recording *a, const struct recording *b)
{
    same(a->incarnations.n, b->incarnations.n);
    for (size_t i = 0; i < a->incarnations.n; i++) {
        const struct incarnation *p = &a->incarnations.at[i], *q = &b->incarnations.at[i];
        same(p->pid, q->pid);
        same(p->ppid, q->ppid);
        same(p->start_ticks, q->start_ticks);
        same(p->comm.n, q->comm.n);
        same(p->cmdline.n, q->cmdline.n);
        same(p->exe.n, q->exe.n);
        same(p->runtime.n, q->runtime.n);
        same(p->from_ns, q->from_ns);
        same(p->to_ns, q->to_ns);
        same(p->exec, q->exec);
    }
    same(a->threads.n, b->threads.n);
    for (size_t i = 0; i < a->threads.n; i++) {
        const struct thread *p = &a->threads.at[i], *q = &b->threads.at[i];
        same(p->incarnation.n, q->incarnation.n);
        same(p->tid, q->tid);
        same(p->name.n, q->name.n);
        same(p->from_ns, q->from_ns);
        same(p->to_ns, q->to_ns);
    }
}

static inline void same_series(const struct recording *a, const struct recording *b)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct series *p = &a->total.series[m], *q = &b->total.series[m];
        for (int level = 0; level < SERIES_LEVELS; level++)
            same(p->levels[level].ring.n, q->levels[level].ring.n);
        for (size_t i = 0; i < series_count(p); i++) {
            const struct point *x = series_at(p, i), *y = series_at(q, i);
            same(x->time_ns, y->time_ns);
            same(x->mean, y->mean);
            same(x->min, y->min);
            same(x->max, y->max);
            same(x->count, y->count);
        }
    }
}

static inline void same_events(const struct recording *a, const struct recording *b)
{
    same(a->alerts.n, b->alerts.n);
    for (size_t i = 0; i < a->alerts.n; i++) {
        const struct alert_event *p = &a->alerts.at[i], *q = &b->alerts.at[i];
        same(p->time_ns, q->time_ns);
        same(p->rule, q->rule);
        same(p->severity, q->severity);
        same(p->raised, q->raised);
        same(p->value, q->value);
        same(p->threshold, q->threshold);
        same(p->silent, q->silent);
        same_string(a, p->snapshot, b, q->snapshot);
    }
    same(a->rules.n, b->rules.n);
    for (size_t i = 0; i < a->rules.n; i++) {
        const struct alert_state *p = &a->alert_states.at[i], *q = &b->alert_states.at[i];
        char rule[2][ALERT_TEXT_MAX];
        alert_rule_text(rule[0], sizeof rule[0], &a->rules.at[i]);
        alert_rule_text(rule[1], sizeof rule[1], &b->rules.at[i]);
        assert_string_equal(rule[0], rule[1]);
        assert_string_equal(a->rules.at[i].name, b->rules.at[i].name);
        same(a->rules.at[i].off, b->rules.at[i].off);
        same(p->last_ns, q->last_ns);
        same(p->gap_ns, q->gap_ns);
        same(p->severity, q->severity);
        same(p->since_ns, q->since_ns);
        same(p->over_since_ns, q->over_since_ns);
        same(p->under_since_ns, q->under_since_ns);
        same(p->value, q->value);
        same(p->worst, q->worst);
    }
    same(a->marks.n, b->marks.n);
    for (size_t i = 0; i < a->marks.n; i++) {
        same(a->marks.at[i].time_ns, b->marks.at[i].time_ns);
        same(a->marks.at[i].kind, b->marks.at[i].kind);
        same_string(a, a->marks.at[i].text, b, b->marks.at[i].text);
    }
}

static inline void same_censuses(const struct recording *a, const struct recording *b)
{
    same(a->censuses.list.n, b->censuses.list.n);
    for (size_t i = 0; i < a->censuses.list.n; i++) {
        const struct census *p = &a->censuses.list.at[i], *q = &b->censuses.list.at[i];
        same(p->number, q->number);
        same(p->incarnation.n, q->incarnation.n);
        same(p->time_ns, q->time_ns);
        same(p->duration_ns, q->duration_ns);
        same(p->flags, q->flags);
        same(p->moved_pct, q->moved_pct);
        same(p->swapped_bytes, q->swapped_bytes);
        same(p->space.used_bytes, q->space.used_bytes);
        same(p->space.free_bytes, q->space.free_bytes);
        same(p->space.mapped_bytes, q->space.mapped_bytes);
        same_string(a, p->why_partial, b, q->why_partial);
        same(p->rows.n, q->rows.n);
        for (size_t k = 0; k < p->rows.n; k++) {
            same_string(a, p->rows.at[k].type, b, q->rows.at[k].type);
            same(p->rows.at[k].language, q->rows.at[k].language);
            same(p->rows.at[k].flags, q->rows.at[k].flags);
            same(p->rows.at[k].count, q->rows.at[k].count);
            same(p->rows.at[k].size_bytes, q->rows.at[k].size_bytes);
        }
        same(p->containers.n, q->containers.n);
        for (size_t k = 0; k < p->containers.n; k++) {
            same_string(a, p->containers.at[k].type, b, q->containers.at[k].type);
            same(p->containers.at[k].address, q->containers.at[k].address);
            same(p->containers.at[k].length, q->containers.at[k].length);
            same(p->containers.at[k].size_bytes, q->containers.at[k].size_bytes);
        }
    }
    same(a->censuses.holders.n, b->censuses.holders.n);
    for (size_t i = 0; i < a->censuses.holders.n; i++) {
        const struct census_holder *p = &a->censuses.holders.at[i], *q = &b->censuses.holders.at[i];
        same(p->incarnation.n, q->incarnation.n);
        same_string(a, p->type, b, q->type);
        same_string(a, p->path, b, q->path);
        same(p->time_ns, q->time_ns);
    }
}

static inline void same_growth(const struct recording *a, const struct recording *b)
{
    same(a->growth.numbered, b->growth.numbered);
    same(a->growth.list.n, b->growth.list.n);
    for (size_t i = 0; i < a->growth.list.n; i++) {
        const struct growth_look *p = &a->growth.list.at[i], *q = &b->growth.list.at[i];
        same(p->number, q->number);
        same(p->incarnation.n, q->incarnation.n);
        same(p->from_ns, q->from_ns);
        same(p->to_ns, q->to_ns);
        same(p->cost_pct, q->cost_pct);
        same(p->samples, q->samples);
        same(p->lost, q->lost);
        same(p->unnamed, q->unnamed);
        same(p->flags, q->flags);
        same(p->sites.n, q->sites.n);
        for (size_t k = 0; k < p->sites.n; k++) {
            const struct growth_site *x = &p->sites.at[k], *y = &q->sites.at[k];
            same(x->kind, y->kind);
            same(x->stack.n, y->stack.n);
            same_string(a, x->type, b, y->type);
            assert_true(x->bytes == y->bytes && x->bytes_per_s == y->bytes_per_s);
            assert_true(x->unsure_per_s == y->unsure_per_s);
            same(x->count, y->count);
            same(x->of_samples, y->of_samples);
        }
    }
}

static inline void same_recordings(const struct recording *a, const struct recording *b)
{
    same(a->start_ns, b->start_ns);
    same(a->start_wall_ns, b->start_wall_ns);
    same(a->end_ns, b->end_ns);
    same(a->rate_hz, b->rate_hz);
    same_string(a, a->engine, b, b->engine);
    same_string(a, a->host, b, b->host);
    same(a->cpus_allowed, b->cpus_allowed);
    same(a->memory_limit, b->memory_limit);
    same_words(a, b);
    same_places(a, b);
    same_lives(a, b);
    same_runs(a, b);
    same_series(a, b);
    same_events(a, b);
    same_censuses(a, b);
    same_growth(a, b);
    assert_memory_equal(&a->cost, &b->cost, sizeof a->cost);
}

static inline struct recording *load_ok(const char *path)
{
    struct recording *rec = NULL;
    struct err err = {""};
    if (!store_load(&rec, path, &err))
        fail_msg("%s", err.text);
    return rec;
}

/* The error of a load or "" */
static inline const char *load_error(const char *path)
{
    static struct err err;
    struct recording *rec = NULL;
    err.text[0] = '\0';
    if (store_load(&rec, path, &err))
        recording_free(rec);
    else
        assert_true(err.text[0] && !strchr(err.text, '\n'));
    return err.text;
}

#endif
