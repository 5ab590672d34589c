/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Survivor sampling: which code allocates what stays. For some seconds, in bursts of some ms, the
 * returns of one allocator function on one thread are probed; each block's address, first bytes and
 * stack are remembered, and some seconds later it is looked which blocks are still there and
 * unchanged. Nothing is stopped, and free is not probed. A long-lived cache survives too.
 *
 * A burst slows its thread several times (each call costs 3 to 25 us more, see
 * uprobes_call_cost_ns), so the pauses between bursts are as long as it takes to keep the loss over
 * all to what is allowed. Which function is drawn by how much it is called, and which thread by how
 * much it runs and how many new pages it touches; what a burst found counts inversely to how likely
 * it was drawn.
 *
 * Invariant: outside of survivors_poll and survivors_estimate no probe is in; within them at most
 * one function has one. One thread (a worker).
 */
#ifndef ENGINE_SURVIVORS_H
#define ENGINE_SURVIVORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/growth.h"

struct survivors_options {
    uint64_t sample_ns; /* bursts for so long; 0: 20 s */
    uint64_t stay_ns;   /* a block that stays so long survives; 0: 10 s */
    double loss_pct;    /* of the target's time, that it may cost meanwhile; 0: 3 */
};

struct survivors;

/* Opens the target's files and looks for its allocators: some 10 ms. NULL: err says why, with the
 * remedy. */
struct survivors *survivors_new(pid_t pid, const struct survivors_options *options,
                                struct err *err);
void survivors_free(struct survivors *s);

/* What it would cost, and will. */
struct survivors_cost {
    double calls_per_s; /* of the allocators, by the busiest thread; while they are counted */
    double call_ns;     /* added to a probed call, on this machine */
    double always_pct;  /* of that thread's time, if each call were probed */
    double burst_pct;   /* with bursts, as they are done: the loss that is aimed at */
};
/* Counts for 20 ms each function: 0.6 s in all, in which the target loses up to 0.2 s. */
bool survivors_estimate(struct survivors *s, struct survivors_cost *cost, struct err *err);

enum survivors_state {
    SURVIVORS_SAMPLING,
    SURVIVORS_WAITING, /* for what was sampled to grow old */
    SURVIVORS_DONE,
    SURVIVORS_FAILED, /* err says why; what there is can be had */
};
/* After survivors_estimate. One burst, or one look at those that are old enough: up to 300 ms.
 * *wait_ns: what to wait before the next call. */
enum survivors_state survivors_poll(struct survivors *s, uint64_t *wait_ns, struct err *err);

/* How it stands. */
struct survivors_progress {
    int permille;
    double loss_pct; /* so far, of the time since the start; estimated */
    uint64_t samples, survived, lost;
};
struct survivors_progress survivors_progress(const struct survivors *s);

/* What has been found so far (all, once it is done): rows of GROWTH_SURVIVES, closed. Borrowed
 * until the next poll. */
const struct growth *survivors_result(struct survivors *s);

#endif
