/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See watch.h: the process, its threads, the ticks. The sampler's thread. */
#include "engine/watch_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/thread_name.h"
#include "target/process.h"

/* How often Python's list of threads is read: each tick while threads are young. */
#define REFRESH_NS       (100 * NS_PER_MS)
#define REFRESH_YOUNG_NS (500 * NS_PER_MS)
/* How often at most the threads are listed: a shorter life says nothing to anybody. */
#define LIST_NS NS_PER_MS
/* Threads whose CPU is asked for at a time. */
#define CPUS_ASKED_MAX 16
/* See may_wait(). */
#define MANY_THREADS 64
#define CALM_LOOKS   50
#define TURNS        8
/* While an interpreter starts (or a program loads libpython later), it is looked for again. */
#define PYTHON_RETRY_NS     (50 * NS_PER_MS)
#define PYTHON_RETRY_MAX_NS (60 * NS_PER_S)

static bool stat_exe(const struct watch *w, struct stat *st)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)w->pid);
    return stat(path, st) == 0;
}

static void look_for_python(struct watch *w, uint64_t now_ns)
{
    char runtime[64];
    struct err err;
    switch (python_open(&w->stacks.python, w->pid, &err)) {
    case PYTHON_FOUND:
        w->python_at_ns = 0;
        snprintf(runtime, sizeof runtime, "python %s", python_version(w->stacks.python));
        sink_runtime(w->sink, w->incarnation, runtime);
        w->stacks.frames.python = w->stacks.python;
        return;
    case PYTHON_UNSUPPORTED:
        sink_mark(w->sink, MARK_NOTE, now_ns, "%s: showing native frames", err.text);
        w->python_at_ns = 0;
        return;
    case PYTHON_NONE:
    case PYTHON_NOT_READY:
        if (w->python_wait_ns > PYTHON_RETRY_MAX_NS)
            w->python_wait_ns = PYTHON_RETRY_MAX_NS;
        w->python_at_ns = now_ns + w->python_wait_ns;
        w->python_wait_ns *= 2;
        return;
    }
}

static void begin_incarnation(struct watch *w, const struct process_info *info, uint64_t now_ns)
{
    struct dictionary *d = &w->sink->words;
    struct incarnation in = {
        .pid = w->pid,
        .ppid = info->ppid,
        .start_ticks = info->start_ticks,
        .comm = dictionary_string(d, info->comm),
        .cmdline = dictionary_string(d, info->cmdline),
        .exe = dictionary_string(d, info->exe),
        .runtime = dictionary_string(d, "native"),
        .from_ns = now_ns,
    };
    w->incarnation = sink_incarnation(w->sink, &in);
    snprintf(w->comm, sizeof w->comm, "%s", info->comm);
    if (!stat_exe(w, &w->exe))
        memset(&w->exe, 0, sizeof w->exe);
    w->python_wait_ns = PYTHON_RETRY_NS;
    look_for_python(w, now_ns);
}

/*
 * Perf events need no stop. In a Python process they would not see the interpreter's frames, which
 * are not on the native stack, at the same moment as that: there a stop is what makes a mixed stack
 * true.
 */
static bool choose_engine(struct watch *w, uint64_t now_ns, struct err *err)
{
    struct err why;
    perf_look_end(w);
    bool wanted =
        w->options.engine == ENGINE_PERF || (w->options.engine == ENGINE_AUTO && !w->stacks.python);
    if (!wanted || perf_look_begin(w, &why))
        return true;
    if (w->options.engine == ENGINE_PERF)
        return err_set(err, "%s", why.text);
    if (w->options.tell)
        sink_mark(w->sink, MARK_NOTE, now_ns, "sampling by brief stops: %s", why.text);
    return true;
}

struct watch *watch_new(pid_t pid, const struct watch_options *options, struct sink *sink,
                        struct stops *stops, uint64_t now_ns, struct err *err)
{
    struct process_info info;
    if (!process_check_traceable(pid, err) || !process_read(pid, &info, err))
        return NULL;
    struct tasks *tasks = tasks_new(pid, err);
    if (!tasks)
        return NULL;
    struct watch *w = xcalloc(1, sizeof *w);
    w->pid = pid;
    w->sink = sink;
    w->stops = stops;
    w->options = *options;
    w->tasks = tasks;
    stacks_init(&w->stacks, pid, sink);
    w->waited = waited_new(pid);
    begin_incarnation(w, &info, now_ns);
    if (choose_engine(w, now_ns, err))
        return w;
    watch_free(w);
    return NULL;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    tasks_free(w->tasks);
    perf_look_end(w);
    stacks_clear(&w->stacks);
    waited_free(w->waited);
    vec_free(&w->threads);
    free(w);
}

