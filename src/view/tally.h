/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a window's cells come to per function, or per source line: the arithmetic that the flat
 * views share.
 *
 * A stack counts once for each function (line) in it, however often recursion repeats it; its
 * innermost place alone gets the self time. A place that was inlined is a function of its own.
 */
#ifndef VIEW_TALLY_H
#define VIEW_TALLY_H

#include "base/map.h"
#include "base/vec.h"
#include "model/window.h"

enum tally_by { TALLY_FUNCTIONS, TALLY_LINES };

struct tally {
    struct function_id function; /* 0: cells without a stack */
    uint32_t line; /* TALLY_LINES: the line; TALLY_FUNCTIONS: where most self time was, or one that
                      was seen; 0 unknown */
    uint64_t self_ns, total_ns;
    uint64_t cpu_ns; /* of self_ns; the rest is waiting */
    uint64_t self_ticks, total_ticks;
    uint32_t threads;     /* distinct ones in whose stacks it stands */
    uint32_t last_thread; /* + 1; to count them */
    uint32_t stamp;       /* the last cell that was counted here */
};

struct tallies {
    VEC(struct tally) rows; /* [0] stands for cells without a stack */
};

/* O(cells x depth). */
void tally_sum(struct tallies *t, const struct recording *rec, const struct window_sum *sum,
               enum states states, enum tally_by by);
void tally_clear(struct tallies *t);

#endif
