/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See significance.h. Pure. */
#include "view/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The continued fraction of the incomplete beta function, by Lentz's method: it is accurate to ten
 * digits after some tens of steps for x < (a + 1) / (a + b + 2). */
#define FRACTION_STEPS 300

static double keep_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / keep_from_zero(1 - (a + b) * x / (a + 1)), f = d;
    for (int m = 1; m <= FRACTION_STEPS; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double steps[] = {even, odd};
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 / keep_from_zero(1 + steps[i] * d);
            c = keep_from_zero(1 + steps[i] / c);
            change = c * d;
            f *= change;
        }
        if (fabs(change - 1) < 1e-10)
            break;
    }
    return f;
}

/* The regularised incomplete beta function, I_x(a, b), for a and b over 0. */
static double incomplete_beta(double x, double a, double b)
{
    if (x <= 0 || x >= 1)
        return x > 0;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* Student's t so far from 0, or farther, on either side. */
static double student(double t, double freedom)
{
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

/* The mean, and the variance of one value; none where there is but the error of adding up. */
static double mean_of(const double *values, size_t n, double *variance)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    *variance = squares > 1e-20 * sum * sum ? squares / (double)(n - 1) : 0;
    return mean;
}

double significance_slices(const double *a, size_t n, const double *b, size_t m)
{
    if (n < 2 || m < 2)
        return 1;
    double of_a, of_b;
    double difference = mean_of(b, m, &of_b) - mean_of(a, n, &of_a);
    of_a /= (double)n;
    of_b /= (double)m;
    double both = of_a + of_b;
    if (both <= 0)
        return difference == 0;
    double freedom = both * both / (of_a * of_a / (double)(n - 1) + of_b * of_b / (double)(m - 1));
    return student(difference / sqrt(both), freedom);
}

double significance_stretch(double rate, double length, const double *slices, size_t n)
{
    if (n < 2 || length <= 0)
        return 1;
    double variance;
    double difference = rate - mean_of(slices, n, &variance);
    if (variance <= 0)
        return difference == 0;
    return student(difference / sqrt(variance * (1 / length + 1 / (double)n)), (double)(n - 1));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/* The median absolute deviation of normal values is that part of their standard deviation; both it
 * and the median tell as much as the mean and the variance of so many fewer values. */
#define DEVIATION_PART 0.6745
#define MEDIAN_WORTH   0.637
#define SPREAD_WORTH   0.37

double significance_picked(double rate, double length, const double *slices, size_t n)
{
    if (n < 2 || length <= 0)
        return 1;
    double *values = xmalloc(n * sizeof *values);
    memcpy(values, slices, n * sizeof *values);
    double middle = median(values, n), difference = rate - middle;
    for (size_t i = 0; i < n; i++)
        values[i] = fabs(values[i] - middle);
    double deviation = median(values, n) / DEVIATION_PART;
    free(values);
    if (deviation <= 0)
        return difference == 0;
    double error = deviation * sqrt(1 / length + 1 / (MEDIAN_WORTH * (double)n));
    return student(difference / error, fmax(1, SPREAD_WORTH * (double)(n - 1)));
}

/* How many of all samples fall on side b is binomial, where each has the chance of how much side b
 * would see of them if the rates were the same. */
double significance_counts(double rate_a, double samples_a, double rate_b, double samples_b)
{
    if (rate_a <= 0 || rate_b <= 0 || samples_a <= 0 || samples_b <= 0)
        return 1;
    double seen_a = samples_a / rate_a, seen_b = samples_b / rate_b;
    double share = seen_b / (seen_a + seen_b);
    double as_many = incomplete_beta(share, samples_b, samples_a + 1);
    double as_few = incomplete_beta(1 - share, samples_a, samples_b + 1);
    return fmin(1, 2 * fmin(as_many, as_few));
}

/* That each of them missed the side that has none, or each the other. */
double significance_absent(double samples, double seen, double unseen)
{
    if (samples <= 0 || seen <= 0 || unseen <= 0)
        return 1;
    return fmin(1, 2 * exp(-samples * log1p(unseen / seen)));
}