const char *watch_engine(const struct watch *w)
{
    bool stops = w->options.native || w->options.engine == ENGINE_PTRACE || !w->stacks.python;
    return w->perf ? "perf" : stops ? "ptrace" : "read";
}

uint32_t watch_incarnation(const struct watch *w)
{
    return w->incarnation;
}

pid_t watch_pid(const struct watch *w)
{
    return w->pid;
}

void watch_flush(struct watch *w)
{
    for (size_t i = 0; i < w->threads.n; i++)
        watched_flush(&w->threads.at[i], w->sink);
}

void watch_set_period(struct watch *w, uint64_t period_ns)
{
    w->options.period_ns = period_ns;
    if (w->perf)
        perf_events_set_period(w->perf, period_ns);
}

bool watch_late(struct watch *w, pid_t tid, uint64_t now_ns)
{
    for (size_t i = 0; i < w->threads.n; i++) {
        if (w->threads.at[i].tid != tid)
            continue;
        look_late(w, &w->threads.at[i], now_ns);
        return true;
    }
    return false;
}

static void end_thread(struct watch *w, struct watched *t, uint64_t now_ns)
{
    if (!t->tid)
        return;
    look_settle(w, t, now_ns);
    watched_flush(t, w->sink);
    sink_end_thread(w->sink, t->number, now_ns);
    t->tid = 0;
}

static void meet_thread(struct watch *w, size_t i, struct task *task, uint64_t now_ns)
{
    while (w->threads.n <= i)
        vec_add(&w->threads);
    struct watched *t = &w->threads.at[i];
    if (task->user != TASK_USER_NONE && t->tid == task->tid)
        return;
    end_thread(w, t, now_ns);
    /* Born at some time since the last tick, it will end some time before a later one: a whole
     * period for its first sample makes up for both on the average. */
    *t = (struct watched){.tid = task->tid};
    if (w->last_tick_ns) {
        t->account.begun = true;
        t->account.at_ns = w->last_tick_ns;
    }
    w->newest_thread_ns = now_ns;
    w->refresh_at_ns = 0;
    char name[PYTHON_NAME_MAX];
    thread_name(w->stacks.python, task->tid, task->comm, w->comm, name, sizeof name);
    t->born_ns = now_ns;
    t->name_hash = hash_bytes(name, strlen(name));
    t->number = sink_thread(w->sink, w->incarnation, task->tid, name, now_ns);
    task->user = t->number;
}

/* Everybody has ended: the incarnation is closed. */
static void end_process(struct watch *w, uint64_t now_ns)
{
    for (size_t i = 0; i < w->threads.n; i++)
        end_thread(w, &w->threads.at[i], now_ns);
    sink_end_incarnation(w->sink, w->incarnation, now_ns, false);
    if (w->options.named)
        sink_mark(w->sink, MARK_EXIT, now_ns, "%s (%d) has ended; what was seen of it is kept",
                  w->comm, (int)w->pid);
}

/* A thread has its Python state a while after its birth. */
static void refresh_python(struct watch *w, uint64_t now_ns)
{
    bool calm = python_refresh(w->stacks.python) && now_ns > w->newest_thread_ns + REFRESH_YOUNG_NS;
    w->refresh_at_ns = calm ? now_ns + REFRESH_NS : now_ns;
}

/* Of many threads, those that have slept for long are looked at in turns. The next look stands for
 * the time that was left out, so no figure is bent. */
static bool may_wait(const struct watch *w, struct watched *t, size_t i)
{
    t->calm = t->settled ? t->calm + 1 : 0;
    return t->calm > CALM_LOOKS && tasks_count(w->tasks) > MANY_THREADS &&
           (w->ticks + i) % TURNS != 0;
}

static void look(struct watch *w, size_t i, struct task *task, uint64_t now_ns)
{
    struct watched *t = &w->threads.at[i];
    if (may_wait(w, t, i))
        return;
    if (w->perf && !watch_is_python(w, t->tid))
        perf_look_at(w, task, t, now_ns);
    else
        look_at(w, task, t, now_ns);
}

static bool list_threads(struct watch *w, uint64_t now_ns)
{
    w->list_at_ns = now_ns + LIST_NS;
    return tasks_refresh(w->tasks);
}

