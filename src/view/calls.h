/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who called what over a window, as a tree of nodes: from the threads' outermost frames down; or
 * about one function, whose callers then are its children, or whose callees are, merged over all
 * callers. The tree and the flame graph are made from it.
 *
 * A screen shows a small part of a long recording's nodes, so a node has its children only when it
 * is opened; what it costs until then is one pass over the window's stacks.
 *
 * Invariants: a node's parent has a smaller number and at least its children's time. About one
 * function, each stack counts once, from the function's outermost place in it: what it calls again
 * by recursion is below it, and its callers are those who brought it about. Pure.
 */
#ifndef VIEW_CALLS_H
#define VIEW_CALLS_H

#include "base/vec.h"
#include "view/table.h"

#define CALLS_NONE UINT32_MAX

struct call_node {
    uint32_t parent; /* CALLS_NONE: a root */
    uint32_t depth;
    struct function_id function;
    uint32_t line; /* one that was seen */
    bool open;
    uint32_t first_child, n_children; /* once it is open */
    uint32_t spots;                   /* where it stands in stacks: the first of a list */
    /* Of total_ns: while the node's function itself was at work; of callers, while the function
     * that the tree is about was, having been called this way. */
    uint64_t self_ns, self_ticks;
    uint64_t total_ns, total_ticks, wait_ns; /* waiting counts what was not running */
    uint64_t key;                            /* of the path to it, the same in the next tree */
};

struct calls {
    VEC(struct call_node) nodes; /* the roots first, none of them open */
    uint32_t n_roots;

    /* From which the nodes are made. */
    const struct query *query;
    const struct fold *fold;
    struct call_time *times;         /* by folded stack */
    VEC(struct call_spot) spots;     /* of all nodes */
    struct call_function *functions; /* by function */
};

/* By the query's filter, direction and root; query and sum are borrowed until the end. O(cells and
 * stacks). */
void calls_begin(struct calls *calls, const struct query *query, const struct window_sum *sum);
/* Makes a node's children, if that was not done; moves the nodes. O(places of the children). */
void calls_open(struct calls *calls, uint32_t node);
/* Makes all nodes. O(places of all stacks). */
void calls_open_all(struct calls *calls);
void calls_clear(struct calls *calls); /* frees */

#endif
