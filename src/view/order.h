/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A live table's order that does not flicker: rows keep the places that they had unless one has
 * passed another by more than the noise of sampling, and one that has is marked for a while.
 * Belongs to one screen; the rows it knows are known by their keys. Pure: time is an argument.
 */
#ifndef VIEW_ORDER_H
#define VIEW_ORDER_H

#include "base/map.h"
#include "view/table.h"

#define ORDER_ROWS    400 /* so many rows at the top are steadied */
#define ORDER_MARK_NS 4000000000ull

struct order_row {
    uint64_t key, moved_ns;
    int move; /* 1 up, -1 down, 0 stayed: of the last move */
};

struct order {
    VEC(struct order_row) rows; /* as they stood last time, from the top */
    struct map places;          /* key -> index into rows */
    uint64_t about;             /* what they are of: begun anew with another window or filter */
    int column;                 /* what they were sorted by */
    bool descending;
};

void order_clear(struct order *o); /* frees, forgets */
/* Forgets the order of what was shown before, if `about` is another than then. */
void order_begin(struct order *o, uint64_t about);
/* Reorders a table that came sorted by `column`, so that what is within the noise stays. `samples`
 * is how many observations a percent of 100 stands for. */
void order_apply(struct order *o, struct table *t, int column, bool descending, double samples,
                 uint64_t now_ns);
/* Whether a row has moved a moment ago: 1 up, -1 down. */
int order_move(const struct order *o, uint64_t key, uint64_t now_ns);

#endif
