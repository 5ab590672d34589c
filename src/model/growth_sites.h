/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growth sites as part of a recording: what each look (growth.h) found, in the recording's words.
 *
 * Invariants: sites are in the order of the looks that found them, the fastest first in each; there
 * are at most GROWTH_SITES_MAX, of which the oldest look's go first.
 */
#ifndef MODEL_GROWTH_SITES_H
#define MODEL_GROWTH_SITES_H

#include <stdint.h>

#include "base/vec.h"
#include "model/growth.h"
#include "model/ids.h"

#define GROWTH_SITES_MAX    4000
#define GROWTH_SITES_A_LOOK 200 /* of each kind; the fastest */

struct recording;

struct growth_site {
    uint64_t look; /* 1 for the recording's first; growth of one kind of one process */
    struct incarnation_id incarnation;
    uint8_t kind; /* enum growth_kind */
    struct stack_id stack;
    struct string_id type; /* of an object from there, or none */
    double bytes, bytes_per_s;
    uint64_t count, of_samples;
    uint64_t from_ns, to_ns;
};

struct growth_sites {
    VEC(struct growth_site) list;
    uint64_t looks; /* ever */
};

/* Adds what a look has found, a look for each kind in it. Names of its machine code come later, as
 * those of samples do. */
void recording_add_growth(struct recording *rec, struct incarnation_id incarnation,
                          const struct growth *growth);
/* Adds a site as it stands, after all others. For reading a file. */
void recording_restore_growth(struct recording *rec, const struct growth_site *site);
/* The newest look of that kind that began before to_ns; 0: none. */
uint64_t recording_growth_look(const struct recording *rec, struct incarnation_id incarnation,
                               enum growth_kind kind, uint64_t to_ns);

#endif
