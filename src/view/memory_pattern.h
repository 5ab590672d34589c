/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of the target (and its family) over a window, as numbers and words: how much it is,
 * which way it goes, what limits it and how long that lasts. Pure.
 */
#ifndef VIEW_MEMORY_PATTERN_H
#define VIEW_MEMORY_PATTERN_H

#include "model/recording.h"
#include "view/series_pattern.h"

/* Bytes a second under which memory is stable (contract: "Defaults"). */
#define MEMORY_STABLE_PER_S 1000

enum memory_trend { MEMORY_STABLE, MEMORY_INCREASING, MEMORY_DECREASING };
const char *memory_trend_name(enum memory_trend trend); /* "stable" */

struct memory_pattern {
    struct series_pattern rss; /* .points 0: nothing is known of the window */
    enum memory_trend trend;
    /* At the window's end; 0: not known. */
    double system_total, system_available;
    double limit;   /* bytes: the control group's with the least left, else the system's */
    bool by_cgroup; /* the former */
    double left;    /* bytes that may be used until then; NAN: not known */
    double growth;  /* bytes a second at which that gets less: of the group's usage, else of RSS */
    double growth_low, growth_high; /* its interval */
    double growth_held_s;           /* it has gone on for so long */
    double eta_s; /* until it is reached if that goes on; NAN: it does not surely grow */
};

void memory_pattern_find(struct memory_pattern *pattern, const struct recording *rec,
                         struct window window);

/* "RSS 812M, +1.9M/s ±0.2M/s for 4m, peak 830M, baseline 610M; limit 1.8G (cgroup): in 8m". */
void memory_pattern_say(char *out, size_t size, const struct memory_pattern *pattern, bool ascii,
                        uint64_t to_ns);

#endif
