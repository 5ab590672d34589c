/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flame graph as boxes in columns and rows (an icicle): the whole in row 0, below each box what
 * it called, as wide as its time. One box can be zoomed into: it takes the full width, and of what
 * is around it only its callers stay, above it.
 *
 * Invariants: boxes stand row after row and left to right in a row; a box lies within its parent,
 * and the boxes of a row do not overlap. What is too narrow to draw is never left out: it is in
 * one box for all such children of a parent, at least a column wide. Siblings stand widest first,
 * but nearly equal ones by name, so that they do not swap places at every look. Pure.
 */
#ifndef VIEW_FLAME_H
#define VIEW_FLAME_H

#include "view/table.h"

#define FLAME_NONE  UINT32_MAX
#define FLAME_LEAST 3 /* columns: a narrower box is merged with its like */

struct flame_box {
    int row, column, width;
    uint32_t parent;                     /* FLAME_NONE: the whole */
    uint32_t first_child, n_children;    /* boxes too */
    uint64_t key;                        /* of the path to it, the same in the next fill */
    uint64_t function_key;               /* rows_function_key(); 0: no one function */
    uint32_t merged;                     /* of how many this is the sum; 0: a box of its own */
    uint32_t name, place;                /* in `texts` */
    uint64_t total_ns, self_ns, wait_ns; /* waiting: of the total, all that was not running */
    uint8_t language;
    bool match; /* what was searched for is it, or among what was merged */
};

struct flame {
    VEC(struct flame_box) boxes; /* none: nothing was sampled */
    VEC(char) texts;
    uint32_t zoom; /* the box zoomed into; 0: the whole */
    int rows;
    uint64_t whole_ns;
    double idle_pct;
    uint64_t match_ns;  /* the time under whatever matches, each moment once */
    uint32_t n_matches; /* in the whole tree, zoomed or not */
};

/* The way to a box, from the outermost call on. */
struct flame_path {
    VEC(uint64_t) keys;
};

struct flame_ask {
    int columns;
    const struct flame_path *zoom; /* followed as far as it still leads */
    const char *search;            /* NULL or "" for none */
    uint64_t function_key;         /* where this function is most, too narrow to draw or not, is */
    struct flame_path *found;      /* ... written here, if it is anywhere; 0 and NULL: not asked */
};
void flame_fill(struct flame *f, const struct query *query, const struct flame_ask *ask);
void flame_clear(struct flame *f); /* frees */

const char *flame_text(const struct flame *f, uint32_t offset);
/* The box that a path leads to, or the last on the way that is drawn. */
uint32_t flame_find(const struct flame *f, const struct flame_path *path);
void flame_path_to(struct flame_path *path, const struct flame *f, uint32_t box);
/* The first box of a row; the number of boxes beyond the last. O(log boxes). */
uint32_t flame_row_start(const struct flame *f, int row);

/* Where arrows lead; the box itself where there is no other. */
uint32_t flame_beside(const struct flame *f, uint32_t box, int step); /* within its row */
uint32_t flame_above(const struct flame *f, uint32_t box);
uint32_t flame_below(const struct flame *f, uint32_t box); /* the widest */
/* The next box that matches, in the order of boxes, round the end; FLAME_NONE if none does. */
uint32_t flame_next_match(const struct flame *f, uint32_t box, int step, bool here);

#endif
