/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two sets of measurements differ by more than chance: the tests that a verdict of a
 * comparison needs. Each answers with the probability that chance alone gives at least this
 * difference (two-sided). Pure.
 *
 * Invariant: none needs the two sides to be equally long or equally densely sampled. (A rank test
 * of slices would: short slices hold fewer samples, so more of them are empty, and it takes that
 * for a difference.)
 */
#ifndef VIEW_SIGNIFICANCE_H
#define VIEW_SIGNIFICANCE_H

#include <stddef.h>

/* Of two mean rates whose slices scatter: Welch's test. 1 where a side has fewer than two. */
double significance_slices(const double *a, size_t n, const double *b, size_t m);

/*
 * Whether a stretch of time with this rate is like all others, of which there are slices: against
 * their scatter alone, since in a stretch that was picked for being unlike them it is another.
 * length: the stretch's, in slices; slices follow one another as if by chance.
 */
double significance_stretch(double rate, double length, const double *slices, size_t n);

/*
 * The same of a stretch that was picked for what happens in it, which may happen in others, too: a
 * burst in each minute. Then the question is not whether it is the only one, but whether most are
 * unlike it: their median and the median deviation from it count, of which the bursts in less than
 * half of the slices are no part.
 */
double significance_picked(double rate, double length, const double *slices, size_t n);

/* Of two rates that rest on so many samples: Poisson counts, exactly, so also where there are few
 * or where one side is much longer. Guards against a target so regular that its slices hardly
 * scatter while the sampling could still have met it by chance. Samples that weigh more than others
 * count for less, so their number need not be whole. */
double significance_counts(double rate_a, double samples_a, double rate_b, double samples_b);

/* The same where one side has none: of so many samples, and how much each side was looked at. */
double significance_absent(double samples, double seen, double unseen);

#endif
