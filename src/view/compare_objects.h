/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two censuses set against each other: of each type how many more, how many bytes more, what
 * appeared and what vanished. Each side shows the newest census in its window. Pure.
 */
#ifndef VIEW_COMPARE_OBJECTS_H
#define VIEW_COMPARE_OBJECTS_H

#include "view/compare.h"

struct compare_objects_totals {
    uint64_t count, size_bytes;
    uint64_t time_ns; /* of the newest census; 0: there is none */
};

struct compare_objects_summary {
    struct compare_objects_totals before, after;
    size_t regressions, improvements;
};

/* Its columns are those of the JSON's rows of diff --view objects. It has no fill of its own. */
extern const struct view compare_objects_view;

/* Fills table with a row a type, the one that grew by most bytes first. A type is a regression from
 * COMPARE_THRESHOLD_PCT more on, of its count or of its bytes, if that is at least 100 objects or
 * 64 KB: a heap always moves a little. sort, invert, limit: as compare_fill's. */
void compare_objects_fill(struct table *table, struct compare_objects_summary *summary,
                          const struct compare_side *before, const struct compare_side *after,
                          const char *sort, bool invert, size_t limit);

#endif
