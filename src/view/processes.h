/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a window's time comes to per process, and which one is unlike its siblings: shared by the
 * view and by the verdict about it.
 *
 * The odd one out, a plain rule. Siblings are processes of one parent that execute one file under
 * one name, were seen for a second at least and made at least 20 samples; there must be three of
 * them. Of each figure (CPU time a second with that waited for a CPU, so that a busy machine hides
 * nothing; harmful waiting a second, the rest; resident memory when it was last read) the median of
 * all and the median of the distances from it (MAD) are taken: neither follows a single wild value,
 * as mean and deviation would. Odd is who is further above the median than 3.5 times 1.4826 MAD
 * (which is the standard deviation, were they spread normally), and also than half the median and
 * than 0.05 s a second or 16 MB: siblings that agree to a hair's breadth do not make a small
 * difference a finding. Pure.
 */
#ifndef VIEW_PROCESSES_H
#define VIEW_PROCESSES_H

#include "base/vec.h"
#include "view/rows.h"

enum process_figure { PROCESS_CPU, PROCESS_WAIT, PROCESS_RSS, PROCESS_FIGURES };

struct process_tally {
    struct incarnation_id incarnation;
    uint64_t cpu_ns, wait_ns; /* wait: harmful, or for a CPU */
    uint64_t queued_ns;       /* of wait_ns: for a CPU */
    uint64_t whole_ns;        /* its part of the whole */
    uint64_t ticks;
    uint64_t seen_ns; /* how much of the window it was there */
    uint64_t rss_bytes;
    uint32_t threads; /* that were seen */
    struct function_id top;
    uint8_t top_wait; /* enum wait_kind, WAIT_NONE: none */
    bool top_runnable;
    bool outlier;
    enum process_figure odd; /* the figure in which it is unlike the others */
    double odd_value, odd_median;
    uint32_t siblings; /* it among them; 0: too few to tell */
};

struct process_tallies {
    VEC(struct process_tally) at; /* in the recording's order */
};

void processes_sum(struct process_tallies *t, const struct query *query,
                   const struct window_sum *sum);
void processes_clear(struct process_tallies *t);

#endif
