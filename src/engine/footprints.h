/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is dear to ask of the target's memory (target/footprint.h), as metrics: read process after
 * process, in rounds. The sampler's thread, whose tick waits meanwhile.
 *
 * Invariant: a step takes FOOTPRINTS_STEP_NS and one process more at most; a round begins
 * FOOTPRINTS_EVERY_NS after the one before, or when there is a process that was not in that one,
 * but no sooner than FOOTPRINTS_REST times what that one took: a two-thousandth of the time. A
 * point is of the round that has just ended; it is a sum over all processes, or not there.
 */
#ifndef ENGINE_FOOTPRINTS_H
#define ENGINE_FOOTPRINTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "engine/sink.h"

#define FOOTPRINTS_EVERY_NS (10 * NS_PER_S)
#define FOOTPRINTS_STEP_NS  (NS_PER_MS / 2)
#define FOOTPRINTS_REST     2000

struct footprint_process {
    pid_t pid;
    uint64_t rss_bytes;
};

struct footprints {
    VEC(pid_t) read; /* in this round, or the last */
    bool in_round;
    uint64_t began_ns;               /* this round, or the last */
    uint64_t next_ns, rest_until_ns; /* the next; not before, whatever comes */
    uint64_t cost_ns;                /* of this round so far */
    uint64_t pss_bytes, heap_bytes, mappings;
    bool pss_lacks, mappings_lack; /* of some process */
};

void footprints_clear(struct footprints *f);
/* Once a second with what is watched now. */
void footprints_step(struct footprints *f, const struct footprint_process *processes, size_t n,
                     struct sink *sink, uint64_t now_ns);
/* The scheduling by itself, of readings whose cost is told: false if no process is due at now_ns.
 * For footprints_step and its test. */
bool footprints_due(struct footprints *f, const struct footprint_process *processes, size_t n,
                    uint64_t now_ns, size_t *which);
void footprints_took(struct footprints *f, pid_t pid, uint64_t cost_ns);
/* Ends the round if none of the processes is left to read; true then. */
bool footprints_end(struct footprints *f, const struct footprint_process *processes, size_t n);

#endif
