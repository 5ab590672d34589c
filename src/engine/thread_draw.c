/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See thread_draw.h. */
#include "engine/thread_draw.h"

#include <math.h>

#include "base/clock.h"
#include "base/random.h"
#include "target/procfs.h"
#include "target/tasks.h"

#define EVER_SHARE 0.25
#define LATELY_NS  (2.0 * NS_PER_S)

bool thread_draw_init(struct thread_draw *d, pid_t pid, struct err *err)
{
    d->random = clock_mono_ns() | 1;
    d->tasks = tasks_new(pid, err);
    return d->tasks != NULL;
}

void thread_draw_clear(struct thread_draw *d)
{
    if (d->tasks)
        tasks_free(d->tasks);
    vec_free(&d->list);
    map_free(&d->by_tid);
    vec_free(&d->weights);
}

static double draw(struct thread_draw *d)
{
    return (double)(random_next(&d->random) >> 11) / (double)(1ull << 53);
}

size_t draw_one(struct thread_draw *d, const double *weights, size_t n, double even, double *chance)
{
    double total = 0, at = draw(d);
    size_t drawn = 0;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    for (size_t i = 0; i < n && at >= 0; i++) {
        double share = total > 0 ? weights[i] / total : 1.0 / (double)n;
        share = share * (1 - even) + even / (double)n;
        if (share <= 0)
            continue;
        drawn = i;
        *chance = share;
        at -= share;
    }
    return drawn;
}

/* The thread's entry; made where there is none, or where its number was another's. */
static struct drawn_thread *thread_of(struct thread_draw *d, pid_t tid, double run_ns)
{
    uint32_t at = map_get(&d->by_tid, (uint64_t)tid);
    if (at != MAP_NONE && d->list.at[at].ever.run_ns <= run_ns)
        return &d->list.at[at];
    map_set(&d->by_tid, (uint64_t)tid, (uint32_t)d->list.n);
    struct drawn_thread *made = vec_add(&d->list);
    made->tid = tid;
    return made;
}

/* kept: of what was lately before. */
static void look_at_thread(struct thread_draw *d, struct task *task, double kept)
{
    struct task_times times;
    struct procfs_stat stat;
    if (task->state != TASK_ALIVE || !task_times(d->tasks, task, &times))
        return;
    struct drawn_thread *t = thread_of(d, task->tid, (double)times.run_ns);
    struct thread_use now = {(double)times.run_ns, (double)times.queue_ns, t->ever.faults};
    if (now.run_ns > t->ever.run_ns && task_stat(d->tasks, task, &stat))
        now.faults = (double)stat.minor_faults;
    t->lately.run_ns = kept * t->lately.run_ns + now.run_ns - t->ever.run_ns;
    t->lately.queued_ns = kept * t->lately.queued_ns + now.queued_ns - t->ever.queued_ns;
    t->lately.faults = kept * t->lately.faults + fmax(0, now.faults - t->ever.faults);
    /* What it did before the first look was not lately. */
    if (!d->looked_ns)
        t->lately = (struct thread_use){0};
    t->ever = now;
    t->is_alive = true;
}

bool thread_draw_look(struct thread_draw *d)
{
    size_t alive = 0;
    uint64_t now_ns = clock_mono_ns();
    if (!tasks_refresh(d->tasks))
        return false;
    double kept = exp(-(double)(now_ns - d->looked_ns) / LATELY_NS);
    for (size_t i = 0; i < d->list.n; i++)
        d->list.at[i].is_alive = false;
    for (size_t i = 0; i < tasks_count(d->tasks); i++)
        look_at_thread(d, tasks_at(d->tasks, i), kept);
    for (size_t i = 0; i < d->list.n; i++)
        alive += d->list.at[i].is_alive;
    d->looked_ns = now_ns;
    return alive > 0;
}

static void add_use(struct thread_use *to, const struct thread_use *use)
{
    to->run_ns += use->run_ns;
    to->faults += use->faults;
}

static double share_of(const struct thread_use *use, const struct thread_use *all)
{
    return (all->run_ns > 0 ? use->run_ns / all->run_ns : 0) +
           (all->faults > 0 ? use->faults / all->faults : 0);
}

struct drawn_thread *thread_draw(struct thread_draw *d, double *chance)
{
    struct thread_use ever = {0}, lately = {0};
    for (size_t i = 0; i < d->list.n; i++) {
        if (!d->list.at[i].is_alive)
            continue;
        add_use(&lately, &d->list.at[i].lately);
        add_use(&ever, &d->list.at[i].ever);
    }
    vec_clear(&d->weights);
    for (size_t i = 0; i < d->list.n; i++) {
        const struct drawn_thread *t = &d->list.at[i];
        double weight = (1 - EVER_SHARE) * share_of(&t->lately, &lately) +
                        EVER_SHARE * share_of(&t->ever, &ever);
        vec_push(&d->weights, t->is_alive ? weight : 0);
    }
    return &d->list.at[draw_one(d, d->weights.at, d->weights.n, 0, chance)];
}

double thread_draw_cores(const struct thread_draw *d)
{
    double run_ns = 0;
    for (size_t i = 0; i < d->list.n; i++)
        run_ns += d->list.at[i].is_alive ? d->list.at[i].lately.run_ns : 0;
    return fmax(1, run_ns / LATELY_NS);
}

pid_t thread_draw_busiest(const struct thread_draw *d)
{
    const struct drawn_thread *busiest = NULL;
    for (size_t i = 0; i < d->list.n; i++) {
        const struct drawn_thread *t = &d->list.at[i];
        if (t->is_alive && (!busiest || t->lately.run_ns > busiest->lately.run_ns))
            busiest = t;
    }
    return busiest ? busiest->tid : 0;
}
