/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See enlarged.h. */
#include "engine/enlarged.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/mapping_calls.h"
#include "engine/sites.h"
#include "python/python.h"
#include "target/maps.h"
#include "target/perf.h"
#include "target/tasks.h"

#define STACK_BYTES   4096u
#define PERIOD_FIRST  61u
#define PERIOD_LEAST  7u
#define PERIOD_MOST   100003u
#define SAMPLES_PER_S 400.0 /* 5 to 10 us each: under half a percent */
#define ADAPT_NS      (100 * NS_PER_MS)
#define MAPS_AGE_NS   NS_PER_S

/* A sample of this poll, until all of them have voted on what the loop's words mean. */
struct taken {
    uint32_t stack;
    double bytes;
};

struct enlarged {
    pid_t pid;
    struct python *python;
    struct perf_events *events;
    struct mapping_calls *calls; /* NULL: they cannot be seen here */
    struct tasks *tasks;
    struct sites sites;
    struct maps maps;
    uint64_t maps_at_ns, adapted_ns, since; /* samples since the last adaption */
    uint64_t period;
    size_t page_bytes;
    struct growth growth;
    struct growth result;
    struct perf_sample sample;
    VEC(struct taken) taken;
};

/* Takes in the threads that there are; those that come later inherit. */
static bool add_threads(struct enlarged *e, struct err *err)
{
    for (size_t i = 0; i < tasks_count(e->tasks); i++) {
        const struct task *task = tasks_at(e->tasks, i);
        if (task->state == TASK_ALIVE && !perf_events_add(e->events, task->tid, err) &&
            errno != ESRCH)
            return false;
    }
    return true;
}

/* The calls, where tracepoints may be had; else touched pages have to do. */
static void watch_calls(struct enlarged *e)
{
    e->calls = mapping_calls_new(e->pid, STACK_BYTES, NULL);
    for (size_t i = 0; e->calls && i < tasks_count(e->tasks); i++) {
        const struct task *task = tasks_at(e->tasks, i);
        if (task->state != TASK_ALIVE || mapping_calls_add(e->calls, task->tid, NULL) ||
            errno == ESRCH)
            continue;
        mapping_calls_free(e->calls);
        e->calls = NULL;
    }
    if (e->calls)
        mapping_calls_begin(e->calls);
}

struct enlarged *enlarged_new(pid_t pid, struct err *err)
{
    struct enlarged *e = xcalloc(1, sizeof *e);
    e->pid = pid;
    e->period = PERIOD_FIRST;
    e->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    maps_init(&e->maps);
    growth_init(&e->growth, pid);
    python_open(&e->python, pid, NULL);
    sites_init(&e->sites, pid, e->python);
    e->tasks = tasks_new(pid, err);
    e->events = e->tasks ? perf_events_new_faults(e->period, STACK_BYTES, err) : NULL;
    if (!e->events || !add_threads(e, err)) {
        enlarged_free(e);
        return NULL;
    }
    watch_calls(e);
    e->growth.from_ns = e->adapted_ns = clock_mono_ns();
    enlarged_poll(e); /* whether many calls are made is found out at once */
    return e;
}

void enlarged_free(struct enlarged *e)
{
    if (!e)
        return;
    perf_events_free(e->events);
    mapping_calls_free(e->calls);
    if (e->tasks)
        tasks_free(e->tasks);
    sites_clear(&e->sites);
    python_free(e->python);
    maps_clear(&e->maps);
    growth_clear(&e->growth);
    growth_clear(&e->result);
    vec_free(&e->taken);
    free(e);
}

/* Whether it is memory of no file: only that makes the process larger for good. */
static bool is_anonymous(struct enlarged *e, uint64_t address, uint64_t now_ns)
{
    const struct mapping *m = maps_find(&e->maps, address);
    if (!m || now_ns - e->maps_at_ns > MAPS_AGE_NS) {
        if (now_ns - e->maps_at_ns > ADAPT_NS / 2 || !e->maps_at_ns) {
            maps_read(&e->maps, e->pid, NULL, NULL);
            e->maps_at_ns = now_ns;
        }
        m = maps_find(&e->maps, address);
    }
    /* What is not mapped (any more, or yet): a malloc's that came and went. */
    return !m || !maps_is_file(&e->maps, m);
}

/* Another period where samples come too often or too seldom. */
static void adapt(struct enlarged *e, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns - e->adapted_ns;
    if (passed_ns < ADAPT_NS)
        return;
    double wanted = SAMPLES_PER_S * (double)passed_ns / 1e9;
    double period = (double)e->period * (double)e->since / wanted;
    bool often = (double)e->since > 1.5 * wanted, seldom = (double)e->since < wanted / 4;
    e->adapted_ns = now_ns;
    e->since = 0;
    if (!often && !seldom)
        return;
    period = period < (double)e->period / 4 ? (double)e->period / 4 : period;
    e->period = period < PERIOD_LEAST  ? PERIOD_LEAST
                : period > PERIOD_MOST ? PERIOD_MOST
                                       : (uint64_t)period | 1;
    perf_events_set_period(e->events, e->period);
}

bool enlarged_poll(struct enlarged *e)
{
    uint64_t now_ns = clock_mono_ns();
    vec_clear(&e->taken);
    while (perf_events_next(e->events, &e->sample)) {
        const struct perf_sample *s = &e->sample;
        e->since++;
        if (s->pid != e->pid || !s->capture.stack_size || !is_anonymous(e, s->address, now_ns))
            continue;
        struct taken taken = {sites_take(&e->sites, &s->capture),
                              (double)e->period * (double)e->page_bytes};
        vec_push(&e->taken, taken);
    }
    if (e->calls)
        mapping_calls_take(e->calls, &e->sites);
    for (size_t i = 0; i < e->taken.n; i++) {
        bool unnamed;
        uint32_t stack = sites_name(&e->sites, e->taken.at[i].stack, &e->growth, &unnamed);
        e->growth.unnamed += unnamed;
        e->growth.samples++;
        growth_add(&e->growth, GROWTH_TOUCHED, stack, "", e->taken.at[i].bytes, 0, 1, 1);
    }
    if (e->calls)
        mapping_calls_settle(e->calls, &e->sites, &e->growth);
    sites_drop(&e->sites);
    e->growth.lost = perf_events_lost(e->events);
    e->growth.to_ns = now_ns;
    adapt(e, now_ns);
    return tasks_refresh(e->tasks);
}

const struct growth *enlarged_result(struct enlarged *e)
{
    const struct growth *from = &e->growth;
    double seconds = (double)(from->to_ns - from->from_ns) / 1e9;
    growth_clear(&e->result);
    growth_init(&e->result, e->pid);
    e->result.from_ns = from->from_ns;
    e->result.to_ns = from->to_ns;
    e->result.samples = from->samples;
    e->result.lost = from->lost;
    e->result.unnamed = from->unnamed;
    for (size_t i = 0; i < from->rows.n; i++) {
        struct growth_row row = from->rows.at[i];
        row.bytes_per_s = seconds > 0 ? row.bytes / seconds : 0;
        growth_copy(&e->result, from, &row);
    }
    if (e->calls)
        mapping_calls_result(e->calls, from, &e->result);
    growth_close(&e->result);
    return &e->result;
}
