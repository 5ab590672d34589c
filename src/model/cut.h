/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording cut down to its end, as an alert's snapshot keeps it. Pure; for a worker, on a copy.
 */
#ifndef MODEL_CUT_H
#define MODEL_CUT_H

#include "model/recording.h"

/* Keeps what was from from_ns on: runs that began before it are shortened, folded ones kept whole.
 * Metrics and censuses keep the last of before too, for figures that seldom change; the log of
 * alerts stays. from_ns becomes the recording's start. Words and ended threads that nothing refers
 * to are dropped, so every number may change. O(everything). */
void recording_cut(struct recording *rec, uint64_t from_ns);

/* The last moment before time_ns where no slice of seconds would be cut through; of a pooled one,
 * the part behind it is kept. */
uint64_t recording_cut_from(const struct recording *rec, uint64_t time_ns);

#endif
