/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What held the target back, as metrics: throttling, pressure, neighbours and steal, from two
 * readings of target/contention.h. What the kernel does not tell gives no point at all. Makes no
 * system call; the time and the readings are arguments.
 */
#ifndef ENGINE_CONTENDED_H
#define ENGINE_CONTENDED_H

#include <stdbool.h>

#include "engine/sink.h"
#include "target/contention.h"

struct contended {
    struct contention last;
    bool has_last;
    bool throttles; /* a quota was seen: a point each time from then on, so that alerts clear */
};

/* Takes in a reading that came dt_ns after the one before, in which the target used `cores`. The
 * first only lays the ground. */
void contended_add(struct contended *c, const struct contention *now, double dt_ns, double cores,
                   struct sink *sink, uint64_t now_ns);

#endif
