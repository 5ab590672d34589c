/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See budget.h. */
#include "engine/budget.h"

#include <math.h>

/* Attaching costs more than watching: it is not what the rate can help. */
#define START_SECONDS 2
/* The share of the budget that is aimed at when it is about to be broken, and from where on the
 * rate may rise. */
#define AIM     0.8
#define ROOM    0.6
#define RISE    1.5
#define LEAST   1.0 /* Hz */
#define SMOOTH  0.5
#define TELL_BY 0.8 /* a rate under this share of the one that was told is told anew */
/* That it is over is told after so long: a cost that hovers about the budget would be told again
 * and again, for weeks. */
#define CALM_SECONDS 300

void budget_init(struct budget *b, double pct, double asked_hz, bool fixed)
{
    *b = (struct budget){.target_pct = pct,
                         .own_pct = pct * BUDGET_OWN_FACTOR,
                         .fixed = fixed,
                         .asked_hz = asked_hz,
                         .rate_hz = asked_hz,
                         .told_hz = asked_hz};
}

static void smooth(double *mean, double now, bool first)
{
    *mean = first ? now : *mean + SMOOTH * (now - *mean);
}

static enum budget_news change_rate(struct budget *b, double used)
{
    if (used > 1 - (1 - AIM) / 2)
        b->rate_hz = fmax(b->rate_hz * AIM / used, fmin(LEAST, b->asked_hz));
    else if (used < ROOM && b->rate_hz < b->asked_hz)
        b->rate_hz = fmin(b->rate_hz * RISE, b->asked_hz);
    else
        return BUDGET_NOTHING;
    /* What was measured belongs to the rate before. */
    b->seconds = START_SECONDS;
    if (b->rate_hz < b->told_hz * TELL_BY) {
        b->told_hz = b->rate_hz;
        return BUDGET_SLOWER;
    }
    return BUDGET_NOTHING;
}

/* Whether what was told has been over for long enough. */
static bool is_calm(struct budget *b, bool over)
{
    b->calm = over ? b->calm + 1 : 0;
    return b->calm >= CALM_SECONDS;
}

enum budget_news budget_second(struct budget *b, uint64_t dt_ns, uint64_t stopped_ns,
                               uint64_t target_ns, uint64_t own_ns)
{
    if (b->target_pct <= 0 || dt_ns == 0)
        return BUDGET_NOTHING;
    if (++b->seconds <= START_SECONDS)
        return BUDGET_NOTHING;
    bool first = b->seconds == START_SECONDS + 1;
    /* One that uses several CPUs has so much more time to stand still in. */
    double time_ns = target_ns > dt_ns ? (double)target_ns : (double)dt_ns;
    smooth(&b->target_now, 100 * (double)stopped_ns / time_ns, first);
    smooth(&b->own_now, 100 * (double)own_ns / (double)dt_ns, first);
    double used = fmax(b->target_now / b->target_pct, b->own_now / b->own_pct);
    if (b->fixed) {
        bool was = b->broken, calm = is_calm(b, used <= 1);
        b->broken = used > 1 || (was && !calm);
        return b->broken && !was ? BUDGET_BROKEN : BUDGET_NOTHING;
    }
    enum budget_news news = change_rate(b, used);
    if (b->told_hz >= b->asked_hz || !is_calm(b, b->rate_hz >= b->asked_hz))
        return news;
    b->told_hz = b->asked_hz;
    return BUDGET_BACK;
}
