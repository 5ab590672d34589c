/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wall clock of a moment in a recording, and back. Times are monotonic, and begin at one moment
 * of which both clocks were read: a wall clock that is set afterwards changes nothing. What the
 * monotonic clock leaves out, the time that the machine was suspended, stands in METRIC_SLEPT.
 * Pure.
 */
#ifndef MODEL_WALL_H
#define MODEL_WALL_H

#include "model/recording.h"

/* Nanoseconds since 1970. O(times that it slept), of which there are few. */
int64_t wall_of_time(const struct recording *rec, uint64_t time_ns);
/* The moment at which the wall clock said so; the end of the sleep for one that was slept through;
 * negative: so long before the recording's start_ns. Relative to that. */
int64_t wall_to_since_start(const struct recording *rec, int64_t wall_ns);

#endif
