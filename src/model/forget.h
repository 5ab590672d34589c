/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording that goes on for weeks and is to show the last half hour: its start moves along, and
 * what is over by then goes. Runs go by their age (recording_thin with recording_ring_limits),
 * words and threads by nobody referring to them any more (collect.h); the rest goes here.
 */
#ifndef MODEL_FORGET_H
#define MODEL_FORGET_H

#include "model/recording.h"

/* However much happens, at most so many of each are kept: the newest. */
#define FORGET_ALERTS_MAX 2000
#define FORGET_MARKS_MAX  2000

/* The usual limits, but no level reaches further back than span_ns. */
struct recording_limits recording_ring_limits(uint64_t span_ns);

/* The recording begins at start_ns (not before it did, nor after its end) from now on, which is the
 * wall clock's start_wall_ns: alerts, marks, censuses and looks for growth before that are
 * forgotten, but for the newest census of a process that lives. O(what is kept of these). */
void recording_forget(struct recording *rec, uint64_t start_ns, int64_t start_wall_ns);

/* Forgets incarnations that have ended and that no thread, census or look for growth refers to, and
 * renumbers the rest: a prefork server has thousands in a day. `target` becomes the first, which is
 * what makes it the recording's target; it must be there. renumbered, an array of as many as there
 * were, gets each one's new number (0: forgotten). O(threads). */
void recording_collect_incarnations(struct recording *rec, struct incarnation_id target,
                                    uint32_t *renumbered);

#endif