bool watch_tick(struct watch *w, uint64_t now_ns)
{
    if (now_ns >= w->list_at_ns && !list_threads(w, now_ns)) {
        if (w->perf)
            perf_look_take(w, now_ns);
        end_process(w, now_ns);
        return false;
    }
    if (w->python_at_ns && now_ns >= w->python_at_ns) {
        look_for_python(w, now_ns);
        if (w->stacks.python)
            choose_engine(w, now_ns, NULL);
    }
    if (w->stacks.python && now_ns >= w->refresh_at_ns)
        refresh_python(w, now_ns);
    size_t alive = 0;
    w->slow_in_tick = 0;
    w->ticks++;
    for (size_t i = 0; i < tasks_count(w->tasks); i++)
        if (tasks_at(w->tasks, i)->state == TASK_ALIVE)
            meet_thread(w, i, tasks_at(w->tasks, i), now_ns);
    if (w->perf)
        perf_look_take(w, now_ns);
    for (size_t i = 0; i < tasks_count(w->tasks); i++) {
        struct task *task = tasks_at(w->tasks, i);
        if (task->state == TASK_ALIVE)
            look(w, i, task, now_ns);
        if (task->state == TASK_ALIVE)
            alive++;
        else if (i < w->threads.n)
            end_thread(w, &w->threads.at[i], now_ns);
    }
    if (!alive)
        end_process(w, now_ns);
    w->last_tick_ns = now_ns;
    return alive > 0;
}

void watch_cpus(struct watch *w, cpu_set_t *cpus)
{
    int asked = 0;
    for (size_t i = 0; i < w->threads.n && asked < CPUS_ASKED_MAX; i++) {
        const struct watched *t = &w->threads.at[i];
        struct task *task = i < tasks_count(w->tasks) ? tasks_at(w->tasks, i) : NULL;
        if (!t->tid || !task || task->tid != t->tid || t->settled)
            continue;
        int cpu = task_cpu(w->tasks, task);
        if (cpu >= 0 && cpu < CPU_SETSIZE)
            CPU_SET(cpu, cpus);
        asked++;
    }
}

/* Another program runs under the same pid: nothing that was known of it holds. */
static void restart(struct watch *w, uint64_t now_ns)
{
    struct process_info info;
    struct err err;
    if (!process_read(w->pid, &info, &err))
        return;
    for (size_t i = 0; i < w->threads.n; i++)
        end_thread(w, &w->threads.at[i], now_ns);
    for (size_t i = 0; i < tasks_count(w->tasks); i++)
        tasks_at(w->tasks, i)->user = TASK_USER_NONE;
    sink_end_incarnation(w->sink, w->incarnation, now_ns, true);
    stacks_restart(&w->stacks);
    perf_look_end(w); /* an exec ends the events of all threads but one */
    if (w->options.named)
        sink_mark(w->sink, MARK_EXEC, now_ns, "%s (%d) has executed another program: %s", w->comm,
                  (int)w->pid, info.comm);
    begin_incarnation(w, &info, now_ns);
    choose_engine(w, now_ns, NULL);
    w->last_tick_ns = 0; /* its threads are not new */
}

/* A process that ends in its sleep runs too shortly for its run time to show it. true: it executes
 * a program anew; of the same one the file says nothing, but its stack lies elsewhere. */
static bool check_leader(struct watch *w)
{
    struct procfs_stat stat;
    struct task *leader = tasks_find(w->tasks, w->pid);
    if (!leader || !task_stat(w->tasks, leader, &stat))
        return false;
    if (stat.state == 'Z')
        leader->state = TASK_ENDED;
    bool moved = stat.start_stack && w->start_stack && stat.start_stack != w->start_stack;
    if (stat.start_stack)
        w->start_stack = stat.start_stack;
    return moved;
}

/* Names are given late, by Python and by prctl(2). */
static void check_names(struct watch *w, uint64_t now_ns)
{
    char name[PYTHON_NAME_MAX];
    for (size_t i = 0; i < tasks_count(w->tasks) && i < w->threads.n; i++) {
        struct task *task = tasks_at(w->tasks, i);
        struct watched *t = &w->threads.at[i];
        if (task->state != TASK_ALIVE || t->tid != task->tid || now_ns < t->name_at_ns)
            continue;
        t->name_at_ns = now_ns + thread_name_wait_ns(now_ns - t->born_ns);
        task_read_comm(w->tasks, task);
        if (task->tid == w->pid)
            snprintf(w->comm, sizeof w->comm, "%s", task->comm);
        thread_name(w->stacks.python, task->tid, task->comm, w->comm, name, sizeof name);
        uint64_t hash = hash_bytes(name, strlen(name));
        if (hash != t->name_hash)
            sink_rename(w->sink, t->number, name);
        t->name_hash = hash;
    }
}

void watch_check(struct watch *w, uint64_t now_ns)
{
    struct stat exe;
    bool anew = check_leader(w);
    check_names(w, now_ns);
    if (stat_exe(w, &exe) && (anew || exe.st_ino != w->exe.st_ino || exe.st_dev != w->exe.st_dev))
        restart(w, now_ns);
}
