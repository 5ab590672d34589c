/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that perf events sample: what they do on a CPU comes from the events, weighted by the run
 * time that schedstat tells; the ticks only see what they wait for.
 */
#include <errno.h>

#include "base/clock.h"
#include "engine/watch_state.h"

/* What the events copy of a stack: deeper ones are read from the target at the next tick. */
#define STACK_BYTES (8 * 1024)
/* A thread that ran for so many periods without a sample has no events: it was born between the
 * look at the list of threads and the events of the one that started it. */
#define UNSAMPLED_PERIODS 10

bool perf_look_begin(struct watch *w, struct err *err)
{
    w->perf = perf_events_new(w->options.period_ns, STACK_BYTES, err);
    if (!w->perf)
        return false;
    /* Twice: those that were born meanwhile have their events from who started them, or get them
     * when they are found to have none. */
    for (size_t i = 0; i < tasks_count(w->tasks); i++) {
        const struct task *task = tasks_at(w->tasks, i);
        if (task->state != TASK_ALIVE || perf_events_add(w->perf, task->tid, err) || errno == ESRCH)
            continue;
        perf_look_end(w);
        return false;
    }
    return true;
}

void perf_look_end(struct watch *w)
{
    perf_events_free(w->perf);
    w->perf = NULL;
    w->perf_lost = 0;
}

static struct watched *find(struct watch *w, pid_t tid)
{
    for (size_t i = 0; i < w->threads.n; i++)
        if (w->threads.at[i].tid == tid)
            return &w->threads.at[i];
    return NULL;
}

/* Born and ended between two looks at the list of threads: all that is known of it is this. */
static void add_short_lived(struct watch *w, pid_t tid, const struct run *seen, uint64_t now_ns)
{
    struct watched t = {.tid = tid};
    t.number = sink_thread(w->sink, w->incarnation, tid, w->comm, now_ns);
    watched_add(&t, w->sink, seen, w->options.period_ns, now_ns);
    watched_flush(&t, w->sink);
    sink_end_thread(w->sink, t.number, now_ns);
}

static void take_sample(struct watch *w, uint64_t now_ns)
{
    const struct perf_sample *s = &w->sample;
    size_t reached;
    struct run seen = {.state = STATE_RUNNING};
    if (s->pid != w->pid || watch_is_python(w, s->tid))
        return;
    frames_of_thread(&w->stacks.frames, s->tid);
    seen.stack =
        stacks_native(&w->stacks, &s->capture, s->kernel, s->n_kernel, &seen.flags, &reached);
    struct watched *t = find(w, s->tid);
    if (!t) {
        add_short_lived(w, s->tid, &seen, now_ns);
        return;
    }
    struct task *task = tasks_find(w->tasks, t->tid);
    if (t->account.at_ns != now_ns && task)
        look_account(w, task, t, now_ns);
    look_add_running(w, t, &seen, now_ns);
    t->settled = false;
}

void perf_look_take(struct watch *w, uint64_t now_ns)
{
    while (perf_events_next(w->perf, &w->sample))
        take_sample(w, now_ns);
    uint64_t lost = perf_events_lost(w->perf);
    w->sink->cost.lost += lost - w->perf_lost;
    w->perf_lost = lost;
}

void perf_look_at(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns)
{
    if (!look_begin(w, task, t, now_ns))
        return;
    struct task_look look;
    task_look(w->tasks, task, &look);
    if (look.doing == TASK_BLOCKED)
        look_at_blocked(w, task, t, &look, now_ns);
    else if (t->account.unsampled_ns > UNSAMPLED_PERIODS * w->options.period_ns &&
             look.doing == TASK_RUNNING) {
        t->account.unsampled_ns = 0;
        perf_events_add(w->perf, t->tid, NULL);
    }
}
