/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at one thread: blocked, it is read in place; running, it is stopped for the copy alone.
 * See watch.h for the rule that this keeps.
 */
#include <string.h>

#include "base/clock.h"
#include "engine/waits.h"
#include "engine/watch_state.h"
#include "target/remote.h"

/* A thread on a CPU stops within some 20 us. One that has not by then waits for a CPU (or is deep
 * in the kernel): it is copied when it gets one. */
#define STOP_LIMIT_NS (150 * NS_PER_US)
/* After so many of them in a tick, the others are not waited for at all. */
#define SLOW_MAX 4
#define ATTEMPTS 4
/* How old at most is what is known of a thread's run time: at the highest rates, some ticks. */
#define ACCOUNT_NS (100 * NS_PER_US)
/* For a call or two more than last time; and a stack that turns out to be deeper than its copy is
 * lost, and with it what only deep stacks do: so rather too much. */
#define STACK_SPARE_BYTES 2048
#define STACK_LEAST_BYTES 6144

bool watch_is_python(const struct watch *w, pid_t tid)
{
    return w->stacks.python && python_has_thread(w->stacks.python, tid);
}

/* Whether the native part of this thread's stack is wanted. */
static bool wants_native(const struct watch *w, bool python)
{
    return !python || (w->options.native && w->options.engine != ENGINE_PERF);
}

/* Python frames alone can be read while the thread runs on. */
static bool reads_moving(const struct watch *w, bool python)
{
    return !wants_native(w, python) && w->options.engine != ENGINE_PTRACE;
}

/* A stop lasts as long as its copy, so only what was used last time is copied, and a little more;
 * a thread that becomes shallow again is followed slowly. */
static void note_stack_bytes(struct watched *t, size_t used)
{
    size_t want = used + STACK_SPARE_BYTES, slowly = t->stack_bytes - t->stack_bytes / 512;
    if (want < STACK_LEAST_BYTES)
        want = STACK_LEAST_BYTES;
    if (want < slowly)
        want = slowly;
    t->stack_bytes = want < CAPTURE_STACK_MAX ? (uint32_t)want : CAPTURE_STACK_MAX;
}

/* Where the registers say that the stack is, and as much of it as is wanted; with `python`, the
 * thread's Python frames in the same call. false: these are torn. */
static bool copy_stack(struct watch *w, struct watched *t, bool python)
{
    struct capture *c = &w->capture;
    size_t want = t->stack_bytes ? t->stack_bytes : sizeof c->stack;
    struct remote_span span = {c->regs[DWARF_RSP], c->stack, want, false};
    bool copied = !python || python_copy_beside(w->stacks.python, t->tid, &span);
    t->last_sp = c->regs[DWARF_RSP];
    c->stack_addr = c->regs[DWARF_RSP];
    /* Less than that is there near the stack's end. */
    c->stack_size = span.ok ? want : remote_read_some(w->pid, c->stack_addr, c->stack, want);
    return copied;
}

static uint8_t python_flags(const struct watch *w, pid_t tid)
{
    uint8_t flags = 0;
    if (python_holds_gil(w->stacks.python, tid))
        flags |= SAMPLE_GIL;
    if (python_collecting(w->stacks.python, tid))
        flags |= SAMPLE_GC;
    if (python_handles_exception(w->stacks.python, tid))
        flags |= SAMPLE_EXCEPTION;
    if (python_wants_gil(w->stacks.python, tid))
        flags |= SAMPLE_GIL_WANTED;
    return flags;
}

/* What was copied becomes seen->stack. false: torn. *deeper: the native walk needed more than was
 * copied, and has read the rest from the thread as it was then. */
static bool walk_copy(struct watch *w, struct watched *t, bool native, struct run *seen,
                      bool *deeper)
{
    bool python = watch_is_python(w, t->tid), walked = true;
    size_t reached = 0, copied = w->capture.stack_size;
    *deeper = false;
    frames_of_thread(&w->stacks.frames, t->tid);
    if (python)
        seen->flags |= python_flags(w, t->tid);
    if (!native) {
        walked = stacks_python(&w->stacks, &seen->stack);
    } else {
        if (python)
            walked = stacks_mixed(&w->stacks, &w->capture, &seen->flags, &seen->stack, &reached);
        else
            seen->stack = stacks_native(&w->stacks, &w->capture, NULL, 0, &seen->flags, &reached);
        note_stack_bytes(t, reached);
        *deeper = reached > copied && copied < t->stack_bytes;
    }
    if (!walked) {
        w->sink->cost.torn++;
        w->refresh_at_ns = 0; /* Python's list of threads may have changed */
    }
    return walked;
}

