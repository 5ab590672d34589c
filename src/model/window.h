/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A window over a recording: which time, which threads, which states; and the sum of what was
 * observed in it, from which every view is computed.
 *
 * The whole, of which percents are taken (contract): the thread time in the window that was not
 * idle. With STATES_CPU it is CPU time alone, with STATES_ALL_IDLE idle time is in it.
 */
#ifndef MODEL_WINDOW_H
#define MODEL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "model/fold.h"

struct window {
    uint64_t from_ns, to_ns; /* [from, to), monotonic */
};

/* The whole recording. */
struct window window_all(const struct recording *rec);

/* A window, or what is left of one without another: in the order of time, none of them empty. */
#define WINDOW_PARTS 2
struct windows {
    struct window at[WINDOW_PARTS];
    size_t n;
};
struct windows windows_of(struct window w);
/* `all` but for `hole`, which may reach beyond it, or be empty. */
struct windows windows_without(struct window all, struct window hole);
/* How long they are together; and what lies from one moment to another of that time. */
uint64_t windows_span_ns(const struct windows *w);
struct windows windows_slice(const struct windows *w, uint64_t from_ns, uint64_t to_ns);

enum states {
    STATES_BUSY, /* the default: all that is not idle */
    STATES_CPU,  /* --state cpu */
    STATES_WAIT, /* --state wait: waits that are not idle */
    STATES_ALL,  /* --state all: idle time too */
};

struct filter {
    enum states states;
    int32_t pid, tid; /* 0: any */
    const char *text; /* only stacks with a frame whose name or file contains it; NULL: any */
    enum native_frames native;
    bool together; /* the sum need not tell threads and owners apart: both are 0 in its cells */
};

/* One thread in one stack in one state, over the window. */
struct cell {
    struct thread_id thread;
    struct stack_id stack; /* of the sum's fold, not of the recording */
    struct object_id object;
    int32_t owner;
    uint8_t state, wait, flags;
    bool idle;
    uint64_t ticks, ns;
};

struct window_sum {
    VEC(struct cell) cells;            /* idle ones too, whatever the filter's states */
    struct fold fold;                  /* what the cells' stacks are */
    uint64_t cpu_ns, wait_ns, idle_ns; /* runnable counts as wait */
    uint64_t cpu_ticks, wait_ticks, idle_ticks;
    uint64_t whole_ns; /* what percents are of, by the filter's states */
    struct window window;
};

/* Whether a cell is part of the whole under `states`. */
bool cell_counts(const struct cell *cell, enum states states);

/* O(runs from the window's beginning on). sum is initialised by the call, freed by
 * window_sum_clear. */
void window_sum(struct window_sum *sum, const struct recording *rec, struct window window,
                const struct filter *filter);
/* The same of several; sum->window is from the first one's beginning to the last one's end. */
void windows_sum(struct window_sum *sum, const struct recording *rec, const struct windows *windows,
                 const struct filter *filter);
void window_sum_clear(struct window_sum *sum);

/* For what a sum does not tell, as when within the window it was: visits each run of the windows
 * that passes the filter, once, its stack folded. `fold` is initialised and cleared by the caller,
 * for the filter's native frames. O(runs from the windows' beginning on). */
typedef void window_visitor(const struct run *run, int level, bool idle, void *context);
void windows_visit(const struct recording *rec, const struct windows *windows,
                   const struct filter *filter, struct fold *fold, window_visitor *visit,
                   void *context);

/*
 * The plain rule for idle waits (the help explains it): a timer, an accept or event loop with
 * nothing to do, a pool's worker waiting for work, a parent that does nothing but wait for its
 * children; and no wait under a request or in what an event loop has called. Tables of rows in
 * idle.c: a kind of wait and, where that is not enough, a function that must (or must not) stand in
 * the stack, or what it is about.
 */
bool wait_is_idle(const struct fold *fold, enum wait_kind wait, struct stack_id stack,
                  struct object_id object);
/* Whether a wait with that stack is one of code that an event loop has called: nothing else of the
 * loop goes on meanwhile. O(depth). */
bool wait_blocks_loop(const struct fold *fold, struct stack_id stack);

#endif
