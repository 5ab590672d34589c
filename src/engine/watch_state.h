/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of a watch share; nobody else includes it. watch.c follows the process and its
 * threads, look.c looks at one thread, perf_look.c at those that perf events sample.
 */
#ifndef ENGINE_WATCH_STATE_H
#define ENGINE_WATCH_STATE_H

#include <sys/stat.h>

#include "base/clock.h"
#include "engine/stacks.h"
#include "engine/watch.h"
#include "engine/watched.h"
#include "target/perf.h"
#include "target/tasks.h"
#include "target/waited.h"

/* The blocked thread that is being looked at, for when its stack needs more registers. */
struct blocked {
    const struct task_look *look;
    pid_t tid;
    uint64_t run_ns, now_ns;
    bool later; /* they were needed, and can be had soon */
};

/* A running thread's Python frames at the tick: by the time that it stops it has gone on, for as
 * long as a stop takes to come and to the next system call, if there is one. */
struct glimpse {
    bool known;
    uint64_t key; /* of the frames */
    uint8_t flags;
    struct stack_id stack;
};

struct watch {
    pid_t pid;
    struct watch_options options;
    struct sink *sink;
    struct stops *stops;
    struct tasks *tasks;
    struct stacks stacks;
    struct waited_reader *waited;
    struct perf_events *perf;              /* NULL: running threads are stopped for their copies */
    uint64_t perf_lost;                    /* of its losses, how many are counted */
    uint64_t python_at_ns, python_wait_ns; /* when to look for one again; 0: never */
    uint32_t incarnation;
    uint64_t list_at_ns; /* when the threads are listed again */
    uint64_t last_tick_ns;
    uint32_t ticks;
    uint32_t slow_in_tick;
    uint64_t refresh_at_ns, newest_thread_ns;
    struct stat exe;
    uint64_t start_stack; /* of the program that is executed; 0: not known yet */
    char comm[64];
    VEC(struct watched) threads; /* by the index of the task */
    struct capture capture;
    struct blocked blocked;
    struct glimpse glimpse;
    uint64_t stopped_ns; /* when the last stop was seen */
    struct perf_sample sample;
    uint64_t warm; /* read for the sake of reading */
};

/* A longer time between two looks was none of observing: proftop stood still. */
static inline uint64_t watch_gap_ns(const struct watch *w)
{
    return NS_PER_S + 16 * w->options.period_ns;
}

/* look.c */
/* The beginning of each look: takes in how long the thread ran. false: it has slept on (which is
 * added), or has ended: there is nothing to look at. */
bool look_begin(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns);
/* Takes in how long the thread ran. false: it has ended. */
bool look_account(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns);
/* Adds what was seen of a thread on a CPU, and before that how long it waited for a CPU. */
void look_add_running(struct watch *w, struct watched *t, const struct run *seen, uint64_t now_ns);
/* What is still to be given out of a thread that ends. */
void look_settle(struct watch *w, struct watched *t, uint64_t now_ns);
bool watch_is_python(const struct watch *w, pid_t tid);
/* A look at a thread at a tick: blocked, it is read in place; running, it is stopped and copied. */
void look_at(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns);
/* A stopped thread that was too slow has stopped now. */
void look_late(struct watch *w, struct watched *t, uint64_t now_ns);
enum looked { LOOKED, LOOK_AGAIN, LOOK_LATER };
/* A thread that look says is blocked; t->turns was read before that look. */
enum looked look_at_blocked(struct watch *w, struct task *task, struct watched *t,
                            const struct task_look *look, uint64_t now_ns);

/* perf_look.c */
/* Begins sampling by perf events. false: not possible, err says why. */
bool perf_look_begin(struct watch *w, struct err *err);
void perf_look_end(struct watch *w);
/* Takes in what the events have seen since the last tick. */
void perf_look_take(struct watch *w, uint64_t now_ns);
/* A look at a thread at a tick: only what it waits for is of interest. */
void perf_look_at(struct watch *w, struct task *task, struct watched *t, uint64_t now_ns);

#endif
