/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watching may cost, and the rate that keeps to it: the share of its time that the target
 * stands still for us, and the CPU that the sampler uses. Fed once a second; the rate goes down
 * before the budget is broken, and slowly up again when there is room. Pure: time is an argument.
 */
#ifndef ENGINE_BUDGET_H
#define ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_DEFAULT_PCT 1.0
/* For us it is so many times what it is for the target: 2 % of a core. */
#define BUDGET_OWN_FACTOR 2.0

struct budget {
    double target_pct, own_pct; /* 0: no budget */
    bool fixed;                 /* the user has set the rate: it is kept, and overruns are told */
    double asked_hz, rate_hz;
    double target_now, own_now; /* percent, smoothed */
    bool broken;                /* and not over for long */
    uint32_t seconds;           /* since the start, or since the rate was changed */
    uint32_t calm;              /* seconds since what was told is over */
    double told_hz;
};

enum budget_news {
    BUDGET_NOTHING,
    BUDGET_SLOWER, /* the rate went down by so much that it should be told */
    BUDGET_BACK,   /* it is what was asked for again, and has been for some minutes */
    BUDGET_BROKEN, /* the rate is fixed, and costs more than the budget */
};

/* pct: of the target's time; 0: no limit. */
void budget_init(struct budget *b, double pct, double asked_hz, bool fixed);
/* A second has gone by (about: dt_ns), in which threads of the target stood still for stopped_ns,
 * the target ran for target_ns, and the sampler for own_ns. */
enum budget_news budget_second(struct budget *b, uint64_t dt_ns, uint64_t stopped_ns,
                               uint64_t target_ns, uint64_t own_ns);

#endif
