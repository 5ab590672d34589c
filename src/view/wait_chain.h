/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for whom at one moment: each thread's run then, and the thread that holds what it waits
 * for. From a waiter along the holders one comes to the root blocker, or round: a deadlock. Pure.
 */
#ifndef VIEW_WAIT_CHAIN_H
#define VIEW_WAIT_CHAIN_H

#include "view/rows.h"

/* Of a thread, by its number. */
struct chain_thread {
    struct run run;    /* ticks 0: it was not seen then */
    uint32_t owner;    /* number of the thread it waits for; 0: none that is known */
    uint64_t since_ns; /* since when it waits for that owner without a break */
};

struct wait_chain {
    VEC(struct chain_thread) threads;
    uint64_t at_ns;
};

/* At the moment at_ns, of the runs that pass the query's pid. O(runs). */
void wait_chain_at(struct wait_chain *c, const struct query *query, uint64_t at_ns);
void wait_chain_clear(struct wait_chain *c);

#define CHAIN_MAX 32
/* The threads from `thread` along what they wait for, itself first, each once; their number.
 * *cycle: the place in `out` at which the chain comes back to itself; -1: it ends. */
size_t wait_chain_walk(const struct wait_chain *c, uint32_t thread, uint32_t out[CHAIN_MAX],
                       int *cycle);

/* The first deadlock: threads that have waited for each other in a circle for DEADLOCK_NS at least.
 * Their number in `out`; 0: there is none. */
#define DEADLOCK_NS NS_PER_S
size_t wait_chain_deadlock(const struct wait_chain *c, uint32_t out[CHAIN_MAX]);

#endif
