/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker that looks for the lines that make a process grow (engine/survivors.h,
 * engine/enlarged.h). It is there for one look at a time and costs the target something, so it does
 * nothing that was not asked for: first it estimates what a look costs, then it waits to be told.
 */
#ifndef SESSION_GROWING_H
#define SESSION_GROWING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/survivors.h"
#include "model/recording.h"

struct growing;

struct growing *growing_new(void);
/* Takes out what is in the target. */
void growing_free(struct growing *g);
/* Readable when there is something to pump. */
int growing_fd(const struct growing *g);

/* Estimates the cost for a process, and waits until it is accepted. within_ns, if not 0: looks
 * whatever it is, and less long where it would else not be over by then (UINT64_MAX: no hurry).
 * false: a look is under way. */
bool growing_start(struct growing *g, const struct recording *rec, struct incarnation_id in,
                   uint64_t within_ns);
/* The cost is accepted: the look begins. */
void growing_accept(struct growing *g);
/* Ends what is under way; what it has found so far is kept. */
void growing_cancel(struct growing *g);
/* Adds what was found to the recording. */
void growing_pump(struct growing *g, struct recording *rec);

/* The recording's incarnations were renumbered (recording_collect_incarnations). */
void growing_renumber(struct growing *g, const uint32_t *renumbered);

enum growing_phase {
    GROWING_IDLE,
    GROWING_ESTIMATING,
    GROWING_ASKING, /* the cost is known: to be accepted, or cancelled */
    GROWING_LOOKING,
};
struct growing_state {
    enum growing_phase phase;
    struct survivors_cost cost;         /* from GROWING_ASKING on */
    struct survivors_progress progress; /* GROWING_LOOKING */
    const char *trouble;                /* why the last look failed, or "" */
};
struct growing_state growing_state(const struct growing *g);

#endif
