/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See thread_states.h. Pure. */
#include "model/thread_states.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/window.h"

/* When somebody waited, in parts of the stretch: two threads that want a GIL at the same time do
 * not make twice as much time of it. */
#define PARTS 1024

struct when {
    uint64_t parts[PARTS / 64];
};

/* Who holds a GIL does it alone, so times add up (where samples fall, their weights overlap). */
struct interpreter {
    uint32_t incarnation;
    uint64_t held_ns, gc_ns;
};

struct reading {
    const struct recording *rec;
    struct fold fold;
    struct map *known; /* by stack, wait and object: idle */
    uint64_t from_ns, to_ns;
    uint64_t running_ns, runnable_ns, waiting_ns, idle_ns;
    struct when wanted;
    VEC(struct interpreter) interpreters;
};

/* A share of a part counts as the part by its middle, so that short ones come out right on average:
 * [0.4, 0.6) of a part is all of it, [0.6, 1.4) none. */
static void mark(struct when *w, const struct reading *r, uint64_t begin_ns, uint64_t end_ns)
{
    double part_ns = (double)(r->to_ns - r->from_ns) / PARTS;
    size_t first = (size_t)((double)(begin_ns - r->from_ns) / part_ns + 0.5);
    size_t last = (size_t)((double)(end_ns - r->from_ns) / part_ns + 0.5);
    for (size_t i = first; i < last && i < PARTS; i++)
        w->parts[i / 64] |= 1ull << i % 64;
}

static double marked_pct(const struct when *w)
{
    int n = 0;
    for (size_t i = 0; i < PARTS / 64; i++)
        n += __builtin_popcountll(w->parts[i]);
    return 100.0 * n / PARTS;
}

static struct interpreter *interpreter_of(struct reading *r, struct thread_id thread)
{
    uint32_t incarnation = r->rec->threads.at[thread.n].incarnation.n;
    for (size_t i = 0; i < r->interpreters.n; i++)
        if (r->interpreters.at[i].incarnation == incarnation)
            return &r->interpreters.at[i];
    struct interpreter *added = vec_add(&r->interpreters);
    added->incarnation = incarnation;
    return added;
}

static bool is_idle(struct reading *r, const struct run *run)
{
    uint64_t key = hash_mix((uint64_t)run->stack.n << 32 | run->object.n, run->wait);
    uint32_t known = map_get(r->known, key);
    if (known == MAP_NONE) {
        known = wait_is_idle(&r->fold, run->wait, fold_stack(&r->fold, run->stack), run->object);
        map_add(r->known, key, known);
    }
    return known;
}

static void read_run(struct reading *r, const struct run *run, int level)
{
    uint64_t ns = run->ticks ? run_overlap_ns(run, level, r->from_ns, r->to_ns) : 0;
    if (!ns)
        return;
    switch (run->state) {
    case STATE_RUNNING:
        r->running_ns += ns;
        break;
    case STATE_RUNNABLE:
        r->runnable_ns += ns;
        break;
    default:
        *(is_idle(r, run) ? &r->idle_ns : &r->waiting_ns) += ns;
    }
    if (!(run->flags & (SAMPLE_GIL | SAMPLE_GIL_WANTED | SAMPLE_GC | SAMPLE_EXCEPTION)))
        return;
    struct interpreter *interpreter = interpreter_of(r, run->thread);
    interpreter->held_ns += run->flags & SAMPLE_GIL ? ns : 0;
    interpreter->gc_ns += run->flags & SAMPLE_GC ? ns : 0;
    uint64_t end_ns = run->from_ns + run->weight_ns;
    if (run->flags & SAMPLE_GIL_WANTED)
        mark(&r->wanted, r, run->from_ns > r->from_ns ? run->from_ns : r->from_ns,
             end_ns < r->to_ns ? end_ns : r->to_ns);
}

#define KNOWN_MAX 65536 /* waits */

/* Runs are in the order of their end, but for what a tick's own time adds, and a slice's. */
#define ORDER_SLACK_NS NS_PER_S

