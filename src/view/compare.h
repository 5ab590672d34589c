/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two (recording, window, filter) pairs set against each other: what got slower, faster, new, gone.
 *
 * Rates are normalised: seconds per second of the window, so that durations and sampling rates that
 * differ compare. A regression is +10 % and an improvement -10 % of a function's self time per
 * second (contract), and only where the difference is significant against the scatter over slices
 * of the two windows and against the number of samples. A short window of a recording is held
 * against the scatter of the longer side alone (significance.h). Self time decides, so that the
 * caller of a slower function is not called slower.
 */
#ifndef VIEW_COMPARE_H
#define VIEW_COMPARE_H

#include "view/table.h"

#define COMPARE_THRESHOLD_PCT 10.0

struct compare_side {
    const struct recording *rec;
    struct window window;
    struct filter filter;
    struct window without; /* cut out of it, and then two parts are left; empty: nothing is */
};
/* What a side is of: a window, or two with a gap between them, which rates are per second of. */
struct windows compare_windows(const struct compare_side *side);

/* Whether the two were sampled by different engines, and a sentence of what that may mean ("" if
 * they were not, or it is not known): each meets a running thread where it can, and what calls the
 * system often is met there by one and before it by another. */
#define COMPARE_NOTE_MAX 200
bool compare_engines_differ(const struct compare_side *before, const struct compare_side *after);
void compare_say_engines(char *out, size_t size, const struct compare_side *before,
                         const struct compare_side *after);

enum verdict {
    VERDICT_UNCHANGED,
    VERDICT_REGRESSION,
    VERDICT_IMPROVEMENT,
    VERDICT_NEW,
    VERDICT_GONE
};
const char *verdict_name(enum verdict verdict);

/* The totals of one side, per second of its window: cores, and threads waiting or idle. */
struct compare_totals {
    double span_s; /* of the window, as far as there are observations */
    double cpu, wait, idle;
    uint64_t samples;
};

struct compare_summary {
    double time_diff_s; /* non-idle thread seconds per second, after - before */
    size_t regressions, improvements;
    size_t appeared, vanished; /* new ones, and those that are gone */
    struct compare_totals before, after;
};

/* ", 1 new, 2 gone", for after how many are slower and faster; empty if none is. */
void compare_say_others(char *out, size_t size, const struct compare_summary *summary);

/*
 * The comparison's columns are those of the JSON's diff rows; screens use the same table. A row's
 * function, place and thread are numbers of the recording `after`, but of `before` where the
 * verdict's row has no after_pct. It has no fill of its own: it takes two queries.
 */
extern const struct view compare_view;

/* Fills table (of compare_view) with a row a function, worst regression first, noise greyed;
 * where the side before has a window cut out, what is most that window's own first. sort:
 * a column's key; NULL: that order. limit 0: all. O(runs). */
void compare_fill(struct table *table, struct compare_summary *summary,
                  const struct compare_side *before, const struct compare_side *after,
                  const char *sort, bool invert, size_t limit);

#endif
