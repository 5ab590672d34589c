/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether two sets of measurements differ by more than chance: the two tests that a verdict of a
 * comparison needs. Both answer with the probability that chance alone gives at least this
 * difference (two-sided). Pure.
 */
#ifndef VIEW_SIGNIFICANCE_H
#define VIEW_SIGNIFICANCE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The rank test of Mann and Whitney by its normal approximation, corrected for ties: of rates per
 * slice, whose distribution nobody knows and of which there are few. Beyond 8 values a side the
 * approximation errs on the side of 1. n + m must be under SIGNIFICANCE_VALUES.
 */
#define SIGNIFICANCE_VALUES 128
double significance_ranks(const double *a, size_t n, const double *b, size_t m);

/* Of two rates that rest on so many samples, taken as Poisson: guards against a target so regular
 * that its slices hardly scatter while the sampling could still have met it by chance. */
double significance_counts(double rate_a, uint64_t samples_a, double rate_b, uint64_t samples_b);

#endif