static void read_runs(struct reading *r)
{
    const struct recording *rec = r->rec;
    /* At high rates a second's may already be too many to stay as they came. */
    for (int level = LEVEL_RAW; level < LEVEL_POOLED; level++) {
        uint64_t slack_ns = ORDER_SLACK_NS + 2 * level_slice_ns(level);
        for (size_t i = recording_run_count(rec, level); i-- > 0;) {
            const struct run *run = recording_run_at(rec, level, i);
            if (run->from_ns + run->weight_ns + slack_ns < r->from_ns)
                break;
            read_run(r, run, level);
        }
    }
    for (size_t i = 0; i < rec->open.n; i++)
        read_run(r, &rec->open.at[i], LEVEL_COUNT);
}

static void read_states(struct thread_states *s, const struct recording *rec, struct map *known,
                        uint64_t from_ns, uint64_t to_ns)
{
    memset(s, 0, sizeof *s);
    if (to_ns <= from_ns)
        return;
    struct reading r = {.rec = rec, .known = known, .from_ns = from_ns, .to_ns = to_ns};
    fold_init(&r.fold, rec, NATIVE_FOLDED);
    read_runs(&r);
    double span_ns = (double)(to_ns - from_ns);
    s->running = (double)r.running_ns / span_ns;
    s->runnable = (double)r.runnable_ns / span_ns;
    s->waiting = (double)r.waiting_ns / span_ns;
    s->idle = (double)r.idle_ns / span_ns;
    s->gil_wait_pct = marked_pct(&r.wanted);
    for (size_t i = 0; i < r.interpreters.n; i++) {
        s->gil_held_pct =
            fmax(s->gil_held_pct, 100 * (double)r.interpreters.at[i].held_ns / span_ns);
        s->gc_pct = fmax(s->gc_pct, 100 * (double)r.interpreters.at[i].gc_ns / span_ns);
    }
    s->gil_held_pct = fmin(s->gil_held_pct, 100);
    s->gc_pct = fmin(s->gc_pct, 100);
    s->seen = r.running_ns + r.runnable_ns + r.waiting_ns + r.idle_ns > 0;
    s->knows_gil = r.interpreters.n > 0;
    vec_free(&r.interpreters);
    fold_clear(&r.fold);
}

void thread_states_read(struct thread_states *s, const struct recording *rec, uint64_t from_ns,
                        uint64_t to_ns)
{
    struct map known = {0};
    read_states(s, rec, &known, from_ns, to_ns);
    map_free(&known);
}

/* What was found out about waits holds until a name comes, or numbers change. */
static struct map *known_waits(struct recording *rec)
{
    if (rec->states.idle_version != rec->places_version || rec->states.idle.n > KNOWN_MAX)
        map_clear(&rec->states.idle);
    rec->states.idle_version = rec->places_version;
    return &rec->states.idle;
}

/* A process that has shown a GIL has one, also while none of its threads touches it. */
static bool has_gil(struct recording *rec, bool shown)
{
    rec->states.gil_seen = rec->states.gil_seen || shown;
    if (!rec->states.gil_seen || shown)
        return rec->states.gil_seen;
    for (size_t i = 1; i < rec->incarnations.n; i++)
        if (!rec->incarnations.at[i].to_ns &&
            strncmp(string_text(&rec->words, rec->incarnations.at[i].runtime), "python", 6) == 0)
            return true;
    return rec->states.gil_seen = false;
}

void thread_states_add(struct recording *rec, uint64_t time_ns)
{
    uint64_t from_ns = rec->states.next_ns[0], to_ns = rec->states.next_ns[1];
    if (time_ns <= to_ns)
        return;
    rec->states.next_ns[0] = to_ns;
    rec->states.next_ns[1] = time_ns;
    if (!from_ns || to_ns - from_ns > STATES_GAP_NS)
        return;
    struct thread_states s;
    read_states(&s, rec, known_waits(rec), from_ns, to_ns);
    if (!s.seen)
        return;
    recording_add_metric(rec, METRIC_RUNNING, to_ns, s.running);
    recording_add_metric(rec, METRIC_RUNNABLE, to_ns, s.runnable);
    recording_add_metric(rec, METRIC_WAITING, to_ns, s.waiting);
    recording_add_metric(rec, METRIC_IDLE, to_ns, s.idle);
    if (!has_gil(rec, s.knows_gil))
        return;
    recording_add_metric(rec, METRIC_GIL_HELD, to_ns, s.gil_held_pct);
    recording_add_metric(rec, METRIC_GIL_WAIT, to_ns, s.gil_wait_pct);
    recording_add_metric(rec, METRIC_GC, to_ns, s.gc_pct);
}
