/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oldest level of a recording, LEVEL_POOLED: what the finer levels have no room for, in slices
 * of five minutes, by stack, state and what is waited for, the threads of a process together. So a
 * busy target's old time keeps its shares where its runs would be forgotten.
 *
 * Folding into a slice loses no time of any stack. Where even that is too much, the largest slices
 * are thinned: runs that are small there and neighbours in the call tree become one, which has the
 * time of all and the stack of one of them, chosen by chance and weight. The time of a slice in
 * each state and wait stays exact by that, the share of a function right on average.
 *
 * Invariant: the first `settled` runs of the ring are in the order of their slices; those behind
 * are what came since, in any order. Pure.
 */
#ifndef MODEL_POOL_H
#define MODEL_POOL_H

#include "model/recording.h"

#define POOL_SLICE_NS (300 * UINT64_C(1000000000))

/* Adds a run of the level before, as it was there. Of a long one, what is over by over_ns is left
 * out. O(slices that it lies in). */
void pool_add(struct recording *rec, const struct run *run, uint64_t over_ns);
/* Forgets slices that are over by over_ns, and makes the level as small as it is to be; what that
 * takes is spread over calls as far as memory allows. */
void pool_thin(struct recording *rec, uint64_t over_ns);

#endif
