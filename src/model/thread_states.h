/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the threads did in a stretch of time, as figures of the whole process: how many of them ran,
 * could have run, waited and idled on average, and for how much of the time a GIL was held, wanted
 * or garbage was collected. From the runs, so it says the same as the views. Pure.
 */
#ifndef MODEL_THREAD_STATES_H
#define MODEL_THREAD_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/recording.h"

struct thread_states {
    double running, runnable, waiting, idle; /* threads, on average */
    double gil_held_pct, gc_pct; /* of the time; of the process that has most of it; 0 to 100 */
    double gil_wait_pct;         /* of the time, by any thread; 0 to 100 */
    bool seen;                   /* any thread at all */
    bool knows_gil;              /* a thread of a process that has one was seen */
};

/* Over [from_ns, to_ns), of which every run must be in. O(runs in it); about 0.1 us each, and some
 * us for each stack that waits. */
void thread_states_read(struct thread_states *states, const struct recording *rec, uint64_t from_ns,
                        uint64_t to_ns);

/* Time has come to time_ns: adds them as metrics for the stretch between the two calls before this
 * one, of which by now everything is known and most frames are named. A stretch that is longer than
 * STATES_GAP_NS was not observed. No thread seen: no point. */
void thread_states_add(struct recording *rec, uint64_t time_ns);
#define STATES_GAP_NS (5 * NS_PER_S)

#endif
