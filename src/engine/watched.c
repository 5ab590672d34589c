/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See watched.h. */
#include "engine/watched.h"

#include "base/clock.h"

/* Shorter waits for a CPU are gathered. */
#define QUEUE_LEAST_NS NS_PER_MS
/* From when the sampler takes a CPU to when it reads the clock. */
#define WAKE_NS (20 * NS_PER_US)
/* How late the kernel's account of a running thread may be: a tick of 250 Hz. More was no running:
 * a thread that has lost its CPU has its next turn only when it gets one. */
#define LAG_NS (4 * NS_PER_MS)
/* Samples over which run time is spread. */
#define SPREAD 4

void watched_flush(struct watched *t, struct sink *sink)
{
    if (t->run.ticks)
        vec_push(&sink->batch->runs, t->run);
    t->run.ticks = 0;
}

static bool same_sight(const struct run *a, const struct run *b)
{
    return a->stack.n == b->stack.n && a->state == b->state && a->wait == b->wait &&
           a->flags == b->flags && a->object.n == b->object.n && a->owner == b->owner;
}

void watched_add(struct watched *t, struct sink *sink, const struct run *seen, uint64_t weight_ns,
                 uint64_t now_ns)
{
    struct run *run = &t->run;
    bool lengthens = run->ticks && same_sight(run, seen) &&
                     run->from_ns + run->weight_ns + WATCHED_GAP_NS > now_ns;
    if (!lengthens) {
        watched_flush(t, sink);
        *run = *seen;
        run->thread.n = t->number;
        run->from_ns = now_ns - weight_ns;
        run->weight_ns = 0;
        run->ticks = 0;
    }
    run->weight_ns += weight_ns;
    run->ticks++;
    t->generation = sink->generation;
    sink->cost.samples++;
}

void watched_lose(struct watched *t, struct sink *sink)
{
    sink->cost.lost++;
    t->settled = false;
}

void watched_account(struct watched *t, const struct task_times *times, uint64_t now_ns,
                     uint64_t gap_ns)
{
    const struct task_times *before = &t->account.times;
    bool observed = t->account.begun && now_ns - t->account.at_ns <= gap_ns;
    if (observed && times->run_ns >= before->run_ns && times->queue_ns >= before->queue_ns) {
        uint64_t ran_ns = times->run_ns - before->run_ns;
        uint64_t queued_ns = times->queue_ns - before->queue_ns;
        t->account.cpu_ns += (int64_t)ran_ns;
        t->account.unsampled_ns += ran_ns;
        t->account.queued_ns += queued_ns;
        t->account.wait_ns += (int64_t)(now_ns - t->account.at_ns) - (int64_t)(ran_ns + queued_ns);
    }
    t->account.begun = true;
    t->account.times = *times;
    t->account.at_ns = now_ns;
}

void watched_held(struct watched *t, uint64_t ns)
{
    t->account.wait_ns -= (int64_t)ns;
}

uint64_t watched_take_wait(struct watched *t)
{
    if (t->account.wait_ns <= 0)
        return 0;
    uint64_t ns = (uint64_t)t->account.wait_ns;
    t->account.wait_ns = 0;
    return ns;
}

/* What is to be given out swings, as the kernel brings the run time of a running thread up to date
 * at its own ticks, and grows where samples are missed: it is spread over some samples, because
 * unequal weights make shares uncertain. */
uint64_t watched_take_cpu(struct watched *t, uint64_t period_ns)
{
    uint64_t have_ns = t->account.cpu_ns > 0 ? (uint64_t)t->account.cpu_ns : 0, ns = have_ns;
    if (!t->account.begun)
        return period_ns;
    if (have_ns > period_ns + period_ns / 2)
        ns = have_ns / SPREAD > period_ns ? have_ns / SPREAD : period_ns;
    t->account.cpu_ns -= (int64_t)ns;
    t->account.unsampled_ns = 0;
    return ns;
}

uint64_t watched_take_queue(struct watched *t)
{
    uint64_t ns = t->account.queued_ns;
    if (ns < QUEUE_LEAST_NS)
        return 0;
    t->account.queued_ns = 0;
    return ns;
}

void watched_add_running(struct watched *t, struct sink *sink, const struct run *seen,
                         uint64_t weight_ns, uint64_t now_ns)
{
    uint64_t queue_ns = watched_take_queue(t);
    if (queue_ns) {
        struct run queued = *seen;
        queued.state = STATE_RUNNABLE;
        watched_add(t, sink, &queued, queue_ns, now_ns);
    }
    watched_add(t, sink, seen, weight_ns, now_ns);
}

static bool where_it_slept(const struct watched *t, const struct run *seen, uint32_t generation)
{
    return t->moving.slept.n == seen->stack.n && t->moving.slept_generation == generation;
}

/* Adds the sample that is held back, with so much time. */
static void add_held_back(struct watched *t, struct sink *sink, uint64_t ns, uint64_t now_ns)
{
    if (t->moving.generation == sink->generation)
        watched_add_running(t, sink, &t->moving.seen, ns, now_ns);
    else
        watched_lose(t, sink); /* its stack's number has gone */
    t->moving.seen.ticks = 0;
}

void watched_end_moving(struct watched *t, struct sink *sink, uint64_t period_ns, uint64_t now_ns)
{
    struct run *seen = &t->moving.seen;
    uint64_t queued_ns = t->account.times.queue_ns - t->moving.queue_ns;
    if (!seen->ticks)
        return;
    if (queued_ns > WAKE_NS && t->moving.generation == sink->generation &&
        where_it_slept(t, seen, sink->generation)) {
        watched_add_queued(t, sink, seen, now_ns);
        seen->ticks = 0;
    } else {
        add_held_back(t, sink, watched_take_cpu(t, period_ns), now_ns);
    }
}

void watched_add_moving(struct watched *t, struct sink *sink, const struct run *seen,
                        uint64_t period_ns, uint64_t now_ns)
{
    bool same_turn = t->moving.turns == t->account.times.turns;
    if (t->moving.seen.ticks && same_turn && !where_it_slept(t, seen, sink->generation)) {
        int64_t ns = (int64_t)(now_ns - t->moving.at_ns), most_ns = t->account.cpu_ns + LAG_NS;
        ns = ns < most_ns ? ns : most_ns > 0 ? most_ns : 0;
        t->account.cpu_ns -= ns; /* below 0: it is not known yet */
        t->account.unsampled_ns = 0;
        add_held_back(t, sink, (uint64_t)ns, now_ns);
    } else {
        watched_end_moving(t, sink, period_ns, now_ns);
    }
    t->moving.seen = *seen;
    t->moving.seen.ticks = 1;
    t->moving.at_ns = now_ns;
    t->moving.turns = t->account.times.turns;
    t->moving.queue_ns = t->account.times.queue_ns;
    t->moving.generation = sink->generation;
}

bool watched_queued(const struct watched *t, uint64_t stopped_ns)
{
    uint64_t waited_ns = t->account.times.queue_ns - t->asked_queue_ns;
    return waited_ns > stopped_ns - t->asked_ns + WAKE_NS;
}

void watched_add_queued(struct watched *t, struct sink *sink, const struct run *seen,
                        uint64_t now_ns)
{
    struct run queued = *seen;
    queued.state = STATE_RUNNABLE;
    watched_add(t, sink, &queued, t->account.queued_ns, now_ns);
    t->account.queued_ns = 0;
}
