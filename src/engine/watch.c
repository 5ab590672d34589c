/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See watch.h. The sampler's thread. */
#include "engine/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "engine/frames.h"
#include "engine/wait_object.h"
#include "engine/waits.h"
#include "target/process.h"
#include "target/remote.h"
#include "target/tasks.h"

/* A thread on a CPU stops within some 20 us. One that has not by then waits for a CPU (or is deep
 * in the kernel): it is copied when it gets one. */
#define STOP_LIMIT_NS (150 * NS_PER_US)
/* After so many of them in a tick, the others are not waited for at all. */
#define SLOW_MAX 4
#define ATTEMPTS 4
/* How often Python's list of threads is read: each tick while threads are young. */
#define REFRESH_NS       (100 * NS_PER_MS)
#define REFRESH_YOUNG_NS (500 * NS_PER_MS)
/* Threads whose CPU is asked for at a time. */
#define CPUS_ASKED_MAX 16
/* A sample never stands for more than this: what lies before it was not observed. */
#define WEIGHT_MAX_NS (500 * NS_PER_MS)
/* Deeper stacks keep both ends. */
#define DEPTH_MAX 256
/* For a call or two more than last time. */
#define STACK_SPARE_BYTES 1024
/* While an interpreter starts (or a program loads libpython later), it is looked for again. */
#define PYTHON_RETRY_NS     (50 * NS_PER_MS)
#define PYTHON_RETRY_MAX_NS (60 * NS_PER_S)

/* One thread, by the index of its task. */
struct watched_thread {
    pid_t tid;                /* 0: nobody */
    uint32_t number;          /* in the sink */
    uint32_t generation;      /* of the dictionary that run.stack belongs to */
    bool settled;             /* asleep when last looked at, and its stack is known */
    bool began;               /* it ran since the last tick: a wait now is a new one */
    uint64_t run_ns;          /* schedstat when last looked at */
    uint64_t last_ns;         /* the last tick */
    uint64_t last_sp;         /* somewhere in its stack */
    uint32_t stack_bytes;     /* how much of its stack to copy; 0: not known, all that fits */
    bool late;                /* its stop was asked for, and is still to come */
    struct wait_object waits; /* its last wait */
    struct run run;           /* still lengthening; ticks 0: none */
};

struct watch {
    pid_t pid;
    struct sink *sink;
    struct stops *stops;
    struct tasks *tasks;
    struct unwinder *unwinder;
    struct waited_reader *waited;
    struct python *python;                 /* NULL: no Python here (yet) */
    uint64_t python_at_ns, python_wait_ns; /* when to look for one again; 0: never */
    struct frames frames;
    uint32_t incarnation;
    uint64_t last_tick_ns;
    uint32_t slow_in_tick;
    uint64_t refresh_at_ns, newest_thread_ns;
    struct stat exe;
    char comm[64];
    VEC(struct watched_thread) threads;
    struct capture capture;
    uint64_t warm; /* read for the sake of reading */
    struct native_frame native[DEPTH_MAX];
    struct python_frame frame[DEPTH_MAX];
};

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
    switch (python_open(&w->python, w->pid, &err)) {
    case PYTHON_FOUND:
        w->python_at_ns = 0;
        snprintf(runtime, sizeof runtime, "python %s", python_version(w->python));
        sink_runtime(w->sink, w->incarnation, runtime);
        return;
    case PYTHON_UNSUPPORTED:
        sink_mark(w->sink, MARK_NOTE, now_ns, "%s: showing native frames", err.text);
        w->python_at_ns = 0;
        w->python = NULL;
        return;
    case PYTHON_NONE:
    case PYTHON_NOT_READY:
        w->python = NULL;
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

struct watch *watch_new(pid_t pid, struct sink *sink, struct stops *stops, uint64_t now_ns,
                        struct err *err)
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
    w->tasks = tasks;
    frames_init(&w->frames, sink);
    w->unwinder = unwinder_new(pid);
    w->waited = waited_new(pid);
    begin_incarnation(w, &info, now_ns);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    tasks_free(w->tasks);
    unwinder_free(w->unwinder);
    waited_free(w->waited);
    python_free(w->python);
    frames_clear(&w->frames);
    vec_free(&w->threads);
    free(w);
}

pid_t watch_pid(const struct watch *w)
{
    return w->pid;
}

static void flush_run(struct watch *w, struct watched_thread *t)
{
    if (t->run.ticks)
        vec_push(&w->sink->batch->runs, t->run);
    t->run.ticks = 0;
}

void watch_flush(struct watch *w)
{
    for (size_t i = 0; i < w->threads.n; i++)
        flush_run(w, &w->threads.at[i]);
}

