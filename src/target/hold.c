/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hold.h. */
#include "target/hold.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/vec.h"
#include "target/stop.h"
#include "target/tasks.h"

/* One that is deep in the kernel (a disk that does not answer) is not waited for any longer. */
#define STOP_LIMIT_NS (50 * NS_PER_MS)
/* Threads start threads while they are being stopped: so often it is looked for new ones. */
#define ROUNDS_MAX 50

/* A `stops` knows one stopped thread at a time, so each has its own. */
struct held_thread {
    struct stops *stops;
    pid_t tid;
};

struct hold {
    VEC(struct held_thread) threads;
};

static bool holds(const struct hold *h, pid_t tid)
{
    for (size_t i = 0; i < h->threads.n; i++)
        if (h->threads.at[i].tid == tid)
            return true;
    return false;
}

/* Stops the threads that are not held yet. false: one of them cannot be. *found: how many. */
static bool stop_new(struct hold *h, struct tasks *tasks, size_t *found, struct err *err)
{
    *found = 0;
    for (size_t i = 0; i < tasks_count(tasks); i++) {
        const struct task *t = tasks_at(tasks, i);
        if (t->state != TASK_ALIVE || holds(h, t->tid))
            continue;
        struct stops *stops = stops_new();
        enum stop_result result = stop_begin(stops, t->tid, STOP_LIMIT_NS);
        if (result == STOP_OK) {
            vec_push(&h->threads, ((struct held_thread){stops, t->tid}));
            ++*found;
            continue;
        }
        stops_free(stops);
        if (result == STOP_SLOW)
            return err_set(err, "cannot hold the process still: thread %d does not stop", t->tid);
        if (result == STOP_DENIED)
            return err_set(err, "cannot hold the process still: thread %d may not be stopped",
                           t->tid);
    }
    return true;
}

struct hold *hold_process(pid_t pid, struct err *err)
{
    struct tasks *tasks = tasks_new(pid, err);
    if (!tasks)
        return NULL;
    struct hold *h = xcalloc(1, sizeof *h);
    size_t found = 1;
    bool ok = true;
    for (int round = 0; ok && found > 0 && round < ROUNDS_MAX; round++)
        ok = stop_new(h, tasks, &found, err) && tasks_refresh(tasks);
    tasks_free(tasks);
    if (ok && found == 0 && h->threads.n)
        return h;
    if (ok)
        err_set(err, "cannot hold the process still: it has ended, or starts threads without end");
    hold_release(h);
    return NULL;
}

size_t hold_threads(const struct hold *h)
{
    return h->threads.n;
}

void hold_release(struct hold *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->threads.n; i++)
        stop_end(h->threads.at[i].stops, h->threads.at[i].tid);
    for (size_t i = 0; i < h->threads.n; i++)
        stops_free(h->threads.at[i].stops);
    vec_free(&h->threads);
    free(h);
}
