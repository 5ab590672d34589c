/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Draws a thread of a process, more likely one that makes memory grow: by its run time and its page
 * faults of the last seconds, and by all of both that it ever had (one that works now and then
 * would else only be drawn after its work). How likely it was is told, so that what is seen of it
 * can be weighed. One thread.
 */
#ifndef ENGINE_THREAD_DRAW_H
#define ENGINE_THREAD_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/uprobe.h"

struct thread_use {
    double run_ns, queued_ns; /* queued: for a CPU */
    double faults;            /* minor ones */
};

struct drawn_thread {
    pid_t tid;
    bool is_alive;
    struct thread_use ever, lately; /* lately: what is longer ago counts less and less */
    double calls[UPROBE_POINTS_MAX], own_ns[UPROBE_POINTS_MAX]; /* the caller's */
};

struct thread_draw {
    struct tasks *tasks;
    VEC(struct drawn_thread) list; /* also those that have ended */
    struct map by_tid;
    VEC(double) weights;
    uint64_t looked_ns; /* 0: not yet */
    uint64_t random;
};

bool thread_draw_init(struct thread_draw *d, pid_t pid, struct err *err);
void thread_draw_clear(struct thread_draw *d);
/* What each thread does: 3 us each, 9 us one that has run. false: the process has ended. */
bool thread_draw_look(struct thread_draw *d);
/* After a look. *chance: how likely it was, over 0. Borrowed until the next look. */
struct drawn_thread *thread_draw(struct thread_draw *d, double *chance);
/* How many CPUs the process used lately, at least 1. */
double thread_draw_cores(const struct thread_draw *d);
/* The one that ran most lately. */
pid_t thread_draw_busiest(const struct thread_draw *d);

/* One of n (>= 1) by its weight, `even` of the draws regardless of weights. */
size_t draw_one(struct thread_draw *d, const double *weights, size_t n, double even,
                double *chance);

#endif
