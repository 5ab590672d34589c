/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sampler thread: ticks, looks at every watched thread, reads the metrics once a second, and
 * hands batches up. It makes every ptrace call of the program.
 *
 * Each tick falls anywhere in its period, so that a target with a period of its own is not always
 * met at the same place; a tick that cannot be kept is skipped and counted, never made up for.
 */
#ifndef SESSION_SAMPLER_H
#define SESSION_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/batch.h"
#include "session/session.h"

struct sampler;

/* What goes up, some times a second. */
struct handover {
    struct batch *batch;
    struct session_children children;
    bool ended;    /* the target is gone; this is the last one */
    bool realtime; /* the kernel granted a real-time priority */
    double rate_hz;
    const char *engine; /* what samples running threads: "perf", "ptrace", "read", or "mixed" */
    double cpus_allowed;
    uint64_t memory_limit;
};
void handover_free(struct handover *h);

/* Starts the thread and waits until it has attached to all n processes (or failed at one, with a
 * sentence). */
struct sampler *sampler_start(const pid_t *pids, size_t n, const struct session_options *options,
                              struct err *err);
/* Ends the thread; its last handovers can still be taken. */
void sampler_end(struct sampler *s);
void sampler_free(struct sampler *s);
int sampler_fd(const struct sampler *s);
/* NULL: nothing new. The caller's. */
struct handover *sampler_take(struct sampler *s);
/* Stands still, holding no thread of the target's, until told to go on: for a stop of our own. */
void sampler_rest(struct sampler *s, bool rest);
void sampler_take_children(struct sampler *s);
/* Another rate and budget, from the next second on. */
void sampler_set_pace(struct sampler *s, double rate_hz, double budget_pct, bool rate_is_kept);

#endif