/* Copies a stopped thread and lets it go; walking comes after it runs again. */
static bool copy_stopped(struct watch *w, struct watched *t, struct run *seen)
{
    pid_t tid = t->tid;
    bool python = watch_is_python(w, tid), native = wants_native(w, python);
    bool copied = true;
    w->stopped_ns = clock_mono_ns();
    if (native)
        copied = stop_registers(w->stops, tid, &w->capture) && copy_stack(w, t, python);
    else
        copied = python_copy(w->stacks.python, tid);
    stop_end(w->stops, tid);
    watched_held(t, clock_mono_ns() - w->stopped_ns);
    bool deeper;
    /* What was read while it ran may not fit the rest: it is copied once more, and more of it. */
    return copied && walk_copy(w, t, native, seen, &deeper) && !deeper;
}

/* Reads the Python frames of a thread that is not stopped for it. */
static enum looked read_moving(struct watch *w, struct watched *t, struct run *seen)
{
    seen->state = STATE_RUNNING;
    if (!python_copy_moving(w->stacks.python, t->tid)) {
        w->sink->cost.torn++;
        w->refresh_at_ns = 0; /* its state may be gone */
        return LOOK_AGAIN;
    }
    t->moving.moment = python_moment(w->stacks.python);
    bool deeper;
    return walk_copy(w, t, false, seen, &deeper) ? LOOKED : LOOK_AGAIN;
}

/* Between two looks that are this near to each other a thread that has moved on was on a CPU: that
 * is not asked for. What was read is not read again if it turns out to have been running. */
static bool read_at_once(struct watch *w, struct watched *t, struct run *seen, uint64_t now_ns,
                         bool *moved)
{
    uint64_t before = t->moving.moment;
    bool read = now_ns - t->moving.at_ns <= ACCOUNT_NS &&
                reads_moving(w, watch_is_python(w, t->tid)) && read_moving(w, t, seen) == LOOKED;
    *moved = read && t->moving.moment != before;
    return read;
}

static void add_moving(struct watch *w, struct watched *t, const struct run *seen, uint64_t now_ns)
{
    watched_add_moving(t, w->sink, seen, w->options.period_ns, now_ns);
    t->account.stack = seen->stack;
    t->account.generation = w->sink->generation;
}

/* Unless it is known from less than old_ns ago. */
static bool account(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns,
                    uint64_t old_ns)
{
    struct task_times times;
    if (t->account.begun && now_ns - t->account.at_ns < old_ns)
        return true;
    if (!task_times(w->tasks, task, &times))
        return false;
    watched_account(t, &times, now_ns, watch_gap_ns(w));
    return true;
}

/* Before a stop: what the copy will need is brought into the caches, so that the thread need not
 * stand for that, and its Python frames are read. */
static void take_glimpse(struct watch *w, const struct watched *t)
{
    struct glimpse *g = &w->glimpse;
    struct remote_span warm = {t->last_sp, &w->warm, sizeof w->warm, false};
    bool python = watch_is_python(w, t->tid);
    if (!python && t->last_sp)
        remote_read_spans(w->pid, &warm, 1);
    g->known = python && python_copy_moving_beside(w->stacks.python, t->tid, &warm) &&
               stacks_python(&w->stacks, &g->stack);
    if (!g->known)
        return;
    g->key = python_frames_key(w->stacks.python);
    g->flags = python_flags(w, t->tid);
}

static enum looked sample_stopped(struct watch *w, struct task *task, struct watched *t,
                                  struct run *seen, uint64_t now_ns)
{
    if (!copy_stopped(w, t, seen))
        return LOOK_AGAIN;
    /* A stop brings its run time up to date: what is seen is given all of it. */
    if (!account(w, task, t, clock_mono_ns(), 0))
        return LOOK_AGAIN;
    if (watched_queued(t, w->stopped_ns)) {
        watched_add_queued(t, w->sink, seen, now_ns);
        return LOOKED;
    }
    if (w->glimpse.known && w->glimpse.key != python_frames_key(w->stacks.python)) {
        seen->stack = w->glimpse.stack;
        seen->flags = w->glimpse.flags;
    }
    look_add_running(w, t, seen, now_ns);
    return LOOKED;
}

