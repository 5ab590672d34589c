/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many threads were on a CPU, as a field of cells over time: bursts that averages hide. By
 * second and part of a second (a column is a second, a row one of its parts), which only runs as
 * they came can tell; or by thread over any stretch. Pure.
 */
#ifndef VIEW_HEAT_H
#define VIEW_HEAT_H

#include "model/window.h"

struct heat_thread { /* a copy: threads are renumbered while a recording goes on */
    int32_t tid;
    char name[32];
};

struct heat {
    int columns, rows;
    float *at; /* row after row, each of `columns`: threads on a CPU on average; NAN: not known */
    float top; /* the highest of them; 0: nothing ran */
    uint64_t from_ns, column_ns;
    uint64_t bin_ns;                 /* by second: how long a row's part is; 0: it is by thread */
    uint64_t known_ns;               /* by second: before it nothing is known */
    VEC(struct heat_thread) rows_of; /* by thread: whose row it is, the busiest first */
};

/* `columns` seconds that end with the one in which to_ns lies, each in at most max_rows parts. Of
 * the filter only the thread and the process count. O(runs as they came). */
void heat_by_second(struct heat *heat, const struct recording *rec, const struct filter *filter,
                    uint64_t to_ns, int columns, int max_rows);
/* A window in `columns` parts, at most max_rows of the threads. O(runs x 2). */
void heat_by_thread(struct heat *heat, const struct recording *rec, const struct filter *filter,
                    struct window window, int columns, int max_rows);
void heat_clear(struct heat *heat); /* frees */

/* What a cell is about. */
struct window heat_cell(const struct heat *heat, int column, int row);

#endif