/* A sample of t: lengthens its run, or ends that and begins another. */
static void add_sample(struct watch *w, struct watched_thread *t, const struct run *seen,
                       uint64_t now_ns)
{
    uint64_t weight = now_ns - t->last_ns;
    if (weight > WEIGHT_MAX_NS && seen->state != STATE_RUNNABLE)
        weight = WEIGHT_MAX_NS; /* one that has waited for a CPU has done so all the time */
    struct run *run = &t->run;
    bool same = run->ticks && run->stack.n == seen->stack.n && run->state == seen->state &&
                run->wait == seen->wait && run->flags == seen->flags &&
                run->object.n == seen->object.n && run->owner == seen->owner &&
                run->from_ns + run->weight_ns + WEIGHT_MAX_NS > now_ns;
    if (!same) {
        flush_run(w, t);
        *run = *seen;
        run->thread.n = t->number;
        run->from_ns = now_ns - weight;
        run->weight_ns = 0;
        run->ticks = 0;
    }
    run->weight_ns += weight;
    run->ticks++;
    t->last_ns = now_ns;
    t->generation = w->sink->generation;
    w->sink->cost.samples++;
}

/* The same as at the last tick: it has not run since. The stack may have been flushed meanwhile,
 * but its number still stands in t->run. */
static void repeat_sample(struct watch *w, struct watched_thread *t, uint64_t now_ns)
{
    struct run again = t->run;
    again.flags &= (uint8_t)~SAMPLE_BEGAN;
    wait_object_again(w->waited, w->sink, t->tid, now_ns, &t->waits, &again);
    add_sample(w, t, &again, now_ns);
}

static void lose_sample(struct watch *w, struct watched_thread *t, uint64_t now_ns)
{
    w->sink->cost.lost++;
    t->last_ns = now_ns;
    t->settled = false;
}

static bool is_python_thread(const struct watch *w, pid_t tid)
{
    return w->python && python_has_thread(w->python, tid);
}

/* The stack of the last python_copy. false: torn. */
static bool walk_python(struct watch *w, struct stack_id *stack)
{
    uint32_t elided = 0;
    int n = python_walk(w->python, w->frame, DEPTH_MAX, &elided);
    if (n < 0) {
        w->sink->cost.torn++;
        w->refresh_at_ns = 0;
        return false;
    }
    *stack = n ? frames_python(&w->frames, w->frame, (size_t)n, elided)
               : frames_remark(&w->frames, "[no Python code]");
    return true;
}

/* A stop lasts as long as its copy, so only what was used last time is copied, and a little more;
 * a thread that becomes shallow again is followed slowly. */
static void note_stack_bytes(struct watched_thread *t, size_t used)
{
    size_t want = used + STACK_SPARE_BYTES, slowly = t->stack_bytes - t->stack_bytes / 16;
    if (want < slowly)
        want = slowly;
    t->stack_bytes = want < CAPTURE_STACK_MAX ? (uint32_t)want : CAPTURE_STACK_MAX;
}

static struct stack_id walk_native(struct watch *w, struct watched_thread *t, uint8_t *flags)
{
    enum walk_end end;
    uint32_t elided = 0;
    size_t n = unwinder_walk(w->unwinder, &w->capture, w->native, DEPTH_MAX, &end, &elided);
    if (end == WALK_CUT)
        *flags |= SAMPLE_TORN;
    note_stack_bytes(t, unwinder_reached(w->unwinder));
    return n ? frames_native(&w->frames, w->unwinder, w->native, n, elided)
             : frames_remark(&w->frames, "[no stack]");
}

static void copy_stack(struct watch *w, struct watched_thread *t)
{
    struct capture *c = &w->capture;
    t->last_sp = c->regs[DWARF_RSP];
    c->stack_addr = c->regs[DWARF_RSP];
    c->stack_size = remote_read_some(w->pid, c->stack_addr, c->stack,
                                     t->stack_bytes ? t->stack_bytes : sizeof c->stack);
}

static uint8_t python_flags(const struct watch *w, pid_t tid)
{
    uint8_t flags = 0;
    if (python_holds_gil(w->python, tid))
        flags |= SAMPLE_GIL;
    if (python_collecting(w->python, tid))
        flags |= SAMPLE_GC;
    return flags;
}

/* Copies a stopped thread and lets it go; walking comes after it runs again. */
static bool copy_stopped(struct watch *w, struct watched_thread *t, struct run *seen)
{
    pid_t tid = t->tid;
    bool python = is_python_thread(w, tid);
    bool copied;
    if (python) {
        copied = python_copy(w->python, tid);
    } else {
        copied = stop_registers(tid, &w->capture);
        if (copied)
            copy_stack(w, t);
    }
    stop_end(w->stops, tid);
    if (!copied)
        return false;
    if (!python) {
        seen->stack = walk_native(w, t, &seen->flags);
        /* Deeper than was copied: the rest was read while it ran, so it is copied once more. */
        return unwinder_reached(w->unwinder) <= w->capture.stack_size ||
               w->capture.stack_size >= t->stack_bytes;
    }
    seen->flags = python_flags(w, tid);
    return walk_python(w, &seen->stack);
}

