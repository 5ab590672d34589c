/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growth sites as part of a recording: looks of some seconds at what made a process grow, each with
 * the code it found (growth.h) in the recording's own words.
 *
 * Invariants: looks are in the order of their ends, at most GROWTH_LOOKS_MAX of them; a look's
 * sites of a kind stand worst first.
 */
#ifndef MODEL_GROWTH_LOOK_H
#define MODEL_GROWTH_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/growth.h"
#include "model/ids.h"

#define GROWTH_LOOKS_MAX 32
#define GROWTH_SITES_MAX 200 /* of a look */

struct recording;

struct growth_site {
    enum growth_kind kind;
    struct stack_id stack;
    struct string_id type;                   /* of one of the objects, or none */
    double bytes, bytes_per_s, unsure_per_s; /* as in growth.h */
    uint64_t count, of_samples;
};

struct growth_look {
    uint64_t number; /* 1 for the recording's first */
    struct incarnation_id incarnation;
    uint64_t from_ns, to_ns;
    double cost_pct; /* of its time that the target lost meanwhile; estimated */
    uint64_t samples, lost, unnamed;
    uint32_t flags; /* enum growth_flags */
    VEC(struct growth_site) sites;
};

struct growth_looks {
    VEC(struct growth_look) list;
    uint64_t numbered; /* looks ever */
};

/* Adds what a worker found. Its native frames are named like those of samples. */
void recording_add_growth(struct recording *rec, struct incarnation_id incarnation,
                          const struct growth *growth);
/* Adds a look as it stands, whose vector becomes the recording's. For reading a file. */
void recording_restore_growth(struct recording *rec, struct growth_look look);
/* The process's newest look that has sites of the kind, or of one with the same name, and ended
 * before to_ns; NULL: none. Borrowed until the recording changes. */
const struct growth_look *recording_growth(const struct recording *rec,
                                           struct incarnation_id incarnation, enum growth_kind kind,
                                           uint64_t to_ns);

/* Of all processes, or of pid: the newest for what stays that ended in the window, whatever it has
 * found; NULL: none. */
const struct growth_look *recording_probed(const struct recording *rec, int pid, uint64_t from_ns,
                                           uint64_t to_ns);

void growth_looks_clear(struct growth_looks *looks);
/* *to owns its memory afterwards. */
void growth_looks_copy(struct growth_looks *to, const struct growth_looks *from);

#endif
