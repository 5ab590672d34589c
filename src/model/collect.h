/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Collecting a recording's dictionary: words that no run, thread or incarnation refers to any
 * more are dropped and the rest is renumbered. O(recording); worth it when the dictionary has
 * doubled since the last time. Every id of the recording that was kept elsewhere is void after it
 * (a batch_reader is told by starting a new generation).
 */
#ifndef MODEL_COLLECT_H
#define MODEL_COLLECT_H

#include "model/recording.h"

void recording_collect(struct recording *rec);

/* Forgets threads that have ended and of which no run is left, and renumbers the rest: a server
 * that starts a thread for each request has millions of them in a day. renumbered, an array of as
 * many as there were, gets each thread's new number (0: forgotten). O(recording). */
void recording_collect_threads(struct recording *rec, uint32_t *renumbered);

#endif
