/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See significance.h. Pure. */
#include "view/significance.h"

#include <math.h>
#include <stdlib.h>

static double two_sided(double z)
{
    return erfc(fabs(z) / sqrt(2));
}

struct ranked {
    double value;
    int side;
};

static int smaller(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    return a->value < b->value ? -1 : a->value > b->value;
}

double significance_ranks(const double *a, size_t n, const double *b, size_t m)
{
    struct ranked all[SIGNIFICANCE_VALUES];
    size_t total = n + m;
    if (!n || !m || total > SIGNIFICANCE_VALUES)
        return 1;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct ranked){a[i], 0};
    for (size_t i = 0; i < m; i++)
        all[n + i] = (struct ranked){b[i], 1};
    qsort(all, total, sizeof all[0], smaller);

    double rank_sum = 0, ties = 0; /* of side a */
    for (size_t i = 0; i < total;) {
        size_t j = i;
        while (j < total && all[j].value <= all[i].value)
            j++;
        double rank = (double)(i + j + 1) / 2, same = (double)(j - i);
        ties += same * same * same - same;
        for (; i < j; i++)
            if (all[i].side == 0)
                rank_sum += rank;
    }
    double dn = (double)n, dm = (double)m, dt = (double)total;
    double mean = dn * (dt + 1) / 2;
    double variance = dn * dm / 12 * (dt + 1 - ties / (dt * (dt - 1)));
    double distance = fabs(rank_sum - mean) - 0.5;
    if (variance <= 0 || distance <= 0)
        return 1;
    return two_sided(distance / sqrt(variance));
}

double significance_counts(double rate_a, uint64_t samples_a, double rate_b, uint64_t samples_b)
{
    double variance = 0;
    if (samples_a)
        variance += rate_a * rate_a / (double)samples_a;
    if (samples_b)
        variance += rate_b * rate_b / (double)samples_b;
    return variance > 0 ? two_sided((rate_b - rate_a) / sqrt(variance)) : 1;
}