enum looked { LOOKED, LOOK_AGAIN, LOOK_LATER };

static enum looked sample_running(struct watch *w, struct task *task, struct watched_thread *t,
                                  struct run *seen)
{
    /* What the copy will need is brought into the caches before the thread has to stand for it. (Of
     * a Python thread only its interpreter's frames are copied, not its stack.) */
    if (t->last_sp)
        remote_read(w->pid, t->last_sp, &w->warm, sizeof w->warm);
    uint64_t limit_ns = w->slow_in_tick < SLOW_MAX ? STOP_LIMIT_NS : 0;
    switch (stop_begin(w->stops, task->tid, limit_ns)) {
    case STOP_OK:
        seen->state = STATE_RUNNING;
        return copy_stopped(w, t, seen) ? LOOKED : LOOK_AGAIN;
    case STOP_SLOW:
        w->slow_in_tick++;
        t->late = true;
        return LOOK_LATER;
    case STOP_GONE:
    case STOP_DENIED:
        break;
    }
    return LOOK_AGAIN;
}

bool watch_late(struct watch *w, pid_t tid, uint64_t now_ns)
{
    for (size_t i = 0; i < w->threads.n; i++) {
        struct watched_thread *t = &w->threads.at[i];
        if (t->tid != tid)
            continue;
        struct run seen = {.state = STATE_RUNNABLE};
        t->late = false;
        if (copy_stopped(w, t, &seen))
            add_sample(w, t, &seen, now_ns);
        else
            lose_sample(w, t, now_ns);
        return true;
    }
    return false;
}

/* A blocked thread has not moved, so its stack is read as it stands. */
static bool sample_blocked(struct watch *w, struct watched_thread *t, struct task *task,
                           const struct task_look *look, struct run *seen)
{
    seen->state = STATE_WAITING;
    seen->wait = (uint8_t)wait_of_syscall(look->syscall, look->args);
    if (is_python_thread(w, task->tid)) {
        if (seen->wait == WAIT_FUTEX && python_is_gil(w->python, look->args[0])) {
            seen->wait = WAIT_GIL;
            seen->flags |= SAMPLE_GIL_WANTED;
        }
        if (!python_copy(w->python, task->tid))
            return false;
        seen->flags |= python_flags(w, task->tid);
        return walk_python(w, &seen->stack);
    }
    struct capture *c = &w->capture;
    memset(c->regs, 0, sizeof c->regs);
    c->all_regs = false;
    c->regs[DWARF_RSP] = look->sp;
    c->regs[DWARF_RIP] = look->pc;
    copy_stack(w, t);
    seen->stack = walk_native(w, t, &seen->flags);
    return true;
}

/* Reads a thread that look says is blocked. t->run_ns was read before that look. */
static enum looked look_at_blocked(struct watch *w, struct task *task, struct watched_thread *t,
                                   const struct task_look *look, uint64_t now_ns)
{
    if (look->sp == 0) {
        char letter = task_state_letter(w->tasks, task);
        if (letter == 'Z' || letter == 'X' || letter == 0)
            task->state = TASK_ENDED;
        return LOOK_LATER;
    }
    struct run seen = {0};
    uint64_t run_ns, wait_ns;
    bool read = sample_blocked(w, t, task, look, &seen);
    if (!task_run_time(w->tasks, task, &run_ns, &wait_ns))
        return LOOK_LATER;
    if (!read || run_ns != t->run_ns) { /* it ran meanwhile: what was read may be torn */
        t->run_ns = run_ns;
        return LOOK_AGAIN;
    }
    if (look->syscall < 0 && task_state_letter(w->tasks, task) == 'T')
        seen.wait = WAIT_STOPPED;
    seen.flags |= t->began ? SAMPLE_BEGAN : 0;
    wait_object_look(w->waited, w->python, w->sink, task->tid, look, now_ns, &t->waits, &seen);
    add_sample(w, t, &seen, now_ns);
    t->settled = true;
    return LOOKED;
}