/* read: it has been, a moment ago, and *seen is what was there. */
static enum looked sample_running(struct watch *w, struct task *task, struct watched *t,
                                  struct run *seen, bool read, uint64_t now_ns)
{
    if (read || reads_moving(w, watch_is_python(w, t->tid))) {
        enum looked looked = read ? LOOKED : read_moving(w, t, seen);
        if (looked == LOOKED)
            add_moving(w, t, seen, now_ns);
        return looked;
    }
    take_glimpse(w, t);
    uint64_t limit_ns = w->slow_in_tick < SLOW_MAX ? STOP_LIMIT_NS : 0;
    t->asked_ns = now_ns;
    t->asked_queue_ns = t->account.times.queue_ns;
    switch (stop_begin(w->stops, task->tid, limit_ns)) {
    case STOP_OK:
        seen->state = STATE_RUNNING;
        return sample_stopped(w, task, t, seen, now_ns);
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

bool look_account(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns)
{
    return account(w, task, t, now_ns, ACCOUNT_NS);
}

void look_add_running(struct watch *w, struct watched *t, const struct run *seen, uint64_t now_ns)
{
    uint64_t cpu_ns = watched_take_cpu(t, w->options.period_ns);
    watched_add_running(t, w->sink, seen, cpu_ns, now_ns);
    t->account.stack = seen->stack;
    t->account.generation = w->sink->generation;
}

/* It has not run since it was last seen waiting. Its stack may have been flushed meanwhile, but the
 * number still stands in t->run. */
static void look_repeat(struct watch *w, struct watched *t, uint64_t now_ns)
{
    struct run again = t->run;
    again.flags &= (uint8_t)~SAMPLE_BEGAN;
    wait_object_again(w->waited, w->stacks.python, w->sink, t->tid, now_ns, &t->waits, &again);
    watched_add(t, w->sink, &again, watched_take_wait(t), now_ns);
}

void look_settle(struct watch *w, struct watched *t, uint64_t now_ns)
{
    watched_end_moving(t, w->sink, w->options.period_ns, now_ns);
    bool known = t->account.stack.n && t->account.generation == w->sink->generation;
    if (!known || t->account.cpu_ns <= 0)
        return;
    struct run seen = {.state = STATE_RUNNING, .stack = t->account.stack};
    watched_add(t, w->sink, &seen, (uint64_t)t->account.cpu_ns, now_ns);
}

bool look_begin(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns)
{
    if (!look_account(w, task, t, now_ns))
        return false;
    uint64_t turns = t->account.times.turns;
    if (t->settled && !t->guessed && turns == t->turns && t->generation == w->sink->generation) {
        look_repeat(w, t, now_ns);
        return false;
    }
    t->began = !t->settled || turns != t->turns;
    t->turns = turns;
    t->settled = false;
    return true;
}

void look_late(struct watch *w, struct watched *t, uint64_t now_ns)
{
    struct run seen = {.state = STATE_RUNNING};
    struct task *task = tasks_find(w->tasks, t->tid);
    t->late = false;
    w->glimpse.known = false; /* of another thread since */
    if (!task)
        stop_end(w->stops, t->tid); /* no longer listed: it is let go all the same */
    if (!task || sample_stopped(w, task, t, &seen, now_ns) != LOOKED)
        watched_lose(t, w->sink);
}

/* capture.more of a blocked thread. */
static bool more_registers(void *watch, uint64_t regs[DWARF_COUNT])
{
    struct watch *w = watch;
    struct blocked *b = &w->blocked;
    const struct bpf_asked asked = {
        w->pid, b->tid, tasks_count(w->tasks), b->now_ns, b->run_ns, b->look->sp, b->look->pc};
    enum bpf_answer answer = bpf_regs_read(w->options.registers, &asked, regs);
    b->later = answer == BPF_LATER;
    return answer == BPF_REGS;
}

/* A blocked thread has not moved, so its stack is read as it stands. */
static bool sample_blocked(struct watch *w, struct watched *t, const struct task_look *look,
                           struct run *seen, uint64_t now_ns)
{
    bool python = watch_is_python(w, t->tid), native = wants_native(w, python);
    seen->state = STATE_WAITING;
    seen->wait = (uint8_t)wait_of_syscall(look->syscall, look->args);
    if (python && seen->wait == WAIT_FUTEX && python_is_gil(w->stacks.python, look->args[0])) {
        seen->wait = WAIT_GIL;
        seen->flags |= SAMPLE_GIL_WANTED;
        native = false; /* always the same few functions of the interpreter's, and very often */
    }
    w->blocked = (struct blocked){look, t->tid, t->account.times.run_ns, now_ns, false};
    if (!native && !python_copy(w->stacks.python, t->tid))
        return false;
    if (native) {
        struct capture *c = &w->capture;
        memset(c->regs, 0, sizeof c->regs);
        c->all_regs = false;
        c->regs[DWARF_RSP] = look->sp;
        c->regs[DWARF_RIP] = look->pc;
        c->more = w->options.registers ? more_registers : NULL;
        c->more_of = w;
        if (!copy_stack(w, t, python))
            return false;
    }
    bool deeper; /* it stands still, so the rest is as good as the copy */
    return walk_copy(w, t, native, seen, &deeper);
}

/* LOOKED: what was read of a thread that stood still is of one moment, as it has not run meanwhile.
 * One that waits for the GIL and does not hold it cannot have moved, and such looks are many. */
static enum looked stood_still(struct watch *w, struct task *task, struct watched *t, bool gil)
{
    struct task_times times;
    if (gil && !python_holds_gil(w->stacks.python, t->tid))
        return LOOKED;
    if (!task_times(w->tasks, task, &times))
        return LOOK_LATER;
    if (times.turns == t->turns)
        return LOOKED;
    t->turns = times.turns;
    return LOOK_AGAIN;
}

enum looked look_at_blocked(struct watch *w, struct task *task, struct watched *t,
                            const struct task_look *look, uint64_t now_ns)
{
    if (look->sp == 0) {
        char letter = task_state_letter(w->tasks, task);
        if (letter == 'Z' || letter == 'X' || letter == 0)
            task->state = TASK_ENDED;
        return LOOK_LATER;
    }
    struct run seen = {0};
    bool read = sample_blocked(w, t, look, &seen, now_ns);
    enum looked stood = stood_still(w, task, t, read && seen.wait == WAIT_GIL);
    if (stood != LOOKED)
        return stood;
    if (!read)
        return LOOK_AGAIN;
    if (look->syscall < 0 && task_state_letter(w->tasks, task) == 'T')
        seen.wait = WAIT_STOPPED;
    seen.flags |= t->began ? SAMPLE_BEGAN : 0;
    if (t->moving.seen.ticks && account(w, task, t, now_ns, 0))
        watched_end_moving(t, w->sink, w->options.period_ns, now_ns);
    t->moving.slept = seen.stack;
    t->moving.slept_generation = w->sink->generation;
    wait_object_look(w->waited, w->stacks.python, w->sink, task->tid, look, now_ns, &t->waits,
                     &seen);
    watched_add(t, w->sink, &seen, watched_take_wait(t), now_ns);
    t->settled = true;
    t->guessed = w->blocked.later;
    return LOOKED;
}

void look_at(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns)
{
    if (t->late || !look_begin(w, task, t, now_ns))
        return;
    struct run moving = {0};
    bool moved, read = read_at_once(w, t, &moving, now_ns, &moved), slept = false;
    if (moved) {
        add_moving(w, t, &moving, now_ns);
        return;
    }
    /* A thread that goes to sleep or wakes while it is being read is looked at again. One that has
     * woken is not seen running for that: all of its work would seem to be where it begins. */
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct run seen = {0};
        struct task_look look;
        enum looked looked = LOOK_AGAIN;
        task_look(w->tasks, task, &look);
        if (look.doing == TASK_GONE || (look.doing == TASK_RUNNING && slept))
            return;
        slept = look.doing == TASK_BLOCKED;
        if (look.doing == TASK_RUNNING)
            looked = sample_running(w, task, t, read ? &moving : &seen, read, now_ns);
        else if (slept)
            looked = look_at_blocked(w, task, t, &look, now_ns);
        if (looked != LOOK_AGAIN)
            return;
    }
    watched_lose(t, w->sink);
}