static void sample_thread(struct watch *w, struct task *task, struct watched_thread *t,
                          uint64_t now_ns)
{
    if (t->late)
        return;
    /* Of one that ran at the last tick, the run time is read only if it turns out to be blocked. */
    uint64_t run_ns = 0, wait_ns;
    bool timed = t->run.state == STATE_WAITING;
    if (timed && !task_run_time(w->tasks, task, &run_ns, &wait_ns))
        return;
    if (t->settled && run_ns == t->run_ns && t->generation == w->sink->generation) {
        repeat_sample(w, t, now_ns);
        return;
    }
    t->began = !t->settled || run_ns != t->run_ns;
    t->run_ns = run_ns;
    t->settled = false;
    /* A thread that goes to sleep or wakes while it is being read is looked at again. */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct run seen = {0};
        struct task_look look;
        enum looked looked = LOOK_AGAIN;
        task_look(w->tasks, task, &look);
        if (look.doing == TASK_GONE)
            return;
        if (look.doing == TASK_RUNNING) {
            looked = sample_running(w, task, t, &seen);
            if (looked == LOOKED)
                add_sample(w, t, &seen, now_ns);
        } else if (look.doing == TASK_BLOCKED && timed) {
            looked = look_at_blocked(w, task, t, &look, now_ns);
        } else if (look.doing == TASK_BLOCKED) {
            if (!task_run_time(w->tasks, task, &t->run_ns, &wait_ns))
                return;
            timed = true;
        }
        if (looked != LOOK_AGAIN)
            return;
    }
    lose_sample(w, t, now_ns);
}

static void end_thread(struct watch *w, struct watched_thread *t, uint64_t now_ns)
{
    if (!t->tid)
        return;
    flush_run(w, t);
    sink_end_thread(w->sink, t->number, now_ns);
    t->tid = 0;
}

static struct watched_thread *thread_of(struct watch *w, size_t i, struct task *task,
                                        uint64_t now_ns)
{
    while (w->threads.n <= i)
        vec_add(&w->threads);
    struct watched_thread *t = &w->threads.at[i];
    if (task->user != TASK_USER_NONE && t->tid == task->tid)
        return t;
    end_thread(w, t, now_ns);
    /* Born at some time since the last tick, it will end some time before a later one: a whole
     * period for its first sample makes up for both on the average. */
    *t = (struct watched_thread){.tid = task->tid,
                                 .last_ns = w->last_tick_ns ? w->last_tick_ns : now_ns};
    w->newest_thread_ns = now_ns;
    w->refresh_at_ns = 0;
    t->number = sink_thread(w->sink, w->incarnation, task->tid, task->comm, now_ns);
    task->user = t->number;
    return t;
}

/* Everybody has ended: the incarnation is closed. */
static void end_process(struct watch *w, uint64_t now_ns)
{
    for (size_t i = 0; i < w->threads.n; i++)
        end_thread(w, &w->threads.at[i], now_ns);
    sink_end_incarnation(w->sink, w->incarnation, now_ns, false);
    sink_mark(w->sink, MARK_EXIT, now_ns, "%s (%d) has ended; what was seen of it is kept", w->comm,
              (int)w->pid);
}

/* A thread has its Python state a while after its birth. */
static void refresh_python(struct watch *w, uint64_t now_ns)
{
    bool calm = python_refresh(w->python) && now_ns > w->newest_thread_ns + REFRESH_YOUNG_NS;
    w->refresh_at_ns = calm ? now_ns + REFRESH_NS : now_ns;
}

bool watch_tick(struct watch *w, uint64_t now_ns)
{
    if (!tasks_refresh(w->tasks)) {
        end_process(w, now_ns);
        return false;
    }
    if (w->python_at_ns && now_ns >= w->python_at_ns)
        look_for_python(w, now_ns);
    if (w->python && now_ns >= w->refresh_at_ns)
        refresh_python(w, now_ns);
    size_t alive = 0;
    w->slow_in_tick = 0;
    for (size_t i = 0; i < tasks_count(w->tasks); i++) {
        struct task *task = tasks_at(w->tasks, i);
        if (task->state == TASK_ALIVE) {
            struct watched_thread *t = thread_of(w, i, task, now_ns);
            sample_thread(w, task, t, now_ns);
        }
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
        const struct watched_thread *t = &w->threads.at[i];
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
    python_free(w->python);
    w->python = NULL;
    unwinder_free(w->unwinder);
    w->unwinder = unwinder_new(w->pid);
    frames_forget(&w->frames);
    sink_mark(w->sink, MARK_EXEC, now_ns, "%s (%d) has executed another program: %s", w->comm,
              (int)w->pid, info.comm);
    begin_incarnation(w, &info, now_ns);
}

/* A process that ends in its sleep runs too shortly for its run time to show it. */
static void check_leader(struct watch *w)
{
    for (size_t i = 0; i < tasks_count(w->tasks); i++) {
        struct task *task = tasks_at(w->tasks, i);
        if (task->tid == w->pid && task_state_letter(w->tasks, task) == 'Z')
            task->state = TASK_ENDED;
    }
}

void watch_check(struct watch *w, uint64_t now_ns)
{
    check_leader(w);
    struct stat exe;
    if (stat_exe(w, &exe) && (exe.st_ino != w->exe.st_ino || exe.st_dev != w->exe.st_dev))
        restart(w, now_ns);
}
